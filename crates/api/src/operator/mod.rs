//! What the operator's own programs, such as gateways, ask over HTTP: usage in, a company's standing out. They show a
//! bearer key instead of a signature, and are answered by HTTP status. What they all share is here.

mod standing;
mod usage;

use std::sync::Arc;
use std::time::Instant;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Serialize;
use tollbook_ops::tenancy::operator_keys::known_operator_key;
use tollbook_store::StoreError;

use crate::gateway::refusal_for;
use crate::ret_code::Refusal;
use crate::server::{App, WAIT};

pub(crate) use standing::routes as standing_routes;
pub(crate) use usage::routes as usage_routes;

/// How soon what was not possible may be tried again, in seconds.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// Why there is no answer but this: what the caller can do, nothing about the inside.
#[derive(Debug)]
enum Problem {
    /// 400
    Malformed(String),
    /// 401
    Unauthorized,
    /// 404
    NotFound(String),
    /// 405, and the method that it takes.
    Method(&'static str),
    /// 413
    TooLarge(String),
    /// 415
    ContentType(&'static str),
    /// 500
    Internal,
    /// 503
    Unavailable,
}

impl Problem {
    const fn status(&self) -> StatusCode {
        match self {
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::ContentType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn text(self) -> String {
        match self {
            Self::Malformed(text) | Self::NotFound(text) | Self::TooLarge(text) => text,
            Self::Unauthorized => "a key of the operator is required as bearer token".to_owned(),
            Self::Method(allowed) => format!("the method must be {allowed}"),
            Self::ContentType(text) => text.to_owned(),
            Self::Internal => "internal error; it may be tried again".to_owned(),
            Self::Unavailable => "the service is not available; try again".to_owned(),
        }
    }
}

/// A failure of the store, which the log has already.
impl From<&StoreError> for Problem {
    fn from(error: &StoreError) -> Self {
        match refusal_for(error) {
            Refusal::ServiceUnavailable => Self::Unavailable,
            _ => Self::Internal,
        }
    }
}

/// A failure of the store that nobody has logged yet.
fn failed(error: &StoreError) -> Problem {
    tracing::error!(%error, "the store failed a program of the operator");
    Problem::from(error)
}

/// One request and its log line, which is written when it is dropped: whatever becomes of a request, somebody drops it.
struct Exchange {
    id: String,
    began: Instant,
    route: &'static str,
    /// The name of the key, never the key.
    key: Option<String>,
    /// Until there is an answer nobody was told anything.
    status: Option<StatusCode>,
}

impl Exchange {
    fn begin(app: &App, route: &'static str) -> Self {
        Self { id: app.request_id(), began: Instant::now(), route, key: None, status: None }
    }

    /// Finds out who asks.
    async fn authorize(&mut self, app: &Arc<App>, headers: &HeaderMap) -> Result<(), Problem> {
        let key = bearer(headers).ok_or(Problem::Unauthorized)?.to_owned();
        let known = work(app, move |app| {
            known_operator_key(app.gateway.deployment().store.as_ref(), &key).map_err(|error| failed(&error))
        });
        self.key = Some(known.await??.ok_or(Problem::Unauthorized)?.name);
        Ok(())
    }

    fn end(mut self, result: Result<impl Serialize, Problem>) -> Response {
        let result = result.and_then(|answer| {
            serde_json::to_string(&answer).map_err(|error| {
                tracing::error!(request_uuid = self.id, %error, "an answer cannot be written as JSON");
                Problem::Internal
            })
        });
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Ok(value) = HeaderValue::from_str(&self.id) {
            headers.insert("x-ucloud-request-uuid", value);
        }
        let (status, body) = match result {
            Ok(body) => (StatusCode::OK, body),
            Err(problem) => {
                match &problem {
                    Problem::Unauthorized => {
                        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
                    }
                    Problem::Unavailable => {
                        headers.insert(header::RETRY_AFTER, RETRY_AFTER);
                    }
                    Problem::Method(allowed) => {
                        headers.insert(header::ALLOW, HeaderValue::from_static(allowed));
                    }
                    Problem::Malformed(_)
                    | Problem::NotFound(_)
                    | Problem::TooLarge(_)
                    | Problem::ContentType(_)
                    | Problem::Internal => {}
                }
                (problem.status(), serde_json::json!({"Error": problem.text()}).to_string())
            }
        };
        self.status = Some(status);
        let mut response = Response::new(body.into());
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        response
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        tracing::info!(
            request_uuid = self.id,
            route = self.route,
            operator_key = self.key.as_deref().unwrap_or("-"),
            status = self.status.map(|status| status.as_u16()),
            client_left = self.status.is_none().then_some(true),
            duration_us = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX),
            "request"
        );
    }
}

/// The token of the one `Authorization` header; of several nobody could say which one holds.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next()?.to_str().ok()?;
    let (scheme, token) = value.split_at_checked(7)?;
    (values.next().is_none() && scheme.eq_ignore_ascii_case("bearer ")).then_some(token.trim())
}

/// Does what may block, when it is its turn among all requests.
async fn work<T: Send + 'static>(
    app: &Arc<App>,
    run: impl FnOnce(&App) -> T + Send + 'static,
) -> Result<T, Problem> {
    let turn = tokio::time::timeout(WAIT, Arc::clone(&app.workers).acquire_owned()).await;
    let Ok(Ok(worker)) = turn else { return Err(Problem::Unavailable) };
    let app = Arc::clone(app);
    let work = tokio::task::spawn_blocking(move || {
        let done = run(&app);
        drop(worker);
        done
    });
    work.await.map_err(|error| {
        tracing::error!(%error, "a request of the operator failed");
        Problem::Internal
    })
}
