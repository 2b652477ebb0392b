//! The options and inputs of one import, which both phases read.

use std::io;
use std::ops::ControlFlow;
use std::path::PathBuf;

use tollbook_domain::Catalogue;
use tollbook_formats::orders::OrderFile;
use tollbook_store::Store;

use crate::config::Config;

use super::external_sort::{FixedSize, Sorter};
use super::report::{Failure, Phase, Progress, Step};

/// Maximum number of orders in one transaction (`docs/ORDER_FILES.md`, "Import").
pub const MAX_BATCH_ORDERS: usize = 10_000;

/// How to import.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whether to skip invalid records, and records that conflict with stored or earlier ones, and store the rest.
    pub skip_invalid: bool,
    /// Whether to store amounts as they were billed, also if they do not follow from prices and quantity.
    pub as_billed: bool,
    /// Directory of the temporary files. They have no names, and the operating system deletes them when the process
    /// ends.
    pub spool_dir: PathBuf,
    /// Orders in a transaction, from 1 to [`MAX_BATCH_ORDERS`].
    pub batch_orders: usize,
    /// Maximum number of refused records in the report; the counts include all of them.
    pub max_errors: usize,
    /// Maximum number of fingerprints in memory. An order has one of 40 bytes for each of its numbers; more of them are
    /// spooled.
    pub sort_records: usize,
}

impl Options {
    /// The defaults, with temporary files in `spool_dir`.
    pub fn new(spool_dir: PathBuf) -> Self {
        Self {
            skip_invalid: false,
            as_billed: false,
            spool_dir,
            batch_orders: MAX_BATCH_ORDERS,
            max_errors: 100,
            sort_records: 500_000,
        }
    }
}

/// The values that do not change during an import.
pub(super) struct ImportContext<'a> {
    pub(super) store: &'a dyn Store,
    pub(super) config: &'a Config,
    pub(super) catalogue: &'a Catalogue,
    pub(super) options: &'a Options,
    pub(super) files: &'a [OrderFile],
    pub(super) bytes_total: u64,
}

impl ImportContext<'_> {
    pub(super) fn sorter<R: FixedSize>(&self) -> Sorter<R> {
        Sorter::new(self.options.spool_dir.clone(), self.options.sort_records)
    }

    pub(super) fn spool_error(&self, error: io::Error) -> Failure {
        Failure::Spool { spool_dir: self.options.spool_dir.clone(), error }
    }

    /// Reports progress; an error if the callback stops the import.
    pub(super) fn report_progress(
        &self,
        progress: &mut dyn Progress,
        phase: Phase,
        bytes_read: u64,
        orders: u64,
    ) -> Result<(), Failure> {
        let step = Step { phase, bytes_read, bytes_total: self.bytes_total, orders };
        match progress.step(&step) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Failure::Stopped),
        }
    }
}
