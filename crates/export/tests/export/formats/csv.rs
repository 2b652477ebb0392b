//! Comma-separated files, read with the `csv` crate and inflated with the reader of `flate2`.

use std::io::Read;

use flate2::read::GzDecoder;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use proptest::prelude::*;
use tollbook_domain::OrderQuery;
use tollbook_domain::money::{Amount, format_decimal};
use tollbook_export::fields::{
    Cell, Field, FieldKind, ORDER_ITEM_DETAIL, ORDER_SUMMARY_ITEM, OrderField, UNPAID_ORDER_ITEM,
};
use tollbook_export::presentation::summary as summary_rows;
use tollbook_export::{Document, Format, Separator};

use crate::fixture::{Fixture, any_query, paid, query, summary, unpaid};

/// Header and rows.
fn read(bytes: &[u8]) -> Vec<Vec<String>> {
    let text = std::str::from_utf8(bytes).unwrap().strip_prefix('\u{feff}').unwrap();
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    reader.records().map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect()
}

fn inflated(member: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    let mut decoder = GzDecoder::new(member);
    decoder.read_to_end(&mut text).unwrap();
    assert!(decoder.into_inner().is_empty(), "one member");
    text
}

/// The text that a reader must find in a cell.
fn expected_text(cell: &Cell<'_>) -> String {
    match cell {
        Cell::Text(text) => defused(text),
        Cell::OwnedText(text) => defused(text),
        Cell::Integer(number) => number.to_string(),
        Cell::Decimal { mantissa, places } => format_decimal(*mantissa, *places, 2),
        Cell::Time(None) => String::new(),
        Cell::Time(Some(unix_s)) => {
            let local =
                Timestamp::from_second(*unix_s).unwrap().to_zoned(TimeZone::get("Asia/Shanghai").unwrap());
            local.strftime("%Y-%m-%d %H:%M:%S").to_string()
        }
    }
}

fn defused(text: &str) -> String {
    let clean = |c: char| if c.is_ascii_control() && !"\t\r\n".contains(c) { '\u{fffd}' } else { c };
    let clean: String = text.chars().map(clean).collect();
    let hidden = clean.trim_start_matches([' ', '\u{fffd}']).chars().next();
    let is_formula =
        clean.starts_with(['\t', '\r', '\n']) || hidden.is_some_and(|c| "=+-@＝＋－＠".contains(c));
    if is_formula { format!("'{clean}") } else { clean }
}

fn headers<F>(fixture: &Fixture, fields: &[Field<F>]) -> Vec<String> {
    fields.iter().map(|field| fixture.presentation.header(field.name, field.kind)).collect()
}

fn rows_of_orders(fixture: &Fixture, query: &OrderQuery, fields: &[OrderField]) -> Vec<Vec<String>> {
    let lines = fixture.store.snapshot().unwrap().lines(1).unwrap();
    let mut views = fixture.presentation.lines(lines);
    let mut rows = vec![headers(fixture, fields)];
    rows.extend(fixture.list(query).0.iter().map(|stored| {
        views
            .show(stored, |row| fields.iter().map(|field| expected_text(&(field.value)(row))).collect())
            .unwrap()
    }));
    rows
}

fn assert_same(read: &[Vec<String>], expected: &[Vec<String>]) {
    assert_eq!(read.len(), expected.len());
    for (row, (read, expected)) in read.iter().zip(expected).enumerate() {
        assert_eq!(read, expected, "row {row}");
    }
}

/// The text with other separators equals that with commas, but for the decimal sign.
fn assert_separated<F>(fixture: &Fixture, document: &Document, fields: &[Field<F>]) {
    let commas = fixture.separated(document, Separator::Comma);
    assert!(commas.as_bytes() == fixture.file(document, Format::Csv, 2).0);
    for (separator, character, sign) in [
        (Separator::Semicolon, b';', ","),
        (Separator::SemicolonNamed, b';', ","),
        (Separator::Tab, b'\t', "."),
    ] {
        let text = fixture.separated(document, separator);
        let text = text.strip_prefix('\u{feff}').unwrap();
        let named = text.strip_prefix("sep=;\r\n");
        assert_eq!(named.is_some(), separator == Separator::SemicolonNamed);
        let text = named.unwrap_or(text);
        let mut reader = csv::ReaderBuilder::new();
        let mut reader = reader.has_headers(false).delimiter(character).from_reader(text.as_bytes());
        let found: Vec<Vec<String>> =
            reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect();
        let mut expected = read(commas.as_bytes());
        for row in expected.iter_mut().skip(1) {
            let decimals = row.iter_mut().zip(fields);
            for (cell, _) in decimals.filter(|(_, field)| matches!(field.kind, FieldKind::Decimal { .. })) {
                *cell = cell.replace('.', sign);
            }
        }
        assert_same(&found, &expected);
    }
}

#[test]
fn other_separators_have_the_cells_of_commas() {
    let fixture = Fixture::shared();
    assert_separated(&fixture, &paid(), ORDER_ITEM_DETAIL);
    assert_separated(&fixture, &unpaid(), UNPAID_ORDER_ITEM);
    assert_separated(&fixture, &summary(), ORDER_SUMMARY_ITEM);
}

