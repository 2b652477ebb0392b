//! A full sheet of paid orders: the whole export, its parts, the export over HTTP, the same rows written by other writers,
//! the export from PostgreSQL, the memory of a larger export, and a server under load.

mod columnar_programs;
mod deflaters;
mod foreign_programs;
mod rows;
mod rust_xlsxwriter;
pub(crate) mod server_process;
pub(crate) mod steps;
mod under_load;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use foreign_programs::Program;
use tollbook_domain::Status;
use tollbook_export::Format;

use crate::cost::Cost;
use crate::fixture::Fixture;
use crate::postgres;
use crate::report::{Report, RunDirectories, Table};
use crate::result::Result;
use crate::step::{Step, StepKind};
use crate::timing::{Timings, grouped, per_second, times};

const READING: &str = "reading the orders alone";
const READING_BARE: &str = "the same rows by the driver alone";
const OTHER: &str = "rust_xlsxwriter alone, constant memory";

/// Options of `export`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// Paid orders, one row each; 1,048,575 is a full sheet
    #[arg(long, default_value_t = 1_048_575)]
    orders: u64,
    /// Repetitions of each step, each in a process of its own
    #[arg(long, default_value_t = 5)]
    repeat: usize,
    /// Repetitions of steps that take tens of seconds
    #[arg(long, default_value_t = 2)]
    repeat_slow: usize,
    /// The `tollbook` binary to serve with; without it, this program serves with the same library
    #[arg(long)]
    tollbook: Option<PathBuf>,
    #[command(flatten)]
    directories: RunDirectories,
    /// Rows for the writers in Python, which take minutes for a full sheet
    #[arg(long, default_value_t = 100_000)]
    rows_python: u64,
    /// An interpreter that has `XlsxWriter` and openpyxl: `cargo xtask test` makes one
    #[arg(long, default_value = "target/python/bin/python")]
    python: PathBuf,
    /// Parts to measure [default: all]
    #[arg(long, value_enum)]
    only: Vec<Part>,
    /// An interpreter that has pyarrow, polars, duckdb, jetxl and rapidxlsx; without it these are left out
    #[arg(long)]
    columnar_python: Option<PathBuf>,
    /// Paid orders of a larger export, which is measured for its memory; 0 skips it
    #[arg(long, default_value_t = 5_000_000)]
    rows_large: u64,
    /// A PostgreSQL database to export from as well [default: a temporary server of this run]
    #[arg(long)]
    url: Option<String>,
    /// Small exports that are requested
    #[arg(long, default_value_t = 1_000)]
    small_exports: i64,
    /// Lists that are requested, on the idle server and again while exports run
    #[arg(long, default_value_t = 300)]
    lists: usize,
}

/// What can be measured alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Reading and writing alone, and `rust_xlsxwriter`.
    Steps,
    /// Writers in other languages.
    Foreign,
    /// Writers of columns in Python.
    Columnar,
    /// Whole exports in every format.
    Whole,
    /// The export over HTTP.
    Http,
    /// Whole exports from PostgreSQL.
    Postgres,
    /// Small exports, and lists beside large ones.
    Load,
    /// Whole exports of more orders.
    Large,
}

impl Options {
    fn measures(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }
}

/// The repetitions of one measurement.
struct Measured {
    what: String,
    rows: u64,
    costs: Vec<Cost>,
}

impl Measured {
    fn median(&self) -> Duration {
        Timings::of(self.costs.iter().map(|cost| cost.time).collect()).median()
    }

    /// The median of the processor time, if it was measured.
    fn cpu(&self) -> Option<Duration> {
        let cpu: Option<Vec<Duration>> = self.costs.iter().map(|cost| cost.cpu).collect();
        cpu.map(|cpu| Timings::of(cpu).median())
    }

    /// Time for a million rows.
    fn per_row(&self) -> Duration {
        self.median().mul_f64(1_000_000.0 / per_second(self.rows, Duration::from_secs(1)).max(1.0))
    }

    fn worst(&self, of: impl Fn(&Cost) -> u64) -> u64 {
        self.costs.iter().map(of).max().unwrap_or(0)
    }
}

