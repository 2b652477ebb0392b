//! Changes stored usage records, the open usage they were added to, and the orders of usage they are in.

use std::collections::BTreeMap;
use std::sync::Arc;

use tollbook_domain::rating::Rated;
use tollbook_domain::{Bucket, Line};

use crate::error::{StoreError, StoreResult};
use crate::lines::{LineNo, Lines};
use crate::sql::driver::connection::{
    SqlValue, SqlValues, delete_exactly, execute_exactly, first, insert_exactly, update_exactly,
};
use crate::sql::driver::schema::USAGE_RECORD;
use crate::sql::orders::line_rows::insert_lines;
use crate::sql::session::{CompanyView, Session};
use crate::sql::usage::closing::usage_order_values;
use crate::sql::usage::rows::{
    CHARGED, FREE, UNPRICED, VOIDED, amount_of, decode_amount, identity_values, pricing_state, rest_of,
};
use crate::usage::{IntakeContext, RatedUsage, UsageOrder, UsageOutcome};
use crate::usage_pack::encode_charges;
use crate::usage_records::{
    OpenChange, RecordChange, RecordKey, RecordState, RecordWrites, StoredCharge, StoredRecord,
};

/// Changes of one open hour.
struct HourChanges {
    bucket: Bucket,
    amount: i128,
    grows: bool,
}

impl RecordWrites for Session {
    fn line_numbers(&mut self, company_id: i64, lines: &[Line]) -> StoreResult<Vec<LineNo>> {
        let view = self.view_for_update(company_id)?;
        let mut known: Arc<Lines> = Arc::clone(&view.lines);
        let numbers = lines.iter().map(|line| Lines::find_or_add(&mut known, line)).collect();
        insert_lines(self.connection.as_mut(), company_id, view.lines.len(), &known)?;
        self.set_lines(company_id, &view, known)?;
        Ok(numbers)
    }

    fn change_open_usage(
        &mut self,
        company_id: i64,
        changes: &[OpenChange],
        context: &IntakeContext<'_>,
    ) -> StoreResult<UsageOutcome> {
        let CompanyView { lines, pruned_before_s, .. } = self.view_for_update(company_id)?;
        if changes.iter().any(|change| change.records > 0 && change.bucket.start_s < pruned_before_s) {
            return Ok(UsageOutcome::Pruned);
        }
        let mut sums: BTreeMap<(i64, LineNo), (i64, i64)> = BTreeMap::new();
        let mut hours: BTreeMap<i64, HourChanges> = BTreeMap::new();
        for change in changes {
            let sum = sums.entry((change.bucket.start_s, change.line_no)).or_default();
            let Some(quantity) = sum.0.checked_add(change.quantity) else {
                return Ok(UsageOutcome::TooLarge);
            };
            *sum = (quantity, sum.1 + change.records);
            let hour = hours.entry(change.bucket.start_s).or_insert(HourChanges {
                bucket: change.bucket,
                amount: 0,
                grows: false,
            });
            hour.grows |= change.records > 0;
            // A change that takes out need not know the end.
            hour.bucket.end_s = hour.bucket.end_s.max(change.bucket.end_s);
        }
        let keys: Vec<(i64, LineNo)> = sums.keys().copied().collect();
        let sets: Vec<SqlValues<'_>> = keys
            .iter()
            .map(|(bucket_start, line_no)| {
                [company_id, *bucket_start, i64::from(*line_no)].map(SqlValue::Int).to_vec()
            })
            .collect();
        let mut stored: Vec<(i64, i64)> = vec![(0, 0); keys.len()];
        self.connection.query_each(
            "SELECT quantity, records FROM open_usage WHERE company_id = $1 AND bucket_start = $2 AND line_no = $3",
            &sets,
            &mut |index, row| {
                stored[index] = (row.int(0)?, row.int(1)?);
                Ok(())
            },
        )?;
        let (mut put, mut delete): (Vec<SqlValues<'_>>, Vec<SqlValues<'_>>) = (Vec::new(), Vec::new());
        for ((bucket_start, line_no), (quantity, records)) in keys.iter().zip(&stored) {
            let (more, more_records) = sums[&(*bucket_start, *line_no)];
            let Some(sum) = quantity.checked_add(more) else { return Ok(UsageOutcome::TooLarge) };
            let record_sum = records + more_records;
            if sum < 0 || record_sum < 0 || (sum == 0) != (record_sum == 0) {
                return Err(StoreError::Damaged(format!(
                    "usage of line {line_no} from {bucket_start} on is not in the open hour"
                )));
            }
            let line = lines.get(*line_no);
            let amount = |quantity| line.and_then(|line| amount_of(line, quantity, context.catalogue));
            let (Some(before), Some(after)) = (amount(*quantity), amount(sum)) else {
                return Ok(UsageOutcome::TooLarge);
            };
            if let Some(hour) = hours.get_mut(bucket_start) {
                hour.amount += after - before;
            }
            let key = [company_id, *bucket_start, i64::from(*line_no)];
            match (record_sum, *records) {
                (0, 0) => {}
                (0, _) => delete.push(key.map(SqlValue::Int).to_vec()),
                _ => put.push([key[0], key[1], key[2], sum, record_sum].map(SqlValue::Int).to_vec()),
            }
        }
        self.connection.execute_each(
            "INSERT INTO open_usage (company_id, bucket_start, line_no, quantity, records) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (company_id, bucket_start, line_no) \
             DO UPDATE SET quantity = excluded.quantity, records = excluded.records",
            &put,
        )?;
        delete_exactly(
            self.connection.as_mut(),
            "DELETE FROM open_usage WHERE company_id = $1 AND bucket_start = $2 AND line_no = $3",
            &delete,
        )?;
        for hour in hours.values() {
            self.change_open_hour(company_id, hour, context)?;
        }
        Ok(UsageOutcome::Accepted)
    }

