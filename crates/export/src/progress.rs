//! Progress of an export, readable from other threads.

use std::sync::atomic::{AtomicI64, Ordering};

/// Rows written, and expected rows.
#[derive(Debug, Default)]
pub struct Progress {
    written: AtomicI64,
    total: AtomicI64,
}

impl Progress {
    /// Rows written so far, and rows expected in total; 0 and 0 before the total is known.
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
