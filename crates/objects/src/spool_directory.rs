//! The directory of spool files, shared by the servers of a deployment. Each server writes into a folder of its own,
//! and a file lock, which ends with the process however that ends, tells the others whether the folder is in use.
//!
//! `spool/<id>/` is a server's folder, `spool/<id>.lock` its lock. The lock lies beside the folder, not in it: a
//! network file system keeps a file that is removed while open under another name, and the folder would not be empty.
//! `spool/lock` is held for a moment by whoever makes a folder or clears those of others, one at a time.
//!
//! A file `*.journal` names something outside that its owner has begun and must end. Whoever clears a dead server's
//! folder takes these files over; what they say is `remote/journal.rs`'s.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempPath;

use crate::files::{files_in, is_gone, make_directories, remove_if_there};
use crate::spool::SpoolFile;
use crate::spool_budget::SpoolBudget;
use crate::store::ObjectStoreError;

/// The lock under which folders are made and cleared.
const TURN: &str = "lock";

/// What the name of a folder's lock has more than the folder's.
const LOCK_EXTENSION: &str = "lock";

/// Long enough that the name of a dead server's folder never comes again.
const ID_CHARACTERS: usize = 16;

/// What the name of a journal ends with.
pub(crate) const JOURNAL_EXTENSION: &str = "journal";

/// The directory, with this store's own folder in it.
#[derive(Debug)]
pub(crate) struct SpoolDirectory {
    path: PathBuf,
    own: Arc<OwnFolder>,
    budget: Arc<SpoolBudget>,
}

/// A locked folder. Removed when the store and all its spool files are dropped.
#[derive(Debug)]
pub(crate) struct OwnFolder {
    path: PathBuf,
    // Fields are dropped in this order: the lock is closed before its file is removed.
    _lock: File,
    lock_path: TempPath,
}

impl SpoolDirectory {
    /// Makes a folder in `path`, which must exist. Its files may hold `limit_bytes` together.
    pub(crate) fn new(path: PathBuf, limit_bytes: u64) -> Result<Self, ObjectStoreError> {
        let _turn = take_turn(&path)?;
        let own = Arc::new(OwnFolder::make(&path)?);
        Ok(Self { path, own, budget: SpoolBudget::new(limit_bytes) })
    }

    /// A new, empty spool file, readable by its owner alone.
    pub(crate) fn create(&self) -> Result<SpoolFile, ObjectStoreError> {
        tempfile::Builder::new()
            .prefix("spool-")
            .tempfile_in(self.folder())
            .map(|file| SpoolFile::new(file, Arc::clone(&self.own), self.budget.reservation()))
            .map_err(ObjectStoreError::io("create a spool file in", self.folder()))
    }

    /// This store's own folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.own.path
    }

    /// The folder as its files hold it.
    #[cfg(test)]
    pub(crate) fn own(&self) -> Arc<OwnFolder> {
        Arc::clone(&self.own)
    }

    /// Removes the files of servers that are dead, and those of versions that had no folders. Tells how many there
    /// were. Journals are moved to this store's own folder instead and not counted.
    pub(crate) fn clear(&self) -> Result<u64, ObjectStoreError> {
        let _turn = take_turn(&self.path)?;
        let mut removed = 0;
        for path in files_in(&self.path)? {
            let name = path.file_name().unwrap_or_default();
            // A running import keeps nameless files here, which a network file system shows under hidden names.
            let is_hidden = name.as_encoded_bytes().starts_with(b".");
            if is_hidden || name == TURN || Some(name) == self.own.lock_path.file_name() {
                continue;
            }
            removed += if path.extension().is_some_and(|extension| extension == LOCK_EXTENSION) {
                clear_if_dead(&path, self.folder())?
            } else {
                remove(&path)?
            };
        }
        Ok(removed)
    }
}

impl OwnFolder {
    /// The lock comes first: a folder without one is never cleared.
    fn make(directory: &Path) -> Result<Self, ObjectStoreError> {
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
}

impl Drop for OwnFolder {
    fn drop(&mut self) {
        if fs::remove_dir(&self.path).is_err_and(|error| !is_gone(&error)) {
            // Something is left in it: the next start needs the lock's file to find and clear it.
            self.lock_path.disable_cleanup(true);
        }
    }
}

/// Waits until no other server makes or clears folders, and keeps them off as long as the file is open.
fn take_turn(directory: &Path) -> Result<File, ObjectStoreError> {
    let path = directory.join(TURN);
    let turn = File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(ObjectStoreError::io("open", &path))?;
    turn.lock().map_err(ObjectStoreError::io("lock", &path))?;
    Ok(turn)
}

/// Removes a folder with all its files but journals, which go to `heir`, unless its owner lives and so holds the lock.
fn clear_if_dead(lock_path: &Path, heir: &Path) -> Result<u64, ObjectStoreError> {
    // A network file system locks only what is open for writing.
    let lock = match File::options().write(true).open(lock_path) {
        Ok(lock) => lock,
        // Its owner has just stopped and tidied up.
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
            // Its name is random, and so never that of another.
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
    remove_if_there(lock_path).map_err(ObjectStoreError::io("remove", lock_path))?;
    Ok(removed)
}

/// One if the file was there, else none.
fn remove(path: &Path) -> Result<u64, ObjectStoreError> {
    remove_if_there(path).map(u64::from).map_err(ObjectStoreError::io("remove spool file", path))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::sync::Barrier;

    use super::*;

    fn spool(directory: &Path) -> SpoolDirectory {
        SpoolDirectory::new(directory.to_owned(), u64::MAX).expect("spool")
    }

    /// What lies in the directory, sorted, without the lock that is always there.
    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(directory)
            .expect("list")
            .map(|entry| entry.expect("entry").file_name().to_string_lossy().into_owned())
            .filter(|name| name != TURN)
            .collect();
        names.sort();
        names
    }

    /// The folder of another process: its lock, which ends as the system ends it, without any tidying.
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
    fn a_file_that_a_living_store_writes_is_not_cleared() {
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
    fn a_folder_is_cleared_once_its_owner_is_dead() {
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
    fn a_server_killed_between_its_lock_and_its_folder_leaves_nothing() {
        let directory = tempfile::tempdir().expect("directory");
        fs::write(directory.path().join("other.lock"), "").expect("write");
        let store = spool(directory.path());
        assert_eq!(store.clear().expect("clear"), 0);
        drop(store);
        assert_eq!(names(directory.path()), Vec::<String>::new());
    }

    #[test]
    fn files_without_a_folder_are_cleared_and_what_is_not_the_stores_is_not() {
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
    fn a_folder_goes_with_the_last_of_its_store_and_its_files() {
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
    fn journals_of_the_dead_are_taken_over_and_nobody_loses_them() {
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
    fn what_a_dropped_store_could_not_remove_is_cleared_by_the_next() {
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
    fn servers_that_start_at_once_clear_what_is_dead_and_nothing_else() {
        let directory = tempfile::tempdir().expect("directory");
        for round in 0..20 {
            drop(foreign_folder(directory.path(), &format!("dead-{round}"), 2));
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
}
