//! Listings: US3's `PrefixFileList` and `ListObjects` with their markers (docs/SIGNING.md, "US3 operations"). Names are
//! listed in byte order, which directories do not have, so a listing reads all names and keeps one page.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::directory::Object;
use super::error::ReadError;
use super::store::EmbeddedStore;
use crate::error::ObjectStoreError;
use crate::files::is_gone;
use crate::headers::content_type;
use crate::key::ObjectKey;
use crate::reply::Reply;
use crate::us3::{Refusal, Request};

/// Default size of a page of `PrefixFileList` and of `GetMultiUploadId`.
const PREFIX_FILE_LIST_LIMIT: usize = 20;
const MULTIPART_UPLOADS_LIMIT: usize = 20;

/// Default size of a page of `ListObjects`.
const LIST_OBJECTS_LIMIT: usize = 100;

/// Largest size of a page.
const MAX_LIMIT: usize = 1_000;

/// An entry of a listing.
enum ListingEntry {
    Object(ObjectKey),
    /// A common prefix of names, up to the delimiter.
    CommonPrefix,
}

/// The requested page.
struct Wanted {
    prefix: String,
    /// The last name of the previous page.
    marker: String,
    /// Names are not grouped if it is empty.
    delimiter: String,
    limit: usize,
}

/// A page of a listing.
struct Page {
    entries: BTreeMap<String, ListingEntry>,
    is_truncated: bool,
}

impl Page {
    fn next_marker(&self) -> &str {
        match self.entries.last_key_value() {
            Some((last, _)) if self.is_truncated => last,
            _ => "",
        }
    }
}

impl EmbeddedStore {
    pub(super) fn prefix_file_list(&self, request: &Request<'_>) -> Result<Reply, ReadError> {
        let wanted = Wanted {
            prefix: request.form_parameter("prefix").unwrap_or_default(),
            marker: request.form_parameter("marker").unwrap_or_default(),
            delimiter: String::new(),
            limit: limit(request, "limit", PREFIX_FILE_LIST_LIMIT)?,
        };
        let page = self.page(&wanted)?;
        let files = self.described(&page, |key, object| {
            json!({
                "BucketName": self.bucket(),
                "FileName": key.as_str(),
                // The name in the current documentation.
                "ObjectName": key.as_str(),
                "Hash": object.etag,
                "MimeType": content_type(key.file_name()),
                "Size": object.len,
                "CreateTime": object.modified_unix_s,
                "ModifyTime": object.modified_unix_s,
                "StorageClass": "STANDARD",
            })
        })?;
        Ok(reply(&json!({
            "BucketName": self.bucket(),
            "BucketId": self.bucket(),
            "NextMarker": page.next_marker(),
            "DataSet": files,
        })))
    }

    pub(super) fn list_objects(&self, request: &Request<'_>) -> Result<Reply, ReadError> {
        let delimiter = request.form_parameter("delimiter").unwrap_or_default();
        let wanted = Wanted {
            prefix: request.form_parameter("prefix").unwrap_or_default(),
            marker: request.form_parameter("marker").unwrap_or_default(),
            // A space means no delimiter.
            delimiter: match delimiter.as_str() {
                "/" => delimiter.clone(),
                "" | " " => String::new(),
                _ => return Err(Refusal::BadRequest("delimiter not allowed").into()),
            },
            limit: limit(request, "max-keys", LIST_OBJECTS_LIMIT)?,
        };
        let page = self.page(&wanted)?;
        let contents = self.described(&page, |key, object| {
            json!({
                "Key": key.as_str(),
                "MimeType": content_type(key.file_name()),
                "ETag": object.etag,
                "Size": object.len.to_string(),
                "StorageClass": "STANDARD",
                "LastModified": object.modified_unix_s,
                "CreateTime": object.modified_unix_s,
            })
        })?;
        let prefixes: Vec<Value> = page
            .entries
            .iter()
            .filter(|(_, entry)| matches!(entry, ListingEntry::CommonPrefix))
            .map(|(name, _)| json!({"Prefix": name}))
            .collect();
        Ok(reply(&json!({
            "Name": self.bucket(),
            "Prefix": wanted.prefix,
            "MaxKeys": wanted.limit.to_string(),
            "Delimiter": delimiter,
            "IsTruncated": page.is_truncated,
            "NextMarker": page.next_marker(),
            "Contents": contents,
            "CommonPrefixes": prefixes,
        })))
    }

