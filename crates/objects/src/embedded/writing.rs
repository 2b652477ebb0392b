//! What US3 clients write through the endpoint: whole files, files in parts, copies, deletions (docs/SIGNING.md, "US3 operations"). An
//! upload in parts lives in this process and its spool; a restart ends it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write as _};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use serde_json::json;

use super::endpoint::COPY_SOURCE;
use super::listing::limit;
use super::{EmbeddedStore, ReadError};
use crate::key::ObjectKey;
use crate::reply::{Reply, ReplyBody};
use crate::spool::{FinishedSpool, SpoolFile};
use crate::store::{ObjectStore as _, ObjectStoreError, Stored};
use crate::us3::{BLOCK_BYTES, Refusal, Request, decode_path};

/// The largest file of one request, in bytes, as published.
pub(super) const MAX_FILE_BYTES: u64 = 512 * 1024 * 1024;

/// Longest body of a finish: 10,000 etags in quotes.
const MAX_FINISH_BYTES: u64 = 1024 * 1024;

/// How many uploads `GetMultiUploadId` tells where the request does not say.
const UPLOAD_IDS_LIMIT: usize = 20;

/// Memory for copying.
const COPY_BYTES: usize = 128 * 1024;

/// An upload in parts that is not finished.
#[derive(Debug)]
pub(super) struct OpenUpload {
    key: ObjectKey,
    /// Unix seconds.
    pub(super) begun_s: i64,
    parts: BTreeMap<u16, FinishedSpool>,
}

impl EmbeddedStore {
    pub(super) fn put_file(
        &self,
        request: &Request<'_>,
        key: &ObjectKey,
        body: &mut dyn Read,
    ) -> Result<Reply, ReadError> {
        let spool = self.received(request, body, MAX_FILE_BYTES)?;
        Ok(with_etag(Reply::empty(200), &self.replace(key, spool)?))
    }

    pub(super) fn copy_file(&self, request: &Request<'_>, key: &ObjectKey) -> Result<Reply, ReadError> {
        let source = request.header(COPY_SOURCE).and_then(decode_path).unwrap_or_default();
        let (bucket, source) = source.trim_start_matches('/').split_once('/').unwrap_or_default();
        if bucket != self.bucket {
            return Err(Refusal::NoSuchBucket.into());
        }
        let source = ObjectKey::parse(source).map_err(|_| Refusal::NoSuchFile)?;
        let mut object = self.open(&source).map_err(|error| match error {
            ObjectStoreError::NotFound => ReadError::Refused(Refusal::NoSuchFile),
            other => ReadError::Store(other),
        })?;
        let mut spool = self.spool().map_err(ReadError::Store)?;
        append(&mut spool, &mut object.file).map_err(|error| failed("copy", &source, error))?;
        Ok(with_etag(Reply::empty(200), &self.replace(key, spool)?))
    }

    pub(super) fn delete_file(&self, key: &ObjectKey) -> Result<Reply, ReadError> {
        if self.len_of(key).map_err(ReadError::Store)?.is_none() {
            return Err(Refusal::NoSuchFile.into());
        }
        self.delete(key).map_err(ReadError::Store)?;
        Ok(Reply::empty(204))
    }

    pub(super) fn begin_upload(&self, key: ObjectKey, now_s: i64) -> Reply {
        // The folder's name is random, so that no other process's ids are ours.
        let folder = self.spool.folder().file_name().unwrap_or_default().to_string_lossy();
        let id = format!("{folder}-{}", self.next_upload.fetch_add(1, Ordering::Relaxed));
        let reply = Reply::json(&json!({
            "UploadId": id,
            "BlkSize": BLOCK_BYTES,
            "Bucket": self.bucket,
            "Key": key.as_str(),
        }));
        self.lock_uploads().insert(id, OpenUpload { key, begun_s: now_s, parts: BTreeMap::new() });
        reply
    }

