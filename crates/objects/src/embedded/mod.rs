//! The store in the data directory: files under `objects/`, served by this process under US3's presigned-URL scheme
//! and, to US3 clients, as a host of US3. Layout, durability and retention are here; answering a request is in `read`
//! and, for all that is not a download, in `endpoint`.

mod conditions;
mod deployment;
mod endpoint;
mod form;
mod listing;
mod range;
mod read;
mod sweep;
mod writing;

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tempfile::NamedTempFile;

use crate::files::{is_gone, make_directories, remove_if_there, sync_directory, write_durably};
use crate::key::ObjectKey;
use crate::key_pair::ObjectKeys;
use crate::spool::SpoolFile;
use crate::spool_directory::SpoolDirectory;
use crate::store::{Cancelled, ObjectStore, ObjectStoreError, PutOptions, Stored, Swept};
use crate::us3::{self, EtagHasher, is_etag};

use writing::OpenUpload;

pub use deployment::DeploymentError;
pub use read::ReadError;

/// How often a `put` makes its directory anew when the sweep of another server removes it as an empty one. A sweep
/// passes a directory once, so that twice is rare already.
const DIRECTORY_TRIES: usize = 100;

/// Where and how an [`EmbeddedStore`] keeps its objects.
#[derive(Clone, Debug)]
pub struct EmbeddedSettings {
    /// The data directory; `objects/` and `spool/` are made in it, readable by their owner alone.
    pub data_directory: PathBuf,
    /// The bucket's name, which is signed but stands in no URL.
    pub bucket: String,
    /// The deployment's key pair.
    pub keys: ObjectKeys,
    /// How long an object is kept, in seconds since it was written.
    pub retention_s: i64,
    /// How many bytes all spool files of this store may hold together.
    pub spool_bytes: u64,
    /// Whether clients with the key pair may write through the endpoint ([`EmbeddedStore::us3`]). A deployment that
    /// serves customers says no: exports are the only objects, and the server writes them.
    pub writable: bool,
}

/// Objects as files under `<data>/objects/`, each beside a small file with its `ETag`.
///
/// An object `exports/7/<hex>/a.xlsx` is the file of that path; `.a.xlsx.etag` beside it holds its `ETag`. Segments
/// of keys never begin with a dot, so the two cannot meet. Several servers may share a data directory, on one machine
/// or, over a file system with file locks, on several.
#[derive(Debug)]
pub struct EmbeddedStore {
    data_directory: PathBuf,
    /// `objects/` in the data directory.
    root: PathBuf,
    spool: SpoolDirectory,
    bucket: String,
    keys: ObjectKeys,
    retention_s: i64,
    /// Held while directories are made and filled, or removed because they are empty. It spares this process's own
    /// threads the second try that other servers may need.
    layout: Mutex<()>,
    writable: bool,
    /// Uploads in parts that clients have begun, by their ids.
    uploads: Mutex<HashMap<String, OpenUpload>>,
    next_upload: AtomicU64,
    /// Held while a client's file takes the place of another.
    replacing: Mutex<()>,
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
    /// When it was written, in Unix seconds by the file system's clock.
    pub modified_unix_s: i64,
}

impl EmbeddedStore {
    /// Opens the store and makes its directories where they are missing, and a spool folder of its own, which goes
    /// when the store is dropped. What a killed process left in the spool stays until
    /// [`clear_spool`](ObjectStore::clear_spool).
    ///
    /// # Errors
    ///
    /// [`ObjectStoreError::Io`].
    pub fn new(settings: EmbeddedSettings) -> Result<Self, ObjectStoreError> {
        let EmbeddedSettings { data_directory, bucket, keys, retention_s, spool_bytes, writable } = settings;
        let root = data_directory.join("objects");
        let spool = data_directory.join("spool");
        for directory in [&root, &spool] {
            make_directories(directory).map_err(ObjectStoreError::io("create directory", directory))?;
        }
        Ok(Self {
            data_directory,
            root,
            spool: SpoolDirectory::new(spool, spool_bytes)?,
            bucket,
            keys,
            retention_s,
            layout: Mutex::default(),
            writable,
            uploads: Mutex::default(),
            next_upload: AtomicU64::new(0),
            replacing: Mutex::default(),
        })
    }

