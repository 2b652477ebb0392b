//! A temporary file that an export is written to. Writes are hashed and counted against the spool's limit, so a
//! finished file need not be read again for its hashes.

use std::fmt;
use std::io::{self, BufWriter, Write};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

#[cfg(test)]
use super::budget::SpoolLimits;
use super::budget::{Reservation, SpoolBudget};
use super::folder::OwnFolder;
use crate::error::ObjectStoreError;
use crate::us3::EtagHasher;

/// Buffer size in bytes: smaller writes, such as CSV lines, are collected; larger ones bypass the buffer.
const BUFFER_BYTES: usize = 128 * 1024;

/// A file that is written sequentially. Dropping it deletes it; [`put`](crate::ObjectStore::put) makes it an object.
///
/// Its [`Write`] returns the system's errors: a full disk is [`io::ErrorKind::StorageFull`]. A write beyond the limit
/// of all spool files has the same kind and a message that names the limit.
pub struct SpoolFile {
    file: BufWriter<NamedTempFile>,
    hasher: EtagHasher,
    sha256: Sha256,
    len: u64,
    reservation: Reservation,
    /// Keeps the folder locked while the file is in it.
    folder: Arc<OwnFolder>,
}

/// A spool file that is complete and synced to disk.
#[derive(Debug)]
pub(crate) struct FinishedSpool {
    pub(crate) file: NamedTempFile,
    pub(crate) stored: Stored,
    _reservation: Reservation,
    _folder: Arc<OwnFolder>,
}

/// Size and hashes of a complete file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Size in bytes.
    pub len: u64,
    /// US3's `ETag`, without quotes.
    pub etag: String,
    /// SHA-256 of the content.
    pub sha256: [u8; 32],
}

impl SpoolFile {
    /// Bytes written so far.
    pub fn bytes_written(&self) -> u64 {
        self.len
    }

    /// Creates an empty file in `folder`, readable by its owner alone. Its bytes are taken from `budget`.
    pub(super) fn create(
        folder: Arc<OwnFolder>,
        budget: &Arc<SpoolBudget>,
    ) -> Result<Self, ObjectStoreError> {
        let failed = || ObjectStoreError::io("create a spool file in", folder.path());
        let reservation = budget.reservation().map_err(failed())?;
        let file = tempfile::Builder::new().prefix("spool-").tempfile_in(folder.path()).map_err(failed())?;
        Ok(Self::new(file, folder, reservation))
    }

    fn new(file: NamedTempFile, folder: Arc<OwnFolder>, reservation: Reservation) -> Self {
        Self {
            file: BufWriter::with_capacity(BUFFER_BYTES, file),
            hasher: EtagHasher::new(),
            sha256: Sha256::new(),
            len: 0,
            reservation,
            folder,
        }
    }

    /// Flushes and syncs the file, and checks its length against the bytes written, so that a truncated file is never
    /// linked.
    pub(crate) fn finish(self) -> Result<FinishedSpool, ObjectStoreError> {
        let path = self.file.get_ref().path().to_owned();
        let written = self.file.into_inner().map_err(|failed| {
            // Dropping the writer would retry the failed write.
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
    /// A spool file whose every write fails with "no space left on device".
    #[cfg(target_os = "linux")]
    pub(super) fn on_full_disk(folder: Arc<OwnFolder>) -> Self {
        let (_file, path) = NamedTempFile::new_in(folder.path()).expect("temporary file").into_parts();
        let full = std::fs::File::options().write(true).open("/dev/full").expect("/dev/full");
        let limits = SpoolLimits { bytes: u64::MAX, free_bytes: 0 };
        let reservation = SpoolBudget::new(limits, folder.path().to_owned()).reservation().expect("no floor");
        Self::new(NamedTempFile::from_parts(full, path), folder, reservation)
    }

    pub(crate) fn path(&self) -> std::path::PathBuf {
        self.file.get_ref().path().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn spool(directory: &std::path::Path) -> SpoolFile {
        let folder = Arc::new(OwnFolder::create(directory).expect("folder"));
        let limits = SpoolLimits { bytes: 1_000, free_bytes: 0 };
        SpoolFile::create(folder, &SpoolBudget::new(limits, directory.to_owned())).expect("spool")
    }

    #[test]
    fn a_truncated_file_is_refused() {
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
    fn small_writes_hash_like_one_write() {
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
}
