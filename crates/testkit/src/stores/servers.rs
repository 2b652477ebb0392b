//! Object store servers: `s3s` over a directory, and US3 hosts over the embedded store, read-only or writable. Each listens
//! on its own port until it is dropped.

use std::io::Read as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::Method;
use axum::response::Response;
use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::host::SingleDomain;
use s3s::service::S3ServiceBuilder;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tollbook_objects::us3::{self, Refusal};
use tollbook_objects::{EmbeddedSettings, EmbeddedStore, ObjectKeys, Reply, ReplyBody, SpoolLimits};

use super::us3_host::Us3Host;

/// The bucket of all servers.
pub const BUCKET: &str = "exports-bucket";
/// The public key that all servers know.
pub const PUBLIC_KEY: &str = "TOKEN_public";
/// Its private key.
pub const PRIVATE_KEY: &str = "the-private-half";
/// Retention of objects, in seconds.
pub const RETENTION_S: i64 = 3_600;
/// The domain of virtual-host-style buckets.
pub const DOMAIN: &str = "store.test";

/// The key pair that all servers know.
pub fn keys() -> ObjectKeys {
    ObjectKeys::new(PUBLIC_KEY, PRIVATE_KEY)
}

fn listen(runtime: &Runtime) -> (TcpListener, SocketAddr) {
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

pub(super) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Every file below a directory.
pub fn files_below(directory: &Path) -> Vec<String> {
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

/// An S3 server. Every request must be signed with the key pair.
pub struct S3Server {
    /// Where it listens.
    pub address: SocketAddr,
    directory: TempDir,
    _runtime: Runtime,
}

impl S3Server {
    /// If `with_names`, the bucket is addressed by host name (virtual-host style), otherwise by path.
    pub fn start(with_names: bool) -> Self {
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

    /// The files in the bucket, and the files of uploads beside it. The server also keeps the headers of each object in
    /// a file, even after the object is deleted; these are not listed.
    pub fn left(&self) -> Vec<String> {
        let is_of_an_upload = |file: &String| file.contains(".upload");
        let beside = std::fs::read_dir(self.directory.path()).unwrap().map(|entry| entry.unwrap().path());
        let beside = beside.filter(|path| path.is_file()).map(|path| path.display().to_string());
        let mut left = files_below(&self.directory.path().join(BUCKET));
        left.extend(beside.filter(is_of_an_upload));
        left
    }
}

/// The embedded store as a US3 host.
pub struct Us3Server {
    /// Where it listens.
    pub address: SocketAddr,
    /// The store that holds the objects.
    pub store: Arc<EmbeddedStore>,
    /// `None` if the host is read-only.
    writable: Option<Arc<Us3Host>>,
    directory: TempDir,
    _runtime: Runtime,
}

impl Us3Server {
    /// A writable host.
    pub fn writable() -> Self {
        let (store, directory) = Self::store();
        let host = Arc::new(Us3Host::new(Arc::clone(&store), keys()));
        Self::start(store, directory, writable_router(Arc::clone(&host)), Some(host))
    }

    /// The host that a router makes of the store.
    pub fn of(router: impl FnOnce(Arc<EmbeddedStore>) -> Router) -> Self {
        let (store, directory) = Self::store();
        let router = router(Arc::clone(&store));
        Self::start(store, directory, router, None)
    }

    fn store() -> (Arc<EmbeddedStore>, TempDir) {
        let directory = tempfile::tempdir().unwrap();
        let settings = EmbeddedSettings {
            data_directory: directory.path().to_owned(),
            bucket: BUCKET.to_owned(),
            keys: keys(),
            retention_s: RETENTION_S,
            spool: SpoolLimits { bytes: 1 << 30, free_bytes: 0 },
        };
        (Arc::new(EmbeddedStore::new(settings).unwrap()), directory)
    }

    fn start(
        store: Arc<EmbeddedStore>,
        directory: TempDir,
        router: Router,
        writable: Option<Arc<Us3Host>>,
    ) -> Self {
        let runtime = runtime();
        let (listener, address) = listen(&runtime);
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self { address, store, writable, directory, _runtime: runtime }
    }

    /// The objects, and the parts of unfinished uploads.
    pub fn left(&self) -> Vec<String> {
        let mut left = files_below(self.directory.path());
        left.retain(|file| !file.ends_with("lock"));
        left.extend(self.writable.iter().flat_map(|host| host.open_parts()));
        left
    }
}

#[expect(clippy::disallowed_methods, reason = "a server of its own, whose clients sign with the real time")]
fn now_s() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

/// Serves a writable host.
fn writable_router(host: Arc<Us3Host>) -> Router {
    Router::new().fallback(move |request: Request| {
        let host = Arc::clone(&host);
        async move {
            let (head, body) = request.into_parts();
            let is_head = head.method == Method::HEAD;
            let Ok(body) = axum::body::to_bytes(body, usize::MAX).await else {
                return respond(Refusal::BadRequest("the body broke off").reply(), is_head);
            };
            let answer = move || {
                let headers: Vec<(&str, &str)> = head
                    .headers
                    .iter()
                    .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
                    .collect();
                let request = us3::Request {
                    method: head.method.as_str(),
                    bucket: BUCKET,
                    path: head.uri.path(),
                    query: head.uri.query().unwrap_or_default(),
                    headers: &headers,
                };
                respond(host.answer(&request, &mut body.as_ref(), now_s()), is_head)
            };
            tokio::task::spawn_blocking(answer).await.unwrap()
        }
    })
}

fn respond(reply: Reply, is_head: bool) -> Response {
    let mut response = Response::builder().status(reply.status);
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    let body = match reply.body {
        _ if is_head => Vec::new(),
        ReplyBody::Empty => Vec::new(),
        ReplyBody::Bytes(bytes) => bytes,
        ReplyBody::File { file, len, .. } => {
            let mut bytes = Vec::new();
            file.take(len).read_to_end(&mut bytes).unwrap();
            bytes
        }
    };
    response.body(Body::from(body)).unwrap()
}
