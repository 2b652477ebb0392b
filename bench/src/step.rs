//! Steps of a benchmark, each run in a process of its own, so that its memory can be measured.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::{Args, ValueEnum};
use tollbook_export::Format;

use crate::cost::Cost;
use crate::result::Result;

/// A step and the data that it works on.
#[derive(Clone, Debug, Args)]
pub(crate) struct Step {
    pub(crate) kind: StepKind,
    /// Directory of the fixture
    pub(crate) data: PathBuf,
    /// The database, if it is not the SQLite file of the directory
    #[arg(long)]
    pub(crate) url: Option<String>,
    /// The format of an export
    #[arg(long, default_value_t)]
    pub(crate) format: Format,
}

/// The steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum StepKind {
    /// The whole export: snapshot, workbook, object store, link.
    Export,
    /// Reading the orders alone.
    Scan,
    /// Reading the same rows with the driver alone.
    ScanBare,
    /// Our writer alone, rows in memory.
    Workbook,
    /// Our writer alone, on two threads.
    WorkbookTwoThreads,
    /// Compressing the XML of our writer with zlib-rs.
    ZlibRs,
    /// Compressing the XML of our writer with libdeflate.
    Libdeflate,
    /// `rust_xlsxwriter` alone, rows in memory.
    RustXlsxwriter,
    /// Writing the rows to a file, for writers that are other programs.
    Cells,
    /// Writing the rows to a Parquet file, for writers of columns that are other programs.
    Rows,
    /// A server that runs until its standard input ends.
    Serve,
}

impl Step {
    /// A step on the SQLite file of a directory.
    pub(crate) fn new(kind: StepKind, data: &Path) -> Self {
        Self { kind, data: data.to_owned(), url: None, format: Format::default() }
    }

    /// An export in a format, from the SQLite file of the directory or from the database of a URL.
    pub(crate) fn export(data: &Path, url: Option<&str>, format: Format) -> Self {
        Self { url: url.map(ToOwned::to_owned), format, ..Self::new(StepKind::Export, data) }
    }

    /// The command that runs the step in a process of its own.
    pub(crate) fn command(&self) -> Result<Command> {
        let mut command = Command::new(std::env::current_exe()?);
        let name = self.kind.to_possible_value().ok_or("a step has a name")?;
        command.arg("step").arg(name.get_name()).arg(&self.data);
        command.arg("--format").arg(self.format.name());
        if let Some(url) = &self.url {
            command.arg("--url").arg(url);
        }
        Ok(command)
    }

    /// Runs the step in a process of its own.
    pub(crate) fn measure(&self) -> Result<Cost> {
        let output = self.command()?.stderr(Stdio::inherit()).output()?;
        if !output.status.success() {
            return Err(format!("step {:?} failed", self.kind).into());
        }
        Cost::from_json(&serde_json::from_slice(&output.stdout)?)
    }
}
