//! `POST /v1/traces` and `POST /v1/logs`: OTLP/HTTP in protobuf or JSON. The response is sent when the accepted records are
//! durable.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use axum::routing::{MethodRouter, post};
use tollbook_formats::usage::otlp::{Encoding, Signal, accepted, failed};

use super::exchange::{Exchange, Problem, Reply};
use super::report::{Report, report_records};
use super::state::OperatorRoutes;
use super::upload::Accepted;

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";
const ACCEPTED: Accepted = Accepted {
    media_types: &[PROTOBUF, JSON],
    otherwise: "the content type must be application/x-protobuf or application/json",
};

/// The routes of one signal.
pub(crate) fn routes(signal: Signal) -> MethodRouter<Arc<OperatorRoutes>> {
    post(move |State(routes): State<Arc<OperatorRoutes>>, request: Request| answer(routes, request, signal))
        .fallback(move |headers: HeaderMap| wrong_method(headers, signal))
}

const fn route(signal: Signal) -> &'static str {
    match signal {
        Signal::Traces => "/v1/traces",
        Signal::Logs => "/v1/logs",
    }
}

async fn wrong_method(headers: HeaderMap, signal: Signal) -> Response {
    let problem = Problem::Method("POST");
    Exchange::reply(route(signal), async || reply(Err(problem), signal, encoding(&headers))).await
}

async fn answer(routes: Arc<OperatorRoutes>, request: Request, signal: Signal) -> Response {
    let encoding = encoding(request.headers());
    let work = async || reply(accept(&routes, request, signal, encoding).await, signal, encoding);
    Exchange::reply(route(signal), work).await
}

/// The encoding of a request by its content type; that of an answer to another content type is protobuf.
fn encoding(headers: &HeaderMap) -> Encoding {
    let stated = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = stated.split(';').next().unwrap_or_default().trim();
    if media_type.eq_ignore_ascii_case(JSON) { Encoding::Json } else { Encoding::Protobuf }
}

async fn accept(
    routes: &OperatorRoutes,
    request: Request,
    signal: Signal,
    encoding: Encoding,
) -> Result<Report, Problem> {
    report_records(routes, request, &ACCEPTED, move |service, records, body| {
        records.otlp(service.store(), &service.config().charging, body, signal, encoding)
    })
    .await
}

fn reply(result: Result<Report, Problem>, signal: Signal, encoding: Encoding) -> Reply {
    let content_type = Some(match encoding {
        Encoding::Protobuf => PROTOBUF,
        Encoding::Json => JSON,
    });
    match result {
        Ok(report) => {
            let rejected = i64::try_from(report.refused()).unwrap_or(i64::MAX);
            let body = accepted(signal, encoding, rejected, report.reasons());
            Reply { status: StatusCode::OK, content_type, body, header: None }
        }
        Err(problem) => {
            // OTLP's senders drop what is answered by 500, and repeat what is answered by 503.
            let problem = if matches!(problem, Problem::Internal) { Problem::Unavailable } else { problem };
            let (status, header) = (problem.status(), problem.header());
            let body = failed(encoding, grpc_code(status), &problem.text());
            Reply { status, content_type, body, header }
        }
    }
}

/// The code of gRPC that means the same.
const fn grpc_code(status: StatusCode) -> i32 {
    match status {
        StatusCode::UNAUTHORIZED => 16,
        StatusCode::PAYLOAD_TOO_LARGE => 8,
        StatusCode::METHOD_NOT_ALLOWED => 12,
        StatusCode::SERVICE_UNAVAILABLE => 14,
        _ => 3,
    }
}
