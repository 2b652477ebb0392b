//! Steps of a benchmark that run in a process of their own, so that the memory they are seen to take is theirs; and
//! watching the memory of other programs.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use tollbook_export::Format;

use crate::machine::memory_kib;
use crate::{Result, export};

/// How often the memory of another program is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// A step and the site that it works on.
#[derive(Clone, Debug, Args)]
pub(crate) struct Step {
    name: Name,
    data: PathBuf,
    /// The database, if it is not the SQLite file of the directory
    #[arg(long)]
    url: Option<String>,
    /// The format of an export
    #[arg(long, default_value_t)]
    format: Format,
}

impl Step {
    /// A step on the SQLite file of a directory.
    pub(crate) fn new(name: Name, data: &Path) -> Self {
        Self { name, data: data.to_owned(), url: None, format: Format::default() }
    }

    /// An export in a format, from the SQLite file of the directory or from the database of a URL.
    pub(crate) fn export(data: &Path, url: Option<&str>, format: Format) -> Self {
        Self { url: url.map(ToOwned::to_owned), format, ..Self::new(Name::Export, data) }
    }
}

/// The steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Name {
    /// The whole export: snapshot, workbook, object store, link.
    Export,
    /// Reading the orders alone.
    Scan,
    /// The same rows through the bare driver.
    ScanBare,
    /// Our writer alone, rows in memory.
    Workbook,
    /// The same on two threads.
    WorkbookTwoThreads,
    /// What zlib-rs takes for packing the XML of our writer.
    ZlibRs,
    /// What libdeflate takes for the same.
    Libdeflate,
    /// `rust_xlsxwriter` alone, rows in memory.
    RustXlsxwriter,
    /// The rows in a file, for writers that are other programs.
    Cells,
    /// A server, until its standard input ends.
    Serve,
}

/// What a step or a program took.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    pub(crate) time: Duration,
    /// Size of what it wrote.
    pub(crate) bytes: u64,
    /// Of the process at the most, in KiB.
    pub(crate) peak_kib: u64,
    /// Of the process when the clock was started, in KiB: rows in memory, for instance.
    pub(crate) before_kib: u64,
}

impl Cost {
    /// Times work that says how many bytes it wrote.
    pub(crate) fn of(work: impl FnOnce() -> Result<u64>) -> Result<Self> {
        let before_kib = memory_kib("self", "VmRSS").unwrap_or(0);
        let began = Instant::now();
        let bytes = work()?;
        let time = began.elapsed();
        Ok(Self { time, bytes, peak_kib: memory_kib("self", "VmHWM").unwrap_or(0), before_kib })
    }

    /// As it is kept in a result, and told by a step to the process that started it.
    pub(crate) fn json(&self, what: &str) -> Value {
        json!({
            "what": what, "us": u64::try_from(self.time.as_micros()).unwrap_or(u64::MAX), "bytes": self.bytes,
            "peak_kib": self.peak_kib, "before_kib": self.before_kib,
        })
    }

    fn read(told: &Value) -> Result<Self> {
        let bytes = told.get("bytes").and_then(Value::as_u64).ok_or_else(|| format!("no bytes in {told}"))?;
        Self::told(told, bytes)
    }

    /// What a program tells, which wrote a file of so many bytes.
    pub(crate) fn told(told: &Value, bytes: u64) -> Result<Self> {
        let number =
            |name: &str| told.get(name).and_then(Value::as_u64).ok_or_else(|| format!("no {name} in {told}"));
        Ok(Self {
            time: Duration::from_micros(number("us")?),
            bytes,
            peak_kib: number("peak_kib")?,
            before_kib: number("before_kib")?,
        })
    }
}

/// Runs a step in this process.
pub(crate) fn run(step: &Step) -> Result {
    match step.name {
        Name::Serve => export::server::serve(&step.data),
        name => {
            println!(
                "{}",
                export::steps::run(name, &step.data, step.url.as_deref(), step.format)?.json("step")
            );
            Ok(())
        }
    }
}

/// The command that runs a step in a process of its own.
pub(crate) fn command(name: Name, data: &Path) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    let name = name.to_possible_value().ok_or("a step has a name")?;
    command.arg("step").arg(name.get_name()).arg(data);
    Ok(command)
}

/// Runs a step in a process of its own.
pub(crate) fn step(step: &Step) -> Result<Cost> {
    let name = step.name;
    let mut command = command(name, &step.data)?;
    command.arg("--format").arg(step.format.name());
    if let Some(url) = &step.url {
        command.arg("--url").arg(url);
    }
    let output = command.stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("step {name:?} failed").into());
    }
    Cost::read(&serde_json::from_slice(&output.stdout)?)
}

/// Runs a program to its end and watches its memory. The last look is at most a few milliseconds before the end.
pub(crate) fn watch(command: &mut Command) -> Result<Cost> {
    let began = Instant::now();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
    let process = child.id().to_string();
    let mut peak_kib = 0;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        peak_kib = memory_kib(&process, "VmHWM").unwrap_or(peak_kib).max(peak_kib);
        std::thread::sleep(LOOK);
    };
    let time = began.elapsed();
    if !status.success() {
        return Err(format!("{command:?} failed: {status}").into());
    }
    Ok(Cost { time, bytes: 0, peak_kib, before_kib: 0 })
}
