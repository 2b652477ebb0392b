//! The [`Protocol`] trait: the operations that uploads and sweeps need, implemented for US3 and S3. It does not define
//! in which order, how often or from which thread they are called.

use std::fmt;

use super::transport::{Caller, Piece};
use crate::error::ObjectStoreError;
use crate::key::ObjectKey;
use crate::spool::FinishedSpool;
use crate::store::PutOptions;

/// An upload in parts that has begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Upload {
    pub(super) id: String,
    /// Size of each part but the last, in bytes.
    pub(super) part_bytes: u64,
}

/// An unfinished upload in a listing.
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

/// A page of a listing.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) objects: Vec<Listed>,
    /// The start of the next page; `None` at the end.
    pub(super) next: Option<String>,
}

pub(super) trait Protocol: Send + Sync + fmt::Debug {
    /// See [`ObjectStore::identity`](crate::ObjectStore::identity).
    fn identity(&self) -> String;

    /// The largest file that is uploaded in one request, in bytes.
    fn whole_bytes(&self) -> u64;

    /// Uploads a file in one request and checks that it arrived intact.
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

    /// Uploads part `number`, counted from 0. Returns the text that `finish` needs for it.
    fn put_part(
        &self,
        caller: &Caller<'_>,
        key: &ObjectKey,
        upload: &Upload,
        number: u16,
        piece: &Piece<'_>,
    ) -> Result<String, ObjectStoreError>;

    /// Combines the parts into one object. `parts` are the results of [`put_part`](Self::put_part) in order.
    fn finish(
        &self,
        caller: &Caller<'_>,
        key: &ObjectKey,
        upload: &Upload,
        parts: &[String],
        spool: &FinishedSpool,
    ) -> Result<(), ObjectStoreError>;

    /// Ends an upload and removes its parts. Succeeds if the upload does not exist.
    fn abort(&self, caller: &Caller<'_>, key: &str, upload_id: &str) -> Result<(), ObjectStoreError>;

    /// The unfinished uploads below a prefix; none if the store cannot list them.
    fn open_uploads(&self, caller: &Caller<'_>, prefix: &str) -> Result<Vec<OpenUpload>, ObjectStoreError>;

    /// See [`ObjectStore::len_of`](crate::ObjectStore::len_of).
    fn len_of(&self, caller: &Caller<'_>, key: &ObjectKey) -> Result<Option<u64>, ObjectStoreError>;

    /// Removes an object. Succeeds if it does not exist.
    fn delete(&self, caller: &Caller<'_>, key: &str) -> Result<(), ObjectStoreError>;

    /// A page of the objects below `prefix`. `from` is [`Page::next`] of the previous page.
    fn list(&self, caller: &Caller<'_>, prefix: &str, from: Option<&str>) -> Result<Page, ObjectStoreError>;

    /// See [`ObjectStore::presign_get`](crate::ObjectStore::presign_get).
    fn presign_get(&self, key: &ObjectKey, file_name: &str, expires_unix_s: i64) -> String;
}
