//! Order and line rows to and from their types, and finding an order by one of its numbers.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use tollbook_domain::measures::SUMS;
use tollbook_domain::{AccountKind, Amount, Deductions, Line, Measures, Order, Status, UnitPrice};

use super::connection::{Connection, Flow, Row, SqlValue, SqlValues, first};
use super::{CompanyView, Session};
use crate::StoredOrder;
use crate::error::{StoreError, StoreResult};
use crate::lines::{LineNo, Lines};

/// Columns of an order in the order in which [`read_into`] takes them; the first four are its key and line.
pub(super) const ORDER_COLUMNS: &str = "status, start_time, order_no, line_no, end_time, quantity, total, original, \
     star_card, coupon, bonus, cash, credit, counterpart_no, create_time, paid_time, revocation_time";

/// Line number and measures, as [`read_measures`] takes them.
pub(super) const MEASURE_COLUMNS: &str =
    "line_no, quantity, total, original, star_card, coupon, bonus, cash, credit";

pub(super) fn line_no_of(number: i64) -> StoreResult<LineNo> {
    LineNo::try_from(number).map_err(|_| StoreError::Damaged(format!("{number} is not a line number")))
}

pub(super) fn status_of(number: i64) -> StoreResult<Status> {
    Status::from_number(number).ok_or_else(|| StoreError::Damaged(format!("{number} is not a status")))
}

/// An order to read rows into.
pub(super) fn blank() -> StoredOrder {
    StoredOrder {
        line_no: 0,
        order: Order {
            number: String::new(),
            counterpart: String::new(),
            status: Status::Unpaid,
            start_time_s: 0,
            end_time_s: 0,
            quantity: 0,
            total: Amount::ZERO,
            original: Amount::ZERO,
            deductions: Deductions::default(),
            create_time_s: None,
            paid_time_s: None,
            revocation_time_s: None,
        },
    }
}

/// Reads a row of [`ORDER_COLUMNS`] over an older one, so that a scan of a million allocates no texts.
pub(super) fn read_into(row: &dyn Row, into: &mut StoredOrder) -> StoreResult<()> {
    let mut numbers = [0; 5 + AccountKind::COUNT];
    row.ints(3, &mut numbers)?;
    let after_deductions = 3 + numbers.len();
    let [line_no, end_time_s, quantity, total, original, deductions @ ..] = numbers;
    let order = &mut into.order;
    order.status = status_of(row.int(0)?)?;
    order.start_time_s = row.int(1)?;
    order.number.clear();
    order.number.push_str(row.text(2)?);
    into.line_no = line_no_of(line_no)?;
    order.end_time_s = end_time_s;
    order.quantity = quantity;
    order.total = Amount::from_steps(total);
    order.original = Amount::from_steps(original);
    order.deductions = Deductions::new(deductions.map(Amount::from_steps));
    order.counterpart.clear();
    order.counterpart.push_str(row.text(after_deductions)?);
    order.create_time_s = row.optional_int(after_deductions + 1)?;
    order.paid_time_s = row.optional_int(after_deductions + 2)?;
    order.revocation_time_s = row.optional_int(after_deductions + 3)?;
    Ok(())
}

pub(super) fn read(row: &dyn Row) -> StoreResult<StoredOrder> {
    let mut order = blank();
    read_into(row, &mut order)?;
    Ok(order)
}

pub(super) fn read_measures(row: &dyn Row) -> StoreResult<(LineNo, Measures)> {
    let mut numbers = [0; 1 + SUMS];
    row.ints(0, &mut numbers)?;
    let [line_no, sums @ ..] = numbers;
    Ok((line_no_of(line_no)?, Measures::from_sums(1, sums.map(i128::from))))
}

/// An order as a row of `schema::ORDERS`.
pub(super) fn order_values(company_id: i64, line_no: LineNo, order: &Order) -> SqlValues<'_> {
    let mut values: SqlValues<'_> = vec![
        company_id.into(),
        order.status.number().into(),
        order.start_time_s.into(),
        order.number.as_str().into(),
        i64::from(line_no).into(),
        order.end_time_s.into(),
        order.quantity.into(),
        order.total.steps().into(),
        order.original.steps().into(),
    ];
    values.extend(order.deductions.values().map(|amount| SqlValue::Int(amount.steps())));
    let rest: [SqlValue<'_>; 4] = [
        order.counterpart.as_str().into(),
        order.create_time_s.into(),
        order.paid_time_s.into(),
        order.revocation_time_s.into(),
    ];
    values.extend(rest);
    values
}

