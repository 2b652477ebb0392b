//! The import of order files: opens the files, checks them, and stores their orders.

use tollbook_domain::Catalogue;
use tollbook_formats::orders::OrderFile;
use tollbook_formats::text::{Input, OpenError};
use tollbook_store::Store;

use super::context::{ImportContext, Options};
use super::position::RecordPosition;
use super::report::{Failure, ImportError, Phase, Progress, Report, ReportBuilder, Step};
use crate::config::Config;
use crate::tenancy::directory::TenantDirectory;

/// Imports order files. The brands of the configuration say which rounding the amounts of a company may have.
///
/// Every record of every file is checked before the first order is written: by itself, against the other records, and
/// against the store. If a record is invalid, nothing is stored, unless [`Options::skip_invalid`] is set. Repeating an
/// import adds nothing; repeating an interrupted import adds the missing orders.
///
/// Memory does not depend on the size of the files: it holds four batches of orders and the fingerprints that find
/// conflicting records ([`Options::sort_records`]). Further fingerprints are spooled to temporary files.
///
/// # Errors
/// [`Failure::Refused`] has the report of invalid records; nothing is stored. After every other error,
/// [`ImportError::stored`] is the number of stored orders.
pub fn run(
    store: &dyn Store,
    config: &Config,
    catalogue: &Catalogue,
    inputs: Vec<Input>,
    options: &Options,
    progress: &mut dyn Progress,
) -> Result<Report, ImportError> {
    if inputs.len() > RecordPosition::MAX_FILES {
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
    let context = ImportContext {
        store,
        config,
        catalogue,
        options,
        bytes_total: files.iter().map(OrderFile::bytes).sum(),
        files: &files,
    };
    let mut tenants = TenantDirectory::default();
    let mut report = ReportBuilder::new(&files, options.max_errors);
    let checked = context.check(&mut tenants, &mut report, progress)?;
    if !options.skip_invalid && report.invalid() > 0 {
        return Err(Failure::Refused(Box::new(report.build())).into());
    }
    match context.store(checked, &mut tenants, &mut report, progress) {
        Ok(()) => Ok(report.build()),
        Err(failure) => Err(ImportError { failure, stored: report.stored() }),
    }
}
