//! The native US3 protocol (docs/SIGNING.md, "US3 operations"): the requests, signed by `crate::us3`, and the checks of
//! their replies.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha1::{Digest as _, Sha1};
use url::Url;

use super::protocol::{Listed, OpenUpload, Page, Protocol, Upload};
use super::settings::RemoteSettings;
use super::store_url::StoreUrl;
use super::transport::{Caller, Content, HttpReply, InvalidReply, Piece, Request, any, found, read_through};
use crate::error::ObjectStoreError;
use crate::key::ObjectKey;
use crate::key_pair::ObjectKeys;
use crate::spool::FinishedSpool;
use crate::store::PutOptions;
use crate::us3::{self, BLOCK_BYTES, SignedParts, encode_path, encode_value};

/// Entries per page of a listing.
const PAGE: &str = "1000";

/// The content type of bodies other than files, as in the published clients.
const PLAIN: &str = "text/plain";

/// The content type of a part.
const BYTES: &str = "application/octet-stream";

#[derive(Debug)]
pub(super) struct Us3 {
    bucket: String,
    keys: ObjectKeys,
    /// URL of the bucket without a slash at the end.
    base: String,
    /// The same at the public endpoint, which links name.
    public_base: String,
    identity: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Begun {
    upload_id: String,
    blk_size: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Finished {
    file_size: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct FileList {
    #[serde(default)]
    next_marker: String,
    /// Absent or null if the list is empty.
    data_set: Option<Vec<FileEntry>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct FileEntry {
    /// The documentation has used both names; the published clients read this one.
    file_name: Option<String>,
    object_name: Option<String>,
    size: u64,
    modify_time: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UploadList {
    #[serde(default)]
    next_marker: String,
    data_set: Option<Vec<UploadEntry>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UploadEntry {
    upload_id: String,
    file_name: String,
    start_time: i64,
}

impl Us3 {
    pub(super) fn new(url: &StoreUrl, is_custom_domain: bool, settings: &RemoteSettings) -> Self {
        let base = |endpoint: &Url| {
            let text = endpoint.as_str().trim_end_matches('/');
            match text.split_once("://") {
                Some((scheme, host)) if !is_custom_domain => format!("{scheme}://{}.{host}", url.bucket),
                _ => text.to_owned(),
            }
        };
        let base_of_store = base(&url.endpoint);
        Self {
            bucket: url.bucket.clone(),
            keys: settings.keys.clone(),
            identity: format!("us3:{base_of_store}/{}", url.bucket),
            base: base_of_store,
            public_base: base(&url.public_endpoint),
        }
    }

    /// A request that is signed by header.
    fn request<'a>(
        &self,
        method: &'static str,
        key: &str,
        query: &str,
        content_type: &str,
        body: Content<'a>,
    ) -> Request<'a> {
        let parts = SignedParts { method, content_type, bucket: &self.bucket, key, ..SignedParts::default() };
        let mut headers = vec![("authorization", us3::authorization(&self.keys, &parts))];
        if !content_type.is_empty() {
            headers.push(("content-type", content_type.to_owned()));
        }
        let mut url = format!("{}/{}", self.base, encode_path(key));
        if !query.is_empty() {
            url.push('?');
            url.push_str(query);
        }
        Request { method, url, headers, body }
    }
}

impl Protocol for Us3 {
    fn identity(&self) -> String {
        self.identity.clone()
    }

    fn whole_bytes(&self) -> u64 {
        BLOCK_BYTES as u64
    }

    fn put(
        &self,
        caller: &Caller<'_>,
        key: &ObjectKey,
        spool: &FinishedSpool,
        options: &PutOptions,
    ) -> Result<(), ObjectStoreError> {
        let piece = Piece { path: spool.file.path(), offset: 0, len: spool.stored.len };
        let make = || self.request("PUT", key.as_str(), "", &options.content_type, Content::Piece(&piece));
        caller.send("upload", key.as_str(), make, |reply| has_etag(reply, &spool.stored.etag))
    }

    fn begin(
        &self,
        caller: &Caller<'_>,
        key: &ObjectKey,
        _len: u64,
        options: &PutOptions,
    ) -> Result<Upload, ObjectStoreError> {
        let make = || {
            self.request("POST", key.as_str(), "uploads", &options.content_type, Content::Bytes(Vec::new()))
        };
        caller.send("begin the upload of", key.as_str(), make, |reply| {
            let begun: Begun = json(reply)?;
            if begun.upload_id.is_empty() || begun.blk_size == 0 {
                return Err("the upload has no id or part size".to_owned());
            }
            Ok(Upload { id: begun.upload_id, part_bytes: begun.blk_size })
        })
    }

    fn put_part(
        &self,
        caller: &Caller<'_>,
        key: &ObjectKey,
        upload: &Upload,
        number: u16,
        piece: &Piece<'_>,
    ) -> Result<String, ObjectStoreError> {
        let doing = format!("upload part {} of", u32::from(number) + 1);
        let sha1 = sha1_of(piece).map_err(ObjectStoreError::io("read", piece.path))?;
        let query = format!("uploadId={}&partNumber={number}", encode_value(&upload.id));
        let make = || self.request("PUT", key.as_str(), &query, BYTES, Content::Piece(piece));
        caller.send(doing, key.as_str(), make, |reply| {
            let etag = reply.etag.clone().ok_or("the part has no etag")?;
            if is_hash_of_other(&etag, sha1) {
                return Err("the part that arrived differs".to_owned());
            }
            Ok(etag)
        })
    }

    fn finish(
        &self,
        caller: &Caller<'_>,
        key: &ObjectKey,
        upload: &Upload,
        parts: &[String],
        spool: &FinishedSpool,
    ) -> Result<(), ObjectStoreError> {
        let query = format!("uploadId={}", encode_value(&upload.id));
        let make = || {
            let body = Content::Bytes(parts.join(",").into_bytes());
            self.request("POST", key.as_str(), &query, PLAIN, body)
        };
        caller.send("finish the upload of", key.as_str(), make, |reply| {
            let finished: Finished = json(reply)?;
            if finished.file_size != spool.stored.len {
                return Err(format!("{} bytes arrived, not {}", finished.file_size, spool.stored.len));
            }
            has_etag(reply, &spool.stored.etag)
        })
    }

    fn abort(&self, caller: &Caller<'_>, key: &str, upload_id: &str) -> Result<(), ObjectStoreError> {
        let query = format!("uploadId={}", encode_value(upload_id));
        let make = || self.request("DELETE", key, &query, "", Content::None);
        found(caller.send("end the upload of", key, make, any)).map(drop)
    }

    /// `GetMultiUploadId`, which is published but must be enabled for an account.
    fn open_uploads(&self, caller: &Caller<'_>, prefix: &str) -> Result<Vec<OpenUpload>, ObjectStoreError> {
        let mut uploads = Vec::new();
        let mut marker = String::new();
        loop {
            let query = format!(
                "muploadid&prefix={}&marker={}&limit={PAGE}",
                encode_value(prefix),
                encode_value(&marker)
            );
            let make = || self.request("GET", "", &query, "", Content::None);
            let list: UploadList = match caller.send("list the uploads below", prefix, make, json) {
                Err(ObjectStoreError::Remote(error)) if error.status().is_some() && !error.is_transient() => {
                    tracing::debug!(%error, "the store cannot list unfinished uploads");
                    return Ok(uploads);
                }
                listed => listed?,
            };
            let entries = list.data_set.unwrap_or_default().into_iter();
            uploads.extend(entries.map(|entry| OpenUpload {
                key: entry.file_name,
                id: entry.upload_id,
                begun_s: entry.start_time,
            }));
            if list.next_marker.is_empty() || list.next_marker == marker {
                return Ok(uploads);
            }
            marker = list.next_marker;
        }
    }

    fn len_of(&self, caller: &Caller<'_>, key: &ObjectKey) -> Result<Option<u64>, ObjectStoreError> {
        let make = || self.request("HEAD", key.as_str(), "", "", Content::None);
        let len = |reply: &HttpReply| reply.content_length.ok_or_else(|| "no content length".to_owned());
        found(caller.send("inspect", key.as_str(), make, len))
    }

    fn delete(&self, caller: &Caller<'_>, key: &str) -> Result<(), ObjectStoreError> {
        let make = || self.request("DELETE", key, "", "", Content::None);
        found(caller.send("delete", key, make, any)).map(drop)
    }

    fn list(&self, caller: &Caller<'_>, prefix: &str, from: Option<&str>) -> Result<Page, ObjectStoreError> {
        let query = format!(
            "list&prefix={}&marker={}&limit={PAGE}",
            encode_value(prefix),
            encode_value(from.unwrap_or_default())
        );
        let make = || self.request("GET", "", &query, "", Content::None);
        caller.send("list the objects below", prefix, make, page_of)
    }

    fn presign_get(&self, key: &ObjectKey, file_name: &str, expires_unix_s: i64) -> String {
        let query = us3::presign_get(&self.keys, &self.bucket, key.as_str(), expires_unix_s, Some(file_name));
        format!("{}/{}?{query}", self.public_base, encode_path(key.as_str()))
    }
}

/// The objects that a reply lists.
pub(super) fn page_of(reply: &HttpReply) -> Result<Page, InvalidReply> {
    let list: FileList = json(reply)?;
    let objects = list.data_set.unwrap_or_default().into_iter().filter_map(|entry| {
        let key = entry.file_name.or(entry.object_name)?;
        Some(Listed { key, len: entry.size, modified_s: entry.modify_time })
    });
    let next = Some(list.next_marker).filter(|marker| !marker.is_empty());
    Ok(Page { objects: objects.collect(), next })
}

fn json<T: DeserializeOwned>(reply: &HttpReply) -> Result<T, InvalidReply> {
    serde_json::from_slice(&reply.body).map_err(|error| format!("not a published reply: {error}"))
}

/// Checks the `ETag` of a reply. A reply without one is accepted.
fn has_etag(reply: &HttpReply, expected: &str) -> Result<(), InvalidReply> {
    match &reply.etag {
        Some(etag) if etag != expected => Err(format!("the object has the etag {etag}, not {expected}")),
        _ => Ok(()),
    }
}

fn sha1_of(piece: &Piece<'_>) -> std::io::Result<[u8; 20]> {
    let mut hasher = Sha1::new();
    read_through(piece, |bytes| hasher.update(bytes))?;
    Ok(hasher.finalize().into())
}

/// Whether a part's `ETag` has a published form and belongs to other bytes. The forms are the SHA-1 alone, or the block
/// count 1 and the SHA-1. Other forms are accepted, because they are not published.
fn is_hash_of_other(etag: &str, sha1: [u8; 20]) -> bool {
    match URL_SAFE.decode(etag) {
        Ok(raw) if raw.len() == 20 => raw != sha1,
        Ok(raw) if raw.len() == 24 && raw.starts_with(&1_u32.to_le_bytes()) => raw[4..] != sha1,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::Value;

    use super::*;
    use crate::{SpoolLimits, Tuning};

    /// Recorded from the published clients: method, target, content type and signature of every operation used here.
    #[test]
    fn requests_are_signed_as_the_published_clients_sign_them() {
        let file: Value =
            serde_json::from_str(include_str!("../../tests/vectors/us3_vectors.json")).expect("json");
        let recorded = [
            "put-unicode-key",
            "head",
            "delete",
            "list",
            "multipart-0",
            "multipart-1",
            "multipart-2",
            "multipart-3",
            "go-put-2",
            "go-head-3",
            "go-delete-4",
        ];
        let mut found = 0;
        for vector in file["vectors"].as_array().expect("vectors") {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let wire = &vector["wire"];
            if !recorded.contains(&vector["id"].as_str().expect("id")) {
                continue;
            }
            found += 1;
            let url: StoreUrl =
                format!("us3://{}?endpoint=https://cn-wlcb.ufileos.com", text(&vector["bucket"]))
                    .parse()
                    .expect("url");
            let settings = RemoteSettings {
                data_directory: "unused".into(),
                keys: ObjectKeys::new(text(&vector["public_key"]), text(&vector["private_key"])),
                session_token: None,
                retention_s: 1,
                spool: SpoolLimits { bytes: 1, free_bytes: 0 },
                tuning: Tuning::default(),
                now_s: Arc::new(|| 0),
            };
            let client = Us3::new(&url, false, &settings);
            let target = text(&wire["target"]);
            let (path, query) = target.split_once('?').unwrap_or((&target, ""));
            let method: &'static str = match wire["method"].as_str() {
                Some("PUT") => "PUT",
                Some("HEAD") => "HEAD",
                Some("DELETE") => "DELETE",
                Some("POST") => "POST",
                _ => "GET",
            };
            let content_type = text(&wire["headers"]["content-type"]);
            let request = client.request(method, &text(&vector["key"]), query, &content_type, Content::None);
            let authorization = text(&wire["headers"]["authorization"]);
            assert_eq!(request.headers[0], ("authorization", authorization), "{vector}");
            let on_wire = format!("https://{}.cn-wlcb.ufileos.com{path}", text(&vector["bucket"]));
            assert_eq!(request.url.split('?').next(), Some(on_wire.as_str()), "{vector}");
        }
        assert_eq!(found, recorded.len());
    }

    #[test]
    fn the_etag_of_a_part_is_checked_if_its_form_is_known() {
        let sha1: [u8; 20] = Sha1::digest(b"hello us3\n").into();
        let other: [u8; 20] = Sha1::digest(b"other").into();
        let with_count =
            |count: u32, hash: [u8; 20]| URL_SAFE.encode([&count.to_le_bytes()[..], &hash[..]].concat());
        assert_eq!(with_count(1, sha1), "AQAAAOLHrfrT5fOQMkCgn7UwPtiBXFz5");
        let table = [
            (with_count(1, sha1), false),
            (with_count(1, other), true),
            // A part of several blocks cannot be checked against the hash of one block.
            (with_count(2, other), false),
            (URL_SAFE.encode(sha1), false),
            (URL_SAFE.encode(other), true),
            ("5d41402abc4b2a76b9719d911017c592".to_owned(), false),
            (String::new(), false),
        ];
        for (etag, is_other) in table {
            assert_eq!(is_hash_of_other(&etag, sha1), is_other, "{etag}");
        }
    }
}