    /// The bucket's name.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// Opens an object.
    ///
    /// Its `ETag` is the one computed when it was written. Should the file that holds it be lost or damaged, the
    /// object is read to compute it again.
    ///
    /// # Errors
    ///
    /// [`ObjectStoreError::NotFound`], [`ObjectStoreError::Io`].
    pub fn open(&self, key: &ObjectKey) -> Result<Object, ObjectStoreError> {
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
            // What is open is hashed, which a sweep that has removed both does not hinder.
            Ok(_) | Err(_) => hash_file(&mut file).map_err(failed("hash object"))?,
        };
        let modified_unix_s = modified_unix_s(&metadata).map_err(failed("date object"))?;
        Ok(Object { file, len: metadata.len(), etag, modified_unix_s })
    }

    fn place(&self, key: &ObjectKey) -> Place {
        // Segment by segment: none of them is empty, `..` or absolute, so none can lead out of `root`.
        let object = key.segments().fold(self.root.clone(), |path, segment| path.join(segment));
        let etag = object.with_file_name(etag_file_name(key.file_name()));
        Place { object, etag }
    }

    fn lock_layout(&self) -> MutexGuard<'_, ()> {
        // The lock guards no data that a panic could leave half-changed.
        self.layout.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_uploads(&self) -> MutexGuard<'_, HashMap<String, OpenUpload>> {
        // LedgerRange are put in and taken out whole.
        self.uploads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a finished file in its place. On an error nothing of it is left.
    fn put_in_place(&self, place: &Place, file: NamedTempFile, etag: &str) -> Result<(), ObjectStoreError> {
        let directory = place.directory();
        let layout = self.lock_layout();
        // Looked up first so that an existing object's ETag is not written over.
        if place.object.symlink_metadata().is_ok() {
            return Err(ObjectStoreError::AlreadyExists);
        }
        // The ETag first: an object that can be seen has one.
        let done = place.write_etag(etag).and_then(|()| {
            file.persist_noclobber(&place.object).map_err(|refused| match refused.error.kind() {
                io::ErrorKind::AlreadyExists => ObjectStoreError::AlreadyExists,
                _ => ObjectStoreError::io("move spool file to", &place.object)(refused.error),
            })
        });
        drop(layout);
        match done {
            Ok(_file) => self.sync_up_from(directory).inspect_err(|_| self.undo(place)),
            // Another process was faster with this key; what is there is its own.
            Err(ObjectStoreError::AlreadyExists) => Err(ObjectStoreError::AlreadyExists),
            Err(error) => {
                self.undo(place);
                Err(error)
            }
        }
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

    /// Removes what a failed `put` may have left; there is nobody to tell when that fails as well.
    fn undo(&self, place: &Place) {
        let _ = fs::remove_file(&place.object);
        let _ = fs::remove_file(&place.etag);
        self.remove_empty_up_from(place.directory());
    }

    /// Removes `directory` and those above it, below `root`, as far as they are empty.
    fn remove_empty_up_from(&self, directory: &Path) {
        let _layout = self.lock_layout();
        for path in directory.ancestors().take_while(|path| *path != self.root) {
            if fs::remove_dir(path).is_err() {
                break;
            }
        }
    }
}

impl ObjectStore for EmbeddedStore {
    fn spool(&self) -> Result<SpoolFile, ObjectStoreError> {
        self.spool.create()
    }

    fn put(
        &self,
        key: &ObjectKey,
        spool: SpoolFile,
        _options: &PutOptions,
        cancelled: Cancelled<'_>,
    ) -> Result<Stored, ObjectStoreError> {
        let finished = spool.finish()?;
        if cancelled() {
            return Err(ObjectStoreError::Cancelled);
        }
        self.put_in_place(&self.place(key), finished.file, &finished.stored.etag)?;
        Ok(finished.stored)
    }

