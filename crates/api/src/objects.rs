//! The embedded object store over HTTP: presigned downloads below `/exports/`, and whole hosts at which US3 clients find
//! it. Requests are handed to the store and its replies back; what they mean is the store's.

use std::io::{self, Read};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use tokio::io::AsyncReadExt as _;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio_util::io::ReaderStream;
use tollbook_objects::us3;
use tollbook_objects::{EmbeddedStore, ReadError, Reply, ReplyBody};
use tollbook_ops::Clock;

use crate::server::{App, WAIT, request_id};

/// Bytes read from the file at a time.
const READ_BYTES: usize = 64 * 1024;

/// How long the next piece of a client's body may take.
const PIECE_TIMEOUT: Duration = Duration::from_secs(30);

/// How much of a body that nobody wants is read and thrown away, so that its sender lives to read the answer.
const DISCARDED_BYTES: usize = 16 << 20;

/// Requests to an endpoint that are worked on at a time; more wait. Their bodies are read on threads that block, of
/// which the API needs its own.
const WORKERS: usize = 64;

/// The embedded store as a host of US3.
#[derive(Clone)]
pub(crate) struct Endpoint {
    store: Arc<EmbeddedStore>,
    clock: Arc<dyn Clock>,
    workers: Arc<Semaphore>,
}

impl Endpoint {
    pub(crate) fn new(store: Arc<EmbeddedStore>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, workers: Arc::new(Semaphore::new(WORKERS)) }
    }

    async fn answer(self, request: Request) -> Response {
        let id = request_id();
        let method = request.method().clone();
        let Ok(Ok(worker)) = tokio::time::timeout(WAIT, Arc::clone(&self.workers).acquire_owned()).await
        else {
            return respond(internal_error(503), &method, &id);
        };
        let handle = Handle::current();
        let task = tokio::task::spawn_blocking(move || {
            let (head, body) = request.into_parts();
            let mut body = BodyReader { body: Box::pin(body), handle, ready: Bytes::new() };
            let request = Request::from_parts(head, ());
            let answered = with_target(&request, self.store.bucket(), |target| {
                self.store.us3(target, &mut body, self.clock.now_s())
            });
            body.discard();
            drop(worker);
            answered
        });
        respond(reply_of(task.await, &id), &method, &id)
    }
}

/// A router that serves the store's bucket as a read-only US3 host, under every host name.
pub fn us3_endpoint(store: Arc<EmbeddedStore>, clock: Arc<dyn Clock>) -> Router {
    let answer =
        |State(endpoint): State<Endpoint>, request: Request| async move { endpoint.answer(request).await };
    Router::new().fallback(answer).with_state(Endpoint::new(store, clock))
}

/// Sends what is for a US3 host there, and everything else on.
pub(crate) async fn divert(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let host = request.headers().get("host").and_then(|value| value.to_str().ok());
    let host = host.or_else(|| request.uri().host()).unwrap_or_default();
    match &app.us3 {
        Some(endpoint) if app.gateway.deployment().config.is_us3_host(host) => {
            endpoint.clone().answer(request).await
        }
        _ => next.run(request).await,
    }
}

/// Downloads. A server whose exports lie elsewhere has none.
pub(crate) async fn serve(State(app): State<Arc<App>>, request: Request) -> Response {
    let id = app.request_id();
    let method = request.method().clone();
    let Some(Endpoint { store, clock, .. }) = app.us3.clone() else {
        return respond(us3::Refusal::NoSuchFile.reply(), &method, &id);
    };
    let task = tokio::task::spawn_blocking(move || {
        let request = request.map(drop);
        with_target(&request, store.bucket(), |target| store.get(target, clock.now_s()))
    });
    respond(reply_of(task.await, &id), &method, &id)
}

/// What to send, and the log line of a refusal or a failure.
fn reply_of(answered: Result<Result<Reply, ReadError>, tokio::task::JoinError>, id: &str) -> Reply {
    match answered {
        Ok(Ok(reply)) => reply,
        Ok(Err(error)) => {
            match &error {
                ReadError::Refused(refusal) => {
                    tracing::info!(request_uuid = id, ?refusal, "a request for an object was refused");
                }
                ReadError::Store(error) => {
                    tracing::error!(request_uuid = id, %error, "a request for an object failed");
                }
            }
            error.reply()
        }
        Err(error) => {
            tracing::error!(request_uuid = id, %error, "a request for an object failed");
            internal_error(500)
        }
    }
}

fn internal_error(status: u16) -> Reply {
    Reply { status, headers: Vec::new(), body: ReplyBody::Empty }
}

/// Gives the request to `ask` as the store reads it.
fn with_target<T>(request: &Request<()>, bucket: &str, ask: impl FnOnce(&us3::Request<'_>) -> T) -> T {
    let headers: Vec<(&str, &str)> = request
        .headers()
        .iter()
        .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
        .collect();
    let uri = request.uri();
    ask(&us3::Request {
        method: request.method().as_str(),
        bucket,
        path: uri.path(),
        query: uri.query().unwrap_or_default(),
        headers: &headers,
    })
}

/// A body as the store reads it: blocking, on a thread of its own.
struct BodyReader {
    body: Pin<Box<Body>>,
    handle: Handle,
    ready: Bytes,
}

impl BodyReader {
    fn discard(&mut self) {
        let mut left = DISCARDED_BYTES;
        let mut buffer = vec![0; READ_BYTES];
        while let Ok(read @ 1..) = self.read(&mut buffer) {
            left = left.saturating_sub(read);
            if left == 0 {
                break;
            }
        }
    }
}

impl Read for BodyReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.ready.is_empty() {
            let frame = std::future::poll_fn(|context| self.body.as_mut().poll_frame(context));
            // The timer must be made where the runtime is known.
            let next = async { tokio::time::timeout(PIECE_TIMEOUT, frame).await };
            match self.handle.block_on(next).map_err(io::Error::other)? {
                None => return Ok(0),
                Some(frame) => {
                    if let Ok(data) = frame.map_err(io::Error::other)?.into_data() {
                        self.ready = data;
                    }
                }
            }
        }
        let count = self.ready.len().min(buffer.len());
        buffer[..count].copy_from_slice(&self.ready.split_to(count));
        Ok(count)
    }
}

fn respond(reply: Reply, method: &Method, id: &str) -> Response {
    let body = match reply.body {
        _ if method == Method::HEAD => Body::empty(),
        ReplyBody::Empty => Body::empty(),
        ReplyBody::Bytes(bytes) => Body::from(bytes),
        ReplyBody::File { file, len, .. } => {
            let file = tokio::fs::File::from_std(file).take(len);
            Body::from_stream(ReaderStream::with_capacity(file, READ_BYTES))
        }
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in reply.headers {
        if let (Ok(name), Ok(value)) =
            (axum::http::HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(&value))
        {
            response.headers_mut().append(name, value);
        }
    }
    if let Ok(value) = HeaderValue::from_str(id) {
        response.headers_mut().insert("x-sessionid", value);
    }
    response
}
