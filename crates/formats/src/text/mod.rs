//! Files of records (docs/ORDER_FILES.md, "Format"): JSON Lines or CSV, plain or compressed, a path or a stream that is
//! spooled first; read record by record in bounded memory. What a record means is known to the modules that read one
//! kind of file each.

mod csv;
mod input;
pub(crate) mod json;
mod lines;
mod source;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

pub(crate) use csv::{Broken, CsvReader};
pub(crate) use lines::{LineReader, MAX_LINE_BYTES, Next};
use source::Text;

pub use input::{Input, OpenError};
pub use source::{Compression, Format, form_of_name};

/// One record that is not what its file should hold. The rest of its file can be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {reason}")]
pub struct LineError {
    /// The file as it was named, or what stands for standard input.
    pub file: String,
    /// The line that the record starts on, from 1.
    pub line: u64,
    /// Lowercase, no full stop; the field first, where it is one field's fault.
    pub reason: String,
}

/// A file that cannot be read to its end: missing, damaged, cut off, or without a usable header.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}{}: {reason}", line.map(|line| format!(":{line}")).unwrap_or_default())]
pub struct BrokenFile {
    /// The file as it was named, or what stands for standard input.
    pub file: String,
    /// The line that was reached; `None` if the file could not be opened.
    pub line: Option<u64>,
    /// Lowercase, no full stop.
    pub reason: String,
}

/// A file to read records from, any number of times.
#[derive(Debug)]
pub struct TextFile {
    name: String,
    source: Source,
    format: Format,
    compression: Compression,
    bytes: u64,
}

#[derive(Debug)]
enum Source {
    /// Opened for each reading: a command line may name more files than a process may hold open.
    Path(PathBuf),
    /// A temporary file without a name.
    Spooled(File),
}

impl TextFile {
    /// Takes a regular file whose name says what it is: `.jsonl` or `.csv`, and `.gz` or `.zst` behind it. That it
    /// can be opened is tried at once.
    pub(crate) fn open(path: &Path) -> Result<Self, BrokenFile> {
        let name = path.display().to_string();
        let refuse = |reason: String| BrokenFile { file: name.clone(), line: None, reason };
        let metadata = File::open(path).and_then(|file| file.metadata());
        let metadata = metadata.map_err(|error| refuse(format!("the file cannot be opened: {error}")))?;
        if !metadata.is_file() {
            return Err(refuse("this is not a regular file".to_owned()));
        }
        let Some((format, compression)) = form_of_name(path) else {
            return Err(refuse("the name must end in .jsonl or .csv, and may add .gz or .zst".to_owned()));
        };
        Ok(Self { source: Source::Path(path.to_owned()), format, compression, bytes: metadata.len(), name })
    }

    /// Takes a file that has no name of its own (standard input as it was received); its first bytes say what it is.
    pub(crate) fn detect(name: &str, mut file: File) -> Result<Self, BrokenFile> {
        let refuse = |error: &io::Error| BrokenFile {
            file: name.to_owned(),
            line: None,
            reason: source::explain(error, Compression::None),
        };
        let bytes = file.metadata().map_err(|error| refuse(&error))?.len();
        let (format, compression) = source::form_of_content(&mut file).map_err(|error| refuse(&error))?;
        Ok(Self { name: name.to_owned(), source: Source::Spooled(file), format, compression, bytes })
    }

    /// The file as messages name it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Its length on the disk, compressed as it is.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Reads it from its start. Use one reader at a time: those of a file without a name share one position in it.
    /// What is read is added to `bytes_read`, compressed as it is.
    pub(crate) fn records(&self, bytes_read: Arc<AtomicU64>) -> Result<Records, BrokenFile> {
        let file = match &self.source {
            Source::Path(path) => File::open(path),
            Source::Spooled(file) => file.try_clone(),
        };
        let text =
            file.and_then(|file| source::text(file, self.compression, bytes_read)).map_err(|error| {
                let reason = source::explain(&error, self.compression);
                BrokenFile { file: self.name.clone(), line: None, reason }
            })?;
        Ok(match self.format {
            Format::JsonLines => Records::JsonLines(LineReader::new(text)),
            Format::Csv => Records::Csv(CsvReader::new(text)),
        })
    }

    /// Names the file and the line at which the reading of `records` ended.
    pub(crate) fn broken(&self, records: &Records, broken: Broken) -> BrokenFile {
        let (line, reason) = match broken {
            Broken::Form(line, reason) => (line, reason),
            // The line that could not be read is the one behind the last whole one.
            Broken::Io(error) => (records.line() + 1, source::explain(&error, self.compression)),
        };
        BrokenFile { file: self.name.clone(), line: Some(line), reason }
    }
}

/// The records of a file.
pub(crate) enum Records {
    /// One a line.
    JsonLines(LineReader<Text>),
    /// The header is the first; whoever knows the columns reads it.
    Csv(CsvReader<Text>),
}

impl Records {
    /// Number of the line that was read last.
    pub(crate) fn line(&self) -> u64 {
        match self {
            Self::JsonLines(lines) => lines.line(),
            Self::Csv(records) => records.line(),
        }
    }

    /// Goes to the next record and gives the line that it starts on; `None` at the end.
    pub(crate) fn advance(&mut self) -> Result<Option<(u64, Next)>, Broken> {
        match self {
            Self::Csv(records) => Ok(records.advance()?.map(|line| (line, Next::Line))),
            Self::JsonLines(lines) => loop {
                match lines.advance()? {
                    Next::End => return Ok(None),
                    Next::Line if lines.bytes().trim_ascii().is_empty() => {}
                    next => return Ok(Some((lines.line(), next))),
                }
            },
        }
    }
}

/// A name from a file as it can be shown in one line of a message: nothing that moves a cursor, never long.
pub(crate) fn shorten(name: &str) -> String {
    const SHOWN_CHARS: usize = 60;
    let mut shown: String = name.chars().take(SHOWN_CHARS).flat_map(char::escape_debug).collect();
    if name.chars().nth(SHOWN_CHARS).is_some() {
        shown.push('…');
    }
    if shown.is_empty() { "\"\"".to_owned() } else { shown }
}
