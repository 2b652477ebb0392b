//! `POST /v1/litellm`: payloads of LiteLLM's `generic_api` callback. Each has a result of its own; the response is sent
//! when the accepted records are durable.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::{MethodRouter, post};

use super::exchange::{Exchange, Problem};
use super::report::{Report, report_records};
use super::state::OperatorRoutes;
use super::upload::Accepted;

const ROUTE: &str = "/v1/litellm";
const ACCEPTED: Accepted = Accepted {
    media_types: &["application/json", "application/x-ndjson", "application/ndjson"],
    otherwise: "the content type must be application/json or application/x-ndjson",
};

pub(crate) fn routes() -> MethodRouter<Arc<OperatorRoutes>> {
    post(answer).fallback(wrong_method)
}

async fn wrong_method() -> Response {
    Exchange::answer(ROUTE, async || Err::<(), _>(Problem::Method("POST"))).await
}

async fn answer(State(routes): State<Arc<OperatorRoutes>>, request: Request) -> Response {
    Exchange::answer(ROUTE, async || accept(&routes, request).await).await
}

async fn accept(routes: &OperatorRoutes, request: Request) -> Result<Report, Problem> {
    report_records(routes, request, &ACCEPTED, |service, records, body| {
        records.litellm(service.store(), &service.config().charging, body)
    })
    .await
}
