//! The lock that serializes writers in the order of their requests.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::failure::of_io;
use crate::error::StoreResult;

/// Suffix of the lock file of the next writer.
pub(super) const QUEUE: &str = "-queue.lock";
/// Suffix of the lock file of the current writer.
pub(super) const WRITER: &str = "-writer.lock";

/// Suffix of the lock file of servers.
pub(super) const SERVER: &str = "-server.lock";

/// Opens a lock file beside a database file, and creates it if it is absent.
pub(super) fn lock_file(database: &Path, suffix: &str) -> std::io::Result<File> {
    let mut name = database.as_os_str().to_owned();
    name.push(suffix);
    File::options().create(true).truncate(false).write(true).open(PathBuf::from(name))
}

/// The exclusive right to write. SQLite's own write lock is not fair: it goes to the first connection that tries after
/// it is free, so a long job that begins one transaction after another starves all other writers. Here a writer first
/// locks the queue, then waits for the writer lock, so it is the next to get it. Both are file locks: they apply
/// between processes, and the operating system releases them when a process ends.
pub(super) struct WriterLock {
    queue: File,
    _writer: File,
}

impl WriterLock {
    /// Acquires the lock of a database file; waits while another writer has it.
    pub(super) fn acquire(database: &Path) -> StoreResult<Self> {
        let acquire = || {
            let (queue, writer) = (lock_file(database, QUEUE)?, lock_file(database, WRITER)?);
            queue.lock()?;
            writer.lock()?;
            queue.unlock()?;
            Ok(Self { queue, _writer: writer })
        };
        acquire().map_err(of_io)
    }

    /// Whether another writer waits for this lock.
    pub(super) fn is_awaited(&self) -> bool {
        match self.queue.try_lock() {
            Ok(()) => self.queue.unlock().is_err(),
            Err(_) => true,
        }
    }
}
