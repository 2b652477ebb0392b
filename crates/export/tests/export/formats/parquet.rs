//! Parquet files, read with the record reader of the `parquet` crate.

use bytes::Bytes;
use parquet::basic::{LogicalType, Repetition, TimeUnit};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field as Found, Row};
use proptest::prelude::*;
use tollbook_domain::{AccountKind, Amount, AmountRule, Deductions, NewOrder, Status};
use tollbook_export::fields::{
    Cell, Field, FieldKind, ORDER_ITEM_DETAIL, ORDER_SUMMARY_ITEM, Scope, UNPAID_ORDER_ITEM,
};
use tollbook_export::presentation::summary as summary_rows;
use tollbook_export::{Document, Format};
use tollbook_store::StoredOrder;

use crate::fixture::{Fixture, any_query, order, paid, query, summary, unpaid};

/// A value, independent of its representation.
#[derive(Debug, PartialEq)]
enum Value {
    Null,
    Text(String),
    Number(i128),
    Decimal(i128, i32),
    Millis(i64),
}

fn reader(bytes: Vec<u8>) -> SerializedFileReader<Bytes> {
    SerializedFileReader::new(Bytes::from(bytes)).unwrap()
}

fn rows(reader: &SerializedFileReader<Bytes>) -> Vec<Vec<Value>> {
    reader.get_row_iter(None).unwrap().map(|row| values(&row.unwrap())).collect()
}

fn values(row: &Row) -> Vec<Value> {
    row.get_column_iter().map(|(_, found)| value(found)).collect()
}

fn value(found: &Found) -> Value {
    match found {
        Found::Null => Value::Null,
        Found::Str(text) => Value::Text(text.clone()),
        Found::Long(number) => Value::Number((*number).into()),
        Found::TimestampMillis(millis) => Value::Millis(*millis),
        Found::Decimal(decimal) => {
            let mantissa = match decimal.data().len() {
                8 => i64::from_be_bytes(decimal.data().try_into().unwrap()).into(),
                _ => i128::from_be_bytes(decimal.data().try_into().unwrap()),
            };
            assert_eq!(decimal.precision(), if decimal.data().len() == 8 { 18 } else { 38 });
            Value::Decimal(mantissa, decimal.scale())
        }
        other => panic!("{other:?}"),
    }
}

fn expected(cell: &Cell<'_>, wide: bool) -> Value {
    match cell {
        Cell::Text(text) => Value::Text((*text).to_owned()),
        Cell::OwnedText(text) => Value::Text(text.clone()),
        Cell::Integer(number) if wide => Value::Decimal(*number, 0),
        Cell::Integer(number) => Value::Number(*number),
        Cell::Decimal { mantissa, places } => Value::Decimal(*mantissa, i32::try_from(*places).unwrap()),
        Cell::Time(None) => Value::Null,
        Cell::Time(Some(unix_s)) => Value::Millis(unix_s * 1_000),
    }
}

/// `amounts` are the digits of amounts.
fn assert_schema<F>(reader: &SerializedFileReader<Bytes>, fields: &[Field<F>], amounts: i32) {
    let columns = reader.metadata().file_metadata().schema_descr().columns();
    assert_eq!(
        columns.iter().map(|column| column.name()).collect::<Vec<_>>(),
        fields.iter().map(|field| field.name).collect::<Vec<_>>()
    );
    for (column, field) in columns.iter().zip(fields) {
        let scale = |places, digits| Some(LogicalType::decimal(places, digits));
        let logical = match (field.kind, field.name) {
            (FieldKind::Text, _) => Some(LogicalType::String),
            (FieldKind::Integer | FieldKind::WideInteger, "SumQuantity") => scale(0, 38),
            (FieldKind::Integer | FieldKind::WideInteger, _) => None,
            (FieldKind::Decimal { .. }, "ListPrice" | "DiscountPrice") => scale(12, 38),
            (FieldKind::Decimal { .. }, _) => scale(8, amounts),
            (FieldKind::Time | FieldKind::TextTime, _) => {
                Some(LogicalType::timestamp(true, TimeUnit::MILLIS))
            }
        };
        assert_eq!(column.logical_type_ref(), logical.as_ref(), "{}", field.name);
        let optional = field.kind.is_time();
        let repetition = column.self_type().get_basic_info().repetition();
        assert_eq!(repetition == Repetition::OPTIONAL, optional, "{}", field.name);
    }
}