pub(crate) fn run(options: &Options) -> Result {
    let title = format!("An export of {} paid orders", grouped(options.orders));
    let mut report = Report::begin("export", title);
    notes(&mut report);
    let directory = options.directories.data.join(format!("export-{}", options.orders));
    load(options, options.orders, &directory)?;
    let mut measured = Vec::new();
    if options.measures(Part::Steps) {
        measured.extend(steps_alone(options, &directory)?);
        report.tables.push(reading(&measured)?);
    }
    if options.measures(Part::Foreign) {
        measured.extend(foreign_programs(options, &directory)?);
    }
    if let Some(python) = &options.columnar_python
        && options.measures(Part::Columnar)
    {
        measured.extend(columnar_programs(options, python, &directory)?);
    }
    if options.measures(Part::Whole) {
        measured.extend(whole(options, options.orders, &directory, None)?);
    }
    if options.measures(Part::Http) {
        eprintln!("over HTTP");
        let costs =
            server_process::export_over_http(&directory, options.tollbook.as_deref(), options.repeat.max(1))?;
        measured.push(Measured {
            what: "export over HTTP, request to link".to_owned(),
            rows: options.orders,
            costs,
        });
    }
    if options.measures(Part::Postgres) {
        measured.extend(from_postgres(options)?);
    }
    if options.measures(Part::Load) {
        let load = under_load::Load { small: options.small_exports, lists: options.lists };
        under_load::measure(&directory, options.tollbook.as_deref(), options.orders, load, &mut report)?;
    }
    options.directories.clean_up(&directory)?;
    if options.rows_large > 0 && options.measures(Part::Large) {
        measured.extend(larger(options)?);
    }
    for Measured { what, costs, .. } in &measured {
        report.measurements.extend(costs.iter().map(|cost| cost.json(what)));
    }
    report.tables.insert(0, table(&measured));
    report.finish(&options.directories)
}

/// Measures the parts of an export, each in a process of its own.
fn steps_alone(options: &Options, directory: &Path) -> Result<Vec<Measured>> {
    let steps = [
        (READING, StepKind::Scan, options.repeat),
        (READING_BARE, StepKind::ScanBare, options.repeat),
        ("our writer alone, one thread", StepKind::Workbook, options.repeat),
        ("our writer alone, two threads", StepKind::WorkbookTwoThreads, options.repeat),
        ("its sheet packed again: zlib-rs, level 1", StepKind::ZlibRs, options.repeat_slow),
        ("its sheet packed again: libdeflate, level 1", StepKind::Libdeflate, options.repeat_slow),
        (OTHER, StepKind::RustXlsxwriter, options.repeat_slow),
    ];
    let measured = steps.into_iter().map(|(what, kind, repeat)| {
        eprintln!("{what}");
        let costs =
            (0..repeat.max(1)).map(|_| Step::new(kind, directory).measure()).collect::<Result<_>>()?;
        Ok(Measured { what: what.to_owned(), rows: options.orders, costs })
    });
    measured.collect()
}

/// Measures writers in other languages.
fn foreign_programs(options: &Options, directory: &Path) -> Result<Vec<Measured>> {
    eprintln!("the cells in a file");
    Step::new(StepKind::Cells, directory).measure()?;
    let rows_python = options.rows_python.min(options.orders);
    let python = |library| Program::Python(options.python.clone(), library, rows_python);
    let programs = [
        (
            "libxlsxwriter alone, constant memory",
            options.orders,
            Program::Libxlsxwriter(foreign_programs::compile(directory)?),
        ),
        ("XlsxWriter (Python) alone, constant_memory", rows_python, python("xlsxwriter")),
        ("openpyxl (Python) alone, write-only", rows_python, python("openpyxl")),
    ];
    let measured = programs.into_iter().map(|(what, rows, program)| {
        eprintln!("{what}");
        let costs = (0..options.repeat_slow.max(1)).map(|_| program.measure(directory));
        Ok(Measured { what: what.to_owned(), rows, costs: costs.collect::<Result<_>>()? })
    });
    let measured = measured.collect::<Result<_>>()?;
    foreign_programs::remove_cells(directory)?;
    Ok(measured)
}

/// Measures writers of columns in Python.
fn columnar_programs(options: &Options, python: &Path, directory: &Path) -> Result<Vec<Measured>> {
    eprintln!("the rows as Parquet");
    Step::new(StepKind::Rows, directory).measure()?;
    let measured = columnar_programs::PROGRAMS.into_iter().map(|(library, kind)| {
        let what = format!("{library} (Python) alone, {kind}");
        eprintln!("{what}");
        let costs = (0..options.repeat_slow.max(1))
            .map(|_| columnar_programs::measure(python, library, kind, directory));
        Ok(Measured { what, rows: options.orders, costs: costs.collect::<Result<_>>()? })
    });
    let measured = measured.collect::<Result<_>>()?;
    columnar_programs::remove_rows(directory)?;
    Ok(measured)
}

/// Measures whole exports in every format, from SQLite or from the PostgreSQL of a URL.
fn whole(options: &Options, rows: u64, directory: &Path, url: Option<&str>) -> Result<Vec<Measured>> {
    let from = if url.is_some() { "export from PostgreSQL" } else { "export" };
    let measured = Format::all().map(|format| {
        let what = format!("{from}, {}: snapshot, file, store, link", format.name());
        eprintln!("{what}");
        let step = Step::export(directory, url, format);
        let costs = (0..options.repeat.max(1)).map(|_| step.measure()).collect::<Result<_>>()?;
        Ok(Measured { what, rows, costs })
    });
    measured.collect()
}

