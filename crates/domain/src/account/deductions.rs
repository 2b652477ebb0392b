//! Deductions: what a paid order was paid from, by kind of account.

use super::kinds::PerKind;
use crate::money::Amount;

/// Amounts that a paid order was paid from. They add up to the order's total exactly.
pub type Deductions = PerKind<Amount>;

impl Deductions {
    /// The sum over all kinds, in 10⁻⁸ currency units.
    pub fn total_steps(&self) -> i128 {
        self.values().iter().fold(0, |sum, amount| i128::from(amount.steps()).saturating_add(sum))
    }
}
