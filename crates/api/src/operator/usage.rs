//! `POST /v1/usage`: usage records as `CloudEvents`, one or many at once. Each is answered for itself, when what is
//! accepted is durable.

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

use super::{Exchange, Problem, work};
use crate::server::{App, discard_body, read_body};

const ROUTE: &str = "/v1/usage";
const EVENT: &str = "application/cloudevents+json";
const BATCH: &str = "application/cloudevents-batch+json";

pub(crate) fn routes() -> MethodRouter<Arc<App>> {
    post(report).fallback(wrong_method)
}

async fn wrong_method(State(app): State<Arc<App>>) -> Response {
    Exchange::begin(&app, ROUTE).end(Err::<(), _>(Problem::Method("POST")))
}

async fn report(State(app): State<Arc<App>>, request: Request) -> Response {
    let mut exchange = Exchange::begin(&app, ROUTE);
    let result = take(&app, &mut exchange, request).await;
    exchange.end(result)
}

/// What became of all records.
#[derive(Default, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Report {
    accepted: usize,
    duplicate: usize,
    refused: usize,
    results: Vec<RecordResult>,
}

/// What became of one record, in its place.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct RecordResult {
    index: usize,
    /// Empty where it cannot be read.
    id: String,
    source: String,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pricing: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

async fn take(app: &Arc<App>, exchange: &mut Exchange, request: Request) -> Result<Report, Problem> {
    let (head, body) = request.into_parts();
    let is_batch = match check(app, exchange, &head.headers).await {
        Ok(is_batch) => is_batch,
        Err(problem) => {
            // So that its sender lives to read the answer.
            discard_body(body).await;
            return Err(problem);
        }
    };
    let events = read(app, body, is_batch).await?;
    let (names, records): (Vec<Named>, Vec<Option<Usage>>) = events.into_iter().map(Named::of).unzip();
    let records: Vec<Usage> = records.into_iter().flatten().collect();
    let fates = if records.is_empty() { Vec::new() } else { submit(app, records).await? };
    Ok(Report::of(names, fates))
}

/// Who asks, and whether they send a batch.
async fn check(app: &Arc<App>, exchange: &mut Exchange, headers: &HeaderMap) -> Result<bool, Problem> {
    exchange.authorize(app, headers).await?;
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

async fn read(app: &Arc<App>, body: Body, is_batch: bool) -> Result<Vec<Event>, Problem> {
    let charging = &app.gateway.deployment().config.charging;
    let (max_bytes, max_records) = (charging.batch_bytes, charging.batch_records);
    let body = read_body(body, max_bytes).await.ok_or_else(|| {
        Problem::TooLarge(format!("the body is longer than {max_bytes} bytes, the most of one request"))
    })?;
    // A batch takes the time of a request.
    work(app, move |_| if is_batch { batch(&body, max_records) } else { single(body) }).await?
}

/// A record, or why it is none.
type Event = Result<Usage, RefusedEvent>;

fn single(body: Vec<u8>) -> Result<Vec<Event>, Problem> {
    let malformed = |reason: String| Problem::Malformed(format!("the body is no event: {reason}"));
    if let Err(error) = serde_json::from_slice::<IgnoredAny>(&body) {
        return Err(malformed(error.to_string()));
    }
    // A batch of one tells what it can of a record that is refused.
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

/// How a record is named in the answer, and why it was refused before anyone looked at the store.
struct Named {
    id: String,
    source: String,
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

/// Waits, without a thread, until the records are durable.
async fn submit(app: &App, records: Vec<Usage>) -> Result<Vec<UsageResult>, Problem> {
    match app.submit(records).await {
        Ok(Ok(fates)) => Ok(fates),
        Ok(Err(IntakeError::Busy)) => Err(Problem::Unavailable),
        Ok(Err(IntakeError::Store(error))) => Err(Problem::from(error.as_ref())),
        Err(_) => Err(Problem::Internal),
    }
}

impl Report {
    /// `fates` are those of the records that were not refused before, in their order.
    fn of(names: Vec<Named>, fates: Vec<UsageResult>) -> Self {
        let mut report = Self::default();
        let mut fates = fates.into_iter();
        for (index, Named { id, source, refused }) in names.into_iter().enumerate() {
            let pricing_state = match refused {
                Some(reason) => UsageResult::Refused(reason),
                // One that got no answer may be stored or not; sent again it is told.
                None => {
                    fates.next().unwrap_or_else(|| UsageResult::Refused("was lost; send it again".to_owned()))
                }
            };
            let (status, pricing, reason) = match pricing_state {
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
