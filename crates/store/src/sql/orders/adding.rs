//! Adding orders, company by company: the company's state is locked, numbers decide what is new, then lines, numbers,
//! orders, rollups and tiles are written, each kind at once.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tollbook_domain::{Line, Measures, NewOrder};

use crate::Outcome;
use crate::error::StoreResult;
use crate::lines::{LineNo, Lines};
use crate::sql::driver::connection::{execute_exactly, insert_exactly};
use crate::sql::driver::schema::{LINE, ORDER_NUMBER, ORDERS};
use crate::sql::orders::line_rows::{line_key, line_values};
use crate::sql::orders::lookup::{Owner, by_owners, owners};
use crate::sql::orders::rollups::Changes;
use crate::sql::orders::rows::order_values;
use crate::sql::session::{CompanyView, Session};

/// Positions in the batch of one company's orders.
type Positions = Vec<usize>;

fn by_company(orders: &[NewOrder]) -> BTreeMap<i64, Positions> {
    let mut companies: BTreeMap<i64, Positions> = BTreeMap::new();
    for (position, order) in orders.iter().enumerate() {
        companies.entry(order.company_id).or_default().push(position);
    }
    companies
}

/// Finds repeats inside a batch: for each position either none, or the outcome against the earlier order.
fn repeats(orders: &[NewOrder], positions: &Positions) -> HashMap<usize, Outcome> {
    let mut owners: HashMap<&str, usize> = HashMap::new();
    let mut found = HashMap::new();
    for &position in positions {
        let order = &orders[position].order;
        let numbers = [order.number.as_str(), order.counterpart.as_str()];
        let numbers = numbers.iter().filter(|number| !number.is_empty());
        let earlier = numbers.clone().find_map(|number| owners.get(number).copied());
        match earlier {
            Some(earlier) => {
                let same = orders[earlier].line == orders[position].line
                    && orders[earlier].order.same_content(order);
                found.insert(position, if same { Outcome::Present } else { Outcome::Conflict });
            }
            None => numbers.for_each(|number| {
                owners.insert(number, position);
            }),
        }
    }
    found
}

impl Session {
    /// What [`Session::write_orders`] would say, without writing.
    pub(crate) fn classify(&mut self, orders: &[NewOrder]) -> StoreResult<Vec<Outcome>> {
        let mut outcomes = vec![Outcome::Added; orders.len()];
        for (company_id, positions) in by_company(orders) {
            let view = self.view(company_id)?;
            self.classify_company(company_id, &view, orders, &positions, &mut outcomes)?;
        }
        Ok(outcomes)
    }

    /// Sets the outcomes of one company's orders.
    fn classify_company(
        &mut self,
        company_id: i64,
        view: &CompanyView,
        orders: &[NewOrder],
        positions: &Positions,
        outcomes: &mut [Outcome],
    ) -> StoreResult<()> {
        let repeats = repeats(orders, positions);
        let numbers =
            positions.iter().filter(|position| !repeats.contains_key(position)).flat_map(|position| {
                let order = &orders[*position].order;
                [order.number.as_str(), order.counterpart.as_str()]
            });
        let numbers = numbers.filter(|number| !number.is_empty());
        let owners = if view.order_count == 0 {
            HashMap::new()
        } else {
            owners(self.connection.as_mut(), company_id, numbers)?
        };
        let mut taken: Vec<usize> = Vec::new();
        let mut taken_by: Vec<(&str, &Owner)> = Vec::new();
        for &position in positions {
            let order = &orders[position].order;
            let owner = [order.number.as_str(), order.counterpart.as_str()]
                .into_iter()
                .find_map(|number| Some((number, owners.get(number)?)));
            outcomes[position] = match (repeats.get(&position), owner) {
                (Some(outcome), _) => *outcome,
                (None, Some(owner)) => {
                    taken.push(position);
                    taken_by.push(owner);
                    continue;
                }
                (None, None) if order.start_time_s < view.pruned_before_s => Outcome::Pruned,
                (None, None) => Outcome::Added,
            };
        }
        let stored = by_owners(self.connection.as_mut(), company_id, &taken_by)?;
        for (position, stored) in taken.into_iter().zip(stored) {
            let new = &orders[position];
            let line = view.lines.get(stored.line_no);
            let same = line.is_some_and(|line| **line == new.line) && stored.order.same_content(&new.order);
            outcomes[position] = if same { Outcome::Present } else { Outcome::Conflict };
        }
        Ok(())
    }

    pub(crate) fn write_orders(&mut self, orders: &[NewOrder]) -> StoreResult<Vec<Outcome>> {
        let mut outcomes = vec![Outcome::Added; orders.len()];
        // Companies in the order of their numbers: two writers of several companies wait for each other, never both.
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

    /// Writes orders that are new. Nobody else writes orders of the company until this transaction ends, so that what
    /// was new a moment ago still is.
    fn write_company(
        &mut self,
        company_id: i64,
        view: &CompanyView,
        orders: &[NewOrder],
        mut added: Positions,
    ) -> StoreResult<()> {
        // Line numbers are given in the order of the file, so that the same file makes the same store.
        added.sort_unstable();
        let mut lines = Arc::clone(&view.lines);
        let mut line_nos: HashMap<usize, LineNo> = HashMap::with_capacity(added.len());
        for &position in &added {
            let line = &orders[position].line;
            let line_no = match lines.find(line) {
                Some(line_no) => line_no,
                // Copies on the first new line of a batch only: afterwards this transaction holds the one reference.
                None => Arc::make_mut(&mut lines).push(line.clone()),
            };
            line_nos.insert(position, line_no);
        }
        self.insert_lines(company_id, view.lines.len(), &lines)?;
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

    pub(crate) fn insert_lines(&mut self, company_id: i64, known: usize, lines: &Lines) -> StoreResult<()> {
        let new: Vec<(LineNo, &Line, [u8; 32])> = (0..)
            .zip(lines.iter())
            .skip(known)
            .map(|(line_no, line)| (line_no, &**line, line_key(line)))
            .collect();
        if new.is_empty() {
            return Ok(());
        }
        let mut rows = new.iter().map(|(line_no, line, key)| line_values(company_id, *line_no, line, key));
        insert_exactly(self.connection.as_mut(), &LINE, new.len(), &mut rows)
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
        // Sorted, neighbours land on the same leaf of the index.
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
