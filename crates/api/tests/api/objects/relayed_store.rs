//! A remote store and its server, with a relay between them.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tollbook_objects::us3::EtagHasher;
use tollbook_objects::{
    ObjectKey, ObjectKeys, ObjectStore, ObjectStoreError, PutOptions, RemoteSettings, RemoteStore,
    SpoolLimits, Stored, Tuning,
};
use tollbook_ops::{Clock as _, SystemClock};

use tollbook_testkit::stores::Relay;
use tollbook_testkit::stores::{BUCKET, DOMAIN, RETENTION_S, S3Server, Us3Server, files_below, keys};

/// In bytes: more than three parts of US3, and more than two parts of S3 as configured here.
pub(crate) const LARGE: usize = 12 * 1024 * 1024 + 5;

/// Pause before the first retry; short, so that tests do not wait.
const FIRST_PAUSE: Duration = Duration::from_millis(1);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    S3,
    Us3,
}

/// Both protocols.
pub(crate) const BOTH: [Kind; 2] = [Kind::S3, Kind::Us3];

enum Server {
    S3(S3Server),
    Us3(Us3Server),
}

pub(crate) struct RelayedStore {
    pub(crate) kind: Kind,
    pub(crate) relay: Relay,
    pub(crate) data: TempDir,
    server: Server,
    with_names: bool,
}

impl RelayedStore {
    pub(crate) fn new(kind: Kind) -> Self {
        Self::start(kind, false)
    }

    /// The bucket has its own host name, which is reachable only through the relay as a proxy.
    pub(crate) fn with_names(kind: Kind) -> Self {
        Self::start(kind, true)
    }

    fn start(kind: Kind, with_names: bool) -> Self {
        let (server, address) = match kind {
            Kind::S3 => {
                let server = S3Server::start(with_names);
                let address = server.address;
                (Server::S3(server), address)
            }
            Kind::Us3 => {
                let server = Us3Server::writable();
                let address = server.address;
                (Server::Us3(server), address)
            }
        };
        Self { kind, relay: Relay::to(address), data: tempfile::tempdir().unwrap(), server, with_names }
    }

    pub(crate) fn url(&self) -> String {
        let address = self.relay.address;
        match (self.kind, self.with_names) {
            (Kind::S3, false) => format!("s3://{BUCKET}?endpoint=http://{address}&part_bytes=5242880"),
            (Kind::S3, true) => {
                format!("s3://{BUCKET}?endpoint=http://{DOMAIN}&style=virtual-host&region=eu-west-1")
            }
            (Kind::Us3, false) => format!("us3://{BUCKET}?endpoint=http://{address}&style=custom-domain"),
            (Kind::Us3, true) => format!("us3://{BUCKET}?endpoint=http://{DOMAIN}"),
        }
    }

    pub(crate) fn settings(&self) -> RemoteSettings {
        RemoteSettings {
            data_directory: self.data.path().to_owned(),
            keys: keys(),
            session_token: None,
            retention_s: RETENTION_S,
            spool: SpoolLimits { bytes: 1 << 30, free_bytes: 0 },
            tuning: Tuning {
                first_pause: FIRST_PAUSE,
                proxy: self.with_names.then(|| format!("http://{}", self.relay.address)),
                ..Tuning::default()
            },
            now_s: Arc::new(|| SystemClock.now_s()),
        }
    }

    pub(crate) fn store(&self) -> RemoteStore {
        self.store_of(&self.settings())
    }

    pub(crate) fn store_of(&self, settings: &RemoteSettings) -> RemoteStore {
        RemoteStore::open(&self.url().parse().unwrap(), settings).unwrap()
    }

    pub(crate) fn store_with_keys(&self, keys: ObjectKeys) -> RemoteStore {
        self.store_of(&RemoteSettings { keys, ..self.settings() })
    }

    /// Objects, parts and uploads at the server; spool files and journals in the data directory.
    pub(crate) fn left(&self) -> Vec<String> {
        let mut left = match &self.server {
            Server::S3(server) => server.left(),
            Server::Us3(server) => server.left(),
        };
        left.extend(files_below(self.data.path()).into_iter().filter(|file| !file.ends_with("lock")));
        left
    }
}

pub(crate) fn key(random: u128) -> ObjectKey {
    ObjectKey::export(7, random, "paid-orders_订单.xlsx").unwrap()
}

/// Bytes in which no two blocks are equal.
pub(crate) fn content(len: usize) -> Vec<u8> {
    (0..len).map(|at| u8::try_from((at ^ (at >> 11)) % 251).unwrap()).collect()
}

pub(crate) fn stored(content: &[u8]) -> Stored {
    let mut hasher = EtagHasher::new();
    hasher.update(content);
    Stored { len: content.len() as u64, etag: hasher.finish(), sha256: Sha256::digest(content).into() }
}

pub(crate) fn put(
    store: &dyn ObjectStore,
    key: &ObjectKey,
    content: &[u8],
) -> Result<Stored, ObjectStoreError> {
    put_until(store, key, content, &|| false)
}

pub(crate) fn put_until(
    store: &dyn ObjectStore,
    key: &ObjectKey,
    content: &[u8],
    cancelled: &(dyn Fn() -> bool + Sync),
) -> Result<Stored, ObjectStoreError> {
    let mut spool = store.spool().unwrap();
    spool.write_all(content).unwrap();
    store.put(key, spool, &PutOptions::named("paid orders.xlsx"), cancelled)
}
