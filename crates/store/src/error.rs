//! What can go wrong in a store, as its callers need to tell it apart.

use std::time::Duration;

/// Shorthand for results of the store.
pub type StoreResult<T> = Result<T, StoreError>;

/// A failure of the store. Nothing of a failed transaction is stored.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached or is busy for longer than is waited; try again.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// The database is there and does not let us in, or not do what we must.
    #[error("the database refuses: {0}")]
    Refused(String),
    /// The URL of a database means nothing. The text does not repeat it: it may hold a password.
    #[error("the database URL: {0}")]
    Url(String),
    /// The caller cancelled the request.
    #[error("the caller left before the answer was there")]
    Cancelled,
    /// Nothing came of a statement for too long, and it was cancelled.
    #[error("a statement was cancelled after {} s", .0.as_secs_f64())]
    TooLong(Duration),
    /// No space is left on the disk of the database.
    #[error("the disk of the database is full; nothing was changed")]
    Full,
    /// The database belongs to a newer program.
    #[error("the database has schema version {found}, this program knows up to {known}: use a newer program")]
    SchemaTooNew {
        /// Of the database.
        found: i64,
        /// Of this program.
        known: i64,
    },
    /// The file is not a Tollbook database.
    #[error("not a Tollbook database: {0}")]
    NotOurs(String),
    /// A copy into the database has begun and not ended.
    #[error(
        "a copy into this database was not finished: run `tollbook database copy` again, or begin with an empty \
         database"
    )]
    Unfinished,
    /// The target of a copy has been used.
    #[error("the target of a copy must be empty: this database holds another deployment")]
    NotEmpty,
    /// A name or number that must be unique is taken.
    #[error("{0} exists already")]
    Exists(&'static str),
    /// Something referred to is not there.
    #[error("{0} does not exist")]
    Missing(String),
    /// What is stored breaks its own rules.
    #[error("the database is damaged: {0}")]
    Damaged(String),
    /// The receiver of a scan gave up, with its reason.
    #[error("{0}")]
    Stopped(Box<dyn std::error::Error + Send + Sync>),
    /// A failure of the database that is none of the above.
    #[error("the database failed: {0}")]
    Database(String),
}
