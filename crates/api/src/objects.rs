//! The embedded object store over HTTP: presigned downloads below `/exports/`, and whole hosts that answer as US3. The
//! requests are interpreted by the store; here they are only passed to it.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use tokio::io::AsyncReadExt as _;
use tokio::task::JoinError;
use tokio_util::io::ReaderStream;
use tollbook_objects::us3;
use tollbook_objects::{EmbeddedStore, ReadError, Reply, ReplyBody};
use tollbook_ops::Clock;
use tollbook_ops::config::ServerConfig;
use tracing::{Instrument as _, Span};

use crate::blocking::{self, Workers};
use crate::body::Bodies;
use crate::request_id::request_id;
use crate::service::Service;

/// Bytes read from the file at a time.
const READ_BYTES: usize = 64 * 1024;

/// Bytes of an upload form that are read: its fields before the file, which have the signature.
const FORM_BYTES: usize = 576 * 1024;

/// The embedded store as a US3 host.
#[derive(Clone)]
pub(crate) struct Endpoint {
    store: Arc<EmbeddedStore>,
    clock: Arc<dyn Clock>,
    /// Its own, apart from the API's, because its requests read directories.
    workers: Workers,
    bodies: Bodies,
}

impl Endpoint {
    pub(crate) fn new(store: Arc<EmbeddedStore>, clock: Arc<dyn Clock>, bodies: Bodies) -> Self {
        Self { store, clock, workers: Workers::new(), bodies }
    }

    async fn answer(self, request: Request) -> Response {
        let (id, method) = (request_id(), request.method().clone());
        let reply = self.reply(request).instrument(request_span(&id)).await;
        respond(reply, &method, &id)
    }

    async fn reply(self, request: Request) -> Reply {
        let (head, body) = request.into_parts();
        // Only an upload form has its signature in the body. Bodies are read and discarded without a worker, so that
        // their senders take nothing from those who download.
        let form_bytes =
            if head.method == Method::POST && matches!(head.uri.path(), "" | "/") { FORM_BYTES } else { 0 };
        let Ok((form, rest)) = self.bodies.read_beginning(body, form_bytes).await else {
            return internal_error(503);
        };
        let Some(worker) = self.workers.acquire().await else { return internal_error(503) };
        let answered = worker.run(move || {
            let request = Request::from_parts(head, ());
            with_target(&request, self.store.bucket(), |target| {
                self.store.us3(target, &mut form.bytes.as_slice(), self.clock.now_s())
            })
        });
        let answered = answered.await;
        rest.drain().await;
        reply_of(answered)
    }
}

/// A router that serves the store's bucket as a read-only US3 host, under every host name.
pub fn us3_endpoint(store: Arc<EmbeddedStore>, clock: Arc<dyn Clock>) -> Router {
    let answer =
        |State(endpoint): State<Endpoint>, request: Request| async move { endpoint.answer(request).await };
    let bodies = Bodies::new(&ServerConfig::default());
    Router::new().fallback(answer).with_state(Endpoint::new(store, clock, bodies))
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
