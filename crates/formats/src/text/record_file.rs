//! A file of records: where it is stored, its format and compression, and readers of it.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::error::{RecordFileError, StreamError};
use super::records::Records;
use super::source::{self, Compression, Format, format_of_name};

/// A file of records that can be read any number of times.
#[derive(Debug)]
pub struct RecordFile {
    name: String,
    storage: Storage,
    format: Format,
    compression: Compression,
    bytes: u64,
}

#[derive(Debug)]
enum Storage {
    /// Opened for each reading: a command line may name more files than a process may hold open.
    Path(PathBuf),
    /// A temporary file without a name.
    Spooled(File),
}

impl RecordFile {
    /// Opens a regular file, to report at once if that fails. The name states format and compression: `.jsonl`, `.json`
    /// or `.csv`, optionally followed by `.gz` or `.zst`.
    pub(crate) fn open(path: &Path) -> Result<Self, RecordFileError> {
        let name = path.display().to_string();
        let refuse = |reason: String| RecordFileError { file: name.clone(), line: None, reason };
        let metadata = File::open(path).and_then(|file| file.metadata());
        let metadata = metadata.map_err(|error| refuse(format!("the file cannot be opened: {error}")))?;
        if !metadata.is_file() {
            return Err(refuse("this is not a regular file".to_owned()));
        }
        let Some((format, compression)) = format_of_name(path) else {
            return Err(refuse(
                "the name must end in .jsonl, .json or .csv, and may add .gz or .zst".to_owned(),
            ));
        };
        Ok(Self { storage: Storage::Path(path.to_owned()), format, compression, bytes: metadata.len(), name })
    }

    /// Takes a spooled file, whose first bytes state format and compression; `name` is for messages.
    pub(super) fn detect(name: &str, mut file: File) -> Result<Self, RecordFileError> {
        let refuse = |error: &io::Error| RecordFileError {
            file: name.to_owned(),
            line: None,
            reason: source::explain(error, Compression::None),
        };
        let bytes = file.metadata().map_err(|error| refuse(&error))?.len();
        let (format, compression) = source::format_of_content(&mut file).map_err(|error| refuse(&error))?;
        Ok(Self { name: name.to_owned(), storage: Storage::Spooled(file), format, compression, bytes })
    }

    /// The name of the file in messages.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Size on disk in bytes, before decompression.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Reads the file from its start. Use one reader at a time: readers of a spooled file share one position in it.
    /// The bytes that are read, before decompression, are added to `bytes_read`.
    pub(crate) fn records(&self, bytes_read: Arc<AtomicU64>) -> Result<Records, RecordFileError> {
        let file = match &self.storage {
            Storage::Path(path) => File::open(path),
            Storage::Spooled(file) => file.try_clone(),
        };
        let text =
            file.and_then(|file| source::text(file, self.compression, bytes_read)).map_err(|error| {
                let reason = source::explain(&error, self.compression);
                RecordFileError { file: self.name.clone(), line: None, reason }
            })?;
        Ok(Records::new(text, self.format))
    }

    /// Adds the file, and the line at which reading stopped, to the error that ended `records`.
    pub(crate) fn error(&self, records: &Records, error: StreamError) -> RecordFileError {
        let (line, reason) = match error {
            StreamError::Malformed { line, reason } => (line, reason),
            // The line that could not be read follows the last whole one.
            StreamError::Io(error) => (records.line() + 1, source::explain(&error, self.compression)),
        };
        RecordFileError { file: self.name.clone(), line: Some(line), reason }
    }
}
