//! `POST /v1/usage`: usage records as `CloudEvents`, one or a batch. Each has a result of its own; the response is sent
//! when the accepted records are durable.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use axum::routing::{MethodRouter, post};
use serde::Serialize;
use serde::de::IgnoredAny;
use tollbook_domain::Usage;
use tollbook_formats::usage::{BatchError, RefusedEvent, parse_batch};
use tollbook_ops::charging::{IntakeError, UsageResult};

use super::exchange::{Exchange, Problem, authorize, run_blocking};
use super::state::OperatorRoutes;
use crate::body::{drain_body, read_body};

const ROUTE: &str = "/v1/usage";
const EVENT: &str = "application/cloudevents+json";
const BATCH: &str = "application/cloudevents-batch+json";

pub(crate) fn routes() -> MethodRouter<Arc<OperatorRoutes>> {
    post(answer).fallback(wrong_method)
}

async fn wrong_method() -> Response {
    Exchange::answer(ROUTE, async || Err::<(), _>(Problem::Method("POST"))).await
}

async fn answer(State(routes): State<Arc<OperatorRoutes>>, request: Request) -> Response {
    Exchange::answer(ROUTE, async || accept(&routes, request).await).await
}

/// The response: the result of each record, and how many there are of each kind.
#[derive(Default, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Report {
    accepted: usize,
    duplicate: usize,
    refused: usize,
    results: Vec<RecordResult>,
}

/// The result of one record.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct RecordResult {
    /// The record's place in the request, from 0.
    index: usize,
    /// Empty if it cannot be read.
    id: String,
    source: String,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pricing: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

async fn accept(routes: &OperatorRoutes, request: Request) -> Result<Report, Problem> {
    let (head, body) = request.into_parts();
    let is_batch = match check(routes, &head.headers).await {
        Ok(is_batch) => is_batch,
        Err(problem) => {
            drain_body(body).await;
            return Err(problem);
        }
    };
    let events = read(routes, body, is_batch).await?;
    let (names, records): (Vec<Named>, Vec<Option<Usage>>) = events.into_iter().map(Named::of).unzip();
    let records: Vec<Usage> = records.into_iter().flatten().collect();
    let results = if records.is_empty() { Vec::new() } else { submit(routes, records).await? };
    Ok(Report::of(names, results))
}

/// Checks the key and the content type. Returns whether the body is a batch.
async fn check(routes: &OperatorRoutes, headers: &HeaderMap) -> Result<bool, Problem> {
    authorize(routes, headers).await?;
    let stated = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = stated.split(';').next().unwrap_or_default().trim();
    if headers.contains_key(header::CONTENT_ENCODING) {
        return Err(Problem::ContentType("the body must not be compressed"));
    }
    match media_type.to_ascii_lowercase().as_str() {
        EVENT => Ok(false),
        BATCH => Ok(true),
        _ => Err(Problem::ContentType(
            "the content type must be application/cloudevents+json or application/cloudevents-batch+json",
        )),
    }
}

async fn read(routes: &OperatorRoutes, body: Body, is_batch: bool) -> Result<Vec<Event>, Problem> {
    let charging = &routes.service.config().charging;
    let (max_bytes, max_records) = (charging.batch_bytes, charging.batch_records);
    let body = read_body(body, max_bytes).await.ok_or_else(|| {
        Problem::TooLarge(format!("the body is longer than {max_bytes} bytes, the most of one request"))
    })?;
    // Parsing a batch takes as long as a whole request elsewhere, too long for an async thread.
    run_blocking(routes, move || if is_batch { batch(&body, max_records) } else { single(body) }).await?
}

/// A record, or the refusal of an event that is none.
type Event = Result<Usage, RefusedEvent>;

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

/// The names of a record in the response.
struct Named {
    id: String,
    source: String,
    /// Why the event is no record.
    refused: Option<String>,
}

impl Named {
    fn of(event: Event) -> (Self, Option<Usage>) {
        match event {
            Ok(usage) => {
                let (id, source) = (usage.id.clone(), usage.source.clone());
                (Self { id, source, refused: None }, Some(usage))
            }
            Err(RefusedEvent { id, source, reason }) => {
                let (id, source) = (id.unwrap_or_default(), source.unwrap_or_default());
                (Self { id, source, refused: Some(reason) }, None)
            }
        }
    }
}

/// Waits, without blocking a thread, until the records are durable.
async fn submit(routes: &OperatorRoutes, records: Vec<Usage>) -> Result<Vec<UsageResult>, Problem> {
    match routes.submit(records).await {
        Ok(Ok(results)) => Ok(results),
        Ok(Err(IntakeError::Busy)) => Err(Problem::Unavailable),
        Ok(Err(IntakeError::Store(error))) => Err(Problem::from(error.as_ref())),
        Err(_) => Err(Problem::Internal),
    }
}

impl Report {
    /// `results` are those of the events that are records, in their order.
    fn of(names: Vec<Named>, results: Vec<UsageResult>) -> Self {
        let mut report = Self::default();
        let mut results = results.into_iter();
        for (index, Named { id, source, refused }) in names.into_iter().enumerate() {
            let result = match refused {
                Some(reason) => UsageResult::Refused(reason),
                // A record without a result may be stored or not. If it is sent again, it has one.
                None => results
                    .next()
                    .unwrap_or_else(|| UsageResult::Refused("was lost; send it again".to_owned())),
            };
            let (status, pricing, reason) = match result {
                UsageResult::Charged => ("accepted", Some("charged"), None),
                UsageResult::Free => ("accepted", Some("free"), None),
                UsageResult::Unpriced(reason) => ("accepted", Some("unpriced"), Some(reason)),
                UsageResult::Duplicate => ("duplicate", None, None),
                UsageResult::Refused(reason) => ("refused", None, Some(reason)),
            };
            *match status {
                "accepted" => &mut report.accepted,
                "duplicate" => &mut report.duplicate,
                _ => &mut report.refused,
            } += 1;
            report.results.push(RecordResult { index, id, source, status, pricing, reason });
        }
        report
    }
}
