//! The two files that every reader reads, and what is in them.

use std::fs::File;
use std::path::PathBuf;
use std::sync::OnceLock;

use tempfile::TempDir;
use tollbook_workbook::{
    Column, ColumnKind, Fragment, PlannedSheet, Properties, RowWriter, SheetOptions, Workbook,
};

/// Texts that programs may misinterpret.
const TEXTS: [&str; 30] = [
    "=cmd|' /C calc'!A0",
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "</t></is></c>",
    "</row></sheetData>",
    "]]>",
    "&amp;",
    "<!-- -->",
    "\"quoted\" 'single', comma; semicolon",
    "\"",
    "00123",
    "12345678901234567",
    "TRUE",
    "#N/A",
    "1e5",
    "2024-01-01",
    "snake_case_ and _X000D_",
    "_x000D_",
    "_x005F_x000D_",
    "文字 订单 ひらがな 한국어",
    "مرحبا שלום",
    "👩‍👩‍👧‍👦 🙂 e\u{301}",
    " leading",
    "trailing ",
    "two\nlines",
    "tab\there",
    "\u{1}\u{1f}",
    "\u{7f}\u{85}\u{2028}",
];

/// Number of rows of the big file below its header.
pub(crate) const BIG_ROWS: u32 = 20_000;

/// The paths of the files, which are written once.
pub(crate) struct Files {
    pub(crate) sampler: PathBuf,
    pub(crate) big: PathBuf,
    _folder: TempDir,
}

impl Files {
    pub(crate) fn get() -> &'static Self {
        static FILES: OnceLock<Files> = OnceLock::new();
        FILES.get_or_init(|| {
            let folder = tempfile::tempdir().unwrap();
            let (sampler, big) = (folder.path().join("sampler.xlsx"), folder.path().join("big.xlsx"));
            write_sampler(File::create(&sampler).unwrap());
            write_big(File::create(&big).unwrap());
            Self { sampler, big, _folder: folder }
        })
    }
}