#[test]
fn a_file_of_orders_equals_the_list_cell_by_cell() {
    let fixture = Fixture::shared();
    for (document, fields) in [(paid(), ORDER_ITEM_DETAIL), (unpaid(), UNPAID_ORDER_ITEM)] {
        let (Document::PaidOrders(query) | Document::UnpaidOrders(query)) = &document else { panic!() };
        let (bytes, exported) = fixture.file(&document, Format::Csv, 2);
        let rows = read(&bytes);
        assert_same(&rows, &rows_of_orders(&fixture, query, fields));
        let (orders, sums) = fixture.list(query);
        assert!(orders.len() > 1_100, "more than one batch");
        assert_eq!((exported.rows, exported.total), (sums.orders, sums.total));
        let name = &exported.file_name;
        assert!(name.contains("paid-orders_") && name.strip_suffix(".csv").is_some(), "{name}");
        let zoned = rows[0].iter().filter(|header| header.ends_with(" (Asia/Shanghai)")).count();
        assert_eq!(zoned, fields.iter().filter(|field| field.name.ends_with("Time")).count());
        assert!(bytes.ends_with(b"\r\n"));
    }
}

#[test]
fn a_file_of_the_summary_has_both_summaries() {
    let fixture = Fixture::shared();
    let (bytes, exported) = fixture.file(&summary(), Format::Csv, 2);
    let mut expected = vec![headers(&fixture, ORDER_SUMMARY_ITEM)];
    let mut total = 0;
    let Document::Summary(queries) = summary() else { panic!() };
    for query in [&queries.paid, &queries.unpaid] {
        for row in summary_rows(fixture.store.snapshot().unwrap().as_mut(), query).unwrap() {
            total += row.measures.total;
            expected.push(fixture.presentation.show_summary(&row, |view| {
                ORDER_SUMMARY_ITEM.iter().map(|field| expected_text(&(field.value)(view))).collect()
            }));
        }
    }
    assert!(expected.len() > 100);
    assert_same(&read(&bytes), &expected);
    assert_eq!((exported.rows, exported.total), (i64::try_from(expected.len()).unwrap() - 1, total));
    let (packed, exported) = fixture.file(&summary(), Format::CsvGzip, 1);
    assert!(inflated(&packed) == bytes);
    assert!(exported.file_name.ends_with(".csv.gz"), "{}", exported.file_name);
}

#[test]
fn a_compressed_file_inflates_to_the_plain_file_for_any_number_of_threads() {
    let fixture = Fixture::shared();
    for document in [paid(), unpaid()] {
        let (plain, _) = fixture.file(&document, Format::Csv, 1);
        let (packed, exported) = fixture.file(&document, Format::CsvGzip, 1);
        assert!(inflated(&packed) == plain);
        assert!(packed.len() * 4 < plain.len(), "{} of {}", packed.len(), plain.len());
        assert!(exported.file_name.ends_with(".csv.gz"), "{}", exported.file_name);
        // The header has the time of the snapshot and no file name.
        assert_eq!(packed[..10], [0x1f, 0x8b, 8, 0, 0x00, 0x78, 0xe7, 0x68, 0, 255]);
        for threads in [2, 5] {
            assert!(fixture.file(&document, Format::Csv, threads).0 == plain);
            assert!(fixture.file(&document, Format::CsvGzip, threads).0 == packed);
        }
    }
}

#[test]
fn a_file_without_rows_has_a_header() {
    let fixture = Fixture::with(&[]);
    for (document, fields) in [(paid(), ORDER_ITEM_DETAIL), (unpaid(), UNPAID_ORDER_ITEM)] {
        let (bytes, exported) = fixture.file(&document, Format::Csv, 2);
        assert_same(&read(&bytes), &[headers(&fixture, fields)]);
        assert_eq!((exported.rows, exported.total), (0, 0));
        assert!(inflated(&fixture.file(&document, Format::CsvGzip, 2).0) == bytes);
    }
    assert_eq!(read(&fixture.file(&summary(), Format::Csv, 2).0).len(), 1);
}

#[test]
fn any_filter_gives_the_rows_and_sums_of_the_list() {
    let fixture = Fixture::shared();
    let total_index = ORDER_ITEM_DETAIL.iter().position(|field| field.name == "OrderTotalPrice").unwrap();
    proptest!(ProptestConfig::with_cases(24), |(query in any_query())| {
        let (_, sums) = fixture.list(&query);
        let (bytes, exported) = fixture.file(&Document::PaidOrders(query.clone()), Format::CsvGzip, 2);
        let rows = read(&inflated(&bytes));
        let totals = rows.iter().skip(1).map(|row| i128::from(Amount::parse(&row[total_index]).unwrap().steps()));
        prop_assert_eq!(totals.sum::<i128>(), sums.total);
        prop_assert_eq!(rows.len() - 1, usize::try_from(sums.orders).unwrap());
        prop_assert_eq!((exported.rows, exported.total), (sums.orders, sums.total));
    });
    let everything = query(&tollbook_domain::Status::ALL);
    assert!(fixture.list(&everything).1.total > 0);
}
