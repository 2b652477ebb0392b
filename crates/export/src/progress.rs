//! How far an export has come, for whoever watches from another thread.

use std::sync::atomic::{AtomicI64, Ordering};

/// Rows written, of how many.
#[derive(Debug, Default)]
pub struct Progress {
    written: AtomicI64,
    total: AtomicI64,
}

impl Progress {
    /// Rows written so far, and how many there will be; 0 of 0 before anything is known.
    pub fn rows(&self) -> (i64, i64) {
        (self.written.load(Ordering::Relaxed), self.total.load(Ordering::Relaxed))
    }

    pub(crate) fn expect(&self, rows: i64) {
        self.total.store(rows, Ordering::Relaxed);
    }

    pub(crate) fn written(&self, rows: i64) {
        self.written.store(rows, Ordering::Relaxed);
    }
}