/// What is registered of a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    /// The order's other number.
    pub(super) other: String,
    pub(super) start_time_s: i64,
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
pub(super) fn owners<'n>(
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
pub(super) fn by_owners(
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
pub(super) fn by_numbers(
    connection: &mut dyn Connection,
    company_id: i64,
    numbers: &[&str],
) -> StoreResult<Vec<StoredOrder>> {
    let owners = owners(connection, company_id, numbers.iter().copied())?;
    let found: Vec<(&str, &Owner)> =
        numbers.iter().filter_map(|number| Some((*number, owners.get(*number)?))).collect();
    by_owners(connection, company_id, &found)
}

const LINE_COLUMNS: &str = "organization_id, user_email, resource_id, resource_type, model_id, model_name, pricing_sku, \
     pricing_item_id, pricing_unit, product_code, region, charge_type, order_type, channel, currency, list_price, \
     discount_price";

fn read_line(row: &dyn Row) -> StoreResult<Line> {
    let text = |column| row.text(column).map(ToOwned::to_owned);
    Ok(Line {
        organization_id: row.int(0)?,
        user_email: text(1)?,
        resource_id: text(2)?,
        resource_type: row.int(3)?,
        model_id: text(4)?,
        model_name: text(5)?,
        pricing_sku: text(6)?,
        pricing_item_id: row.int(7)?,
        pricing_unit: row.int(8)?,
        product_code: text(9)?,
        region: text(10)?,
        charge_type: row.int(11)?,
        order_type: row.int(12)?,
        channel: row.int(13)?,
        currency: text(14)?,
        list_price: UnitPrice::from_steps(row.int(15)?),
        discount_price: UnitPrice::from_steps(row.int(16)?),
    })
}

/// A line as a row of `schema::LINE`; `key` is its [`line_key`].
pub(super) fn line_values<'a>(
    company_id: i64,
    line_no: LineNo,
    line: &'a Line,
    key: &'a [u8; 32],
) -> SqlValues<'a> {
    vec![
        company_id.into(),
        i64::from(line_no).into(),
        SqlValue::Blob(key),
        line.organization_id.into(),
        line.user_email.as_str().into(),
        line.resource_id.as_str().into(),
        line.resource_type.into(),
        line.model_id.as_str().into(),
        line.model_name.as_str().into(),
        line.pricing_sku.as_str().into(),
        line.pricing_item_id.into(),
        line.pricing_unit.into(),
        line.product_code.as_str().into(),
        line.region.as_str().into(),
        line.charge_type.into(),
        line.order_type.into(),
        line.channel.into(),
        line.currency.as_str().into(),
        line.list_price.steps().into(),
        line.discount_price.steps().into(),
    ]
}

/// SHA-256 over all fields, texts with their length in front, so that no two lines share a key.
pub(super) fn line_key(line: &Line) -> [u8; 32] {
    use sha2::Digest;
    let mut hash = sha2::Sha256::new();
    for text in [
        &line.user_email,
        &line.resource_id,
        &line.model_id,
        &line.model_name,
        &line.pricing_sku,
        &line.product_code,
        &line.region,
        &line.currency,
    ] {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    }
    for number in [
        line.organization_id,
        line.resource_type,
        line.pricing_item_id,
        line.pricing_unit,
        line.charge_type,
        line.order_type,
        line.channel,
        line.list_price.steps(),
        line.discount_price.steps(),
    ] {
        hash.update(number.to_le_bytes());
    }
    hash.finalize().into()
}

impl Session {
    /// What this transaction knows of a company; a company that does not exist has nothing.
    pub(super) fn view(&mut self, company_id: i64) -> StoreResult<CompanyView> {
        match self.companies.get(&company_id) {
            Some(view) => Ok(view.clone()),
            None => self.read_view(company_id, false),
        }
    }

    /// The same, and from here on no other transaction may write orders of the company. What was seen of it before is
    /// read again: another one may have written until now.
    pub(super) fn view_for_update(&mut self, company_id: i64) -> StoreResult<CompanyView> {
        match self.companies.get(&company_id) {
            Some(view) if view.locked => Ok(view.clone()),
            _ => self.read_view(company_id, true),
        }
    }

    fn read_view(&mut self, company_id: i64, locked: bool) -> StoreResult<CompanyView> {
        let dialect = self.connection.dialect();
        if locked && !dialect.queue.is_empty() {
            self.connection.query(dialect.queue, &[company_id.into()], &mut |_| Ok(Flow::Enough))?;
        }
        let for_update = if locked { dialect.for_update } else { "" };
        let sql = format!(
            "SELECT line_count, order_count, tiled, pruned_before, orders_version FROM company_state \
             WHERE company_id = $1 {for_update}"
        );
        let state = first(self.connection.as_mut(), &sql, &[company_id.into()], |row| {
            Ok((row.int(0)?, row.int(1)?, row.int(2)? != 0, row.int(3)?, row.int(4)?))
        })?;
        let (line_count, order_count, tiled, pruned_before_s, orders_version) = state.unwrap_or_default();
        let lines = self.load_lines(company_id, line_count)?;
        let view = CompanyView {
            lines,
            order_count,
            tiled,
            pruned_before_s,
            orders_version,
            changed: false,
            locked,
        };
        self.companies.insert(company_id, view.clone());
        Ok(view)
    }

    fn load_lines(&mut self, company_id: i64, line_count: i64) -> StoreResult<Arc<Lines>> {
        let wanted = usize::try_from(line_count).unwrap_or(0);
        let cached = self.cache.get(company_id, self.failover_epoch).unwrap_or_default();
        if cached.len() == wanted {
            return Ok(cached);
        }
        if cached.len() > wanted {
            // An older snapshot than one that another reader had.
            return Ok(Arc::new(cached.truncated(wanted)));
        }
        let mut lines = Lines::clone(&cached);
        // Of a company that is not locked, a writer may see more lines by now than the state counted a moment ago.
        let sql = format!(
            "SELECT {LINE_COLUMNS} FROM line WHERE company_id = $1 AND line_no >= $2 AND line_no < $3 \
             ORDER BY line_no"
        );
        let from = i64::try_from(cached.len()).unwrap_or(i64::MAX);
        let values = [company_id, from, line_count].map(SqlValue::Int);
        self.connection.query(&sql, &values, &mut |row| {
            lines.push(read_line(row)?);
            Ok(Flow::More)
        })?;
        if lines.len() != wanted {
            return Err(StoreError::Damaged(format!(
                "company {company_id} has {} of {wanted} lines",
                lines.len()
            )));
        }
        let lines = Arc::new(lines);
        self.cache.put(company_id, &lines, self.failover_epoch);
        Ok(lines)
    }
}
