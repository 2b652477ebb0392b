//! Presigned downloads over HTTP: hands requests below `/exports/` to the embedded object store and its replies back.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method};
use axum::response::Response;
use tokio::io::AsyncReadExt as _;
use tokio_util::io::ReaderStream;
use tollbook_objects::us3;
use tollbook_objects::{ReadError, Reply, ReplyBody};

use crate::server::App;

/// Bytes read from the file at a time.
const READ_BYTES: usize = 64 * 1024;

pub(crate) async fn serve(State(app): State<Arc<App>>, request: Request) -> Response {
    let id = app.request_id();
    let method = request.method().clone();
    let task = {
        let app = Arc::clone(&app);
        tokio::task::spawn_blocking(move || read(&app, &request))
    };
    let reply = match task.await {
        Ok(Ok(reply)) => reply,
        Ok(Err(error)) => {
            match &error {
                ReadError::Refused(refusal) => {
                    tracing::info!(request_uuid = id, ?refusal, "download refused");
                }
                ReadError::Store(error) => tracing::error!(request_uuid = id, %error, "a download failed"),
            }
            error.reply()
        }
        Err(error) => {
            tracing::error!(request_uuid = id, %error, "a download failed");
            Reply { status: 500, headers: Vec::new(), body: ReplyBody::Empty }
        }
    };
    respond(reply, &method, &id)
}

fn read(app: &App, request: &Request) -> Result<Reply, ReadError> {
    let headers: Vec<(&str, &str)> = request
        .headers()
        .iter()
        .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
        .collect();
    let uri = request.uri();
    let target = us3::Request {
        method: request.method().as_str(),
        bucket: app.objects.bucket(),
        path: uri.path(),
        query: uri.query().unwrap_or_default(),
        headers: &headers,
    };
    app.objects.get(&target, app.gateway.deployment().clock.now_s())
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
    *response.status_mut() = axum::http::StatusCode::from_u16(reply.status)
        .unwrap_or(axum::http::StatusCode::INTERNAL_SERVER_ERROR);
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
