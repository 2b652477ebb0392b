//! The lock that serializes writers in the order of their requests. Each wait for it is bounded.

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::failure::of_io;
use super::lock_files::{Contended, LockFiles, LockPaths};
use crate::error::{StoreError, StoreResult};

/// The writers of this process on one database file. One of them at a time has the turn; it alone locks the files that
/// exclude the writers of other processes ([`LockFiles`]).
pub(super) struct WriterQueue {
    paths: LockPaths,
    /// The longest wait of a writer.
    timeout: Duration,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Numbers of the writers without the turn, the next one in front.
    waiting: VecDeque<u64>,
    last_number: u64,
    /// Whether a writer has the turn.
    is_taken: bool,
    files: Files,
}

/// The lock files, if they could not be locked at once. The operating system's lock has no time limit, so that a thread of
/// its own waits for it, and a writer waits for the thread. There is at most one such thread: a writer whose time is up
/// leaves it to the next one.
#[derive(Default)]
enum Files {
    /// No thread waits.
    #[default]
    Idle,
    /// A thread waits for the locks; `is_wanted` if a writer waits for the thread.
    Awaited { is_wanted: bool },
    /// The result of the thread.
    Ready(io::Result<LockFiles>),
}

/// The exclusive right to write. SQLite's own write lock is not fair: it goes to the first connection that tries after
/// it is free, so a long job that begins one transaction after another starves all other writers.
pub(super) struct WriterLock {
    writers: Arc<WriterQueue>,
    /// `None` only in `drop`.
    files: Option<LockFiles>,
}

impl WriterQueue {
    /// The queue for a database file. `program` is what other processes call this one if they have to wait.
    pub(super) fn new(database: &Path, program: &str, timeout: Duration) -> Arc<Self> {
        Arc::new(Self {
            paths: LockPaths::new(database, program),
            timeout,
            state: Mutex::default(),
            changed: Condvar::new(),
        })
    }

    /// Acquires the lock; waits for other writers in the order of the calls, and up to the timeout.
    pub(super) fn acquire(self: &Arc<Self>) -> StoreResult<WriterLock> {
        let deadline = Instant::now() + self.timeout;
        self.take_turn(deadline)?;
        match self.lock_files(deadline) {
            Ok(files) => Ok(WriterLock { writers: Arc::clone(self), files: Some(files) }),
            Err(error) => {
                self.give_turn();
                Err(error)
            }
        }
    }

    /// The number of writers of this process that wait.
    pub(super) fn waiting(&self) -> usize {
        self.state().waiting.len()
    }

    fn take_turn(&self, deadline: Instant) -> StoreResult<()> {
        let mut state = self.state();
        state.last_number += 1;
        let number = state.last_number;
        state.waiting.push_back(number);
        while state.is_taken || state.waiting.front() != Some(&number) {
            let Some(left) = time_until(deadline) else {
                state.waiting.retain(|waiting| *waiting != number);
                drop(state);
                // If this writer was the next one, another one is now.
                self.changed.notify_all();
                return Err(self.timed_out());
            };
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.waiting.pop_front();
        state.is_taken = true;
        Ok(())
    }

    fn give_turn(&self) {
        self.state().is_taken = false;
        self.changed.notify_all();
    }

    /// Locks the files. The caller has the turn.
    fn lock_files(self: &Arc<Self>, deadline: Instant) -> StoreResult<LockFiles> {
        let is_awaited = matches!(self.state().files, Files::Awaited { .. });
        if !is_awaited {
            match self.paths.try_lock().map_err(of_io)? {
                Ok(files) => return Ok(files),
                Err(contended) => self.start_waiting(contended)?,
            }
        }
        let mut state = self.state();
        loop {
            match std::mem::take(&mut state.files) {
                Files::Ready(result) => return result.map_err(of_io),
                // The thread got the locks just before this writer wanted them, and has released them.
                Files::Idle => {
                    drop(state);
                    return self.lock_files(deadline);
                }
                Files::Awaited { .. } => {}
            }
            let left = time_until(deadline);
            state.files = Files::Awaited { is_wanted: left.is_some() };
            let Some(left) = left else {
                drop(state);
                return Err(self.timed_out());
            };
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Starts the thread that waits for the files.
    fn start_waiting(self: &Arc<Self>, contended: Contended) -> StoreResult<()> {
        self.state().files = Files::Awaited { is_wanted: true };
        let writers = Arc::clone(self);
        let waiting = std::thread::Builder::new().name("writer lock".into()).spawn(move || {
            let result = writers.paths.wait(contended);
            let mut state = writers.state();
            let is_wanted = matches!(state.files, Files::Awaited { is_wanted: true });
            // Locks that no writer waits for are released here.
            state.files = if is_wanted { Files::Ready(result) } else { Files::Idle };
            drop(state);
            writers.changed.notify_all();
        });
        match waiting {
            Ok(_) => Ok(()),
            Err(error) => {
                self.state().files = Files::Idle;
                Err(of_io(error))
            }
        }
    }

    fn timed_out(&self) -> StoreError {
        StoreError::Locked { waited: self.timeout, holder: self.paths.holder() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn time_until(deadline: Instant) -> Option<Duration> {
    Some(deadline.saturating_duration_since(Instant::now())).filter(|left| !left.is_zero())
}

impl WriterLock {
    /// Whether another writer waits for this lock.
    pub(super) fn is_awaited(&self) -> bool {
        !self.writers.state().waiting.is_empty() || self.files.as_ref().is_some_and(LockFiles::is_awaited)
    }
}

impl Drop for WriterLock {
    fn drop(&mut self) {
        // The files first: the next writer of this process would find them locked.
        self.files = None;
        self.writers.give_turn();
    }
}
