//! Objects as files under `<data>/objects/`: their layout and their durability.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tempfile::NamedTempFile;

use crate::error::ObjectStoreError;
use crate::files::{is_gone, make_directories, remove_if_present, sync_directory, write_durably};
use crate::key::ObjectKey;
use crate::us3::{EtagHasher, is_etag};

/// Attempts of a `put` to create its directory, which the sweep of another server may remove while it is empty. A sweep
/// visits a directory once, so even a second attempt is rare.
const DIRECTORY_ATTEMPTS: usize = 100;

/// The directory of the objects.
///
/// An object `exports/7/<hex>/a.xlsx` is the file of that path; `.a.xlsx.etag` beside it holds its `ETag`. Segments of
/// keys never begin with a dot, so the two cannot collide. Several servers may share the directory.
#[derive(Debug)]
pub(super) struct ObjectDirectory {
    root: PathBuf,
    /// Held while directories are created and filled, or removed because they are empty, so that the threads of one
    /// process do not need the retries that other servers may cause.
    layout: Mutex<()>,
}

/// An object opened for reading.
#[derive(Debug)]
pub struct Object {
    /// Positioned at its start; stays readable when the object is removed.
    pub file: File,
    /// Size in bytes.
    pub len: u64,
    /// US3's `ETag`, without quotes.
    pub etag: String,
    /// When the object was stored, in Unix seconds by the file system's clock.
    pub modified_unix_s: i64,
}

impl ObjectDirectory {
    /// Creates the directory if it does not exist.
    pub(super) fn create(root: PathBuf) -> Result<Self, ObjectStoreError> {
        make_directories(&root).map_err(ObjectStoreError::io("create directory", &root))?;
        Ok(Self { root, layout: Mutex::default() })
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn open(&self, key: &ObjectKey) -> Result<Object, ObjectStoreError> {
        let place = self.place(key);
        // Another server may remove the object at any moment.
        let failed = |doing| {
            let path = &place.object;
            move |error| {
                if is_gone(&error) {
                    ObjectStoreError::NotFound
                } else {
                    ObjectStoreError::io(doing, path)(error)
                }
            }
        };
        let mut file = File::open(&place.object).map_err(|error| match error.kind() {
            io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory => ObjectStoreError::NotFound,
            _ => failed("open object")(error),
        })?;
        let metadata = file.metadata().map_err(failed("measure object"))?;
        if !metadata.is_file() {
            return Err(ObjectStoreError::NotFound);
        }
        let etag = match fs::read_to_string(&place.etag) {
            Ok(text) if is_etag(&text) => text,
            // The open file can be hashed even if a sweep has removed both.
            Ok(_) | Err(_) => hash_file(&mut file).map_err(failed("hash object"))?,
        };
        let modified_unix_s = modified_unix_s(&metadata).map_err(failed("date object"))?;
        Ok(Object { file, len: metadata.len(), etag, modified_unix_s })
    }

    /// Moves a complete, synced file to its place. On an error nothing of it is left.
    pub(super) fn put(
        &self,
        key: &ObjectKey,
        file: NamedTempFile,
        etag: &str,
    ) -> Result<(), ObjectStoreError> {
        let place = self.place(key);
        let layout = self.lock_layout();
        // Checked first so that the ETag of an existing object is not overwritten.
        if place.object.symlink_metadata().is_ok() {
            return Err(ObjectStoreError::AlreadyExists);
        }
        // The ETag first: a visible object has one.
        let done = place.write_etag(etag).and_then(|()| {
            file.persist_noclobber(&place.object).map_err(|refused| match refused.error.kind() {
                io::ErrorKind::AlreadyExists => ObjectStoreError::AlreadyExists,
                _ => ObjectStoreError::io("move spool file to", &place.object)(refused.error),
            })
        });
        drop(layout);
        match done {
            Ok(_file) => self.sync_up_from(place.directory()).inspect_err(|_| self.undo(&place)),
            // Another process was faster with this key; its object is kept.
            Err(ObjectStoreError::AlreadyExists) => Err(ObjectStoreError::AlreadyExists),
            Err(error) => {
                self.undo(&place);
                Err(error)
            }
        }
    }

    pub(super) fn remove(&self, key: &ObjectKey) -> Result<(), ObjectStoreError> {
        let place = self.place(key);
        remove_if_present(&place.object).map_err(ObjectStoreError::io("remove object", &place.object))?;
        remove_if_present(&place.etag).map_err(ObjectStoreError::io("remove", &place.etag))?;
        self.remove_empty_up_from(place.directory());
        Ok(())
    }

    pub(super) fn place(&self, key: &ObjectKey) -> Place {
        // No segment is empty, `..` or absolute, so the path cannot leave `root`.
        let object = key.segments().fold(self.root.clone(), |path, segment| path.join(segment));
        let etag = object.with_file_name(etag_file_name(key.file_name()));
        Place { object, etag }
    }

    pub(super) fn lock_layout(&self) -> MutexGuard<'_, ()> {
        // The lock guards no data that a panic could leave inconsistent.
        self.layout.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the names below `root` durable, from `directory` upwards.
    fn sync_up_from(&self, directory: &Path) -> Result<(), ObjectStoreError> {
        for path in directory.ancestors() {
            sync_directory(path).map_err(ObjectStoreError::io("sync directory", path))?;
            if path == self.root {
                break;
            }
        }
        Ok(())
    }

    /// Removes the remains of a failed `put`. Errors are ignored; the sweep removes what is left.
    fn undo(&self, place: &Place) {
        let _ = fs::remove_file(&place.object);
        let _ = fs::remove_file(&place.etag);
        self.remove_empty_up_from(place.directory());
    }

    /// Removes `directory` and its ancestors below `root`, as far as they are empty.
    fn remove_empty_up_from(&self, directory: &Path) {
        let _layout = self.lock_layout();
        for path in directory.ancestors().take_while(|path| *path != self.root) {
            if fs::remove_dir(path).is_err() {
                break;
            }
        }
    }
}

/// The files of one object.
pub(super) struct Place {
    pub(super) object: PathBuf,
    pub(super) etag: PathBuf,
}

impl Place {
    pub(super) fn directory(&self) -> &Path {
        // A key has at least two segments, so the object has a parent directory.
        self.object.parent().unwrap_or(&self.object)
    }

