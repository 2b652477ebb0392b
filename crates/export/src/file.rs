//! A file in the object store: its description, the link to it, and its record as text.

use serde::Deserialize;
use serde_json::json;
use tollbook_objects::{ObjectKey, ObjectStore};
use tollbook_store::StoreError;

use crate::error::ExportError;

/// A file in the object store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportedFile {
    /// Name of the object.
    pub key: ObjectKey,
    /// Name of the file when it is downloaded.
    pub file_name: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Digest of the bytes.
    pub sha256: [u8; 32],
    /// Orders, or rows of both summaries; without headers and totals.
    pub rows: i64,
    /// Sum of `OrderTotalPrice` in 10⁻⁸ currency units.
    pub total: i128,
    /// Time of the snapshot, Unix seconds. The file is stored a moment later.
    pub stored_s: i64,
}

/// Base address and expiry of a link.
#[derive(Clone, Debug)]
pub struct Link {
    /// Base URL of this deployment for customers, without a trailing slash.
    pub base_url: String,
    /// Expiry of the link, Unix seconds, exclusive.
    pub expires_s: i64,
}

impl ExportedFile {
    /// A presigned link to the file.
    pub fn link(&self, objects: &dyn ObjectStore, link: &Link) -> Result<String, ExportError> {
        Ok(objects.presign_get(&link.base_url, &self.key, &self.file_name, link.expires_s)?)
    }

    /// Whether the file was deleted, for instance to make room for others before its retention ended. A store that does not
    /// answer does not count as a deletion.
    pub fn is_deleted(&self, objects: &dyn ObjectStore) -> bool {
        matches!(objects.len_of(&self.key), Ok(len) if len != Some(self.bytes))
    }

    /// The file as text, for the records of stored exports and of jobs.
    pub fn to_record(&self) -> String {
        let record = json!({
            "key": self.key.as_str(),
            "file_name": self.file_name,
            "bytes": self.bytes,
            "sha256": hex::encode(self.sha256),
            "rows": self.rows,
            "total": self.total.to_string(),
            "stored_s": self.stored_s,
        });
        record.to_string()
    }

    /// Parses the result of [`to_record`](Self::to_record).
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if the text is not such a record.
    pub fn from_record(text: &str) -> Result<Self, StoreError> {
        let damaged = || StoreError::Damaged("a record of an export cannot be read".into());
        let record: Record = serde_json::from_str(text).map_err(|_| damaged())?;
        let sha256 = hex::decode(&record.sha256).ok().and_then(|bytes| bytes.try_into().ok());
        Ok(Self {
            key: ObjectKey::parse(&record.key).map_err(|_| damaged())?,
            file_name: record.file_name,
            bytes: record.bytes,
            sha256: sha256.ok_or_else(damaged)?,
            rows: record.rows,
            total: record.total.parse().map_err(|_| damaged())?,
            stored_s: record.stored_s,
        })
    }
}

/// The members of a record.
#[derive(Deserialize)]
struct Record {
    key: String,
    file_name: String,
    bytes: u64,
    sha256: String,
    rows: i64,
    /// A text, because the number may exceed the range of JSON readers.
    total: String,
    stored_s: i64,
}
