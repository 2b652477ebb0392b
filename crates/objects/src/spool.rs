//! Temporary files into which an export is written before it becomes an object. They hash what passes through, so
//! that a finished file has its `ETag` without being read again.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::{fmt, fs};

use tempfile::NamedTempFile;

use crate::store::StoreError;
use crate::us3::EtagHasher;

/// Small writes (CSV lines) are gathered into writes of this size; larger ones pass straight through.
const BUFFER_BYTES: usize = 128 * 1024;

/// A file being written, from beginning to end. Deleted when dropped; [`put`](crate::ObjectStore::put) makes it an
/// object.
///
/// Errors of its [`Write`] are the system's own: a full disk is [`io::ErrorKind::StorageFull`].
pub struct SpoolFile {
    file: BufWriter<NamedTempFile>,
    hasher: EtagHasher,
    len: u64,
}

/// A spooled file that is complete and safe on disk.
#[derive(Debug)]
pub(crate) struct FinishedSpool {
    pub(crate) file: NamedTempFile,
    pub(crate) len: u64,
    pub(crate) etag: String,
}

impl SpoolFile {
    /// Bytes written so far.
    pub fn bytes_written(&self) -> u64 {
        self.len
    }

    fn new(file: NamedTempFile) -> Self {
        Self { file: BufWriter::with_capacity(BUFFER_BYTES, file), hasher: EtagHasher::new(), len: 0 }
    }

    /// Writes out what is buffered, makes it durable, and checks that the file is as long as what was written: a
    /// cut file is never linked.
    pub(crate) fn finish(self) -> Result<FinishedSpool, StoreError> {
        let path = self.file.get_ref().path().to_owned();
        let written = self.file.into_inner().map_err(|failed| {
            // Taken apart, so that dropping the writer does not try the failed write once more.
            let (error, writer) = failed.into_parts();
            let (file, _unwritten) = writer.into_parts();
            drop(file);
            StoreError::io("write spool file", &path)(error)
        })?;
        let len = written.as_file().metadata().map_err(StoreError::io("measure spool file", &path))?.len();
        if len != self.len {
            let cut = io::Error::new(
                io::ErrorKind::InvalidData,
                format!("{} bytes were written but the file holds {len}", self.len),
            );
            return Err(StoreError::io("finish spool file", &path)(cut));
        }
        written.as_file().sync_all().map_err(StoreError::io("sync spool file", &path))?;
        Ok(FinishedSpool { file: written, len, etag: self.hasher.finish() })
    }
}

impl Write for SpoolFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.file.write(bytes)?;
        self.hasher.update(&bytes[..taken]);
        self.len += taken as u64;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl fmt::Debug for SpoolFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpoolFile")
            .field("path", &self.file.get_ref().path())
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}

/// The directory of spool files.
#[derive(Debug)]
pub(crate) struct SpoolDirectory {
    path: PathBuf,
}

impl SpoolDirectory {
    /// `path` must exist.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// A new, empty spool file, readable by its owner alone.
    pub(crate) fn create(&self) -> Result<SpoolFile, StoreError> {
        tempfile::Builder::new()
            .prefix("spool-")
            .tempfile_in(&self.path)
            .map(SpoolFile::new)
            .map_err(StoreError::io("create a spool file in", &self.path))
    }

    /// Removes every file in it and tells how many there were.
    pub(crate) fn clear(&self) -> Result<u64, StoreError> {
        let mut removed = 0;
        for entry in fs::read_dir(&self.path).map_err(StoreError::io("list", &self.path))? {
            let entry = entry.map_err(StoreError::io("list", &self.path))?;
            let path = entry.path();
            if is_directory(&entry, &path)? {
                continue;
            }
            match fs::remove_file(&path) {
                Ok(()) => removed += 1,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(StoreError::io("remove spool file", &path)(error)),
            }
        }
        Ok(removed)
    }
}

fn is_directory(entry: &fs::DirEntry, path: &Path) -> Result<bool, StoreError> {
    entry.file_type().map(|kind| kind.is_dir()).map_err(StoreError::io("look at", path))
}

#[cfg(test)]
impl SpoolFile {
    /// A spool whose every write fails with "no space left on device".
    #[cfg(target_os = "linux")]
    pub(crate) fn on_full_disk(directory: &Path) -> Self {
        let (_file, path) = NamedTempFile::new_in(directory).expect("temporary file").into_parts();
        let full = fs::File::options().write(true).open("/dev/full").expect("/dev/full");
        Self::new(NamedTempFile::from_parts(full, path))
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.file.get_ref().path().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_shorter_than_what_was_written_is_refused() {
        let directory = tempfile::tempdir().expect("directory");
        let mut spool = SpoolDirectory::new(directory.path().to_owned()).create().expect("spool");
        spool.write_all(b"0123456789").expect("write");
        spool.flush().expect("flush");
        let other = fs::File::options().write(true).open(spool.path()).expect("open");
        other.set_len(4).expect("cut");
        let error = spool.finish().expect_err("cut file");
        assert!(
            matches!(&error, StoreError::Io { source, .. } if source.kind() == io::ErrorKind::InvalidData)
        );
    }

    #[test]
    fn many_small_writes_hash_like_one() {
        let directory = tempfile::tempdir().expect("directory");
        let mut spool = SpoolDirectory::new(directory.path().to_owned()).create().expect("spool");
        for byte in b"hello us3\n" {
            spool.write_all(&[*byte]).expect("write");
        }
        let finished = spool.finish().expect("finish");
        assert_eq!(finished.etag, "AQAAAOLHrfrT5fOQMkCgn7UwPtiBXFz5");
        assert_eq!(fs::read(finished.file.path()).expect("read"), b"hello us3\n");
    }
}