/// A value of the sampler.
#[derive(Clone, Copy)]
enum Value {
    Text(&'static str),
    Integer(i64),
    Decimal(i64, u8, &'static str),
    Time(i64, &'static str),
    Empty,
}

impl Value {
    fn put(self, row: &mut RowWriter<'_>) {
        match self {
            Self::Text(text) => row.text(text),
            Self::Integer(value) => row.fragment(&Fragment::integer(value)),
            Self::Decimal(mantissa, scale, _) => row.decimal(mantissa.into(), scale),
            Self::Time(unix_s, _) => row.date_time(unix_s, 8 * 3_600),
            Self::Empty => row.empty(),
        }
    }

    /// As tests/python/readers.py shows cells.
    fn shown(self) -> String {
        match self {
            Self::Text("") | Self::Empty => String::new(),
            Self::Text(text) => format!("s:{text}"),
            Self::Integer(value) if value.unsigned_abs() >= 1_000_000_000_000_000 => format!("s:{value}"),
            Self::Integer(value) => format!("n:{value}"),
            Self::Decimal(_, _, shown) => shown.to_owned(),
            Self::Time(_, shown) => format!("d:{shown}"),
        }
    }
}

/// Rows of the first sheet: a number, a text, an amount, a time, a text that is often not there.
fn rows() -> Vec<[Value; 5]> {
    let amounts = [
        Value::Decimal(420, 2, "n:4.2"),
        Value::Decimal(-5, 1, "n:-0.5"),
        Value::Decimal(0, 8, "n:0"),
        Value::Decimal(123_456_789_012_345, 8, "n:1234567.89012345"),
        Value::Decimal(12_345_678_901_234_567, 8, "s:123456789.01234567"),
        Value::Decimal(i64::MAX, 8, "s:92233720368.54775807"),
    ];
    let times = [
        Value::Time(1_700_000_000, "2023-11-15 06:13:20"),
        Value::Time(1_735_660_800, "2025-01-01 00:00:00"),
        Value::Empty,
        Value::Time(4_102_415_999, "2099-12-31 23:59:59"),
    ];
    let integers = [1, -7, 999_999_999_999_999, 12_345_678_901_234_567];
    let texts = TEXTS.iter().enumerate().map(|(number, &text)| {
        let last = if number.is_multiple_of(3) { Value::Text("last") } else { Value::Empty };
        [
            Value::Integer(integers[number % integers.len()]),
            Value::Text(text),
            amounts[number % amounts.len()],
            times[number % times.len()],
            last,
        ]
    });
    texts.chain([[Value::Integer(5), Value::Empty, Value::Empty, Value::Empty, Value::Text("end")]]).collect()
}

const HEADERS: [&str; 5] = ["Number", "Text & <more>", "Amount", "Time", "名称"];

/// The sheets by name: rows of cells, the header included, as tests/python/readers.py shows them.
pub(crate) fn sheets() -> Vec<(String, Vec<Vec<String>>)> {
    let header = |texts: &[&str]| texts.iter().map(|text| format!("s:{text}")).collect::<Vec<_>>();
    let shown = |row: &[Value]| {
        let mut cells: Vec<String> = row.iter().map(|value| value.shown()).collect();
        while cells.pop_if(|cell| cell.is_empty()).is_some() {}
        cells
    };
    let first = std::iter::once(header(&HEADERS)).chain(rows().iter().map(|row| shown(row))).collect();
    let second = vec![header(&["Item", "Value"]), vec!["s:Rows".to_owned(), format!("n:{}", rows().len())]];
    vec![
        ("Paid & <订单>".to_owned(), first),
        ("No rows".to_owned(), vec![header(&HEADERS)]),
        ("Totals".to_owned(), second),
    ]
}

fn columns() -> Vec<Column> {
    let kinds =
        [ColumnKind::Integer, ColumnKind::Text, ColumnKind::Decimal, ColumnKind::DateTime, ColumnKind::Text];
    HEADERS.into_iter().zip(kinds).map(|(header, kind)| Column::new(header, 20, kind)).collect()
}

fn properties() -> Properties {
    Properties { title: "Sampler".into(), creator: "Tollbook".into(), created_unix_s: 1_700_000_000 }
}

/// A sheet of the columns with this number of rows.
fn planned(name: &str, rows: usize) -> PlannedSheet {
    let options = SheetOptions {
        rows: Some(rows as u64),
        page_title: "A & B".into(),
        page_note: "2025".into(),
        ..SheetOptions::default()
    };
    PlannedSheet { name: name.to_owned(), columns: columns(), options }
}

/// Like an export: its sheets are listed before their rows.
fn write_sampler(file: File) {
    let rows = rows();
    let totals = [Column::new("Item", 20, ColumnKind::Text), Column::new("Value", 20, ColumnKind::Text)];
    let options = SheetOptions { has_filter: false, ..SheetOptions::default() };
    let plan = [
        planned("Paid & <订单>", rows.len()),
        planned("No rows", 0),
        PlannedSheet { name: "Totals".to_owned(), columns: totals.to_vec(), options },
    ];
    let mut workbook = Workbook::planned(file, &properties(), &plan).unwrap();
    let [first, second, third] = &plan;
    let mut sheet = workbook.sheet_with(&first.name, &first.columns, &first.options).unwrap();
    sheet.rows(&rows, |values, row| values.iter().for_each(|value| value.put(row))).unwrap();
    workbook.sheet_with(&second.name, &second.columns, &second.options).unwrap();
    let mut sheet = workbook.sheet_with(&third.name, &third.columns, &third.options).unwrap();
    sheet
        .row(|row| {
            row.text("Rows");
            row.integer(i64::try_from(rows.len()).unwrap());
        })
        .unwrap();
    workbook.finish().unwrap();
}

fn write_big(file: File) {
    let mut plan = planned("Big", BIG_ROWS as usize);
    // A reader that drops the header of the sampler counts this one.
    for column in &mut plan.columns {
        column.header.retain(char::is_alphabetic);
    }
    let mut workbook = Workbook::planned(file, &properties(), std::slice::from_ref(&plan)).unwrap();
    let mut sheet = workbook.sheet_with(&plan.name, &plan.columns, &plan.options).unwrap();
    for number in 1..=BIG_ROWS {
        sheet
            .row(|row| {
                row.integer(number);
                row.text(&format!("order {}", number % 1_000));
                row.decimal((i64::from(number) * 37).into(), 4);
                row.date_time(1_700_000_000 + i64::from(number), 0);
                row.empty();
            })
            .unwrap();
    }
    workbook.finish().unwrap();
}

/// Rows, cells that are not empty, and the sum of the first column.
pub(crate) fn big_counts() -> [u64; 3] {
    let rows = u64::from(BIG_ROWS);
    [rows + 1, rows * 4 + 5, rows * (rows + 1) / 2]
}
