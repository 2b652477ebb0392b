//! Limit on the total size of a store's spool files, so that exports cannot fill the disk that holds the data.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The limit and its used part, in bytes.
#[derive(Debug)]
pub(crate) struct SpoolBudget {
    limit: u64,
    used: AtomicU64,
}

/// The bytes that one file takes from a budget. Released on drop.
#[derive(Debug)]
pub(crate) struct Reservation {
    budget: Arc<SpoolBudget>,
    bytes: u64,
}

/// The error of a write beyond the limit, of kind [`io::ErrorKind::StorageFull`].
#[derive(Debug, thiserror::Error)]
#[error("the limit of all spool files together, {limit} bytes, is used up")]
struct SpoolFull {
    limit: u64,
}

impl SpoolBudget {
    pub(crate) fn new(limit: u64) -> Arc<Self> {
        Arc::new(Self { limit, used: AtomicU64::new(0) })
    }

    /// An empty reservation.
    pub(crate) fn reservation(self: &Arc<Self>) -> Reservation {
        Reservation { budget: Arc::clone(self), bytes: 0 }
    }
}

impl Reservation {
    /// Takes all `bytes`, or none if that exceeds the limit.
    pub(crate) fn grow(&mut self, bytes: u64) -> io::Result<()> {
        let SpoolBudget { limit, used } = self.budget.as_ref();
        let grown = |now: u64| now.checked_add(bytes).filter(|sum| sum <= limit);
        match used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, grown) {
            Ok(_) => {
                self.bytes += bytes;
                Ok(())
            }
            Err(_) => Err(io::Error::new(io::ErrorKind::StorageFull, SpoolFull { limit: *limit })),
        }
    }

    /// Releases `bytes`.
    pub(crate) fn shrink(&mut self, bytes: u64) {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        self.budget.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.shrink(self.bytes);
    }
}
