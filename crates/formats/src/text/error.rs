//! Errors of record files: of one record, of a file, and of a stream whose file is not known yet.

use std::io;

/// A record that its file must not hold. The rest of the file can be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {reason}")]
pub struct LineError {
    /// Name of the file as it was given; a fixed name for standard input.
    pub file: String,
    /// First line of the record, from 1.
    pub line: u64,
    /// Lowercase, no full stop; starts with the field if the error is in one field.
    pub reason: String,
}

/// A file that cannot be read to its end: missing, damaged, cut off, or without a usable header.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}{}: {reason}", line.map(|line| format!(":{line}")).unwrap_or_default())]
pub struct RecordFileError {
    /// Name of the file as it was given; a fixed name for standard input.
    pub file: String,
    /// The line at which reading stopped, from 1; `None` if the file could not be opened.
    pub line: Option<u64>,
    /// Lowercase, no full stop.
    pub reason: String,
}

/// The error that ends the reading of a stream of records.
#[derive(Debug)]
pub(crate) enum StreamError {
    /// The bytes cannot be read.
    Io(io::Error),
    /// The bytes make everything after them meaningless.
    Malformed {
        /// Line of the error, from 1.
        line: u64,
        /// Lowercase, no full stop.
        reason: String,
    },
}

impl StreamError {
    pub(crate) fn malformed(line: u64, reason: impl Into<String>) -> Self {
        Self::Malformed { line, reason: reason.into() }
    }
}

impl From<io::Error> for StreamError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// A name from a file in the form in which a message shows it: one line, no control characters, at most 60 characters.
pub(crate) fn shorten(name: &str) -> String {
    const SHOWN_CHARS: usize = 60;
    let mut shown: String = name.chars().take(SHOWN_CHARS).flat_map(char::escape_debug).collect();
    if name.chars().nth(SHOWN_CHARS).is_some() {
        shown.push('…');
    }
    if shown.is_empty() { "\"\"".to_owned() } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shown_name_is_short_and_has_no_control_characters() {
        for (name, shown) in [
            ("input", "input".to_owned()),
            ("", "\"\"".to_owned()),
            ("a\nb\u{1b}é", "a\\nb\\u{1b}é".to_owned()),
            (&"ü".repeat(60), "ü".repeat(60)),
            (&"ü".repeat(61), "ü".repeat(60) + "…"),
        ] {
            assert_eq!(shorten(name), shown);
        }
    }
}