    fn len_of(&self, key: &ObjectKey) -> Result<Option<u64>, ObjectStoreError> {
        match self.open(key) {
            Ok(object) => Ok(Some(object.len)),
            Err(ObjectStoreError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The deployment's id, which servers on several machines have checked ([`EmbeddedStore::identify`]). A deployment
    /// of one machine has none, and one store.
    fn identity(&self) -> String {
        match self.identified() {
            Some(id) => format!("embedded:{id}"),
            None => "embedded".to_owned(),
        }
    }

    /// Journals of a remote store that the deployment had before are kept: should it come back, it ends what they say.
    fn clear_spool(&self) -> Result<u64, ObjectStoreError> {
        self.spool.clear()
    }

    fn presign_get(
        &self,
        base_url: &str,
        key: &ObjectKey,
        file_name: &str,
        expires_unix_s: i64,
    ) -> Result<String, ObjectStoreError> {
        let base = checked_base_url(base_url)?;
        let path = us3::encode_path(key.as_str());
        let query = us3::presign_get(&self.keys, &self.bucket, key.as_str(), expires_unix_s, Some(file_name));
        Ok(format!("{base}/{path}?{query}"))
    }

    fn delete(&self, key: &ObjectKey) -> Result<(), ObjectStoreError> {
        let place = self.place(key);
        remove_if_there(&place.object).map_err(ObjectStoreError::io("remove object", &place.object))?;
        remove_if_there(&place.etag).map_err(ObjectStoreError::io("remove", &place.etag))?;
        self.remove_empty_up_from(place.directory());
        Ok(())
    }

    fn sweep(&self, now_s: i64) -> Result<Swept, ObjectStoreError> {
        let limit_s = now_s.saturating_sub(self.retention_s);
        self.lock_uploads().retain(|_, upload| upload.begun_s >= limit_s);
        self.sweep_older_than(limit_s)
    }
}

/// The files of one object.
struct Place {
    object: PathBuf,
    etag: PathBuf,
}

impl Place {
    fn directory(&self) -> &Path {
        // A key has two segments at least, so the object lies in a directory.
        self.object.parent().unwrap_or(&self.object)
    }

    /// Makes the object's directory and its `ETag` in it; from then on no other server's sweep finds the directory
    /// empty and removes it.
    fn write_etag(&self, etag: &str) -> Result<(), ObjectStoreError> {
        let directory = self.directory();
        let write = || {
            make_directories(directory).map_err(ObjectStoreError::io("create directory", directory))?;
            write_durably(&self.etag, etag).map_err(ObjectStoreError::io("write", &self.etag))
        };
        let mut written = write();
        for _ in 1..DIRECTORY_TRIES {
            match &written {
                // A directory that was there when it was to be made and is gone now is reported as existing.
                Err(ObjectStoreError::Io { source, .. })
                    if is_gone(source) || source.kind() == io::ErrorKind::AlreadyExists => {}
                _ => break,
            }
            written = write();
        }
        written
    }
}

fn etag_file_name(file_name: &str) -> String {
    format!(".{file_name}.etag")
}

/// Without a slash at its end.
fn checked_base_url(base_url: &str) -> Result<&str, ObjectStoreError> {
    let refused = || ObjectStoreError::BaseUrl(base_url.to_owned());
    let host_and_path =
        base_url.strip_prefix("https://").or_else(|| base_url.strip_prefix("http://")).ok_or_else(refused)?;
    let has_host = !host_and_path.is_empty() && !host_and_path.starts_with(['/', ':']);
    if !has_host || base_url.contains(|c: char| matches!(c, '?' | '#') || c.is_whitespace() || c.is_control())
    {
        return Err(refused());
    }
    Ok(base_url.trim_end_matches('/'))
}

/// Reads the file to its end and goes back to its start.
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
fn modified_unix_s(metadata: &fs::Metadata) -> io::Result<i64> {
    let since_epoch = metadata.modified()?.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Ok(i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX))
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
