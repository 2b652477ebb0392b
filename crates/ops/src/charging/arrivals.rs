//! Waits for the first record of a program that was just connected, and says what it costs.

use std::collections::HashSet;

use tollbook_domain::time::{DAY_S, HOUR_S, day_of};
use tollbook_domain::{Amount, Catalogue};
use tollbook_store::{DayRange, RecordKey, Snapshot, StoreResult, StoredRecord};

/// Most records of the last hours that are told apart from new ones.
const MAX_KNOWN: i64 = 20_000;

/// A record that has arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Its company.
    pub company_id: i64,
    /// The company's currency.
    pub currency: String,
    /// The record.
    pub record: StoredRecord,
    /// What it adds to orders, exact; `None` if it is too large.
    pub cost: Option<Amount>,
}

/// Tells new records of a source from those that were there.
#[derive(Debug)]
pub struct ArrivalWatch {
    /// `None`: every source.
    source: Option<String>,
    from_s: i64,
    known: HashSet<(i64, RecordKey)>,
}

impl ArrivalWatch {
    /// Remembers the records of a source, or of all, with times of the last hour and later. `None` if they are so many
    /// that the source reports already.
    ///
    /// # Errors
    /// Those of the store.
    pub fn new(snapshot: &mut dyn Snapshot, source: Option<&str>, now_s: i64) -> StoreResult<Option<Self>> {
        let from_s = now_s.saturating_sub(HOUR_S);
        let mut watch = Self { source: source.map(str::to_owned), from_s, known: HashSet::new() };
        let mut known = HashSet::new();
        let is_complete = watch.each(snapshot, now_s, &mut |company_id, record| {
            known.insert((company_id, record.key));
            true
        })?;
        watch.known = known;
        Ok(is_complete.then_some(watch))
    }

    /// A record that was not there before.
    ///
    /// # Errors
    /// Those of the store.
    pub fn first(
        &self,
        snapshot: &mut dyn Snapshot,
        catalogue: &Catalogue,
        now_s: i64,
    ) -> StoreResult<Option<Arrival>> {
        let mut found: Option<(i64, StoredRecord)> = None;
        self.each(snapshot, now_s, &mut |company_id, record| {
            if self.known.contains(&(company_id, record.key.clone())) {
                return true;
            }
            found = Some((company_id, record));
            false
        })?;
        let Some((company_id, record)) = found else { return Ok(None) };
        arrival(snapshot, catalogue, company_id, record).map(Some)
    }

    /// Calls a function for each record with a time from `from_s` on, until it returns `false`. Whether the records were
    /// read to their end.
    fn each(
        &self,
        snapshot: &mut dyn Snapshot,
        now_s: i64,
        f: &mut dyn FnMut(i64, StoredRecord) -> bool,
    ) -> StoreResult<bool> {
        let to_s = now_s.saturating_add(DAY_S);
        for company in snapshot.companies()? {
            for day in day_of(self.from_s)..=day_of(to_s) {
                let range = DayRange { day, from_s: self.from_s, to_s };
                let start = self.source.as_ref().map(|source| RecordKey {
                    day,
                    source: source.clone(),
                    id: String::new(),
                });
                let (records, rest) =
                    snapshot.records_of_day(company.company_id, &range, start.as_ref(), MAX_KNOWN)?;
                for record in records {
                    if self.source.as_ref().is_some_and(|source| *source != record.key.source) {
                        break;
                    }
                    if !f(company.company_id, record) {
                        return Ok(false);
                    }
                }
                let is_of_source =
                    |key: &RecordKey| self.source.as_ref().is_none_or(|source| *source == key.source);
                if rest.as_ref().is_some_and(is_of_source) {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }
}

/// The latest records with times of the last hour and later, of all companies, the latest first, and whether all of them were
/// read.
///
/// # Errors
/// Those of the store.
pub fn recent_records(
    snapshot: &mut dyn Snapshot,
    catalogue: &Catalogue,
    now_s: i64,
    limit: usize,
) -> StoreResult<(Vec<Arrival>, bool)> {
    let watch = ArrivalWatch { source: None, from_s: now_s.saturating_sub(HOUR_S), known: HashSet::new() };
    let (mut found, mut left) = (Vec::new(), MAX_KNOWN);
    let is_complete = watch.each(snapshot, now_s, &mut |company_id, record| {
        found.push((company_id, record));
        left -= 1;
        left > 0
    })?;
    found.sort_by(|(one_id, one), (other_id, other)| {
        other.time_s.cmp(&one.time_s).then_with(|| (one_id, &one.key).cmp(&(other_id, &other.key)))
    });
    found.truncate(limit);
    let arrivals =
        found.into_iter().map(|(company_id, record)| arrival(snapshot, catalogue, company_id, record));
    Ok((arrivals.collect::<StoreResult<_>>()?, is_complete))
}

/// A record with what it adds to orders.
fn arrival(
    snapshot: &mut dyn Snapshot,
    catalogue: &Catalogue,
    company_id: i64,
    record: StoredRecord,
) -> StoreResult<Arrival> {
    let currency = snapshot.company(company_id)?.map(|company| company.currency).unwrap_or_default();
    let lines = snapshot.lines(company_id)?;
    let mut cost = Some(0_i64);
    for charge in &record.charges {
        let amount = lines.get(charge.line_no).and_then(|line| {
            let units = catalogue.base_units(line.pricing_unit)?;
            line.discount_price.charge(charge.quantity, units).ok()
        });
        cost = cost.zip(amount).and_then(|(sum, amount)| sum.checked_add(amount.steps()));
    }
    Ok(Arrival { company_id, currency, record, cost: cost.map(Amount::from_steps) })
}
