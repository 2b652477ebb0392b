//! Where in a TOML file something is wrong. What a file means belongs to the modules that read one.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// A file that cannot be used: its name, the line if one is to blame, the key, and the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileError {
    /// The file as it was named.
    pub file: PathBuf,
    /// From 1; `None` when no line is to blame.
    pub line: Option<usize>,
    /// Dotted path of the key; empty when no key is to blame.
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

/// The text of a file together with its name, for errors that point into it.
pub struct Source<'a> {
    /// The file as it was named.
    pub file: &'a Path,
    /// Its whole text.
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
        FileError { file: self.file.to_owned(), line, key: key.into(), reason: reason.into() }
    }

    /// What the parser said, on one line, with the key that it names.
    pub fn parse_error(&self, mut error: toml::de::Error) -> FileError {
        let span = error.span();
        // Without its input the error ends in the key's path instead of a drawing of the line.
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

/// Reads a whole text file.
pub fn read_file(file: &Path) -> Result<String, FileError> {
    std::fs::read_to_string(file).map_err(|error| FileError {
        file: file.to_owned(),
        line: None,
        key: String::new(),
        reason: error.to_string(),
    })
}
