//! The table `logs` of new-api in any database: its rows as JSON, in the order of their ids.

/// Why the log cannot be read: what the database says, without its password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the log of new-api: {0}")]
pub struct SourceError(pub(super) String);

/// Result of reading the log.
pub(super) type SourceResult<T> = Result<T, SourceError>;

/// A row of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRow {
    /// The row's id, which rises.
    pub id: i64,
    /// When it was written, Unix seconds.
    pub created_s: i64,
    /// All columns as a JSON object.
    pub json: String,
}

/// Which rows are read: those behind an id, from a time on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Behind {
    /// Rows with greater ids.
    pub id: i64,
    /// Rows that were written at this time or later, Unix seconds.
    pub created_s: i64,
}

/// Reads the log.
pub trait LogSource: Send {
    /// The rows behind a position by their ids, at most `limit`.
    ///
    /// # Errors
    /// What the database says.
    fn rows(&mut self, behind: Behind, limit: i64) -> Result<Vec<LogRow>, SourceError>;

    /// The greatest id, 0 if there is no row.
    ///
    /// # Errors
    /// What the database says.
    fn last_id(&mut self) -> Result<i64, SourceError>;
}
