//! Explains what became of usage: from a record to its orders, prices and lists, and from an order to its records and to
//! the orders that it replaces or that replace it.

use std::collections::HashMap;
use std::sync::Arc;

use tollbook_domain::price::PriceQuery;
use tollbook_domain::price_explanation::{Verdict, explain};
use tollbook_domain::time::{HOUR_S, day_of};
use tollbook_domain::{Line, Price};
use tollbook_store::{
    DayRange, RecordKey, RecordState, Snapshot, StoredCharge, StoredOrder, StoredRecord, UsageOrder,
};

use super::request::{CorrectionError, UsageName};
use crate::charging::context::Charging;
use crate::charging::error::ChargingError;

/// Records that are read together.
const RECORDS_PER_READ: i64 = 5_000;
/// Orders of a chain of replacements that are followed.
const MAX_CHAIN: usize = 1_000;

/// What a record adds to a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExplainedCharge {
    /// The line.
    pub line: Arc<Line>,
    /// Base units.
    pub quantity: i64,
    /// The order that it is in; `None`: it is in the open hour, or the record is voided.
    pub order: Option<StoredOrder>,
    /// The price of the present book that has the list price of the line, if the book still chooses one.
    pub price: Option<Price>,
}

/// A stored usage record, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExplainedRecord {
    /// The record.
    pub record: StoredRecord,
    /// What it adds to lines. Empty if it is free, has no price, or was so when it was voided.
    pub charges: Vec<ExplainedCharge>,
}

/// A quantity of an order that comes from a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderRecord {
    /// The record.
    pub key: RecordKey,
    /// Its time, Unix seconds.
    pub time_s: i64,
    /// Base units.
    pub quantity: i64,
}

/// An order, and the usage that it was made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExplainedOrder {
    /// The order.
    pub order: StoredOrder,
    /// Its line.
    pub line: Arc<Line>,
    /// When, Unix seconds, and why it was revoked or refunded.
    pub revocation: Option<(i64, String)>,
    /// Whether it was made of usage here; imported orders were not.
    pub is_of_usage: bool,
    /// The records that are in it now, by source and id.
    pub records: Vec<OrderRecord>,
    /// Whether it has more records.
    pub has_more: bool,
    /// The orders that it replaces, the latest first.
    pub predecessors: Vec<StoredOrder>,
    /// The orders that replace it, the earliest first.
    pub successors: Vec<StoredOrder>,
}

/// Explains the records of an id.
///
/// # Errors
/// The company does not exist, or the store fails.
pub fn explain_usage(
    charging: &Charging<'_>,
    company_id: i64,
    name: &UsageName,
) -> Result<Vec<ExplainedRecord>, CorrectionError> {
    let mut snapshot = charging.store.snapshot()?;
    let company = snapshot.company(company_id)?.ok_or(ChargingError::UnknownCompany(company_id))?;
    let found = snapshot.find_records(company_id, &[(name.source.as_deref(), name.id.as_str())])?;
    let prices = snapshot.prices()?;
    let lines = snapshot.lines(company_id)?;
    let mut explained = Vec::new();
    for record in found.into_iter().flatten() {
        let places: Vec<(i64, u32)> =
            record.charges.iter().map(|charge| (record.bucket_start_s, charge.line_no)).collect();
        let orders = snapshot.usage_orders(company_id, &places)?;
        let mut charges = Vec::new();
        for charge in &record.charges {
            let Some(line) = lines.get(charge.line_no) else { continue };
            let order = order_of(snapshot.as_mut(), company_id, &record, charge, &orders)?;
            let price = price_of(&record, line, &prices, charging, &company.currency).cloned();
            charges.push(ExplainedCharge { line: Arc::clone(line), quantity: charge.quantity, order, price });
        }
        explained.push(ExplainedRecord { record, charges });
    }
    Ok(explained)
}

fn order_of(
    snapshot: &mut dyn Snapshot,
    company_id: i64,
    record: &StoredRecord,
    charge: &StoredCharge,
    orders: &[UsageOrder],
) -> Result<Option<StoredOrder>, CorrectionError> {
    if record.state != RecordState::Charged {
        return Ok(None);
    }
    let Some(order) = record.order_of(charge, orders) else { return Ok(None) };
    Ok(snapshot.order_by_number(company_id, &order.source_number)?)
}

/// The price of the present book by which the record would be rated, if it has the list price of the line.
fn price_of<'b>(
    record: &StoredRecord,
    line: &Line,
    book: &'b [Price],
    charging: &Charging<'_>,
    currency: &str,
) -> Option<&'b Price> {
    let usage = record.usage.as_ref()?;
    let query = PriceQuery {
        sku: &line.pricing_sku,
        time_s: usage.time_s,
        request_length: usage.request_length(charging.catalogue.input_skus()),
        service_tier: &usage.service_tier,
    };
    let candidates = explain(book, &usage.provider, &usage.model_id, currency, query);
    let holds = candidates.into_iter().find(|candidate| matches!(candidate.verdict, Verdict::Holds(_)))?;
    (holds.price.list_price == line.list_price).then_some(holds.price)
}

