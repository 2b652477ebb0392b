//! Retention: deletes settled orders and their share of rollups, and the identities of old usage records.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use tollbook_domain::account::{AccountKind, PerKind};
use tollbook_domain::time::{DAY_S, HOUR_S, hour_of};
use tollbook_domain::{Amount, Measures, Status, TimeRange};

use crate::error::{StoreError, StoreResult};
use crate::maintenance::Retention;
use crate::orders::StoredOrder;
use crate::sql::driver::connection::{
    Flow, SqlValue, SqlValues, all, delete_exactly, execute_exactly, first,
};
use crate::sql::orders::rollups::Changes;
use crate::sql::orders::rows::{ORDER_COLUMNS, read};
use crate::sql::session::Session;

const HOURS_PER_DAY: i64 = DAY_S / HOUR_S;

/// The statuses that retention may delete: an unpaid order is kept until it is paid or revoked.
const SETTLED: [Status; 2] = [Status::Paid, Status::Revoked];

impl Retention for Session {
    fn prune(&mut self, company_id: i64, before_s: i64, limit: usize) -> StoreResult<usize> {
        let view = self.view_for_update(company_id)?;
        let sql = "SELECT bucket_start FROM open_hour WHERE company_id = $1 AND bucket_start < $2 \
                   ORDER BY bucket_start LIMIT 1";
        let values = [company_id, before_s].map(SqlValue::Int);
        let open = first(self.connection.as_mut(), sql, &values, |row| row.int(0))?;
        let before_s = open.unwrap_or(before_s);
        let mut orders = Vec::new();
        for status in SETTLED {
            let left = limit.saturating_sub(orders.len());
            let sql = format!(
                "SELECT {ORDER_COLUMNS} FROM orders WHERE company_id = $1 AND status = $2 AND start_time < $3 \
                 ORDER BY start_time, order_no LIMIT $4"
            );
            let left = i64::try_from(left).unwrap_or(i64::MAX);
            let values = [company_id, status.number(), before_s, left].map(SqlValue::Int);
            orders.extend(all(self.connection.as_mut(), &sql, &values, read)?);
        }
        let mut changes = Changes::default();
        let (mut keys, mut numbers): (Vec<SqlValues<'_>>, Vec<SqlValues<'_>>) = (Vec::new(), Vec::new());
        for stored in &orders {
            let order = &stored.order;
            let (status, start_time) = (order.status.number(), order.start_time_s);
            changes.add(order.status, start_time, stored.line_no, &Measures::of(order).negated());
            keys.push(vec![
                company_id.into(),
                status.into(),
                start_time.into(),
                order.number.as_str().into(),
            ]);
            for number in [&order.number, &order.counterpart] {
                if !number.is_empty() {
                    numbers.push(vec![company_id.into(), number.as_str().into()]);
                }
            }
        }
        delete_exactly(
            self.connection.as_mut(),
            "DELETE FROM orders WHERE company_id = $1 AND status = $2 AND start_time = $3 AND order_no = $4",
            &keys,
        )?;
        delete_exactly(
            self.connection.as_mut(),
            "DELETE FROM order_number WHERE company_id = $1 AND number = $2",
            &numbers,
        )?;
        self.prune_charging(company_id, &orders)?;
        changes.write_periods(self.connection.as_mut(), company_id)?;
        if view.tiled {
            changes.write_tiles_and_hours(self.connection.as_mut(), company_id)?;
        }
        // A later pruning time alone does not change any list, so the version stays.
        let mut view = if orders.is_empty() { view } else { view.with_changed_orders() };
        view.order_count -= i64::try_from(orders.len()).unwrap_or(0);
        // The pruning time never moves back, because the numbers of deleted orders are no longer known.
        view.pruned_before_s = view.pruned_before_s.max(before_s);
        execute_exactly(
            self.connection.as_mut(),
            1,
            "UPDATE company_state SET order_count = $2, pruned_before = $3, orders_version = $4 WHERE company_id = $1",
            &[
                company_id.into(),
                view.order_count.into(),
                view.pruned_before_s.into(),
                view.orders_version.into(),
            ],
        )?;
        self.companies.insert(company_id, view);
        Ok(orders.len())
    }

    fn expire_identities(
        &mut self,
        company_id: i64,
        written_before_s: i64,
        limit: i64,
    ) -> StoreResult<usize> {
        self.view_for_update(company_id)?;
        let sql = "SELECT hour FROM usage_hour WHERE company_id = $1 AND written < $2 AND records > 0 \
                   ORDER BY hour LIMIT 1000";
        let values = [company_id, written_before_s].map(SqlValue::Int);
        let hours = all(self.connection.as_mut(), sql, &values, |row| row.int(0))?;
        let days: BTreeSet<i64> = hours.into_iter().map(day_of_hour).collect();
        let mut remaining = limit;
        for day in days {
            if remaining <= 0 {
                break;
            }
            if self.may_expire(company_id, day, written_before_s)? {
                remaining -= self.expire_day(company_id, day, remaining)?;
            }
        }
        Ok(usize::try_from(limit - remaining).unwrap_or(0))
    }
}

/// The UTC day of an hour.
const fn day_of_hour(hour: i64) -> i64 {
    hour.div_euclid(HOURS_PER_DAY)
}

