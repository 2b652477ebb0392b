//! How many bytes the spool files of a store may hold together, so that exports cannot fill the disk that the data lies
//! on. It counts; it knows no files.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The limit, and how much of it is used.
#[derive(Debug)]
pub(crate) struct SpoolBudget {
    limit: u64,
    used: AtomicU64,
}

/// What one file holds of a budget; given back when dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    budget: Arc<SpoolBudget>,
    bytes: u64,
}

/// What a write is told that finds no room. Its kind is that of a full disk.
#[derive(Debug, thiserror::Error)]
#[error("the limit of all spool files together, {limit} bytes, is used up")]
struct SpoolFull {
    limit: u64,
}

impl SpoolBudget {
    pub(crate) fn new(limit: u64) -> Arc<Self> {
        Arc::new(Self { limit, used: AtomicU64::new(0) })
    }

    /// One that holds nothing yet.
    pub(crate) fn reservation(self: &Arc<Self>) -> Reservation {
        Reservation { budget: Arc::clone(self), bytes: 0 }
    }
}

impl Reservation {
    /// Takes that many bytes more, or none.
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

    /// Gives that many of its bytes back.
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
