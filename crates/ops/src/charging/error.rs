//! Errors of operations on usage and accounts.

use tollbook_domain::account::AccountError;
use tollbook_domain::hours::OffsetError;
use tollbook_store::StoreError;

use crate::tenancy::NameError;

/// Why an operation on usage or accounts was refused or failed. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ChargingError {
    /// The company does not exist.
    #[error("company {0} does not exist")]
    UnknownCompany(i64),
    /// The key belongs to a deposit with other content.
    #[error("the key {0:?} belongs to another deposit")]
    OtherDeposit(String),
    /// No deposit of the company has the key.
    #[error("the company has no deposit with the key {0:?}")]
    UnknownDeposit(String),
    /// The key belongs to a correction with other content.
    #[error("the key {0:?} belongs to another correction")]
    OtherCorrection(String),
    /// A text breaks the rule for names.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A rule about accounts is broken.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// A rule about offsets is broken.
    #[error(transparent)]
    Offset(#[from] OffsetError),
    /// The offset for all time can be set only before the first usage.
    #[error("there is usage already: say from when the offset is to hold")]
    OffsetInUse,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
