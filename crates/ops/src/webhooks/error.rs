//! Errors of operations on webhooks.

use tollbook_store::StoreError;

use crate::tenancy::NameError;
use crate::tenancy::secrets::SecretError;

/// Why an operation on webhooks was refused or failed. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// The company does not exist.
    #[error("company {0} does not exist")]
    UnknownCompany(i64),
    /// The endpoint does not exist.
    #[error("there is no webhook endpoint {0:?}")]
    UnknownEndpoint(String),
    /// No event or delivery has the id.
    #[error("there is no delivery of an event {0:?}; it may have expired")]
    UnknownMessage(String),
    /// The URL cannot be used.
    #[error("the URL {0}")]
    Url(String),
    /// The event type does not exist, or is not for companies.
    #[error("there is no event type {name:?} for {owner}: it must be one of {known}")]
    EventType {
        /// The requested type.
        name: String,
        /// Whose endpoint it is.
        owner: &'static str,
        /// The types that it can have.
        known: String,
    },
    /// The owner has too many endpoints.
    #[error("a company can have at most {0} webhook endpoints")]
    TooMany(usize),
    /// The name breaks the rule for names.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The secret cannot be opened.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
