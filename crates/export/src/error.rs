//! Errors of an export.

use std::io;

use parquet::errors::ParquetError;
use tollbook_objects::KeyError;
use tollbook_store::{StoreError, StoredOrder};

use crate::format::Format;

/// The reason why an export failed. A failed export leaves no file behind.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// Reading the orders failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Writing the workbook failed. A full disk is an I/O error in here.
    #[error("the workbook cannot be written: {0}")]
    Workbook(#[from] tollbook_workbook::Error),
    /// Writing a file of another format failed.
    #[error("the file cannot be written: {0}")]
    File(#[from] io::Error),
    /// Storing the file failed.
    #[error("the export cannot be stored: {0}")]
    Objects(#[from] tollbook_objects::ObjectStoreError),
    /// The name of the object is not valid.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A defect of this program.
    #[error("building the export panicked")]
    Panicked,
    /// The format has no rows of this kind.
    #[error("an order summary cannot be written as {0}")]
    NoSummary(Format),
}

impl ExportError {
    /// The first error that led to this one, for the log; `None` if this one says it all.
    pub(crate) fn root_cause(&self) -> Option<&(dyn std::error::Error + 'static)> {
        let mut cause = std::error::Error::source(self)?;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        Some(cause)
    }

    /// Whether there is too little space: the disk is full, or a limit on spool files or free space is reached.
    pub fn is_full(&self) -> bool {
        let kind = match self {
            Self::Objects(error) => return error.is_full(),
            Self::Workbook(tollbook_workbook::Error::Io(error)) | Self::File(error) => error.kind(),
            _ => return false,
        };
        matches!(kind, io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
    }
}

impl From<ParquetError> for ExportError {
    /// Keeps the I/O error that was the cause, so that a full disk is reported as a full disk.
    fn from(error: ParquetError) -> Self {
        let error = match error {
            ParquetError::External(cause) => match cause.downcast::<io::Error>() {
                Ok(error) => *error,
                Err(cause) => io::Error::other(cause),
            },
            other => io::Error::other(other),
        };
        Self::File(error)
    }
}

/// The error for an order without its line. A snapshot has the line of each of its orders.
pub(crate) fn no_line(stored: &StoredOrder) -> StoreError {
    StoreError::Damaged(format!("order {} has no line", stored.order.number))
}
