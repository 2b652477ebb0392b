//! Writes order files (`docs/ORDER_FILES.md`) for tests and benchmarks. Reading such a file returns the same orders.

use std::fmt::Display;
use std::io::Write as _;

use tollbook_domain::{AccountKind, NewOrder, Status};

use FieldValue::{Amount, Decimal, Integer, Text, TextTime};

/// A value as both formats write it.
enum FieldValue<'a> {
    Text(&'a str),
    Integer(i64),
    /// A decimal, written as a text.
    Decimal(&'a dyn Display),
    /// An amount of money, written like a decimal.
    Amount(tollbook_domain::Amount),
    /// A time that is written as a text, which is empty if there is no time.
    TextTime(Option<i64>),
}

/// Reads the value of a field.
type ValueOf = for<'o> fn(&'o NewOrder) -> FieldValue<'o>;

/// The stored fields by name, in the order in which the API lists them.
const FIELDS: [(&str, ValueOf); 36] = [
    ("Region", |of| Text(&of.line.region)),
    ("ProductCode", |of| Text(&of.line.product_code)),
    ("OrderNo", |of| Text(&of.order.number)),
    ("SourceOrderNo", |of| counterpart(of, of.order.status != Status::Paid)),
    ("CompanyID", |of| Integer(of.company_id)),
    ("OrganizationID", |of| Integer(of.line.organization_id)),
    ("UserEmail", |of| Text(&of.line.user_email)),
    ("ChargeType", |of| Integer(of.line.charge_type)),
    ("Channel", |of| Integer(of.line.channel)),
    ("Currency", |of| Text(&of.line.currency)),
    ("ResourceID", |of| Text(&of.line.resource_id)),
    ("ResourceName", |of| Text(&of.line.resource_name)),
    ("ResourceType", |of| Integer(of.line.resource_type)),
    ("ModelID", |of| Text(&of.line.model_id)),
    ("ModelName", |of| Text(&of.line.model_name)),
    ("OrderType", |of| Integer(of.line.order_type)),
    ("PricingSKU", |of| Text(&of.line.pricing_sku)),
    ("PricingItemID", |of| Integer(of.line.pricing_item_id)),
    ("Quantity", |of| Integer(of.order.quantity)),
    ("PricingUnit", |of| Integer(of.line.pricing_unit)),
    ("ListPrice", |of| Decimal(&of.line.list_price)),
    ("DiscountPrice", |of| Decimal(&of.line.discount_price)),
    ("OrderTotalPrice", |of| Decimal(&of.order.total)),
    ("OriginalPrice", |of| Decimal(&of.order.original)),
    ("Status", |of| Integer(of.order.status.number())),
    ("CreateTime", |of| TextTime(of.order.create_time_s)),
    ("StartTime", |of| Integer(of.order.start_time_s)),
    ("EndTime", |of| Integer(of.order.end_time_s)),
    ("PaidTime", |of| Integer(of.order.paid_time_s.unwrap_or(0))),
    ("RevocationTime", |of| TextTime(of.order.revocation_time_s)),
    ("StarCardAccount", |of| Amount(of.order.deductions.get(AccountKind::StarCard))),
    ("Coupon", |of| Amount(of.order.deductions.get(AccountKind::Coupon))),
    ("BonusAccount", |of| Amount(of.order.deductions.get(AccountKind::Bonus))),
    ("CashAccount", |of| Amount(of.order.deductions.get(AccountKind::Cash))),
    ("CreditAccount", |of| Amount(of.order.deductions.get(AccountKind::Credit))),
    ("UnpaidOrderNo", |of| counterpart(of, of.order.status == Status::Paid)),
];

/// The number that only one of the two lists of the API shows.
fn counterpart(of: &NewOrder, shown: bool) -> FieldValue<'_> {
    Text(if shown { &of.order.counterpart } else { "" })
}

fn print(out: &mut Vec<u8>, value: impl Display) {
    write!(out, "{value}").expect("writing to a vector does not fail");
}

fn push_json_text(text: &str, out: &mut Vec<u8>) {
    serde_json::to_writer(out, text).expect("writing to a vector does not fail");
}

/// Appends an order as one line of JSON Lines, including the line feed. The order must pass [`NewOrder::check`].
pub fn push_json_line(order: &NewOrder, out: &mut Vec<u8>) {
    let mut opening = b'{';
    for (name, value) in FIELDS {
        out.push(opening);
        opening = b',';
        print(out, format_args!("\"{name}\":"));
        match value(order) {
            Text(text) => push_json_text(text, out),
            Integer(number) => print(out, number),
            Decimal(decimal) => print(out, format_args!("\"{decimal}\"")),
            Amount(amount) => print(out, format_args!("\"{amount}\"")),
            TextTime(Some(time_s)) => print(out, format_args!("\"{time_s}\"")),
            TextTime(None) => out.extend(b"\"\""),
        }
    }
    out.extend(b"}\n");
}

/// Appends the header of a CSV file.
pub fn push_csv_header(out: &mut Vec<u8>) {
    out.extend(FIELDS.map(|(name, _)| name).join(",").as_bytes());
    out.push(b'\n');
}

/// Appends an order as one record for the header of [`push_csv_header`]. The order must pass [`NewOrder::check`].
pub fn push_csv_record(order: &NewOrder, out: &mut Vec<u8>) {
    for (column, (_, value)) in FIELDS.iter().enumerate() {
        if column > 0 {
            out.push(b',');
        }
        match value(order) {
            Text(text) => push_cell(text, out),
            Integer(number) => print(out, number),
            Decimal(decimal) => print(out, decimal),
            Amount(amount) => print(out, amount),
            TextTime(Some(time_s)) => print(out, time_s),
            TextTime(None) => {}
        }
    }
    out.push(b'\n');
}

fn push_cell(text: &str, out: &mut Vec<u8>) {
    if !text.contains([',', '"', '\r', '\n']) {
        return out.extend(text.as_bytes());
    }
    out.push(b'"');
    out.extend(text.replace('"', "\"\"").as_bytes());
    out.push(b'"');
}
