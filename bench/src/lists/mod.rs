//! Times of pages, sums and summaries at several sizes of one company: through the store, over HTTP, and by bare SQL.

pub(crate) mod bare;
pub(crate) mod cases;
mod measure;

use std::collections::BTreeMap;
use std::time::Duration;

use clap::Args;
use serde_json::json;

use crate::fixture::Fixture;
use crate::in_process_server::InProcessServer;
use crate::report::{Report, RunDirectories, Table};
use crate::result::Result;
use crate::timing::{Sampling, Timings, grouped, per_second, times};
use cases::Case;
use measure::{METHODS, Measurer, Method};

/// Options of `lists`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// Orders of the company; repeatable, once for each size
    #[arg(long, required = true)]
    orders: Vec<u64>,
    /// Distinct lines of the orders
    #[arg(long, default_value_t = 12_000)]
    lines: u64,
    /// Repetitions of each request
    #[arg(long, default_value_t = 300)]
    iterations: usize,
    /// Seconds after which slow work is not repeated further; it is repeated at least five times
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Only the case of this name; repeatable
    #[arg(long)]
    only: Vec<String>,
    #[command(flatten)]
    directories: RunDirectories,
}

/// Times of one case by method; a method that a case does not have is absent.
type CaseTimes = BTreeMap<Method, Timings>;

pub(crate) fn run(options: &Options) -> Result {
    let mut report = Report::begin("lists", "Lists, sums and summaries at several sizes");
    notes(&mut report);
    let mut sizes: Vec<(u64, Vec<(&'static str, CaseTimes)>)> = Vec::new();
    for &orders in &options.orders {
        sizes.push((orders, measure_size(options, orders, &mut report)?));
    }
    if let [(small, first), .., (large, last)] = &sizes[..] {
        report.tables.push(growth(*small, first, *large, last));
    }
    report.finish(&options.directories)
}

fn notes(report: &mut Report) {
    report.notes = [
        "One company, twelve whole months, a SQLite store with the default settings. Times are milliseconds: median \
         (95th percentile, minimum) of requests one after another; everything is in the page cache.",
        "*store*: `Store::snapshot` and `page`, `sums` or `sums_by_line`. *HTTP*: signed POST requests over one \
         kept-alive connection on loopback to a `tollbook_api::Server` in the same process, without a log; from \
         building the request to the last byte of the answer. `/healthz` is the least that a request can take.",
        "*bare SQL* of a list is what a good engineer would write with the same tables, prepared, through rusqlite: the \
         page with ORDER BY, LIMIT and OFFSET, and its Total, which without filters in whole months is one sum over \
         the rollup and else a plain COUNT; filters are `line_no IN (SELECT … FROM line …)`. Of sums and summaries it \
         is the plain aggregate over the orders. *count(\\*)* is the plain count of the same orders alone.",
        "The filter is three models of twelve, one region of two and two organizations of four: a tenth of the orders.",
    ]
    .map(ToOwned::to_owned)
    .to_vec();
}

fn measure_size(
    options: &Options,
    orders: u64,
    report: &mut Report,
) -> Result<Vec<(&'static str, CaseTimes)>> {
    let directory = options.directories.data.join(format!("lists-{orders}-{}", options.lines));
    load(options, &directory, orders, report)?;
    // Opened again, so that nothing of loading remains in caches or in the log.
    let fixture = Fixture::open(&directory)?;
    let server = InProcessServer::start(&fixture)?;
    let sampling =
        Sampling { iterations: options.iterations, max_time: Duration::from_secs(options.seconds) };
    let mut measurer = Measurer::new(&fixture, &server, sampling)?;
    let mut measured = vec![("GET /healthz", BTreeMap::from([(Method::Http, measurer.health()?)]))];
    for case in cases::all()? {
        if !options.only.is_empty() && !options.only.iter().any(|only| only == case.name) {
            continue;
        }
        eprintln!("{}: {}", grouped(orders), case.name);
        measured.push((case.name, measure_case(&mut measurer, &case)?));
    }
    drop(measurer);
    drop(server);
    drop(fixture);
    options.directories.clean_up(&directory)?;
    for (case, times) in &measured {
        for (method, timings) in times {
            report.measurements.push(json!({
                "orders": orders, "case": case, "method": method.name(), "unit": "us", "times": timings.micros(),
            }));
        }
    }
    report.tables.push(table(orders, &measured));
    Ok(measured)
}

fn measure_case(measurer: &mut Measurer<'_>, case: &Case) -> Result<CaseTimes> {
    METHODS.iter().map(|method| Ok((*method, measurer.time(case, *method)?))).collect()
}

fn load(options: &Options, directory: &std::path::Path, orders: u64, report: &mut Report) -> Result {
    if !options.directories.keep {
        options.directories.clean_up(directory)?;
    }
    let fixture = Fixture::open(directory)?;
    let mut wanted = fixture.bench_orders(orders);
    wanted.lines = options.lines;
    let Some(loaded) = fixture.load(orders, wanted.orders(&fixture.catalogue))? else { return Ok(()) };
    let rate = per_second(loaded.orders, loaded.writing);
    report.notes.push(format!(
        "Loading {} orders took {:.1} s in durable transactions of 10,000, rollups and tiles included: {rate:.0} orders/s.",
        grouped(loaded.orders),
        loaded.writing.as_secs_f64(),
    ));
    report.measurements.push(json!({
        "orders": orders, "case": "load", "method": "Transaction::add_orders", "unit": "us",
        "times": [u64::try_from(loaded.writing.as_micros())?],
    }));
    Ok(())
}

fn table(orders: u64, measured: &[(&'static str, CaseTimes)]) -> Table {
    let header = ["case", "store", "HTTP", "bare SQL", "count(*)", "HTTP / bare SQL", "count(*) / HTTP"];
    let mut table =
        Table::new(format!("{} orders, milliseconds: median (p95, min)", grouped(orders)), &header);
    for (case, times) in measured {
        let mut row = vec![(*case).to_owned()];
        row.extend(METHODS.iter().map(|method| times.get(method).map(Timings::shown).unwrap_or_default()));
        row.push(ratio(times, Method::Http, times, Method::Bare));
        row.push(ratio(times, Method::Count, times, Method::Http));
        table.row(row);
    }
    table
}

fn growth(
    small: u64,
    first: &[(&'static str, CaseTimes)],
    large: u64,
    last: &[(&'static str, CaseTimes)],
) -> Table {
    let caption = format!("Medians at {} orders over those at {}", grouped(large), grouped(small));
    let mut table = Table::new(caption, &["case", "store", "HTTP", "bare SQL", "count(*)"]);
    for ((case, at_first), (_, at_last)) in first.iter().zip(last) {
        let mut row = vec![(*case).to_owned()];
        row.extend(METHODS.iter().map(|method| ratio(at_last, *method, at_first, *method)));
        table.row(row);
    }
    table
}

/// Ratio of two medians; empty if one of them was not measured.
fn ratio(times_of: &CaseTimes, method: Method, others: &CaseTimes, other: Method) -> String {
    match (times_of.get(&method), others.get(&other)) {
        (Some(one), Some(other)) => times(one.median(), other.median()),
        _ => String::new(),
    }
}
