//! `POST /api/v1/events` and `POST /api/v3/openmeter/events`: events as OpenMeter's SDKs, LiteLLM's callback and Kong's
//! plugin send them. The response is sent when the accepted records are durable.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{MethodRouter, post};
use serde_json::json;

use super::exchange::{Exchange, Problem, Reply};
use super::report::{Report, report_records};
use super::state::OperatorRoutes;
use super::upload::Accepted;

const ACCEPTED: Accepted = Accepted {
    media_types: &["application/cloudevents+json", "application/cloudevents-batch+json", "application/json"],
    otherwise: "the content type must be application/cloudevents+json, application/cloudevents-batch+json or \
                application/json",
};

/// The routes of one version of the API, which answers `accepted`.
pub(crate) fn routes(accepted: StatusCode) -> MethodRouter<Arc<OperatorRoutes>> {
    let route =
        if accepted == StatusCode::NO_CONTENT { "/api/v1/events" } else { "/api/v3/openmeter/events" };
    post(move |State(routes): State<Arc<OperatorRoutes>>, request: Request| {
        answer(routes, request, route, accepted)
    })
    .fallback(move || wrong_method(route, accepted))
}

async fn wrong_method(route: &'static str, accepted: StatusCode) -> Response {
    Exchange::reply(route, async || reply(Err(Problem::Method("POST")), accepted)).await
}

async fn answer(
    routes: Arc<OperatorRoutes>,
    request: Request,
    route: &'static str,
    accepted: StatusCode,
) -> Response {
    Exchange::reply(route, async || reply(accept(&routes, request).await, accepted)).await
}

async fn accept(routes: &OperatorRoutes, request: Request) -> Result<Report, Problem> {
    let report = report_records(routes, request, &ACCEPTED, |service, records, body| {
        records.openmeter(service.store(), &service.config().charging, body, service.now_s())
    })
    .await?;
    // The answer has no room for results. What was accepted is stored, and a duplicate if it is sent again.
    if report.refused() > 0 { Err(Problem::Malformed(report.reasons())) } else { Ok(report) }
}

/// An answer without a body, or a problem in the form of RFC 9457.
fn reply(result: Result<Report, Problem>, accepted: StatusCode) -> Reply {
    match result {
        Ok(_) => Reply { status: accepted, content_type: None, body: Vec::new(), header: None },
        Err(problem) => {
            let (status, header) = (problem.status(), problem.header());
            let body = json!({
                "type": "about:blank",
                "title": status.canonical_reason().unwrap_or_default(),
                "status": status.as_u16(),
                "detail": problem.text(),
            });
            let content_type = Some("application/problem+json");
            Reply { status, content_type, body: body.to_string().into_bytes(), header }
        }
    }
}
