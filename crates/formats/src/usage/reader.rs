//! The usage records of a file, one after the other.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tollbook_domain::usage::Usage;

use super::columns::{self, Column};
use super::mapping::{CsvColumns, Mapping};
use super::record;
use crate::text::{RecordFile, RecordFileError, Records, StreamError};

/// The columns of a CSV file.
enum Columns {
    /// Fields and SKUs by their names.
    Named(Vec<Column>),
    /// Columns that a mapping reads.
    Mapped(CsvColumns),
}

/// The records of a file, each with its first line: a usage record, or the reason why it is not valid. If the file
/// cannot be read to its end, the last item is a [`RecordFileError`].
pub struct UsageReader<'f> {
    file: &'f RecordFile,
    mapping: Option<&'f Mapping>,
    records: Records,
    /// Known once the header of a CSV file is read.
    columns: Option<Columns>,
    row: u64,
    skipped: u64,
    ended: bool,
}

impl<'f> UsageReader<'f> {
    pub(super) fn new(
        file: &'f RecordFile,
        mapping: Option<&'f Mapping>,
        bytes_read: Arc<AtomicU64>,
    ) -> Result<Self, RecordFileError> {
        let records = file.records(bytes_read)?;
        Ok(Self { file, mapping, records, columns: None, row: 0, skipped: 0, ended: false })
    }

    /// Number of records that the mapping skipped so far.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    fn advance(&mut self) -> Result<Option<u64>, StreamError> {
        if let Records::Csv(reader) = &mut self.records
            && self.columns.is_none()
        {
            let mapping = self.mapping;
            self.columns = Some(reader.header(|names| match mapping {
                Some(mapping) => mapping.csv_columns(names).map(Columns::Mapped),
                None => columns::of_header(names).map(Columns::Named),
            })?);
        }
        self.records.advance()
    }

    /// The record that was read last; `None` if it is skipped.
    fn usage(&self) -> Result<Option<Usage>, String> {
        match (&self.records, &self.columns, self.mapping) {
            (Records::JsonLines(reader), _, None) => record::parse(reader.text()?).map(Some),
            (Records::JsonLines(reader), _, Some(mapping)) => mapping.usage_of_json(reader.text()?, self.row),
            (Records::Csv(reader), Some(Columns::Named(columns)), _) => {
                columns::usage_of_cells(columns, reader.cells_of(columns.len())?).map(Some)
            }
            (Records::Csv(reader), Some(Columns::Mapped(columns)), Some(mapping)) => {
                mapping.usage_of_cells(columns, reader.cells_of(columns.len())?, self.row)
            }
            // `advance` reads the header first.
            (Records::Csv(_), _, _) => Err("has no header".to_owned()),
        }
    }
}

impl Iterator for UsageReader<'_> {
    type Item = Result<(u64, Result<Usage, String>), RecordFileError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended {
            match self.advance() {
                Ok(Some(line)) => {
                    self.row += 1;
                    match self.usage().transpose() {
                        Some(usage) => return Some(Ok((line, usage))),
                        None => self.skipped += 1,
                    }
                }
                Ok(None) => self.ended = true,
                Err(error) => {
                    self.ended = true;
                    return Some(Err(self.file.error(&self.records, error)));
                }
            }
        }
        None
    }
}