/// Measures exports of the same orders from PostgreSQL.
fn from_postgres(options: &Options) -> Result<Vec<Measured>> {
    let server = match &options.url {
        Some(url) => postgres::Server::at(url),
        None => postgres::Server::start(None),
    };
    let directory = options.directories.data.join("export-postgres");
    let fixture = Fixture::on_postgres(&directory, &server.url)?;
    fill(&fixture, options.orders)?;
    drop(fixture);
    postgres::Bare::connect(&server.url)?.command("VACUUM ANALYZE")?;
    let measured = whole(options, options.orders, &directory, Some(&server.url))?;
    options.directories.clean_up(&directory)?;
    Ok(measured)
}

/// Measures exports of many more orders in every format, for their memory.
fn larger(options: &Options) -> Result<Vec<Measured>> {
    let directory = options.directories.data.join(format!("export-{}", options.rows_large));
    load(options, options.rows_large, &directory)?;
    let once = Options { repeat: 1, ..options.clone() };
    let measured = whole(&once, options.rows_large, &directory, None)?;
    options.directories.clean_up(&directory)?;
    Ok(measured)
}

fn notes(report: &mut Report) {
    report.notes = [
        "All writers write the 42 columns of the paid list from the same field table \
         (`tollbook_export::fields::ORDER_ITEM_DETAIL`) to a file. The writers alone have the orders in memory before the \
         clock starts, and read no database; `rust_xlsxwriter` is as it comes, with its feature `constant_memory`. \
         `libxlsxwriter` (Debian's, by a C program compiled with `cc -O2`), `XlsxWriter` and `openpyxl` (the versions of \
         `tests/python/requirements.txt`) run as programs of `bench/foreign` that have read the cells first; those in \
         Python write fewer rows, as the column says. Ratios are of the time per row. \
         The writers of columns (`bench/foreign/columnar.py`) have the rows of our Parquet file in memory.",
        "Each repetition is a process of its own, except over HTTP, where one server process answers all. Seconds are \
         medians. Peak memory is `VmHWM` of the process at its worst; *taken* is what it grew by from the moment when \
         the clock started. The export ends when the file is durable and its link signed.",
        "The export from PostgreSQL is of the same orders, after VACUUM ANALYZE, from a server of this run's own unless a URL \
         was given. Exports over HTTP under load and the lists beside them are answered by one server process; client and \
         server share the machine.",
        "*Its sheet packed again* is the time that general encoders take for compression alone, on one thread, with the XML that our \
         writer formats and compresses in the time of its row: the reason for an encoder of our own.",
        "The driver alone is a prepared statement of rusqlite that takes every value of the same rows. For PostgreSQL the \
         command `postgres` compares the same.",
    ]
    .map(ToOwned::to_owned)
    .to_vec();
}

/// Fills the SQLite database of a directory with paid orders.
fn load(options: &Options, orders: u64, directory: &Path) -> Result {
    if !options.directories.keep {
        options.directories.clean_up(directory)?;
    }
    fill(&Fixture::open(directory)?, orders)
}

fn fill(fixture: &Fixture, orders: u64) -> Result {
    // About one order in a hundred is unpaid.
    let wanted = fixture.bench_orders(orders + orders / 50 + 1_000);
    let all = wanted.orders(&fixture.catalogue);
    let paid = all.filter(|new| new.order.status == Status::Paid).take(usize::try_from(orders)?);
    fixture.load(orders, paid)?;
    Ok(())
}

/// Table of reading through the store against reading with its driver alone.
fn reading(measured: &[Measured]) -> Result<Table> {
    let median = |what: &str| {
        let found = measured.iter().find(|measured| measured.what == what);
        found.map(Measured::median).ok_or_else(|| format!("{what} was not measured"))
    };
    let mut table = Table::new("Reading in list order", &["what", "milliseconds", "time / driver alone"]);
    let bare = median(READING_BARE)?;
    for what in [READING, READING_BARE] {
        let took = median(what)?;
        table.row(vec![what.to_owned(), format!("{:.0}", took.as_secs_f64() * 1_000.0), times(took, bare)]);
    }
    Ok(table)
}

fn table(measured: &[Measured]) -> Table {
    let header = [
        "what",
        "rows",
        "seconds",
        "CPU seconds",
        "rows/s",
        "MB",
        "peak MiB",
        "taken MiB",
        "rust_xlsxwriter takes, per row",
    ];
    let mut table = Table::new("Rows of 42 columns", &header);
    let other = measured.iter().find(|measured| measured.what == OTHER);
    for one in measured {
        let median = one.median();
        let bytes = one.worst(|cost| cost.bytes);
        table.row(vec![
            one.what.clone(),
            grouped(one.rows),
            format!("{:.2}", median.as_secs_f64()),
            one.cpu().map(|cpu| format!("{:.2}", cpu.as_secs_f64())).unwrap_or_default(),
            format!("{:.0}", per_second(one.rows, median)),
            if bytes == 0 { String::new() } else { (bytes / 1_000_000).to_string() },
            (one.worst(|cost| cost.peak_kib) / 1_024).to_string(),
            (one.worst(|cost| cost.peak_kib - cost.before_kib.min(cost.peak_kib)) / 1_024).to_string(),
            other.map(|other| times(other.per_row(), one.per_row())).unwrap_or_default(),
        ]);
    }
    table
}
