//! The S3 protocol: the requests, signed by `rusty-s3` (`SigV4` in the query, the body unsigned), and the checks of
//! their replies. The server checks bodies against `Content-MD5`; an S3 `ETag` need not be a hash.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use instant_xml::FromXml;
use jiff::Timestamp;
use md5::{Digest as _, Md5};
use rusty_s3::actions::{CompleteMultipartUploadResponse, CreateMultipartUpload, ListObjectsV2};
use rusty_s3::signing::sign;
use rusty_s3::{Bucket, Credentials, Method, S3Action, UrlStyle};
use url::Url;

use super::protocol::{Listed, OpenUpload, Page, Protocol, Upload};
use super::settings::{NowS, OpenError, RemoteSettings};
use super::store_url::{StoreUrl, Style};
use super::transport::{Caller, Content, HttpReply, InvalidReply, Piece, Request, any, found, read_through};
use crate::error::ObjectStoreError;
use crate::headers::attachment;
use crate::key::ObjectKey;
use crate::spool::FinishedSpool;
use crate::store::PutOptions;

/// Validity of a request's signature: longer than a request takes and clocks differ.
const SIGNED_FOR: Duration = Duration::from_secs(900);

/// The longest validity of a signature that S3 allows, in seconds.
const MAX_LINK_S: i64 = 7 * 86_400;

/// Limit on the parts of an upload. Larger files have larger parts.
const MAX_PARTS: u64 = 10_000;

/// Larger parts are a multiple of this size.
const PART_STEP_BYTES: u64 = 1024 * 1024;

const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

pub(super) struct S3 {
    bucket: Bucket,
    /// The bucket at the public endpoint, which links name.
    public: Bucket,
    credentials: Credentials,
    part_bytes: u64,
    now_s: NowS,
    identity: String,
}

#[derive(FromXml)]
#[xml(rename = "ListMultipartUploadsResult", ns(NAMESPACE))]
pub(super) struct UploadList {
    uploads: Vec<UploadEntry>,
    #[xml(rename = "IsTruncated")]
    is_truncated: Option<bool>,
    #[xml(rename = "NextKeyMarker")]
    next_key_marker: Option<String>,
    #[xml(rename = "NextUploadIdMarker")]
    next_upload_id_marker: Option<String>,
}

#[cfg(feature = "fuzzing")]
impl UploadList {
    pub(super) fn len(&self) -> usize {
        self.uploads.len()
    }
}

#[derive(FromXml)]
#[xml(rename = "Upload", ns(NAMESPACE))]
struct UploadEntry {
    #[xml(rename = "Key")]
    key: String,
    #[xml(rename = "UploadId")]
    upload_id: String,
    #[xml(rename = "Initiated")]
    initiated: Option<String>,
}

impl S3 {
    pub(super) fn new(
        url: &StoreUrl,
        region: &str,
        style: Style,
        part_bytes: u64,
        settings: &RemoteSettings,
    ) -> Result<Self, OpenError> {
        let style = match style {
            Style::Path => UrlStyle::Path,
            Style::VirtualHost => UrlStyle::VirtualHost,
        };
        let at = |endpoint: &Url| {
            Bucket::new(endpoint.clone(), style, url.bucket.clone(), region.to_owned())
                .map_err(|_| OpenError::Bucket { bucket: url.bucket.clone(), endpoint: endpoint.to_string() })
        };
        let (public_key, private_key) = (settings.keys.public(), settings.keys.private());
        let credentials = match &settings.session_token {
            Some(token) => Credentials::new_with_token(public_key, private_key, token),
            None => Credentials::new(public_key, private_key),
        };
        let bucket = at(&url.endpoint)?;
        Ok(Self {
            identity: format!("s3:{}", bucket.base_url().as_str().trim_end_matches('/')),
            bucket,
            public: at(&url.public_endpoint)?,
            credentials,
            part_bytes,
            now_s: settings.now_s.clone(),
        })
    }

    fn now(&self) -> Timestamp {
        timestamp((self.now_s)())
    }

