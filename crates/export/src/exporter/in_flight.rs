//! An export in flight: one build that all requests for the same file share.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::cache::Digest;
use super::request::{ExportRequest, ExportRequestError};
use crate::file::ExportedFile;
use crate::presentation::Presentation;
use crate::progress::Progress;

/// The names that a file shows, and the versions at which they were read.
pub(super) struct Names {
    pub(super) versions: [i64; 2],
    pub(super) presentation: Presentation,
}

/// An export that is looked up, queued, being built or just finished.
pub(super) struct InFlight {
    /// What the file was expected to contain when the first request came.
    pub(super) digest: Digest,
    pub(super) request: ExportRequest,
    /// As they were when the first request came. They are read again only if they have changed.
    pub(super) names: Arc<Names>,
    pub(super) progress: Progress,
    /// Cancelled when the last request for it is cancelled.
    pub(super) abandoned: CancellationToken,
    state: Mutex<State>,
    changed: Condvar,
}

/// Where an export stands, and how many requests wait for it.
pub(super) struct State {
    pub(super) waiters: usize,
    pub(super) stage: Stage,
}

pub(super) enum Stage {
    /// Being looked up in the cache, or queued.
    Queued,
    Building,
    Finished(Result<ExportedFile, ExportRequestError>),
}

/// How a request joined an export.
pub(super) enum Join {
    /// It waits for the result.
    Waiting,
    /// The export has stored its file.
    Finished(Box<ExportedFile>),
}

impl InFlight {
    /// An export with one waiting request.
    pub(super) fn new(digest: Digest, request: ExportRequest, names: Arc<Names>) -> Self {
        Self {
            digest,
            request,
            names,
            progress: Progress::default(),
            abandoned: CancellationToken::new(),
            state: Mutex::new(State { waiters: 1, stage: Stage::Queued }),
            changed: Condvar::new(),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets every waiting request see the new stage.
    pub(super) fn set_stage(&self, stage: Stage) {
        self.state().stage = stage;
        self.changed.notify_all();
    }

    /// Waits until the state changes, or for `timeout`.
    pub(super) fn wait<'a>(&self, state: MutexGuard<'a, State>, timeout: Duration) -> MutexGuard<'a, State> {
        self.changed.wait_timeout(state, timeout).unwrap_or_else(PoisonError::into_inner).0
    }

    /// Joins the export. Returns `None` if it is abandoned, or if its file was stored at or before `expired_s`: a link to
    /// such a file could outlive the file.
    pub(super) fn join(&self, expired_s: i64) -> Option<Join> {
        let mut state = self.state();
        match &state.stage {
            _ if self.abandoned.is_cancelled() => None,
            Stage::Finished(Ok(file)) => {
                (file.stored_s > expired_s).then(|| Join::Finished(Box::new(file.clone())))
            }
            Stage::Queued | Stage::Building | Stage::Finished(Err(_)) => {
                state.waiters += 1;
                Some(Join::Waiting)
            }
        }
    }
}

/// Compares exports by identity, for the queue.
pub(super) struct ByIdentity(pub(super) Arc<InFlight>);

impl PartialEq for ByIdentity {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}
