//! A writable US3 host (docs/SIGNING.md, "US3 operations"), which replaces US3 in tests of the remote client. The
//! embedded store that holds the objects answers reads. The host itself does not serve HTTP.

use std::collections::BTreeMap;
use std::io::{self, Read, Write as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use percent_encoding::percent_decode_str;
use tollbook_objects::us3::{self, BLOCK_BYTES, EtagHasher, Refusal, Request, UploadForm};
use tollbook_objects::{
    EmbeddedStore, ObjectKey, ObjectKeys, ObjectStore as _, ObjectStoreError, PutOptions, ReadError, Reply,
    ReplyBody,
};

/// The header of a `PUT` that copies an object.
const COPY_SOURCE: &str = "x-ufile-copy-source";

/// Limit on a file in one request, in bytes, as published.
const MAX_FILE_BYTES: usize = 512 * 1024 * 1024;

/// Limit on the body of a finish, in bytes: 10,000 quoted etags.
const MAX_FINISH_BYTES: usize = 1024 * 1024;

/// Default size of a page of `GetMultiUploadId`.
const UPLOAD_IDS_LIMIT: usize = 20;

/// Largest size of a page of `GetMultiUploadId`.
const MAX_UPLOAD_IDS: usize = 1_000;

/// A bucket that clients with the key pair may read and write. Object keys must be valid [`ObjectKey`]s.
#[derive(Debug)]
pub struct Us3Host {
    store: Arc<EmbeddedStore>,
    keys: ObjectKeys,
    uploads: Mutex<Uploads>,
    /// Held while an object is replaced.
    replacing: Mutex<()>,
}

/// Unfinished multipart uploads, by id.
#[derive(Debug, Default)]
struct Uploads {
    open: BTreeMap<String, Upload>,
    begun: usize,
}

#[derive(Debug)]
struct Upload {
    key: ObjectKey,
    /// Unix seconds.
    begun_s: i64,
    parts: BTreeMap<u16, Part>,
}

#[derive(Debug)]
struct Part {
    content: Vec<u8>,
    etag: String,
}

/// The error of a request.
enum WriteError {
    Read(ReadError),
    /// The upload does not exist or has ended. US3's code for this error is not published.
    NoSuchUpload,
}

impl From<ReadError> for WriteError {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

impl From<Refusal> for WriteError {
    fn from(refusal: Refusal) -> Self {
        Self::Read(refusal.into())
    }
}

impl Us3Host {
    /// A host for the bucket of the store. `keys` must be the keys of the store.
    pub fn new(store: Arc<EmbeddedStore>, keys: ObjectKeys) -> Self {
        Self { store, keys, uploads: Mutex::default(), replacing: Mutex::default() }
    }

    /// The keys of unfinished uploads, once for each part that they hold.
    pub fn open_parts(&self) -> Vec<String> {
        let uploads = self.uploads();
        let keys = uploads.open.values().flat_map(|upload| upload.parts.values().map(|_| &upload.key));
        keys.map(ToString::to_string).collect()
    }

    /// Answers a request at `now_s` (Unix seconds): the reads of [`EmbeddedStore::us3`], and `PutFile`, `PostFile`,
    /// `InitiateMultipartUpload`, `UploadPart`, `FinishMultipartUpload`, `AbortMultipartUpload`, `GetMultiUploadId`,
    /// `Copy` and `DeleteFile`. `body` is read after the signature is verified.
    pub fn answer(&self, request: &Request<'_>, body: &mut dyn Read, now_s: i64) -> Reply {
        match self.write(request, body, now_s) {
            Ok(reply) => reply,
            Err(WriteError::Read(error)) => error.reply(),
            Err(WriteError::NoSuchUpload) => {
                Reply::json(404, r#"{"RetCode":-1,"ErrMsg":"upload not exist"}"#.to_owned())
            }
        }
    }

    fn write(&self, request: &Request<'_>, body: &mut dyn Read, now_s: i64) -> Result<Reply, WriteError> {
        let has = |name: &str| request.raw_parameters(name).next().is_some();
        let is_bucket = matches!(request.path, "" | "/");
        match request.method {
            "GET" if is_bucket && has("muploadid") => {
                self.verify(request, now_s)?;
                self.upload_ids(request)
            }
            "POST" if is_bucket => self.post_file(request, body),
            "PUT" | "POST" | "DELETE" => {
                let key = key_of(&self.verify(request, now_s)?)?;
                match request.method {
                    "PUT" if has("uploadId") => self.upload_part(request, body),
                    "PUT" if request.header(COPY_SOURCE).is_some() => self.copy_file(request, &key),
                    "PUT" => self.put_file(request, &key, body),
                    "POST" if has("uploads") => Ok(self.begin_upload(key, now_s)),
                    "POST" if has("uploadId") => self.finish_upload(request, &key, body),
                    "DELETE" if has("uploadId") => self.abort_upload(request),
                    "DELETE" => self.delete_file(&key),
                    _ => Err(Refusal::BadRequest("operation not known").into()),
                }
            }
            _ => Ok(self.store.us3(request, body, now_s)?),
        }
    }

    /// Verifies the signature. Returns the object key of the request.
    fn verify(&self, request: &Request<'_>, now_s: i64) -> Result<String, Refusal> {
        if request.bucket != self.store.bucket() {
            return Err(Refusal::NoSuchBucket);
        }
        us3::verify(request, &self.keys, now_s).map(|verified| verified.key)
    }

    fn put_file(
        &self,
        request: &Request<'_>,
        key: &ObjectKey,
        body: &mut dyn Read,
    ) -> Result<Reply, WriteError> {
        let content = received(request, body, MAX_FILE_BYTES)?;
        Ok(with_etag(empty(200), &self.replace(key, &content)?))
    }

    /// The file is read only after its signature is verified.
    fn post_file(&self, request: &Request<'_>, body: &mut dyn Read) -> Result<Reply, WriteError> {
        if request.bucket != self.store.bucket() {
            return Err(Refusal::NoSuchBucket.into());
        }
        let form = UploadForm::read(request, body)?;
        let key = key_of(&form.verify(request, &self.keys)?.key)?;
        let mut content = Vec::new();
        form.content(&mut |bytes| {
            if content.len() + bytes.len() > MAX_FILE_BYTES {
                return Err(Refusal::BadRequest("the file is too long"));
            }
            content.extend_from_slice(bytes);
            Ok(())
        })?;
        Ok(with_etag(empty(200), &self.replace(&key, &content)?))
    }

    fn copy_file(&self, request: &Request<'_>, key: &ObjectKey) -> Result<Reply, WriteError> {
        let source = request.header(COPY_SOURCE).unwrap_or_default();
        let source = percent_decode_str(source).decode_utf8().unwrap_or_default();
        let (bucket, source) = source.trim_start_matches('/').split_once('/').unwrap_or_default();
        if bucket != self.store.bucket() {
            return Err(Refusal::NoSuchBucket.into());
        }
        let source = ObjectKey::parse(source).map_err(|_| Refusal::NoSuchFile)?;
        let mut object = self.store.open(&source).map_err(|error| match error {
            ObjectStoreError::NotFound => ReadError::Refused(Refusal::NoSuchFile),
            other => ReadError::Store(other),
        })?;
        let mut content = Vec::new();
        object.file.read_to_end(&mut content).map_err(failed("read"))?;
        Ok(with_etag(empty(200), &self.replace(key, &content)?))
    }

    fn delete_file(&self, key: &ObjectKey) -> Result<Reply, WriteError> {
        if self.store.len_of(key).map_err(ReadError::Store)?.is_none() {
            return Err(Refusal::NoSuchFile.into());
        }
        self.store.delete(key).map_err(ReadError::Store)?;
        Ok(empty(204))
    }

    fn begin_upload(&self, key: ObjectKey, now_s: i64) -> Reply {
        let mut uploads = self.uploads();
        let id = format!("upload-{}", uploads.begun);
        uploads.begun += 1;
        let reply = Reply::json(
            200,
            format!(
                r#"{{"UploadId":"{id}","BlkSize":{BLOCK_BYTES},"Bucket":"{}","Key":"{key}"}}"#,
                self.store.bucket()
            ),
        );
        uploads.open.insert(id, Upload { key, begun_s: now_s, parts: BTreeMap::new() });
        reply
    }

    fn upload_part(&self, request: &Request<'_>, body: &mut dyn Read) -> Result<Reply, WriteError> {
        let id = upload_id(request);
        let number: u16 = request
            .form_parameter("partNumber")
            .and_then(|text| text.parse().ok())
            .ok_or(Refusal::BadRequest("partNumber is not a number"))?;
        if !self.uploads().open.contains_key(&id) {
            return Err(WriteError::NoSuchUpload);
        }
        let content = received(request, body, BLOCK_BYTES)?;
        let mut hasher = EtagHasher::new();
        hasher.update(&content);
        let etag = hasher.finish();
        // The upload may have ended while the part was received.
        let mut uploads = self.uploads();
        let upload = uploads.open.get_mut(&id).ok_or(WriteError::NoSuchUpload)?;
        let reply = with_etag(Reply::json(200, format!(r#"{{"PartNumber":{number}}}"#)), &etag);
        upload.parts.insert(number, Part { content, etag });
        Ok(reply)
    }

    fn finish_upload(
        &self,
        request: &Request<'_>,
        key: &ObjectKey,
        body: &mut dyn Read,
    ) -> Result<Reply, WriteError> {
        let listed = String::from_utf8(received(request, body, MAX_FINISH_BYTES)?)
            .map_err(|_| Refusal::BadRequest("the list of parts is no text"))?;
        let id = upload_id(request);
        let upload = {
            let mut uploads = self.uploads();
            let upload = uploads.open.get(&id).filter(|upload| upload.key == *key);
            check_parts(upload.ok_or(WriteError::NoSuchUpload)?, &listed)?;
            uploads.open.remove(&id).ok_or(WriteError::NoSuchUpload)?
        };
        let content: Vec<u8> = upload.parts.into_values().flat_map(|part| part.content).collect();
        // As published: the new key is used if the key now exists.
        let new_key = match request.form_parameter("newKey").filter(|text| !text.is_empty()) {
            Some(text) => Some(key_of(&text)?),
            None => None,
        };
        let is_taken = self.store.len_of(key).map_err(ReadError::Store)?.is_some();
        let key = new_key.as_ref().filter(|_| is_taken).unwrap_or(key);
        let etag = self.replace(key, &content)?;
        let bucket = self.store.bucket();
        let value = format!(r#"{{"Bucket":"{bucket}","Key":"{key}","FileSize":{}}}"#, content.len());
        Ok(with_etag(Reply::json(200, value), &etag))
    }

    fn abort_upload(&self, request: &Request<'_>) -> Result<Reply, WriteError> {
        match self.uploads().open.remove(&upload_id(request)) {
            Some(_) => Ok(empty(204)),
            None => Err(WriteError::NoSuchUpload),
        }
    }

    /// `GetMultiUploadId`. Pages end between keys, because a marker is a key.
    fn upload_ids(&self, request: &Request<'_>) -> Result<Reply, WriteError> {
        let parameter = |name| request.form_parameter(name).unwrap_or_default();
        let (prefix, marker) = (parameter("prefix"), parameter("marker"));
        let limit = match parameter("limit").as_str() {
            "" => UPLOAD_IDS_LIMIT,
            text => text
                .parse::<usize>()
                .map_err(|_| Refusal::BadRequest("limit is not a number"))?
                .min(MAX_UPLOAD_IDS),
        };
        let mut found: Vec<(String, String, i64)> = self
            .uploads()
            .open
            .iter()
            .map(|(id, upload)| (upload.key.to_string(), id.clone(), upload.begun_s))
            .filter(|(key, ..)| key.starts_with(&prefix) && *key > marker)
            .collect();
        found.sort();
        let end = match found.get(limit.saturating_sub(1)) {
            Some((last, ..)) => found.partition_point(|(key, ..)| key <= last),
            None => found.len(),
        };
        let next = if end < found.len() { found[end - 1].0.as_str() } else { "" };
        let entries: Vec<String> = found[..end]
            .iter()
            .map(|(key, id, begun_s)| {
                format!(r#"{{"UploadId":"{id}","FileName":"{key}","StartTime":{begun_s}}}"#)
            })
            .collect();
        let entries = entries.join(",");
        let value = format!(r#"{{"RetCode":0,"ErrMsg":"","NextMarker":"{next}","DataSet":[{entries}]}}"#);
        Ok(Reply::json(200, value))
    }

    /// Stores the content under the key and returns its `ETag`. An existing object is replaced; readers may briefly
    /// find no object.
    fn replace(&self, key: &ObjectKey, content: &[u8]) -> Result<String, ReadError> {
        let mut spool = self.store.spool().map_err(ReadError::Store)?;
        spool.write_all(content).map_err(failed("write"))?;
        let _guard = self.replacing.lock().unwrap_or_else(PoisonError::into_inner);
        self.store.delete(key).map_err(ReadError::Store)?;
        let options = PutOptions::named(key.file_name());
        let stored = self.store.put(key, spool, &options, &|| false).map_err(ReadError::Store)?;
        Ok(stored.etag)
    }

    fn uploads(&self) -> MutexGuard<'_, Uploads> {
        self.uploads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The whole body, which must be as long as announced and have at most `limit` bytes.
fn received(request: &Request<'_>, body: &mut dyn Read, limit: usize) -> Result<Vec<u8>, Refusal> {
    let mut content = Vec::new();
    body.take(limit as u64 + 1)
        .read_to_end(&mut content)
        .map_err(|_| Refusal::BadRequest("the body broke off"))?;
    if content.len() > limit {
        return Err(Refusal::BadRequest("the body is too long"));
    }
    match request.header("content-length").and_then(|text| text.parse::<usize>().ok()) {
        Some(len) if len != content.len() => Err(Refusal::BadRequest("the body is not as long as announced")),
        _ => Ok(content),
    }
}

fn key_of(text: &str) -> Result<ObjectKey, Refusal> {
    ObjectKey::parse(text).map_err(|_| Refusal::BadRequest("file name not allowed"))
}

fn upload_id(request: &Request<'_>) -> String {
    request.form_parameter("uploadId").unwrap_or_default()
}

fn failed(doing: &'static str) -> impl FnOnce(io::Error) -> ReadError {
    move |source| ReadError::Store(ObjectStoreError::Io { doing, path: "a file".into(), source })
}

fn empty(status: u16) -> Reply {
    let headers = match status {
        // RFC 9110, section 8.6.
        204 => Vec::new(),
        _ => vec![("content-length", "0".to_owned())],
    };
    Reply { status, headers, body: ReplyBody::Empty }
}

fn with_etag(mut reply: Reply, etag: &str) -> Reply {
    reply.headers.push(("etag", format!("\"{etag}\"")));
    reply
}

/// The listed etags must be those of all parts, in order, and each part but the last must be a whole block. The Python
/// client sends the etags with quotes.
fn check_parts(upload: &Upload, listed: &str) -> Result<(), Refusal> {
    let listed: Vec<&str> = listed.trim().split(',').map(|etag| etag.trim().trim_matches('"')).collect();
    let is_complete = listed.len() == upload.parts.len()
        && upload
            .parts
            .iter()
            .enumerate()
            .all(|(at, (number, part))| usize::from(*number) == at && listed[at] == part.etag);
    if !is_complete {
        return Err(Refusal::BadRequest("the parts are not those that were uploaded"));
    }
    let last = upload.parts.len() - 1;
    let is_whole = |(at, part): (usize, &Part)| at == last || part.content.len() == BLOCK_BYTES;
    if upload.parts.values().enumerate().all(is_whole) {
        Ok(())
    } else {
        Err(Refusal::BadRequest("a part is not as long as the size of parts"))
    }
}