impl Session {
    /// Deletes the settlements, revocations and usage orders of pruned orders, and adds their deductions to a sum in
    /// the account.
    fn prune_charging(&mut self, company_id: i64, orders: &[StoredOrder]) -> StoreResult<()> {
        let sources: HashSet<&str> = orders.iter().map(|stored| stored.order.source_number()).collect();
        let keys: Vec<SqlValues<'_>> =
            sources.iter().map(|number| vec![company_id.into(), (*number).into()]).collect();
        let settled = self.settled(company_id, orders.iter().map(|stored| stored.order.source_number()))?;
        let mut deductions = PerKind::<i128>::default();
        for stored in orders {
            if settled.contains_key(stored.order.source_number()) {
                let deducted = stored.order.deductions.map(Amount::steps);
                for kind in AccountKind::ALL {
                    *deductions.get_mut(kind) += i128::from(deducted.get(kind));
                }
            }
        }
        if !settled.is_empty() {
            self.add_pruned_deductions(company_id, &deductions)?;
        }
        self.connection
            .execute_each("DELETE FROM settlement WHERE company_id = $1 AND source_no = $2", &keys)?;
        self.connection
            .execute_each("DELETE FROM revocation WHERE company_id = $1 AND source_no = $2", &keys)?;
        let buckets: BTreeSet<i64> = orders.iter().map(|stored| stored.order.start_time_s).collect();
        let mut of_usage: Vec<SqlValues<'_>> = Vec::new();
        for bucket_start in buckets {
            let sql = "SELECT line_no, sequence_no, order_no FROM usage_order WHERE company_id = $1 AND bucket_start = $2 \
                       ORDER BY line_no, sequence_no";
            let values = [company_id, bucket_start].map(SqlValue::Int);
            self.connection.query(sql, &values, &mut |row| {
                if sources.contains(row.text(2)?) {
                    of_usage.push(
                        [company_id, bucket_start, row.int(0)?, row.int(1)?].map(SqlValue::Int).to_vec(),
                    );
                }
                Ok(Flow::More)
            })?;
        }
        delete_exactly(
            self.connection.as_mut(),
            "DELETE FROM usage_order WHERE company_id = $1 AND bucket_start = $2 AND line_no = $3 AND sequence_no = $4",
            &of_usage,
        )
    }

    /// Whether the identities of a UTC day may be deleted: all its hours were last written before the time, and none has
    /// open usage. If deleting has begun, it goes on.
    fn may_expire(&mut self, company_id: i64, day: i64, written_before_s: i64) -> StoreResult<bool> {
        let sql = "SELECT written, expired, records FROM usage_hour WHERE company_id = $1 AND hour >= $2 \
                   AND hour < $3 ORDER BY hour";
        let values = [company_id, day * HOURS_PER_DAY, (day + 1) * HOURS_PER_DAY].map(SqlValue::Int);
        let mut hours = all(self.connection.as_mut(), sql, &values, |row| {
            Ok((row.int(0)?, row.int(1)? != 0, row.int(2)?))
        })?;
        hours.retain(|(_, _, records)| *records > 0);
        if hours.iter().any(|(_, expired, _)| *expired) {
            return Ok(true);
        }
        Ok(hours.iter().all(|(written, _, _)| *written < written_before_s)
            && !self.has_open(company_id, day)?)
    }

    /// Deletes up to `limit` identities of a UTC day; returns their number.
    fn expire_day(&mut self, company_id: i64, day: i64, limit: i64) -> StoreResult<i64> {
        let sql = "SELECT source, id, time FROM usage_record WHERE company_id = $1 AND day = $2 \
                   ORDER BY source, id LIMIT $3";
        let values = [company_id, day, limit].map(SqlValue::Int);
        let found = all(self.connection.as_mut(), sql, &values, |row| {
            Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned(), row.int(2)?))
        })?;
        // A day that counts records and has none is damaged; `verify` reports it.
        let Some((source, id, _)) = found.last() else { return Ok(0) };
        let deleted = self.connection.execute(
            "DELETE FROM usage_record WHERE company_id = $1 AND day = $2 AND (source, id) <= ($3, $4)",
            &[company_id.into(), day.into(), source.as_str().into(), id.as_str().into()],
        )?;
        if deleted != found.len() as u64 {
            return Err(StoreError::Damaged(format!(
                "{deleted} of {} records could be deleted",
                found.len()
            )));
        }
        let mut by_hour: BTreeMap<i64, i64> = BTreeMap::new();
        for (_, _, time_s) in &found {
            *by_hour.entry(hour_of(*time_s)).or_default() += 1;
        }
        self.connection.execute(
            "UPDATE usage_hour SET expired = 1 WHERE company_id = $1 AND hour >= $2 AND hour < $3",
            &[company_id, day * HOURS_PER_DAY, (day + 1) * HOURS_PER_DAY].map(SqlValue::Int),
        )?;
        for (hour, records) in by_hour {
            execute_exactly(
                self.connection.as_mut(),
                1,
                "UPDATE usage_hour SET records = records - $3 WHERE company_id = $1 AND hour = $2",
                &[company_id, hour, records].map(SqlValue::Int),
            )?;
        }
        Ok(i64::try_from(found.len()).unwrap_or(limit))
    }

    /// Whether a bucket that overlaps this UTC day is open.
    fn has_open(&mut self, company_id: i64, day: i64) -> StoreResult<bool> {
        let range = TimeRange::of_day(day);
        let sql = "SELECT bucket_start FROM open_hour WHERE company_id = $1 AND bucket_start > $2 AND bucket_start < $3 \
                   ORDER BY bucket_start LIMIT 1";
        // A bucket is at most an hour long.
        let values = [company_id, range.start_s() - HOUR_S, range.end_s()].map(SqlValue::Int);
        Ok(first(self.connection.as_mut(), sql, &values, |_| Ok(()))?.is_some())
    }
}
