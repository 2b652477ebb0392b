//! The results of reported records: waiting until they are durable, the answer in JSON, and the line of the log.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use axum::extract::Request;
use serde::Serialize;
use tollbook_domain::Usage;
use tollbook_formats::usage::RefusedEvent;
use tollbook_ops::charging::{GatewayRecords, IntakeError, ReadError, ReadRecords, UsageResult};
use tollbook_ops::webhooks::{Refused, tally_refused};

use super::exchange::{Problem, read_problem, run_blocking, run_writing};
use super::state::OperatorRoutes;
use super::upload::{Accepted, receive};
use crate::service::Service;

/// Records that are handed over together: those of one transaction.
const SUBMITTED_RECORDS: usize = 2_000;
/// Reasons of refusals in a line of the log.
const LOGGED_REASONS: usize = 3;

/// The response: the result of each record, and how many there are of each kind.
#[derive(Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Report {
    accepted: usize,
    duplicate: usize,
    refused: usize,
    /// Of the accepted ones, those without a price.
    #[serde(skip)]
    unpriced: usize,
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

/// A record, or the refusal of what is none.
pub(super) type Event = Result<Usage, RefusedEvent>;

/// Stores records and waits, without blocking a thread, until they are durable.
pub(super) async fn store(routes: &OperatorRoutes, events: Vec<Event>) -> Result<Report, Problem> {
    let mut models = Models::default();
    let (names, records): (Vec<Named>, Vec<Option<Usage>>) =
        events.into_iter().map(|event| Named::of(event, &mut models)).unzip();
    let mut records = records.into_iter().flatten().peekable();
    let mut submitted = Vec::new();
    while records.peek().is_some() {
        submitted.push(routes.submit(records.by_ref().take(SUBMITTED_RECORDS).collect()));
    }
    let mut results = Vec::with_capacity(names.len());
    for receiver in submitted {
        results.extend(match receiver.await {
            Ok(Ok(results)) => results,
            Ok(Err(IntakeError::Busy)) => return Err(Problem::Unavailable),
            Ok(Err(IntakeError::Store(error))) => return Err(Problem::from(error.as_ref())),
            Err(_) => return Err(Problem::Internal),
        });
    }
    note_uncharged(&routes.service, &names, &results, &models);
    let unreadable = names.iter().filter(|name| name.refused.is_some()).count();
    routes.service.metrics().usage(&results, unreadable);
    let refused = not_charged(&names, &results).filter(|record| record.result == "refused");
    let refused = refused.map(|NotCharged { named, reason, .. }| Refused {
        company_id: named.company_id,
        model_id: models.get(named.model).1.to_owned(),
        reason: reason.to_owned(),
    });
    tally(routes, refused.collect()).await;
    let postponed = results.iter().find_map(|result| match result {
        UsageResult::Postponed(reason) => Some(reason.clone()),
        _ => None,
    });
    match postponed {
        Some(reason) => Err(postponed_problem(&reason)),
        None => Ok(Report::of(names, results)),
    }
}

/// A record that was not charged.
struct NotCharged<'r> {
    named: &'r Named,
    /// `refused` or `unpriced`.
    result: &'static str,
    reason: &'r str,
}

/// The refused records of a request, and those without a price. `results` are those of the events that are records.
fn not_charged<'r>(names: &'r [Named], results: &'r [UsageResult]) -> impl Iterator<Item = NotCharged<'r>> {
    let mut results = results.iter();
    names.iter().filter_map(move |named| {
        let (result, reason) = match &named.refused {
            Some(reason) => ("refused", reason),
            None => match results.next()? {
                UsageResult::Refused(reason) => ("refused", reason),
                UsageResult::Unpriced(reason) => ("unpriced", reason),
                _ => return None,
            },
        };
        Some(NotCharged { named, result, reason })
    })
}

/// Counts refused records for the webhook about them. The sender gets its answer in any case.
async fn tally(routes: &OperatorRoutes, refused: Vec<Refused>) {
    if refused.is_empty() {
        return;
    }
    let service = Arc::clone(&routes.service);
    let counted =
        run_writing(routes, move || tally_refused(service.store(), &refused, service.now_s())).await;
    if let Ok(Err(error)) = counted {
        tracing::warn!(%error, "refused usage was not counted for webhooks");
    }
}

