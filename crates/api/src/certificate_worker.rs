//! The worker that uses a renewed certificate: it reads the files again in short intervals, and when it is notified.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tollbook_ops::tasks::Task;

use crate::background::Worker;
use crate::service::Service;

/// The name of the background task.
pub(crate) const TASK: &str = "certificate watch";
const INTERVAL: Duration = Duration::from_secs(5);

/// Watches the files of the certificate until `stop` is cancelled.
pub(crate) async fn watch_certificate(service: Arc<Service>, task: Arc<Task>, stop: CancellationToken) {
    let Some(tls) = service.tls().cloned() else { return stop.cancelled().await };
    let round = {
        let (service, tls) = (Arc::clone(&service), Arc::clone(&tls));
        move || {
            match tls.reload(service.now_s()) {
                Ok(true) => tracing::info!(expires = tls.expires_s(), "the certificate was renewed"),
                Ok(false) => {}
                Err(error) => {
                    tracing::error!(%error, "a renewed certificate is refused; the former one stays");
                }
            }
            Ok::<(), std::convert::Infallible>(())
        }
    };
    let news = || service.certificate_changed();
    Worker { task, interval: INTERVAL }.run(stop, news, round).await;
}
