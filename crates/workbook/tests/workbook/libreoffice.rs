//! Workbooks opened with LibreOffice and compared cell by cell. Needs LibreOffice and the Python environment of
//! `cargo xtask test`.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use serde_json::json;
use tollbook_workbook::{Column, ColumnKind, Fragment, MAX_SHEET_ROWS, RowWriter, Workbook};

use crate::samples::{TEXTS, properties, python};

/// The expected cells of a sheet, in the notation of `libreoffice.py`.
struct Expected(BufWriter<File>);

impl Expected {
    fn create(path: &Path, header: &[Column]) -> Self {
        let mut expected = Self(BufWriter::new(File::create(path).unwrap()));
        let header: Vec<_> = header.iter().map(|column| text(&column.header)).collect();
        expected.row(&header);
        expected
    }

    fn row(&mut self, cells: &[String]) {
        serde_json::to_writer(&mut self.0, cells).unwrap();
        self.0.write_all(b"\n").unwrap();
    }
}

fn text(text: &str) -> String {
    // In a text of several lines, LibreOffice shows every line break as a line feed.
    let shown =
        if text.contains('\n') { text.replace("\r\n", "\n").replace('\r', "\n") } else { text.into() };
    if text.is_empty() { String::new() } else { format!("s:{shown}") }
}

/// A decimal in the number format `#,##0.00##########`.
fn decimal(mantissa: i64, places: u32) -> String {
    let (whole, fraction) =
        (mantissa.unsigned_abs() / 10_u64.pow(places), mantissa.unsigned_abs() % 10_u64.pow(places));
    let mut shown = String::from(if mantissa < 0 { "v:-" } else { "v:" });
    let whole = whole.to_string();
    for (at, digit) in whole.char_indices() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    let fraction = format!("{fraction:0width$}", width = usize::try_from(places).unwrap());
    let _ = write!(shown, ".{:0<2}", fraction.trim_end_matches('0'));
    shown
}

/// Times around the clock changes in Berlin: Unix seconds, offset from UTC in seconds, and local time to the minute.
const TIMES: [(i64, i32, &str); 6] = [
    (1_774_745_940, 3_600, "2026-03-29 01:59"),
    (1_774_746_000, 7_200, "2026-03-29 03:00"),
    (1_792_886_340, 7_200, "2026-10-25 01:59"),
    (1_792_889_940, 7_200, "2026-10-25 02:59"),
    (1_792_890_000, 3_600, "2026-10-25 02:00"),
    (1_798_757_940, 3_600, "2026-12-31 23:59"),
];

const ORDERS: u32 = 100_000;

/// Writes one order with many kinds of cells and returns the cells as LibreOffice must show them. Values are derived
/// from the number.
fn order(number: u32, names: &[(Fragment, &str)], row: &mut RowWriter<'_>) -> Vec<String> {
    let drawn = number.wrapping_mul(2_654_435_761);
    let pick = |from: usize, shift: u32| usize::try_from(drawn >> shift).unwrap() % from;
    let mut shown = Vec::with_capacity(13);

    let order_no = format!("{number:024}");
    row.text(&order_no);
    shown.push(text(&order_no));

    let odd = TEXTS[pick(TEXTS.len(), 3)];
    row.text(odd);
    shown.push(text(odd));

    let mixed = format!("{}{number}{}", TEXTS[pick(TEXTS.len(), 11)], TEXTS[pick(TEXTS.len(), 17)]);
    row.text(&mixed);
    shown.push(text(&mixed));

    let (fragment, name) = &names[pick(names.len(), 7)];
    row.fragment(fragment);
    shown.push(text(name));

    let whole = i64::from(drawn) - (1 << 31);
    row.integer(whole);
    shown.push(format!("v:{whole}"));

    let long = i64::from(drawn) * 1_000_003 + 1_000_000_000_000_000;
    row.integer(long);
    shown.push(format!("s:{long}"));

    let amount = whole * 10_007;
    row.decimal(amount.into(), 8);
    shown.push(decimal(amount, 8));

    let price = i64::from(drawn) * 1_009 * i64::from(number % 3);
    row.decimal(price.into(), 12);
    shown.push(decimal(price, 12));

    let exact = 1_000_000_000_000_000 + i64::from(drawn) * 10 + 1;
    row.decimal(exact.into(), 8);
    shown.push(format!("s:{}.{:08}", exact / 100_000_000, exact % 100_000_000));

    let (minute_s, offset_s, minute) = TIMES[pick(TIMES.len(), 5)];
    let second = number % 60;
    row.date_time(minute_s + i64::from(second), offset_s);
    shown.push(format!("v:{minute}:{second:02}"));

    if number.is_multiple_of(2) {
        row.empty();
        shown.push(String::new());
    } else {
        row.date_time(0, 0);
        shown.push("v:1970-01-01 00:00:00".to_owned());
    }

    row.empty();
    shown.push(String::new());

    // After the last date that all spreadsheets support.
    row.date_time(253_402_300_800, 0);
    shown.push("s:10000-01-01 00:00:00".to_owned());
    shown
}

