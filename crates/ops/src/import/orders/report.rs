//! What an import tells about itself: progress, counts, refused records, and why it stopped.

use std::collections::BTreeMap;
use std::io;
use std::ops::ControlFlow;
use std::path::PathBuf;

use tollbook_store::StoreError;

use tollbook_formats::orders::{LineError, OrderFile, RecordFileError};

/// A record of an import: the file's index and the line that the record starts on. Sorts in order of reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place(u64);

impl Place {
    const LINE_BITS: u32 = 44;
    /// More files than any command line holds.
    pub(super) const MAX_FILES: usize = 1 << 19;

    /// Lines count from 1, so no place has code 0; file indexes are below [`Self::MAX_FILES`], so none is all ones.
    pub(super) fn new(file: usize, line: u64) -> Self {
        let line = line.clamp(1, (1 << Self::LINE_BITS) - 1);
        Self((file.min(Self::MAX_FILES - 1) as u64) << Self::LINE_BITS | line)
    }

    pub(super) fn file(self) -> usize {
        usize::try_from(self.0 >> Self::LINE_BITS).unwrap_or(usize::MAX)
    }

    pub(super) fn line(self) -> u64 {
        self.0 & ((1 << Self::LINE_BITS) - 1)
    }

    pub(super) fn code(self) -> u64 {
        self.0
    }

    pub(super) fn from_code(code: u64) -> Self {
        Self(code)
    }
}

/// What an import is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Receiving what cannot be read twice (standard input) into the spool directory.
    Receiving,
    /// Reading and checking everything; nothing is stored yet.
    Checking,
    /// Reading again and storing.
    Storing,
}

/// How far an import is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// What it is doing.
    pub phase: Phase,
    /// Bytes of the files read in this phase, compressed as they are.
    pub bytes_read: u64,
    /// Bytes of all files; 0 while receiving.
    pub bytes_total: u64,
    /// Orders checked, or written (those that were there already included), in this phase.
    pub orders: u64,
}

/// Watches an import and may stop it: between two batches, what is stored then stays.
pub trait Progress {
    /// Called after every batch.
    fn step(&mut self, step: &Step) -> ControlFlow<()>;
}

impl<F: FnMut(&Step) -> ControlFlow<()>> Progress for F {
    fn step(&mut self, step: &Step) -> ControlFlow<()> {
        self(step)
    }
}

/// What became of the records of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileReport {
    /// The file as it was named, or `standard input`.
    pub file: String,
    /// Records read: the sum of the three below, once everything is stored.
    pub read: u64,
    /// Orders that are in the store now and were not before.
    pub added: u64,
    /// Orders that were there already, or occurred earlier in the import, with the same content.
    pub present: u64,
    /// Records that are no valid order, or contradict a stored or an earlier one.
    pub invalid: u64,
}

/// What became of an import.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// One for each file, in the order in which they were given.
    pub files: Vec<FileReport>,
    /// The first refused records, by file and line; how many, the options say.
    pub errors: Vec<LineError>,
}

impl Report {
    /// The sum over all files.
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

/// The counts of an import while it runs.
pub(super) struct Tally {
    files: Vec<FileReport>,
    max_errors: usize,
    /// The first refused records by place: never more than `max_errors`.
    reasons: BTreeMap<Place, String>,
}

impl Tally {
    pub(super) fn new(files: &[OrderFile], max_errors: usize) -> Self {
        let file = |file: &OrderFile| FileReport { file: file.name().to_owned(), ..FileReport::default() };
        Self { files: files.iter().map(file).collect(), max_errors, reasons: BTreeMap::new() }
    }

    /// The counts of the file that a record is in.
    pub(super) fn file(&mut self, place: Place) -> &mut FileReport {
        &mut self.files[place.file()]
    }

    /// The counts of all files.
    pub(super) fn files(&mut self) -> &mut [FileReport] {
        &mut self.files
    }

    /// Counts a record that is not stored.
    pub(super) fn refuse(&mut self, place: Place, reason: impl FnOnce(&Self) -> String) {
        self.file(place).invalid += 1;
        let last = self.reasons.last_key_value().map(|(last, _)| *last);
        if self.reasons.len() >= self.max_errors && last.is_none_or(|last| last < place) {
            return;
        }
        let reason = reason(self);
        self.reasons.insert(place, reason);
        if self.reasons.len() > self.max_errors {
            self.reasons.pop_last();
        }
    }

