//! Files in a time zone whose clocks are set back: the two orders of the repeated hour differ, and none seems to end when
//! it begins.

use std::io::Cursor;

use calamine::{Data, Reader as _, Xlsx};
use tollbook_export::{Format, Zone};

use crate::fixture::{Fixture, order, paid};

/// Four orders of an hour each, of which the second begins at `first_s`.
fn fixture(zone: &str, first_s: i64) -> Fixture {
    let orders: Vec<_> = (0..4)
        .map(|hour| {
            // Orders 4 to 7 are paid.
            let mut new = order(4 + hour);
            new.order.start_time_s = first_s + (hour - 1) * 3_600;
            new.order.end_time_s = new.order.start_time_s + 3_600;
            new
        })
        .collect();
    let mut fixture = Fixture::with(&orders);
    fixture.presentation.zone = Zone::named(zone).unwrap();
    fixture
}

/// Start and end of the orders as a cell shows them, oldest first.
fn shown_in_csv(fixture: &Fixture, zone: &str) -> Vec<[String; 2]> {
    let (bytes, _) = fixture.file(&paid(), Format::Csv, 2);
    let text = std::str::from_utf8(&bytes).unwrap().strip_prefix('\u{feff}').unwrap();
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().unwrap().clone();
    let column = |name: &str| header.iter().position(|cell| cell == format!("{name} ({zone})")).unwrap();
    let columns = [column("Start"), column("End")];
    let rows = reader.records().map(|row| {
        let row = row.unwrap();
        columns.map(|column| row[column].to_owned())
    });
    let mut rows: Vec<_> = rows.collect();
    rows.reverse();
    rows
}

fn shown_in_workbook(fixture: &Fixture, zone: &str) -> Vec<[String; 2]> {
    let (bytes, _) = fixture.file(&paid(), Format::Workbook, 2);
    let mut workbook = Xlsx::new(Cursor::new(bytes)).unwrap();
    let sheet = workbook.worksheet_range_at(0).unwrap().unwrap();
    let header: Vec<String> = sheet.rows().next().unwrap().iter().map(ToString::to_string).collect();
    let column = |name: &str| header.iter().position(|cell| *cell == format!("{name} ({zone})")).unwrap();
    let columns = [column("Start"), column("End")];
    let mut rows: Vec<_> = (sheet.rows().skip(1))
        .map(|row| {
            columns.map(|column| match &row[column] {
                Data::DateTime(date) => {
                    let (year, month, day, hour, minute, second, _) = date.to_ymd_hms_milli();
                    format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
                }
                Data::String(text) => text.clone(),
                other => panic!("{other:?}"),
            })
        })
        .collect();
    rows.reverse();
    rows
}

#[test]
fn the_two_orders_of_a_repeated_hour_differ_and_none_has_zero_length() {
    for (zone, first_s, expected) in [
        (
            "Europe/Berlin",
            1_761_436_800,
            [
                ["2025-10-26 01:00:00", "2025-10-26 02:00:00+02:00"],
                ["2025-10-26 02:00:00+02:00", "2025-10-26 02:00:00+01:00"],
                ["2025-10-26 02:00:00+01:00", "2025-10-26 03:00:00"],
                ["2025-10-26 03:00:00", "2025-10-26 04:00:00"],
            ],
        ),
        (
            "America/New_York",
            1_762_059_600,
            [
                ["2025-11-02 00:00:00", "2025-11-02 01:00:00-04:00"],
                ["2025-11-02 01:00:00-04:00", "2025-11-02 01:00:00-05:00"],
                ["2025-11-02 01:00:00-05:00", "2025-11-02 02:00:00"],
                ["2025-11-02 02:00:00", "2025-11-02 03:00:00"],
            ],
        ),
    ] {
        let fixture = fixture(zone, first_s);
        for shown in [shown_in_csv(&fixture, zone), shown_in_workbook(&fixture, zone)] {
            assert_eq!(shown, expected.map(|row| row.map(str::to_owned)), "{zone}");
        }
    }
}
