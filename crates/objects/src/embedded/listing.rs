//! Listing the objects: US3's `PrefixFileList` and `ListObjects` with their markers (docs/SIGNING.md, "US3 operations"). Names are listed
//! in the order of their bytes, which no directory has: a listing looks at all of them and keeps a page.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::{EmbeddedStore, Object, ReadError};
use crate::files::is_gone;
use crate::headers::content_type;
use crate::key::ObjectKey;
use crate::reply::Reply;
use crate::store::ObjectStoreError;
use crate::us3::{Refusal, Request};

/// How many entries a listing has where the request does not say.
const PREFIX_FILE_LIST_LIMIT: usize = 20;
const LIST_OBJECTS_LIMIT: usize = 100;

/// The most entries that are asked for.
const MAX_LIMIT: usize = 1_000;

/// An entry of a listing.
enum Entry {
    Object(ObjectKey),
    /// What the objects behind a delimiter have in common.
    CommonPrefix,
}

/// Which stretch of the names is wanted.
struct Wanted {
    prefix: String,
    /// Names up to this one have been listed.
    marker: String,
    /// Empty: names are not grouped.
    delimiter: String,
    limit: usize,
}

/// A stretch of the names.
struct Page {
    entries: BTreeMap<String, Entry>,
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
                "BucketName": self.bucket,
                "FileName": key.as_str(),
                // What the documentation calls it today.
                "ObjectName": key.as_str(),
                "Hash": object.etag,
                "MimeType": content_type(key.file_name()),
                "Size": object.len,
                "CreateTime": object.modified_unix_s,
                "ModifyTime": object.modified_unix_s,
                "StorageClass": "STANDARD",
            })
        })?;
        Ok(Reply::json(&json!({
            "BucketName": self.bucket,
            "BucketId": self.bucket,
            "NextMarker": page.next_marker(),
            "DataSet": files,
        })))
    }

    pub(super) fn list_objects(&self, request: &Request<'_>) -> Result<Reply, ReadError> {
        let delimiter = request.form_parameter("delimiter").unwrap_or_default();
        let wanted = Wanted {
            prefix: request.form_parameter("prefix").unwrap_or_default(),
            marker: request.form_parameter("marker").unwrap_or_default(),
            // A space asks for what an absent delimiter does.
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
            .filter(|(_, entry)| matches!(entry, Entry::CommonPrefix))
            .map(|(name, _)| json!({"Prefix": name}))
            .collect();
        Ok(Reply::json(&json!({
            "Name": self.bucket,
            "Prefix": wanted.prefix,
            "MaxKeys": wanted.limit.to_string(),
            "Delimiter": delimiter,
            "IsTruncated": page.is_truncated,
            "NextMarker": page.next_marker(),
            "Contents": contents,
            "CommonPrefixes": prefixes,
        })))
    }

    /// The objects of a page; one that was removed since is left out.
    fn described(
        &self,
        page: &Page,
        describe: impl Fn(&ObjectKey, &Object) -> Value,
    ) -> Result<Vec<Value>, ReadError> {
        let mut described = Vec::new();
        for entry in page.entries.values() {
            let Entry::Object(key) = entry else { continue };
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
        walk(&self.root, "", wanted, &mut page).map_err(ReadError::Store)?;
        Ok(page)
    }
}

/// Adds the objects in a directory, whose name as the beginning of a key is `below`.
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
    /// Keeps the entry if it is one of the first behind the marker.
    fn add(&mut self, key: ObjectKey, wanted: &Wanted) {
        let Some(rest) = key.as_str().strip_prefix(&wanted.prefix) else { return };
        let grouped = match wanted.delimiter.as_str() {
            "" => None,
            delimiter => rest.split_once(delimiter).map(|(first, _)| first),
        };
        let (name, entry) = match grouped {
            Some(first) => (format!("{}{first}{}", wanted.prefix, wanted.delimiter), Entry::CommonPrefix),
            None => (key.as_str().to_owned(), Entry::Object(key)),
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

/// The number that a parameter holds, at most a thousand.
pub(super) fn limit(request: &Request<'_>, name: &str, default: usize) -> Result<usize, Refusal> {
    match request.form_parameter(name) {
        None => Ok(default),
        Some(text) if text.is_empty() => Ok(default),
        Some(text) => {
            let limit = text.parse::<usize>().map_err(|_| Refusal::BadRequest("limit is not a number"))?;
            Ok(limit.min(MAX_LIMIT))
        }
    }
}
