//! Workbooks read with calamine: every value is read as it was written.

use std::io::Cursor;

use ::calamine::{Data, DataType as _, Range, Reader as _, Xlsx};
use proptest::prelude::*;
use tollbook_workbook::{
    CHUNK_ROWS, Column, ColumnKind, Error, Fragment, Properties, RowWriter, SheetOptions, Workbook,
};

fn properties() -> Properties {
    Properties { title: "Orders & <more>".into(), creator: "Tollbook".into(), created_unix_s: 1_700_000_000 }
}

/// A workbook of one sheet of `kinds`, filled by `write` for each item.
fn written<T: Sync>(
    kinds: &[ColumnKind],
    items: &[T],
    write: impl Fn(&T, &mut RowWriter<'_>) + Sync,
) -> Vec<u8> {
    let columns: Vec<_> =
        (1..).zip(kinds).map(|(number, &kind)| Column::new(format!("Column {number}"), 12, kind)).collect();
    let mut workbook = Workbook::new(Vec::new(), &properties()).unwrap();
    workbook.sheet("Sheet", &columns).unwrap().rows(items, write).unwrap();
    let (file, summary) = workbook.finish().unwrap();
    assert_eq!((summary.rows, summary.bytes), (items.len() as u64, file.len() as u64));
    file
}

fn sheet(file: &[u8], name: &str) -> Range<Data> {
    let mut reader: Xlsx<_> = ::calamine::open_workbook_from_rs(Cursor::new(file)).unwrap();
    assert!(reader.worksheet_formula(name).unwrap().is_empty(), "no cell is a formula");
    reader.worksheet_range(name).unwrap()
}

/// The cells below the header.
fn cells(file: &[u8]) -> Vec<Vec<Data>> {
    sheet(file, "Sheet").rows().skip(1).map(<[Data]>::to_vec).collect()
}

fn text(text: &str) -> Data {
    if text.is_empty() { Data::Empty } else { Data::String(text.to_owned()) }
}

#[test]
fn every_kind_of_cell() {
    let kinds =
        [ColumnKind::Text, ColumnKind::Integer, ColumnKind::Decimal, ColumnKind::DateTime, ColumnKind::Text];
    let repeated = Fragment::text("重复 & again").unwrap();
    let file = written(&kinds, &[1, 2], |&item, row| {
        row.text("文字 🙂");
        row.integer(item);
        row.decimal(12_345_678, 4);
        row.date_time(1_700_000_000, 8 * 3_600);
        row.fragment(&repeated);
    });
    let rows = cells(&file);
    assert_eq!(rows.len(), 2);
    for (number, row) in (1_i32..).zip(rows) {
        assert_eq!(row[0], text("文字 🙂"));
        assert_eq!(row[1], Data::Float(f64::from(number)));
        assert_eq!(row[2], Data::Float(1_234.567_8));
        let Data::DateTime(moment) = &row[3] else { panic!("{:?} is not a date", row[3]) };
        assert_eq!(moment.to_ymd_hms_milli(), (2023, 11, 15, 6, 13, 20, 0));
        assert_eq!(row[4], text("重复 & again"));
    }
    let range = sheet(&file, "Sheet");
    assert_eq!(range.rows().next().unwrap()[1], text("Column 2"));
}

#[test]
fn empty_cells_keep_the_positions_of_the_others() {
    let kinds = [ColumnKind::Text, ColumnKind::Decimal, ColumnKind::DateTime, ColumnKind::Integer];
    let file = written(&kinds, &[0, 1, 2, 3, 4, 5, 6, 7], |&filled, row| {
        match filled & 1 {
            0 => row.empty(),
            _ => row.text("a"),
        }
        row.empty();
        match filled & 2 {
            0 => row.empty(),
            _ => row.date_time(0, 0),
        }
        row.integer(7);
    });
    for (filled, row) in cells(&file).iter().enumerate() {
        let here: Vec<bool> = row.iter().map(|cell| !cell.is_empty()).collect();
        assert_eq!(here, [filled & 1 != 0, false, filled & 2 != 0, true]);
    }
}

#[test]
fn texts_are_never_formulas_nor_markup() {
    let texts = [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\"quoted\" 'single'",
        "</t></is></c>",
        "]]>",
        "&amp;",
        "<!-- -->",
        " leading",
        "trailing ",
        "two\nlines",
        "cr\r\nlf",
        " ",
        "00123",
        "TRUE",
        "#N/A",
        "1e5",
        "2024-01-01",
        "_x0041_",
        "_x005F_x0041_",
        "\u{0}\u{1}\u{8}\u{b}\u{1f}\u{7f}\u{85}",
        "\u{fffe}\u{ffff}\u{fffd}",
        "\u{feff}bom",
        "مرحبا שלום",
        "👩‍👩‍👧‍👦 e\u{301}",
    ];
    let file = written(&[ColumnKind::Text], &texts, |value, row| row.text(value));
    for (row, value) in cells(&file).iter().zip(texts) {
        assert_eq!(row[0], text(value));
    }
}

#[test]
fn numbers_beyond_fifteen_digits_are_exact_texts() {
    let file = written(&[ColumnKind::Decimal, ColumnKind::Integer], &[()], |(), row| {
        row.decimal(i128::from(i64::MAX), 8);
        row.integer(i64::MIN);
    });
    assert_eq!(cells(&file), [[text("92233720368.54775807"), text("-9223372036854775808")]]);
}

#[test]
fn a_text_that_is_too_long_is_an_error_and_ends_the_file() {
    let columns = [Column::new("Fits", 9, ColumnKind::Text), Column::new("Long", 9, ColumnKind::Text)];
    let mut workbook = Workbook::new(Vec::new(), &properties()).unwrap();
    let mut sheet = workbook.sheet("Sheet", &columns).unwrap();
    let write = |units: usize| {
        move |row: &mut RowWriter<'_>| {
            row.text("");
            row.text(&"a".repeat(units));
        }
    };
    sheet.row(write(32_767)).unwrap();
    let error = sheet.row(write(32_768)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "column \"Long\": a text of 32768 utf-16 units does not fit in a cell, which holds 32767"
    );
    assert!(matches!(sheet.row(write(1)), Err(Error::Incomplete)));
    assert!(matches!(workbook.finish(), Err(Error::Incomplete)));
}

