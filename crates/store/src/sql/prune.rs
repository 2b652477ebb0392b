//! Retention: orders that are settled leave, with what rollups hold of them.

use tollbook_domain::{Measures, Status};

use super::Session;
use super::connection::{Value, Values, all, execute_exactly};
use super::order_rows::{ORDER_COLUMNS, read};
use super::rollups::Changes;
use crate::error::{StoreError, StoreResult};

/// What retention may delete: what is owed stays until it is paid or revoked.
const SETTLED: [Status; 2] = [Status::Paid, Status::Revoked];

impl Session {
    /// Deletes up to `limit` paid and revoked orders of a company that begin before a time, and says how many they
    /// were. From the first call on no order from before that time is taken any more.
    pub(super) fn prune_orders(
        &mut self,
        company_id: i64,
        before_s: i64,
        limit: usize,
    ) -> StoreResult<usize> {
        let view = self.view_for_update(company_id)?;
        let mut orders = Vec::new();
        for status in SETTLED {
            let left = limit.saturating_sub(orders.len());
            let sql = format!(
                "SELECT {ORDER_COLUMNS} FROM orders WHERE company_id = $1 AND status = $2 AND start_time < $3 \
                 ORDER BY start_time, order_no LIMIT $4"
            );
            let left = i64::try_from(left).unwrap_or(i64::MAX);
            let values = [company_id, status.number(), before_s, left].map(Value::Int);
            orders.extend(all(self.connection.as_mut(), &sql, &values, read)?);
        }
        let mut changes = Changes::default();
        let (mut keys, mut numbers): (Vec<Values<'_>>, Vec<Values<'_>>) = (Vec::new(), Vec::new());
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
        changes.write_periods(self.connection.as_mut(), company_id)?;
        if view.tiled {
            changes.write_tiles_and_hours(self.connection.as_mut(), company_id)?;
        }
        let mut view = view;
        view.order_count -= i64::try_from(orders.len()).unwrap_or(0);
        // Retention is never taken back: the numbers of what has left are not known any more.
        view.pruned_before_s = view.pruned_before_s.max(before_s);
        execute_exactly(
            self.connection.as_mut(),
            1,
            "UPDATE company_state SET order_count = $2, pruned_before = $3 WHERE company_id = $1",
            &[company_id.into(), view.order_count.into(), view.pruned_before_s.into()],
        )?;
        self.companies.insert(company_id, view);
        Ok(orders.len())
    }

    fn delete_exactly(&mut self, sql: &str, keys: &[Values<'_>]) -> StoreResult<()> {
        let deleted = self.connection.execute_each(sql, keys)?;
        if deleted == keys.len() as u64 {
            return Ok(());
        }
        Err(StoreError::Damaged(format!("{deleted} of {} rows could be deleted", keys.len())))
    }
}
