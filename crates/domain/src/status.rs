//! The status of an order.

/// Status of an order. An order has exactly one at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// 1: not paid yet, the amount is owed.
    Unpaid,
    /// 2: paid in full.
    Paid,
    /// 3: revoked, neither paid nor owed.
    Revoked,
}

impl Status {
    /// All statuses, by number.
    pub const ALL: [Self; 3] = [Self::Unpaid, Self::Paid, Self::Revoked];

    /// The number on the wire and in the store.
    pub const fn number(self) -> i64 {
        match self {
            Self::Unpaid => 1,
            Self::Paid => 2,
            Self::Revoked => 3,
        }
    }

    /// The status of a number.
    pub fn from_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.number() == number)
    }
}
