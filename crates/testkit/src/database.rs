//! A database for one test.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::cluster::Cluster;

/// Counted per process, not per cluster, because a promoted replica has the databases of its primary.
static COUNT: AtomicU64 = AtomicU64::new(0);

/// A database of a [`Cluster`]. It is deleted on drop, even if a client is still connected.
pub struct Database<'a> {
    cluster: &'a Cluster,
    name: String,
    url: String,
}

impl Cluster {
    /// A new empty database with a unique name. It is deleted on drop.
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
    /// The name, which is unique in this process.
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
        // An error is ignored: if the test has stopped the cluster, the database is deleted with it.
        let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        let _ = self.cluster.try_sql("postgres", &sql);
    }
}
