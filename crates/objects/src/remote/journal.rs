//! What this process has begun in a remote store, written down before it begins, so that somebody ends it however this
//! process ends. A journal is a small file in the store's spool folder; the next server to start inherits those of dead
//! ones (`spool_directory.rs`).
//!
//! `upload-*.journal` is an upload that goes on. `failed-*.journal` is one whose remains could not be removed at once:
//! its `put` has told the failure, so that nobody knows of the object, should there be one.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::files::{files_in, remove_if_there, write_durably};
use crate::key::ObjectKey;
use crate::spool_directory::JOURNAL_EXTENSION;
use crate::store::ObjectStoreError;

const ACTIVE: &str = "upload-";
const FAILED: &str = "failed-";

/// What is written down.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub(super) struct Entry {
    /// The store's identity: a deployment may have moved to another one since.
    pub(super) store: String,
    pub(super) key: String,
    /// `None` until the store has told it, and for an upload in one request.
    pub(super) upload_id: Option<String>,
}

/// The journal of an upload that goes on. Dropped, it stays; say how the upload ended.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    entry: Entry,
}

/// A journal of an upload that is over, to be cleaned up after.
#[derive(Debug)]
pub(super) struct Remains {
    pub(super) path: PathBuf,
    pub(super) entry: Entry,
    /// Whether a `put` has told its failure: then also an object of that key is nobody's.
    pub(super) has_failed: bool,
}

impl Journal {
    pub(super) fn begin(folder: &Path, store: String, key: &ObjectKey) -> Result<Self, ObjectStoreError> {
        let (_file, path) = tempfile::Builder::new()
            .prefix(ACTIVE)
            .suffix(&format!(".{JOURNAL_EXTENSION}"))
            .rand_bytes(16)
            .tempfile_in(folder)
            .and_then(|file| file.keep().map_err(|failed| failed.error))
            .map_err(ObjectStoreError::io("create a journal in", folder))?;
        let journal = Self { path, entry: Entry { store, key: key.as_str().to_owned(), upload_id: None } };
        journal.write().inspect_err(|_| {
            let _ = remove_if_there(&journal.path);
        })?;
        Ok(journal)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn entry(&self) -> &Entry {
        &self.entry
    }

    /// Notes the id under which the upload can be ended.
    pub(super) fn note(&mut self, upload_id: &str) -> Result<(), ObjectStoreError> {
        self.entry.upload_id = Some(upload_id.to_owned());
        self.write()
    }

    /// The upload left nothing that anybody must remove.
    pub(super) fn close(self) {
        if let Err(error) = remove_if_there(&self.path) {
            tracing::error!(%error, journal = %self.path.display(), "a journal cannot be removed");
        }
    }

    /// The upload failed and what is left of it could not be removed.
    pub(super) fn abandon(self) {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy().replacen(ACTIVE, FAILED, 1);
        if let Err(error) = fs::rename(&self.path, self.path.with_file_name(name)) {
            tracing::error!(%error, journal = %self.path.display(), "a journal cannot be renamed");
        }
    }

    /// Whole or not at all: a half-written one would name nothing.
    fn write(&self) -> Result<(), ObjectStoreError> {
        let text = serde_json::to_string(&self.entry).expect("texts are JSON");
        let new = self.path.with_extension("new");
        write_durably(&new, &text)
            .and_then(|()| fs::rename(&new, &self.path))
            .map_err(ObjectStoreError::io("write", &self.path))
    }
}

/// The journals in the folder of uploads that are over: those that failed and, except for `active`, those inherited.
pub(super) fn remains(
    folder: &Path,
    is_active: impl Fn(&Path) -> bool,
) -> Result<Vec<Remains>, ObjectStoreError> {
    let mut found = Vec::new();
    for path in files_in(folder)? {
        if path.extension().is_none_or(|extension| extension != JOURNAL_EXTENSION) || is_active(&path) {
            continue;
        }
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let Ok(entry) = serde_json::from_str(&text) else {
            // It was made and not yet written when its process died: the upload had not begun.
            let _ = remove_if_there(&path);
            continue;
        };
        let has_failed =
            path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(FAILED.as_bytes()));
        found.push(Remains { path, entry, has_failed });
    }
    Ok(found)
}
