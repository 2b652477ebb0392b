//! Workbooks read with every reader that the registries have: each cell of a sampler, and the counts of a big file. Run
//! by `cargo xtask test --suite readers`, which prepares the readers. docs/EXPORTS.md, "Readers", has the same table.

#![expect(clippy::unwrap_used, reason = "a failure fails the test")]

mod deviations;
mod programs;
mod sampler;

use std::collections::BTreeMap;

use deviations::Deviation::{self, *};
use programs::{Found, Program};
use sampler::{Files, big_counts, sheets};

/// Compares every cell of the sampler and the counts of the big file.
fn check(program: Program, deviations: &[Deviation]) {
    let files = Files::get();
    let Found::Sheets(found) = program.read(&files.sampler) else { return };
    let expected: BTreeMap<String, Vec<Vec<String>>> =
        sheets().into_iter().map(|(name, rows)| (name, deviations::applied(rows, deviations))).collect();
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
fn openpyxl() {
    check(Program::Python("openpyxl"), &[KeepsEscapes]);
}

#[test]
fn openpyxl_read_only() {
    check(Program::Python("openpyxl-read-only"), &[KeepsEscapes]);
}

#[test]
fn pandas() {
    check(Program::Python("pandas"), &[KeepsEscapes]);
}

#[test]
fn pandas_with_calamine() {
    check(Program::Python("pandas-calamine"), &[]);
}

#[test]
fn polars() {
    check(Program::Python("polars"), &[TypesByColumn]);
}

#[test]
fn duckdb() {
    check(Program::Python("duckdb"), &[]);
}

#[test]
fn xlsx2csv() {
    check(Program::Python("xlsx2csv"), &[KeepsEscapes, SixDecimals, TextsOnly]);
}

#[test]
fn pylightxl() {
    check(Program::Python("pylightxl"), &[DropsInlineStrings, DatesAreNumbers]);
}

#[test]
fn sheetjs() {
    check(Program::Node("sheetjs"), &[DecodesCapitalEscapes]);
}

#[test]
fn exceljs() {
    check(Program::Node("exceljs"), &[KeepsEscapes]);
}

#[test]
fn exceljs_streaming() {
    check(Program::Node("exceljs-streaming"), &[KeepsEscapes, DecodesEntitiesTwice]);
}

#[test]
fn read_excel_file() {
    check(Program::Node("read-excel-file"), &[]);
}

#[test]
fn xlsx_populate() {
    check(Program::Node("xlsx-populate"), &[KeepsEscapes, DigitsAreNumbers, DatesAreNumbers]);
}

#[test]
fn calamine() {
    check(Program::Calamine, &[]);
}

#[test]
fn libreoffice() {
    check(Program::LibreOffice, &[DropsLineSeparators, TextsOnly]);
}

#[test]
fn gnumeric() {
    check(Program::Gnumeric, &[KeepsEscapes, DatesAreNumbers, TextsOnly]);
}