    /// The request of an action. `headers` are signed and sent.
    fn request<'b, 'a, A: S3Action<'a>>(
        &self,
        method: &'static str,
        mut action: A,
        headers: Vec<(&'static str, String)>,
        body: Content<'b>,
    ) -> Request<'b> {
        for (name, value) in &headers {
            action.headers_mut().insert(*name, value.clone());
        }
        let url = action.sign_with_time(SIGNED_FOR, &self.now()).to_string();
        Request { method, url, headers, body }
    }

    /// A `GET` of the bucket with a sorted query, for operations that `rusty-s3` lacks.
    fn bucket_request(&self, query: &[(&str, &str)]) -> Request<'static> {
        let credentials = &self.credentials;
        let url = sign(
            &self.now(),
            Method::Get,
            self.bucket.base_url().clone(),
            credentials.key(),
            credentials.secret(),
            credentials.token(),
            self.bucket.region(),
            SIGNED_FOR.as_secs(),
            query.iter().copied(),
            std::iter::empty(),
        );
        Request { method: "GET", url: url.to_string(), headers: Vec::new(), body: Content::None }
    }

    fn has_len(&self, caller: &Caller<'_>, key: &ObjectKey, len: u64) -> Result<(), ObjectStoreError> {
        let credentials = Some(&self.credentials);
        let make = || {
            let action = self.bucket.head_object(credentials, key.as_str());
            self.request("HEAD", action, Vec::new(), Content::None)
        };
        caller.send("inspect", key.as_str(), make, |reply| match reply.content_length {
            Some(found) if found == len => Ok(()),
            found => Err(format!("{found:?} bytes arrived, not {len}")),
        })
    }
}

impl Protocol for S3 {
    fn identity(&self) -> String {
        self.identity.clone()
    }

    fn whole_bytes(&self) -> u64 {
        self.part_bytes
    }

    fn put(
        &self,
        caller: &Caller<'_>,
        key: &ObjectKey,
        spool: &FinishedSpool,
        options: &PutOptions,
    ) -> Result<(), ObjectStoreError> {
        let piece = Piece { path: spool.file.path(), offset: 0, len: spool.stored.len };
        let md5 = md5_of(&piece)?;
        let make = || {
            let action = self.bucket.put_object(Some(&self.credentials), key.as_str());
            let mut headers = file_headers(options);
            headers.push(("content-md5", md5.clone()));
            self.request("PUT", action, headers, Content::Piece(&piece))
        };
        caller.send("upload", key.as_str(), make, any)
    }

