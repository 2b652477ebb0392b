//! The report of a verification, to which all of its parts add.

use tollbook_domain::account::PerKind;

use crate::maintenance::Verification;
use crate::sql::orders::periods::{DAY, HOUR};
use crate::verification::{day_name, hour_name, month_name};

/// The differences found so far, and sums over orders that are compared at the end.
pub(crate) struct Report {
    pub(crate) found: Verification,
    pub(crate) limit: usize,
    /// Number of order numbers that the orders have.
    pub(crate) numbers: i64,
    /// Number of tiles that the orders have.
    pub(crate) tiles: i64,
    /// Sums over the orders that were settled from the accounts.
    pub(crate) settled: Settled,
}

impl Report {
    /// A report that takes some differences.
    pub(crate) fn new(limit: usize) -> Self {
        Self { found: Verification::default(), limit, numbers: 0, tiles: 0, settled: Settled::default() }
    }

    /// Adds a difference, unless the limit is reached.
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

/// A period in text.
pub(crate) fn period_name(unit: i64, period: i64) -> String {
    match unit {
        HOUR => hour_name(period),
        DAY => day_name(period),
        _ => month_name(period),
    }
}