#[test]
fn a_row_has_as_many_cells_as_columns() {
    let columns = [Column::new("A", 9, ColumnKind::Text), Column::new("B", 9, ColumnKind::Text)];
    for found in [0, 1, 3] {
        let mut workbook = Workbook::new(Vec::new(), &properties()).unwrap();
        let mut sheet = workbook.sheet("Sheet", &columns).unwrap();
        let error = sheet.row(|row| (0..found).for_each(|_| row.empty())).unwrap_err();
        assert!(matches!(error, Error::CellCount { expected: 2, found: counted } if counted == found));
    }
}

#[test]
fn an_encoder_drops_a_faulty_row_and_continues() {
    let mut workbook = Workbook::new(Vec::new(), &properties()).unwrap();
    let mut sheet = workbook.sheet("Sheet", &[Column::new("A", 9, ColumnKind::Integer)]).unwrap();
    let mut encoder = sheet.encoder();
    for number in 0..CHUNK_ROWS {
        assert!(encoder.row(|row| (0..2).for_each(|_| row.empty())).is_err());
        encoder.row(|row| row.integer(number)).unwrap();
    }
    assert!(matches!(encoder.row(|row| row.text("full")), Err(Error::ChunkFull)));
    sheet.append(encoder.finish()).unwrap();
    let (file, _) = workbook.finish().unwrap();
    let numbers: Vec<_> = cells(&file).iter().map(|row| row[0].clone()).collect();
    assert_eq!(numbers, (0..CHUNK_ROWS).map(|number| Data::Float(f64::from(number))).collect::<Vec<_>>());
}

#[test]
fn sheets_without_rows_and_workbooks_without_sheets() {
    let columns = [Column::new("Only \"header\" & <more>", 20, ColumnKind::Text)];
    let mut workbook = Workbook::new(Vec::new(), &properties()).unwrap();
    workbook.sheet("Paid <&> \"it's\"", &columns).unwrap();
    workbook.sheet("未付", &columns).unwrap();
    let (file, summary) = workbook.finish().unwrap();
    assert_eq!((summary.rows, summary.sheets), (0, 2));
    let reader: Xlsx<_> = ::calamine::open_workbook_from_rs(Cursor::new(&file)).unwrap();
    assert_eq!(reader.sheet_names(), ["Paid <&> \"it's\"", "未付"]);
    for name in reader.sheet_names() {
        assert_eq!(sheet(&file, &name).rows().collect::<Vec<_>>(), [[text(&columns[0].header)]]);
    }

    let empty = Workbook::new(Vec::new(), &properties()).unwrap();
    assert!(matches!(empty.finish(), Err(Error::NoSheet)));
    let mut workbook = Workbook::new(Vec::new(), &properties()).unwrap();
    assert!(matches!(workbook.sheet("S", &[]), Err(Error::ColumnCount { found: 0 })));
}

