//! The records of a file in either format, one after the other.

use super::csv::CsvReader;
use super::error::StreamError;
use super::json_lines::JsonLinesReader;
use super::json_values::JsonValuesReader;
use super::source::{Format, Text};

/// A reader of the records of a file.
pub(crate) enum Records {
    /// One JSON value a record.
    Json(JsonReader),
    /// The first record is the header. The caller reads it, since the caller knows the columns.
    Csv(CsvReader<Text>),
}

/// A reader of JSON values.
pub(crate) enum JsonReader {
    /// One value a line.
    Lines(JsonLinesReader<Text>),
    /// Values divided in any way.
    Values(JsonValuesReader<Text>),
}

impl JsonReader {
    /// The text of the value that was read last; the error is the reason if it is too long or not UTF-8.
    pub(crate) fn text(&self) -> Result<&str, String> {
        match self {
            Self::Lines(lines) => lines.text(),
            Self::Values(values) => values.text(),
        }
    }
}

impl Records {
    pub(super) fn new(text: Text, format: Format) -> Self {
        match format {
            Format::JsonLines => Self::Json(JsonReader::Lines(JsonLinesReader::new(text))),
            Format::Json => Self::Json(JsonReader::Values(JsonValuesReader::new(text))),
            Format::Csv => Self::Csv(CsvReader::new(text)),
        }
    }

    /// Number of the line that was read last.
    pub(super) fn line(&self) -> u64 {
        match self {
            Self::Json(JsonReader::Lines(lines)) => lines.line(),
            Self::Json(JsonReader::Values(values)) => values.line(),
            Self::Csv(records) => records.line(),
        }
    }

    /// Reads the next record and returns its first line; `None` at the end.
    pub(crate) fn advance(&mut self) -> Result<Option<u64>, StreamError> {
        match self {
            Self::Json(JsonReader::Lines(lines)) => Ok(lines.advance()?),
            Self::Json(JsonReader::Values(values)) => values.advance(),
            Self::Csv(records) => records.advance(),
        }
    }
}