    pub(super) fn upload_part(&self, request: &Request<'_>, body: &mut dyn Read) -> Result<Reply, ReadError> {
        let id = upload_id(request);
        let number: u16 = request
            .form_parameter("partNumber")
            .and_then(|text| text.parse().ok())
            .ok_or(Refusal::BadRequest("partNumber is not a number"))?;
        if !self.lock_uploads().contains_key(&id) {
            return Err(Refusal::NoSuchUpload.into());
        }
        let spool = self.received(request, body, BLOCK_BYTES as u64)?;
        let part = spool.finish().map_err(ReadError::Store)?;
        let reply = with_etag(Reply::json(&json!({"PartNumber": number})), &part.stored);
        // It may have ended while the part came in.
        let replaced = match self.lock_uploads().get_mut(&id) {
            Some(upload) => upload.parts.insert(number, part),
            None => return Err(Refusal::NoSuchUpload.into()),
        };
        drop(replaced);
        Ok(reply)
    }

    pub(super) fn finish_upload(
        &self,
        request: &Request<'_>,
        key: &ObjectKey,
        body: &mut dyn Read,
    ) -> Result<Reply, ReadError> {
        let mut told = String::new();
        body.take(MAX_FINISH_BYTES)
            .read_to_string(&mut told)
            .map_err(|_| Refusal::BadRequest("the list of parts is no text"))?;
        let id = upload_id(request);
        let upload = {
            let mut uploads = self.lock_uploads();
            let upload = uploads.get(&id).filter(|upload| upload.key == *key).ok_or(Refusal::NoSuchUpload)?;
            check_parts(upload, &told)?;
            uploads.remove(&id).ok_or(Refusal::NoSuchUpload)?
        };
        let mut spool = self.spool().map_err(ReadError::Store)?;
        for part in upload.parts.into_values() {
            let mut file =
                File::open(part.file.path()).map_err(|error| failed("read a part of", key, error))?;
            append(&mut spool, &mut file).map_err(|error| failed("put together", key, error))?;
        }
        // As published: the new key is for when the key has been taken in the meantime.
        let new_key = match request.form_parameter("newKey").filter(|text| !text.is_empty()) {
            Some(text) => {
                Some(ObjectKey::parse(&text).map_err(|_| Refusal::BadRequest("file name not allowed"))?)
            }
            None => None,
        };
        let is_taken = self.len_of(key).map_err(ReadError::Store)?.is_some();
        let key = new_key.as_ref().filter(|_| is_taken).unwrap_or(key);
        let stored = self.replace(key, spool)?;
        let value = json!({"Bucket": self.bucket, "Key": key.as_str(), "FileSize": stored.len});
        Ok(with_etag(Reply::json(&value), &stored))
    }

    pub(super) fn abort_upload(&self, request: &Request<'_>) -> Result<Reply, ReadError> {
        let removed = self.lock_uploads().remove(&upload_id(request));
        match removed {
            Some(_) => Ok(Reply::empty(204)),
            None => Err(Refusal::NoSuchUpload.into()),
        }
    }

    /// `GetMultiUploadId`.
    pub(super) fn upload_ids(&self, request: &Request<'_>) -> Result<Reply, ReadError> {
        let prefix = request.form_parameter("prefix").unwrap_or_default();
        let marker = request.form_parameter("marker").unwrap_or_default();
        let limit = limit(request, "limit", UPLOAD_IDS_LIMIT)?;
        let mut found: Vec<(String, String, i64)> = self
            .lock_uploads()
            .iter()
            .map(|(id, upload)| (upload.key.as_str().to_owned(), id.clone(), upload.begun_s))
            .filter(|(key, ..)| key.starts_with(&prefix) && *key > marker)
            .collect();
        found.sort();
        // A marker is a key: all uploads of one are told together.
        let end = match found.get(limit.saturating_sub(1)).map(|(key, ..)| key.clone()) {
            Some(last) => found.partition_point(|(key, ..)| *key <= last),
            None => found.len(),
        };
        let next = if end < found.len() { found[end - 1].0.clone() } else { String::new() };
        let uploads: Vec<_> = found[..end]
            .iter()
            .map(|(key, id, begun_s)| json!({"UploadId": id, "FileName": key, "StartTime": begun_s}))
            .collect();
        Ok(Reply::json(&json!({"RetCode": 0, "ErrMsg": "", "NextMarker": next, "DataSet": uploads})))
    }

