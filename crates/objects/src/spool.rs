//! Temporary files into which an export is written before it becomes an object. They hash what passes through, so
//! that a finished file has its hashes without being read again, and count it against the spool's limit.

use std::fmt;
use std::io::{self, BufWriter, Write};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

use crate::spool_budget::Reservation;
use crate::spool_directory::OwnFolder;
use crate::store::{ObjectStoreError, Stored};
use crate::us3::EtagHasher;

/// Small writes (CSV lines) are gathered into writes of this size; larger ones pass straight through.
const BUFFER_BYTES: usize = 128 * 1024;

/// A file being written, from beginning to end. Deleted when dropped; [`put`](crate::ObjectStore::put) makes it an
/// object.
///
/// Errors of its [`Write`] are the system's own: a full disk is [`io::ErrorKind::StorageFull`]. So is a write that goes
/// beyond the limit of all spool files together, with a message that says so.
pub struct SpoolFile {
    file: BufWriter<NamedTempFile>,
    hasher: EtagHasher,
    sha256: Sha256,
    len: u64,
    reservation: Reservation,
    /// Kept, and so kept locked, until the file is gone from it.
    folder: Arc<OwnFolder>,
}

/// A spooled file that is complete and safe on disk.
#[derive(Debug)]
pub(crate) struct FinishedSpool {
    pub(crate) file: NamedTempFile,
    pub(crate) stored: Stored,
    _reservation: Reservation,
    _folder: Arc<OwnFolder>,
}

impl SpoolFile {
    /// Bytes written so far.
    pub fn bytes_written(&self) -> u64 {
        self.len
    }

    /// `file` lies in `folder`, and what is written to it is taken from `reservation`, which holds nothing yet.
    pub(crate) fn new(file: NamedTempFile, folder: Arc<OwnFolder>, reservation: Reservation) -> Self {
        Self {
            file: BufWriter::with_capacity(BUFFER_BYTES, file),
            hasher: EtagHasher::new(),
            sha256: Sha256::new(),
            len: 0,
            reservation,
            folder,
        }
    }

    /// Writes out what is buffered, makes it durable, and checks that the file is as long as what was written: a
    /// cut file is never linked.
    pub(crate) fn finish(self) -> Result<FinishedSpool, ObjectStoreError> {
        let path = self.file.get_ref().path().to_owned();
        let written = self.file.into_inner().map_err(|failed| {
            // Taken apart, so that dropping the writer does not try the failed write once more.
            let (error, writer) = failed.into_parts();
            let (file, _unwritten) = writer.into_parts();
            drop(file);
            ObjectStoreError::io("write spool file", &path)(error)
        })?;
        let len =
            written.as_file().metadata().map_err(ObjectStoreError::io("measure spool file", &path))?.len();
        if len != self.len {
            let cut = io::Error::new(
                io::ErrorKind::InvalidData,
                format!("{} bytes were written but the file holds {len}", self.len),
            );
            return Err(ObjectStoreError::io("finish spool file", &path)(cut));
        }
        written.as_file().sync_all().map_err(ObjectStoreError::io("sync spool file", &path))?;
        let stored = Stored { len, etag: self.hasher.finish(), sha256: self.sha256.finalize().into() };
        Ok(FinishedSpool { file: written, stored, _reservation: self.reservation, _folder: self.folder })
    }
}

impl Write for SpoolFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.reservation.grow(bytes.len() as u64)?;
        let written = self.file.write(bytes);
        let taken = *written.as_ref().unwrap_or(&0);
        self.reservation.shrink((bytes.len() - taken) as u64);
        written?;
        self.hasher.update(&bytes[..taken]);
        self.sha256.update(&bytes[..taken]);
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
        let reservation = crate::spool_budget::SpoolBudget::new(u64::MAX).reservation();
        Self::new(NamedTempFile::from_parts(full, path), spool.own(), reservation)
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
        SpoolDirectory::new(directory.to_owned(), 1_000).and_then(|spool| spool.create()).expect("spool")
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
            matches!(&error, ObjectStoreError::Io { source, .. } if source.kind() == io::ErrorKind::InvalidData)
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
        assert_eq!(finished.stored.etag, "AQAAAOLHrfrT5fOQMkCgn7UwPtiBXFz5");
        assert_eq!(finished.stored.sha256, <[u8; 32]>::from(Sha256::digest(b"hello us3\n")));
        assert_eq!(fs::read(finished.file.path()).expect("read"), b"hello us3\n");
    }

    #[test]
    fn all_files_together_are_bounded_and_give_their_room_back() {
        let directory = tempfile::tempdir().expect("directory");
        let directory = SpoolDirectory::new(directory.path().to_owned(), 1_000).expect("spool");
        let (mut first, mut second) =
            (directory.create().expect("first"), directory.create().expect("second"));
        first.write_all(&[1; 600]).expect("fits");
        let error = second.write_all(&[2; 401]).expect_err("one byte too many");
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert_eq!(error.to_string(), "the limit of all spool files together, 1000 bytes, is used up");
        assert!(ObjectStoreError::io("write", directory.folder())(error).is_full());
        second.write_all(&[2; 400]).expect("what is left");
        assert_eq!(second.bytes_written(), 400);
        assert!(second.write_all(&[2]).is_err());
        // Finished files lie in the spool as well, until they are dropped or moved away.
        let finished = first.finish().expect("finish");
        assert!(second.write_all(&[2]).is_err());
        drop(finished);
        second.write_all(&[2; 600]).expect("room again");
        drop(second);
        directory.create().expect("third").write_all(&[3; 1_000]).expect("all of it");
    }
}
