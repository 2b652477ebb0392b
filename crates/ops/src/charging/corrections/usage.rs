//! Voiding and replacing usage records.

use std::collections::{BTreeMap, HashSet};

use tollbook_domain::Usage;
use tollbook_domain::time::DAY_S;
use tollbook_domain::usage::IDENTITY_SPAN_S;
use tollbook_store::{
    Correction, CorrectionKind, RatedUsage, RecordKey, RecordLock, RecordState, Snapshot, StoredRecord,
};

use super::changes::{Changed, Changes, refusal};
use super::request::{Corrected, CorrectionError, CorrectionRequest, RecordRefusal, UsageName};
use crate::audit::{ActKind, record_with_reason};
use crate::charging::account_tx::AccountTx;
use crate::charging::context::Charging;
use crate::charging::error::ChargingError;
use crate::charging::hour_close::skip_serials;
use crate::charging::rater::Rater;

/// Takes usage records out, as [`correct_usage`] does.
///
/// # Errors
/// Those of [`correct_usage`].
pub fn void_usage(
    charging: &Charging<'_>,
    request: &CorrectionRequest,
    names: &[UsageName],
    now_s: i64,
) -> Result<Corrected, CorrectionError> {
    correct_usage(charging, request, names, &[], now_s)
}

/// Replaces usage records, as [`correct_usage`] does.
///
/// # Errors
/// Those of [`correct_usage`].
pub fn replace_usage(
    charging: &Charging<'_>,
    request: &CorrectionRequest,
    records: &[Usage],
    now_s: i64,
) -> Result<Corrected, CorrectionError> {
    correct_usage(charging, request, &[], records, now_s)
}

/// Takes usage records out, and replaces others by records of the same identities, which are rated by the present price
/// book; all in one transaction. In an open hour the quantities of a record leave it; orders that it is in are refunded or
/// revoked, and what is left of each becomes a supplementary order. Idempotent by key.
///
/// # Errors
/// A record is unknown, ambiguous, expired, pruned or not kept whole, or breaks a rule for usage; the key belongs to
/// another correction; or the store fails. Nothing was changed then.
pub fn correct_usage(
    charging: &Charging<'_>,
    request: &CorrectionRequest,
    names: &[UsageName],
    records: &[Usage],
    now_s: i64,
) -> Result<Corrected, CorrectionError> {
    request.check()?;
    let kind = if records.is_empty() { CorrectionKind::Void } else { CorrectionKind::Replace };
    let digest = digest_of(kind, request, names, records);
    let mut snapshot = charging.store.snapshot()?;
    if let Some(known) = known_correction(snapshot.as_mut(), request, digest)? {
        return Ok(known);
    }
    if names.is_empty() && records.is_empty() {
        return Err(CorrectionError::Empty);
    }
    let mut refusals = Vec::new();
    let mut wanted: BTreeMap<RecordKey, Option<RatedUsage>> = BTreeMap::new();
    find_voided(charging, snapshot.as_mut(), request, names, &mut wanted, &mut refusals)?;
    let mut rater = Rater::new(*charging, charging.config.charging.limits_of_files());
    rater.refresh(snapshot.as_mut())?;
    rater.load_tenant(snapshot.as_mut(), request.company_id)?;
    for usage in records {
        match find_replaced(charging, &mut rater, snapshot.as_mut(), request, usage, now_s)? {
            Err(reason) => refusals.push(refusal_of(usage, &reason)),
            Ok(record) if wanted.contains_key(&record.key) => {
                refusals.push(refusal_of(usage, "is named more than once"));
            }
            Ok(record) => drop(wanted.insert(record.key, Some(rater.rate(usage.clone())))),
        }
    }
    drop(snapshot);
    if !refusals.is_empty() {
        return Err(CorrectionError::Refused(refusals));
    }
    run(charging, request, (kind, digest), &wanted, now_s)
}