#[test]
fn chunks_belong_to_one_sheet() {
    let columns = [Column::new("A", 9, ColumnKind::Integer)];
    let mut workbook = Workbook::new(Vec::new(), &properties()).unwrap();
    let mut encoder = workbook.sheet("One", &columns).unwrap().encoder();
    encoder.row(|row| row.integer(1)).unwrap();
    let mut other = workbook.sheet("Two", &columns).unwrap();
    assert!(matches!(other.append(encoder.finish()), Err(Error::ForeignChunk)));
}

fn long_item(number: u32, row: &mut RowWriter<'_>) {
    row.integer(number);
    row.text(&format!("order {}", number.wrapping_mul(2_654_435_761)));
    row.decimal(i128::from(number) * 37, 4);
}

const LONG: [ColumnKind; 3] = [ColumnKind::Integer, ColumnKind::Text, ColumnKind::Decimal];

#[test]
fn the_same_rows_give_the_same_bytes_on_any_number_of_threads() {
    let numbers: Vec<u32> = (0..5 * CHUNK_ROWS + 7).collect();
    let whole = written(&LONG, &numbers, |&number, row| long_item(number, row));
    assert_eq!(whole, written(&LONG, &numbers, |&number, row| long_item(number, row)));

    let columns: Vec<_> =
        (1..).zip(LONG).map(|(number, kind)| Column::new(format!("Column {number}"), 12, kind)).collect();
    let mut workbook = Workbook::new(Vec::new(), &properties()).unwrap();
    let mut sheet = workbook.sheet("Sheet", &columns).unwrap();
    for batch in numbers.chunks(100) {
        sheet.rows(batch, |&number, row| long_item(number, row)).unwrap();
    }
    assert!(whole == workbook.finish().unwrap().0, "the same in batches");

    // Chunks of encoders that were not told their place are encoded again.
    for are_told in [true, false] {
        let mut workbook = Workbook::new(Vec::new(), &properties()).unwrap();
        let mut sheet = workbook.sheet("Sheet", &columns).unwrap();
        let chunks: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..)
                .zip(numbers.chunks(CHUNK_ROWS as usize))
                .map(|(number, part): (u64, _)| {
                    let mut encoder = sheet.encoder();
                    if are_told {
                        encoder.start_at(number * u64::from(CHUNK_ROWS));
                    }
                    scope.spawn(move || {
                        for &number in part {
                            encoder.row(|row| long_item(number, row)).unwrap();
                        }
                        encoder.finish()
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        for chunk in chunks {
            sheet.append(chunk).unwrap();
        }
        assert!(whole == workbook.finish().unwrap().0, "the same on several threads");
    }
}

#[test]
fn rows_that_were_stated_are_the_rows_of_the_sheet() {
    let columns = [Column::new("A", 9, ColumnKind::Integer)];
    for (stated, fits) in [(2, true), (1, false), (3, false)] {
        let mut workbook = Workbook::new(Vec::new(), &properties()).unwrap();
        let options = SheetOptions { rows: Some(stated), ..SheetOptions::default() };
        let mut sheet = workbook.sheet_with("Sheet", &columns, &options).unwrap();
        sheet.rows(&[1, 2], |&number, row| row.integer(number)).unwrap();
        match workbook.finish() {
            Ok(_) => assert!(fits, "{stated}"),
            Err(error) => {
                assert!(!fits, "{stated}");
                assert_eq!(error.to_string(), format!("the sheet has 2 rows, but {stated} were stated"));
            }
        }
    }
}

#[test]
fn many_rows_read_back() {
    let numbers: Vec<u32> = (0..=3 * CHUNK_ROWS).collect();
    let rows = cells(&written(&LONG, &numbers, |&number, row| long_item(number, row)));
    assert_eq!(rows.len(), numbers.len());
    for (row, number) in rows.iter().zip(numbers) {
        assert_eq!(row[0], Data::Float(f64::from(number)));
        assert_eq!(row[1], text(&format!("order {}", number.wrapping_mul(2_654_435_761))));
        assert_eq!(row[2], Data::Float(f64::from(number) * 37.0 / 10_000.0));
    }
}

/// The content of a random cell.
#[derive(Debug, Clone)]
enum CellValue {
    Text(String),
    Repeated(String),
    Integer(i64),
    Decimal(i64, u8),
    Moment(i64, i32),
    Empty,
}

impl CellValue {
    fn put(&self, row: &mut RowWriter<'_>) {
        match self {
            Self::Text(value) => row.text(value),
            Self::Repeated(value) => row.fragment(&Fragment::text(value).unwrap()),
            Self::Integer(value) => row.integer(*value),
            Self::Decimal(mantissa, scale) => row.decimal(i128::from(*mantissa), *scale),
            Self::Moment(unix_s, utc_offset_s) => row.date_time(*unix_s, *utc_offset_s),
            Self::Empty => row.empty(),
        }
    }

    fn assert_read_as(&self, cell: &Data) {
        match self {
            Self::Text(value) | Self::Repeated(value) => assert_eq!(*cell, text(value)),
            Self::Integer(value) if value.unsigned_abs() < 1_000_000_000_000_000 => {
                assert_eq!(*cell, Data::Float(value.to_string().parse().unwrap()));
            }
            Self::Integer(value) => assert_eq!(*cell, text(&value.to_string())),
            Self::Decimal(mantissa, scale) => {
                // Compared as text: the shortest decimal of the double is the written decimal.
                let shown = match cell {
                    Data::Float(number) => number.to_string(),
                    Data::String(digits) => digits.clone(),
                    other => panic!("{other:?}"),
                };
                let (whole, decimals) = shown.split_once('.').unwrap_or((&shown, ""));
                let decimals = decimals.trim_end_matches('0');
                let places = u8::try_from(decimals.len()).unwrap();
                assert!(places <= *scale, "{shown} has more places than {scale}");
                let read: i128 = format!("{whole}{decimals}").parse().unwrap();
                assert_eq!(read * 10_i128.pow(u32::from(*scale - places)), i128::from(*mantissa), "{shown}");
            }
            Self::Moment(unix_s, utc_offset_s) => {
                let Data::DateTime(moment) = cell else { panic!("{cell:?} is not a date") };
                let local_s = (moment.as_f64() - 25_569.0) * 86_400.0;
                let expected: f64 = (unix_s + i64::from(*utc_offset_s)).to_string().parse().unwrap();
                assert!((local_s - expected).abs() < 0.001, "{local_s} is not {expected}");
            }
            Self::Empty => assert_eq!(*cell, Data::Empty),
        }
    }
}

fn value() -> impl Strategy<Value = CellValue> {
    let odd = "(_x[0-9A-F]{4}|_|[\\x00-\\x1f]|[\u{fffe}\u{ffff}]|[ \n\t]|<|>|&|'|\"|=|文|🙂|\\PC){0,40}";
    prop_oneof![
        odd.prop_map(CellValue::Text),
        any::<String>().prop_map(CellValue::Text),
        "[a-c]{0,3}".prop_map(CellValue::Repeated),
        any::<i64>().prop_map(CellValue::Integer),
        (-2_000..2_000_i64).prop_map(CellValue::Integer),
        (any::<i64>(), 0..20_u8).prop_map(|(mantissa, scale)| CellValue::Decimal(mantissa, scale)),
        (-100_000..100_000_i64, 0..13_u8).prop_map(|(mantissa, scale)| CellValue::Decimal(mantissa, scale)),
        (0..253_402_000_000_i64, -43_200..50_400_i32)
            .prop_map(|(unix_s, offset)| CellValue::Moment(unix_s, offset)),
        Just(CellValue::Empty),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn random_cells_read_back(
        rows in (1..6_usize).prop_flat_map(|columns| {
            proptest::collection::vec(proptest::collection::vec(value(), columns), 1..30)
        })
    ) {
        let kinds = vec![ColumnKind::Text; rows[0].len()];
        let file = written(&kinds, &rows, |values, row| values.iter().for_each(|value| value.put(row)));
        let range = sheet(&file, "Sheet");
        for (number, values) in (1..).zip(&rows) {
            for (column, value) in (0..).zip(values) {
                // The reader returns no cells after the last one with a value.
                value.assert_read_as(range.get_value((number, column)).unwrap_or(&Data::Empty));
            }
        }
    }
}
