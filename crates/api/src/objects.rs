//! The embedded object store over HTTP: presigned downloads below `/exports/`, and whole hosts that answer as US3. The
//! requests are interpreted by the store; here they are only passed to it.

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
use tokio::task::JoinError;
use tokio_util::io::ReaderStream;
use tollbook_objects::us3;
use tollbook_objects::{EmbeddedStore, ReadError, Reply, ReplyBody};
use tollbook_ops::Clock;
use tracing::{Instrument as _, Span};

use crate::blocking::{self, Workers};
use crate::body::DRAINED_BYTES;
use crate::request_id::request_id;
use crate::service::Service;

/// Bytes read from the file at a time.
const READ_BYTES: usize = 64 * 1024;

/// Longest time between two pieces of a client's body.
const PIECE_TIMEOUT: Duration = Duration::from_secs(30);

/// The embedded store as a US3 host.
#[derive(Clone)]
pub(crate) struct Endpoint {
    store: Arc<EmbeddedStore>,
    clock: Arc<dyn Clock>,
    /// Its own, apart from the API's: these threads also block while bodies arrive.
    workers: Workers,
}

impl Endpoint {
    pub(crate) fn new(store: Arc<EmbeddedStore>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, workers: Workers::new() }
    }

    async fn answer(self, request: Request) -> Response {
        let (id, method) = (request_id(), request.method().clone());
        let reply = self.reply(request).instrument(request_span(&id)).await;
        respond(reply, &method, &id)
    }

    async fn reply(self, request: Request) -> Reply {
        let Some(worker) = self.workers.acquire().await else { return internal_error(503) };
        let handle = Handle::current();
        let answered = worker.run(move || {
            let (head, body) = request.into_parts();
            let mut body = BodyReader { body: Box::pin(body), handle, ready: Bytes::new() };
            let request = Request::from_parts(head, ());
            let answered = with_target(&request, self.store.bucket(), |target| {
                self.store.us3(target, &mut body, self.clock.now_s())
            });
            body.drain();
            answered
        });
        reply_of(answered.await)
    }
}

/// A router that serves the store's bucket as a read-only US3 host, under every host name.
pub fn us3_endpoint(store: Arc<EmbeddedStore>, clock: Arc<dyn Clock>) -> Router {
    let answer =
        |State(endpoint): State<Endpoint>, request: Request| async move { endpoint.answer(request).await };
    Router::new().fallback(answer).with_state(Endpoint::new(store, clock))
}

/// What the routes of a server to its objects need.
#[derive(Clone)]
pub(crate) struct ObjectRoutes {
    pub(crate) service: Arc<Service>,
    /// `None` if exports are not in the embedded store: there is nothing to serve.
    pub(crate) endpoint: Option<Endpoint>,
}

/// Passes requests to US3 hosts to the endpoint, and all others to `next`.
pub(crate) async fn divert(
    State(ObjectRoutes { service, endpoint }): State<ObjectRoutes>,
    request: Request,
    next: Next,
) -> Response {
    let host = request.headers().get("host").and_then(|value| value.to_str().ok());
    let host = host.or_else(|| request.uri().host()).unwrap_or_default();
    match endpoint {
        Some(endpoint) if service.config().is_us3_host(host) => endpoint.answer(request).await,
        _ => next.run(request).await,
    }
}

/// Answers downloads.
pub(crate) async fn serve(State(routes): State<ObjectRoutes>, request: Request) -> Response {
    let (id, method) = (request_id(), request.method().clone());
    let reply = async {
        let Some(Endpoint { store, clock, .. }) = routes.endpoint else {
            return us3::Refusal::NoSuchFile.reply();
        };
        let answered = blocking::run(move || {
            let request = request.map(drop);
            with_target(&request, store.bucket(), |target| store.get(target, clock.now_s()))
        });
        reply_of(answered.await)
    };
    let reply = reply.instrument(request_span(&id)).await;
    respond(reply, &method, &id)
}

fn request_span(id: &str) -> Span {
    tracing::error_span!("request", request_uuid = id)
}

/// The reply to send. Refusals and failures are logged.
fn reply_of(answered: Result<Result<Reply, ReadError>, JoinError>) -> Reply {
    match answered {
        Ok(Ok(reply)) => reply,
        Ok(Err(error)) => {
            match &error {
                ReadError::Refused(refusal) => tracing::info!(?refusal, "object request refused"),
                ReadError::Store(error) => tracing::error!(%error, "object request failed"),
            }
            error.reply()
        }
        Err(error) => {
            tracing::error!(%error, "object request failed");
            internal_error(500)
        }
    }
}

fn internal_error(status: u16) -> Reply {
    Reply { status, headers: Vec::new(), body: ReplyBody::Empty }
}

/// Calls `answer` with the request in the form that the store takes.
fn with_target<T>(request: &Request<()>, bucket: &str, answer: impl FnOnce(&us3::Request<'_>) -> T) -> T {
    let headers: Vec<(&str, &str)> = request
        .headers()
        .iter()
        .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
        .collect();
    let uri = request.uri();
    answer(&us3::Request {
        method: request.method().as_str(),
        bucket,
        path: uri.path(),
        query: uri.query().unwrap_or_default(),
        headers: &headers,
    })
}

/// The body of a request as a blocking reader.
struct BodyReader {
    body: Pin<Box<Body>>,
    handle: Handle,
    ready: Bytes,
}

impl BodyReader {
    /// Reads the rest, so that the client can still read the response.
    fn drain(&mut self) {
        let mut left = DRAINED_BYTES;
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
            // The timer must be created inside the runtime.
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
