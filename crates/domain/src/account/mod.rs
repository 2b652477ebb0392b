//! Accounts of a company: kinds, settlement, deposits, refunds, corrections, expiry and the credit line
//! (docs/CHARGING.md, "Accounts" and "Settlement"). Every change returns the ledger postings that prove it.

mod balances;
mod corrections;
mod deductions;
mod deposits;
mod grants;
mod kinds;
mod postings;
mod refunds;
mod settlement;
#[cfg(test)]
mod tests;

pub use balances::{Account, AccountError};
pub use corrections::Reversal;
pub use deductions::Deductions;
pub use deposits::Deposit;
pub use grants::{ENDED_GRANT_KEPT_S, Grant};
pub use kinds::{AccountKind, PerKind};
pub use postings::{Cause, Posting};
pub use settlement::{Paid, SETTLEMENT_ORDER};
