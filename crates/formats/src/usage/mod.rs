//! Usage files and events (docs/USAGE_FILES.md): JSON Lines, CSV and CloudEvents to usage records, one by
//! one in bounded memory. Nothing here knows a store; which company exists and what is believed is decided by whoever
//! takes the records.

mod event;
pub mod mapping;
mod record;
mod time;

use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tollbook_domain::usage::Usage;

use crate::text::{Broken, Input, MAX_LINE_BYTES, Next, OpenError, Records, TextFile};
use mapping::Row;
use record::Column;

pub use crate::text::BrokenFile;
pub use event::{BatchError, RefusedEvent, parse_batch, parse_event};
pub use mapping::Mapping;
pub use record::parse as parse_record;

/// A file to read usage records from, any number of times.
#[derive(Debug)]
pub struct UsageFile {
    file: TextFile,
    mapping: Option<Mapping>,
}

/// Why there is no usage file to read.
#[derive(Debug, thiserror::Error)]
pub enum UsageFileError {
    /// It is no file of records, or cannot be read.
    #[error(transparent)]
    Broken(#[from] BrokenFile),
    /// The spool directory does not take standard input.
    #[error("a temporary file cannot be written in {}: {error}", spool_dir.display())]
    Spool {
        /// Where it was tried.
        spool_dir: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// Whoever watched the spooling stopped it.
    #[error("stopped")]
    Stopped,
    /// The mapping does not say what every record must have.
    #[error("{mapping}: record: states no {}", missing.join(", "))]
    Incomplete {
        /// The mapping as it was named.
        mapping: String,
        /// The fields that it does not state.
        missing: Vec<&'static str>,
    },
}

impl UsageFile {
    /// Takes a file by its path, or a stream, which is spooled without a name in `spool_dir`; `received` is told the
    /// bytes so far and may stop that. With a mapping, the file's records are whatever the mapping reads.
    pub fn open(
        input: Input,
        mapping: Option<Mapping>,
        spool_dir: &Path,
        received: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<Self, UsageFileError> {
        let missing = mapping.as_ref().map(Mapping::missing).unwrap_or_default();
        if let (Some(mapping), false) = (&mapping, missing.is_empty()) {
            return Err(UsageFileError::Incomplete { mapping: mapping.name().to_owned(), missing });
        }
        let file = input.open(spool_dir, received).map_err(|error| match error {
            OpenError::Broken(broken) => UsageFileError::Broken(broken),
            OpenError::Spool(error) => UsageFileError::Spool { spool_dir: spool_dir.to_owned(), error },
            OpenError::Stopped => UsageFileError::Stopped,
        })?;
        Ok(Self { file, mapping })
    }

    /// The file as messages name it.
    pub fn name(&self) -> &str {
        self.file.name()
    }

    /// Its length on the disk, compressed as it is.
    pub fn bytes(&self) -> u64 {
        self.file.bytes()
    }

    /// Reads it from its start. Use one reader at a time: those of a spooled stream share one position in it. What is
    /// read is added to `bytes_read`, compressed as it is.
    pub fn records(&self, bytes_read: Arc<AtomicU64>) -> Result<UsageReader<'_>, BrokenFile> {
        let records = self.file.records(bytes_read)?;
        Ok(UsageReader { file: self, records, columns: None, row: 0, skipped: 0, ended: false })
    }
}

/// What the columns of a CSV file are.
enum Columns {
    /// Fields and SKUs by their names.
    Named(Vec<Column>),
    /// What a mapping makes of them.
    Mapped(mapping::CsvColumns),
}

/// The records of a file with the lines they start on: a usage record, or the reason why it is none. A file that
/// cannot be read to its end ends in [`BrokenFile`].
pub struct UsageReader<'f> {
    file: &'f UsageFile,
    records: Records,
    /// Known once the header of a CSV file is read.
    columns: Option<Columns>,
    row: u64,
    skipped: u64,
    ended: bool,
}

impl UsageReader<'_> {
    /// How many records the mapping passed over so far.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    fn advance(&mut self) -> Result<Option<(u64, Next)>, Broken> {
        if let Records::Csv(reader) = &mut self.records
            && self.columns.is_none()
        {
            let mapping = self.file.mapping.as_ref();
            self.columns = Some(reader.header(|names| match mapping {
                Some(mapping) => mapping.csv_columns(names).map(Columns::Mapped),
                None => record::columns(names).map(Columns::Named),
            })?);
        }
        self.records.advance()
    }

    /// The record that was read last; `None` if it is passed over.
    fn usage(&self, next: Next) -> Result<Option<Usage>, String> {
        if next == Next::TooLong {
            return Err(format!("is longer than {MAX_LINE_BYTES} bytes"));
        }
        match (&self.records, &self.columns, &self.file.mapping) {
            (Records::JsonLines(lines), _, None) => record::parse(lines.bytes()).map(Some),
            (Records::JsonLines(lines), _, Some(mapping)) => {
                let line = std::str::from_utf8(lines.bytes()).map_err(|_| "is not valid UTF-8")?;
                mapping.usage(&Row::of_json(mapping, line, self.row)?)
            }
            (Records::Csv(reader), Some(Columns::Named(columns)), _) => {
                record::of_cells(columns, reader.cells_of(columns.len())?).map(Some)
            }
            (Records::Csv(reader), Some(Columns::Mapped(columns)), Some(mapping)) => {
                let cells = reader.cells_of(columns.len())?;
                mapping.usage(&Row::of_cells(mapping, columns, cells, self.row))
            }
            // A reader of CSV has columns, by `advance`.
            (Records::Csv(_), _, _) => Err("has no header".to_owned()),
        }
    }
}

impl Iterator for UsageReader<'_> {
    type Item = Result<(u64, Result<Usage, String>), BrokenFile>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended {
            match self.advance() {
                Ok(Some((line, next))) => {
                    self.row += 1;
                    match self.usage(next).transpose() {
                        Some(usage) => return Some(Ok((line, usage))),
                        None => self.skipped += 1,
                    }
                }
                Ok(None) => self.ended = true,
                Err(broken) => {
                    self.ended = true;
                    return Some(Err(self.file.file.broken(&self.records, broken)));
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests;
