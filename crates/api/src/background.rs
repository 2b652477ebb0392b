//! The loop of the background workers: a round at every interval, and earlier when there is news, until it is cancelled.

use std::fmt::Display;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tollbook_ops::tasks::Task;
use tracing::Instrument as _;

use crate::blocking;

/// A background worker.
pub(crate) struct Worker {
    /// Its task, which has its name.
    pub(crate) task: Arc<Task>,
    /// Time between two rounds.
    pub(crate) interval: Duration,
}

impl Worker {
    /// Runs `round`, which may block, now, at every interval, and each time that a future made by `news` completes.
    /// Returns when `stop` is cancelled; a round that has begun then is finished first.
    ///
    /// A failed round is repeated after the interval. An outage is logged once, when it begins and when it is over. A
    /// round that panics ends the worker with the same panic: what it knows may be half changed, so that its supervisor
    /// starts a new one.
    pub(crate) async fn run<E, N>(
        self,
        stop: CancellationToken,
        news: impl Fn() -> N,
        round: impl Fn() -> Result<(), E> + Clone + Send + 'static,
    ) where
        E: Display + Send + 'static,
        N: Future<Output = ()>,
    {
        let Self { task, interval } = self;
        let name = task.name();
        let mut interval = tokio::time::interval(interval);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut is_failing = false;
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = news() => {}
                _ = interval.tick() => {}
            }
            // At the level of errors, so that it is there whatever the log is filtered by.
            let span = tracing::error_span!("round", worker = name);
            let (round, task) = (round.clone(), Arc::clone(&task));
            let run = blocking::run(move || task.round(round)).instrument(span.clone());
            let error = match run.await {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(error.to_string()),
                Err(error) => match error.try_into_panic() {
                    Ok(panic) => resume_unwind(panic),
                    Err(error) => Some(error.to_string()),
                },
            };
            span.in_scope(|| match &error {
                Some(error) if !is_failing => tracing::error!(%error, "{name} failed; will retry"),
                None if is_failing => tracing::info!("{name} recovered"),
                Some(_) | None => {}
            });
            is_failing = error.is_some();
        }
    }
}

/// No news: rounds are run at the interval alone.
pub(crate) fn no_news() -> std::future::Pending<()> {
    std::future::pending()
}
