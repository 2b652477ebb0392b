//! Orders to records of an order file: what [`super::OrderReader`] reads back as the very same orders.

use std::fmt::Display;
use std::io::Write as _;

use tollbook_domain::{AccountKind, Amount, NewOrder, Status};

use super::field::Field;

/// A value as both formats write it.
enum Written<'a> {
    Text(&'a str),
    Integer(i64),
    /// A decimal, written as a text.
    Decimal(&'a dyn Display),
    /// An amount, written as a text.
    Amount(Amount),
    /// A time that is a text, empty when there is none.
    TextTime(Option<i64>),
}

fn value(order: &NewOrder, field: Field, write: &mut dyn FnMut(Written<'_>)) {
    let NewOrder { company_id, line, order } = order;
    let paid = order.status == Status::Paid;
    let deduction = |kind| Written::Amount(order.deductions.get(kind));
    let number_if = |shown: bool| Written::Text(if shown { &order.counterpart } else { "" });
    write(match field {
        Field::Region => Written::Text(&line.region),
        Field::ProductCode => Written::Text(&line.product_code),
        Field::OrderNo => Written::Text(&order.number),
        Field::SourceOrderNo => number_if(!paid),
        Field::UnpaidOrderNo => number_if(paid),
        Field::CompanyID => Written::Integer(*company_id),
        Field::OrganizationID => Written::Integer(line.organization_id),
        Field::UserEmail => Written::Text(&line.user_email),
        Field::ChargeType => Written::Integer(line.charge_type),
        Field::Channel => Written::Integer(line.channel),
        Field::Currency => Written::Text(&line.currency),
        Field::ResourceID => Written::Text(&line.resource_id),
        Field::ResourceType => Written::Integer(line.resource_type),
        Field::ModelID => Written::Text(&line.model_id),
        Field::ModelName => Written::Text(&line.model_name),
        Field::OrderType => Written::Integer(line.order_type),
        Field::PricingSKU => Written::Text(&line.pricing_sku),
        Field::PricingItemID => Written::Integer(line.pricing_item_id),
        Field::Quantity => Written::Integer(order.quantity),
        Field::PricingUnit => Written::Integer(line.pricing_unit),
        Field::ListPrice => Written::Decimal(&line.list_price),
        Field::DiscountPrice => Written::Decimal(&line.discount_price),
        Field::OrderTotalPrice => Written::Decimal(&order.total),
        Field::OriginalPrice => Written::Decimal(&order.original),
        Field::Status => Written::Integer(order.status.number()),
        Field::CreateTime => Written::TextTime(order.create_time_s),
        Field::StartTime => Written::Integer(order.start_time_s),
        Field::EndTime => Written::Integer(order.end_time_s),
        Field::PaidTime => Written::Integer(order.paid_time_s.unwrap_or(0)),
        Field::RevocationTime => Written::TextTime(order.revocation_time_s),
        Field::StarCardAccount => deduction(AccountKind::StarCard),
        Field::Coupon => deduction(AccountKind::Coupon),
        Field::BonusAccount => deduction(AccountKind::Bonus),
        Field::CashAccount => deduction(AccountKind::Cash),
        Field::CreditAccount => deduction(AccountKind::Credit),
    });
}

fn print(out: &mut Vec<u8>, value: impl Display) {
    write!(out, "{value}").expect("a vector takes every byte");
}

fn push_json_text(text: &str, out: &mut Vec<u8>) {
    serde_json::to_writer(out, text).expect("a text is always JSON");
}

/// Appends an order as one line of JSON Lines, line feed included. The order obeys [`NewOrder::check`].
pub fn push_json_line(order: &NewOrder, out: &mut Vec<u8>) {
    let mut opening = b'{';
    for field in Field::ALL {
        out.push(opening);
        opening = b',';
        print(out, format_args!("\"{}\":", field.name()));
        value(order, *field, &mut |value| match value {
            Written::Text(text) => push_json_text(text, out),
            Written::Integer(number) => print(out, number),
            Written::Decimal(decimal) => print(out, format_args!("\"{decimal}\"")),
            Written::Amount(amount) => print(out, format_args!("\"{amount}\"")),
            Written::TextTime(Some(time_s)) => print(out, format_args!("\"{time_s}\"")),
            Written::TextTime(None) => out.extend(b"\"\""),
        });
    }
    out.extend(b"}\n");
}

/// Appends the header of a CSV file.
pub fn push_csv_header(out: &mut Vec<u8>) {
    let names: Vec<&str> = Field::ALL.iter().map(|field| field.name()).collect();
    out.extend(names.join(",").as_bytes());
    out.push(b'\n');
}

/// Appends an order as one record under the header of [`push_csv_header`]. The order obeys [`NewOrder::check`].
pub fn push_csv_record(order: &NewOrder, out: &mut Vec<u8>) {
    for (column, field) in Field::ALL.iter().enumerate() {
        if column > 0 {
            out.push(b',');
        }
        value(order, *field, &mut |value| match value {
            Written::Text(text) => push_cell(text, out),
            Written::Integer(number) => print(out, number),
            Written::Decimal(decimal) => print(out, decimal),
            Written::Amount(amount) => print(out, amount),
            Written::TextTime(time_s) => {
                if let Some(time_s) = time_s {
                    print(out, time_s);
                }
            }
        });
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