/// Explains an order by any of its numbers, with up to `limit` of its records; `None` if the company has none of the
/// number.
///
/// # Errors
/// The company does not exist, or the store fails.
pub fn explain_order(
    charging: &Charging<'_>,
    company_id: i64,
    number: &str,
    limit: usize,
) -> Result<Option<ExplainedOrder>, CorrectionError> {
    let mut snapshot = charging.store.snapshot()?;
    if snapshot.company(company_id)?.is_none() {
        return Err(ChargingError::UnknownCompany(company_id).into());
    }
    let Some(order) = snapshot.order_by_number(company_id, number)? else { return Ok(None) };
    let lines = snapshot.lines(company_id)?;
    let Some(line) = lines.get(order.line_no).cloned() else { return Ok(None) };
    let source_number = order.order.source_number().to_owned();
    let predecessors = chain(snapshot.as_mut(), company_id, &order, |stored| &stored.order.replaces)?;
    let successors = chain(snapshot.as_mut(), company_id, &order, |stored| &stored.order.replaced_by)?;
    let bucket_start_s = order.order.start_time_s;
    let usage = snapshot.usage_order_by_number(company_id, bucket_start_s, &source_number)?;
    let mut records = Vec::new();
    if let Some(usage) = &usage {
        records = records_of(
            snapshot.as_mut(),
            company_id,
            usage,
            order.order.end_time_s,
            limit.saturating_add(1),
        )?;
    }
    let has_more = records.len() > limit;
    records.truncate(limit);
    Ok(Some(ExplainedOrder {
        revocation: snapshot.revocation(company_id, &source_number)?,
        // An order whose usage has moved to a successor was made of usage too.
        is_of_usage: usage.is_some()
            || !order.order.replaced_by.is_empty()
            || !order.order.replaces.is_empty(),
        order,
        line,
        records,
        has_more,
        predecessors,
        successors,
    }))
}

/// The orders that follow from an order by a number that each states.
fn chain(
    snapshot: &mut dyn Snapshot,
    company_id: i64,
    order: &StoredOrder,
    next: impl Fn(&StoredOrder) -> &String,
) -> Result<Vec<StoredOrder>, CorrectionError> {
    let mut found: Vec<StoredOrder> = Vec::new();
    while found.len() < MAX_CHAIN {
        let number = next(found.last().unwrap_or(order));
        if number.is_empty() {
            break;
        }
        match snapshot.order_by_number(company_id, number)? {
            Some(stored) => found.push(stored),
            None => break,
        }
    }
    Ok(found)
}

/// The records of an order of usage, from a scan of its hour.
fn records_of(
    snapshot: &mut dyn Snapshot,
    company_id: i64,
    usage: &UsageOrder,
    end_s: i64,
    limit: usize,
) -> Result<Vec<OrderRecord>, CorrectionError> {
    let orders = snapshot.usage_orders(company_id, &[(usage.bucket_start_s, usage.line_no)])?;
    let mut sums: HashMap<RecordKey, OrderRecord> = HashMap::new();
    let mut keys: Vec<RecordKey> = Vec::new();
    // A bucket is at most an hour long.
    let end_s = end_s.min(usage.bucket_start_s.saturating_add(HOUR_S)).max(usage.bucket_start_s + 1);
    for day in day_of(usage.bucket_start_s)..=day_of(end_s - 1) {
        let range = DayRange { day, from_s: usage.bucket_start_s, to_s: end_s };
        let mut after: Option<RecordKey> = None;
        loop {
            let (records, last) =
                snapshot.records_of_day(company_id, &range, after.as_ref(), RECORDS_PER_READ)?;
            for record in records.iter().filter(|record| record.state == RecordState::Charged) {
                for charge in record.charges.iter().filter(|charge| charge.line_no == usage.line_no) {
                    if record.order_of(charge, &orders) != Some(usage) {
                        continue;
                    }
                    let entry = sums.entry(record.key.clone()).or_insert_with(|| {
                        keys.push(record.key.clone());
                        OrderRecord { key: record.key.clone(), time_s: record.time_s, quantity: 0 }
                    });
                    entry.quantity = entry.quantity.saturating_add(charge.quantity);
                }
            }
            if keys.len() >= limit {
                break;
            }
            match last {
                Some(last) => after = Some(last),
                None => break,
            }
        }
    }
    Ok(keys.iter().take(limit).filter_map(|key| sums.remove(key)).collect())
}
