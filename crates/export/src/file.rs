//! A file in the object store: what is known of it, the link to it, and its record as text.

use serde::Deserialize;
use serde_json::json;
use tollbook_objects::{ObjectKey, ObjectStore};
use tollbook_store::StoreError;

use crate::error::ExportError;

/// A file in the object store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportedFile {
    /// Its name in the store.
    pub key: ObjectKey,
    /// What it is called.
    pub file_name: String,
    /// In bytes, exact.
    pub bytes: u64,
    /// Of its bytes.
    pub sha256: [u8; 32],
    /// Orders, or rows of both summaries; no headers and no totals.
    pub rows: i64,
    /// Sum of `OrderTotalPrice` in 10⁻⁸ currency units.
    pub total: i128,
    /// When its orders were read, Unix seconds; it is stored a moment later.
    pub stored_s: i64,
}

/// How a link to a file is made.
#[derive(Clone, Debug)]
pub struct Link {
    /// Where customers reach this deployment, without a slash at the end.
    pub base_url: String,
    /// When it stops working, Unix seconds, exclusive.
    pub expires_s: i64,
}

impl ExportedFile {
    /// A presigned link to the file.
    pub fn link(&self, objects: &dyn ObjectStore, link: &Link) -> Result<String, ExportError> {
        Ok(objects.presign_get(&link.base_url, &self.key, &self.file_name, link.expires_s)?)
    }
}

/// A file as the registry keeps it.
#[derive(Deserialize)]
struct Entry {
    key: String,
    file_name: String,
    bytes: u64,
    sha256: String,
    rows: i64,
    /// As text: it may exceed what JSON's numbers are read as.
    total: String,
    stored_s: i64,
}

/// A file as text, for the registry and for jobs.
pub fn to_text(file: &ExportedFile) -> String {
    let entry = json!({
        "key": file.key.as_str(),
        "file_name": file.file_name,
        "bytes": file.bytes,
        "sha256": hex::encode(file.sha256),
        "rows": file.rows,
        "total": file.total.to_string(),
        "stored_s": file.stored_s,
    });
    entry.to_string()
}

/// The file of a text that [`to_text`] made.
///
/// # Errors
/// [`StoreError::Damaged`].
pub fn from_text(text: &str) -> Result<ExportedFile, StoreError> {
    let damaged = || StoreError::Damaged("a record of an export cannot be read".into());
    let entry: Entry = serde_json::from_str(text).map_err(|_| damaged())?;
    let sha256 = hex::decode(&entry.sha256).ok().and_then(|bytes| bytes.try_into().ok());
    Ok(ExportedFile {
        key: ObjectKey::parse(&entry.key).map_err(|_| damaged())?,
        file_name: entry.file_name,
        bytes: entry.bytes,
        sha256: sha256.ok_or_else(damaged)?,
        rows: entry.rows,
        total: entry.total.parse().map_err(|_| damaged())?,
        stored_s: entry.stored_s,
    })
}
