//! What an import may be given: files, and what can be read only once, which is spooled first.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::{BrokenFile, TextFile};

/// Bytes between two progress reports while receiving.
const PIECE_BYTES: usize = 1 << 20;

/// Something to import records from.
pub enum Input {
    /// A file; its name says what it is. A pipe or a device is spooled like a stream.
    File(PathBuf),
    /// What can be read only once; its content says what it is.
    Stream {
        /// For messages.
        name: String,
        /// Read to its end before anything is checked.
        from: Box<dyn Read + Send>,
    },
}

impl Input {
    /// A command line's argument: a path, or `-` for standard input.
    pub fn from_argument(argument: &OsStr) -> Self {
        if argument == "-" {
            Self::Stream { name: "standard input".to_owned(), from: Box::new(io::stdin()) }
        } else {
            Self::File(argument.into())
        }
    }

    /// Makes it a file that can be read twice. While a stream is received, `progress` is told the bytes so far and may
    /// stop it.
    pub fn open(
        self,
        spool_dir: &Path,
        progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<TextFile, OpenError> {
        match self {
            Self::Stream { name, from } => receive(&name, from, spool_dir, progress),
            Self::File(path) if is_stream(&path) => {
                let name = path.display().to_string();
                let from = File::open(&path).map_err(|error| cannot_be_read(&name, &error))?;
                receive(&name, Box::new(from), spool_dir, progress)
            }
            Self::File(path) => TextFile::open(&path).map_err(OpenError::Broken),
        }
    }
}

/// Why there is no file to read.
#[derive(Debug)]
pub enum OpenError {
    /// It is no file of records, or cannot be read.
    Broken(BrokenFile),
    /// The spool directory does not take it.
    Spool(io::Error),
    /// Whoever watches stopped it.
    Stopped,
}

/// Whether a path is there, but is neither a file nor a directory: `<(zcat …)` of a shell is a pipe.
fn is_stream(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir())
}

fn cannot_be_read(name: &str, error: &io::Error) -> OpenError {
    let reason = format!("cannot be read: {error}");
    OpenError::Broken(BrokenFile { file: name.to_owned(), line: None, reason })
}

fn receive(
    name: &str,
    mut from: Box<dyn Read + Send>,
    spool_dir: &Path,
    progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
) -> Result<TextFile, OpenError> {
    let mut spool = tempfile::tempfile_in(spool_dir).map_err(OpenError::Spool)?;
    let mut bytes_read = 0;
    let mut piece = Vec::with_capacity(PIECE_BYTES);
    loop {
        piece.clear();
        let read = (&mut from).take(PIECE_BYTES as u64).read_to_end(&mut piece);
        bytes_read += read.map_err(|error| cannot_be_read(name, &error))? as u64;
        if piece.is_empty() {
            return TextFile::detect(name, spool).map_err(OpenError::Broken);
        }
        spool.write_all(&piece).map_err(OpenError::Spool)?;
        if let ControlFlow::Break(()) = progress(bytes_read) {
            return Err(OpenError::Stopped);
        }
    }
}
