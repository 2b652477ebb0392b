//! Object store servers for tests: `s3s` over a directory, the embedded store as a read-only US3 host, and the
//! testkit's writable US3 host. Each listens on its own port until it is dropped.

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
use tollbook_objects::{EmbeddedSettings, EmbeddedStore, ObjectKeys, Reply, ReplyBody};
use tollbook_ops::{Clock as _, SystemClock};
use tollbook_testkit::Us3Host;

pub(crate) const BUCKET: &str = "exports-bucket";
pub(crate) const PUBLIC_KEY: &str = "TOKEN_public";
pub(crate) const PRIVATE_KEY: &str = "the-private-half";
/// Retention of objects, in seconds.
pub(crate) const RETENTION_S: i64 = 3_600;
/// The domain of virtual-host-style buckets.
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

/// An S3 server. Every request must be signed with the key pair.
pub(crate) struct S3Server {
    pub(crate) address: SocketAddr,
    directory: TempDir,
    _runtime: Runtime,
}

impl S3Server {
    /// If `with_names`, the bucket is addressed by host name (virtual-host style), otherwise by path.
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

    /// The files in the bucket, and the files of uploads beside it. The server also keeps the headers of each object in
    /// a file, even after the object is deleted; these are not listed.
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
    /// `None` if the host is read-only.
    writable: Option<Arc<Us3Host>>,
    directory: TempDir,
    _runtime: Runtime,
}

impl Us3Server {
    /// The product's read-only host, or the testkit's writable one.
    pub(crate) fn start(writable: bool) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let settings = EmbeddedSettings {
            data_directory: directory.path().to_owned(),
            bucket: BUCKET.to_owned(),
            keys: keys(),
            retention_s: RETENTION_S,
            spool_bytes: 1 << 30,
        };
        let store = Arc::new(EmbeddedStore::new(settings).unwrap());
        let writable = writable.then(|| Arc::new(Us3Host::new(Arc::clone(&store), keys())));
        let router = match &writable {
            Some(host) => writable_router(Arc::clone(host)),
            None => tollbook_api::us3_endpoint(Arc::clone(&store), Arc::new(SystemClock)),
        };
        let runtime = runtime();
        let (listener, address) = listen(&runtime);
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self { address, store, writable, directory, _runtime: runtime }
    }

    /// The objects, and the parts of unfinished uploads.
    pub(crate) fn left(&self) -> Vec<String> {
        let mut left = files_below(self.directory.path());
        left.retain(|file| !file.ends_with("lock"));
        left.extend(self.writable.iter().flat_map(|host| host.open_parts()));
        left
    }
}

/// Serves the testkit's host.
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
                respond(host.answer(&request, &mut body.as_ref(), SystemClock.now_s()), is_head)
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
