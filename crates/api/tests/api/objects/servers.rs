//! The servers of the tests, each on a port of its own until it is dropped: `s3s` over a directory, and the embedded
//! store as a US3 host.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::host::SingleDomain;
use s3s::service::S3ServiceBuilder;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tollbook_objects::{EmbeddedSettings, EmbeddedStore, ObjectKeys};
use tollbook_ops::SystemClock;

pub(crate) const BUCKET: &str = "exports-bucket";
pub(crate) const PUBLIC_KEY: &str = "TOKEN_public";
pub(crate) const PRIVATE_KEY: &str = "the-private-half";
/// How long objects are kept.
pub(crate) const RETENTION_S: i64 = 3_600;
/// What hosts of buckets end with where they have names.
pub(crate) const DOMAIN: &str = "store.test";

pub(crate) fn keys() -> ObjectKeys {
    ObjectKeys::new(PUBLIC_KEY, PRIVATE_KEY)
}

fn listen(runtime: &Runtime) -> (TcpListener, SocketAddr) {
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Every file below a directory.
pub(crate) fn files_below(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(path) = open.pop() {
        for entry in std::fs::read_dir(path).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { open.push(path) } else { found.push(path.display().to_string()) }
        }
    }
    found
}

/// An S3 server; only the holder of the key pair may ask it anything.
pub(crate) struct S3Server {
    pub(crate) address: SocketAddr,
    directory: TempDir,
    _runtime: Runtime,
}

impl S3Server {
    /// With names, a bucket is found by its host; else by the path.
    pub(crate) fn start(with_names: bool) -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join(BUCKET)).unwrap();
        let files = s3s_fs::FileSystem::new(directory.path()).unwrap();
        let mut service = S3ServiceBuilder::new(files);
        service.set_auth(SimpleAuth::from_single(PUBLIC_KEY, PRIVATE_KEY));
        if with_names {
            service.set_host(SingleDomain::new(DOMAIN).unwrap());
        }
        let service = service.build();
        let runtime = runtime();
        let (listener, address) = listen(&runtime);
        runtime.spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let service = service.clone();
                tokio::spawn(async move {
                    let server = hyper::server::conn::http1::Builder::new();
                    let _ = server.serve_connection(TokioIo::new(socket), service).await;
                });
            }
        });
        Self { address, directory, _runtime: runtime }
    }

    /// What is in the bucket, and what is left of uploads beside it. The server keeps an object's headers in files of
    /// its own, also when the object is gone.
    pub(crate) fn left(&self) -> Vec<String> {
        let is_of_an_upload = |file: &String| file.contains(".upload");
        let beside = std::fs::read_dir(self.directory.path()).unwrap().map(|entry| entry.unwrap().path());
        let beside = beside.filter(|path| path.is_file()).map(|path| path.display().to_string());
        let mut left = files_below(&self.directory.path().join(BUCKET));
        left.extend(beside.filter(is_of_an_upload));
        left
    }
}

/// The embedded store as a US3 host.
pub(crate) struct Us3Server {
    pub(crate) address: SocketAddr,
    pub(crate) store: Arc<EmbeddedStore>,
    directory: TempDir,
    _runtime: Runtime,
}

impl Us3Server {
    pub(crate) fn start(writable: bool) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let settings = EmbeddedSettings {
            data_directory: directory.path().to_owned(),
            bucket: BUCKET.to_owned(),
            keys: keys(),
            retention_s: RETENTION_S,
            spool_bytes: 1 << 30,
            writable,
        };
        let store = Arc::new(EmbeddedStore::new(settings).unwrap());
        let router = tollbook_api::us3_endpoint(Arc::clone(&store), Arc::new(SystemClock));
        let runtime = runtime();
        let (listener, address) = listen(&runtime);
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self { address, store, directory, _runtime: runtime }
    }

    /// Its objects, and the parts of uploads.
    pub(crate) fn left(&self) -> Vec<String> {
        let mut left = files_below(self.directory.path());
        left.retain(|file| !file.ends_with("lock"));
        left
    }
}
