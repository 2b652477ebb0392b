//! Each reader, and what it does not represent as it was written.

use std::collections::BTreeMap;

use crate::deviations::Deviation::{self, *};
use crate::programs::{Found, Program};
use crate::sampler::{Files, big_counts, sheets};

/// Compares every cell of the sampler and the counts of the big file.
fn check(program: Program, deviations: &[Deviation]) {
    let files = Files::get();
    let Found::Sheets(found) = program.read(&files.sampler) else { return };
    let expected: BTreeMap<String, Vec<Vec<String>>> = sheets()
        .into_iter()
        .map(|(name, rows)| (name, crate::deviations::applied(rows, deviations)))
        .collect();
    let names = |sheets: &BTreeMap<String, Vec<Vec<String>>>| sheets.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&found), names(&expected));
    for (name, rows) in &expected {
        for (number, (row, read)) in (1..).zip(rows.iter().zip(&found[name])) {
            let cells = row.len().max(read.len());
            let none = String::new();
            for column in 0..cells {
                let [wanted, got] = [row, read].map(|cells| cells.get(column).unwrap_or(&none));
                assert_eq!(got, wanted, "{name:?}, row {number}, column {}", column + 1);
            }
        }
        assert_eq!(found[name].len(), rows.len(), "rows of {name:?}");
    }
    assert_eq!(program.count(&files.big), big_counts());
}

#[test]
#[ignore = "cargo xtask test --suite readers"]
fn openpyxl() {
    check(Program::Python("openpyxl"), &[KeepsEscapes]);
}

#[test]
#[ignore = "cargo xtask test --suite readers"]
fn openpyxl_read_only() {
    check(Program::Python("openpyxl-read-only"), &[KeepsEscapes]);
}

#[test]
#[ignore = "cargo xtask test --suite readers"]
fn pandas() {
    check(Program::Python("pandas"), &[KeepsEscapes]);
}

#[test]
#[ignore = "cargo xtask test --suite readers"]
fn pandas_with_calamine() {
    check(Program::Python("pandas-calamine"), &[]);
}

#[test]
#[ignore = "cargo xtask test --suite readers"]
fn polars() {
    check(Program::Python("polars"), &[TypesByColumn]);
}

#[test]
#[ignore = "cargo xtask test --suite readers"]
fn duckdb() {
    check(Program::Python("duckdb"), &[]);
}

#[test]
#[ignore = "cargo xtask test --suite readers"]
fn xlsx2csv() {
    check(Program::Python("xlsx2csv"), &[KeepsEscapes, SixDecimals, TextsOnly]);
}

#[test]
#[ignore = "cargo xtask test --suite readers"]
fn pylightxl() {
    check(Program::Python("pylightxl"), &[DropsInlineStrings, DatesAreNumbers]);
}

#[test]
#[ignore = "cargo xtask test --suite readers"]
fn sheetjs() {
    check(Program::Node("sheetjs"), &[DecodesCapitalEscapes]);
}

#[test]
#[ignore = "cargo xtask test --suite readers"]
fn exceljs() {
    check(Program::Node("exceljs"), &[KeepsEscapes]);
}

#[test]
#[ignore = "cargo xtask test --suite readers"]
fn exceljs_streaming() {
    check(Program::Node("exceljs-streaming"), &[KeepsEscapes, DecodesEntitiesTwice]);
}

#[test]
#[ignore = "cargo xtask test --suite readers"]
fn read_excel_file() {
    check(Program::Node("read-excel-file"), &[]);
}

#[test]
#[ignore = "cargo xtask test --suite readers"]
fn xlsx_populate() {
    check(Program::Node("xlsx-populate"), &[KeepsEscapes, DigitsAreNumbers, DatesAreNumbers]);
}

#[test]
#[ignore = "cargo xtask test --suite readers"]
fn calamine() {
    check(Program::Calamine, &[]);
}

#[test]
#[ignore = "cargo xtask test --suite readers"]
fn libreoffice() {
    check(Program::LibreOffice, &[DropsLineSeparators, TextsOnly]);
}

#[test]
#[ignore = "cargo xtask test --suite readers"]
fn gnumeric() {
    check(Program::Gnumeric, &[KeepsEscapes, DatesAreNumbers, TextsOnly]);
}
