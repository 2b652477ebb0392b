//! `POST /v1/usage`: usage records as `CloudEvents`, one or a batch. Each has a result of its own; the response is sent
//! when the accepted records are durable.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::{MethodRouter, post};
use serde::de::IgnoredAny;
use tollbook_formats::usage::{BatchError, parse_batch};

use super::exchange::{Exchange, Problem, run_blocking};
use super::report::{Event, Report, store};
use super::state::OperatorRoutes;
use super::upload::{Accepted, receive};

const ROUTE: &str = "/v1/usage";
const EVENT: &str = "application/cloudevents+json";
const BATCH: &str = "application/cloudevents-batch+json";
const ACCEPTED: Accepted = Accepted {
    media_types: &[EVENT, BATCH],
    otherwise: "the content type must be application/cloudevents+json or application/cloudevents-batch+json",
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
    let charging = &routes.service.config().charging;
    let (max_bytes, max_records) = (charging.batch_bytes, charging.batch_records);
    let upload = receive(routes, request, &ACCEPTED, max_bytes).await?;
    // Parsing a batch takes as long as a whole request elsewhere, too long for an async thread.
    let events = run_blocking(routes, move || {
        let is_batch = upload.media_type == BATCH;
        let body = upload.expand()?;
        if is_batch { batch(&body, max_records) } else { single(body) }
    });
    store(routes, events.await??).await
}

fn single(body: Vec<u8>) -> Result<Vec<Event>, Problem> {
    let malformed = |reason: String| Problem::Malformed(format!("the body is no event: {reason}"));
    if let Err(error) = serde_json::from_slice::<IgnoredAny>(&body) {
        return Err(malformed(error.to_string()));
    }
    // As a batch of one, a refused event has a result with its id and source.
    let batch = [b"[".to_vec(), body, b"]".to_vec()].concat();
    parse_batch(&batch, 1).map_err(|error| malformed(error.to_string()))
}

fn batch(body: &[u8], max_records: usize) -> Result<Vec<Event>, Problem> {
    parse_batch(body, max_records).map_err(|error| match error {
        BatchError::TooMany { max } => {
            let events = serde_json::from_slice::<Vec<IgnoredAny>>(body).map_or(max, |events| events.len());
            Problem::TooLarge(format!("the batch has {events} events, the most of one request is {max}"))
        }
        BatchError::NotJson(_) | BatchError::NotArray => {
            Problem::Malformed(format!("the body is no batch of events: {error}"))
        }
    })
}
