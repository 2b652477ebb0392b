//! A full sheet of paid orders: the whole export, its parts, the same over HTTP from another process, and the same rows
//! written by `rust_xlsxwriter`.

mod foreign;
pub(crate) mod server;
pub(crate) mod steps;

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use tollbook_domain::Status;

use crate::Result;
use crate::child::{self, Cost, Name};
use crate::report::{Places, Report, Table};
use crate::site::Site;
use crate::timing::{Timings, grouped, per_second, times};

const READING: &str = "reading the orders alone";
const READING_BARE: &str = "the same rows by the driver alone";

/// What to measure.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// Paid orders, one row each; 1,048,575 is a full sheet
    #[arg(long, default_value_t = 1_048_575)]
    orders: u64,
    /// Repetitions of each step, each in a process of its own
    #[arg(long, default_value_t = 5)]
    repeat: usize,
    /// Repetitions of what takes tens of seconds
    #[arg(long, default_value_t = 2)]
    repeat_slow: usize,
    /// The `tollbook` binary to serve with; without it, this program serves with the same library
    #[arg(long)]
    tollbook: Option<PathBuf>,
    #[command(flatten)]
    places: Places,
}

/// What was measured, in its repetitions.
struct Measured {
    what: &'static str,
    costs: Vec<Cost>,
}

impl Measured {
    fn median(&self) -> Duration {
        Timings::of(self.costs.iter().map(|cost| cost.time).collect()).median()
    }

    fn worst(&self, of: impl Fn(&Cost) -> u64) -> u64 {
        self.costs.iter().map(of).max().unwrap_or(0)
    }
}

pub(crate) fn run(options: &Options) -> Result {
    let title = format!("An export of {} paid orders", grouped(options.orders));
    let mut report = Report::begin("export", title);
    notes(&mut report);
    let directory = options.places.data.join(format!("export-{}", options.orders));
    load(options, &directory)?;
    let mut measured = Vec::new();
    for (what, name, repeat) in [
        (READING, Name::Scan, options.repeat),
        (READING_BARE, Name::ScanBare, options.repeat),
        ("our writer alone, one thread", Name::Workbook, options.repeat),
        ("our writer alone, two threads", Name::WorkbookTwoThreads, options.repeat),
        ("rust_xlsxwriter alone, constant memory", Name::RustXlsxwriter, options.repeat_slow),
        ("export: snapshot, workbook, store, link", Name::Export, options.repeat),
    ] {
        eprintln!("{what}");
        let costs = (0..repeat.max(1)).map(|_| child::step(name, &directory)).collect::<Result<_>>()?;
        measured.push(Measured { what, costs });
    }
    eprintln!("over HTTP");
    let costs = server::export_over_http(&directory, options.tollbook.as_deref(), options.repeat.max(1))?;
    measured.push(Measured { what: "export over HTTP, request to link", costs });
    for Measured { what, costs } in &measured {
        report.measurements.extend(costs.iter().map(|cost| cost.json(what)));
    }
    report.tables.push(table(options.orders, &measured));
    report.tables.push(reading(&measured)?);
    report.finish(&options.places)?;
    options.places.leave(&directory)
}

fn notes(report: &mut Report) {
    report.notes = [
        "All writers write the 42 columns of the paid list from the same field table \
         (`tollbook_ops::fields::ORDER_ITEM_DETAIL`) to a file. The writers alone have the orders in memory before the \
         clock starts, and read no database; `rust_xlsxwriter` is as it comes, with its feature `constant_memory`.",
        "Each repetition is a process of its own, except over HTTP, where one server process answers all. Seconds are \
         medians. Peak memory is `VmHWM` of the process at its worst; *taken* is what it grew by from the moment when \
         the clock started. The export ends when the file is durable and its link signed.",
        "The driver alone is a prepared statement of rusqlite that takes every value of the same rows. For PostgreSQL the \
         command `postgres` compares the same.",
    ]
    .map(ToOwned::to_owned)
    .to_vec();
}

fn load(options: &Options, directory: &std::path::Path) -> Result {
    if !options.places.keep {
        options.places.leave(directory)?;
    }
    let site = Site::open(directory)?;
    // About one in a hundred is unpaid.
    let wanted = site.bench_orders(options.orders + options.orders / 50 + 1_000);
    let all = wanted.orders(&site.catalogue);
    let paid = all.filter(|new| new.order.status == Status::Paid).take(usize::try_from(options.orders)?);
    site.load(options.orders, paid)?;
    Ok(())
}

/// What the store adds to its driver.
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

fn table(orders: u64, measured: &[Measured]) -> Table {
    let header = ["what", "seconds", "rows/s", "MB", "peak MiB", "taken MiB", "rust_xlsxwriter takes"];
    let mut table = Table::new(format!("{} rows of 42 columns", grouped(orders)), &header);
    let other = measured.iter().find(|measured| measured.what.starts_with("rust_xlsxwriter"));
    for one in measured {
        let median = one.median();
        let bytes = one.worst(|cost| cost.bytes);
        table.row(vec![
            one.what.to_owned(),
            format!("{:.2}", median.as_secs_f64()),
            format!("{:.0}", per_second(orders, median)),
            if bytes == 0 { String::new() } else { (bytes / 1_000_000).to_string() },
            (one.worst(|cost| cost.peak_kib) / 1_024).to_string(),
            (one.worst(|cost| cost.peak_kib - cost.before_kib.min(cost.peak_kib)) / 1_024).to_string(),
            other.map(|other| times(other.median(), median)).unwrap_or_default(),
        ]);
    }
    table
}
