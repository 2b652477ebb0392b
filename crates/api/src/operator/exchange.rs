//! One request of the operator's programs: its authentication, its response, its log line.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::ConnectInfo;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Serialize;
use tollbook_domain::OperatorRole;
use tollbook_ops::charging::ReadError;
use tollbook_ops::tenancy::operator_keys::known_operator_key;
use tollbook_store::{Actor, ActorKind, OperatorKey, StoreError};
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use super::state::OperatorRoutes;
use crate::blocking::Worker;
use crate::failure::refusal_for;
use crate::gateway::client_address;
use crate::request_id::request_id;
use crate::ret_code::Refusal;
use crate::trace_parent;

/// Seconds after which a request that met an unavailable service may be repeated.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");
/// The same of a request that waits for a clock.
const RETRY_POSTPONED_AFTER: HeaderValue = HeaderValue::from_static("60");

/// A failed request: what the caller can do about it, nothing about the inside.
#[derive(Debug)]
pub(crate) enum Problem {
    /// 400
    Malformed(String),
    /// 401
    Unauthorized,
    /// 403
    Forbidden(OperatorRole),
    /// 404
    NotFound(String),
    /// 405, and the method that is allowed.
    Method(&'static str),
    /// 409
    Conflict(String),
    /// 413
    TooLarge(String),
    /// 415
    ContentType(&'static str),
    /// 415, and the encodings of bodies that are accepted.
    ContentEncoding,
    /// 422
    Refused(String),
    /// 500
    Internal,
    /// 503
    Unavailable,
    /// 503, of a request that should be repeated when clocks agree.
    Postponed(String),
}

impl Problem {
    pub(super) const fn status(&self) -> StatusCode {
        match self {
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::ContentType(_) | Self::ContentEncoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Refused(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable | Self::Postponed(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    pub(super) fn text(self) -> String {
        match self {
            Self::Malformed(text)
            | Self::NotFound(text)
            | Self::Conflict(text)
            | Self::TooLarge(text)
            | Self::Refused(text)
            | Self::Postponed(text) => text,
            Self::Unauthorized => "a key of the operator is required as bearer token".to_owned(),
            Self::Forbidden(role) => {
                format!("the key does not have the role {:?}, which this needs", role.name())
            }
            Self::Method(allowed) => format!("the method must be {allowed}"),
            Self::ContentType(text) => text.to_owned(),
            Self::ContentEncoding => {
                "the content encoding must be gzip, zstd or identity, and only one".to_owned()
            }
            Self::Internal => "internal error; it may be tried again".to_owned(),
            Self::Unavailable => "the service is not available; try again".to_owned(),
        }
    }

    pub(super) fn header(&self) -> Option<(header::HeaderName, HeaderValue)> {
        match self {
            Self::Unauthorized => Some((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
            Self::Unavailable => Some((header::RETRY_AFTER, RETRY_AFTER)),
            Self::Postponed(_) => Some((header::RETRY_AFTER, RETRY_POSTPONED_AFTER)),
            Self::Method(allowed) => Some((header::ALLOW, HeaderValue::from_static(allowed))),
            Self::ContentEncoding => {
                Some((header::ACCEPT_ENCODING, HeaderValue::from_static("gzip, zstd, identity")))
            }
            Self::Malformed(_)
            | Self::Forbidden(_)
            | Self::NotFound(_)
            | Self::Conflict(_)
            | Self::TooLarge(_)
            | Self::ContentType(_)
            | Self::Refused(_)
            | Self::Internal => None,
        }
    }
}

/// For a store error that is logged already.
impl From<&StoreError> for Problem {
    fn from(error: &StoreError) -> Self {
        match refusal_for(error) {
            Refusal::ServiceUnavailable => Self::Unavailable,
            _ => Self::Internal,
        }
    }
}

/// Logs a store error and returns the problem for it.
pub(super) fn log_and_report(error: &StoreError) -> Problem {
    tracing::error!(%error, "the store failed");
    Problem::from(error)
}

/// The problem of a body of another program that is not read.
pub(super) fn read_problem(error: ReadError) -> Problem {
    match error {
        ReadError::Malformed(reason) => Problem::Malformed(reason),
        ReadError::TooMany(reason) => Problem::TooLarge(reason),
        ReadError::Store(error) => log_and_report(&error),
    }
}

/// One request. Its log line is written on drop, so that every request has one, however it ends.
pub(super) struct Exchange {
    id: String,
    span: Span,
    started: Instant,
    /// `None` until there is a response to send.
    status: Option<StatusCode>,
}

/// A response, but for the headers that all of them have.
pub(super) struct Reply {
    pub(super) status: StatusCode,
    /// `None` if there is no body.
    pub(super) content_type: Option<&'static str>,
    pub(super) body: Vec<u8>,
    pub(super) header: Option<(header::HeaderName, HeaderValue)>,
}

impl Reply {
    /// The result of a request as JSON.
    fn of(result: Result<impl Serialize, Problem>) -> Self {
        let result = result.and_then(|answer| {
            serde_json::to_vec(&answer).map_err(|error| {
                tracing::error!(%error, "a response cannot be written as JSON");
                Problem::Internal
            })
        });
        let content_type = Some("application/json");
        match result {
            Ok(body) => Self { status: StatusCode::OK, content_type, body, header: None },
            Err(problem) => {
                let (status, header) = (problem.status(), problem.header());
                let body = serde_json::json!({"Error": problem.text()}).to_string().into_bytes();
                Self { status, content_type, body, header }
            }
        }
    }
}

impl Exchange {
    /// Answers a request with the result of `work` as JSON. `work` runs within the request's tracing span.
    pub(super) async fn answer<T: Serialize>(
        route: &'static str,
        work: impl AsyncFnOnce() -> Result<T, Problem>,
    ) -> Response {
        Self::reply(route, async || Reply::of(work().await)).await
    }

    /// Answers a request with what `work` returns.
    pub(super) async fn reply(route: &'static str, work: impl AsyncFnOnce() -> Reply) -> Response {
        let id = request_id();
        // At the level of errors, so that it is there whatever the log is filtered by.
        let span = tracing::error_span!("request", request_uuid = id, route, operator_key = Empty);
        trace_parent::follow(&span);
        let exchange = Self { id, span: span.clone(), started: Instant::now(), status: None };
        async {
            let reply = work().await;
            exchange.end(reply)
        }
        .instrument(span)
        .await
    }

    fn end(mut self, reply: Reply) -> Response {
        let Reply { status, content_type, body, header } = reply;
        let mut headers = HeaderMap::new();
        if let Some(content_type) = content_type {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Ok(value) = HeaderValue::from_str(&self.id) {
            headers.insert("x-ucloud-request-uuid", value);
        }
        headers.extend(header);
        self.status = Some(status);
        let mut response = Response::new(body.into());
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        response
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.span.in_scope(|| {
            tracing::info!(
                status = self.status.map(|status| status.as_u16()),
                client_left = self.status.is_none().then_some(true),
                duration_us = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX),
                "request"
            );
        });
    }
}

/// Checks the key of a program that reports usage.
pub(super) async fn authorize(routes: &OperatorRoutes, headers: &HeaderMap) -> Result<(), Problem> {
    authorize_for(routes, headers, OperatorRole::Usage).await.map(|_| ())
}

/// Checks the operator's key of a request, and that it has a role. The tracing span gets the name of the key, never the key.
pub(super) async fn authorize_for(
    routes: &OperatorRoutes,
    headers: &HeaderMap,
    role: OperatorRole,
) -> Result<OperatorKey, Problem> {
    let key = bearer(headers).ok_or(Problem::Unauthorized)?.to_owned();
    let service = Arc::clone(&routes.service);
    let known = run_blocking(routes, move || {
        known_operator_key(service.store(), &key).map_err(|error| log_and_report(&error))
    });
    let key = known.await??.ok_or(Problem::Unauthorized)?;
    Span::current().record("operator_key", key.name.as_str());
    if role.is_among(&key.roles) { Ok(key) } else { Err(Problem::Forbidden(role)) }
}

/// The key's program as an actor, at the address of the request's client.
pub(super) fn actor_of(routes: &OperatorRoutes, key: &OperatorKey, head: &Parts) -> Actor {
    let peer = head.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
    let address = peer.map(|peer| client_address(routes.service.config(), peer, &head.headers));
    let origin = address.map(|address| address.to_string()).unwrap_or_default();
    Actor::new(ActorKind::OperatorKey, key.name.as_str(), origin)
}

/// The token of the `Authorization` header. Of several headers none takes precedence, so there must be one.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next()?.to_str().ok()?;
    let (scheme, token) = value.split_at_checked(7)?;
    (values.next().is_none() && scheme.eq_ignore_ascii_case("bearer ")).then_some(token.trim())
}

/// Runs `work`, which may block, on one of the workers that all requests share.
pub(super) async fn run_blocking<T: Send + 'static>(
    routes: &OperatorRoutes,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    run_on(routes.workers.acquire().await, work).await
}

/// Runs `work`, which may wait for other writers of the database, on one of the workers for that.
pub(super) async fn run_writing<T: Send + 'static>(
    routes: &OperatorRoutes,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    run_on(routes.workers.acquire_for_writing().await, work).await
}

async fn run_on<T: Send + 'static>(
    worker: Option<Worker>,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    worker.ok_or(Problem::Unavailable)?.run(work).await.map_err(|error| {
        tracing::error!(%error, "a request failed");
        Problem::Internal
    })
}
