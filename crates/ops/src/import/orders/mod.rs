//! `tollbook orders import` (`docs/ORDER_FILES.md)`: checks every file whole, then stores the orders in batches
//! between which other writers get their turn. Printing is the command line's business.
//!
//! Several files given together are one import: unless invalid records are to be left out, one invalid record in any
//! of them refuses them all, so that it is never unclear which files of a directory are stored.
//!
//! Memory is bounded, whatever the size of the files: four batches of orders, and the entries that find contradicting
//! records ([`Options::sort_records`]); beyond that, sorted entries of 40 bytes a number go to the spool directory.

mod batches;
mod checking;
mod duplicates;
mod report;
mod sort;
mod storing;
mod tenants;

use std::io;
use std::ops::ControlFlow;
use std::path::PathBuf;

use tollbook_domain::Catalogue;
use tollbook_store::Store;

use report::{Place, Tally};
use sort::{FixedSize, Sorter};
use tenants::Tenants;
use tollbook_formats::orders::OrderFile;
use tollbook_formats::text::OpenError;

pub use report::{Failure, FileReport, ImportError, Phase, Progress, Report, Step};
use tollbook_formats::text::Input;

/// The most orders of one transaction (`docs/ORDER_FILES.md`, "Import").
pub const MAX_BATCH_ORDERS: usize = 10_000;
/// How to import.
#[derive(Clone, Debug)]
pub struct Options {
    /// Leave out invalid records, and those that contradict stored or earlier ones, and store the rest.
    pub skip_invalid: bool,
    /// Where temporary files go. They have no names and vanish with the process.
    pub spool_dir: PathBuf,
    /// Orders in a transaction, from 1 to [`MAX_BATCH_ORDERS`].
    pub batch_orders: usize,
    /// Refused records that the report names; all are counted.
    pub max_errors: usize,
    /// `LedgerRange` of 40 bytes, one for each order or arrears number, that are held in memory.
    pub sort_records: usize,
}

impl Options {
    /// The defaults, with temporary files in `spool_dir`.
    pub fn new(spool_dir: PathBuf) -> Self {
        Self {
            skip_invalid: false,
            spool_dir,
            batch_orders: MAX_BATCH_ORDERS,
            max_errors: 100,
            sort_records: 500_000,
        }
    }
}

/// Imports order files.
///
/// Everything is checked before the first order is written: each record by itself, against the other records, and
/// against the store. Doing it again adds nothing; after an interruption it adds what is missing.
///
/// # Errors
/// [`Failure::Refused`] has the report of invalid records; nothing is stored then. After every other error,
/// [`ImportError::stored`] says how many orders are stored.
pub fn run(
    store: &dyn Store,
    catalogue: &Catalogue,
    inputs: Vec<Input>,
    options: &Options,
    progress: &mut dyn Progress,
) -> Result<Report, ImportError> {
    if inputs.len() > Place::MAX_FILES {
        return Err(Failure::TooManyFiles.into());
    }
    let mut files = Vec::with_capacity(inputs.len());
    for input in inputs {
        let mut received = |bytes_read| {
            progress.step(&Step { phase: Phase::Receiving, bytes_read, bytes_total: 0, orders: 0 })
        };
        let file = input.open(&options.spool_dir, &mut received).map_err(|error| match error {
            OpenError::File(error) => Failure::Broken(error),
            OpenError::Spool(error) => Failure::Spool { spool_dir: options.spool_dir.clone(), error },
            OpenError::Stopped => Failure::Stopped,
        })?;
        files.push(OrderFile::from(file));
    }
    let import = Import {
        store,
        catalogue,
        options,
        bytes_total: files.iter().map(OrderFile::bytes).sum(),
        files: &files,
    };
    let mut tenants = Tenants::new(store);
    let mut tally = Tally::new(&files, options.max_errors);
    let checked = import.check(&mut tenants, &mut tally, progress)?;
    if !options.skip_invalid && tally.invalid() > 0 {
        return Err(Failure::Refused(Box::new(tally.into_report())).into());
    }
    match import.store(checked, &mut tenants, &mut tally, progress) {
        Ok(()) => Ok(tally.into_report()),
        Err(failure) => Err(ImportError { failure, stored: tally.stored() }),
    }
}

/// What stays the same throughout an import.
struct Import<'a> {
    store: &'a dyn Store,
    catalogue: &'a Catalogue,
    options: &'a Options,
    files: &'a [OrderFile],
    bytes_total: u64,
}

impl Import<'_> {
    fn sorter<R: FixedSize>(&self) -> Sorter<R> {
        Sorter::new(self.options.spool_dir.clone(), self.options.sort_records)
    }

    fn spool_error(&self, error: io::Error) -> Failure {
        Failure::Spool { spool_dir: self.options.spool_dir.clone(), error }
    }

    fn report(
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