/// Counts what was not charged by its model and reason, and logs usage without a price: it is revenue that waits.
fn note_uncharged(service: &Service, names: &[Named], results: &[UsageResult], models: &Models) {
    let mut counts: BTreeMap<(&'static str, &str, &str, &str), u64> = BTreeMap::new();
    for NotCharged { named, result, reason } in not_charged(names, results) {
        let (provider, model) = models.get(named.model);
        *counts.entry((result, provider, model, reason)).or_default() += 1;
    }
    let mut reasons = Vec::new();
    let (mut unpriced, mut more) = (0, 0);
    for ((result, provider, model, reason), records) in counts {
        service.metrics().uncharged(result, provider, model, reason, records);
        if result != "unpriced" {
            continue;
        }
        unpriced += records;
        if reasons.len() < LOGGED_REASONS {
            reasons.push(format!("{reason} ({records})"));
        } else {
            more += 1;
        }
    }
    if more > 0 {
        reasons.push(format!("and {more} more"));
    }
    if unpriced > 0 {
        tracing::warn!(unpriced, reasons = reasons.join("; "), "unpriced usage");
    }
}

/// The providers and models of a request, each once.
#[derive(Default)]
struct Models {
    known: Vec<(String, String)>,
    /// Their places by provider and model.
    numbers: HashMap<String, HashMap<String, usize>>,
}

impl Models {
    /// The number of a record's model.
    fn number(&mut self, usage: &Usage) -> usize {
        let of_provider = self.numbers.get(&usage.provider);
        if let Some(number) = of_provider.and_then(|of_provider| of_provider.get(&usage.model_id)) {
            return *number;
        }
        let number = self.known.len();
        self.known.push((usage.provider.clone(), usage.model_id.clone()));
        self.numbers.entry(usage.provider.clone()).or_default().insert(usage.model_id.clone(), number);
        number
    }

    /// Provider and model; empty for an event that is no record.
    fn get(&self, number: Option<usize>) -> (&str, &str) {
        let known = number.and_then(|number| self.known.get(number));
        known.map_or(("", ""), |(provider, model)| (provider, model))
    }
}

/// The problem of a request with a record whose time does not fit this server's clock. Its other records are stored, and are
/// duplicates when the request is repeated.
fn postponed_problem(reason: &str) -> Problem {
    tracing::warn!(
        reason,
        "usage is postponed: its time does not fit the clock of this server; one of the two is wrong"
    );
    Problem::Postponed(format!(
        "a record's {reason} by this server's clock, which may be wrong; the others are stored: send the request again"
    ))
}

/// Receives a request of another program, reads its body by `read` and stores the records.
pub(super) async fn report_records(
    routes: &OperatorRoutes,
    request: Request,
    accepted: &Accepted,
    read: impl FnOnce(&Service, &GatewayRecords, &[u8]) -> Result<ReadRecords, ReadError> + Send + 'static,
) -> Result<Report, Problem> {
    let most = routes.service.config().charging.telemetry_bytes;
    let upload = receive(routes, request, accepted, most).await?;
    let read = {
        let _decoding = routes.decoding().await.ok_or(Problem::Unavailable)?;
        let (service, records) = (Arc::clone(&routes.service), Arc::clone(&routes.gateway_records));
        let work = move || read(&service, &records, &upload.expand()?).map_err(read_problem);
        run_blocking(routes, work).await??
    };
    store_read(routes, read).await
}

/// Stores what was read of a request of another program, and logs what became of it: its sender may not read the answer.
async fn store_read(routes: &OperatorRoutes, read: ReadRecords) -> Result<Report, Problem> {
    let report = store(routes, read.records).await?;
    let passed_over: usize = read.passed_over.values().sum();
    tracing::info!(
        accepted = report.accepted,
        duplicate = report.duplicate,
        refused = report.refused,
        unpriced = report.unpriced,
        passed_over,
        passed_over_names = names(&read.passed_over),
        "reported usage"
    );
    if report.refused > 0 {
        tracing::warn!(refused = report.refused, reasons = report.reasons(), "refused usage");
    }
    Ok(report)
}

fn names(passed_over: &BTreeMap<String, usize>) -> String {
    let names: Vec<String> = passed_over.iter().map(|(name, number)| format!("{name}: {number}")).collect();
    names.join("; ")
}

/// The names of a record in the response, and in a webhook if it is refused.
struct Named {
    id: String,
    source: String,
    company_id: i64,
    /// Why the event is no record.
    refused: Option<String>,
    /// Its number in [`Models`]; `None` if it is no record.
    model: Option<usize>,
}

impl Named {
    fn of(event: Event, models: &mut Models) -> (Self, Option<Usage>) {
        match event {
            Ok(usage) => {
                let named = Self {
                    id: usage.id.clone(),
                    source: usage.source.clone(),
                    company_id: usage.company_id,
                    model: Some(models.number(&usage)),
                    refused: None,
                };
                (named, Some(usage))
            }
            Err(RefusedEvent { id, source, reason }) => {
                let (id, source) = (id.unwrap_or_default(), source.unwrap_or_default());
                (Self { id, source, company_id: 0, model: None, refused: Some(reason) }, None)
            }
        }
    }
}

impl Report {
    /// `results` are those of the events that are records, in their order.
    fn of(names: Vec<Named>, results: Vec<UsageResult>) -> Self {
        let mut report = Self::default();
        let mut results = results.into_iter();
        for (index, Named { id, source, refused, .. }) in names.into_iter().enumerate() {
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
                UsageResult::Refused(reason) | UsageResult::Postponed(reason) => {
                    ("refused", None, Some(reason))
                }
            };
            *match status {
                "accepted" => &mut report.accepted,
                "duplicate" => &mut report.duplicate,
                _ => &mut report.refused,
            } += 1;
            report.unpriced += usize::from(pricing == Some("unpriced"));
            report.results.push(RecordResult { index, id, source, status, pricing, reason });
        }
        report
    }

    /// The number of refused records.
    pub(super) const fn refused(&self) -> usize {
        self.refused
    }

    /// The first reasons for refusals, with the ids of the records; empty if there are none.
    pub(super) fn reasons(&self) -> String {
        let refused = self.results.iter().filter(|result| result.status == "refused");
        let reasons = refused.filter_map(|result| Some((result.id.as_str(), result.reason.as_ref()?)));
        let mut reasons: Vec<String> = reasons
            .take(LOGGED_REASONS)
            .map(|(id, reason)| if id.is_empty() { reason.clone() } else { format!("{id}: {reason}") })
            .collect();
        if self.refused > reasons.len() {
            reasons.push(format!("and {} more", self.refused - reasons.len()));
        }
        reasons.join("; ")
    }
}
