//! Runs work that blocks (the store, files, compression) on threads of their own. Nothing else in this crate starts such
//! threads.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinError;
use tracing::Span;

/// Requests that one pool runs at a time; further ones are queued.
const WORKERS: usize = 64;
/// Workers that requests which write may take at a time. A writer waits for other writers, of other processes too, and the
/// workers that are left answer lists meanwhile.
const WRITING_WORKERS: usize = 16;
/// Longest time that a request is queued for a worker.
pub(crate) const QUEUE_TIMEOUT: Duration = Duration::from_secs(20);

/// A bound on the requests that block at a time.
#[derive(Clone)]
pub(crate) struct Workers {
    all: Arc<Semaphore>,
    writing: Arc<Semaphore>,
}

/// The right to run one request.
pub(crate) struct Worker {
    _permit: OwnedSemaphorePermit,
    _writing: Option<OwnedSemaphorePermit>,
}

impl Workers {
    pub(crate) fn new() -> Self {
        Self::of(WORKERS)
    }

    /// A pool of its own size.
    pub(crate) fn of(workers: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(workers)), writing: Arc::new(Semaphore::new(WRITING_WORKERS)) }
    }

    /// Takes a worker, in order of arrival; `None` after [`QUEUE_TIMEOUT`].
    pub(crate) async fn acquire(&self) -> Option<Worker> {
        let permit = acquire(&self.all).await?;
        Some(Worker { _permit: permit, _writing: None })
    }

    /// Takes a worker for a request that writes; `None` if it waits for longer than [`QUEUE_TIMEOUT`].
    pub(crate) async fn acquire_for_writing(&self) -> Option<Worker> {
        // The share first: a worker must not be taken by a request that waits for it.
        let writing = acquire(&self.writing).await?;
        let permit = acquire(&self.all).await?;
        Some(Worker { _permit: permit, _writing: Some(writing) })
    }

    /// The workers that requests which write may take.
    pub(crate) fn writing(&self) -> &Arc<Semaphore> {
        &self.writing
    }
}

async fn acquire(semaphore: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    let acquired = tokio::time::timeout(QUEUE_TIMEOUT, Arc::clone(semaphore).acquire_owned()).await;
    acquired.ok()?.ok()
}

impl Worker {
    /// Runs `work` on a thread. The worker is taken until `work` has ended, even if the returned future is dropped.
    pub(crate) async fn run<T: Send + 'static>(
        self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        run(move || {
            let done = work();
            drop(self);
            done
        })
        .await
    }
}

/// Runs `work` on a thread, within the current tracing span. The error says that `work` panicked.
pub(crate) async fn run<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, JoinError> {
    let span = Span::current();
    tokio::task::spawn_blocking(move || span.in_scope(work)).await
}
