//! Errors of requests to the embedded store.

use crate::error::ObjectStoreError;
use crate::reply::Reply;
use crate::us3::Refusal;

/// A request that was not answered with its result.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The request is refused; the client is at fault.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store failed. To be logged.
    #[error(transparent)]
    Store(ObjectStoreError),
}

impl ReadError {
    /// The reply to send; for `HEAD` without its body. A failure of the store is a 500 without details, with `RetCode`
    /// −1 because none is published.
    pub fn reply(&self) -> Reply {
        match self {
            Self::Refused(refusal) => refusal.reply(),
            Self::Store(_) => Reply::error(500, -1, "internal error"),
        }
    }
}
