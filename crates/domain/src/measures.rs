//! Measures: the numbers that are added up over orders.

use crate::account::{AccountKind, PerKind};
use crate::order::Order;

/// Sums of a [`Measures`] before those of the deductions.
const OWN_SUMS: usize = 3;
/// Number of sums in a [`Measures`], beside the count of orders.
pub const SUMS: usize = OWN_SUMS + AccountKind::COUNT;

/// A count of orders and the exact sums of their numbers; amounts in 10⁻⁸ currency units.
///
/// Sums have 128 bits: 2⁶⁴ orders of the largest amount fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measures {
    /// Number of orders.
    pub orders: i64,
    /// Sum of `Quantity`, in base units.
    pub quantity: i128,
    /// Sum of `OrderTotalPrice`.
    pub total: i128,
    /// Sum of `OriginalPrice`.
    pub original: i128,
    /// Sums of the deductions, by kind of account.
    pub deductions: PerKind<i128>,
}

impl Measures {
    /// The measures of one order.
    pub fn of(order: &Order) -> Self {
        Self {
            orders: 1,
            quantity: i128::from(order.quantity),
            total: i128::from(order.total.steps()),
            original: i128::from(order.original.steps()),
            deductions: order.deductions.map(|amount| i128::from(amount.steps())),
        }
    }

    /// The sums in the order in which they are stored: quantity, total, original, then the deductions in the order of
    /// [`AccountKind::ALL`].
    pub fn sums(&self) -> [i128; SUMS] {
        let mut sums = [0; SUMS];
        let own = [self.quantity, self.total, self.original];
        for (sum, value) in sums.iter_mut().zip(own.into_iter().chain(self.deductions.values())) {
            *sum = value;
        }
        sums
    }

    /// The inverse of [`Measures::sums`].
    pub fn from_sums(orders: i64, sums: [i128; SUMS]) -> Self {
        let [quantity, total, original, deductions @ ..] = sums;
        Self { orders, quantity, total, original, deductions: PerKind::new(deductions) }
    }

    /// Adds another. All sums of the product are added here, so that they agree.
    ///
    /// # Panics
    /// On overflow, which 64-bit orders cannot cause.
    pub fn add(&mut self, other: &Self) {
        self.orders = self.orders.checked_add(other.orders).expect("fewer than 2^63 orders");
        let (mut sums, more) = (self.sums(), other.sums());
        for (sum, more) in sums.iter_mut().zip(more) {
            *sum = sum.checked_add(more).expect("fewer than 2^63 orders of 64 bits");
        }
        *self = Self::from_sums(self.orders, sums);
    }

    /// The same with all signs inverted, to remove an order from a rollup.
    #[must_use]
    pub fn negated(&self) -> Self {
        Self::from_sums(self.orders.saturating_neg(), self.sums().map(i128::saturating_neg))
    }

    /// Whether the count and all sums are 0.
    pub fn is_zero(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adding_and_subtracting_cancel_out() {
        let one = Measures::of(&crate::order::tests::paid().order);
        let mut sum = Measures::default();
        sum.add(&one);
        sum.add(&one);
        assert_eq!((sum.orders, sum.quantity, sum.total), (2, 24_690, 4_938_000));
        sum.add(&one.negated());
        assert_eq!(sum, one);
        sum.add(&one.negated());
        assert!(sum.is_zero());
    }
}
