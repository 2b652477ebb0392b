//! What an import may be given: files, and what can be read only once, which is spooled first.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::order_file::{BrokenFile, OrderFile};
use super::report::{Failure, Phase, Progress, Step};

/// Bytes between two progress reports while receiving.
const PIECE_BYTES: usize = 1 << 20;

/// Something to import orders from.
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

    /// Makes it a file that can be read twice.
    pub(super) fn open(self, spool_dir: &Path, progress: &mut dyn Progress) -> Result<OrderFile, Failure> {
        match self {
            Self::Stream { name, from } => receive(&name, from, spool_dir, progress),
            Self::File(path) if is_stream(&path) => {
                let name = path.display().to_string();
                let from = File::open(&path).map_err(|error| cannot_be_read(&name, &error))?;
                receive(&name, Box::new(from), spool_dir, progress)
            }
            Self::File(path) => OrderFile::open(&path).map_err(Failure::Broken),
        }
    }
}

/// Whether a path is there, but is neither a file nor a directory: `<(zcat …)` of a shell is a pipe.
fn is_stream(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir())
}

fn cannot_be_read(name: &str, error: &io::Error) -> Failure {
    let reason = format!("cannot be read: {error}");
    Failure::Broken(BrokenFile { file: name.to_owned(), line: None, reason })
}

fn receive(
    name: &str,
    mut from: Box<dyn Read + Send>,
    spool_dir: &Path,
    progress: &mut dyn Progress,
) -> Result<OrderFile, Failure> {
    let spool_error = |error| Failure::Spool { spool_dir: spool_dir.to_owned(), error };
    let mut spool = tempfile::tempfile_in(spool_dir).map_err(spool_error)?;
    let mut bytes_read = 0;
    let mut piece = Vec::with_capacity(PIECE_BYTES);
    loop {
        piece.clear();
        let read = (&mut from).take(PIECE_BYTES as u64).read_to_end(&mut piece);
        bytes_read += read.map_err(|error| cannot_be_read(name, &error))? as u64;
        if piece.is_empty() {
            return OrderFile::detect(name, spool).map_err(Failure::Broken);
        }
        spool.write_all(&piece).map_err(spool_error)?;
        let step = Step { phase: Phase::Receiving, bytes_read, bytes_total: 0, orders: 0 };
        if let ControlFlow::Break(()) = progress.step(&step) {
            return Err(Failure::Stopped);
        }
    }
}
