//! Finds orders by their numbers, and determines which orders of a batch are new.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use tollbook_domain::{NewOrder, Status};

use crate::error::{StoreError, StoreResult};
use crate::orders::{OrderLookup, Outcome, StoredOrder};
use crate::sql::driver::connection::{Connection, SqlValue, SqlValues, first};
use crate::sql::orders::rows::{ORDER_COLUMNS, read};
use crate::sql::session::{CompanyView, Session};

/// The registration of a number: the other number and the start time of its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    /// The order's other number.
    pub(crate) counterpart: String,
    pub(crate) start_time_s: i64,
}

/// Numbers per statement. The count is constant, so that the statement is prepared once.
const NUMBERS_PER_STATEMENT: usize = 250;

/// Each number is looked up in a subquery of its own. For an IN list or a join, the planner may read all rows of the
/// company instead of using the index, because a table that has just been filled has no statistics.
static OWNERS: LazyLock<String> = LazyLock::new(|| {
    let places: Vec<String> = (2..NUMBERS_PER_STATEMENT + 2).map(|place| format!("(${place})")).collect();
    let of = |column: &str| {
        format!(
            "(SELECT n.{column} FROM order_number n WHERE n.company_id = $1 AND n.number = wanted.number)"
        )
    };
    let (counterpart, start_time) = (of("counterpart_no"), of("start_time"));
    format!(
        "WITH wanted (number) AS (VALUES {}) SELECT wanted.number, {counterpart}, {start_time} FROM wanted \
         WHERE {start_time} IS NOT NULL",
        places.join(", ")
    )
});

/// Returns the registrations of numbers. Unregistered numbers are absent.
pub(crate) fn owners<'n>(
    connection: &mut dyn Connection,
    company_id: i64,
    numbers: impl Iterator<Item = &'n str>,
) -> StoreResult<HashMap<String, Owner>> {
    let mut numbers: Vec<&str> = numbers.collect();
    // Sorted numbers touch fewer leaf pages of the index.
    numbers.sort_unstable();
    let sets: Vec<SqlValues<'_>> = numbers
        .chunks(NUMBERS_PER_STATEMENT)
        .map(|chunk| {
            // A short chunk is padded with its last number.
            let padding = std::iter::repeat_n(chunk[chunk.len() - 1], NUMBERS_PER_STATEMENT - chunk.len());
            let numbers = chunk.iter().copied().chain(padding).map(SqlValue::Text);
            std::iter::once(SqlValue::Int(company_id)).chain(numbers).collect()
        })
        .collect();
    let mut found = HashMap::new();
    connection.query_each(&OWNERS, &sets, &mut |_, row| {
        let owner = Owner { counterpart: row.text(1)?.to_owned(), start_time_s: row.int(2)? };
        found.insert(row.text(0)?.to_owned(), owner);
        Ok(())
    })?;
    Ok(found)
}

/// The orders that have these numbers, in the order of the numbers.
pub(crate) fn by_owners(
    connection: &mut dyn Connection,
    company_id: i64,
    owners: &[(&str, &Owner)],
) -> StoreResult<Vec<StoredOrder>> {
    // The number in an order's key depends on its status. Each possible key is looked up separately: for a list of
    // keys, the planner may read all orders of the company and filter them.
    let places: Vec<String> = Status::ALL
        .iter()
        .flat_map(|status| ["$3", "$4"].map(|number| (status.number(), number)))
        .map(|(status, number)| {
            format!(
                "SELECT {ORDER_COLUMNS} FROM orders WHERE company_id = $1 AND status = {status} AND start_time = $2 \
                 AND order_no = {number}"
            )
        })
        .collect();
    let sql = places.join(" UNION ALL ");
    let sets: Vec<SqlValues<'_>> = owners
        .iter()
        .map(|(number, owner)| {
            vec![
                company_id.into(),
                owner.start_time_s.into(),
                (*number).into(),
                owner.counterpart.as_str().into(),
            ]
        })
        .collect();
    let mut orders: Vec<Option<StoredOrder>> = vec![None; owners.len()];
    connection.query_each(&sql, &sets, &mut |index, row| {
        orders[index] = Some(read(row)?);
        Ok(())
    })?;
    orders
        .into_iter()
        .zip(owners)
        .map(|(order, (number, _))| {
            order.ok_or_else(|| StoreError::Damaged(format!("the number {number} has no order")))
        })
        .collect()
}

/// The orders that have these numbers; unknown numbers are skipped.
pub(crate) fn by_numbers(
    connection: &mut dyn Connection,
    company_id: i64,
    numbers: &[&str],
) -> StoreResult<Vec<StoredOrder>> {
    let owners = owners(connection, company_id, numbers.iter().copied())?;
    let found: Vec<(&str, &Owner)> =
        numbers.iter().filter_map(|number| Some((*number, owners.get(*number)?))).collect();
    by_owners(connection, company_id, &found)
}

/// Positions of one company's orders in a batch.
pub(crate) type Positions = Vec<usize>;

/// Groups the positions of a batch by company.
pub(crate) fn by_company(orders: &[NewOrder]) -> BTreeMap<i64, Positions> {
    let mut companies: BTreeMap<i64, Positions> = BTreeMap::new();
    for (position, order) in orders.iter().enumerate() {
        companies.entry(order.company_id).or_default().push(position);
    }
    companies
}

/// Finds the orders of a batch that share a number with an earlier order of the batch, and their outcomes.
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
                let same = orders[earlier].line.same_content(&orders[position].line)
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

impl OrderLookup for Session {
    fn order_by_number(&mut self, company_id: i64, number: &str) -> StoreResult<Option<StoredOrder>> {
        Ok(by_numbers(self.connection.as_mut(), company_id, &[number])?.pop())
    }

    fn orders_by_numbers(
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

    fn classify_orders(&mut self, orders: &[NewOrder]) -> StoreResult<Vec<Outcome>> {
        let mut outcomes = vec![Outcome::Added; orders.len()];
        for (company_id, positions) in by_company(orders) {
            let view = self.view(company_id)?;
            self.classify_company(company_id, &view, orders, &positions, &mut outcomes)?;
        }
        Ok(outcomes)
    }

    fn orders_version(&mut self, company_id: i64) -> StoreResult<i64> {
        let sql = "SELECT orders_version FROM company_state WHERE company_id = $1";
        Ok(first(self.connection.as_mut(), sql, &[company_id.into()], |row| row.int(0))?.unwrap_or(0))
    }
}

impl Session {
    /// Sets the outcomes of one company's orders.
    pub(crate) fn classify_company(
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
            let same = line.is_some_and(|line| line.same_content(&new.line))
                && stored.order.same_content(&new.order);
            outcomes[position] = if same { Outcome::Present } else { Outcome::Conflict };
        }
        Ok(())
    }
}
