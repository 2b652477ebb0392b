//! One test's own database.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::cluster::Cluster;

/// Of the process, not of a cluster: a promoted replica holds the databases of its primary.
static COUNT: AtomicU64 = AtomicU64::new(0);

/// A database of a [`Cluster`]; dropped, it is deleted, even if a client is still connected.
pub struct Database<'a> {
    cluster: &'a Cluster,
    name: String,
    url: String,
}

impl Cluster {
    /// A new empty database with a unique name; dropped, it is deleted.
    pub fn database(&self) -> Database<'_> {
        Database::create(self)
    }
}

impl<'a> Database<'a> {
    fn create(cluster: &'a Cluster) -> Self {
        let name = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        cluster.sql("postgres", &format!("CREATE DATABASE {name}"));
        Self { cluster, url: cluster.url(&name), name }
    }
}

impl Database<'_> {
    /// Unique in this process.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// [`Cluster::url`] of this database.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// [`Cluster::sql`] in this database.
    pub fn sql(&self, sql: &str) -> String {
        self.cluster.sql(&self.name, sql)
    }
}

impl Drop for Database<'_> {
    fn drop(&mut self) {
        // The test may have stopped the cluster; the database goes with it.
        let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        let _ = self.cluster.try_sql("postgres", &sql);
    }
}
