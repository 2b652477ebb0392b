//! Why an export fails.

use tollbook_objects::KeyError;
use tollbook_store::{StoreError, StoredOrder};

use crate::format::Format;

/// Why there is no export. Nothing of a failed one is left behind.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// Reading the orders failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Writing the workbook failed; a full disk is an I/O error in here.
    #[error("the workbook cannot be written: {0}")]
    Workbook(#[from] tollbook_workbook::Error),
    /// Writing a file of another format failed.
    #[error("the file cannot be written: {0}")]
    File(#[from] std::io::Error),
    /// Storing the file failed.
    #[error("the export cannot be stored: {0}")]
    Objects(#[from] tollbook_objects::ObjectStoreError),
    /// The object's name is not one.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A defect of this program.
    #[error("building the export panicked")]
    Panicked,
    /// The format has no rows of this kind.
    #[error("an order summary cannot be written as {0}")]
    NoSummary(Format),
}

/// A snapshot has the line of each of its orders.
pub(crate) fn no_line(stored: &StoredOrder) -> StoreError {
    StoreError::Damaged(format!("order {} has no line", stored.order.number))
}