#[test]
fn libreoffice_shows_every_cell_of_100_000_orders() {
    let scratch = tempfile::tempdir().unwrap();
    let at = |name: &str| scratch.path().join(name);
    let names = ["模型 重复 & again", "=HYPERLINK(\"http://x\")", "plain", "🙂\n"]
        .map(|name| (Fragment::text(name).unwrap(), name));
    let columns = [
        Column::new("Order", 26, ColumnKind::Text),
        Column::new("Odd", 20, ColumnKind::Text),
        Column::new("Mixed \"header\" & <more>", 40, ColumnKind::Text),
        Column::new("名称", 20, ColumnKind::Text),
        Column::new("Whole", 14, ColumnKind::Integer),
        Column::new("Long", 20, ColumnKind::Integer),
        Column::new("Amount", 20, ColumnKind::Decimal),
        Column::new("Price", 20, ColumnKind::Decimal),
        Column::new("Exact", 24, ColumnKind::Decimal),
        Column::new("Time", 20, ColumnKind::DateTime),
        Column::new("Sometimes", 20, ColumnKind::DateTime),
        Column::new("Never", 9, ColumnKind::Text),
        Column::new("Far", 20, ColumnKind::DateTime),
    ];
    let mut expected = Expected::create(&at("orders.jsonl"), &columns);
    let mut workbook = Workbook::new(File::create(at("orders.xlsx")).unwrap(), &properties()).unwrap();
    let mut sheet = workbook.sheet("Paid 订单", &columns).unwrap();
    for number in 1..=ORDERS {
        let mut shown = Vec::new();
        sheet.row(|row| shown = order(number, &names, row)).unwrap();
        if number == ORDERS {
            // One wrong expected cell, to check that the comparison finds differences and reaches the last row.
            shown[0].push('!');
        }
        expected.row(&shown);
    }
    let totals = [Column::new("Item", 40, ColumnKind::Text), Column::new("Value", 40, ColumnKind::Text)];
    let mut expected_totals = Expected::create(&at("totals.jsonl"), &totals);
    let mut sheet = workbook.sheet("Totals", &totals).unwrap();
    sheet
        .row(|row| {
            row.text("Rows");
            row.integer(ORDERS);
        })
        .unwrap();
    expected_totals.row(&[text("Rows"), format!("v:{ORDERS}")]);
    workbook.finish().unwrap();
    drop((expected, expected_totals));

    let pairs = [at("orders.xlsx"), scratch.path().to_owned(), "Paid 订单".into(), at("orders.jsonl")];
    let pairs = pairs.into_iter().chain(["Totals".into(), at("totals.jsonl")]).collect::<Vec<_>>();
    let found = python("libreoffice.py", &pairs.iter().map(AsRef::as_ref).collect::<Vec<_>>());
    let last = format!("{ORDERS:024}");
    assert_eq!(
        found,
        json!({
            "Paid 订单": {
                "Rows": ORDERS + 1,
                "Cells": (ORDERS + 1) * 13,
                "Different": 1,
                "First": [[ORDERS + 1, 1, format!("s:{last}!"), format!("s:{last}")]],
            },
            "Totals": { "Rows": 2, "Cells": 4, "Different": 0, "First": [] },
        })
    );
}

#[test]
fn a_full_sheet_and_the_one_after_it_open_in_libreoffice() {
    let scratch = tempfile::tempdir().unwrap();
    let at = |name: &str| scratch.path().join(name);
    let columns = [Column::new("Number", 14, ColumnKind::Integer)];
    let mut workbook = Workbook::new(File::create(at("full.xlsx")).unwrap(), &properties()).unwrap();
    let mut sheet = workbook.sheet("Paid", &columns).unwrap();
    let mut first = Expected::create(&at("first.jsonl"), &columns);
    let mut second = Expected::create(&at("second.jsonl"), &columns);
    for number in 1..MAX_SHEET_ROWS + 3 {
        sheet.row(|row| row.integer(number)).unwrap();
        let expected = if number < MAX_SHEET_ROWS { &mut first } else { &mut second };
        expected.row(&[format!("v:{number}")]);
    }
    let (_, summary) = workbook.finish().unwrap();
    assert_eq!((summary.rows, summary.sheets), (u64::from(MAX_SHEET_ROWS) + 2, 2));
    drop((first, second));

    let pairs = [at("full.xlsx"), scratch.path().to_owned(), "Paid".into(), at("first.jsonl")];
    let pairs = pairs.into_iter().chain(["Paid (2)".into(), at("second.jsonl")]).collect::<Vec<_>>();
    let found = python("libreoffice.py", &pairs.iter().map(AsRef::as_ref).collect::<Vec<_>>());
    assert_eq!(
        found,
        json!({
            "Paid": { "Rows": MAX_SHEET_ROWS, "Cells": MAX_SHEET_ROWS, "Different": 0, "First": [] },
            "Paid (2)": { "Rows": 4, "Cells": 4, "Different": 0, "First": [] },
        })
    );
}