    /// Makes the file the object of that key, whatever was there: US3's writes replace. Readers may for a moment find
    /// nothing.
    pub(super) fn replace(&self, key: &ObjectKey, spool: SpoolFile) -> Result<Stored, ReadError> {
        let finished = spool.finish().map_err(ReadError::Store)?;
        let _one_at_a_time = self.replacing.lock().unwrap_or_else(PoisonError::into_inner);
        self.delete(key)
            .and_then(|()| self.put_in_place(&self.place(key), finished.file, &finished.stored.etag))
            .map_err(ReadError::Store)?;
        Ok(finished.stored)
    }

    /// The body of a request in a spool file: all of it, and not more than `limit` bytes.
    fn received(
        &self,
        request: &Request<'_>,
        body: &mut dyn Read,
        limit: u64,
    ) -> Result<SpoolFile, ReadError> {
        let mut spool = self.spool().map_err(ReadError::Store)?;
        fill(&mut spool, body, limit)?;
        let announced = request.header("content-length").and_then(|text| text.parse::<u64>().ok());
        match announced {
            Some(len) if len != spool.bytes_written() => {
                Err(Refusal::BadRequest("the body is not as long as announced").into())
            }
            _ => Ok(spool),
        }
    }
}

/// Reads to the end, at most `limit` bytes. A body that breaks off is the client's fault, a spool that fails is ours.
fn fill(spool: &mut SpoolFile, body: &mut dyn Read, limit: u64) -> Result<(), ReadError> {
    let mut buffer = vec![0; COPY_BYTES];
    loop {
        let read = match body.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => return Err(Refusal::BadRequest("the body broke off").into()),
        };
        if spool.bytes_written() + read as u64 > limit {
            return Err(Refusal::BadRequest("the body is too long").into());
        }
        write(spool, &buffer[..read])?;
    }
}

/// Writes a piece of a body.
pub(super) fn write(spool: &mut SpoolFile, bytes: &[u8]) -> Result<(), ReadError> {
    spool.write_all(bytes).map_err(|source| {
        ReadError::Store(ObjectStoreError::Io { doing: "write", path: "a spool file".into(), source })
    })
}

fn append(spool: &mut SpoolFile, file: &mut File) -> io::Result<()> {
    io::copy(file, spool).map(drop)
}

fn failed(doing: &'static str, key: &ObjectKey, source: io::Error) -> ReadError {
    ReadError::Store(ObjectStoreError::Io { doing, path: key.as_str().into(), source })
}

fn upload_id(request: &Request<'_>) -> String {
    request.form_parameter("uploadId").unwrap_or_default()
}

pub(super) fn with_etag(mut reply: Reply, stored: &Stored) -> Reply {
    debug_assert!(!matches!(reply.body, ReplyBody::File { .. }));
    reply.headers.push(("etag", format!("\"{}\"", stored.etag)));
    reply
}

/// The etags must be those of all parts, in order, each part but the last a whole block. The Python client leaves the
/// quotes in.
fn check_parts(upload: &OpenUpload, told: &str) -> Result<(), Refusal> {
    let told: Vec<&str> = told.trim().split(',').map(|etag| etag.trim().trim_matches('"')).collect();
    let is_all = told.len() == upload.parts.len()
        && upload
            .parts
            .iter()
            .enumerate()
            .all(|(at, (number, part))| usize::from(*number) == at && told[at] == part.stored.etag);
    if !is_all {
        return Err(Refusal::BadRequest("the parts are not those that were uploaded"));
    }
    let last = upload.parts.len() - 1;
    let is_whole = |(at, part): (usize, &FinishedSpool)| at == last || part.stored.len == BLOCK_BYTES as u64;
    if upload.parts.values().enumerate().all(is_whole) {
        Ok(())
    } else {
        Err(Refusal::BadRequest("a part is not as long as the size of parts"))
    }
}