    fn change_usage_orders(&mut self, company_id: i64, orders: &[UsageOrder]) -> StoreResult<()> {
        let sets: Vec<SqlValues<'_>> =
            orders.iter().map(|order| usage_order_values(company_id, order)).collect();
        update_exactly(
            self.connection.as_mut(),
            "UPDATE usage_order SET order_no = $5, quantity = $6, records = $7 WHERE company_id = $1 \
             AND bucket_start = $2 AND line_no = $3 AND sequence_no = $4",
            &sets,
        )
    }

    fn change_records(&mut self, company_id: i64, changes: &[RecordChange], now_s: i64) -> StoreResult<()> {
        let view = self.view_for_update(company_id)?;
        self.remove_uncharged(company_id, changes)?;
        let (mut voided, mut same_day, mut moved): (Vec<&StoredRecord>, Vec<_>, Vec<_>) =
            (Vec::new(), Vec::new(), Vec::new());
        for change in changes {
            match &change.after {
                None => voided.push(&change.before),
                Some((rated, charges)) => {
                    let charges_bytes =
                        encode_charges(charges.iter().map(|charge| (charge.line_no, charge.quantity)));
                    let rest = rest_with_pins(rated, charges, view.close_no);
                    let row = (&change.before, rated, charges_bytes, rest);
                    if change.before.key.day == rated.usage.day() { &mut same_day } else { &mut moved }
                        .push(row);
                }
            }
        }
        let sets: Vec<SqlValues<'_>> =
            voided.iter().map(|record| key_values(company_id, &record.key)).collect();
        let sql = format!(
            "UPDATE usage_record SET pricing_state = {VOIDED} WHERE company_id = $1 AND day = $2 AND source = $3 AND id = $4"
        );
        update_exactly(self.connection.as_mut(), &sql, &sets)?;
        let sets: Vec<SqlValues<'_>> = same_day
            .iter()
            .map(|(before, rated, charges, rest)| {
                let mut values = key_values(company_id, &before.key);
                values.extend(content_values(rated, charges, rest));
                values
            })
            .collect();
        update_exactly(
            self.connection.as_mut(),
            "UPDATE usage_record SET time = $5, digest = $6, pricing_state = $7, bucket_start = $8, charges = $9, \
             rest = $10 WHERE company_id = $1 AND day = $2 AND source = $3 AND id = $4",
            &sets,
        )?;
        let keys: Vec<SqlValues<'_>> =
            moved.iter().map(|(before, ..)| key_values(company_id, &before.key)).collect();
        delete_exactly(
            self.connection.as_mut(),
            "DELETE FROM usage_record WHERE company_id = $1 AND day = $2 AND source = $3 AND id = $4",
            &keys,
        )?;
        moved.sort_by_key(|(_, rated, ..)| RecordKey::of(&rated.usage));
        let mut rows = moved.iter().map(|(_, rated, charges, rest)| {
            let mut values = identity_values(&rated.usage).to_vec();
            values.extend(content_values(rated, charges, rest));
            values
        });
        insert_exactly(self.connection.as_mut(), &USAGE_RECORD, moved.len(), &mut rows)?;
        let uncharged: Vec<&RatedUsage> = changes
            .iter()
            .filter_map(|change| change.after.as_ref())
            .map(|(rated, _)| rated)
            .filter(|rated| !matches!(rated.rated, Rated::Charged(_)))
            .collect();
        self.insert_uncharged(&uncharged)?;
        self.move_between_hours(company_id, changes, now_s)
    }
}

