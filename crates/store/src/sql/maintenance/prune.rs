//! Retention: orders that are settled leave, with what rollups hold of them.

use std::collections::{BTreeSet, HashSet};

use tollbook_domain::account::{AccountKind, PerKind};
use tollbook_domain::time::HOUR_S;
use tollbook_domain::{Measures, Status};

use crate::StoredOrder;
use crate::error::{StoreError, StoreResult};
use crate::sql::driver::connection::{Flow, SqlValue, SqlValues, all, execute_exactly, first};
use crate::sql::orders::rollups::Changes;
use crate::sql::orders::rows::{ORDER_COLUMNS, read};
use crate::sql::session::Session;

/// What retention may delete: what is owed stays until it is paid or revoked.
const SETTLED: [Status; 2] = [Status::Paid, Status::Revoked];

impl Session {
    /// Deletes up to `limit` paid and revoked orders of a company that begin before a time, and says how many they
    /// were. From the first call on no order from before that time is taken any more. An hour that is still open is to
    /// become orders: it and what comes after it stays.
    pub(crate) fn prune_orders(
        &mut self,
        company_id: i64,
        before_s: i64,
        limit: usize,
    ) -> StoreResult<usize> {
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
        self.delete_exactly(
            "DELETE FROM orders WHERE company_id = $1 AND status = $2 AND start_time = $3 AND order_no = $4",
            &keys,
        )?;
        self.delete_exactly("DELETE FROM order_number WHERE company_id = $1 AND number = $2", &numbers)?;
        self.prune_charging(company_id, &orders)?;
        changes.write_periods(self.connection.as_mut(), company_id)?;
        if view.tiled {
            changes.write_tiles_and_hours(self.connection.as_mut(), company_id)?;
        }
        // That nothing from before some time is taken any more is nothing that a list shows.
        let mut view = if orders.is_empty() { view } else { view.with_changed_orders() };
        view.order_count -= i64::try_from(orders.len()).unwrap_or(0);
        // Retention is never taken back: the numbers of what has left are not known any more.
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

    /// What charging keeps beside orders leaves with them; the accounts remember what was deducted for them.
    fn prune_charging(&mut self, company_id: i64, orders: &[StoredOrder]) -> StoreResult<()> {
        let sources: HashSet<&str> = orders.iter().map(|stored| stored.order.source_number()).collect();
        let keys: Vec<SqlValues<'_>> =
            sources.iter().map(|number| vec![company_id.into(), (*number).into()]).collect();
        let settled = self.settled(company_id, orders.iter().map(|stored| stored.order.source_number()))?;
        let mut gone = PerKind::<i128>::default();
        for stored in orders {
            if settled.contains_key(stored.order.source_number()) {
                let deducted = stored.order.deductions.by_kind();
                for kind in AccountKind::ALL {
                    *gone.get_mut(kind) += i128::from(deducted.get(kind));
                }
            }
        }
        if !settled.is_empty() {
            self.note_pruned(company_id, &gone)?;
        }
        self.connection
            .execute_each("DELETE FROM settlement WHERE company_id = $1 AND source_no = $2", &keys)?;
        self.connection
            .execute_each("DELETE FROM revocation WHERE company_id = $1 AND source_no = $2", &keys)?;
        let buckets: BTreeSet<i64> = orders.iter().map(|stored| stored.order.start_time_s).collect();
        let mut of_usage: Vec<SqlValues<'_>> = Vec::new();
        for bucket_start in buckets {
            let sql = "SELECT line_no, place, order_no FROM usage_order WHERE company_id = $1 AND bucket_start = $2 \
                       ORDER BY line_no, place";
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
        self.delete_exactly(
            "DELETE FROM usage_order WHERE company_id = $1 AND bucket_start = $2 AND line_no = $3 AND place = $4",
            &of_usage,
        )
    }

    /// Forgets the identities of usage records of hours that were last written before a time, up to `limit`.
    pub(crate) fn forget_records(
        &mut self,
        company_id: i64,
        written_before_s: i64,
        limit: i64,
    ) -> StoreResult<usize> {
        self.view_for_update(company_id)?;
        let sql = "SELECT hour, gone FROM usage_hour WHERE company_id = $1 AND written < $2 AND records > 0 \
                   ORDER BY hour LIMIT 1000";
        let hours =
            all(self.connection.as_mut(), sql, &[company_id.into(), written_before_s.into()], |row| {
                Ok((row.int(0)?, row.int(1)? != 0))
            })?;
        let mut left = limit;
        for (hour, gone) in hours {
            if left <= 0 {
                break;
            }
            if !gone && self.has_open(company_id, hour)? {
                continue;
            }
            let sql = "SELECT source, id FROM usage_record WHERE company_id = $1 AND hour = $2 \
                       ORDER BY source, id LIMIT $3";
            let values = [company_id, hour, left].map(SqlValue::Int);
            let found = all(self.connection.as_mut(), sql, &values, |row| {
                Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned()))
            })?;
            // An hour that notes records and has none is damaged, which is for `verify` to tell.
            let Some((source, id)) = found.last() else { continue };
            let gone = self.connection.execute(
                "DELETE FROM usage_record WHERE company_id = $1 AND hour = $2 AND (source, id) <= ($3, $4)",
                &[company_id.into(), hour.into(), source.as_str().into(), id.as_str().into()],
            )?;
            if gone != found.len() as u64 {
                return Err(StoreError::Damaged(format!("{gone} of {} records were forgotten", found.len())));
            }
            let deleted = i64::try_from(found.len()).unwrap_or(0);
            execute_exactly(
                self.connection.as_mut(),
                1,
                "UPDATE usage_hour SET gone = 1, records = records - $3 WHERE company_id = $1 AND hour = $2",
                &[company_id.into(), hour.into(), deleted.into()],
            )?;
            left -= deleted;
        }
        Ok(usize::try_from(limit - left).unwrap_or(0))
    }

    /// Whether some bucket with a part of this UTC hour is open.
    fn has_open(&mut self, company_id: i64, hour: i64) -> StoreResult<bool> {
        let range = tollbook_domain::TimeRange::of_hour(hour);
        let sql = "SELECT bucket_start FROM open_hour WHERE company_id = $1 AND bucket_start > $2 AND bucket_start < $3 \
                   ORDER BY bucket_start LIMIT 1";
        // A bucket is at most an hour long.
        let values = [company_id, range.start_s() - HOUR_S, range.end_s()].map(SqlValue::Int);
        Ok(first(self.connection.as_mut(), sql, &values, |_| Ok(()))?.is_some())
    }

    pub(crate) fn delete_exactly(&mut self, sql: &str, keys: &[SqlValues<'_>]) -> StoreResult<()> {
        let deleted = self.connection.execute_each(sql, keys)?;
        if deleted == keys.len() as u64 {
            return Ok(());
        }
        Err(StoreError::Damaged(format!("{deleted} of {} rows could be deleted", keys.len())))
    }
}
