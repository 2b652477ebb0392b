//! Progress, report and errors of an import.

use std::collections::BTreeMap;
use std::io;
use std::ops::ControlFlow;
use std::path::PathBuf;

use tollbook_formats::orders::{LineError, OrderFile, RecordFileError};
use tollbook_store::StoreError;

use super::position::RecordPosition;

/// The phase of an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Copying input that cannot be read twice, such as standard input, to the spool directory.
    Receiving,
    /// Reading and checking all files. Nothing is stored yet.
    Checking,
    /// Reading the files again and storing the orders.
    Storing,
}

/// Progress of an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The current phase.
    pub phase: Phase,
    /// Bytes of the files read in this phase; compressed bytes of compressed files.
    pub bytes_read: u64,
    /// Bytes of all files; 0 while receiving.
    pub bytes_total: u64,
    /// Orders that were checked or stored in this phase, including those that were stored before the import.
    pub orders: u64,
}

/// Receives the progress of an import and can stop it between two batches. Stored batches stay.
pub trait Progress {
    /// Called after every batch.
    fn step(&mut self, step: &Step) -> ControlFlow<()>;
}

impl<F: FnMut(&Step) -> ControlFlow<()>> Progress for F {
    fn step(&mut self, step: &Step) -> ControlFlow<()> {
        self(step)
    }
}

/// Counts of the records of one file, or of all files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileReport {
    /// The file, as it was named, or `standard input`.
    pub file: String,
    /// Records in the file. After a complete import, it is the sum of the other counts.
    pub read: u64,
    /// Orders that the import stored.
    pub added: u64,
    /// Orders that were stored before, or that an earlier record of the import has, with the same content.
    pub present: u64,
    /// Records that are not a valid order, or conflict with a stored or earlier one.
    pub invalid: u64,
}

/// Report of an import.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The counts of each file, in the given order.
    pub files: Vec<FileReport>,
    /// The first refused records, by file and line. The options limit their number.
    pub errors: Vec<LineError>,
}

impl Report {
    /// The counts of all files together.
    pub fn total(&self) -> FileReport {
        let mut total = FileReport::default();
        for file in &self.files {
            total.read += file.read;
            total.added += file.added;
            total.present += file.present;
            total.invalid += file.invalid;
        }
        total
    }
}

/// Counts the records of a running import and keeps the first refused ones.
pub(super) struct ReportBuilder {
    files: Vec<FileReport>,
    max_errors: usize,
    /// The first refused records by position; at most `max_errors`.
    reasons: BTreeMap<RecordPosition, String>,
}

impl ReportBuilder {
    pub(super) fn new(files: &[OrderFile], max_errors: usize) -> Self {
        let file = |file: &OrderFile| FileReport { file: file.name().to_owned(), ..FileReport::default() };
        Self { files: files.iter().map(file).collect(), max_errors, reasons: BTreeMap::new() }
    }

    /// The counts of the file of a record.
    pub(super) fn file(&mut self, position: RecordPosition) -> &mut FileReport {
        &mut self.files[position.file()]
    }

    /// The counts of all files.
    pub(super) fn files(&mut self) -> &mut [FileReport] {
        &mut self.files
    }

    /// Counts a refused record. `reason` is called if the report has room for it.
    pub(super) fn refuse(&mut self, position: RecordPosition, reason: impl FnOnce(&Self) -> String) {
        self.file(position).invalid += 1;
        let last = self.reasons.last_key_value().map(|(last, _)| *last);
        if self.reasons.len() >= self.max_errors && last.is_none_or(|last| last < position) {
            return;
        }
        let reason = reason(self);
        self.reasons.insert(position, reason);
        if self.reasons.len() > self.max_errors {
            self.reasons.pop_last();
        }
    }

    /// Describes a record in a message about the record at `from`.
    pub(super) fn describe(&self, position: RecordPosition, from: RecordPosition) -> String {
        if position.file() == from.file() {
            format!("line {}", position.line())
        } else {
            format!("{}:{}", self.files[position.file()].file, position.line())
        }
    }

    /// The error of a record.
    pub(super) fn error(&self, position: RecordPosition, reason: String) -> LineError {
        LineError { file: self.files[position.file()].file.clone(), line: position.line(), reason }
    }

    /// Records refused so far.
    pub(super) fn invalid(&self) -> u64 {
        self.files.iter().map(|file| file.invalid).sum()
    }

