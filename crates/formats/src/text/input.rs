//! Inputs of an import: files, and streams, which can be read only once and are spooled first.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::error::RecordFileError;
use super::record_file::RecordFile;

/// Bytes between two progress reports while a stream is spooled.
const PIECE_BYTES: usize = 1 << 20;

/// A source of records.
pub enum Input {
    /// A file; its name states format and compression. A pipe or a device is spooled like a stream.
    File(PathBuf),
    /// A stream that can be read only once; its content states format and compression.
    Stream {
        /// Name in messages.
        name: String,
        /// Read to its end before any record is checked.
        from: Box<dyn Read + Send>,
    },
}

impl Input {
    /// Reads an argument of a command line: a path, or `-` for standard input.
    pub fn from_argument(argument: &OsStr) -> Self {
        if argument == "-" {
            Self::Stream { name: "standard input".to_owned(), from: Box::new(io::stdin()) }
        } else {
            Self::File(argument.into())
        }
    }

    /// Makes a file that can be read more than once. While a stream is spooled, `progress` receives the number of
    /// bytes so far and may cancel.
    pub fn open(
        self,
        spool_dir: &Path,
        progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<RecordFile, OpenError> {
        match self {
            Self::Stream { name, from } => spool(&name, from, spool_dir, progress),
            Self::File(path) if is_stream(&path) => {
                let name = path.display().to_string();
                let from = File::open(&path).map_err(|error| cannot_be_read(&name, &error))?;
                spool(&name, Box::new(from), spool_dir, progress)
            }
            Self::File(path) => RecordFile::open(&path).map_err(OpenError::File),
        }
    }
}

/// Why an input could not be opened.
#[derive(Debug)]
pub enum OpenError {
    /// The input cannot be read, or its format is not known.
    File(RecordFileError),
    /// The spool file cannot be written.
    Spool(io::Error),
    /// `progress` cancelled the spooling.
    Stopped,
}

/// Whether a path exists, but is neither a file nor a directory: `<(zcat …)` of a shell is a pipe.
fn is_stream(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir())
}

fn cannot_be_read(name: &str, error: &io::Error) -> OpenError {
    let reason = format!("cannot be read: {error}");
    OpenError::File(RecordFileError { file: name.to_owned(), line: None, reason })
}

fn spool(
    name: &str,
    mut from: Box<dyn Read + Send>,
    spool_dir: &Path,
    progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
) -> Result<RecordFile, OpenError> {
    let mut spool = tempfile::tempfile_in(spool_dir).map_err(OpenError::Spool)?;
    let mut bytes_read = 0;
    let mut piece = Vec::with_capacity(PIECE_BYTES);
    loop {
        piece.clear();
        let read = (&mut from).take(PIECE_BYTES as u64).read_to_end(&mut piece);
        bytes_read += read.map_err(|error| cannot_be_read(name, &error))? as u64;
        if piece.is_empty() {
            return RecordFile::detect(name, spool).map_err(OpenError::File);
        }
        spool.write_all(&piece).map_err(OpenError::Spool)?;
        if let ControlFlow::Break(()) = progress(bytes_read) {
            return Err(OpenError::Stopped);
        }
    }
}
