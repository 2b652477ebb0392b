//! Rating usage again by the present price book: first the differences, then, if it is applied, new orders for those that
//! change. Transactions have a bounded size, so that other writers wait for a short time only.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::{Value, json};
use tollbook_domain::rating::Rated;
use tollbook_domain::time::{DAY_S, HOUR_S, hour_of};
use tollbook_domain::usage::UsageLimits;
use tollbook_domain::{Line, Status};
use tollbook_store::{
    Correction, CorrectionKind, DayRange, LineNo, Lines, RatedUsage, RecordKey, RecordState, Snapshot,
    StoreError, StoredRecord, Transaction, UsageHour, UsageOrder,
};

use super::changes::{Changed, Changes};
use super::request::{Corrected, CorrectionError, CorrectionRequest, Progress};
use crate::audit::{ActKind, record_with_reason};
use crate::charging::account_tx::AccountTx;
use crate::charging::context::Charging;
use crate::charging::error::ChargingError;
use crate::charging::hour_close::skip_serials;
use crate::charging::rater::Rater;

/// Records that are read together.
const RECORDS_PER_READ: i64 = 5_000;
/// Records that are looked through before their changes are made, unless an hour has more.
const RECORDS_PER_PASS: i64 = 200_000;
/// Changed records of one transaction. The records of one resource, model and hour stay together, so that each of their
/// orders is replaced once.
const RECORDS_PER_TRANSACTION: usize = 500;
/// The most changed records of one transaction.
const MAX_RECORDS_PER_TRANSACTION: usize = 5_000;

/// Which usage to rate again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RerateRequest {
    /// First time of the usage, Unix seconds.
    pub from_s: i64,
    /// The time after the last one, Unix seconds.
    pub to_s: i64,
    /// Limits it to a model.
    pub model_id: Option<String>,
    /// Limits it to records that count this SKU.
    pub sku: Option<String>,
}

/// What usage of a company, model and hour was charged, and what it is charged by the present prices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RerateDifference {
    /// The company.
    pub company_id: i64,
    /// The model.
    pub model_id: String,
    /// Start of the hour, Unix seconds.
    pub bucket_start_s: i64,
    /// Records whose charges change.
    pub records: u64,
    /// What these records were charged, each line rounded as an order, in 10⁻⁸ currency units.
    pub before: i128,
    /// What they are charged by the present prices.
    pub after: i128,
    /// How many of these records have no price now: they are charged nothing until they have one again.
    pub unpriced: u64,
}

/// What rating again did, or would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rerated {
    /// Records that were rated again.
    pub rated: u64,
    /// Records that cannot be corrected: their orders were revoked or pruned, or not all of them was kept.
    pub skipped: u64,
    /// The differences, by hour and model.
    pub differences: Vec<RerateDifference>,
    /// Records that lose their price, by the reason, which names model and SKU.
    pub unpriced: BTreeMap<String, u64>,
    /// What was changed, also by runs of the same request that were interrupted.
    pub corrected: Corrected,
}

