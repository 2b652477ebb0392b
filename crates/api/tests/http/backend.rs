//! The database of a test's server: an SQLite file.

use std::sync::Arc;

use tempfile::TempDir;
use tollbook_store::{Store, StoreOptions, open_sqlite};

/// A database of its own.
pub(crate) struct Backend(TempDir);

impl Backend {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn open(&self) -> Arc<dyn Store> {
        open_sqlite(&self.0.path().join("tollbook.db"), &StoreOptions::default()).unwrap()
    }
}
