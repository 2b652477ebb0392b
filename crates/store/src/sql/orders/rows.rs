//! Converts rows of the table `orders` to and from [`Order`].

use tollbook_domain::measures::SUMS;
use tollbook_domain::{AccountKind, Amount, Deductions, Measures, Order, Status};

use crate::error::{StoreError, StoreResult};
use crate::lines::LineNo;
use crate::orders::StoredOrder;
use crate::sql::driver::connection::{Row, SqlValue, SqlValues};
use crate::sql::orders::line_rows::line_no_of;

/// Columns of an order in the order in which [`read_into`] reads them; the first four are its key and line.
pub(crate) const ORDER_COLUMNS: &str = "status, start_time, order_no, line_no, end_time, quantity, total, original, \
     star_card, coupon, bonus, cash, credit, counterpart_no, create_time, paid_time, revocation_time, \
     replaces_no, replaced_by_no";

/// Line number and measures, in the order in which [`read_measures`] reads them.
pub(crate) const MEASURE_COLUMNS: &str =
    "line_no, quantity, total, original, star_card, coupon, bonus, cash, credit";

pub(crate) fn status_of(number: i64) -> StoreResult<Status> {
    Status::from_number(number).ok_or_else(|| StoreError::Damaged(format!("{number} is not a status")))
}

/// An empty order to read rows into.
pub(crate) fn blank() -> StoredOrder {
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
            replaces: String::new(),
            replaced_by: String::new(),
        },
    }
}

/// Reads a row of [`ORDER_COLUMNS`] into an order that is reused, so that a scan does not allocate strings for each
/// row.
pub(crate) fn read_into(row: &dyn Row, into: &mut StoredOrder) -> StoreResult<()> {
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
    order.replaces.clear();
    order.replaces.push_str(row.optional_text(after_deductions + 4)?.unwrap_or_default());
    order.replaced_by.clear();
    order.replaced_by.push_str(row.optional_text(after_deductions + 5)?.unwrap_or_default());
    Ok(())
}

/// Reads a row of [`ORDER_COLUMNS`].
pub(crate) fn read(row: &dyn Row) -> StoreResult<StoredOrder> {
    let mut order = blank();
    read_into(row, &mut order)?;
    Ok(order)
}

pub(crate) fn read_measures(row: &dyn Row) -> StoreResult<(LineNo, Measures)> {
    let mut numbers = [0; 1 + SUMS];
    row.ints(0, &mut numbers)?;
    let [line_no, sums @ ..] = numbers;
    Ok((line_no_of(line_no)?, Measures::from_sums(1, sums.map(i128::from))))
}

fn number_or_null(number: &str) -> SqlValue<'_> {
    if number.is_empty() { SqlValue::Null } else { SqlValue::Text(number) }
}

/// The values of an order in the order of `schema::ORDERS`.
pub(crate) fn order_values(company_id: i64, line_no: LineNo, order: &Order) -> SqlValues<'_> {
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
    let rest: [SqlValue<'_>; 6] = [
        order.counterpart.as_str().into(),
        order.create_time_s.into(),
        order.paid_time_s.into(),
        order.revocation_time_s.into(),
        number_or_null(&order.replaces),
        number_or_null(&order.replaced_by),
    ];
    values.extend(rest);
    values
}
