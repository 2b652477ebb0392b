//! The records of a file in either format, one after the other.

use super::csv::CsvReader;
use super::error::StreamError;
use super::json_lines::JsonLinesReader;
use super::source::{Format, Text};

/// A reader of the records of a file.
pub(crate) enum Records {
    /// One record a line.
    JsonLines(JsonLinesReader<Text>),
    /// The first record is the header. The caller reads it, since the caller knows the columns.
    Csv(CsvReader<Text>),
}

impl Records {
    pub(super) fn new(text: Text, format: Format) -> Self {
        match format {
            Format::JsonLines => Self::JsonLines(JsonLinesReader::new(text)),
            Format::Csv => Self::Csv(CsvReader::new(text)),
        }
    }

    /// Number of the line that was read last.
    pub(super) fn line(&self) -> u64 {
        match self {
            Self::JsonLines(lines) => lines.line(),
            Self::Csv(records) => records.line(),
        }
    }

    /// Reads the next record and returns its first line; `None` at the end.
    pub(crate) fn advance(&mut self) -> Result<Option<u64>, StreamError> {
        match self {
            Self::JsonLines(lines) => Ok(lines.advance()?),
            Self::Csv(records) => records.advance(),
        }
    }
}
