//! Accounts of a company: kinds, settlement, deposits, refunds, expiry and the credit line (docs/CHARGING.md, "Accounts"
//! and "Settlement"). Every change returns the ledger postings that prove it.

mod balances;
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
pub use deductions::Deductions;
pub use deposits::Deposit;
pub use grants::Grant;
pub use kinds::{AccountKind, PerKind};
pub use postings::{Cause, Posting};
pub use settlement::SETTLEMENT_ORDER;
