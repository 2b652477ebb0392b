//! The numbers that can be added up over orders: how many, how much, and what they were paid from.

use crate::order::Order;

/// How many sums a [`Measures`] has beside its order count.
pub const SUMS: usize = 8;

/// A count of orders and the exact sums of their numbers; amounts in 10⁻⁸ currency units.
///
/// Sums are 128 bits wide: 2⁶⁴ orders of the largest amount still fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measures {
    /// Number of orders.
    pub orders: i64,
    /// Base units.
    pub quantity: i128,
    /// `OrderTotalPrice`.
    pub total: i128,
    /// `OriginalPrice`.
    pub original: i128,
    /// `StarCardAccount`.
    pub star_card: i128,
    /// `Coupon`.
    pub coupon: i128,
    /// `BonusAccount`.
    pub bonus: i128,
    /// `CashAccount`.
    pub cash: i128,
    /// `CreditAccount`.
    pub credit: i128,
}

impl Measures {
    /// The measures of one order.
    pub fn of(order: &Order) -> Self {
        Self {
            orders: 1,
            quantity: i128::from(order.quantity),
            total: i128::from(order.total.steps()),
            original: i128::from(order.original.steps()),
            star_card: i128::from(order.deductions.star_card.steps()),
            coupon: i128::from(order.deductions.coupon.steps()),
            bonus: i128::from(order.deductions.bonus.steps()),
            cash: i128::from(order.deductions.cash.steps()),
            credit: i128::from(order.deductions.credit.steps()),
        }
    }

    /// The sums in a fixed order, for storage: quantity, total, original, star card, coupon, bonus, cash, credit.
    pub fn sums(&self) -> [i128; SUMS] {
        [
            self.quantity,
            self.total,
            self.original,
            self.star_card,
            self.coupon,
            self.bonus,
            self.cash,
            self.credit,
        ]
    }

    /// The inverse of [`Measures::sums`].
    pub fn from_sums(orders: i64, sums: [i128; SUMS]) -> Self {
        let [quantity, total, original, star_card, coupon, bonus, cash, credit] = sums;
        Self { orders, quantity, total, original, star_card, coupon, bonus, cash, credit }
    }

    /// Adds another; used for every sum there is, so that they all agree.
    ///
    /// # Panics
    /// On overflow, which no number of 64-bit orders can reach.
    pub fn add(&mut self, other: &Self) {
        self.orders = self.orders.checked_add(other.orders).expect("fewer than 2^63 orders");
        let (mut sums, more) = (self.sums(), other.sums());
        for (sum, more) in sums.iter_mut().zip(more) {
            *sum = sum.checked_add(more).expect("fewer than 2^63 orders of 64 bits");
        }
        *self = Self::from_sums(self.orders, sums);
    }

    /// The same with all signs turned, to take an order out of a rollup.
    #[must_use]
    pub fn negated(&self) -> Self {
        Self::from_sums(self.orders.saturating_neg(), self.sums().map(i128::saturating_neg))
    }

    /// Whether nothing is counted and all sums are zero.
    pub fn is_zero(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adding_and_taking_away_is_nothing() {
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
