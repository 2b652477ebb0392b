//! Supervises the background tasks of a server: a task that ends or panics is restarted after a pause.

use std::sync::Arc;

use tokio::task::{JoinError, JoinHandle};
use tokio_util::sync::CancellationToken;
use tollbook_ops::tasks::{Task, panic_text};

/// Runs the futures that `work` makes, one after the other, until `stop` is cancelled. Each should run until then: if it
/// ends before, the next one is started after the pause that `task` states.
pub(crate) fn supervise<W>(
    task: Arc<Task>,
    stop: CancellationToken,
    work: impl Fn() -> W + Send + 'static,
) -> JoinHandle<()>
where
    W: Future<Output = ()> + Send + 'static,
{
    // At once, so that it is not reported missing before its first moment.
    task.started();
    tokio::spawn(async move {
        loop {
            let ended = tokio::spawn(work()).await;
            if stop.is_cancelled() {
                break;
            }
            let pause = task.failed(&ended.err().map_or_else(|| "ended".to_owned(), error_text));
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(pause) => task.started(),
            }
        }
        task.stopped();
    })
}

fn error_text(error: JoinError) -> String {
    match error.try_into_panic() {
        Ok(panic) => panic_text(panic.as_ref()),
        Err(error) => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Notify;
    use tollbook_ops::tasks::Tasks;

    use super::*;

    #[tokio::test]
    async fn a_task_that_panics_or_ends_is_restarted_until_the_process_stops() {
        let (tasks, stop) = (Tasks::default(), CancellationToken::new());
        let (starts, third) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let supervised = {
            let (starts, third, stopping) = (Arc::clone(&starts), Arc::clone(&third), stop.clone());
            supervise(tasks.add("test"), stop.clone(), move || {
                let start = starts.fetch_add(1, Ordering::SeqCst);
                let (third, stopping) = (Arc::clone(&third), stopping.clone());
                async move {
                    match start {
                        0 => panic!("at the first start"),
                        1 => {}
                        _ => {
                            third.notify_one();
                            stopping.cancelled().await;
                        }
                    }
                }
            })
        };
        third.notified().await;
        let report = &tasks.reports()[0];
        assert_eq!((report.is_alive, report.restarts), (true, 2));
        assert_eq!(report.last_error.as_deref(), Some("ended"));
        stop.cancel();
        supervised.await.unwrap();
        assert!(tasks.reports()[0].is_alive, "a stopped task is not missed");
        assert_eq!(starts.load(Ordering::SeqCst), 3);
    }
}