/// The order in which [`RecordWrites::change_records`] writes the columns after the key.
fn content_values<'a>(rated: &'a RatedUsage, charges: &'a [u8], rest: &'a [u8]) -> SqlValues<'a> {
    vec![
        rated.usage.time_s.into(),
        SqlValue::Blob(&rated.digest),
        pricing_state(&rated.rated).into(),
        rated.bucket.start_s.into(),
        charges.into(),
        rest.into(),
    ]
}

fn rest_with_pins(rated: &RatedUsage, charges: &[StoredCharge], close_no: i64) -> Vec<u8> {
    let mut rest = rest_of(rated, close_no);
    rest.pins = charges.iter().map(|charge| charge.pin).collect();
    rest.encode()
}

fn key_values(company_id: i64, key: &RecordKey) -> SqlValues<'_> {
    vec![company_id.into(), key.day.into(), key.source.as_str().into(), key.id.as_str().into()]
}

const fn state_number(state: RecordState) -> i64 {
    match state {
        RecordState::Charged => CHARGED,
        RecordState::Free => FREE,
        RecordState::Unpriced => UNPRICED,
        RecordState::Voided => VOIDED,
    }
}

impl Session {
    /// Takes records that are stored whole off their list. A voided one stays on a list of its own.
    fn remove_uncharged(&mut self, company_id: i64, changes: &[RecordChange]) -> StoreResult<()> {
        let is_whole = |change: &&RecordChange| change.before.charges.is_empty();
        let key = |change: &RecordChange| {
            let before = &change.before;
            let state = state_number(before.state);
            let hour = tollbook_domain::time::hour_of(before.time_s);
            (state, hour, before.key.source.clone(), before.key.id.clone())
        };
        let keys: Vec<(bool, (i64, i64, String, String))> =
            changes.iter().filter(is_whole).map(|change| (change.after.is_none(), key(change))).collect();
        let sets = |voided: bool| -> Vec<SqlValues<'_>> {
            keys.iter()
                .filter(|(is_voided, _)| *is_voided == voided)
                .map(|(_, (state, hour, source, id))| {
                    vec![
                        company_id.into(),
                        (*state).into(),
                        (*hour).into(),
                        source.as_str().into(),
                        id.as_str().into(),
                    ]
                })
                .collect()
        };
        let sql = format!(
            "UPDATE uncharged_usage SET pricing_state = {VOIDED} WHERE company_id = $1 AND pricing_state = $2 \
             AND hour = $3 AND source = $4 AND id = $5"
        );
        update_exactly(self.connection.as_mut(), &sql, &sets(true))?;
        delete_exactly(
            self.connection.as_mut(),
            "DELETE FROM uncharged_usage WHERE company_id = $1 AND pricing_state = $2 AND hour = $3 AND source = $4 \
             AND id = $5",
            &sets(false),
        )
    }

    /// Counts records in the hours of their new times.
    fn move_between_hours(
        &mut self,
        company_id: i64,
        changes: &[RecordChange],
        now_s: i64,
    ) -> StoreResult<()> {
        let mut left: BTreeMap<i64, i64> = BTreeMap::new();
        let mut joined = Vec::new();
        for change in changes {
            let Some((rated, _)) = &change.after else { continue };
            let (from, to) = (tollbook_domain::time::hour_of(change.before.time_s), rated.usage.hour());
            if from != to {
                *left.entry(from).or_default() += 1;
                joined.push(to);
            }
        }
        for (hour, records) in left {
            execute_exactly(
                self.connection.as_mut(),
                1,
                "UPDATE usage_hour SET records = records - $3 WHERE company_id = $1 AND hour = $2",
                &[company_id, hour, records].map(SqlValue::Int),
            )?;
        }
        self.count_records(company_id, joined.into_iter(), now_s)
    }

    /// Changes the amount of an hour; without usage the hour is neither open nor due.
    fn change_open_hour(
        &mut self,
        company_id: i64,
        hour: &HourChanges,
        context: &IntakeContext<'_>,
    ) -> StoreResult<()> {
        let Bucket { start_s, end_s } = hour.bucket;
        let key = [company_id, start_s].map(SqlValue::Int);
        if self.delete_empty_hour(company_id, start_s)? {
            return Ok(());
        }
        let sql = "SELECT amount FROM open_hour WHERE company_id = $1 AND bucket_start = $2";
        let stored = first(self.connection.as_mut(), sql, &key, |row| decode_amount(row.blob(0)?))?;
        let amount = (stored.unwrap_or_default() + hour.amount).to_le_bytes();
        execute_exactly(
            self.connection.as_mut(),
            1,
            "INSERT INTO open_hour (company_id, bucket_start, bucket_end, amount) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (company_id, bucket_start) DO UPDATE SET amount = excluded.amount",
            &[company_id.into(), start_s.into(), end_s.into(), amount.as_slice().into()],
        )?;
        if hour.grows { self.note_due(company_id, hour.bucket, context) } else { Ok(()) }
    }
}
