//! The trait that every object store fulfils, and what its operations answer. It holds what all stores can do;
//! serving bytes is the embedded store's alone, and how a remote store is spoken to is in `remote`.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::headers::content_type;
use crate::key::ObjectKey;
use crate::remote::RemoteError;
use crate::spool::SpoolFile;

/// A place that keeps files and gives out links to them. Held as `Arc<dyn ObjectStore>`. All calls block.
pub trait ObjectStore: Send + Sync + fmt::Debug {
    /// A temporary file on the server's disk to write an export into. Dropped without [`put`](Self::put) it is
    /// deleted.
    ///
    /// # Errors
    ///
    /// [`ObjectStoreError::Io`] when it cannot be created.
    fn spool(&self) -> Result<SpoolFile, ObjectStoreError>;

    /// Makes the spooled file an object: wholly and durably, or not at all. An object is written once and never
    /// changed; keys hold 128 random bits, and none is put twice. Should one be, the embedded store refuses it, and a
    /// remote store replaces the object, as its protocol has it.
    ///
    /// `cancelled` is asked again and again, on several threads, and must not block. Once it says so, the upload
    /// ends: a remote store looks between parts and between attempts.
    ///
    /// # Errors
    ///
    /// [`ObjectStoreError::AlreadyExists`]; [`ObjectStoreError::Cancelled`]; [`ObjectStoreError::Remote`]; [`ObjectStoreError::Io`], of which
    /// [`ObjectStoreError::is_full`] tells a full disk. On every error the spool is gone and no object of this key is left
    /// by this call; what could not be removed from a remote store at once is removed by a later
    /// [`sweep`](Self::sweep) or the next start's [`clear_spool`](Self::clear_spool).
    fn put(
        &self,
        key: &ObjectKey,
        spool: SpoolFile,
        options: &PutOptions,
        cancelled: Cancelled<'_>,
    ) -> Result<Stored, ObjectStoreError>;

    /// The size of an object in bytes, `None` when it is not there (any more).
    ///
    /// # Errors
    ///
    /// [`ObjectStoreError::Io`], [`ObjectStoreError::Remote`].
    fn len_of(&self, key: &ObjectKey) -> Result<Option<u64>, ObjectStoreError>;

    /// Which store this is: scheme, endpoint and bucket, no secret. Two servers that say the same share the objects.
    fn identity(&self) -> String;

    /// Removes what dead processes left: their spool files, and the uploads that they had begun. Tells how many files
    /// there were; what living stores use, this one and others, stays. The server calls it at its start. A remote
    /// store that does not answer is no error: its uploads are ended by a later [`sweep`](Self::sweep).
    ///
    /// # Errors
    ///
    /// [`ObjectStoreError::Io`].
    fn clear_spool(&self) -> Result<u64, ObjectStoreError>;

    /// An absolute URL that reads the object until `expires_unix_s` (seconds, exclusive). The browser is told to
    /// save it as `file_name`. Whether the object exists is not looked up.
    ///
    /// `base_url` is where the reader reaches this server, for instance `https://console.example.com`: every brand
    /// has its own. A path in it stands before the key and must be taken off again by whatever proxy it belongs to.
    /// Links into a remote store do not lead here and leave it out.
    ///
    /// # Errors
    ///
    /// [`ObjectStoreError::BaseUrl`].
    fn presign_get(
        &self,
        base_url: &str,
        key: &ObjectKey,
        file_name: &str,
        expires_unix_s: i64,
    ) -> Result<String, ObjectStoreError>;

    /// Removes an object. One that does not exist counts as removed.
    ///
    /// # Errors
    ///
    /// [`ObjectStoreError::Io`], [`ObjectStoreError::Remote`].
    fn delete(&self, key: &ObjectKey) -> Result<(), ObjectStoreError>;

    /// Removes every object that has been kept longer than the store's retention at `now_s` (Unix seconds), and tries
    /// again what a failed [`put`](Self::put) could not remove. Several servers may sweep at once.
    ///
    /// # Errors
    ///
    /// The first [`ObjectStoreError::Io`] or [`ObjectStoreError::Remote`]; the objects that could be removed are removed
    /// nevertheless.
    fn sweep(&self, now_s: i64) -> Result<Swept, ObjectStoreError>;
}

/// Asked whether nobody wants the result any more.
pub type Cancelled<'a> = &'a (dyn Fn() -> bool + Sync);

/// What a store is told about a file besides its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PutOptions {
    /// The name under which a reader saves it, where the link does not say another.
    pub file_name: String,
    /// Its media type. The embedded store goes by the key's extension.
    pub content_type: String,
}

impl PutOptions {
    /// A file of that name, with the media type of its extension.
    pub fn named(file_name: &str) -> Self {
        Self { file_name: file_name.to_owned(), content_type: content_type(file_name).to_owned() }
    }
}

/// What [`ObjectStore::put`] stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Size in bytes.
    pub len: u64,
    /// US3's `ETag`, without quotes.
    pub etag: String,
    /// SHA-256 of the content.
    pub sha256: [u8; 32],
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
pub enum ObjectStoreError {
    /// There is no object of this key.
    #[error("object does not exist")]
    NotFound,
    /// There is an object of this key already; it is untouched.
    #[error("object exists already")]
    AlreadyExists,
    /// The base URL is not absolute, not http(s), or has a query, a fragment, a space or a control character.
    #[error("base url {0:?} is not an absolute http or https url without query and fragment")]
    BaseUrl(String),
    /// Nobody wanted the result any more.
    #[error("cancelled")]
    Cancelled,
    /// A remote store refused, or could not be reached.
    #[error(transparent)]
    Remote(Box<RemoteError>),
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

impl ObjectStoreError {
    /// Whether there was no room: disk full or quota used up. Space or an operator helps; trying again does not.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Io { source, .. }
            if matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded))
    }

    /// Whether a remote store could not be reached or is not able to answer at the moment. Trying again later may help.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Remote(error) if error.is_transient())
    }

    /// For `map_err`: names what was tried on which path.
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { doing, path, source }
    }
}
