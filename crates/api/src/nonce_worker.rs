//! The worker that drops nonces whose time is out of the window. What it drops is in `nonces`; here is when.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tollbook_ops::tasks::Task;

use crate::background::{Worker, no_news};
use crate::service::Service;

/// The name of the background task.
pub(crate) const TASK: &str = "nonce sweep";
const INTERVAL: Duration = Duration::from_secs(60);

/// Drops nonces until `stop` is cancelled.
pub(crate) async fn drop_nonces(service: Arc<Service>, task: Arc<Task>, stop: CancellationToken) {
    let round = move || match service.certain_now_s() {
        Some(now_s) => service.nonces().sweep(service.store(), now_s),
        // A clock that is in doubt must not let a nonce be forgotten.
        None => Ok(()),
    };
    Worker { task, interval: INTERVAL }.run(stop, no_news, round).await;
}
