//! What the upload engine and the sweep need of a remote store's protocol. US3 and S3 each fulfil it; nothing here
//! says in which order, how often or from which thread these are called.

use std::fmt;

use super::http::{Caller, Piece};
use crate::key::ObjectKey;
use crate::spool::FinishedSpool;
use crate::store::{ObjectStoreError, PutOptions};

/// An upload in parts that the store has begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Upload {
    pub(super) id: String,
    /// Size of each part but the last, in bytes.
    pub(super) part_bytes: u64,
}

/// An upload that the store lists as not finished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OpenUpload {
    pub(super) key: String,
    pub(super) id: String,
    /// Unix seconds.
    pub(super) begun_s: i64,
}

/// An object in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) key: String,
    pub(super) len: u64,
    /// Unix seconds.
    pub(super) modified_s: i64,
}

/// A stretch of a listing.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) objects: Vec<Listed>,
    /// Where the next one begins; `None` at the end.
    pub(super) next: Option<String>,
}

pub(super) trait Protocol: Send + Sync + fmt::Debug {
    /// See [`ObjectStore::identity`](crate::ObjectStore::identity).
    fn identity(&self) -> String;

    /// The largest file that is sent in one request, in bytes.
    fn whole_bytes(&self) -> u64;

    /// Sends a file in one request and checks that it arrived.
    fn put(
        &self,
        caller: &Caller<'_>,
        key: &ObjectKey,
        spool: &FinishedSpool,
        options: &PutOptions,
    ) -> Result<(), ObjectStoreError>;

    /// Begins an upload of `len` bytes in parts.
    fn begin(
        &self,
        caller: &Caller<'_>,
        key: &ObjectKey,
        len: u64,
        options: &PutOptions,
    ) -> Result<Upload, ObjectStoreError>;

    /// Sends part `number`, counted from 0. Answers what `finish` must be told of it.
    fn put_part(
        &self,
        caller: &Caller<'_>,
        key: &ObjectKey,
        upload: &Upload,
        number: u16,
        piece: &Piece<'_>,
    ) -> Result<String, ObjectStoreError>;

    /// Makes the parts, whose answers are given in order, one object.
    fn finish(
        &self,
        caller: &Caller<'_>,
        key: &ObjectKey,
        upload: &Upload,
        parts: &[String],
        spool: &FinishedSpool,
    ) -> Result<(), ObjectStoreError>;

    /// Ends an upload and removes its parts. One that the store does not know counts as ended.
    fn abort(&self, caller: &Caller<'_>, key: &str, upload_id: &str) -> Result<(), ObjectStoreError>;

    /// The uploads below a prefix that were begun and not finished; none where the store cannot tell.
    fn open_uploads(&self, caller: &Caller<'_>, prefix: &str) -> Result<Vec<OpenUpload>, ObjectStoreError>;

    /// See [`ObjectStore::len_of`](crate::ObjectStore::len_of).
    fn len_of(&self, caller: &Caller<'_>, key: &ObjectKey) -> Result<Option<u64>, ObjectStoreError>;

    /// Removes an object, if it is there.
    fn delete(&self, caller: &Caller<'_>, key: &str) -> Result<(), ObjectStoreError>;

    /// A stretch of the objects below `prefix`; `from` is what the stretch before it said.
    fn list(&self, caller: &Caller<'_>, prefix: &str, from: Option<&str>) -> Result<Page, ObjectStoreError>;

    /// See [`ObjectStore::presign_get`](crate::ObjectStore::presign_get).
    fn presign_get(&self, key: &ObjectKey, file_name: &str, expires_unix_s: i64) -> String;
}
