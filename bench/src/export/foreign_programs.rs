//! The same rows by writers in other languages: `libxlsxwriter`, `XlsxWriter` and `openpyxl`, each called by a program of
//! `bench/foreign` that reads the cells from a file before its clock starts.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tollbook_export::fields::{Cell, ORDER_ITEM_DETAIL, OrderRow};

use super::rows::Rows;
use crate::cost::Cost;
use crate::result::Result;

/// Seconds from the spreadsheet's day 0 to 1970-01-01.
const UNIX_EPOCH_S: i64 = 25_569 * 86_400;
/// File of the cells, written by the step `cells`.
const CELLS: &str = "cells.txt";

/// A program that writes a workbook with a library.
#[derive(Clone, Debug)]
pub(super) enum Program {
    /// The program compiled from `libxlsxwriter.c`.
    Libxlsxwriter(PathBuf),
    /// An interpreter, the name of the library in `writers.py`, and the number of rows.
    Python(PathBuf, &'static str, u64),
}

impl Program {
    /// Writes the workbook once and deletes it.
    pub(super) fn measure(&self, directory: &Path) -> Result<Cost> {
        let (cells, out) = (directory.join(CELLS), directory.join("foreign.xlsx"));
        let mut command = match self {
            Self::Libxlsxwriter(program) => {
                let mut command = Command::new(program);
                command.arg(cells);
                command
            }
            Self::Python(interpreter, library, rows) => {
                let mut command = Command::new(interpreter);
                command.arg(source("writers.py")).arg(library).arg(cells).arg(rows.to_string());
                command.env("PYTHONDONTWRITEBYTECODE", "1");
                command
            }
        };
        // Temporary files are written to the same file system.
        let output = command
            .arg(&out)
            .env("TMPDIR", directory)
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .map_err(|error| format!("{command:?}: {error}"))?;
        if !output.status.success() {
            return Err(format!("{command:?}: {}", output.status).into());
        }
        let bytes = fs::metadata(&out)?.len();
        fs::remove_file(&out)?;
        Cost::from_program(&serde_json::from_slice(&output.stdout)?, bytes)
    }
}

/// A program of `bench/foreign`.
pub(super) fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("foreign").join(name)
}

/// Compiles the program for `libxlsxwriter`.
pub(super) fn compile(directory: &Path) -> Result<PathBuf> {
    let program = directory.join("libxlsxwriter");
    let status = Command::new("cc")
        .args(["-O2", "-o"])
        .arg(&program)
        .arg(source("libxlsxwriter.c"))
        .arg("-lxlsxwriter")
        .status()?;
    if !status.success() {
        return Err(
            "libxlsxwriter.c cannot be compiled: on Debian, install the package libxlsxwriter-dev".into()
        );
    }
    Ok(program)
}

/// Deletes the file of the cells.
pub(super) fn remove_cells(directory: &Path) -> Result {
    Ok(fs::remove_file(directory.join(CELLS))?)
}

/// The step `cells`: writes the file that the programs read. Its format is described in `libxlsxwriter.c`.
pub(super) fn write_cells(rows: &Rows, directory: &Path) -> Result<Cost> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(directory.join(CELLS))?);
    let header: Vec<String> = ORDER_ITEM_DETAIL.iter().map(|field| format!("h{}", field.name)).collect();
    writeln!(out, "{}", header.join("\t"))?;
    let mut views = rows.presentation.lines(rows.lines.clone());
    for stored in &rows.orders {
        let row = |order: &OrderRow<'_>| write_row(&mut out, order);
        views.show(stored, row).ok_or("an order has no line")??;
    }
    out.flush()?;
    Ok(Cost::default())
}

fn write_row(out: &mut impl Write, order: &OrderRow<'_>) -> Result {
    for (number, field) in ORDER_ITEM_DETAIL.iter().enumerate() {
        if number > 0 {
            out.write_all(b"\t")?;
        }
        match (field.value)(order) {
            Cell::Text("") | Cell::Time(None) => {}
            Cell::Text(text) => write_text(out, text)?,
            Cell::OwnedText(text) => write_text(out, &text)?,
            Cell::Integer(number) => write!(out, "n{number}")?,
            Cell::Decimal { mantissa, places } => write!(out, "m{mantissa}e-{places}")?,
            // Days, with more digits than a double has.
            Cell::Time(Some(unix_s)) => {
                let local_s = unix_s + UNIX_EPOCH_S;
                let fraction = i128::from(local_s.rem_euclid(86_400)) * 1_000_000_000_000_000_000 / 86_400;
                write!(out, "t{}.{fraction:018}", local_s.div_euclid(86_400))?;
            }
        }
    }
    Ok(out.write_all(b"\n")?)
}

fn write_text(out: &mut impl Write, text: &str) -> Result {
    if text.contains(['\t', '\n', '\0']) {
        return Err(format!("{text:?} cannot be written to the file of cells").into());
    }
    Ok(write!(out, "s{text}")?)
}
