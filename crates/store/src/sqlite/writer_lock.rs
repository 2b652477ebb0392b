//! The lock that serializes writers in the order in which they asked.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::failure::of_io;
use crate::error::StoreResult;

/// Added to the name of the database file: the lock of the next writer.
pub(super) const QUEUE: &str = "-queue.lock";
/// Added to the name of the database file: the lock of the writer.
pub(super) const WRITER: &str = "-writer.lock";

/// The exclusive right to write. SQLite gives its own write lock to the first connection that tries at the right moment,
/// so that a long job which begins a new transaction at once starves all others. Here a writer first locks the queue,
/// then waits for the writer's lock, so that it is next as soon as that is free. These are file locks: they hold between
/// processes, and the system releases them when a process ends.
pub(super) struct WriterLock {
    queue: File,
    _writer: File,
}

impl WriterLock {
    /// Waits for the lock of a database file.
    pub(super) fn acquire(database: &Path) -> StoreResult<Self> {
        let open = |suffix: &str| {
            let mut name = database.as_os_str().to_owned();
            name.push(suffix);
            File::options().create(true).truncate(false).write(true).open(PathBuf::from(name))
        };
        let acquire = || {
            let (queue, writer) = (open(QUEUE)?, open(WRITER)?);
            queue.lock()?;
            writer.lock()?;
            queue.unlock()?;
            Ok(Self { queue, _writer: writer })
        };
        acquire().map_err(of_io)
    }

    /// Whether another writer waits for this one.
    pub(super) fn is_awaited(&self) -> bool {
        match self.queue.try_lock() {
            Ok(()) => self.queue.unlock().is_err(),
            Err(_) => true,
        }
    }
}
