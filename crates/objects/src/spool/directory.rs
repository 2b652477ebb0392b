//! The spool directory, shared by the servers of a deployment. Each server writes into a folder of its own, and a file
//! lock tells the others whether the folder is in use.
//!
//! `spool/<id>/` is a server's folder, `spool/<id>.lock` its lock. The lock is beside the folder, not in it: a network
//! file system keeps a file that is removed while open under another name, and the folder would not be empty.
//! `spool/lock` serializes creating folders and clearing those of other servers.
//!
//! A file `*.journal` describes something outside that its owner began and must end. The server that clears a crashed
//! server's folder takes these files over; their content is defined in `remote/journal.rs`.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::budget::{SpoolBudget, SpoolLimits};
use super::file::SpoolFile;
use super::folder::{JOURNAL_EXTENSION, LOCK_EXTENSION, OwnFolder};
use crate::error::ObjectStoreError;
use crate::files::{files_in, is_gone, remove_if_present};

/// The file that is locked while folders are created and cleared.
const DIRECTORY_LOCK: &str = "lock";

/// The directory, with this store's own folder in it.
#[derive(Debug)]
pub(crate) struct SpoolDirectory {
    path: PathBuf,
    own: Arc<OwnFolder>,
    budget: Arc<SpoolBudget>,
}

impl SpoolDirectory {
    /// Creates a folder in `path`, which must exist, for files within `limits`.
    pub(crate) fn new(path: PathBuf, limits: SpoolLimits) -> Result<Self, ObjectStoreError> {
        let _lock = lock_directory(&path)?;
        let own = Arc::new(OwnFolder::create(&path)?);
        let budget = SpoolBudget::new(limits, path.clone());
        Ok(Self { path, own, budget })
    }

    /// Bytes of the unfinished files.
    pub(crate) fn used_bytes(&self) -> u64 {
        self.budget.used_bytes()
    }

    /// Creates an empty spool file, readable by its owner alone.
    pub(crate) fn create(&self) -> Result<SpoolFile, ObjectStoreError> {
        SpoolFile::create(Arc::clone(&self.own), &self.budget)
    }

    /// This store's own folder.
    pub(crate) fn folder(&self) -> &Path {
        self.own.path()
    }

    /// A spool file whose every write fails with "no space left on device".
    #[cfg(all(test, target_os = "linux"))]
    pub(crate) fn create_on_full_disk(&self) -> SpoolFile {
        SpoolFile::on_full_disk(Arc::clone(&self.own))
    }

    /// Removes the files of servers that no longer run, and those of versions that had no folders. Returns how many
    /// there were. Journals are not counted; they are moved to this store's own folder.
    pub(crate) fn clear(&self) -> Result<u64, ObjectStoreError> {
        let _lock = lock_directory(&self.path)?;
        let mut removed = 0;
        for path in files_in(&self.path)? {
            let name = path.file_name().unwrap_or_default();
            // A running import keeps unnamed files here, which a network file system shows under hidden names.
            let is_hidden = name.as_encoded_bytes().starts_with(b".");
            if is_hidden || name == DIRECTORY_LOCK || Some(name) == self.own.lock_path().file_name() {
                continue;
            }
            removed += if path.extension().is_some_and(|extension| extension == LOCK_EXTENSION) {
                clear_unless_locked(&path, self.folder())?
            } else {
                remove(&path)?
            };
        }
        Ok(removed)
    }
}

/// Blocks until no other server creates or clears folders, and excludes them until the returned file is closed.
fn lock_directory(directory: &Path) -> Result<File, ObjectStoreError> {
    let path = directory.join(DIRECTORY_LOCK);
    let lock = File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(ObjectStoreError::io("open", &path))?;
    lock.lock().map_err(ObjectStoreError::io("lock", &path))?;
    Ok(lock)
}

