//! Reading of TOML files, and errors that name file, line and key.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::de::DeValue;

/// An error in a file: its name, line, key and reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileError {
    /// Name of the file as it was given.
    pub file: PathBuf,
    /// From 1; `None` if the error is in no single line.
    pub line: Option<usize>,
    /// Dotted path of the key; empty if the error is in no single key.
    pub key: String,
    /// Lowercase, no full stop.
    pub reason: String,
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, "{line}:")?;
        }
        if !self.key.is_empty() {
            write!(f, " {}:", self.key)?;
        }
        write!(f, " {}", self.reason)
    }
}

impl std::error::Error for FileError {}

/// The name and text of a file, for errors that name a line.
pub struct Source<'a> {
    /// Name of the file as it was given.
    pub file: &'a Path,
    /// The whole text.
    pub text: &'a str,
}

impl Source<'_> {
    /// An error at a byte range of the text, or in the file as a whole.
    pub fn error(
        &self,
        span: Option<Range<usize>>,
        key: impl Into<String>,
        reason: impl Into<String>,
    ) -> FileError {
        let line = span.map(|span| {
            let before = self.text.as_bytes().iter().take(span.start);
            1 + before.filter(|byte| **byte == b'\n').count()
        });
        FileError {
            file: self.file.to_owned(),
            line,
            key: in_one_line(key.into()),
            reason: in_one_line(reason.into()),
        }
    }

    /// The error of the parser, in one line, with the key that it names.
    pub fn parse_error(&self, mut error: toml::de::Error) -> FileError {
        let span = error.span();
        // Without its input the error ends with the path of the key instead of an excerpt of the line.
        error.set_input(None);
        let shown = error.to_string();
        let (reason, key) = match shown.trim_end().rsplit_once("\nin `") {
            Some((reason, key)) => (reason, key.trim_end_matches('`')),
            None => (shown.as_str(), ""),
        };
        let reason: Vec<&str> = reason.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        self.error(span, key, reason.join(", "))
    }
}

/// A text without control characters: a value of the file that an error repeats may hold line breaks.
fn in_one_line(text: String) -> String {
    if !text.contains(char::is_control) {
        return text;
    }
    text.chars().fold(String::with_capacity(text.len()), |mut line, character| {
        if character.is_control() {
            line.extend(character.escape_debug());
        } else {
            line.push(character);
        }
        line
    })
}

/// An integer in any radix; `None` for other values and beyond 64 bits.
pub(crate) fn integer(value: &DeValue<'_>) -> Option<i64> {
    let integer = value.as_integer()?;
    i64::from_str_radix(integer.as_str(), integer.radix()).ok()
}

/// Reads a whole text file.
pub fn read_file(file: &Path) -> Result<String, FileError> {
    std::fs::read_to_string(file).map_err(|error| FileError {
        file: file.to_owned(),
        line: None,
        key: String::new(),
        reason: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_line_whatever_the_file_holds() {
        let source = Source { file: Path::new("t.toml"), text: "\nx = 1" };
        let error = source.error(Some(1..2), "a\u{1b}", "\"b\nc\" is ü");
        assert_eq!(error.to_string(), "t.toml:2: a\\u{1b}: \"b\\nc\" is ü");
    }
}
