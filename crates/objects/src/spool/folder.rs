//! A server's own folder in the spool directory, and the file lock that marks it as in use. The system releases the
//! lock when the process ends, however it ends.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use tempfile::TempPath;

use crate::error::ObjectStoreError;
use crate::files::{is_gone, make_directories};

/// The extension of a folder's lock file, whose name is otherwise the folder's.
pub(super) const LOCK_EXTENSION: &str = "lock";

/// The extension of a journal. A journal describes something outside that its owner began and must end.
pub(crate) const JOURNAL_EXTENSION: &str = "journal";

/// Random characters of a folder's name: enough that no name is ever used twice.
const ID_CHARACTERS: usize = 16;

/// A locked folder. Removed when the store and all its spool files are dropped.
#[derive(Debug)]
pub(crate) struct OwnFolder {
    path: PathBuf,
    // Fields are dropped in this order: the lock is closed before its file is removed.
    _lock: File,
    lock_path: TempPath,
}

impl OwnFolder {
    /// Creates a folder in `directory`. The lock is created first: a folder without a lock is never cleared.
    pub(super) fn create(directory: &Path) -> Result<Self, ObjectStoreError> {
        let (lock, lock_path) = tempfile::Builder::new()
            .prefix("")
            .suffix(&format!(".{LOCK_EXTENSION}"))
            .rand_bytes(ID_CHARACTERS)
            .tempfile_in(directory)
            .map_err(ObjectStoreError::io("create a lock file in", directory))?
            .into_parts();
        lock.lock().map_err(ObjectStoreError::io("lock", &lock_path))?;
        let path = lock_path.with_extension("");
        make_directories(&path).map_err(ObjectStoreError::io("create directory", &path))?;
        Ok(Self { path, _lock: lock, lock_path })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn lock_path(&self) -> &Path {
        &self.lock_path
    }
}

impl Drop for OwnFolder {
    fn drop(&mut self) {
        if fs::remove_dir(&self.path).is_err_and(|error| !is_gone(&error)) {
            // The folder is not empty: the next start needs the lock file to find and clear it.
            self.lock_path.disable_cleanup(true);
        }
    }
}
