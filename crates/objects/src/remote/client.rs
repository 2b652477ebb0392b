//! The parts of a remote store that uploads and their cleanup share.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::journal::{self, Journal, Leftover};
use super::protocol::Protocol;
use super::settings::Tuning;
use super::transport::Http;
use crate::error::ObjectStoreError;
use crate::key::ObjectKey;

/// A protocol, its connections, and the journals of uploads in progress.
pub(super) struct Client {
    pub(super) protocol: Box<dyn Protocol>,
    pub(super) http: Http,
    pub(super) tuning: Tuning,
    /// The folder of the journals.
    folder: PathBuf,
    /// Journals of uploads in progress.
    active: Mutex<HashSet<PathBuf>>,
}

impl Client {
    pub(super) fn new(protocol: Box<dyn Protocol>, http: Http, tuning: Tuning, folder: PathBuf) -> Self {
        Self { protocol, http, tuning, folder, active: Mutex::default() }
    }

    fn active(&self) -> MutexGuard<'_, HashSet<PathBuf>> {
        // A set of names, which a panic cannot leave inconsistent.
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn open_journal(&self, key: &ObjectKey) -> Result<Journal, ObjectStoreError> {
        // Locked until the journal is listed as active; until then a sweep would take it for a crashed server's.
        let mut active = self.active();
        let journal = Journal::begin(&self.folder, self.protocol.identity(), key)?;
        active.insert(journal.path().to_owned());
        Ok(journal)
    }

    /// The upload left nothing to remove.
    pub(super) fn close_journal(&self, journal: Journal) {
        let path = journal.path().to_owned();
        journal.close();
        self.active().remove(&path);
    }

    /// The upload failed, and its remains could not be removed.
    pub(super) fn abandon_journal(&self, journal: Journal) {
        let path = journal.path().to_owned();
        journal.abandon();
        self.active().remove(&path);
    }

    /// The journals of uploads that have ended without being cleaned up.
    pub(super) fn leftovers(&self) -> Result<Vec<Leftover>, ObjectStoreError> {
        let active = self.active();
        journal::leftovers(&self.folder, |path| active.contains(path))
    }
}
