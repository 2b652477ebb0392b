//! Events about usage that was not charged. Records are counted by model and reason first, in the transaction that stores
//! them if they are stored, and an event about a company is written at most once a minute: a gateway with a model that has
//! no price reports it with every request.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tollbook_store::{Store, StoreResult, Transaction, WebhookTally};

use super::event_kinds::EventKind;
use super::subscribers::{Subscribers, lock_owner};
use crate::reasons::without_numbers;

/// How long records are counted before an event is written, in seconds.
const COLLECT_S: i64 = 60;
/// A count that began so far in the future was begun by a wrong clock, in seconds.
const WRONG_AFTER_S: i64 = 600;
/// Models and reasons that one transaction counts apart, and that an event has.
const MOST_MODELS: usize = 50;
/// Longest text of a model and of a reason, in characters.
const LONGEST_MODEL: usize = 200;
const LONGEST_REASON: usize = 300;
/// The name of the other reasons.
const OTHERS: &str = "other reasons";
/// Companies whose events are written in one call.
const READ_COMPANIES: i64 = 100;

/// A refused record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The company that it names; 0 if it names none.
    pub company_id: i64,
    /// Its model; may be empty.
    pub model_id: String,
    /// Why it was refused.
    pub reason: String,
}

/// Counts records by model and reason.
fn tallies<'r>(records: impl Iterator<Item = (&'r str, &'r str)>) -> Vec<WebhookTally> {
    let cut = |text: &str, longest| text.chars().take(longest).collect::<String>();
    let mut counts: BTreeMap<(String, String), i64> = BTreeMap::new();
    for (model_id, reason) in records {
        let key = (cut(model_id, LONGEST_MODEL), cut(&without_numbers(reason), LONGEST_REASON));
        let is_new = !counts.contains_key(&key);
        let key =
            if is_new && counts.len() >= MOST_MODELS { (String::new(), OTHERS.to_owned()) } else { key };
        *counts.entry(key).or_default() += 1;
    }
    let tally = |((model_id, reason), records)| WebhookTally { model_id, reason, records };
    counts.into_iter().map(tally).collect()
}

/// Counts records without a price of a company, by model and reason, if there is an endpoint for them. The company must be
/// locked.
pub(crate) fn tally_unpriced<'r>(
    transaction: &mut dyn Transaction,
    company_id: i64,
    records: impl Iterator<Item = (&'r str, &'r str)>,
    now_s: i64,
) -> StoreResult<()> {
    let mut records = records.peekable();
    if records.peek().is_none() || !Subscribers::of(transaction, company_id)?.wants(EventKind::UsageUnpriced)
    {
        return Ok(());
    }
    transaction.add_webhook_tallies(company_id, EventKind::UsageUnpriced.name(), &tallies(records), now_s)
}

/// Counts refused records, if there is an endpoint for them. They are not stored, so this is a transaction of its own.
///
/// # Errors
/// Those of the store.
pub fn tally_refused(store: &dyn Store, refused: &[Refused], now_s: i64) -> StoreResult<()> {
    if refused.is_empty() || !Subscribers::of(store.snapshot()?.as_mut(), 0)?.wants(EventKind::UsageRefused) {
        return Ok(());
    }
    let mut transaction = store.begin()?;
    let mut by_company: BTreeMap<i64, Vec<&Refused>> = BTreeMap::new();
    for record in refused {
        by_company.entry(record.company_id).or_default().push(record);
    }
    let mut known: BTreeMap<i64, Vec<&Refused>> = BTreeMap::new();
    for (company_id, records) in by_company {
        let exists = company_id > 0 && transaction.company(company_id)?.is_some();
        known.entry(if exists { company_id } else { 0 }).or_default().extend(records);
    }
    // Companies in ascending order, the deployment last, so that transactions cannot deadlock.
    let of_deployment = known.remove(&0);
    for (company_id, records) in known.into_iter().chain(of_deployment.map(|records| (0, records))) {
        lock_owner(transaction.as_mut(), company_id)?;
        let tallies =
            tallies(records.iter().map(|record| (record.model_id.as_str(), record.reason.as_str())));
        transaction.add_webhook_tallies(company_id, EventKind::UsageRefused.name(), &tallies, now_s)?;
    }
    transaction.commit()
}

/// Writes the events of the records that were counted for a minute. Returns their number.
///
/// # Errors
/// Those of the store.
pub fn record_tallies(store: &dyn Store, now_s: i64) -> StoreResult<u64> {
    let (before_s, wrong_after_s) = (now_s.saturating_sub(COLLECT_S), now_s.saturating_add(WRONG_AFTER_S));
    let due = store.snapshot()?.due_webhook_tallies(before_s, wrong_after_s, READ_COMPANIES)?;
    let mut recorded = 0;
    for (company_id, event_type) in due {
        let Some(kind) = EventKind::from_name(&event_type) else { continue };
        let mut transaction = store.begin()?;
        lock_owner(transaction.as_mut(), company_id)?;
        let tallies = transaction.take_webhook_tallies(company_id, &event_type)?;
        // Another server may have written it.
        if tallies.is_empty() {
            continue;
        }
        let subscribers = Subscribers::of(transaction.as_mut(), company_id)?;
        subscribers.record(transaction.as_mut(), kind, &data(company_id, &tallies), now_s)?;
        transaction.commit()?;
        recorded += 1;
    }
    Ok(recorded)
}

fn data(company_id: i64, tallies: &[WebhookTally]) -> Value {
    let models: Vec<Value> = tallies
        .iter()
        .take(MOST_MODELS)
        .map(|tally| json!({"ModelID": tally.model_id, "Reason": tally.reason, "Records": tally.records}))
        .collect();
    json!({
        "CompanyID": (company_id > 0).then_some(company_id),
        "Records": tallies.iter().map(|tally| tally.records).sum::<i64>(),
        "Models": models,
    })
}