    /// Orders stored so far.
    pub(super) fn stored(&self) -> u64 {
        self.files.iter().map(|file| file.added).sum()
    }

    pub(super) fn build(self) -> Report {
        let errors = self.reasons.iter().map(|(position, reason)| self.error(*position, reason.clone()));
        Report { errors: errors.collect(), files: self.files }
    }
}

/// Why an import did not finish.
#[derive(Debug)]
pub struct ImportError {
    /// The reason.
    pub failure: Failure,
    /// Orders that the import stored before the failure. They stay; repeating the import stores the rest.
    pub stored: u64,
}

/// The reason of an [`ImportError`].
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A file is missing, damaged or truncated, or its header is not valid. Such a file cannot be imported in part.
    #[error(transparent)]
    Broken(RecordFileError),
    /// Records are not valid, and invalid records are not skipped. The `added` of the report is 0.
    #[error("{} of {} records are not valid", .0.total().invalid, .0.total().read)]
    Refused(Box<Report>),
    /// After the check, another writer stored an order with the number of a record and other content, or pruned the
    /// orders of that time.
    #[error("{0}")]
    ConcurrentConflict(LineError),
    /// The content of a file changed after the check.
    #[error("{file} was changed during the import")]
    Changed {
        /// The file, as it was named.
        file: String,
    },
    /// The store failed. Nothing of the current batch is stored.
    #[error("{}", store_text(.0))]
    Store(#[from] StoreError),
    /// A temporary file cannot be created, written or read.
    #[error("{}", spool_text(.spool_dir, .error))]
    Spool {
        /// The directory.
        spool_dir: PathBuf,
        /// The error of the operating system.
        error: io::Error,
    },
    /// [`Progress::step`] stopped the import.
    #[error("the import was stopped")]
    Stopped,
    /// The import has more files than a record position can represent.
    #[error("too many files in one import")]
    TooManyFiles,
}

fn store_text(error: &StoreError) -> String {
    match error {
        // The text of this error says that nothing was changed, which is true of its transaction only.
        StoreError::Full => "the disk of the database is full".to_owned(),
        error => error.to_string(),
    }
}

fn spool_text(spool_dir: &std::path::Path, error: &io::Error) -> String {
    let dir = spool_dir.display();
    match error.kind() {
        io::ErrorKind::StorageFull => format!("the disk of the spool directory {dir} is full"),
        _ => format!("the spool directory {dir} cannot be used: {error}"),
    }
}

impl std::fmt::Display for ImportError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { failure, stored } = self;
        match stored {
            0 => write!(f, "{failure}; nothing was stored"),
            _ => write!(f, "{failure}; {stored} orders were stored; re-run the command to finish"),
        }
    }
}

impl std::error::Error for ImportError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.failure)
    }
}

impl From<Failure> for ImportError {
    fn from(failure: Failure) -> Self {
        Self { failure, stored: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_errors_by_position_are_kept_and_all_are_counted() {
        for (max_errors, expected) in [(2, &["a.csv:1: reason 1", "a.csv:3: reason 3"][..]), (0, &[])] {
            let file = FileReport { file: "a.csv".into(), ..FileReport::default() };
            let mut builder = ReportBuilder { files: vec![file], max_errors, reasons: BTreeMap::new() };
            for line in [5, 3, 9, 4, 1] {
                builder.refuse(RecordPosition::new(0, line), |_| format!("reason {line}"));
            }
            assert_eq!(builder.invalid(), 5);
            let texts: Vec<String> = builder.build().errors.iter().map(ToString::to_string).collect();
            assert_eq!(texts, expected);
        }
    }

    #[test]
    fn an_error_has_the_number_of_stored_orders() {
        let full = |stored| ImportError { failure: Failure::Store(StoreError::Full), stored }.to_string();
        assert_eq!(full(0), "the disk of the database is full; nothing was stored");
        assert_eq!(
            full(20_000),
            "the disk of the database is full; 20000 orders were stored; re-run the command to finish"
        );
        let error = io::Error::from(io::ErrorKind::StorageFull);
        let spool = ImportError::from(Failure::Spool { spool_dir: "/spool".into(), error });
        assert_eq!(spool.to_string(), "the disk of the spool directory /spool is full; nothing was stored");
    }
}
