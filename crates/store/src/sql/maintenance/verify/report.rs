//! What the parts of a verification add up and report.

use tollbook_domain::account::PerKind;

use crate::Verification;

pub(crate) struct Report {
    pub(crate) found: Verification,
    pub(crate) limit: usize,
    /// Numbers that orders have.
    pub(crate) numbers: i64,
    /// What orders that were settled here say of their deductions.
    pub(crate) settled: Settled,
}

impl Report {
    pub(crate) fn differ(&mut self, text: impl FnOnce() -> String) {
        if self.found.differences.len() < self.limit {
            self.found.differences.push(text());
        }
    }
}

/// Orders that were settled here, added up.
#[derive(Default)]
pub(crate) struct Settled {
    pub(crate) deducted: PerKind<i128>,
    pub(crate) orders: i64,
}
