//! Faults that a store can have: it fails, panics, or blocks its caller.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tollbook_store::{StoreError, StoreResult};

/// A fault to inject.
pub(crate) trait Fault: Send + Sync {
    /// Called at the point of the fault. `caller` is cancelled if the client disconnects.
    fn strike(&self, caller: &CancellationToken) -> StoreResult<()>;
}

/// Makes the error for each call, because errors cannot be cloned.
pub(crate) type MakeError = fn() -> StoreError;

/// Fails with an error.
pub(crate) struct Fails(pub(crate) MakeError);

impl Fault for Fails {
    fn strike(&self, _: &CancellationToken) -> StoreResult<()> {
        Err((self.0)())
    }
}

/// Panics.
pub(crate) struct Panics;

impl Fault for Panics {
    fn strike(&self, _: &CancellationToken) -> StoreResult<()> {
        panic!("an internal detail")
    }
}

/// Reports that it was reached, and blocks until it is released.
pub(crate) struct Waits {
    reached: Mutex<Sender<()>>,
    go_on: Mutex<Receiver<()>>,
}

impl Waits {
    pub(crate) fn new(reached: Sender<()>, go_on: Receiver<()>) -> Self {
        Self { reached: Mutex::new(reached), go_on: Mutex::new(go_on) }
    }
}

impl Fault for Waits {
    fn strike(&self, _: &CancellationToken) -> StoreResult<()> {
        self.reached.lock().unwrap().send(()).unwrap();
        self.go_on.lock().unwrap().recv().unwrap();
        Ok(())
    }
}

/// Reports that it was reached, blocks until its caller is cancelled, and reports that. Then it returns `then`.
pub(crate) struct Outstays {
    reached: Mutex<Sender<()>>,
    left: Mutex<Sender<()>>,
    then: fn() -> StoreResult<()>,
}

impl Outstays {
    pub(crate) fn new(reached: Sender<()>, left: Sender<()>, then: fn() -> StoreResult<()>) -> Self {
        Self { reached: Mutex::new(reached), left: Mutex::new(left), then }
    }
}

impl Fault for Outstays {
    fn strike(&self, caller: &CancellationToken) -> StoreResult<()> {
        self.reached.lock().unwrap().send(()).unwrap();
        wait_until_left(caller);
        // If the test has failed, the receiver is dropped.
        let _ = self.left.lock().unwrap().send(());
        (self.then)()
    }
}

/// Timeout for events that should be immediate, so that a failing test ends.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Blocks until a caller is cancelled.
pub(crate) fn wait_until_left(caller: &CancellationToken) {
    let wait = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async { tokio::time::timeout(PATIENCE, caller.cancelled()).await }).unwrap();
    };
    // The current thread may already drive a runtime, for example when it returns rows of a scan.
    std::thread::scope(|scope| scope.spawn(wait).join()).unwrap();
}

/// Where the fault is injected.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Where {
    /// Before a snapshot is taken.
    Snapshot,
    /// When orders, their lines, organizations or accounts are read.
    Orders,
    /// At the first order of a scan.
    Row,
}