fn metadata(reader: &SerializedFileReader<Bytes>, key: &str) -> String {
    let texts = reader.metadata().file_metadata().key_value_metadata().unwrap();
    texts.iter().find(|text| text.key == format!("tollbook.{key}")).unwrap().value.clone().unwrap()
}

#[test]
fn a_file_of_orders_equals_the_list_value_by_value() {
    let fixture = Fixture::shared();
    for (document, fields) in [(paid(), ORDER_ITEM_DETAIL), (unpaid(), UNPAID_ORDER_ITEM)] {
        let (Document::PaidOrders(query) | Document::UnpaidOrders(query)) = &document else { panic!() };
        let (bytes, exported) = fixture.file(&document, Format::Parquet, 2);
        let file = reader(bytes);
        assert_schema(&file, fields, 18);
        let (orders, sums) = fixture.list(query);
        let lines = fixture.store.snapshot().unwrap().lines(1).unwrap();
        let mut views = fixture.presentation.lines(lines);
        let found = rows(&file);
        assert_eq!(found.len(), orders.len());
        for (found, stored) in found.iter().zip(&orders) {
            let expected: Vec<Value> = views
                .show(stored, |row| fields.iter().map(|field| expected(&(field.value)(row), false)).collect())
                .unwrap();
            assert_eq!(*found, expected, "{}", stored.order.number);
        }
        assert_eq!((exported.rows, exported.total), (sums.orders, sums.total));
        assert_eq!(metadata(&file, "rows"), sums.orders.to_string());
        assert_eq!(metadata(&file, "total"), tollbook_domain::money::format_amount_sum(sums.total));
        assert_eq!(metadata(&file, "time_zone"), "Asia/Shanghai");
        assert_eq!(metadata(&file, "snapshot_time"), "1760000000");
        assert_eq!(metadata(&file, "document"), exported.file_name.split('_').next().unwrap());
    }
}

#[test]
fn a_file_of_the_summary_has_both_summaries() {
    let fixture = Fixture::shared();
    let (bytes, exported) = fixture.file(&summary(), Format::Parquet, 2);
    let file = reader(bytes);
    assert_schema(&file, ORDER_SUMMARY_ITEM, 38);
    let mut all: Vec<Vec<Value>> = Vec::new();
    let Document::Summary(queries) = summary() else { panic!() };
    for query in [&queries.paid, &queries.unpaid] {
        for row in summary_rows(fixture.store.snapshot().unwrap().as_mut(), query).unwrap() {
            all.push(fixture.presentation.show_summary(&row, |view| {
                let cells = ORDER_SUMMARY_ITEM.iter();
                cells.map(|field| expected(&(field.value)(view), field.name == "SumQuantity")).collect()
            }));
        }
    }
    let found: Vec<Vec<Value>> = rows(&file);
    assert_eq!(found, all);
    assert_eq!(exported.rows, i64::try_from(all.len()).unwrap());
    assert_eq!(metadata(&file, "statuses"), "2,1,3");
}

#[test]
fn bytes_do_not_depend_on_threads() {
    let fixture = Fixture::shared();
    for document in [paid(), unpaid(), summary()] {
        let (bytes, exported) = fixture.file(&document, Format::Parquet, 1);
        assert!(exported.file_name.ends_with(".parquet"), "{}", exported.file_name);
        for threads in [2, 5] {
            assert!(fixture.file(&document, Format::Parquet, threads).0 == bytes, "{threads} threads");
        }
    }
}

/// Orders with one amount that is `total`, and two of 1.
fn orders_of(total: i64) -> Vec<NewOrder> {
    let mut orders: Vec<NewOrder> = [4, 5, 6].map(order).into();
    for (order, steps) in orders.iter_mut().zip([total, 1, 1]) {
        let amount = Amount::from_steps(steps);
        (order.order.total, order.order.original) = (amount, amount);
        order.order.deductions = Deductions::default().with(AccountKind::Cash, amount);
        order.line.amount_rule = AmountRule::AsBilled;
    }
    orders
}

