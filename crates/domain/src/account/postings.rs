//! Postings: the movements that the ledger records, and their causes.

use super::kinds::AccountKind;

/// Why money moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// Money was deposited; the reference is the deposit's key.
    Deposit,
    /// An order was paid; the reference is its number O.
    Deduction,
    /// A paid order was refunded; the reference is its number O.
    Refund,
    /// A grant ended with something left; the reference is its number. Positive: an order of an hour from before the end
    /// takes some of it after all.
    Expiry,
    /// Cash repaid used credit, or refunded credit was no longer owed; two postings that add up to 0.
    Adjustment,
    /// A deposit was reversed; the reference is the key of the reversal.
    Reversal,
    /// An amount was added or taken by the operator; the reference is the key of the adjustment.
    Correction,
}

impl Cause {
    /// All causes, by number.
    pub const ALL: [Self; 7] = [
        Self::Deposit,
        Self::Deduction,
        Self::Refund,
        Self::Expiry,
        Self::Adjustment,
        Self::Reversal,
        Self::Correction,
    ];

    /// The number in the store.
    pub const fn number(self) -> i64 {
        match self {
            Self::Deposit => 1,
            Self::Deduction => 2,
            Self::Refund => 3,
            Self::Expiry => 4,
            Self::Adjustment => 5,
            Self::Reversal => 6,
            Self::Correction => 7,
        }
    }

    /// The cause of a number.
    pub fn from_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.number() == number)
    }

    /// The name that is displayed.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Deposit => "deposit",
            Self::Deduction => "deduction",
            Self::Refund => "refund",
            Self::Expiry => "expiry",
            Self::Adjustment => "adjustment",
            Self::Reversal => "reversal",
            Self::Correction => "correction",
        }
    }
}

/// One movement of one account, as the ledger records it permanently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posting {
    /// When it happened, Unix seconds; of a grant that ended, its end.
    pub time_s: i64,
    /// The account.
    pub kind: AccountKind,
    /// The grant; 0 for cash and credit.
    pub grant_id: i64,
    /// Why the money moved.
    pub cause: Cause,
    /// Change of the balance in 10⁻⁸ currency units; never 0.
    pub amount: i64,
    /// The kind's balance after the movement.
    pub balance: i64,
    /// Origin of the movement; see [`Cause`].
    pub reference: String,
}
