//! Adds orders, one company at a time: locks the company, determines by their numbers which orders are new, and writes
//! lines, numbers, orders, rollups and tiles, each table in one pass.

use std::collections::HashMap;
use std::sync::Arc;

use tollbook_domain::{Measures, NewOrder};

use crate::error::StoreResult;
use crate::lines::{LineNo, Lines};
use crate::orders::{OrderWrites, Outcome};
use crate::sql::driver::connection::{execute_exactly, insert_exactly};
use crate::sql::driver::schema::{ORDER_NUMBER, ORDERS};
use crate::sql::orders::line_rows::insert_lines;
use crate::sql::orders::lookup::{Positions, by_company};
use crate::sql::orders::rollups::Changes;
use crate::sql::orders::rows::order_values;
use crate::sql::session::{CompanyView, Session};

impl OrderWrites for Session {
    fn lock_company(&mut self, company_id: i64) -> StoreResult<()> {
        self.view_for_update(company_id).map(|_| ())
    }

    fn add_orders(&mut self, orders: &[NewOrder]) -> StoreResult<Vec<Outcome>> {
        let mut outcomes = vec![Outcome::Added; orders.len()];
        // Companies are locked in the order of their numbers, so that two writers of several companies cannot deadlock.
        for (company_id, positions) in by_company(orders) {
            let view = self.view_for_update(company_id)?;
            self.classify_company(company_id, &view, orders, &positions, &mut outcomes)?;
            let added: Positions =
                positions.into_iter().filter(|position| outcomes[*position] == Outcome::Added).collect();
            if !added.is_empty() {
                self.write_company(company_id, &view, orders, added)?;
            }
        }
        Ok(outcomes)
    }
}

impl Session {
    /// Writes new orders. The company is locked, so no other transaction can have added them meanwhile.
    fn write_company(
        &mut self,
        company_id: i64,
        view: &CompanyView,
        orders: &[NewOrder],
        mut added: Positions,
    ) -> StoreResult<()> {
        // Line numbers are assigned in batch order, so that an import of the same file always produces the same rows.
        added.sort_unstable();
        let mut lines = Arc::clone(&view.lines);
        let mut line_nos: HashMap<usize, LineNo> = HashMap::with_capacity(added.len());
        for &position in &added {
            line_nos.insert(position, Lines::find_or_add(&mut lines, &orders[position].line));
        }
        insert_lines(self.connection.as_mut(), company_id, view.lines.len(), &lines)?;
        self.insert_numbers(company_id, orders, &added)?;
        let key = |position: &usize| {
            let order = &orders[*position].order;
            (order.status, order.start_time_s, &order.number)
        };
        added.sort_unstable_by(|a, b| key(a).cmp(&key(b)));
        let mut changes = Changes::default();
        for position in &added {
            let order = &orders[*position].order;
            changes.add(order.status, order.start_time_s, line_nos[position], &Measures::of(order));
        }
        let mut rows = added
            .iter()
            .map(|position| order_values(company_id, line_nos[position], &orders[*position].order));
        insert_exactly(self.connection.as_mut(), &ORDERS, added.len(), &mut rows)?;
        self.finish_company(company_id, view, lines, added.len(), &changes)
    }

    /// Registers both numbers of each order.
    fn insert_numbers(&mut self, company_id: i64, orders: &[NewOrder], added: &Positions) -> StoreResult<()> {
        let mut numbers: Vec<(&str, &str, i64)> = Vec::with_capacity(added.len() * 2);
        for position in added {
            let order = &orders[*position].order;
            let (number, other) = (order.number.as_str(), order.counterpart.as_str());
            numbers.push((number, other, order.start_time_s));
            if !other.is_empty() {
                numbers.push((other, number, order.start_time_s));
            }
        }
        // Sorted numbers touch fewer leaf pages of the index.
        numbers.sort_unstable();
        let mut rows = numbers.iter().map(|(number, other, start_time_s)| {
            vec![company_id.into(), (*number).into(), (*other).into(), (*start_time_s).into()]
        });
        insert_exactly(self.connection.as_mut(), &ORDER_NUMBER, numbers.len(), &mut rows)
    }

    fn finish_company(
        &mut self,
        company_id: i64,
        before: &CompanyView,
        lines: Arc<Lines>,
        added: usize,
        changes: &Changes,
    ) -> StoreResult<()> {
        let order_count = before.order_count + i64::try_from(added).unwrap_or(i64::MAX);
        let line_count = i64::try_from(lines.len()).unwrap_or(i64::MAX);
        let after = before.clone().with_changed_orders();
        execute_exactly(
            self.connection.as_mut(),
            1,
            "UPDATE company_state SET line_count = $2, order_count = $3, orders_version = $4 WHERE company_id = $1",
            &[company_id.into(), line_count.into(), order_count.into(), after.orders_version.into()],
        )?;
        changes.write_periods(self.connection.as_mut(), company_id)?;
        let mut tiled = before.tiled;
        if tiled {
            changes.write_tiles_and_hours(self.connection.as_mut(), company_id)?;
        } else if order_count > self.options.tile_threshold {
            self.promote(company_id)?;
            tiled = true;
        }
        self.companies.insert(company_id, CompanyView { lines, order_count, tiled, ..after });
        Ok(())
    }
}
