//! Orders that become other ones: paid, revoked, refunded. Their rows move to where their new status is filed, and what
//! rollups hold of them moves with them. Numbers and lines stay.

use tollbook_domain::{Measures, Status};

use crate::StoredOrder;
use crate::charging::OrderTransition;
use crate::error::StoreResult;
use crate::sql::driver::connection::{SqlValue, SqlValues, all, execute_exactly, insert_exactly};
use crate::sql::driver::schema::ORDERS;
use crate::sql::orders::lookup::{by_owners, owners};
use crate::sql::orders::rollups::Changes;
use crate::sql::orders::rows::{ORDER_COLUMNS, order_values, read};
use crate::sql::session::Session;

impl Session {
    pub(crate) fn transition_orders(
        &mut self,
        company_id: i64,
        moved: &[OrderTransition],
    ) -> StoreResult<()> {
        if moved.is_empty() {
            return Ok(());
        }
        let view = self.view_for_update(company_id)?;
        let mut changes = Changes::default();
        let mut keys: Vec<SqlValues<'_>> = Vec::with_capacity(moved.len());
        for OrderTransition { before, after } in moved {
            let (line_no, old) = (before.line_no, &before.order);
            changes.add(old.status, old.start_time_s, line_no, &Measures::of(old).negated());
            changes.add(after.status, after.start_time_s, line_no, &Measures::of(after));
            keys.push(vec![
                company_id.into(),
                old.status.number().into(),
                old.start_time_s.into(),
                old.number.as_str().into(),
            ]);
        }
        self.delete_exactly(
            "DELETE FROM orders WHERE company_id = $1 AND status = $2 AND start_time = $3 AND order_no = $4",
            &keys,
        )?;
        let mut rows =
            moved.iter().map(|change| order_values(company_id, change.before.line_no, &change.after));
        insert_exactly(self.connection.as_mut(), &ORDERS, moved.len(), &mut rows)?;
        changes.write_periods(self.connection.as_mut(), company_id)?;
        if view.tiled {
            changes.write_tiles_and_hours(self.connection.as_mut(), company_id)?;
        }
        if !view.changed {
            let view = view.with_changed_orders();
            execute_exactly(
                self.connection.as_mut(),
                1,
                "UPDATE company_state SET orders_version = $2 WHERE company_id = $1",
                &[company_id.into(), view.orders_version.into()],
            )?;
            self.companies.insert(company_id, view);
        }
        Ok(())
    }

    pub(crate) fn find_orders(
        &mut self,
        company_id: i64,
        numbers: &[&str],
    ) -> StoreResult<Vec<Option<StoredOrder>>> {
        let owners = owners(self.connection.as_mut(), company_id, numbers.iter().copied())?;
        let known: Vec<_> =
            numbers.iter().filter_map(|number| Some((*number, owners.get(*number)?))).collect();
        let mut found = by_owners(self.connection.as_mut(), company_id, &known)?.into_iter();
        Ok(numbers
            .iter()
            .map(|number| owners.contains_key(*number).then(|| found.next()).flatten())
            .collect())
    }

    /// Unpaid orders from a start time on: `limit` of them, and what else begins when the last one does.
    pub(crate) fn read_arrears(
        &mut self,
        company_id: i64,
        from_s: i64,
        limit: i64,
    ) -> StoreResult<Vec<StoredOrder>> {
        let unpaid = Status::Unpaid.number();
        let sql = format!(
            "SELECT {ORDER_COLUMNS} FROM orders WHERE company_id = $1 AND status = $2 AND start_time >= $3 \
             ORDER BY start_time, order_no LIMIT $4"
        );
        let values = [company_id, unpaid, from_s, limit].map(SqlValue::Int);
        let mut orders = all(self.connection.as_mut(), &sql, &values, read)?;
        if let Some(last) = orders.last() {
            let (start_time_s, number) = (last.order.start_time_s, last.order.number.clone());
            let sql = format!(
                "SELECT {ORDER_COLUMNS} FROM orders WHERE company_id = $1 AND status = $2 AND start_time = $3 \
                 AND order_no > $4 ORDER BY order_no"
            );
            let values = [company_id.into(), unpaid.into(), start_time_s.into(), SqlValue::Text(&number)];
            orders.extend(all(self.connection.as_mut(), &sql, &values, read)?);
        }
        orders.sort_by(|a, b| {
            let key = |stored: &StoredOrder| (stored.order.start_time_s, stored.order.counterpart.clone());
            key(a).cmp(&key(b))
        });
        Ok(orders)
    }
}
