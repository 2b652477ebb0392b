//! Import of order files into a durable store by the `tollbook` binary, beside plain INSERTs of the same records.

mod files;
mod plain;

use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;

use crate::cost::Cost;
use crate::fixture::{BATCH, Fixture};
use crate::report::{Report, RunDirectories, Table};
use crate::result::Result;
use crate::timing::{Timings, grouped, per_second, times};
use files::FileFormat;

/// Options of `import`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// Orders in each file
    #[arg(long, default_value_t = 2_000_000)]
    orders: u64,
    /// Repetitions, each into a new database
    #[arg(long, default_value_t = 3)]
    repeat: usize,
    /// The `tollbook` binary
    #[arg(long, default_value = "target/dist/tollbook")]
    tollbook: PathBuf,
    #[command(flatten)]
    directories: RunDirectories,
}

/// The repetitions of one measurement.
struct Measured {
    what: String,
    file_bytes: u64,
    costs: Vec<Cost>,
}

pub(crate) fn run(options: &Options) -> Result {
    if !options.tollbook.exists() {
        let path = options.tollbook.display();
        return Err(format!("{path} does not exist: cargo build --profile dist -p tollbook").into());
    }
    let mut report = Report::begin("import", format!("An import of {} orders", grouped(options.orders)));
    notes(&mut report);
    let directory = options.directories.data.join(format!("import-{}", options.orders));
    let files = directory.join("files");
    std::fs::create_dir_all(&files)?;
    let fixture_directory = directory.join("fixture");
    let orders = fresh(&fixture_directory)?.bench_orders(options.orders);
    let mut measured = Vec::new();
    for format in FileFormat::ALL {
        let path = files.join(format.file_name());
        if !path.exists() {
            eprintln!("writing {}", path.display());
            files::write(format, &orders, &path)?;
        }
        measured.push(Measured {
            what: format!("tollbook orders import {}", format.file_name()),
            file_bytes: std::fs::metadata(&path)?.len(),
            costs: Vec::new(),
        });
    }
    let mut baseline = Measured { what: "plain INSERTs".into(), file_bytes: 0, costs: Vec::new() };
    // In turns, so that other work of the machine affects all alike.
    for repetition in 1..=options.repeat.max(1) {
        for (format, measured) in FileFormat::ALL.into_iter().zip(&mut measured) {
            eprintln!("{repetition}: {}", measured.what);
            measured.costs.push(import(options, &fixture_directory, &files.join(format.file_name()))?);
        }
        eprintln!("{repetition}: plain INSERTs");
        baseline.costs.push(plain::insert(&orders, &directory.join("plain.db"))?);
    }
    measured.push(baseline);
    for Measured { what, costs, .. } in &measured {
        report.measurements.extend(costs.iter().map(|cost| cost.json(what)));
    }
    report.tables.push(table(options.orders, &measured));
    report.finish(&options.directories)?;
    std::fs::remove_dir_all(&fixture_directory)?;
    options.directories.clean_up(&directory)
}

fn notes(report: &mut Report) {
    report.notes = [
        "The import is the whole command, from start to exit: it reads and checks every file whole, reads it again and \
         stores it in durable transactions of at most 10,000 orders with lines, both numbers, rollups and tiles, into a \
         new SQLite database of one company with four organizations.",
        "*plain INSERTs* is what a good engineer might write first: the same records, in memory already and not checked, by a \
         prepared INSERT into one table of the file's columns with one unique index (company, order number), 10,000 a \
         transaction, `synchronous=FULL`, WAL. Only the inserting is timed, not the making of the records. It keeps no \
         rollups, so its counts and sums read the orders.",
        "Seconds are medians; peak memory is `VmHWM` of the process at its worst. Database size is after the import.",
    ]
    .map(ToOwned::to_owned)
    .to_vec();
}

/// A new fixture in a directory.
fn fresh(directory: &Path) -> Result<Fixture> {
    if directory.exists() {
        std::fs::remove_dir_all(directory)?;
    }
    Fixture::open(directory)
}

fn import(options: &Options, directory: &Path, file: &Path) -> Result<Cost> {
    drop(fresh(directory)?);
    let mut command = Command::new(&options.tollbook);
    command.args(["orders", "import"]).arg(file).env("TOLLBOOK_DATA", directory);
    let mut cost = Cost::of_program(&mut command)?;
    let fixture = Fixture::open(directory)?;
    match fixture.count()? {
        stored if stored == options.orders => {}
        stored => return Err(format!("{stored} orders were stored instead of {}", options.orders).into()),
    }
    cost.bytes = std::fs::metadata(fixture.database())?.len();
    Ok(cost)
}

fn table(orders: u64, measured: &[Measured]) -> Table {
    let caption = format!("{} orders, transactions of {}", grouped(orders), grouped(BATCH as u64));
    let header = ["what", "file MB", "seconds", "orders/s", "database MB", "peak MiB", "times plain INSERTs"];
    let mut table = Table::new(caption, &header);
    let median = |one: &Measured| Timings::of(one.costs.iter().map(|cost| cost.time).collect()).median();
    let baseline = measured.last().map(median).unwrap_or_default();
    let worst = |one: &Measured, of: fn(&Cost) -> u64| one.costs.iter().map(of).max().unwrap_or(0);
    let shown = |number: u64| if number == 0 { String::new() } else { number.to_string() };
    for one in measured {
        let time = median(one);
        table.row(vec![
            one.what.clone(),
            shown(one.file_bytes / 1_000_000),
            format!("{:.1}", time.as_secs_f64()),
            format!("{:.0}", per_second(orders, time)),
            (worst(one, |cost| cost.bytes) / 1_000_000).to_string(),
            shown(worst(one, |cost| cost.peak_kib) / 1_024),
            times(time, baseline),
        ]);
    }
    table
}