/// Rates usage of a company again by the present price book, also what is free or has no price. Without `apply`, nothing is
/// changed. With it, records whose charges change leave their orders as voided ones do, and are added to new orders.
/// Idempotent by key; an interrupted run is completed by the same request.
///
/// # Errors
/// The company does not exist, the range is empty, the key belongs to another correction, or the store fails. Changes of
/// earlier transactions are kept then.
pub fn rerate(
    charging: &Charging<'_>,
    request: &CorrectionRequest,
    which: &RerateRequest,
    now_s: i64,
) -> Result<Rerated, CorrectionError> {
    request.check()?;
    if which.from_s >= which.to_s {
        return Err(CorrectionError::EmptyRange);
    }
    let company_id = request.company_id;
    let texts = [which.from_s, which.to_s].map(|time_s| time_s.to_string());
    let optional = |text: &Option<String>| text.as_ref().map_or("-".to_owned(), |text| format!("={text}"));
    let filters = [optional(&which.model_id), optional(&which.sku)];
    let content = [&request.reason, &texts[0], &texts[1], &filters[0], &filters[1]];
    let digest = Correction::digest_of(CorrectionKind::Rerate, content.map(String::as_str));
    let mut snapshot = charging.store.snapshot()?;
    if snapshot.company(company_id)?.is_none() {
        return Err(ChargingError::UnknownCompany(company_id).into());
    }
    let known = snapshot.correction(company_id, &request.key)?;
    if let Some(known) = &known {
        if known.digest != digest {
            return Err(CorrectionError::OtherCorrection(request.key.clone()));
        }
        let progress = Progress::of(known)?;
        if progress.is_finished {
            return Ok(Rerated { corrected: progress.corrected, ..Rerated::default() });
        }
    }
    // The usage was accepted under other limits.
    let unlimited = UsageLimits { past_s: None, future_s: i64::MAX, quantity: i64::MAX };
    let mut rater = Rater::new(*charging, unlimited);
    rater.refresh(snapshot.as_mut())?;
    rater.load_tenant(snapshot.as_mut(), company_id)?;
    let (first, last) = (hour_of(which.from_s), hour_of(which.to_s.saturating_sub(1)));
    let hours = snapshot.usage_hours(company_id, first, last)?;
    drop(snapshot);
    if known.is_none() && !request.dry_run {
        begin(charging, request, which, digest, now_s)?;
    }
    let token = charging.token()?;
    let mut run = Run {
        charging,
        request,
        which,
        now_s,
        token,
        rater,
        sums: Sums::default(),
        done: Rerated::default(),
    };
    for pass in passes(&hours, which) {
        let changed = run.find_changed(&pass)?;
        if !request.dry_run {
            run.apply(changed)?;
        }
        run.flush()?;
    }
    let Run { mut done, .. } = run;
    if !request.dry_run {
        done.corrected = Corrected { is_repeated: false, ..finish(charging, request)? };
    }
    Ok(done)
}

/// Records the key: from now on it belongs to this request, also if it is interrupted.
fn begin(
    charging: &Charging<'_>,
    request: &CorrectionRequest,
    which: &RerateRequest,
    digest: [u8; 16],
    now_s: i64,
) -> Result<(), CorrectionError> {
    let mut transaction = charging.store.begin()?;
    transaction.lock_company(request.company_id)?;
    match transaction.correction(request.company_id, &request.key)? {
        Some(known) if known.digest != digest => {
            return Err(CorrectionError::OtherCorrection(request.key.clone()));
        }
        // The same request runs elsewhere. Both may go on: what one has changed does not change for the other.
        Some(_) => {}
        None => {
            let correction = request.correction(CorrectionKind::Rerate, digest, now_s, String::new());
            transaction.add_correction(request.company_id, &correction)?;
            let after = json!({
                "Key": request.key,
                "State": "began",
                "From": which.from_s,
                "To": which.to_s,
                "ModelID": which.model_id,
                "PricingSKU": which.sku,
            });
            record_with_reason(
                transaction.as_mut(),
                ActKind::UsageRerate,
                request.company_id,
                &Value::Null,
                &after,
                &request.reason,
            );
            transaction.commit()?;
        }
    }
    Ok(())
}

/// Records that nothing is left to do, and returns what all transactions of the correction did.
fn finish(charging: &Charging<'_>, request: &CorrectionRequest) -> Result<Corrected, CorrectionError> {
    let mut transaction = charging.store.begin()?;
    transaction.lock_company(request.company_id)?;
    let mut progress = progress_of(transaction.as_mut(), request)?;
    if !progress.is_finished {
        progress.is_finished = true;
        transaction.set_correction_result(request.company_id, &request.key, &progress.to_text())?;
        let (before, mut after) = progress.corrected.audited(&request.key, CorrectionKind::Rerate);
        after["State"] = "completed".into();
        record_with_reason(
            transaction.as_mut(),
            ActKind::UsageRerate,
            request.company_id,
            &before,
            &after,
            &request.reason,
        );
        transaction.commit()?;
    }
    Ok(progress.corrected)
}

/// What a correction that has begun did so far.
fn progress_of(
    snapshot: &mut dyn Transaction,
    request: &CorrectionRequest,
) -> Result<Progress, CorrectionError> {
    let known = snapshot.correction(request.company_id, &request.key)?;
    let known = known.ok_or_else(|| {
        StoreError::Damaged(format!("correction {:?}, which has begun, is not stored", request.key))
    })?;
    Progress::of(&known)
}