fn digest_of(
    kind: CorrectionKind,
    request: &CorrectionRequest,
    names: &[UsageName],
    records: &[Usage],
) -> [u8; 16] {
    let contents: Vec<String> =
        records.iter().map(|usage| format!("{} {}", usage.time_s, hex::encode(usage.content()))).collect();
    let times: Vec<Option<String>> =
        names.iter().map(|name| name.time_s.map(|time_s| format!("at {time_s}"))).collect();
    let mut content: Vec<&str> = vec![&request.reason];
    for (name, time) in names.iter().zip(&times) {
        let is_stated = if name.source.is_some() { "of" } else { "any" };
        content.extend([is_stated, name.source.as_deref().unwrap_or_default(), &name.id]);
        content.extend(time.as_deref());
    }
    content.push("replace");
    content.extend(contents.iter().map(String::as_str));
    Correction::digest_of(kind, content)
}

/// Finds the records to take out.
fn find_voided(
    charging: &Charging<'_>,
    snapshot: &mut dyn Snapshot,
    request: &CorrectionRequest,
    names: &[UsageName],
    wanted: &mut BTreeMap<RecordKey, Option<RatedUsage>>,
    refusals: &mut Vec<RecordRefusal>,
) -> Result<(), CorrectionError> {
    let stated: Vec<(Option<&str>, &str)> =
        names.iter().map(|name| (name.source.as_deref(), name.id.as_str())).collect();
    let found =
        if stated.is_empty() { Vec::new() } else { snapshot.find_records(request.company_id, &stated)? };
    for (name, mut found) in names.iter().zip(found) {
        found.retain(|record| name.is_at(record.time_s));
        match found.as_slice() {
            [one] => drop(wanted.insert(one.key.clone(), None)),
            found => refusals.push(RecordRefusal {
                source: name.source.clone().unwrap_or_default(),
                id: name.id.clone(),
                reason: not_one(found, charging),
            }),
        }
    }
    Ok(())
}

/// The stored record that a new one replaces, or why there is none.
fn find_replaced(
    charging: &Charging<'_>,
    rater: &mut Rater<'_>,
    snapshot: &mut dyn Snapshot,
    request: &CorrectionRequest,
    usage: &Usage,
    now_s: i64,
) -> Result<Result<StoredRecord, String>, CorrectionError> {
    let limits = charging.config.charging.limits_of_files();
    if let Err(refused) = usage.check(charging.catalogue, &limits, now_s) {
        return Ok(Err(refused.to_string()));
    }
    if usage.company_id != request.company_id {
        return Ok(Err(format!("company_id: must be {}, the company of the correction", request.company_id)));
    }
    if let Some(fault) = rater.tenant_fault(snapshot, usage, &mut HashSet::new())? {
        return Ok(Err(fault));
    }
    let days = [usage.day() - 1, usage.day(), usage.day() + 1];
    let keys = days.map(|day| RecordKey { day, ..RecordKey::of(usage) });
    let found = snapshot.records_by_keys(request.company_id, &keys)?;
    let near: Vec<StoredRecord> = found
        .into_iter()
        .flatten()
        .filter(|record| record.time_s.abs_diff(usage.time_s) < IDENTITY_SPAN_S.unsigned_abs())
        .collect();
    let hours = snapshot.usage_hours(request.company_id, usage.hour(), usage.hour())?;
    if hours.iter().any(|hour| hour.is_expired) {
        return Ok(Err("the identities of its day have been deleted".to_owned()));
    }
    Ok(match near.as_slice() {
        [one] => Ok(one.clone()),
        found => Err(not_one(found, charging)),
    })
}

fn refusal_of(usage: &Usage, reason: &str) -> RecordRefusal {
    RecordRefusal { source: usage.source.clone(), id: usage.id.clone(), reason: reason.to_owned() }
}

fn vanished(key: &RecordKey) -> RecordRefusal {
    let reason = "was deleted meanwhile".to_owned();
    RecordRefusal { source: key.source.clone(), id: key.id.clone(), reason }
}

/// Why records that were found are not one.
fn not_one(found: &[StoredRecord], charging: &Charging<'_>) -> String {
    if found.is_empty() {
        let days = charging.config.charging.identity_window_s / DAY_S;
        return format!("is not stored; records are kept for {days} days after they were stored");
    }
    let each: Vec<String> =
        found.iter().map(|record| format!("source {:?} at {}", record.key.source, record.time_s)).collect();
    format!("names {} records, state the source or the time of one: {}", found.len(), each.join(", "))
}

