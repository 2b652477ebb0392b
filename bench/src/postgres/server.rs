//! The PostgreSQL server that is measured: a temporary one of this run, or one given by a URL.

use tollbook_testkit::Cluster;

use super::bare::Bare;
use crate::result::Result;

/// Settings of the temporary server that differ from those of tests: it is durable, and its checkpoints are as rare as on a
/// server with many writes.
const DURABLE: [(&str, &str); 4] =
    [("fsync", "on"), ("synchronous_commit", "on"), ("max_wal_size", "4GB"), ("checkpoint_timeout", "15min")];

/// Settings that numbers depend on, as in force in a client's session.
const SHOWN: [&str; 20] = [
    "server_version",
    "fsync",
    "synchronous_commit",
    "full_page_writes",
    "wal_level",
    "wal_compression",
    "data_checksums",
    "shared_buffers",
    "effective_cache_size",
    "work_mem",
    "max_wal_size",
    "checkpoint_timeout",
    "autovacuum",
    "max_parallel_workers_per_gather",
    "jit",
    "plan_cache_mode",
    "random_page_cost",
    "enable_seqscan",
    "enable_bitmapscan",
    "enable_sort",
];

/// A PostgreSQL server.
pub(crate) struct Server {
    pub(crate) url: String,
    /// Held, because dropping it stops and deletes the server.
    _cluster: Option<Cluster>,
}

impl Server {
    /// Starts a temporary server.
    pub(crate) fn start(shared_buffers: Option<&str>) -> Self {
        let cluster = Cluster::start();
        for (name, value) in DURABLE {
            cluster.set(name, value);
        }
        if let Some(size) = shared_buffers {
            let size = size.replace('\'', "''");
            cluster.sql("postgres", &format!("ALTER SYSTEM SET shared_buffers = '{size}'"));
            cluster.stop();
            cluster.start_again();
        }
        cluster.sql("postgres", "CREATE DATABASE bench");
        Self { url: cluster.url("bench"), _cluster: Some(cluster) }
    }

    /// An existing server. Encryption is disabled, because the bare client does not encrypt.
    pub(crate) fn at(url: &str) -> Self {
        let url = match url {
            url if url.contains("sslmode=") => url.to_owned(),
            url if url.contains('?') => format!("{url}&sslmode=disable"),
            url => format!("{url}?sslmode=disable"),
        };
        Self { url, _cluster: None }
    }
}

/// Settings in force, by name.
pub(super) fn settings(bare: &Bare) -> Result<Vec<(&'static str, String)>> {
    SHOWN.iter().map(|name| Ok((*name, bare.text(&format!("SHOW {name}"))?))).collect()
}