    /// A record of the import in words, as seen from another.
    pub(super) fn name(&self, place: Place, from: Place) -> String {
        if place.file() == from.file() {
            format!("line {}", place.line())
        } else {
            format!("{}:{}", self.files[place.file()].file, place.line())
        }
    }

    /// One refused record.
    pub(super) fn error(&self, place: Place, reason: String) -> LineError {
        LineError { file: self.files[place.file()].file.clone(), line: place.line(), reason }
    }

    /// Records refused so far.
    pub(super) fn invalid(&self) -> u64 {
        self.files.iter().map(|file| file.invalid).sum()
    }

    /// Orders stored so far.
    pub(super) fn stored(&self) -> u64 {
        self.files.iter().map(|file| file.added).sum()
    }

    pub(super) fn into_report(self) -> Report {
        let errors = self.reasons.iter().map(|(place, reason)| self.error(*place, reason.clone()));
        Report { errors: errors.collect(), files: self.files }
    }
}

/// Why an import did not finish.
#[derive(Debug)]
pub struct ImportError {
    /// The reason.
    pub failure: Failure,
    /// Orders of this import that were stored before it: whole batches, which stay. The same command stores the
    /// rest.
    pub stored: u64,
}

/// The reason of an [`ImportError`].
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A file is missing, damaged or cut off, or has no usable header. `--skip-invalid` does not help.
    #[error(transparent)]
    Broken(RecordFileError),
    /// Records are not valid, and they were not to be left out. The report has the errors; its `added` is 0.
    #[error("{} of {} records are not valid", .0.total().invalid, .0.total().read)]
    Refused(Box<Report>),
    /// While it was being imported, another order with one of a record's numbers was stored.
    #[error("{0}")]
    Overtaken(LineError),
    /// A file is not what it was when it was checked.
    #[error("{file} was changed while it was imported")]
    Changed {
        /// The file as it was named.
        file: String,
    },
    /// The store failed; nothing of the last batch is stored.
    #[error("{}", store_text(.0))]
    Store(#[from] StoreError),
    /// The temporary files failed.
    #[error("{}", spool_text(.spool_dir, .error))]
    Spool {
        /// Where they are.
        spool_dir: PathBuf,
        /// What happened.
        error: io::Error,
    },
    /// [`Progress::step`] said so.
    #[error("the import was stopped")]
    Stopped,
    /// So many files that a record's place cannot be told.
    #[error("too many files in one import")]
    TooManyFiles,
}

fn store_text(error: &StoreError) -> String {
    match error {
        // What it says about changes is true of its transaction, not of the import.
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
            _ => {
                write!(f, "{failure}; {stored} orders were stored, and the same command completes the import")
            }
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
    fn places_sort_in_order_of_reading() {
        let places = [(0, 1), (0, 2), (1, 1), (7, 1 << 40), (Place::MAX_FILES - 1, 3)].map(|(file, line)| {
            let place = Place::new(file, line);
            assert_eq!((place.file(), place.line()), (file, line));
            assert!(place.code() != 0 && place.code() != u64::MAX);
            place
        });
        assert!(places.is_sorted());
    }

    #[test]
    fn the_first_errors_by_place_are_kept_and_all_are_counted() {
        for (max_errors, expected) in [(2, &["a.csv:1: reason 1", "a.csv:3: reason 3"][..]), (0, &[])] {
            let file = FileReport { file: "a.csv".into(), ..FileReport::default() };
            let mut tally = Tally { files: vec![file], max_errors, reasons: BTreeMap::new() };
            for line in [5, 3, 9, 4, 1] {
                tally.refuse(Place::new(0, line), |_| format!("reason {line}"));
            }
            assert_eq!(tally.invalid(), 5);
            let texts: Vec<String> = tally.into_report().errors.iter().map(ToString::to_string).collect();
            assert_eq!(texts, expected);
        }
    }

    #[test]
    fn an_error_says_what_is_stored() {
        let full = |stored| ImportError { failure: Failure::Store(StoreError::Full), stored }.to_string();
        assert_eq!(full(0), "the disk of the database is full; nothing was stored");
        assert_eq!(
            full(20_000),
            "the disk of the database is full; 20000 orders were stored, and the same command completes the import"
        );
        let error = io::Error::from(io::ErrorKind::StorageFull);
        let spool = ImportError::from(Failure::Spool { spool_dir: "/spool".into(), error });
        assert_eq!(spool.to_string(), "the disk of the spool directory /spool is full; nothing was stored");
    }
}
