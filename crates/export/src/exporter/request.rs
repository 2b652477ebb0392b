//! A request for an export, how long it may wait, and why it ends without a file.

use std::sync::Arc;
use std::time::Duration;

use tollbook_domain::tenant::Company;
use tollbook_store::StoreError;

use crate::document::Document;
use crate::error::ExportError;
use crate::format::{Format, Separator};
use crate::presentation::DisplaySettings;

/// What to export.
#[derive(Clone, Debug)]
pub struct ExportRequest {
    /// The company whose orders are exported.
    pub company: Company,
    /// Language, time zone and provider name of the display texts.
    pub display: DisplaySettings,
    /// Which orders or sums.
    pub document: Document,
    /// The file format.
    pub format: Format,
    /// What separates the cells of comma-separated values.
    pub separator: Separator,
}

/// How long a request may wait for its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitPolicy {
    /// At most as long as [`ExportLimits`](crate::ExportLimits) allow, from now on.
    Request,
    /// Without a limit: for background jobs.
    Job,
}

/// Why a request ended without a file.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ExportRequestError {
    /// The queue of exports is full.
    #[error("too many exports are waiting")]
    QueueFull,
    /// The export was still queued when the queue limit passed.
    #[error("the export's turn did not come within {} s", .0.as_secs())]
    QueueTimeout(Duration),
    /// The export was not finished within the answer limit.
    #[error("the export was not finished within {} s", .0.as_secs())]
    DeadlineExceeded(Duration),
    /// The caller cancelled the request.
    #[error("the caller left")]
    Cancelled,
    /// Building or storing the file failed.
    #[error(transparent)]
    Failed(Arc<ExportError>),
}

impl From<StoreError> for ExportRequestError {
    fn from(error: StoreError) -> Self {
        Self::Failed(Arc::new(error.into()))
    }
}