/// Removes a folder and its files, unless a running server holds the lock. Journals are moved to `heir`.
fn clear_unless_locked(lock_path: &Path, heir: &Path) -> Result<u64, ObjectStoreError> {
    // A network file system locks only files that are open for writing.
    let lock = match File::options().write(true).open(lock_path) {
        Ok(lock) => lock,
        // Its owner has just stopped and removed it.
        Err(error) if is_gone(&error) => return Ok(0),
        Err(error) => return Err(ObjectStoreError::io("open", lock_path)(error)),
    };
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(0),
        Err(TryLockError::Error(error)) => return Err(ObjectStoreError::io("lock", lock_path)(error)),
    }
    let folder = lock_path.with_extension("");
    let mut removed = 0;
    for path in files_in(&folder)? {
        if path.extension().is_some_and(|extension| extension == JOURNAL_EXTENSION) {
            // The name is random, so it cannot collide.
            let inherited = heir.join(path.file_name().unwrap_or_default());
            fs::rename(&path, inherited).map_err(ObjectStoreError::io("take over", &path))?;
        } else {
            removed += remove(&path)?;
        }
    }
    match fs::remove_dir(&folder) {
        Err(error) if !is_gone(&error) => {
            return Err(ObjectStoreError::io("remove directory", &folder)(error));
        }
        _ => {}
    }
    drop(lock);
    remove_if_present(lock_path).map_err(ObjectStoreError::io("remove", lock_path))?;
    Ok(removed)
}