/// Cuts hours with records into ranges of one day, each with a bounded number of records.
fn passes(hours: &[UsageHour], which: &RerateRequest) -> Vec<DayRange> {
    let mut passes: Vec<(DayRange, i64)> = Vec::new();
    for hour in hours.iter().filter(|hour| hour.records > 0) {
        let day = (hour.hour * HOUR_S).div_euclid(DAY_S);
        let from_s = (hour.hour * HOUR_S).max(which.from_s);
        let to_s = ((hour.hour + 1) * HOUR_S).min(which.to_s);
        match passes.last_mut() {
            Some((pass, records)) if pass.day == day && *records + hour.records <= RECORDS_PER_PASS => {
                pass.to_s = to_s;
                *records += hour.records;
            }
            _ => passes.push((DayRange { day, from_s, to_s }, hour.records)),
        }
    }
    passes.into_iter().map(|(pass, _)| pass).collect()
}

/// A record whose charges change.
struct ChangedRecord {
    key: RecordKey,
    bucket_start_s: i64,
    /// Of what the lines of a record share; records with the same one may be in the same orders.
    group: String,
}

struct Run<'a> {
    charging: &'a Charging<'a>,
    request: &'a CorrectionRequest,
    which: &'a RerateRequest,
    now_s: i64,
    token: String,
    rater: Rater<'a>,
    sums: Sums,
    done: Rerated,
}

/// Orders of usage by bucket and line, and the sequence numbers of those that are revoked.
type KnownOrders = HashMap<(i64, LineNo), (Vec<UsageOrder>, Vec<i64>)>;

