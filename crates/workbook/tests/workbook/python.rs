//! Workbooks read with openpyxl and validated by the rules of Microsoft's Open XML SDK. Needs the Python environment of
//! `cargo xtask test`.

use std::fs::File;
use std::path::Path;

use serde_json::{Value, json};
use tollbook_workbook::{Column, ColumnKind, Workbook};

use crate::samples::{TEXTS, properties, python};

/// Writes a workbook with every kind of part and element: rows, an empty sheet, names that must be quoted.
fn sampler(path: &Path) {
    let mut workbook = Workbook::new(File::create(path).unwrap(), &properties()).unwrap();
    let columns = [
        Column::new("Order", 26, ColumnKind::Text),
        Column::new("Count", 9, ColumnKind::Integer),
        Column::new("Amount", 14, ColumnKind::Decimal),
        Column::new("Time", 255, ColumnKind::DateTime),
    ];
    let mut sheet = workbook.sheet("Bob's <paid> & 订单", &columns).unwrap();
    for text in TEXTS {
        sheet
            .row(|row| {
                row.text(text);
                row.integer(7);
                row.decimal(-12_345_678, 4);
                row.date_time(1_700_000_000, 3_600);
            })
            .unwrap();
    }
    sheet
        .row(|row| {
            row.empty();
            row.integer(i64::MIN);
            row.decimal(i64::MAX.into(), 8);
            row.empty();
        })
        .unwrap();
    workbook.sheet("Empty", &columns[..1]).unwrap();
    let mut sheet = workbook.sheet("empty", &columns[..2]).unwrap();
    sheet
        .row(|row| {
            row.text("Rows");
            row.integer(i64::try_from(TEXTS.len()).unwrap());
        })
        .unwrap();
    workbook.finish().unwrap();
}

#[test]
fn openpyxl_finds_properties_and_layout() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("sampler.xlsx");
    sampler(&path);
    let sheet = |name: &str, last: &str, widths: Value, formats: Value| {
        json!({
            "Name": name,
            "State": "visible",
            "Size": format!("A1:{last}"),
            "Frozen": "A2",
            "Filter": format!("A1:{last}"),
            "Widths": widths,
            "Bold": true,
            "Formats": formats,
        })
    };
    let (decimal, time) = ("#,##0.00##########", "yyyy\\-mm\\-dd\\ hh:mm:ss");
    assert_eq!(
        python("layout.py", &[&path]),
        json!({
            "Title": "Orders & <more> 订单",
            "Creator": "Tollbook",
            "Created": "2023-11-14T22:13:20",
            "Modified": "2023-11-14T22:13:20",
            "Sheets": [
                sheet(
                    "Bob's <paid> & 订单",
                    "D34",
                    json!([26.0, 9.0, 14.0, 255.0]),
                    json!(["@", "0", decimal, time]),
                ),
                sheet("Empty", "A1", json!([26.0]), json!([])),
                sheet("empty (2)", "B2", json!([26.0, 9.0]), json!(["@", "0"])),
            ],
        })
    );
}

#[test]
fn the_file_passes_the_rules_of_the_open_xml_sdk() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("sampler.xlsx");
    sampler(&path);
    let found = python("audit.py", &[&path]);
    assert_eq!(found["Findings"], json!({ path.to_str().unwrap(): [] }));
    assert!(found["Noticed"].as_array().is_some_and(|noticed| !noticed.is_empty()), "{found}");
}
