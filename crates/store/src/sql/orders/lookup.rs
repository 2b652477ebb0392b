//! Finds orders by their numbers.

use std::collections::HashMap;
use std::sync::LazyLock;

use tollbook_domain::Status;

use crate::StoredOrder;
use crate::error::{StoreError, StoreResult};
use crate::sql::driver::connection::{Connection, SqlValue, SqlValues};
use crate::sql::orders::rows::{ORDER_COLUMNS, read};

/// What is registered of a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    /// The order's other number.
    pub(crate) other: String,
    pub(crate) start_time_s: i64,
}

/// How many numbers one statement asks for. A constant, so that it is prepared once.
const NUMBERS_AT_ONCE: usize = 250;

/// Each number is sought for itself, in a subquery of its own: whether an IN list or a join is sought or the whole
/// company read and compared would be a guess of the planner, which knows nothing of a table that has just been filled.
static OWNERS: LazyLock<String> = LazyLock::new(|| {
    let places: Vec<String> = (2..NUMBERS_AT_ONCE + 2).map(|place| format!("(${place})")).collect();
    let of = |column: &str| {
        format!("(SELECT n.{column} FROM order_number n WHERE n.company_id = $1 AND n.number = asked.number)")
    };
    let (other, start_time) = (of("other_no"), of("start_time"));
    format!(
        "WITH asked (number) AS (VALUES {}) SELECT asked.number, {other}, {start_time} FROM asked \
         WHERE {start_time} IS NOT NULL",
        places.join(", ")
    )
});

/// Which of these numbers belong to an order, and to which.
pub(crate) fn owners<'n>(
    connection: &mut dyn Connection,
    company_id: i64,
    numbers: impl Iterator<Item = &'n str>,
) -> StoreResult<HashMap<String, Owner>> {
    let mut numbers: Vec<&str> = numbers.collect();
    // Neighbours lie on the same leaf of the index.
    numbers.sort_unstable();
    let sets: Vec<SqlValues<'_>> = numbers
        .chunks(NUMBERS_AT_ONCE)
        .map(|chunk| {
            // A short chunk asks for its last number again.
            let padding = std::iter::repeat_n(chunk[chunk.len() - 1], NUMBERS_AT_ONCE - chunk.len());
            let numbers = chunk.iter().copied().chain(padding).map(SqlValue::Text);
            std::iter::once(SqlValue::Int(company_id)).chain(numbers).collect()
        })
        .collect();
    let mut found = HashMap::new();
    connection.query_each(&OWNERS, &sets, &mut |_, row| {
        let owner = Owner { other: row.text(1)?.to_owned(), start_time_s: row.int(2)? };
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
    // Which of its two numbers an order is filed under depends on its status. Each possible place is looked at for
    // itself: of a list the planner may make a filter over all orders of the company.
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
            vec![company_id.into(), owner.start_time_s.into(), (*number).into(), owner.other.as_str().into()]
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

/// The orders that these numbers belong to; numbers of nobody are passed over.
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
