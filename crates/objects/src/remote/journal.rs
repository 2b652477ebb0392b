//! Journals of uploads to a remote store. A journal is a small file in the store's spool folder, written before the
//! upload begins, so that the upload is cleaned up even if this process crashes: the next server to start takes over
//! the journals of crashed servers (`spool/directory.rs`).
//!
//! `upload-*.journal` is an upload in progress. `failed-*.journal` is an upload whose remains could not be removed at
//! once: its `put` has reported the failure, so an object that exists nevertheless is unused.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::ObjectStoreError;
use crate::files::{files_in, remove_if_present, write_durably};
use crate::key::ObjectKey;
use crate::spool::JOURNAL_EXTENSION;

const ACTIVE: &str = "upload-";
const FAILED: &str = "failed-";

/// The content of a journal.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub(super) struct JournalEntry {
    /// The store's identity. The deployment may have switched to another store since.
    pub(super) store: String,
    pub(super) key: String,
    /// `None` until the store has assigned it, and for an upload in one request.
    pub(super) upload_id: Option<String>,
}

/// The journal of an upload in progress. Dropping it keeps the file; call [`close`](Self::close) or
/// [`abandon`](Self::abandon).
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    entry: JournalEntry,
}

/// The journal of an ended upload that must be cleaned up.
#[derive(Debug)]
pub(super) struct Leftover {
    pub(super) path: PathBuf,
    pub(super) entry: JournalEntry,
    /// Whether `put` has reported a failure: an object under that key is then unused.
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
        let journal =
            Self { path, entry: JournalEntry { store, key: key.as_str().to_owned(), upload_id: None } };
        journal.write().inspect_err(|_| {
            let _ = remove_if_present(&journal.path);
        })?;
        Ok(journal)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn entry(&self) -> &JournalEntry {
        &self.entry
    }

    /// Records the id with which the upload can be ended.
    pub(super) fn record(&mut self, upload_id: &str) -> Result<(), ObjectStoreError> {
        self.entry.upload_id = Some(upload_id.to_owned());
        self.write()
    }

    /// The upload left nothing to remove. Removes the journal.
    pub(super) fn close(self) {
        if let Err(error) = remove_if_present(&self.path) {
            tracing::error!(%error, journal = %self.path.display(), "cannot remove a journal");
        }
    }

    /// The upload failed, and its remains could not be removed. Marks the journal as failed.
    pub(super) fn abandon(self) {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy().replacen(ACTIVE, FAILED, 1);
        if let Err(error) = fs::rename(&self.path, self.path.with_file_name(name)) {
            tracing::error!(%error, journal = %self.path.display(), "cannot rename a journal");
        }
    }

    /// Writes the file atomically: a partial journal would identify nothing.
    fn write(&self) -> Result<(), ObjectStoreError> {
        let text = serde_json::to_string(&self.entry).expect("texts are JSON");
        let new = self.path.with_extension("new");
        write_durably(&new, &text)
            .and_then(|()| fs::rename(&new, &self.path))
            .map_err(ObjectStoreError::io("write", &self.path))
    }
}

/// The journals of ended uploads in the folder: all but those for which `is_active` returns `true`.
pub(super) fn leftovers(
    folder: &Path,
    is_active: impl Fn(&Path) -> bool,
) -> Result<Vec<Leftover>, ObjectStoreError> {
    let mut found = Vec::new();
    for path in files_in(folder)? {
        if path.extension().is_none_or(|extension| extension != JOURNAL_EXTENSION) || is_active(&path) {
            continue;
        }
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let Ok(entry) = serde_json::from_str(&text) else {
            // Its process crashed before it was written, so the upload had not begun.
            let _ = remove_if_present(&path);
            continue;
        };
        let has_failed =
            path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(FAILED.as_bytes()));
        found.push(Leftover { path, entry, has_failed });
    }
    Ok(found)
}
