//! Why an operation on usage or accounts is refused.

use tollbook_domain::account::AccountError;
use tollbook_domain::hours::OffsetError;
use tollbook_store::StoreError;

use crate::tenancy::companies::fault_of_text;

/// Why an operation on usage or accounts was not done; nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub enum ChargingError {
    /// There is no such company.
    #[error("company {0} does not exist")]
    UnknownCompany(i64),
    /// The key names a deposit of other content.
    #[error("the key {0:?} belongs to another deposit")]
    OtherDeposit(String),
    /// A text is not what it must be.
    #[error("{0} {1}")]
    Text(&'static str, &'static str),
    /// A rule about accounts.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// A rule about offsets.
    #[error(transparent)]
    Offset(#[from] OffsetError),
    /// The first offset can be chosen as long as there is no usage.
    #[error("there is usage already: say from when the offset is to hold")]
    OffsetInUse,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A text that names something, such as a deposit.
pub(crate) fn checked_text(what: &'static str, text: &str) -> Result<(), ChargingError> {
    fault_of_text(text).map_or(Ok(()), |reason| Err(ChargingError::Text(what, reason)))
}