    /// Creates the object's directory and writes its `ETag` into it. The directory is then no longer empty, so no other
    /// server's sweep removes it.
    fn write_etag(&self, etag: &str) -> Result<(), ObjectStoreError> {
        let directory = self.directory();
        let write = || {
            make_directories(directory).map_err(ObjectStoreError::io("create directory", directory))?;
            write_durably(&self.etag, etag).map_err(ObjectStoreError::io("write", &self.etag))
        };
        let mut written = write();
        for _ in 1..DIRECTORY_ATTEMPTS {
            match &written {
                // A directory that existed when it was to be created and has been removed since is reported as
                // existing.
                Err(ObjectStoreError::Io { source, .. })
                    if is_gone(source) || source.kind() == io::ErrorKind::AlreadyExists => {}
                _ => break,
            }
            written = write();
        }
        written
    }
}

/// The name of the file that holds the `ETag` of an object.
pub(super) fn etag_file_name(file_name: &str) -> String {
    format!(".{file_name}.etag")
}

/// Hashes a file to its end and rewinds it.
fn hash_file(file: &mut File) -> io::Result<String> {
    let mut hasher = EtagHasher::new();
    let mut buffer = vec![0; 128 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            read => hasher.update(&buffer[..read]),
        }
    }
    file.rewind()?;
    Ok(hasher.finish())
}

/// Modification time in Unix seconds, rounded down; times before 1970 count as 0.
pub(super) fn modified_unix_s(metadata: &fs::Metadata) -> io::Result<i64> {
    let since_epoch = metadata.modified()?.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Ok(i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX))
}