    fn begin(
        &self,
        caller: &Caller<'_>,
        key: &ObjectKey,
        len: u64,
        options: &PutOptions,
    ) -> Result<Upload, ObjectStoreError> {
        let make = || {
            let action = self.bucket.create_multipart_upload(Some(&self.credentials), key.as_str());
            self.request("POST", action, file_headers(options), Content::Bytes(Vec::new()))
        };
        let part_bytes = part_bytes_for(len, self.part_bytes);
        caller.send("begin the upload of", key.as_str(), make, |reply| {
            let begun = CreateMultipartUpload::parse_response(&reply.text()).map_err(not_published)?;
            Ok(Upload { id: begun.upload_id().to_owned(), part_bytes })
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
        let number = number + 1;
        let md5 = md5_of(piece)?;
        let make = || {
            let action = self.bucket.upload_part(Some(&self.credentials), key.as_str(), number, &upload.id);
            self.request("PUT", action, vec![("content-md5", md5.clone())], Content::Piece(piece))
        };
        caller.send(format!("upload part {number} of"), key.as_str(), make, |reply| {
            // With the quotes, as received and as in S3's examples.
            reply
                .etag
                .as_ref()
                .map(|etag| format!("\"{etag}\""))
                .ok_or_else(|| "the part has no etag".to_owned())
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
        let make = || {
            let action = self.bucket.complete_multipart_upload(
                Some(&self.credentials),
                key.as_str(),
                &upload.id,
                parts.iter().map(String::as_str),
            );
            let body = action.clone().body().into_bytes();
            self.request(
                "POST",
                action,
                vec![("content-type", "application/xml".to_owned())],
                Content::Bytes(body),
            )
        };
        caller.send("finish the upload of", key.as_str(), make, |reply| {
            CompleteMultipartUploadResponse::parse(&reply.text()).map(drop).map_err(not_published)
        })?;
        self.has_len(caller, key, spool.stored.len)
    }

    fn abort(&self, caller: &Caller<'_>, key: &str, upload_id: &str) -> Result<(), ObjectStoreError> {
        let make = || {
            let action = self.bucket.abort_multipart_upload(Some(&self.credentials), key, upload_id);
            self.request("DELETE", action, Vec::new(), Content::None)
        };
        found(caller.send("end the upload of", key, make, any)).map(drop)
    }

    fn open_uploads(&self, caller: &Caller<'_>, prefix: &str) -> Result<Vec<OpenUpload>, ObjectStoreError> {
        let mut uploads = Vec::new();
        let mut from = (String::new(), String::new());
        loop {
            let make = || {
                let mut query = vec![("prefix", prefix), ("uploads", "")];
                if !from.0.is_empty() {
                    query.extend([("key-marker", from.0.as_str()), ("upload-id-marker", from.1.as_str())]);
                    query.sort_unstable();
                }
                self.bucket_request(&query)
            };
            let list = match caller.send("list the uploads below", prefix, make, uploads_of) {
                // Not every S3 server supports this.
                Err(ObjectStoreError::Remote(error)) if matches!(error.status(), Some(405 | 501)) => {
                    tracing::debug!(%error, "the store cannot list unfinished uploads");
                    return Ok(uploads);
                }
                listed => listed?,
            };
            uploads.extend(list.uploads.into_iter().map(|entry| OpenUpload {
                key: entry.key,
                id: entry.upload_id,
                // An upload of unknown age never expires.
                begun_s: entry.initiated.and_then(|time| unix_s(&time)).unwrap_or(i64::MAX),
            }));
            let next =
                (list.next_key_marker.unwrap_or_default(), list.next_upload_id_marker.unwrap_or_default());
            if list.is_truncated != Some(true) || next.0.is_empty() || next == from {
                return Ok(uploads);
            }
            from = next;
        }
    }

    fn len_of(&self, caller: &Caller<'_>, key: &ObjectKey) -> Result<Option<u64>, ObjectStoreError> {
        let make = || {
            let action = self.bucket.head_object(Some(&self.credentials), key.as_str());
            self.request("HEAD", action, Vec::new(), Content::None)
        };
        let len = |reply: &HttpReply| reply.content_length.ok_or_else(|| "no content length".to_owned());
        found(caller.send("inspect", key.as_str(), make, len))
    }

    fn delete(&self, caller: &Caller<'_>, key: &str) -> Result<(), ObjectStoreError> {
        let make = || {
            let action = self.bucket.delete_object(Some(&self.credentials), key);
            self.request("DELETE", action, Vec::new(), Content::None)
        };
        found(caller.send("delete", key, make, any)).map(drop)
    }

    fn list(&self, caller: &Caller<'_>, prefix: &str, from: Option<&str>) -> Result<Page, ObjectStoreError> {
        let make = || {
            let mut action = self.bucket.list_objects_v2(Some(&self.credentials));
            action.with_prefix(prefix);
            if let Some(token) = from {
                action.with_continuation_token(token);
            }
            self.request("GET", action, Vec::new(), Content::None)
        };
        caller.send("list the objects below", prefix, make, page_of)
    }

    fn presign_get(&self, key: &ObjectKey, file_name: &str, expires_unix_s: i64) -> String {
        let now_s = (self.now_s)();
        // An expired link is signed for a past interval.
        let (from_s, lasts_s) = match expires_unix_s.saturating_sub(now_s) {
            left @ 1.. => (now_s, left.min(MAX_LINK_S)),
            _ => (expires_unix_s.saturating_sub(1), 1),
        };
        let mut action = self.public.get_object(Some(&self.credentials), key.as_str());
        action.query_mut().insert("response-content-disposition", attachment(file_name));
        action.sign_with_time(Duration::from_secs(lasts_s.unsigned_abs()), &timestamp(from_s)).to_string()
    }
}

impl std::fmt::Debug for S3 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("S3").field("identity", &self.identity).finish_non_exhaustive()
    }
}

/// The headers that S3 stores with a file.
fn file_headers(options: &PutOptions) -> Vec<(&'static str, String)> {
    vec![
        ("content-disposition", attachment(&options.file_name)),
        ("content-type", options.content_type.clone()),
    ]
}

/// The uploads that a reply lists.
pub(super) fn uploads_of(reply: &HttpReply) -> Result<UploadList, InvalidReply> {
    instant_xml::from_str(&reply.text()).map_err(not_published)
}

/// The objects that a reply lists.
pub(super) fn page_of(reply: &HttpReply) -> Result<Page, InvalidReply> {
    let list = ListObjectsV2::parse_response(&reply.text()).map_err(not_published)?;
    let objects = list.contents.into_iter().map(|entry| Listed {
        key: entry.key,
        len: entry.size.unwrap_or(0),
        modified_s: entry.last_modified.and_then(|time| unix_s(&time)).unwrap_or(i64::MAX),
    });
    Ok(Page { objects: objects.collect(), next: list.next_continuation_token })
}

fn not_published(error: instant_xml::Error) -> InvalidReply {
    format!("not an S3 reply: {error}")
}

fn md5_of(piece: &Piece<'_>) -> Result<String, ObjectStoreError> {
    let mut hasher = Md5::new();
    read_through(piece, |bytes| hasher.update(bytes)).map_err(ObjectStoreError::io("read", piece.path))?;
    Ok(STANDARD.encode(hasher.finalize()))
}

/// The size of a file's parts: as configured, or larger if the file would have too many parts.
fn part_bytes_for(len: u64, configured: u64) -> u64 {
    configured.max(len.div_ceil(MAX_PARTS).next_multiple_of(PART_STEP_BYTES))
}

/// The timestamp; times out of range become the nearest one.
fn timestamp(unix_s: i64) -> Timestamp {
    Timestamp::from_second(unix_s).unwrap_or(if unix_s < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

fn unix_s(time: &str) -> Option<i64> {
    time.parse::<Timestamp>().ok().map(Timestamp::as_second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_grow_with_the_file() {
        const MIB: u64 = 1024 * 1024;
        for (len, expected) in [(1, 8), (80_000, 8), (80_001, 9), (100_000, 10), (1_000_000, 100)] {
            assert_eq!(part_bytes_for(len * MIB, 8 * MIB), expected * MIB, "{len}");
        }
    }

    #[test]
    fn listings_of_uploads_are_parsed_as_aws_sends_them() {
        let text = r#"<?xml version="1.0" encoding="UTF-8"?>
            <ListMultipartUploadsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
            <Bucket>exports</Bucket><KeyMarker></KeyMarker><UploadIdMarker></UploadIdMarker>
            <NextKeyMarker>exports/1/a.xlsx</NextKeyMarker><NextUploadIdMarker>two</NextUploadIdMarker>
            <MaxUploads>2</MaxUploads><IsTruncated>true</IsTruncated>
            <Upload><Key>exports/1/a.xlsx</Key><UploadId>one</UploadId>
            <Initiator><ID>arn</ID><DisplayName>x</DisplayName></Initiator><Owner><ID>o</ID></Owner>
            <StorageClass>STANDARD</StorageClass><Initiated>2010-11-10T20:48:33.000Z</Initiated></Upload>
            <Upload><Key>exports/1/a.xlsx</Key><UploadId>two</UploadId></Upload>
            </ListMultipartUploadsResult>"#;
        let list: UploadList = instant_xml::from_str(text).expect("parsed");
        let found: Vec<_> = list
            .uploads
            .iter()
            .map(|entry| (&*entry.key, &*entry.upload_id, entry.initiated.as_deref().and_then(unix_s)))
            .collect();
        assert_eq!(
            found,
            [("exports/1/a.xlsx", "one", Some(1_289_422_113)), ("exports/1/a.xlsx", "two", None)]
        );
        assert_eq!(list.is_truncated, Some(true));
        assert_eq!(list.next_upload_id_marker.as_deref(), Some("two"));
    }
}
