//! The same rows by the Python libraries that people write tables with: pyarrow, polars and `DuckDB` as Parquet and CSV, jetxl
//! and rapidxlsx as workbooks. Each reads our Parquet file before its clock starts.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::foreign_programs::source;
use crate::cost::Cost;
use crate::result::Result;

/// The file that the programs read.
pub(super) const ROWS: &str = "rows.parquet";

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
