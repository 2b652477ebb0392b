//! The HTTP handler of the signed API: reads the body, queues the request for a worker, writes one log line per request.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use tokio_util::sync::CancellationToken;
use tollbook_ops::Config;
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use super::checks::{Answered, Gateway, Received};
use super::concurrency::{Admission, Waiting};
use crate::answer;
use crate::blocking::{QUEUE_TIMEOUT, Workers};
use crate::body::{BodyError, ReadBody, Sender};
use crate::request_id::request_id;
use crate::ret_code::Refusal;
use crate::trace_parent;

/// Answers one request.
pub(crate) async fn answer(
    State((gateway, workers)): State<(Arc<Gateway>, Workers)>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Result<Response, Infallible> {
    let id = request_id();
    // At the level of errors, so that it is there whatever the log is filtered by.
    let span = tracing::error_span!(
        "request",
        request_uuid = id,
        action = Empty,
        company_id = Empty,
        public_key = Empty
    );
    trace_parent::follow(&span);
    let line = LogLine::new(&span, Arc::clone(&gateway));
    let caller = Caller { request_uuid: Arc::from(id.as_str()), peer: peer.ip() };
    let may_be_elsewhere = may_be_elsewhere(&request);
    let answered = body(&gateway, &workers, caller, request, line).instrument(span).await;
    let mut response = Response::new(Body::from(answered.body));
    // SDKs accept base URLs with any path, so a request that names an action is one of the API everywhere. Any other one
    // is not: a probe of a path that does not exist must not read 200.
    if may_be_elsewhere && !answered.names_action {
        *response.status_mut() = StatusCode::NOT_FOUND;
    }
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert("x-ucloud-request-uuid", value);
    }
    Ok(response)
}

/// Whether a request that names no action is not one of the API: it is at another path than the root, and it is not a
/// form or JSON that cannot be read.
fn may_be_elsewhere(request: &Request) -> bool {
    let media_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = media_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let is_read = ["application/json", "application/x-www-form-urlencoded"]
        .iter()
        .any(|known| known.eq_ignore_ascii_case(media_type));
    request.uri().path() != "/" && !(request.method() == Method::POST && is_read)
}

/// Who sent a request, and the request's id.
#[derive(Clone)]
struct Caller {
    request_uuid: Arc<str>,
    peer: IpAddr,
}

/// The answer.
async fn body(
    gateway: &Arc<Gateway>,
    workers: &Workers,
    caller: Caller,
    request: Request,
    line: LogLine,
) -> Answered {
    // If the client disconnects, this future is dropped, and the guard cancels the work. It is dropped before the log
    // line, which says so.
    let guard = line.caller.clone().drop_guard();
    let (head, body) = request.into_parts();
    let body = gateway.service().bodies().read(body, gateway.body_limit(), Sender::Unknown).await;
    let request_uuid = Arc::clone(&caller.request_uuid);
    let mut attempt = Attempt { caller, head, body, line };
    // Moved behind the attempt, whose log line is then dropped after it.
    let guard = guard;
    let mut admission = None;
    let answered = loop {
        let Some(worker) = workers.acquire().await else { break attempt.unavailable() };
        let gateway = Arc::clone(gateway);
        // The log line is written when the work has ended, which may be long after the client disconnected.
        match worker.run(move || attempt.answer(&gateway, admission)).await {
            Ok(Ok(answered)) => break answered,
            Ok(Err(unanswered)) => {
                let (waiting, again) = *unanswered;
                attempt = again;
                let admitted = tokio::time::timeout(QUEUE_TIMEOUT, waiting.admission()).await;
                let Ok(Some(admitted)) = admitted else { break attempt.unavailable() };
                admission = Some(admitted);
            }
            Err(error) => {
                tracing::error!(%error, "a request failed");
                let body = answer::body(None, &request_uuid, &Err(Refusal::Internal), &[]);
                break Answered {
                    ret_code: Refusal::Internal.code(),
                    action: None,
                    names_action: true,
                    body,
                };
            }
        }
    };
    guard.disarm();
    answered
}