/// Removes a file. Returns 1 if it existed, else 0.
fn remove(path: &Path) -> Result<u64, ObjectStoreError> {
    remove_if_present(path).map(u64::from).map_err(ObjectStoreError::io("remove spool file", path))
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write as _};
    use std::sync::Barrier;

    use super::*;

    fn spool(directory: &Path) -> SpoolDirectory {
        SpoolDirectory::new(directory.to_owned(), SpoolLimits { bytes: u64::MAX, free_bytes: 0 })
            .expect("spool")
    }

    /// The names in the directory, sorted, without the directory's lock.
    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(directory)
            .expect("list")
            .map(|entry| entry.expect("entry").file_name().to_string_lossy().into_owned())
            .filter(|name| name != DIRECTORY_LOCK)
            .collect();
        names.sort();
        names
    }

    /// The folder of another process. Closing the returned lock is what a crash of that process does.
    fn foreign_folder(directory: &Path, id: &str, files: usize) -> File {
        let lock = File::create_new(directory.join(format!("{id}.lock"))).expect("lock file");
        lock.lock().expect("lock");
        fs::create_dir(directory.join(id)).expect("folder");
        for file in 0..files {
            fs::write(directory.join(id).join(format!("spool-{file}")), "half").expect("write");
        }
        lock
    }

    #[test]
    fn files_of_running_stores_are_not_cleared() {
        let directory = tempfile::tempdir().expect("directory");
        let first = spool(directory.path());
        let mut file = first.create().expect("file");
        file.write_all(b"half").expect("write");
        let second = spool(directory.path());
        assert_eq!(second.clear().expect("clear"), 0);
        assert_eq!(first.clear().expect("clear"), 0, "its own are in use as well");
        file.write_all(b" and half").expect("write");
        let finished = file.finish().expect("finish");
        assert_eq!(fs::read(finished.file.path()).expect("read"), b"half and half");
    }

    #[test]
    fn a_folder_is_cleared_once_its_owner_has_ended() {
        let directory = tempfile::tempdir().expect("directory");
        let store = spool(directory.path());
        let own = names(directory.path());
        let lock = foreign_folder(directory.path(), "other", 3);
        assert_eq!(store.clear().expect("clear"), 0);
        assert_eq!(fs::read_dir(directory.path().join("other")).expect("list").count(), 3);
        drop(lock);
        assert_eq!(store.clear().expect("clear"), 3);
        assert_eq!(names(directory.path()), own);
        assert_eq!(store.clear().expect("clear"), 0);
        assert!(store.create().is_ok(), "its own folder stays");
    }

    #[test]
    fn a_server_killed_between_lock_and_folder_leaves_nothing() {
        let directory = tempfile::tempdir().expect("directory");
        fs::write(directory.path().join("other.lock"), "").expect("write");
        let store = spool(directory.path());
        assert_eq!(store.clear().expect("clear"), 0);
        drop(store);
        assert_eq!(names(directory.path()), Vec::<String>::new());
    }

    #[test]
    fn files_without_a_folder_are_cleared_and_foreign_files_are_kept() {
        let directory = tempfile::tempdir().expect("directory");
        fs::write(directory.path().join(".nfs0000000000000001"), "import").expect("write");
        fs::write(directory.path().join("spool-AbCdEf"), "half").expect("write");
        fs::create_dir(directory.path().join("lost+found")).expect("directory");
        let store = spool(directory.path());
        assert_eq!(store.clear().expect("clear"), 1);
        drop(store);
        assert_eq!(names(directory.path()), [".nfs0000000000000001", "lost+found"]);
    }

    #[test]
    fn a_folder_is_removed_with_the_last_of_its_store_and_files() {
        let directory = tempfile::tempdir().expect("directory");
        let store = spool(directory.path());
        let file = store.create().expect("file");
        drop(store);
        let other = spool(directory.path());
        assert_eq!(other.clear().expect("clear"), 0, "the file is still being written");
        drop(other);
        assert_eq!(names(directory.path()).len(), 2);
        drop(file);
        assert_eq!(names(directory.path()), Vec::<String>::new());
    }

    #[test]
    fn journals_of_crashed_servers_are_taken_over() {
        let directory = tempfile::tempdir().expect("directory");
        drop(foreign_folder(directory.path(), "other", 1));
        fs::write(directory.path().join("other/a.journal"), "begun").expect("write");
        for _ in 0..2 {
            let store = spool(directory.path());
            assert!(store.clear().expect("clear") <= 1);
            assert_eq!(fs::read(store.folder().join("a.journal")).expect("read"), b"begun");
            assert!(!directory.path().join("other").exists());
        }
    }

    #[test]
    fn files_that_a_dropped_store_could_not_remove_are_cleared_by_the_next() {
        let directory = tempfile::tempdir().expect("directory");
        let store = spool(directory.path());
        fs::write(store.folder().join("strange"), "").expect("write");
        drop(store);
        assert_eq!(names(directory.path()).len(), 2);
        let store = spool(directory.path());
        assert_eq!(store.clear().expect("clear"), 1);
        drop(store);
        assert_eq!(names(directory.path()), Vec::<String>::new());
    }

    #[test]
    fn servers_that_start_at_once_clear_only_folders_of_ended_servers() {
        let directory = tempfile::tempdir().expect("directory");
        for round in 0..20 {
            drop(foreign_folder(directory.path(), &format!("ended-{round}"), 2));
            let barrier = Barrier::new(3);
            let start = || {
                barrier.wait();
                let store = spool(directory.path());
                let mut file = store.create().expect("file");
                let cleared = store.clear().expect("clear");
                file.write_all(b"whole").expect("write");
                let finished = file.finish().expect("finish");
                assert_eq!(fs::read(finished.file.path()).expect("read"), b"whole");
                cleared
            };
            let cleared: u64 = std::thread::scope(|scope| {
                let servers = [(); 3].map(|()| scope.spawn(start));
                servers.into_iter().map(|server| server.join().expect("server")).sum()
            });
            assert_eq!(cleared, 2);
            assert_eq!(names(directory.path()), Vec::<String>::new());
        }
    }

    #[test]
    fn total_size_is_bounded_and_released_on_drop() {
        let directory = tempfile::tempdir().expect("directory");
        let directory =
            SpoolDirectory::new(directory.path().to_owned(), SpoolLimits { bytes: 1_000, free_bytes: 0 })
                .expect("spool");
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
        // Finished files count until they are dropped or moved away.
        let finished = first.finish().expect("finish");
        assert!(second.write_all(&[2]).is_err());
        drop(finished);
        second.write_all(&[2; 600]).expect("room again");
        drop(second);
        directory.create().expect("third").write_all(&[3; 1_000]).expect("all of it");
    }
}
