//! The database of a test's server: one of the test process's own PostgreSQL server.

use std::sync::Arc;

use tollbook_store::{Store, StoreOptions, open_postgres};
use tollbook_testkit::{Cluster, Database};

/// A database of its own.
pub(crate) struct Backend(Database<'static>);

impl Backend {
    pub(crate) fn new() -> Self {
        Self(Cluster::shared().database())
    }

    pub(crate) fn open(&self) -> Arc<dyn Store> {
        open_postgres(self.0.url(), None, &StoreOptions::default()).unwrap()
    }
}
