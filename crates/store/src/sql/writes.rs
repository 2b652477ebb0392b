//! Adding orders: numbers first (they decide what is new), then lines, orders, rollups and tiles, company by
//! company.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tollbook_domain::{Line, Measures, NewOrder};

use super::connection::execute_exactly;
use super::order_rows::{by_number, insert, insert_line};
use super::rollups::Changes;
use super::{CompanyView, Session};
use crate::error::{StoreError, StoreResult};
use crate::lines::{LineNo, Lines};
use crate::{Outcome, StoredOrder};

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
    pub(super) fn classify(&mut self, orders: &[NewOrder]) -> StoreResult<Vec<Outcome>> {
        let mut outcomes = vec![Outcome::Added; orders.len()];
        for (company_id, positions) in by_company(orders) {
            let repeats = repeats(orders, &positions);
            let view = self.view(company_id)?;
            for position in positions {
                outcomes[position] = match repeats.get(&position) {
                    Some(outcome) => *outcome,
                    None if view.order_count == 0 => Outcome::Added,
                    None => self.against_stored(&orders[position], &view.lines)?,
                };
            }
        }
        Ok(outcomes)
    }

    /// An order against those that are stored.
    fn against_stored(&mut self, new: &NewOrder, lines: &Lines) -> StoreResult<Outcome> {
        for number in [&new.order.number, &new.order.counterpart] {
            if number.is_empty() {
                continue;
            }
            if let Some(stored) = by_number(self.connection.as_mut(), new.company_id, number)? {
                let line = lines.get(stored.line_no);
                let same =
                    line.is_some_and(|line| **line == new.line) && stored.order.same_content(&new.order);
                return Ok(if same { Outcome::Present } else { Outcome::Conflict });
            }
        }
        Ok(Outcome::Added)
    }

    pub(super) fn write_orders(&mut self, orders: &[NewOrder]) -> StoreResult<Vec<Outcome>> {
        let mut outcomes = vec![Outcome::Added; orders.len()];
        for (company_id, positions) in by_company(orders) {
            self.write_company(company_id, orders, positions, &mut outcomes)?;
        }
        Ok(outcomes)
    }

    fn write_company(
        &mut self,
        company_id: i64,
        orders: &[NewOrder],
        mut positions: Positions,
        outcomes: &mut [Outcome],
    ) -> StoreResult<()> {
        let view = self.view_for_update(company_id)?;
        let repeats = repeats(orders, &positions);
        for (position, outcome) in &repeats {
            outcomes[*position] = *outcome;
        }
        positions.retain(|position| !repeats.contains_key(position));
        // Sorted, neighbours land on the same leaf of the index.
        positions.sort_by(|a, b| orders[*a].order.number.cmp(&orders[*b].order.number));
        let mut added = Vec::with_capacity(positions.len());
        for position in positions {
            let outcome = self.claim_numbers(&orders[position], &view.lines)?;
            outcomes[position] = outcome;
            if outcome == Outcome::Added {
                added.push(position);
            }
        }
        if added.is_empty() {
            return Ok(());
        }
        let key = |position: &usize| {
            let order = &orders[*position].order;
            (order.status, order.start_time_s, &order.number)
        };
        // Line numbers are given in the order of the file, so that the same file makes the same store.
        added.sort_unstable();
        let mut lines = Arc::clone(&view.lines);
        let mut line_nos: HashMap<usize, LineNo> = HashMap::with_capacity(added.len());
        for &position in &added {
            line_nos.insert(position, self.line_no(company_id, &mut lines, &orders[position].line)?);
        }
        added.sort_unstable_by(|a, b| key(a).cmp(&key(b)));
        let mut changes = Changes::default();
        for position in &added {
            let order = orders[*position].order.clone();
            let stored = StoredOrder { line_no: line_nos[position], order };
            insert(self.connection.as_mut(), company_id, &stored)?;
            let measures = Measures::of(&stored.order);
            changes.add(stored.order.status, stored.order.start_time_s, stored.line_no, &measures);
        }
        self.finish_company(company_id, &view, lines, added.len(), &changes)
    }

    /// Takes both numbers of an order, or says to whom they belong.
    fn claim_numbers(&mut self, new: &NewOrder, lines: &Lines) -> StoreResult<Outcome> {
        let (number, other) = (new.order.number.as_str(), new.order.counterpart.as_str());
        let sql = "INSERT INTO order_number (company_id, number, other_no, start_time) VALUES ($1, $2, $3, $4) \
                   ON CONFLICT (company_id, number) DO NOTHING";
        let mut claim = |number: &str, other: &str| {
            let start_time = new.order.start_time_s;
            let values = [new.company_id.into(), number.into(), other.into(), start_time.into()];
            Ok::<_, StoreError>(self.connection.execute(sql, &values)? == 1)
        };
        if !claim(number, other)? {
            return self.against_stored(new, lines);
        }
        if other.is_empty() || claim(other, number)? {
            return Ok(Outcome::Added);
        }
        // The second number belongs to an order that does not have the first.
        execute_exactly(
            self.connection.as_mut(),
            1,
            "DELETE FROM order_number WHERE company_id = $1 AND number = $2",
            &[new.company_id.into(), number.into()],
        )?;
        Ok(Outcome::Conflict)
    }

    fn line_no(&mut self, company_id: i64, lines: &mut Arc<Lines>, line: &Line) -> StoreResult<LineNo> {
        if let Some(line_no) = lines.find(line) {
            return Ok(line_no);
        }
        // Copies on the first new line of a batch only: afterwards this transaction holds the one reference.
        let line_no = Arc::make_mut(lines).push(line.clone());
        insert_line(self.connection.as_mut(), company_id, line_no, line)?;
        Ok(line_no)
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
        execute_exactly(
            self.connection.as_mut(),
            1,
            "UPDATE company_state SET line_count = $2, order_count = $3 WHERE company_id = $1",
            &[company_id.into(), line_count.into(), order_count.into()],
        )?;
        changes.write_periods(self.connection.as_mut(), company_id)?;
        let mut tiled = before.tiled;
        if tiled {
            changes.write_tiles(self.connection.as_mut(), company_id)?;
        } else if order_count > self.options.tile_threshold {
            self.promote(company_id)?;
            tiled = true;
        }
        self.companies.insert(company_id, CompanyView { lines, order_count, tiled });
        Ok(())
    }
}