#[test]
fn amounts_are_narrow_if_their_sum_has_18_digits() {
    let border = 1_000_000_000_000_000_000;
    for (total, digits) in [(border - 3, 18), (border - 2, 38), (border, 38), (i64::MAX, 38)] {
        let fixture = Fixture::with(&orders_of(total));
        let file = reader(fixture.file(&paid(), Format::Parquet, 2).0);
        assert_schema(&file, ORDER_ITEM_DETAIL, digits);
        let mut found = rows(&file);
        let totals = ["OrderTotalPrice", "OriginalPrice", "CashAccount", "Coupon"].map(|name| {
            let index = ORDER_ITEM_DETAIL.iter().position(|field| field.name == name).unwrap();
            let largest = found.iter_mut().map(|row| std::mem::replace(&mut row[index], Value::Null));
            largest.fold(0, |largest, value| match value {
                Value::Decimal(mantissa, 8) => mantissa.max(largest),
                other => panic!("{other:?}"),
            })
        });
        let total = i128::from(total);
        assert_eq!(totals, [total, total, total, 0]);
    }
}

/// Columns are looked up by line, so a column of lines must not depend on the order.
#[test]
fn columns_of_lines_do_not_depend_on_the_order() {
    let fixture = Fixture::shared();
    let (orders, _) = fixture.list(&query(&Status::ALL));
    let lines = fixture.store.snapshot().unwrap().lines(1).unwrap();
    let mut views = fixture.presentation.lines(lines);
    let mut cells = |stored: &StoredOrder| {
        views
            .show(stored, |row| {
                let fields = ORDER_ITEM_DETAIL.iter().chain(UNPAID_ORDER_ITEM);
                let of_lines = fields.filter(|field| field.scope == Scope::PerLine);
                of_lines.map(|field| expected(&(field.value)(row), false)).collect::<Vec<_>>()
            })
            .unwrap()
    };
    for pair in orders.windows(2) {
        let moved = StoredOrder { line_no: pair[1].line_no, ..pair[0].clone() };
        assert_eq!(cells(&moved), cells(&pair[1]));
    }
}

#[test]
fn a_file_without_rows_has_its_columns() {
    let fixture = Fixture::with(&[]);
    for document in [paid(), unpaid(), summary()] {
        let (bytes, exported) = fixture.file(&document, Format::Parquet, 2);
        let file = reader(bytes);
        assert_eq!((exported.rows, file.metadata().num_row_groups()), (0, 0));
        assert_eq!(metadata(&file, "rows"), "0");
    }
}

#[test]
fn any_filter_gives_the_rows_and_sums_of_the_list() {
    let fixture = Fixture::shared();
    let total_index = ORDER_ITEM_DETAIL.iter().position(|field| field.name == "OrderTotalPrice").unwrap();
    proptest!(ProptestConfig::with_cases(24), |(query in any_query())| {
        let (_, sums) = fixture.list(&query);
        let (bytes, exported) = fixture.file(&Document::PaidOrders(query.clone()), Format::Parquet, 2);
        let file = reader(bytes);
        let found = rows(&file);
        let total = found.iter().map(|row| match row[total_index] {
            Value::Decimal(mantissa, 8) => mantissa,
            ref other => panic!("{other:?}"),
        });
        prop_assert_eq!(total.sum::<i128>(), sums.total);
        prop_assert_eq!(found.len(), usize::try_from(sums.orders).unwrap());
        prop_assert_eq!((exported.rows, exported.total), (sums.orders, sums.total));
        prop_assert_eq!(metadata(&file, "start_time"), query.range.start_s().to_string());
        prop_assert_eq!(metadata(&file, "end_time"), query.range.end_s().to_string());
        for (name, values) in query.lines.lists() {
            let list: Vec<String> = serde_json::from_str(&metadata(&file, name)).unwrap();
            prop_assert_eq!(list, values);
        }
    });
}