/// A request that was read, until it is answered.
struct Attempt {
    caller: Caller,
    head: Parts,
    body: Result<ReadBody, BodyError>,
    line: LogLine,
}

impl Attempt {
    /// The answer, or what the request has to wait for before the next attempt.
    fn answer(
        mut self,
        gateway: &Gateway,
        admission: Option<Admission>,
    ) -> Result<Answered, Box<(Waiting, Self)>> {
        let config = gateway.service().config();
        let body = self.body.as_ref().map(|body| body.bytes.as_slice()).map_err(|error| *error);
        let received = received(config, &self.caller, &self.head, body, &self.line.caller);
        match gateway.answer(&received, admission) {
            Ok(answered) => {
                self.line.answered(&answered);
                Ok(answered)
            }
            Err(waiting) => Err(Box::new((waiting, self))),
        }
    }

    /// The answer to a request whose turn did not come in time.
    fn unavailable(mut self) -> Answered {
        let ret_code = Refusal::ServiceUnavailable.code();
        let body = answer::body(None, &self.caller.request_uuid, &Err(Refusal::ServiceUnavailable), &[]);
        let answered = Answered { ret_code, action: None, names_action: true, body };
        self.line.answered(&answered);
        answered
    }
}

fn received<'a>(
    config: &Config,
    caller: &'a Caller,
    head: &'a Parts,
    body: Result<&'a [u8], BodyError>,
    cancelled: &'a CancellationToken,
) -> Received<'a> {
    let text = |name: header::HeaderName| head.headers.get(name).and_then(|value| value.to_str().ok());
    Received {
        method: head.method.as_str(),
        path: head.uri.path(),
        query: head.uri.query(),
        content_type: text(header::CONTENT_TYPE),
        authorization: text(header::AUTHORIZATION),
        host: text(header::HOST).or_else(|| head.uri.host()),
        address: client_address(config, caller.peer, &head.headers),
        request_uuid: &caller.request_uuid,
        headers: &head.headers,
        body,
        caller: cancelled,
    }
}

/// The address of the client: the peer's, or the one that trusted proxies forward.
pub(crate) fn client_address(config: &Config, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let forwarded: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .collect();
    let mut address = peer;
    // From the nearest hop outwards, as far as each hop is a trusted proxy.
    for hop in forwarded.iter().rev() {
        if !config.is_trusted_proxy(address) {
            break;
        }
        match hop.parse() {
            Ok(before) => address = before,
            Err(_) => break,
        }
    }
    address
}

/// The log line of a request. It is written on drop, so that every request has one, however it ends.
struct LogLine {
    span: Span,
    started: Instant,
    /// Cancelled when the client disconnects.
    caller: CancellationToken,
    ret_code: i64,
    action: Option<&'static str>,
    gateway: Arc<Gateway>,
}

impl LogLine {
    fn new(span: &Span, gateway: Arc<Gateway>) -> Self {
        Self {
            span: span.clone(),
            started: Instant::now(),
            caller: CancellationToken::new(),
            // The answer to a request that panics.
            ret_code: Refusal::Internal.code(),
            action: None,
            gateway,
        }
    }

    fn answered(&mut self, answered: &Answered) {
        (self.ret_code, self.action) = (answered.ret_code, answered.action);
    }
}

impl Drop for LogLine {
    fn drop(&mut self) {
        let client_left = self.caller.is_cancelled();
        let ret_code = (!client_left).then_some(self.ret_code);
        self.gateway.service().metrics().request(self.action, ret_code, self.started.elapsed());
        self.span.in_scope(|| {
            tracing::info!(
                // Not of a request whose client disconnected: no code was sent, and 5000 would look like a failure.
                ret_code,
                client_left = client_left.then_some(true),
                duration_us = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX),
                "request"
            );
        });
    }
}
