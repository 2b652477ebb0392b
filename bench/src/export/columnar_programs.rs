//! The same rows by the Python libraries that people write tables with: pyarrow, polars and `DuckDB` as Parquet and CSV, jetxl
//! and rapidxlsx as workbooks. Each reads our Parquet file before its clock starts.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tollbook_domain::OrderQuery;
use tollbook_export::Format;

use super::foreign_programs::source;
use super::steps::whole_export;
use crate::cost::Cost;
use crate::fixture::Fixture;
use crate::result::Result;

/// The file that the programs read.
const ROWS: &str = "rows.parquet";

/// Libraries, with the kinds of files that they write.
pub(super) const PROGRAMS: [(&str, &str); 10] = [
    ("jetxl", "xlsx"),
    ("rapidxlsx", "xlsx"),
    ("pyarrow", "parquet"),
    ("polars", "parquet"),
    ("duckdb", "parquet"),
    ("pyarrow", "csv"),
    ("polars", "csv"),
    ("duckdb", "csv"),
    ("pyarrow", "csv.gz"),
    ("duckdb", "csv.gz"),
];

/// The step `rows`: writes the file that the programs read.
pub(super) fn write_rows(fixture: &Fixture, query: OrderQuery) -> Result<Cost> {
    let cost = whole_export(fixture, query, Format::Parquet)?;
    let objects = fixture.directory.join("objects");
    let mut pending = vec![objects.clone()];
    while let Some(directory) = pending.pop() {
        for entry in fs::read_dir(directory)? {
            let path = entry?.path();
            if path.is_dir() {
                pending.push(path);
            } else if path.extension().is_some_and(|extension| extension == "parquet") {
                fs::rename(&path, fixture.directory.join(ROWS))?;
            }
        }
    }
    fs::remove_dir_all(objects)?;
    Ok(cost)
}

/// Deletes the file that the programs read.
pub(super) fn remove_rows(directory: &Path) -> Result {
    Ok(fs::remove_file(directory.join(ROWS))?)
}

/// Writes the rows once with a library and deletes the file.
pub(super) fn measure(python: &Path, library: &str, kind: &str, directory: &Path) -> Result<Cost> {
    let out: PathBuf = directory.join(format!("columnar.{kind}"));
    let mut command = Command::new(python);
    command.arg(source("columnar.py")).args([library, kind]).arg(directory.join(ROWS)).arg(&out);
    command.env("PYTHONDONTWRITEBYTECODE", "1").env("TMPDIR", directory);
    command.stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{command:?}: {}", output.status).into());
    }
    let bytes = fs::metadata(&out)?.len();
    fs::remove_file(&out)?;
    Cost::from_program(&serde_json::from_slice(&output.stdout)?, bytes)
}
