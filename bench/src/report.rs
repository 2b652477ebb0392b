//! The report of a run: tables, raw numbers, and the command that repeats it.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};
use tollbook_domain::time::{civil_of_day, day_of};
use tollbook_ops::{Clock as _, SystemClock};

use crate::machine::Machine;
use crate::result::Result;

/// Directories of a run: its data and its results.
#[derive(Clone, Debug, Args)]
pub(crate) struct RunDirectories {
    /// Directory of the result [default: bench/runs/DATE-COMMAND]
    #[arg(long)]
    out: Option<PathBuf>,
    /// Day of the run, in the name of its directory [default: today in UTC]
    #[arg(long)]
    date: Option<String>,
    /// Directory for databases and files; it needs gigabytes
    #[arg(long, default_value = "/tmp/tollbook-bench")]
    pub(crate) data: PathBuf,
    /// Keep the databases, and use those that an earlier run kept
    #[arg(long)]
    pub(crate) keep: bool,
}

impl RunDirectories {
    /// Deletes a directory of the run, unless it is to be kept.
    pub(crate) fn clean_up(&self, directory: &Path) -> Result {
        if !self.keep && directory.exists() {
            fs::remove_dir_all(directory)?;
        }
        Ok(())
    }

    fn out(&self, topic: &str) -> PathBuf {
        if let Some(out) = &self.out {
            return out.clone();
        }
        let date = self.date.clone().unwrap_or_else(|| {
            let (year, month, day) = civil_of_day(day_of(SystemClock.now_s()));
            format!("{year:04}-{month:02}-{day:02}")
        });
        Path::new("bench/runs").join(format!("{date}-{topic}"))
    }
}

/// A table; the first column is aligned to the left, the others to the right.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    caption: String,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(caption: impl Into<String>, header: &[&str]) -> Self {
        Self { caption: caption.into(), rows: vec![header.iter().map(ToString::to_string).collect()] }
    }

    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// The table in Markdown, with aligned columns, so that it is readable as plain text.
    fn markdown(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let cell = |row: &[String], column: usize| row.get(column).cloned().unwrap_or_default();
        let width = |column| self.rows.iter().map(|row| cell(row, column).chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let mut text = format!("{}\n\n", self.caption);
        for (index, row) in self.rows.iter().enumerate() {
            for (column, &width) in widths.iter().enumerate() {
                let cell = cell(row, column);
                let _ = if column == 0 {
                    write!(text, "| {cell:<width$} ")
                } else {
                    write!(text, "| {cell:>width$} ")
                };
            }
            text.push_str("|\n");
            if index == 0 {
                for (column, &width) in widths.iter().enumerate() {
                    let dashes = "-".repeat(width);
                    let _ = if column == 0 {
                        write!(text, "| {dashes} ")
                    } else {
                        write!(text, "| {}: ", &dashes[1..])
                    };
                }
                text.push_str("|\n");
            }
        }
        text
    }
}

/// The report of one run.
#[derive(Debug)]
pub(crate) struct Report {
    topic: &'static str,
    title: String,
    machine: Machine,
    /// Explanations of the numbers, one paragraph each.
    pub(crate) notes: Vec<String>,
    pub(crate) tables: Vec<Table>,
    /// Raw results, one object each.
    pub(crate) measurements: Vec<Value>,
}

impl Report {
    /// Begins a run and reads the properties of the machine before anything else.
    pub(crate) fn begin(topic: &'static str, title: impl Into<String>) -> Self {
        let machine = Machine::read();
        Self {
            topic,
            title: title.into(),
            machine,
            notes: Vec::new(),
            tables: Vec::new(),
            measurements: Vec::new(),
        }
    }

    /// Prints the tables and writes the run's directory.
    pub(crate) fn finish(&self, directories: &RunDirectories) -> Result {
        let out = directories.out(self.topic);
        fs::create_dir_all(&out)?;
        let tables: Vec<String> = self.tables.iter().map(Table::markdown).collect();
        println!("\n{}", tables.join("\n"));
        fs::write(out.join("README.md"), self.readme(&tables))?;
        fs::write(out.join("result.json"), self.json())?;
        println!("stored in {}", out.display());
        Ok(())
    }

    fn readme(&self, tables: &[String]) -> String {
        let mut text = format!("# {}\n\n    {}\n\n", self.title, command());
        for line in self.machine.lines() {
            let _ = writeln!(text, "- {line}");
        }
        for note in &self.notes {
            let _ = write!(text, "\n{note}\n");
        }
        for table in tables {
            let _ = write!(text, "\n{table}");
        }
        text.push_str("\nThe raw numbers are in `result.json`.\n");
        text
    }

    /// One measurement per line, so that two runs can be compared line by line.
    fn json(&self) -> String {
        let measurements: Vec<String> = self.measurements.iter().map(ToString::to_string).collect();
        format!(
            "{{\n\"command\": {},\n\"machine\": {},\n\"measurements\": [\n{}\n]\n}}\n",
            json!(command()),
            self.machine.json(),
            measurements.join(",\n")
        )
    }
}

/// The command that repeats this run.
fn command() -> String {
    let arguments: Vec<String> =
        std::env::args().skip(1).map(|argument| without_password(&argument)).collect();
    format!("cargo run --profile dist -p tollbook-bench -- {}", arguments.join(" "))
}

/// The argument without the password of a URL, because results are published.
fn without_password(argument: &str) -> String {
    let parts = argument.split_once("://").and_then(|(scheme, rest)| {
        let (login, place) = rest.split_once('@')?;
        let (user, _) = login.split_once(':')?;
        Some(format!("{scheme}://{user}@{place}"))
    });
    parts.unwrap_or_else(|| argument.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_removed() {
        let secret = "--url=postgres://me:secret@db:5432/bills?sslmode=disable";
        assert_eq!(without_password(secret), "--url=postgres://me@db:5432/bills?sslmode=disable");
        for open in ["--keep", "postgres://me@db/bills", "postgres://db:5432/bills"] {
            assert_eq!(without_password(open), open);
        }
    }
}
