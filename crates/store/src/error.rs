//! Errors of the store.

use std::time::Duration;

/// Result of an operation of the store.
pub type StoreResult<T> = Result<T, StoreError>;

/// A failure of the store. Nothing of a failed transaction is stored.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached, or it is busy for longer than the timeout. The operation can be retried.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// Another writer had the lock of the database, or of a company in it, for as long as a writer waits. The operation can
    /// be retried.
    #[error("another writer has had the database's lock for {} s: {holder}", .waited.as_secs_f64())]
    Locked {
        /// How long this writer waited.
        waited: Duration,
        /// What is known about the writer that has the lock.
        holder: String,
    },
    /// The database refused the connection or a statement (authentication, privileges), or the store refused an
    /// argument or a configuration.
    #[error("database request refused: {0}")]
    Refused(String),
    /// A database URL is invalid. The text does not repeat the URL, because it may contain a password.
    #[error("invalid database URL: {0}")]
    Url(String),
    /// The caller cancelled the request.
    #[error("request cancelled by the client")]
    Cancelled,
    /// A statement made no progress for the duration of the statement timeout and was cancelled.
    #[error("statement cancelled after {} s without progress", .0.as_secs_f64())]
    TooLong(Duration),
    /// The disk of the database has no free space.
    #[error("the disk of the database is full; nothing was changed")]
    Full,
    /// A newer version of the program migrated the database.
    #[error(
        "the database has schema version {found}, this program supports up to {known}: use a newer program"
    )]
    SchemaTooNew {
        /// Schema version of the database.
        found: i64,
        /// Latest schema version that this program supports.
        known: i64,
    },
    /// The file or database was not created by Tollbook.
    #[error("not a Tollbook database: {0}")]
    NotOurs(String),
    /// A copy into the database was started and not finished.
    #[error(
        "a copy into this database was not finished: re-run `tollbook database copy`, or start with an empty \
         database"
    )]
    Unfinished,
    /// The target of a copy is not empty.
    #[error("the target of a copy must be empty: this database contains another deployment")]
    NotEmpty,
    /// The database was moved to another place, and nothing may be written to it.
    #[error(
        "this database {} `tollbook database copy`: nothing is written to it. Use {to} instead, or continue with \
         this one on purpose by `tollbook deployment adopt --yes`",
        if *is_done { format!("was moved to {to} by") } else { format!("is being moved to {to} by") }
    )]
    Moved {
        /// The other place, without a password.
        to: String,
        /// Whether the copy is complete.
        is_done: bool,
    },
    /// This process must not write to the database: it has other settings than the deployment. The text says which, and
    /// what to do.
    #[error("{0}")]
    OtherSettings(String),
    /// A name or number that must be unique already exists.
    #[error("{0} already exists")]
    Exists(&'static str),
    /// A referenced row does not exist.
    #[error("{0} does not exist")]
    Missing(String),
    /// Stored data is inconsistent or cannot be decoded.
    #[error("the database is damaged: {0}")]
    Damaged(String),
    /// The receiver of a scan returned this error.
    #[error("{0}")]
    Stopped(Box<dyn std::error::Error + Send + Sync>),
    /// Any other error of the database.
    #[error("database error: {0}")]
    Database(String),
}
