//! Limits on a store's spool files: on their total size, and on what is left free of the disk, so that exports cannot fill
//! the disk that holds the data.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A file asks for the free space of the disk each time it has grown by this many bytes.
const CHECKED_BYTES: u64 = 4 << 20;

/// How much disk the unfinished files of a server may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpoolLimits {
    /// Most bytes of all unfinished files together.
    pub bytes: u64,
    /// Bytes of the disk that stay free for other data: no file is begun or continued when fewer are free.
    pub free_bytes: u64,
}

/// The limits and what is used of them, in bytes.
#[derive(Debug)]
pub(crate) struct SpoolBudget {
    limits: SpoolLimits,
    used: AtomicU64,
    /// A directory of the disk.
    directory: PathBuf,
    /// Returns the bytes that are free there.
    free_bytes: fn(&Path) -> io::Result<u64>,
}

/// The bytes that one file takes from a budget. Released on drop.
#[derive(Debug)]
pub(crate) struct Reservation {
    budget: Arc<SpoolBudget>,
    bytes: u64,
    /// Bytes that may still be taken before the free space is asked for again.
    unchecked: u64,
}

/// The error of a write beyond the limit, of kind [`io::ErrorKind::StorageFull`].
#[derive(Debug, thiserror::Error)]
#[error("the limit of all spool files together, {limit} bytes, is used up")]
struct SpoolFull {
    limit: u64,
}

/// The error of a write that would leave too little of the disk free, of kind [`io::ErrorKind::StorageFull`].
#[derive(Debug, thiserror::Error)]
#[error("{free} bytes of the disk are free, and {floor} are kept free for other data than exports")]
struct DiskLow {
    free: u64,
    floor: u64,
}

impl SpoolBudget {
    /// The budget of files in `directory`.
    pub(crate) fn new(limits: SpoolLimits, directory: PathBuf) -> Arc<Self> {
        Self::with_free_bytes(limits, directory, free_bytes)
    }

    /// As [`new`](Self::new), with another source of the free space.
    pub(super) fn with_free_bytes(
        limits: SpoolLimits,
        directory: PathBuf,
        free_bytes: fn(&Path) -> io::Result<u64>,
    ) -> Arc<Self> {
        Arc::new(Self { limits, used: AtomicU64::new(0), directory, free_bytes })
    }

    /// An empty reservation.
    pub(crate) fn reservation(self: &Arc<Self>) -> io::Result<Reservation> {
        self.check_free()?;
        Ok(Reservation { budget: Arc::clone(self), bytes: 0, unchecked: CHECKED_BYTES })
    }

    /// Bytes that files have taken.
    pub(crate) fn used_bytes(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    fn check_free(&self) -> io::Result<()> {
        let floor = self.limits.free_bytes;
        if floor == 0 {
            return Ok(());
        }
        match (self.free_bytes)(&self.directory)? {
            free if free < floor => Err(io::Error::new(io::ErrorKind::StorageFull, DiskLow { free, floor })),
            _ => Ok(()),
        }
    }
}

/// Bytes of a directory's disk that are free for this process.
///
/// # Errors
/// The directory does not exist, or its disk cannot be asked.
pub fn free_bytes(directory: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(directory)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

impl Reservation {
    /// Takes all `bytes`, or none if that exceeds a limit.
    pub(crate) fn grow(&mut self, bytes: u64) -> io::Result<()> {
        if let Some(left) = self.unchecked.checked_sub(bytes) {
            self.unchecked = left;
        } else {
            self.budget.check_free()?;
            self.unchecked = CHECKED_BYTES;
        }
        let SpoolBudget { limits: SpoolLimits { bytes: limit, .. }, used, .. } = self.budget.as_ref();
        let grown = |now: u64| now.checked_add(bytes).filter(|sum| sum <= limit);
        match used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, grown) {
            Ok(_) => {
                self.bytes += bytes;
                Ok(())
            }
            Err(_) => Err(io::Error::new(io::ErrorKind::StorageFull, SpoolFull { limit: *limit })),
        }
    }

    /// Releases `bytes`.
    pub(crate) fn shrink(&mut self, bytes: u64) {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        self.budget.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.shrink(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;

    #[test]
    fn a_file_is_neither_begun_nor_continued_below_the_floor_of_free_space() {
        // A function pointer has no state of its own.
        static FREE: AtomicU64 = AtomicU64::new(1_000);
        let limits = SpoolLimits { bytes: u64::MAX, free_bytes: 1_000 };
        let free = |_: &Path| Ok(FREE.load(Ordering::Relaxed));
        let budget = SpoolBudget::with_free_bytes(limits, PathBuf::new(), free);
        let mut file = budget.reservation().expect("as much is free as must be");
        file.grow(CHECKED_BYTES).expect("no question yet");
        FREE.store(999, Ordering::Relaxed);
        let error = file.grow(1).expect_err("one byte too little is free");
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert_eq!(
            error.to_string(),
            "999 bytes of the disk are free, and 1000 are kept free for other data than exports"
        );
        assert_eq!(budget.reservation().expect_err("not begun").kind(), io::ErrorKind::StorageFull);
        FREE.store(1_000, Ordering::Relaxed);
        file.grow(1).expect("free again");
        assert_eq!(budget.used.load(Ordering::Relaxed), CHECKED_BYTES + 1);
    }

    #[test]
    fn the_free_space_of_a_disk_is_read() {
        let directory = tempfile::tempdir().expect("directory");
        let floor = |free_bytes| {
            let limits = SpoolLimits { bytes: 1, free_bytes };
            SpoolBudget::new(limits, directory.path().to_owned()).reservation().map(drop)
        };
        floor(1).expect("a test needs a byte");
        assert_eq!(floor(u64::MAX).expect_err("no disk is so big").kind(), io::ErrorKind::StorageFull);
    }
}
