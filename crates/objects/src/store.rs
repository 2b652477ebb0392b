//! The trait that every object store fulfils, and what its operations answer. It holds what all stores can do;
//! serving bytes is the embedded store's alone.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::key::ObjectKey;
use crate::spool::SpoolFile;

/// A place that keeps files and gives out links to them. Held as `Arc<dyn ObjectStore>`. All calls block.
pub trait ObjectStore: Send + Sync + fmt::Debug {
    /// A temporary file on the server's disk to write an export into. Dropped without [`put`](Self::put) it is
    /// deleted.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`] when it cannot be created.
    fn spool(&self) -> Result<SpoolFile, StoreError>;

    /// Makes the spooled file an object: wholly and durably, or not at all. An object is written once and never
    /// changed; keys hold 128 random bits.
    ///
    /// # Errors
    ///
    /// [`StoreError::AlreadyExists`]; [`StoreError::Io`], of which [`StoreError::is_full`] tells a full disk. On
    /// every error the spool is gone and no object of this key is left by this call.
    fn put(&self, key: &ObjectKey, spool: SpoolFile) -> Result<Stored, StoreError>;

    /// The size of an object in bytes, `None` when it is not there (any more).
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`].
    fn len_of(&self, key: &ObjectKey) -> Result<Option<u64>, StoreError>;

    /// Which store this is: scheme, endpoint and bucket, no secret. Two servers that say the same share the objects.
    fn identity(&self) -> String;

    /// An absolute URL that reads the object until `expires_unix_s` (seconds, exclusive). The browser is told to
    /// save it as `file_name`. Whether the object exists is not looked up.
    ///
    /// `base_url` is where the reader reaches the store, for instance `https://console.example.com`: every brand
    /// has its own. A path in it stands before the key and must be taken off again by whatever proxy it belongs to.
    ///
    /// # Errors
    ///
    /// [`StoreError::BaseUrl`].
    fn presign_get(
        &self,
        base_url: &str,
        key: &ObjectKey,
        file_name: &str,
        expires_unix_s: i64,
    ) -> Result<String, StoreError>;

    /// Removes an object. One that does not exist counts as removed.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`].
    fn delete(&self, key: &ObjectKey) -> Result<(), StoreError>;

    /// Removes every object that has been kept longer than the store's retention at `now_s` (Unix seconds).
    ///
    /// # Errors
    ///
    /// The first [`StoreError::Io`]; the objects that could be removed are removed nevertheless.
    fn sweep(&self, now_s: i64) -> Result<Swept, StoreError>;
}

/// What [`ObjectStore::put`] stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Size in bytes.
    pub len: u64,
    /// US3's `ETag`, without quotes.
    pub etag: String,
}

/// What [`ObjectStore::sweep`] removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Number of objects.
    pub objects: u64,
    /// Their sizes in bytes, added.
    pub bytes: u64,
}

/// Why a store could not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no object of this key.
    #[error("object does not exist")]
    NotFound,
    /// There is an object of this key already; it is untouched.
    #[error("object exists already")]
    AlreadyExists,
    /// The base URL is not absolute, not http(s), or has a query, a fragment, a space or a control character.
    #[error("base url {0:?} is not an absolute http or https url without query and fragment")]
    BaseUrl(String),
    /// The file system refused. The kind of `source` is the system's own, e.g. [`io::ErrorKind::StorageFull`].
    #[error("cannot {doing} {}", path.display())]
    Io {
        /// What was tried: a verb phrase that a path completes.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl StoreError {
    /// Whether there was no room: disk full or quota used up. Space or an operator helps; trying again does not.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Io { source, .. }
            if matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded))
    }

    /// For `map_err`: names what was tried on which path.
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { doing, path, source }
    }
}