impl Run<'_> {
    /// The records of a pass whose charges change; their charges are added to the sums.
    fn find_changed(&mut self, pass: &DayRange) -> Result<Vec<ChangedRecord>, CorrectionError> {
        let company_id = self.request.company_id;
        let mut changed = Vec::new();
        let mut orders = KnownOrders::new();
        let mut after: Option<RecordKey> = None;
        loop {
            let mut snapshot = self.charging.store.snapshot()?;
            let (records, last) =
                snapshot.records_of_day(company_id, pass, after.as_ref(), RECORDS_PER_READ)?;
            let lines = snapshot.lines(company_id)?;
            let mut found = Vec::new();
            for record in records {
                if let Some(rated) = self.rate_again(&record, &lines) {
                    found.push((record, rated));
                }
            }
            load_orders(snapshot.as_mut(), company_id, found.iter().map(|(record, _)| record), &mut orders)?;
            drop(snapshot);
            for (record, rated) in found {
                if is_in_revoked(&record, &orders) {
                    self.done.skipped += 1;
                    continue;
                }
                self.sums.add(&record, &rated, &lines)?;
                if let Rated::Unpriced(reason) = &rated.rated {
                    *self.done.unpriced.entry(reason.clone()).or_default() += 1;
                }
                changed.push(ChangedRecord {
                    group: group_of(&rated),
                    bucket_start_s: record.bucket_start_s,
                    key: record.key,
                });
            }
            match last {
                Some(last) => after = Some(last),
                None => return Ok(changed),
            }
        }
    }

    /// The record as the present prices rate it, if its charges change. Prices alone count: a charge whose price is the same
    /// keeps its line, with the names it was billed under.
    fn rate_again(&mut self, record: &StoredRecord, lines: &Lines) -> Option<RatedUsage> {
        if record.state == RecordState::Voided {
            return None;
        }
        let usage = record.usage.as_ref();
        let is_wanted = usage.is_none_or(|usage| {
            self.which.model_id.as_ref().is_none_or(|model| *model == usage.model_id)
                && self.which.sku.as_ref().is_none_or(|wanted| usage.used().any(|(sku, _)| sku == wanted))
        });
        if !is_wanted {
            return None;
        }
        let (Some(usage), None) = (usage, record.lock) else {
            self.done.skipped += 1;
            return None;
        };
        self.done.rated += 1;
        let mut rated = self.rater.rate(usage.clone());
        let is_changed = match (record.state, &mut rated.rated) {
            (RecordState::Charged, Rated::Charged(charges)) => {
                let mut is_changed = charges.len() != record.charges.len();
                for charge in charges {
                    let old = record.charges.iter().find_map(|old| {
                        let line = lines.get(old.line_no)?;
                        (line.pricing_sku == charge.line.pricing_sku).then_some((line, old.quantity))
                    });
                    match old {
                        Some((line, quantity))
                            if quantity == charge.quantity && same_price(line, &charge.line) =>
                        {
                            charge.line = Arc::clone(line);
                        }
                        _ => is_changed = true,
                    }
                }
                is_changed
            }
            (RecordState::Free, Rated::Free) | (RecordState::Unpriced, Rated::Unpriced(_)) => false,
            _ => true,
        };
        if is_changed && record.state == RecordState::Charged && rated.bucket.start_s != record.bucket_start_s
        {
            // The offset of the hours has changed since; the record would move to an hour that it was not billed in.
            self.done.skipped += 1;
            return None;
        }
        is_changed.then_some(rated)
    }

    /// Changes records in transactions of bounded size.
    fn apply(&mut self, mut changed: Vec<ChangedRecord>) -> Result<(), CorrectionError> {
        changed
            .sort_by(|a, b| (a.bucket_start_s, &a.group, &a.key).cmp(&(b.bucket_start_s, &b.group, &b.key)));
        let mut chunk: Vec<RecordKey> = Vec::new();
        let groups = changed.chunk_by(|a, b| (a.bucket_start_s, &a.group) == (b.bucket_start_s, &b.group));
        for part in groups.flat_map(|group| group.chunks(MAX_RECORDS_PER_TRANSACTION)) {
            chunk.extend(part.iter().map(|record| record.key.clone()));
            if chunk.len() >= RECORDS_PER_TRANSACTION {
                self.change(&std::mem::take(&mut chunk))?;
            }
        }
        if chunk.is_empty() { Ok(()) } else { self.change(&chunk) }
    }

    /// Changes records in one transaction. They are read and rated again, because they may have changed since.
    fn change(&mut self, keys: &[RecordKey]) -> Result<(), CorrectionError> {
        let company_id = self.request.company_id;
        loop {
            let mut transaction = self.charging.store.begin()?;
            let mut account_tx = AccountTx::open(transaction.as_mut(), company_id, self.now_s)?;
            let stored = transaction.records_by_keys(company_id, keys)?;
            let lines = transaction.lines(company_id)?;
            let mut records = Vec::with_capacity(stored.len());
            let (rated, skipped) = (self.done.rated, self.done.skipped);
            for record in stored.into_iter().flatten() {
                if let Some(rated) = self.rate_again(&record, &lines) {
                    records.push((record, Some(rated)));
                }
            }
            // They were counted when they were found.
            (self.done.rated, self.done.skipped) = (rated, skipped);
            let mut orders = KnownOrders::new();
            load_orders(
                transaction.as_mut(),
                company_id,
                records.iter().map(|(record, _)| record),
                &mut orders,
            )?;
            records.retain(|(record, _)| !is_in_revoked(record, &orders));
            let count = records.len() as u64;
            let changes = Changes {
                charging: self.charging,
                company_id,
                reason: &self.request.reason,
                token: &self.token,
                now_s: self.now_s,
            };
            let replaced = match changes.apply(transaction.as_mut(), &mut account_tx, records)? {
                Changed::Orders(replaced) => replaced,
                Changed::NumberTaken => {
                    drop(transaction);
                    skip_serials(self.charging, company_id, self.now_s)?;
                    continue;
                }
            };
            account_tx.write(transaction.as_mut())?;
            let mut progress = progress_of(transaction.as_mut(), self.request)?;
            progress.corrected.add(replaced.orders, replaced.replaced, replaced.made, count);
            transaction.set_correction_result(company_id, &self.request.key, &progress.to_text())?;
            transaction.commit()?;
            return Ok(());
        }
    }

    /// Turns the sums of a pass into differences.
    fn flush(&mut self) -> Result<(), CorrectionError> {
        let sums = std::mem::take(&mut self.sums);
        let mut differences = BTreeMap::new();
        for ((bucket_start_s, model_id), counts) in &sums.records {
            let row = RerateDifference {
                company_id: self.request.company_id,
                model_id: model_id.clone(),
                bucket_start_s: *bucket_start_s,
                records: counts.all,
                before: 0,
                after: 0,
                unpriced: counts.unpriced,
            };
            differences.insert((*bucket_start_s, model_id.clone()), row);
        }
        for ((bucket_start_s, line), [before, after]) in &sums.quantities {
            let Some(row) = differences.get_mut(&(*bucket_start_s, line.model_id.clone())) else { continue };
            let units = self.charging.catalogue.base_units(line.pricing_unit);
            let amount = |quantity: i64| {
                let amounts = units.and_then(|units| line.amounts(quantity, units));
                amounts.map(|amounts| i128::from(amounts.total.steps())).ok_or_else(|| {
                    StoreError::Damaged("usage of an hour exceeds what an order can hold".into())
                })
            };
            row.before += amount(*before)?;
            row.after += amount(*after)?;
        }
        self.done.differences.extend(differences.into_values());
        Ok(())
    }
}

