//! What the parts of a verification add up and report.

use tollbook_domain::account::PerKind;

use crate::maintenance::Verification;

/// The differences found so far, and sums over orders that are compared at the end.
pub(crate) struct Report {
    pub(crate) found: Verification,
    pub(crate) limit: usize,
    /// How many numbers the orders have.
    pub(crate) numbers: i64,
    /// Sums over the orders that were settled from the accounts.
    pub(crate) settled: Settled,
}

impl Report {
    /// Reports a difference.
    pub(crate) fn differ(&mut self, text: impl FnOnce() -> String) {
        if self.found.differences.len() < self.limit {
            self.found.differences.push(text());
        }
    }
}

/// Sums over settled orders.
#[derive(Default)]
pub(crate) struct Settled {
    pub(crate) deducted: PerKind<i128>,
    pub(crate) orders: i64,
}
