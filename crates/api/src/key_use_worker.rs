//! The worker that notes when keys were used. What it notes is in `key_uses`; here is when.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tollbook_ops::tasks::Task;

use crate::background::{Worker, no_news};
use crate::blocking;
use crate::service::Service;

/// The name of the background task.
pub(crate) const TASK: &str = "notes of key uses";
const INTERVAL: Duration = Duration::from_secs(60);

/// Notes uses until `stop` is cancelled, and once more then.
pub(crate) async fn note_uses(service: Arc<Service>, task: Arc<Task>, stop: CancellationToken) {
    let round = {
        let service = Arc::clone(&service);
        move || service.key_uses().note(service.store())
    };
    Worker { task, interval: INTERVAL }.run(stop, no_news, round.clone()).await;
    if let Ok(Err(error)) = blocking::run(round).await {
        tracing::warn!(%error, "the latest uses of keys were not noted");
    }
}