/// The result of a correction that was made before. The company must exist.
pub(super) fn known_correction(
    snapshot: &mut dyn Snapshot,
    request: &CorrectionRequest,
    digest: [u8; 16],
) -> Result<Option<Corrected>, CorrectionError> {
    if snapshot.company(request.company_id)?.is_none() {
        return Err(ChargingError::UnknownCompany(request.company_id).into());
    }
    let known = snapshot.correction(request.company_id, &request.key)?;
    // The lines are in memory before the company is locked.
    snapshot.lines(request.company_id)?;
    known.map(|known| Corrected::of_known(&known, digest)).transpose()
}

/// Why a record cannot be corrected.
pub(super) const fn lock_reason(lock: RecordLock) -> &'static str {
    match lock {
        RecordLock::Pruned => {
            "orders of its hour were pruned; what is due must be adjusted by account adjust"
        }
        RecordLock::Expired => {
            "the identities of its day have been deleted; revoke its order, or adjust the account"
        }
        RecordLock::EarlierVersion => {
            "an earlier version stored it without what a correction needs; revoke its order and send the others again"
        }
    }
}

/// Makes a correction of records, each with what it becomes, in one transaction.
fn run(
    charging: &Charging<'_>,
    request: &CorrectionRequest,
    (kind, digest): (CorrectionKind, [u8; 16]),
    wanted: &BTreeMap<RecordKey, Option<RatedUsage>>,
    now_s: i64,
) -> Result<Corrected, CorrectionError> {
    let token = charging.token()?;
    let company_id = request.company_id;
    let keys: Vec<RecordKey> = wanted.keys().cloned().collect();
    loop {
        let mut transaction = charging.store.begin()?;
        let mut account_tx = AccountTx::open(transaction.as_mut(), company_id, now_s)?;
        if let Some(known) = transaction.correction(company_id, &request.key)? {
            return Corrected::of_known(&known, digest);
        }
        let stored = transaction.records_by_keys(company_id, &keys)?;
        let records = choose(wanted, stored).map_err(CorrectionError::Refused)?;
        let count = records.len() as u64;
        let changes = Changes { charging, company_id, reason: &request.reason, token: &token, now_s };
        let done = match changes.apply(transaction.as_mut(), &mut account_tx, records)? {
            Changed::Orders(done) => done,
            Changed::NumberTaken => {
                drop(transaction);
                skip_serials(charging, company_id, now_s)?;
                continue;
            }
        };
        let mut corrected = Corrected { unchanged: keys.len() as u64 - count, ..Corrected::default() };
        corrected.add(done.orders, done.replaced, done.made, count);
        if request.dry_run {
            return Ok(corrected);
        }
        account_tx.write(transaction.as_mut())?;
        let correction = request.correction(kind, digest, now_s, corrected.to_text());
        transaction.add_correction(company_id, &correction)?;
        let (before, after) = corrected.audited(&request.key, kind);
        record_with_reason(
            transaction.as_mut(),
            ActKind::UsageCorrect,
            company_id,
            &before,
            &after,
            &request.reason,
        );
        transaction.commit()?;
        return Ok(corrected);
    }
}

/// The records that change, with what they become.
fn choose(
    wanted: &BTreeMap<RecordKey, Option<RatedUsage>>,
    stored: Vec<Option<StoredRecord>>,
) -> Result<Vec<(StoredRecord, Option<RatedUsage>)>, Vec<RecordRefusal>> {
    let (mut records, mut refusals) = (Vec::new(), Vec::new());
    for ((key, new), record) in wanted.iter().zip(stored) {
        let Some(record) = record else {
            refusals.push(vanished(key));
            continue;
        };
        if let Some(lock) = record.lock {
            refusals.push(refusal(&record, lock_reason(lock)));
            continue;
        }
        let is_voided = record.state == RecordState::Voided;
        let is_so_already = match new {
            None => is_voided,
            Some(new) => !is_voided && record.usage.as_ref() == Some(&new.usage),
        };
        if !is_so_already {
            records.push((record, new.clone()));
        }
    }
    if refusals.is_empty() { Ok(records) } else { Err(refusals) }
}
