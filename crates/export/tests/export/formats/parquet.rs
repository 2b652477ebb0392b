//! Parquet files, read with the record reader of the `parquet` crate.

use bytes::Bytes;
use parquet::basic::{LogicalType, Repetition, TimeUnit};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field as Found, Row};
use proptest::prelude::*;
use tollbook_export::fields::{
    Cell, Field, FieldKind, ORDER_ITEM_DETAIL, ORDER_SUMMARY_ITEM, UNPAID_ORDER_ITEM,
};
use tollbook_export::presentation::summary as summary_rows;
use tollbook_export::{Document, Format};

use crate::fixture::{Fixture, any_query, paid, summary, unpaid};

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
            assert_eq!((decimal.precision(), decimal.data().len()), (38, 16));
            Value::Decimal(i128::from_be_bytes(decimal.data().try_into().unwrap()), decimal.scale())
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

fn assert_schema<F>(reader: &SerializedFileReader<Bytes>, fields: &[Field<F>]) {
    let columns = reader.metadata().file_metadata().schema_descr().columns();
    assert_eq!(
        columns.iter().map(|column| column.name()).collect::<Vec<_>>(),
        fields.iter().map(|field| field.name).collect::<Vec<_>>()
    );
    for (column, field) in columns.iter().zip(fields) {
        let scale = |places| Some(LogicalType::decimal(places, 38));
        let logical = match (field.kind, field.name) {
            (FieldKind::Text, _) => Some(LogicalType::String),
            (FieldKind::Integer | FieldKind::WideInteger, "SumQuantity") => scale(0),
            (FieldKind::Integer | FieldKind::WideInteger, _) => None,
            (FieldKind::Decimal { .. }, "ListPrice" | "DiscountPrice") => scale(12),
            (FieldKind::Decimal { .. }, _) => scale(8),
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
        assert_schema(&file, fields);
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
    assert_schema(&file, ORDER_SUMMARY_ITEM);
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
