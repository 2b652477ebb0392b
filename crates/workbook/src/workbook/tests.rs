//! Tests of continuation sheets, with sheets of a few rows, and of files beyond 4 GiB. Tests of cells are in `tests/`.

use super::*;
use crate::ColumnKind;
use calamine::{Data, Reader as _};
use std::io::{Cursor, Read as _, Seek as _, SeekFrom};

impl<W: Write> Workbook<W> {
    /// Sets the position in the container, as if that many bytes had been written.
    fn skip_to(&mut self, position: u64) {
        self.zip.skip_to(position);
    }
}

fn columns() -> [Column; 2] {
    [Column::new("Number", 10, ColumnKind::Integer), Column::new("Name", 10, ColumnKind::Text)]
}

fn put(row: &mut RowWriter<'_>, number: u32) {
    row.integer(number);
    row.text("x");
}

fn small(max_sheet_rows: u32) -> Workbook<Vec<u8>> {
    Workbook::with_sheet_rows(Vec::new(), &Properties::default(), max_sheet_rows).unwrap()
}

/// Name, header and the numbers of each sheet.
fn sheets(file: &[u8]) -> Vec<(String, String, Vec<i64>)> {
    let mut reader: calamine::Xlsx<_> = calamine::open_workbook_from_rs(Cursor::new(file)).unwrap();
    let shown = |cell: &Data| match cell {
        Data::Float(number) => format!("{number}").parse().unwrap(),
        other => panic!("{other:?}"),
    };
    reader
        .worksheets()
        .into_iter()
        .map(|(name, range)| {
            let mut rows = range.rows();
            let header = rows.next().unwrap()[0].to_string();
            (name, header, rows.map(|row| shown(&row[0])).collect())
        })
        .collect()
}

#[test]
fn a_full_sheet_continues_with_the_same_header() {
    for (rows, expected) in [(4, 1), (5, 2), (8, 2), (9, 3)] {
        let mut workbook = small(5);
        let numbers: Vec<u32> = (0..rows).collect();
        let mut sheet = workbook.sheet("Paid", &columns()).unwrap();
        sheet.rows(&numbers, |&number, row| put(row, number)).unwrap();
        workbook.sheet("Other", &columns()).unwrap();
        let (file, summary) = workbook.finish().unwrap();
        let sheets = sheets(&file);
        assert_eq!(sheets.len(), expected + 1, "{rows} rows");
        assert_eq!((summary.rows, summary.sheets as usize), (u64::from(rows), expected + 1));
        let names = ["Paid", "Paid (2)", "Paid (3)"];
        for (at, (name, header, numbers)) in sheets.iter().take(expected).enumerate() {
            assert_eq!((name.as_str(), header.as_str()), (names[at], "Number"));
            let first = i64::try_from(at * 4).unwrap();
            let last = i64::from(rows).min(first + 4);
            assert_eq!(*numbers, (first..last).collect::<Vec<_>>());
        }
        assert_eq!(
            sheets.last().map(|(name, _, numbers)| (name.as_str(), numbers.len())),
            Some(("Other", 0))
        );
    }
}

#[test]
fn a_chunk_that_does_not_fit_is_written_to_the_next_sheet_undivided() {
    let mut workbook = small(6);
    let mut sheet = workbook.sheet("Paid", &columns()).unwrap();
    let mut encoder = sheet.encoder();
    for chunk in 0..3 {
        for number in chunk * 3..chunk * 3 + 3 {
            encoder.row(|row| put(row, number)).unwrap();
        }
        sheet.append(encoder.finish()).unwrap();
    }
    sheet.append(encoder.finish()).unwrap();
    // Single rows after chunks fill the sheet to its last row.
    for number in 9..12 {
        sheet.row(|row| put(row, number)).unwrap();
    }
    let (file, _) = workbook.finish().unwrap();
    let numbers: Vec<_> = sheets(&file).into_iter().map(|(_, _, numbers)| numbers).collect();
    assert_eq!(numbers, [vec![0, 1, 2], vec![3, 4, 5], vec![6, 7, 8, 9, 10], vec![11]]);
}

#[test]
fn full_chunks_fill_a_sheet_to_its_last_row() {
    assert_eq!((MAX_SHEET_ROWS - 1) % CHUNK_ROWS, 0);
    let limit = 2 * CHUNK_ROWS + 1;
    let numbers: Vec<u32> = (0..limit).collect();
    let mut workbook = small(limit);
    workbook.sheet("Paid", &columns()).unwrap().rows(&numbers, |&number, row| put(row, number)).unwrap();
    let (file, _) = workbook.finish().unwrap();
    let lengths: Vec<_> = sheets(&file).iter().map(|(_, _, numbers)| numbers.len()).collect();
    assert_eq!(lengths, [limit as usize - 1, 1]);
}

#[test]
fn a_sheet_continues_before_4_gib() {
    let mut workbook = small(100);
    let mut sheet = workbook.sheet("Paid", &columns()).unwrap();
    let mut encoder = sheet.encoder();
    encoder.row(|row| put(row, 1)).unwrap();
    sheet.append(encoder.finish()).unwrap();
    workbook.zip.fill_entry(u64::from(u32::MAX) - SHEET_END_RESERVE);
    encoder.row(|row| put(row, 2)).unwrap();
    workbook.place(encoder.finish()).unwrap();
    let rows: Vec<_> = workbook.sheets.iter().map(|sheet| (sheet.name.as_str(), sheet.rows)).collect();
    assert_eq!(rows, [("Paid", 2), ("Paid (2)", 1)], "the last sheet is open");
}

