//! Temporary files into which an export is written before it becomes an object. They hash what passes through, so
//! that a finished file has its `ETag` without being read again.

use std::fmt;
use std::io::{self, BufWriter, Write};
use std::sync::Arc;

use tempfile::NamedTempFile;

use crate::spool_directory::OwnFolder;
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
    /// Kept, and so kept locked, until the file is gone from it.
    folder: Arc<OwnFolder>,
}

/// A spooled file that is complete and safe on disk.
#[derive(Debug)]
pub(crate) struct FinishedSpool {
    pub(crate) file: NamedTempFile,
    pub(crate) len: u64,
    pub(crate) etag: String,
    _folder: Arc<OwnFolder>,
}

impl SpoolFile {
    /// Bytes written so far.
    pub fn bytes_written(&self) -> u64 {
        self.len
    }

    /// `file` lies in `folder`.
    pub(crate) fn new(file: NamedTempFile, folder: Arc<OwnFolder>) -> Self {
        Self { file: BufWriter::with_capacity(BUFFER_BYTES, file), hasher: EtagHasher::new(), len: 0, folder }
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
        Ok(FinishedSpool { file: written, len, etag: self.hasher.finish(), _folder: self.folder })
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

#[cfg(test)]
impl SpoolFile {
    /// A spool whose every write fails with "no space left on device".
    #[cfg(target_os = "linux")]
    pub(crate) fn on_full_disk(spool: &crate::spool_directory::SpoolDirectory) -> Self {
        let (_file, path) = NamedTempFile::new_in(spool.folder()).expect("temporary file").into_parts();
        let full = std::fs::File::options().write(true).open("/dev/full").expect("/dev/full");
        Self::new(NamedTempFile::from_parts(full, path), spool.own())
    }

    pub(crate) fn path(&self) -> std::path::PathBuf {
        self.file.get_ref().path().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::spool_directory::SpoolDirectory;

    fn spool(directory: &std::path::Path) -> SpoolFile {
        SpoolDirectory::new(directory.to_owned()).and_then(|spool| spool.create()).expect("spool")
    }

    #[test]
    fn a_file_shorter_than_what_was_written_is_refused() {
        let directory = tempfile::tempdir().expect("directory");
        let mut spool = spool(directory.path());
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
        let mut spool = spool(directory.path());
        for byte in b"hello us3\n" {
            spool.write_all(&[*byte]).expect("write");
        }
        let finished = spool.finish().expect("finish");
        assert_eq!(finished.etag, "AQAAAOLHrfrT5fOQMkCgn7UwPtiBXFz5");
        assert_eq!(fs::read(finished.file.path()).expect("read"), b"hello us3\n");
    }
}
