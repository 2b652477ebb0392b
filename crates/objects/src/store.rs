//! The [`ObjectStore`] trait, which every object store implements, with its parameters and results. Serving bytes is
//! specific to the embedded store and not part of it.

use std::fmt;

use crate::error::ObjectStoreError;
use crate::headers::content_type;
use crate::key::ObjectKey;
use crate::spool::{SpoolFile, Stored};

/// A store of files that signs links to them. Held as `Arc<dyn ObjectStore>`. All calls block.
pub trait ObjectStore: Send + Sync + fmt::Debug {
    /// Creates a temporary file on the server's disk for an export. It is deleted if it is dropped without
    /// [`put`](Self::put).
    ///
    /// # Errors
    ///
    /// [`ObjectStoreError::Io`] if it cannot be created.
    fn spool(&self) -> Result<SpoolFile, ObjectStoreError>;

    /// Makes the spooled file an object, atomically and durably. Objects are written once and never changed; keys hold
    /// 128 random bits, so none is put twice. If a key is put twice nevertheless, the embedded store refuses and a
    /// remote store replaces the object, as its protocol does.
    ///
    /// `cancelled` is called repeatedly, on several threads, and must not block. When it returns `true`, the upload
    /// ends; a remote store checks it between parts and between attempts.
    ///
    /// # Errors
    ///
    /// [`ObjectStoreError::AlreadyExists`], [`ObjectStoreError::Cancelled`], [`ObjectStoreError::Remote`],
    /// [`ObjectStoreError::Io`] (a full disk if [`ObjectStoreError::is_full`]). After every error the spool file is
    /// deleted and this call leaves no object under the key. Remains in a remote store that cannot be removed at once
    /// are removed by a later [`sweep`](Self::sweep) or by [`clear_spool`](Self::clear_spool) at the next start.
    fn put(
        &self,
        key: &ObjectKey,
        spool: SpoolFile,
        options: &PutOptions,
        cancelled: Cancelled<'_>,
    ) -> Result<Stored, ObjectStoreError>;

    /// The size of an object in bytes, `None` if it does not exist.
    ///
    /// # Errors
    ///
    /// [`ObjectStoreError::Io`], [`ObjectStoreError::Remote`].
    fn len_of(&self, key: &ObjectKey) -> Result<Option<u64>, ObjectStoreError>;

    /// The identity of the store: scheme, endpoint and bucket, without secrets. Servers with equal identities share
    /// the objects.
    fn identity(&self) -> String;

    /// Bytes of the unfinished files of this process; `None` if the store has none.
    fn spool_bytes(&self) -> Option<u64> {
        None
    }

    /// Removes what crashed processes left: their spool files and their unfinished uploads. Returns the number of
    /// spool files. Files in use, by this store or another, are kept. The server calls it at its start. An unreachable
    /// remote store is not an error: its uploads are ended by a later [`sweep`](Self::sweep).
    ///
    /// # Errors
    ///
    /// [`ObjectStoreError::Io`].
    fn clear_spool(&self) -> Result<u64, ObjectStoreError>;

    /// An absolute URL that reads the object until `expires_unix_s` (seconds, exclusive). Browsers save the object as
    /// `file_name`. Whether the object exists is not checked.
    ///
    /// `base_url` is the URL at which the reader reaches this server, e.g. `https://console.example.com`; every brand
    /// has its own. A path in it precedes the key, and the proxy in front must remove it. Remote stores ignore it,
    /// because their links do not lead here.
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

    /// Removes an object. Succeeds if it does not exist.
    ///
    /// # Errors
    ///
    /// [`ObjectStoreError::Io`], [`ObjectStoreError::Remote`].
    fn delete(&self, key: &ObjectKey) -> Result<(), ObjectStoreError>;

    /// Removes every object older than the store's retention at `now_s` (Unix seconds), and retries the removals that
    /// a failed [`put`](Self::put) could not complete. Several servers may sweep at once.
    ///
    /// # Errors
    ///
    /// The first [`ObjectStoreError::Io`] or [`ObjectStoreError::Remote`]; the other objects are removed nevertheless.
    fn sweep(&self, now_s: i64) -> Result<Swept, ObjectStoreError>;
}

/// Returns whether the caller has cancelled the operation.
pub type Cancelled<'a> = &'a (dyn Fn() -> bool + Sync);

/// Properties of a file besides its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PutOptions {
    /// The name under which readers save the file, unless the link has another.
    pub file_name: String,
    /// Its media type. The embedded store derives it from the key's extension instead.
    pub content_type: String,
}

impl PutOptions {
    /// Options for a file of that name, with the media type of its extension.
    pub fn named(file_name: &str) -> Self {
        Self { file_name: file_name.to_owned(), content_type: content_type(file_name).to_owned() }
    }
}

/// The objects that [`ObjectStore::sweep`] removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Number of objects.
    pub objects: u64,
    /// Their total size in bytes.
    pub bytes: u64,
}