/// A sparse prefix puts every offset after 4 GiB; calamine must follow them.
#[test]
fn a_reader_follows_offsets_after_4_gib() {
    const FAR: u64 = 5 << 30;
    let mut plain = Workbook::new(Vec::new(), &Properties::default()).unwrap();
    plain.sheet("S", &[Column::new("H", 9, ColumnKind::Text)]).unwrap();
    let (plain, _) = plain.finish().unwrap();

    let mut file = tempfile::tempfile().unwrap();
    file.seek(SeekFrom::Start(FAR)).unwrap();
    let mut workbook = Workbook::new(&mut file, &Properties::default()).unwrap();
    workbook.skip_to(FAR);
    workbook.sheet("S", &[Column::new("H", 9, ColumnKind::Text)]).unwrap();
    let (_, summary) = workbook.finish().unwrap();
    assert!(summary.bytes > FAR + plain.len() as u64, "the zip64 records make it longer");

    let mut reader: calamine::Xlsx<_> =
        calamine::open_workbook_from_rs(std::io::BufReader::new(file)).unwrap();
    let range = reader.worksheet_range("S").unwrap();
    assert_eq!(range.get_value((0, 0)), Some(&Data::String("H".into())));
}

/// The references of rows and cells in a sheet's XML, in order.
fn references(piece: &Piece) -> Vec<String> {
    let stream = piece.deflated.chain(crate::deflate::STREAM_END.as_slice());
    let mut xml = String::new();
    flate2::read::DeflateDecoder::new(stream).read_to_string(&mut xml).unwrap();
    let parts = xml.split(" r=\"").skip(1);
    parts.map(|part| part.split_once('"').unwrap().0.to_owned()).collect()
}

#[test]
fn every_row_and_cell_has_its_reference() {
    let columns: Vec<_> =
        (1..=28).map(|number| Column::new(format!("{number}"), 9, ColumnKind::Text)).collect();
    let layout = Arc::new(Layout::new(&columns, &SheetOptions::default(), 200).unwrap());
    let mut encoder = ChunkEncoder::new(Arc::clone(&layout));
    let is_empty = |row: u32, column: u32| (row * 7 + column).is_multiple_of(3) || row == 101;
    let encode = |encoder: &mut ChunkEncoder| {
        for row in 95..115 {
            encoder
                .row(|writer| {
                    for column in 1..=28 {
                        if is_empty(row, column) {
                            writer.empty();
                        } else {
                            writer.text(&format!("<c r=\"A1\"> {}", row * column));
                        }
                    }
                })
                .unwrap();
        }
        encoder.finish()
    };
    let expected: Vec<String> = (95..115)
        .flat_map(|row| {
            let cells = (1..=28).filter(move |&column| !is_empty(row, column)).flat_map(move |column| {
                // The text of the cell looks like a reference and is not one.
                [format!("{}{row}", crate::reference::column_letters(column as usize)), "A1".to_owned()]
            });
            std::iter::once(row.to_string()).chain(cells)
        })
        .collect();
    encoder.start_at_row(95);
    let direct = encode(&mut encoder);
    assert_eq!(references(&direct.piece), expected);
    encoder.start_at_row(2);
    let elsewhere = encode(&mut encoder);
    assert_ne!(elsewhere.piece.deflated, direct.piece.deflated);
    let again = renumbered(&elsewhere, &mut encoder, 95).unwrap();
    assert_eq!((again.first_row, again.rows), (95, 20));
    assert!(again.piece.deflated == direct.piece.deflated, "the same bytes as if it had been encoded there");
    assert_eq!(again.piece.crc.clone().finalize(), direct.piece.crc.clone().finalize());
}

#[test]
fn planned_sheets_are_listed_first_and_must_be_written_as_planned() {
    let plan = |name: &str, rows: u64| PlannedSheet {
        name: name.to_owned(),
        columns: columns().to_vec(),
        options: SheetOptions { rows: Some(rows), ..SheetOptions::default() },
    };
    let write = |plan: &[PlannedSheet], written: &PlannedSheet, rows: u32| {
        let mut workbook = small(5);
        workbook.list(plan)?;
        let numbers: Vec<u32> = (0..rows).collect();
        let mut sheet = workbook.sheet_with(&written.name, &written.columns, &written.options)?;
        sheet.rows(&numbers, |&number, row| put(row, number))?;
        workbook.finish()
    };
    let paid = plan("Paid", 9);
    let (file, summary) = write(std::slice::from_ref(&paid), &paid, 9).unwrap();
    assert_eq!((summary.rows, summary.sheets), (9, 3));
    let lengths: Vec<_> = sheets(&file).into_iter().map(|(name, _, rows)| (name, rows.len())).collect();
    assert_eq!(lengths, [("Paid".to_owned(), 4), ("Paid (2)".to_owned(), 4), ("Paid (3)".to_owned(), 1)]);
    let position = |part: &[u8]| file.windows(part.len()).position(|window| window == part).unwrap();
    assert!(position(b"xl/workbook.xml") < position(b"xl/worksheets/sheet1.xml"));
    for (plan, written, rows) in [
        (vec![paid.clone()], plan("Unpaid", 9), 9),
        (vec![paid.clone(), plan("Unpaid", 1)], paid.clone(), 9),
        (vec![plan("Paid", 8)], paid.clone(), 9),
    ] {
        assert!(matches!(write(&plan, &written, rows), Err(Error::Unplanned)), "{plan:?}");
    }
}