/// Whether two lines have the same prices for the same unit.
fn same_price(a: &Line, b: &Line) -> bool {
    (a.list_price, a.discount_price, a.pricing_unit, &a.currency)
        == (b.list_price, b.discount_price, b.pricing_unit, &b.currency)
}

fn group_of(rated: &RatedUsage) -> String {
    let usage = &rated.usage;
    let texts = [&usage.resource_id, &usage.user_email, &usage.model_id, &usage.product_code, &usage.region];
    let texts: Vec<&str> = texts.into_iter().map(String::as_str).collect();
    format!("{:020} {:010} {}", usage.organization_id, usage.resource_type, texts.join("\0"))
}

/// Reads the orders of usage of the buckets and lines of records that are not known yet.
fn load_orders<'r>(
    snapshot: &mut dyn Snapshot,
    company_id: i64,
    records: impl Iterator<Item = &'r StoredRecord>,
    known: &mut KnownOrders,
) -> Result<(), CorrectionError> {
    let mut places: Vec<(i64, LineNo)> = Vec::new();
    for record in records.filter(|record| record.state == RecordState::Charged) {
        for charge in &record.charges {
            let place = (record.bucket_start_s, charge.line_no);
            if let std::collections::hash_map::Entry::Vacant(entry) = known.entry(place) {
                entry.insert(<_>::default());
                places.push(place);
            }
        }
    }
    let orders = snapshot.usage_orders(company_id, &places)?;
    let numbers: Vec<&str> = orders.iter().map(|order| order.source_number.as_str()).collect();
    let stored = snapshot.orders_by_numbers(company_id, &numbers)?;
    for (order, stored) in orders.iter().zip(stored) {
        let (of_place, revoked) = known.entry((order.bucket_start_s, order.line_no)).or_default();
        if stored.is_some_and(|stored| stored.order.status == Status::Revoked) {
            revoked.push(order.sequence_no);
        }
        of_place.push(order.clone());
    }
    Ok(())
}

/// Whether a record is in an order that was revoked by hand, which is not charged again.
fn is_in_revoked(record: &StoredRecord, known: &KnownOrders) -> bool {
    record.state == RecordState::Charged
        && record.charges.iter().any(|charge| {
            let Some((orders, revoked)) = known.get(&(record.bucket_start_s, charge.line_no)) else {
                return false;
            };
            record.order_of(charge, orders).is_some_and(|order| revoked.contains(&order.sequence_no))
        })
}

/// How many records change, and how many of them lose their price.
#[derive(Default)]
struct RecordCounts {
    all: u64,
    unpriced: u64,
}

/// Sums of the records of a pass whose charges change.
#[derive(Default)]
struct Sums {
    /// Records by bucket and model.
    records: BTreeMap<(i64, String), RecordCounts>,
    /// Base units before and after, by bucket and line.
    quantities: HashMap<(i64, Line), [i64; 2]>,
}

impl Sums {
    fn add(&mut self, record: &StoredRecord, rated: &RatedUsage, lines: &Lines) -> Result<(), StoreError> {
        let bucket_start_s = rated.bucket.start_s;
        let counts = self.records.entry((bucket_start_s, rated.usage.model_id.clone())).or_default();
        counts.all += 1;
        counts.unpriced += u64::from(matches!(rated.rated, Rated::Unpriced(_)));
        let mut add = |line: &Line, side: usize, quantity: i64| {
            let sums = self.quantities.entry((bucket_start_s, line.clone())).or_default();
            sums[side] = sums[side].saturating_add(quantity);
        };
        if record.state == RecordState::Charged {
            for charge in &record.charges {
                let line = lines.get(charge.line_no);
                let line = line.ok_or_else(|| StoreError::Damaged("a usage record names no line".into()))?;
                add(line, 0, charge.quantity);
            }
        }
        if let Rated::Charged(charges) = &rated.rated {
            charges.iter().for_each(|charge| add(&charge.line, 1, charge.quantity));
        }
        Ok(())
    }
}