    /// Describes the objects of a page, without those that have been removed since.
    fn described(
        &self,
        page: &Page,
        describe: impl Fn(&ObjectKey, &Object) -> Value,
    ) -> Result<Vec<Value>, ReadError> {
        let mut described = Vec::new();
        for entry in page.entries.values() {
            let ListingEntry::Object(key) = entry else { continue };
            match self.open(key) {
                Ok(object) => described.push(describe(key, &object)),
                Err(ObjectStoreError::NotFound) => {}
                Err(error) => return Err(ReadError::Store(error)),
            }
        }
        Ok(described)
    }

    fn page(&self, wanted: &Wanted) -> Result<Page, ReadError> {
        let mut page = Page { entries: BTreeMap::new(), is_truncated: false };
        if wanted.limit == 0 {
            return Ok(page);
        }
        walk(self.objects().root(), "", wanted, &mut page).map_err(ReadError::Store)?;
        Ok(page)
    }
}

/// Adds the objects below a directory to the page. `below` is the beginning of their keys.
fn walk(directory: &Path, below: &str, wanted: &Wanted, page: &mut Page) -> Result<(), ObjectStoreError> {
    let entries = match fs::read_dir(directory) {
        Err(error) if is_gone(&error) => return Ok(()),
        entries => entries.map_err(ObjectStoreError::io("list", directory))?,
    };
    for entry in entries {
        let entry = entry.map_err(ObjectStoreError::io("list", directory))?;
        let (Ok(name), Ok(kind)) = (entry.file_name().into_string(), entry.file_type()) else { continue };
        if kind.is_dir() {
            let below = format!("{below}{name}/");
            if wanted.prefix.starts_with(&below) || below.starts_with(&wanted.prefix) {
                walk(&entry.path(), &below, wanted, page)?;
            }
        } else if kind.is_file()
            && let Ok(key) = ObjectKey::parse(&format!("{below}{name}"))
        {
            page.add(key, wanted);
        }
    }
    Ok(())
}

impl Page {
    /// Adds the entry if it is one of the first after the marker.
    fn add(&mut self, key: ObjectKey, wanted: &Wanted) {
        let Some(rest) = key.as_str().strip_prefix(&wanted.prefix) else { return };
        let grouped = match wanted.delimiter.as_str() {
            "" => None,
            delimiter => rest.split_once(delimiter).map(|(first, _)| first),
        };
        let (name, entry) = match grouped {
            Some(first) => {
                (format!("{}{first}{}", wanted.prefix, wanted.delimiter), ListingEntry::CommonPrefix)
            }
            None => (key.as_str().to_owned(), ListingEntry::Object(key)),
        };
        if name <= wanted.marker {
            return;
        }
        self.entries.insert(name, entry);
        if self.entries.len() > wanted.limit {
            self.entries.pop_last();
            self.is_truncated = true;
        }
    }
}

/// `GetMultiUploadId`. Clients cannot write to the store, so there are no uploads.
pub(super) fn multipart_uploads(request: &Request<'_>) -> Result<Reply, ReadError> {
    limit(request, "limit", MULTIPART_UPLOADS_LIMIT)?;
    Ok(reply(&json!({"RetCode": 0, "ErrMsg": "", "NextMarker": "", "DataSet": []})))
}

fn reply(value: &Value) -> Reply {
    Reply::json(200, value.to_string())
}

/// The value of a parameter, at most [`MAX_LIMIT`].
fn limit(request: &Request<'_>, name: &str, default: usize) -> Result<usize, Refusal> {
    match request.form_parameter(name) {
        None => Ok(default),
        Some(text) if text.is_empty() => Ok(default),
        Some(text) => {
            let limit = text.parse::<usize>().map_err(|_| Refusal::BadRequest("limit is not a number"))?;
            Ok(limit.min(MAX_LIMIT))
        }
    }
}
