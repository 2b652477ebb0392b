//! The usage records of a file, one after the other.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tollbook_domain::usage::Usage;

use super::columns::{self, Column};
use super::mapping::{CsvColumns, Mapped, Mapping};
use super::{otlp, record};
use crate::text::{RecordFile, RecordFileError, Records, StreamError};

/// Most names that are counted.
const MAX_NAMES: usize = 1_000;
/// The name of everything beyond.
const OTHERS: &str = "others";

/// The columns of a CSV file.
enum Columns {
    /// Fields and SKUs by their names.
    Named(Vec<Column>),
    /// Columns that a mapping reads.
    Mapped(CsvColumns),
}

/// What a mapping did not turn into usage: how many records by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unmapped {
    /// Skipped records, by the rule.
    pub skipped: BTreeMap<String, u64>,
    /// Records with a count that the mapping does not account for, by the count.
    pub unknown_counts: BTreeMap<String, u64>,
}

impl Unmapped {
    /// Number of skipped records.
    pub fn skipped_records(&self) -> u64 {
        self.skipped.values().sum()
    }

    /// Adds the numbers of another file.
    pub fn add(&mut self, other: &Self) {
        for (name, records) in &other.skipped {
            add(&mut self.skipped, name, *records);
        }
        for (name, records) in &other.unknown_counts {
            add(&mut self.unknown_counts, name, *records);
        }
    }
}

fn add(names: &mut BTreeMap<String, u64>, name: &str, records: u64) {
    if let Some(known) = names.get_mut(name) {
        *known += records;
    } else {
        let name = if names.len() < MAX_NAMES { name } else { OTHERS };
        *names.entry(name.to_owned()).or_default() += records;
    }
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
    /// The line that was read last, and the records of it that are not returned yet.
    line: u64,
    found: VecDeque<Result<Usage, String>>,
    unmapped: Unmapped,
    ended: bool,
}

impl<'f> UsageReader<'f> {
    pub(super) fn new(
        file: &'f RecordFile,
        mapping: Option<&'f Mapping>,
        bytes_read: Arc<AtomicU64>,
    ) -> Result<Self, RecordFileError> {
        let records = file.records(bytes_read)?;
        Ok(Self {
            file,
            mapping,
            records,
            columns: None,
            row: 0,
            line: 0,
            found: VecDeque::new(),
            unmapped: Unmapped::default(),
            ended: false,
        })
    }

    /// What the mapping did not turn into usage so far.
    pub fn unmapped(&self) -> &Unmapped {
        &self.unmapped
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

    /// The record that was read last, without a mapping.
    fn usage(&self) -> Result<Usage, String> {
        match (&self.records, &self.columns) {
            (Records::JsonLines(reader), _) => record::parse(reader.text()?),
            (Records::Csv(reader), Some(Columns::Named(columns))) => {
                columns::usage_of_cells(columns, reader.cells_of(columns.len())?)
            }
            // `advance` reads the header first.
            (Records::Csv(_), _) => Err("has no header".to_owned()),
        }
    }

    /// The records that a mapping finds in what was read last.
    fn map_last(&self, mapping: &Mapping) -> Vec<Mapped> {
        let first = self.row + 1;
        match (&self.records, &self.columns) {
            (Records::JsonLines(reader), _) => match reader.text() {
                Ok(text) => {
                    otlp::map_line(mapping, text, first).unwrap_or_else(|| mapping.map_json(text, first))
                }
                Err(reason) => vec![Mapped::Refused(reason)],
            },
            (Records::Csv(reader), Some(Columns::Mapped(columns))) => {
                vec![match reader.cells_of(columns.len()) {
                    Ok(cells) => mapping.map_cells(columns, cells, first),
                    Err(reason) => Mapped::Refused(reason),
                }]
            }
            (Records::Csv(_), _) => vec![Mapped::Refused("has no header".to_owned())],
        }
    }

    /// Puts the records of what was read last into `found`.
    fn take(&mut self, mapping: &Mapping) {
        for mapped in self.map_last(mapping) {
            self.row += 1;
            match mapped {
                Mapped::Usage { usage, unknown_counts } => {
                    for name in unknown_counts {
                        add(&mut self.unmapped.unknown_counts, &name, 1);
                    }
                    self.found.push_back(Ok(*usage));
                }
                Mapped::Skipped(rule) => add(&mut self.unmapped.skipped, &rule, 1),
                Mapped::Refused(reason) => self.found.push_back(Err(reason)),
            }
        }
    }
}

impl Iterator for UsageReader<'_> {
    type Item = Result<(u64, Result<Usage, String>), RecordFileError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(usage) = self.found.pop_front() {
                return Some(Ok((self.line, usage)));
            }
            if self.ended {
                return None;
            }
            match self.advance() {
                Ok(Some(line)) => match self.mapping {
                    None => return Some(Ok((line, self.usage()))),
                    Some(mapping) => {
                        self.line = line;
                        self.take(mapping);
                    }
                },
                Ok(None) => self.ended = true,
                Err(error) => {
                    self.ended = true;
                    return Some(Err(self.file.error(&self.records, error)));
                }
            }
        }
    }
}
