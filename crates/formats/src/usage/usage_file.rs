//! A file of usage records, read with or without a mapping.

use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::mapping::Mapping;
use super::reader::UsageReader;
use crate::text::{Input, OpenError, RecordFile, RecordFileError};

/// A file of usage records that can be read any number of times.
#[derive(Debug)]
pub struct UsageFile {
    file: RecordFile,
    mapping: Option<Mapping>,
}

/// Why a usage file could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum UsageFileError {
    /// The input cannot be read, or its format is not known.
    #[error(transparent)]
    File(#[from] RecordFileError),
    /// The spool file cannot be written.
    #[error("a temporary file cannot be written in {}: {error}", spool_dir.display())]
    Spool {
        /// The directory of the spool file.
        spool_dir: PathBuf,
        /// The error of the system.
        error: io::Error,
    },
    /// `progress` cancelled the spooling.
    #[error("stopped")]
    Stopped,
    /// The mapping does not state every required field.
    #[error("{mapping}: record: states no {}", missing.join(", "))]
    Incomplete {
        /// Name of the mapping as it was given.
        mapping: String,
        /// The required fields that it does not state.
        missing: Vec<&'static str>,
    },
}

impl UsageFile {
    /// Opens a file, or spools a stream to a file without a name in `spool_dir`; meanwhile `progress` receives the
    /// number of bytes so far and may cancel. If there is a mapping, it reads the records of the file.
    pub fn open(
        input: Input,
        mapping: Option<Mapping>,
        spool_dir: &Path,
        progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<Self, UsageFileError> {
        let missing = mapping.as_ref().map(Mapping::missing).unwrap_or_default();
        if let (Some(mapping), false) = (&mapping, missing.is_empty()) {
            return Err(UsageFileError::Incomplete { mapping: mapping.name().to_owned(), missing });
        }
        let file = input.open(spool_dir, progress).map_err(|error| match error {
            OpenError::File(error) => UsageFileError::File(error),
            OpenError::Spool(error) => UsageFileError::Spool { spool_dir: spool_dir.to_owned(), error },
            OpenError::Stopped => UsageFileError::Stopped,
        })?;
        Ok(Self { file, mapping })
    }

    /// The name of the file in messages.
    pub fn name(&self) -> &str {
        self.file.name()
    }

    /// Size on disk in bytes, before decompression.
    pub fn bytes(&self) -> u64 {
        self.file.bytes()
    }

    /// Reads the file from its start. Use one reader at a time: readers of a spooled file share one position in it.
    /// The bytes that are read, before decompression, are added to `bytes_read`.
    pub fn records(&self, bytes_read: Arc<AtomicU64>) -> Result<UsageReader<'_>, RecordFileError> {
        UsageReader::new(&self.file, self.mapping.as_ref(), bytes_read)
    }
}
