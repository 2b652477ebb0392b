//! The worker that learns the new master key while it is replaced, before private keys are encrypted under it alone.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tollbook_ops::tasks::Task;

use crate::background::{Worker, no_news};
use crate::service::Service;

/// The name of the background task.
pub(crate) const TASK: &str = "master key watch";
/// A fraction of the time after which a rotation may be finished.
const INTERVAL: Duration = Duration::from_secs(10);

/// Looks for a rotation until `stop` is cancelled.
pub(crate) async fn learn_keys(service: Arc<Service>, task: Arc<Task>, stop: CancellationToken) {
    let round = move || {
        let learned = service.store().snapshot().map_err(Into::into);
        learned.and_then(|mut snapshot| service.deployment().master.learn(&mut *snapshot)).map(|_| ())
    };
    Worker { task, interval: INTERVAL }.run::<tollbook_ops::SecretError, _>(stop, no_news, round).await;
}
