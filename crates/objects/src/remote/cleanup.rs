//! Removal of what failed uploads and crashed processes leave in a remote store.

use super::client::Client;
use super::journal::{JournalEntry, Leftover};
use super::transport::Caller;
use crate::error::ObjectStoreError;
use crate::files::remove_if_present;
use crate::key::PREFIX;

impl Client {
    /// Ends the upload of a journal and, if its `put` has reported a failure, removes the object that may exist
    /// nevertheless.
    pub(super) fn clean_up(
        &self,
        caller: &Caller<'_>,
        entry: &JournalEntry,
        has_failed: bool,
    ) -> Result<(), ObjectStoreError> {
        let uploads = if let Some(id) = &entry.upload_id {
            vec![id.clone()]
        } else {
            // The reply with the id was lost. Keys are used once, so every open upload under this key is ours.
            match self.protocol.open_uploads(caller, &entry.key) {
                // Retrying does not help if listing is not allowed; the store's own rules must end the uploads.
                Err(ObjectStoreError::Remote(error)) if !error.is_transient() => {
                    tracing::warn!(%error, "cannot list unfinished uploads; they are not ended");
                    Vec::new()
                }
                listed => {
                    let of_key = listed?.into_iter().filter(|upload| upload.key == entry.key);
                    of_key.map(|upload| upload.id).collect()
                }
            }
        };
        for id in &uploads {
            self.protocol.abort(caller, &entry.key, id)?;
        }
        if has_failed { self.protocol.delete(caller, &entry.key) } else { Ok(()) }
    }

    /// Cleans up after all ended uploads: those of crashed processes, and those that failed here. Continues after an
    /// error and returns the first one.
    pub(super) fn clean_up_leftovers(&self) -> Result<(), ObjectStoreError> {
        let mut first_error = None;
        for Leftover { path, entry, has_failed } in self.leftovers()? {
            if entry.store != self.protocol.identity() {
                tracing::warn!(
                    store = entry.store,
                    key = entry.key,
                    "an unfinished upload to another store is kept"
                );
                continue;
            }
            let cleaned = self
                .clean_up(&self.http.caller(), &entry, has_failed)
                .and_then(|()| remove_if_present(&path).map_err(ObjectStoreError::io("remove", &path)));
            match cleaned {
                Ok(_) => tracing::info!(key = entry.key, "ended an unfinished upload"),
                Err(error) => {
                    first_error.get_or_insert(error);
                }
            }
        }
        first_error.map_or(Ok(()), Err)
    }

    /// Ends all uploads begun before `limit_s`. Continues after an error and returns the first one.
    pub(super) fn end_uploads_older_than(&self, limit_s: i64) -> Result<(), ObjectStoreError> {
        let uploads = self.protocol.open_uploads(&self.http.caller(), PREFIX)?;
        let mut first_error = None;
        for upload in uploads.iter().filter(|upload| upload.begun_s < limit_s) {
            match self.protocol.abort(&self.http.caller(), &upload.key, &upload.id) {
                Ok(()) => tracing::info!(key = upload.key, "ended an expired upload"),
                Err(error) => {
                    first_error.get_or_insert(error);
                }
            }
        }
        first_error.map_or(Ok(()), Err)
    }
}
