//! Converts rows of the table `line` to and from [`Line`].

use tollbook_domain::{AmountRule, Line, UnitPrice};

use crate::error::{StoreError, StoreResult};
use crate::lines::{LineNo, Lines};
use crate::sql::driver::connection::{Connection, Row, SqlValue, SqlValues, insert_exactly};
use crate::sql::driver::schema::LINE;

pub(crate) fn line_no_of(number: i64) -> StoreResult<LineNo> {
    LineNo::try_from(number).map_err(|_| StoreError::Damaged(format!("{number} is not a line number")))
}

fn amount_rule_of(number: i64) -> StoreResult<AmountRule> {
    AmountRule::from_number(number)
        .ok_or_else(|| StoreError::Damaged(format!("{number} is not a rule of amounts")))
}

/// Columns of a line in the order in which [`read_line`] reads them.
pub(crate) const LINE_COLUMNS: &str = "organization_id, user_email, resource_id, resource_type, model_id, model_name, pricing_sku, \
     pricing_item_id, pricing_unit, product_code, region, charge_type, order_type, channel, currency, list_price, \
     discount_price, organization_name, resource_name, amount_rule";

pub(crate) fn read_line(row: &dyn Row) -> StoreResult<Line> {
    let text = |column| row.text(column).map(ToOwned::to_owned);
    Ok(Line {
        organization_id: row.int(0)?,
        organization_name: text(17)?,
        user_email: text(1)?,
        resource_id: text(2)?,
        resource_name: text(18)?,
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
        amount_rule: amount_rule_of(row.int(19)?)?,
    })
}

/// The values of a line in the order of `schema::LINE`; `key` is its [`line_key`].
fn line_values<'a>(company_id: i64, line_no: LineNo, line: &'a Line, key: &'a [u8; 32]) -> SqlValues<'a> {
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
        line.organization_name.as_str().into(),
        line.resource_name.as_str().into(),
        line.amount_rule.number().into(),
    ]
}

/// SHA-256 over all fields; lines of schema version 5 and before keep the one of the fields that they had. Each text is
/// preceded by its length, so that no two lines have the same input.
pub(crate) fn line_key(line: &Line) -> [u8; 32] {
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
        &line.organization_name,
        &line.resource_name,
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
        line.amount_rule.number(),
    ] {
        hash.update(number.to_le_bytes());
    }
    hash.finalize().into()
}

/// Inserts the lines of a company from line number `known` on.
pub(crate) fn insert_lines(
    connection: &mut dyn Connection,
    company_id: i64,
    known: usize,
    lines: &Lines,
) -> StoreResult<()> {
    let first = LineNo::try_from(known).unwrap_or(LineNo::MAX);
    let new: Vec<(LineNo, &Line, [u8; 32])> = (first..)
        .zip(lines.iter_from(known))
        .map(|(line_no, line)| (line_no, &**line, line_key(line)))
        .collect();
    if new.is_empty() {
        return Ok(());
    }
    let mut rows = new.iter().map(|(line_no, line, key)| line_values(company_id, *line_no, line, key));
    insert_exactly(connection, &LINE, new.len(), &mut rows)
}
