//! Changes the status of orders: paid, revoked, refunded. The row of an order moves to the key of its new status, and
//! the rollups change accordingly. Its numbers and its line do not change.

use tollbook_domain::Measures;

use crate::error::StoreResult;
use crate::orders::{OrderTransition, OrderTransitions};
use crate::sql::driver::connection::{SqlValues, delete_exactly, execute_exactly, insert_exactly};
use crate::sql::driver::schema::ORDERS;
use crate::sql::orders::rollups::Changes;
use crate::sql::orders::rows::order_values;
use crate::sql::session::Session;

impl OrderTransitions for Session {
    fn transition_orders(&mut self, company_id: i64, transitions: &[OrderTransition]) -> StoreResult<()> {
        if transitions.is_empty() {
            return Ok(());
        }
        let view = self.view_for_update(company_id)?;
        let mut changes = Changes::default();
        let mut keys: Vec<SqlValues<'_>> = Vec::with_capacity(transitions.len());
        for OrderTransition { before, after } in transitions {
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
        delete_exactly(
            self.connection.as_mut(),
            "DELETE FROM orders WHERE company_id = $1 AND status = $2 AND start_time = $3 AND order_no = $4",
            &keys,
        )?;
        let mut rows =
            transitions.iter().map(|change| order_values(company_id, change.before.line_no, &change.after));
        insert_exactly(self.connection.as_mut(), &ORDERS, transitions.len(), &mut rows)?;
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
}
