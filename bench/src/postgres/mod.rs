//! The store on PostgreSQL beside plain COPY and bare SQL on the same server: import, pages with their Totals, deep pages,
//! sums, and a scan.

mod bare;
mod company;
mod copy;
mod fill;
mod pages;
mod rollup_total;
mod scan;
mod server;
mod sums;
mod write_cost;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::json;
use tollbook_store::{Store, StoreOptions, open_postgres};

use crate::fixture::BATCH;
use crate::report::{Report, RunDirectories, Table};
use crate::result::Result;
use crate::timing::{Sampling, Timings, grouped, times};
pub(crate) use bare::Bare;
use company::Company;
use copy::Form;
use pages::{CaseTimes, Method, Pages};
pub(crate) use server::Server;
use sums::SumTimes;
use write_cost::WriteCost;

/// Options of `postgres`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// Orders of all companies; one company has half of them
    #[arg(long, default_value_t = 10_000_000, value_parser = clap::value_parser!(u64).range(100_000..))]
    orders: u64,
    /// Number of companies that share the other half
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..10_000))]
    companies: u64,
    /// Repetitions of each request
    #[arg(long, default_value_t = 300)]
    iterations: usize,
    /// Seconds after which slow work is not repeated further; it is repeated at least five times
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// A database of an existing server, over an unencrypted connection; a filled database is used as it is [default: a
    /// temporary server of this run, in the directory for temporary files]
    #[arg(long, conflicts_with = "shared_buffers")]
    url: Option<String>,
    /// Shared buffers of the temporary server [default: as in tests]
    #[arg(long)]
    shared_buffers: Option<String>,
    #[command(flatten)]
    directories: RunDirectories,
}

/// Costs of the import, through the store and by plain COPY.
struct Imports {
    store: WriteCost,
    plain: Vec<(Form, WriteCost)>,
}

pub(crate) fn run(options: &Options) -> Result {
    let title = format!("PostgreSQL at {} orders", grouped(options.orders));
    let mut report = Report::begin("postgres", title);
    let server = match &options.url {
        Some(url) => Server::at(url),
        None => Server::start(options.shared_buffers.as_deref()),
    };
    let bare = Bare::connect(&server.url)?;
    notes(&mut report, options, &bare)?;
    let store = open_postgres(&server.url, None, &StoreOptions::default())?;
    let companies = company::companies(store.as_ref(), options.orders, options.companies)?;
    let sampling =
        Sampling { iterations: options.iterations, max_time: Duration::from_secs(options.seconds) };
    let pages = Pages { store: store.as_ref(), bare: &bare, company: &companies[0], sampling };

    let mut imports = None;
    let mut before = Vec::new();
    if fill::is_filled(store.as_ref(), &companies)? {
        report.notes.push("The database was filled by an earlier run; nothing was imported.".to_owned());
    } else {
        imports = Some(import(store.as_ref(), &companies, &bare, &mut report)?);
        eprintln!("before VACUUM ANALYZE");
        before = pages::measure(&pages, &[Method::Store])?;
    }
    vacuum(&bare, &mut report)?;
    eprintln!("after VACUUM ANALYZE");
    let listed = pages::measure(&pages, &Method::ALL)?;
    let summed = sums::measure(store.as_ref(), &bare, pages.company, sampling)?;
    let scanned = scan::measure(store.as_ref(), &bare, pages.company, sampling)?;

    report.measurements.extend(pages::json("before VACUUM ANALYZE", &before));
    report.measurements.extend(pages::json("after VACUUM ANALYZE", &listed));
    report.measurements.extend(sums::json(&summed));
    report.measurements.extend(scanned.json());
    report.tables.push(targets(imports.as_ref(), &listed, &summed));
    report.tables.extend(imports.as_ref().map(import_table));
    report.tables.extend([pages::table(&listed), pages::deep_table(&listed)]);
    report.tables.extend([sums::table(&summed), scanned.table()]);
    if !before.is_empty() {
        report.tables.push(pages::vacuum_table(&before, &listed));
    }
    report.finish(&options.directories)
}

fn notes(report: &mut Report, options: &Options, bare: &Bare) -> Result {
    let settings = server::settings(bare)?;
    let shown: Vec<String> = settings.iter().map(|(name, value)| format!("{name} {value}")).collect();
    let whose = match &options.url {
        Some(_) => "a server that was there already",
        None => "a server of this run's own, on this machine, over a Unix socket",
    };
    report.measurements.push(json!({ "settings": settings.into_iter().collect::<BTreeMap<_, _>>() }));
    report.notes = vec![
        format!(
            "PostgreSQL is {whose}. Its settings, as in force in the bare client's session, which changes none: \
             {}. The store's own sessions also have jit, enable_seqscan, enable_bitmapscan and enable_sort off, and \
             plan_cache_mode force_generic_plan.",
            shown.join(", "),
        ),
        format!(
            "One company has half of the orders: {}, 12,000 lines, twelve whole months, and every list, sum and scan is \
             of it. {} others share the rest. Orders begin on the hour, 1 % are unpaid.",
            grouped(options.orders - options.orders / 2),
            options.companies,
        ),
        "*The import* is `Transaction::add_orders` with lines, both numbers, rollups and tiles, one company after the \
         other, in transactions of 10,000 orders, one after another, `commit` included. *Plain COPY* sends the same \
         orders as binary, 10,000 a transaction, with the driver that the store has, into one table whose primary key is \
         that of the store's `orders`: *the records* with all that an order file says, without lines, second numbers or \
         rollups, *the order rows alone* as the store's `orders` has them, line numbers assigned before the clock \
         starts. Generating the orders is not timed. A checkpoint precedes each."
            .to_owned(),
        "Times of requests are milliseconds of one after another: median (95th percentile, minimum). *store*: \
         `Store::snapshot` and `page`, `count`, `sums` or `scan`. Everything else is one connection of `tokio_postgres`, \
         driven by the calling thread, with prepared statements: *count(\\*)* counts the orders of the page's own \
         conditions; *rollups* is what a client could do that has the store's tables: one statement that adds up the \
         rollups of whole months, days and hours and counts the orders of the edges, and with filters reads the tiles and \
         adds them up itself, the filter's lines already at hand. Neither sees page and Total of one moment; *one \
         snapshot* is the rollups between BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY and COMMIT, which does, as the \
         store always does. Every answer is compared: Total, how many orders, the first, the last, their price; every sum."
            .to_owned(),
        "The filter is three models of twelve, one region of two and two organizations of four: a tenth of the orders. In \
         SQL it is `line_no IN (SELECT … FROM line …)`."
            .to_owned(),
    ];
    Ok(())
}

fn import(store: &dyn Store, companies: &[Company], bare: &Bare, report: &mut Report) -> Result<Imports> {
    let mut plain = Vec::new();
    for form in [Form::Records, Form::OrderRows] {
        eprintln!("{}", form.name());
        plain.push((form, copy::copy(bare, form, companies)?));
    }
    eprintln!("import");
    let store = fill::fill(store, companies, bare)?;
    report.measurements.push(store.json("Transaction::add_orders"));
    report.measurements.extend(plain.iter().map(|(form, cost)| cost.json(form.name())));
    Ok(Imports { store, plain })
}

fn vacuum(bare: &Bare, report: &mut Report) -> Result {
    eprintln!("VACUUM ANALYZE");
    let began = Instant::now();
    bare.command("VACUUM ANALYZE")?;
    let seconds = began.elapsed().as_secs_f64();
    bare.checkpoint();
    let bytes = bare.integer("SELECT pg_database_size(current_database())")?;
    report.notes.push(format!(
        "Before requests were timed, `VACUUM ANALYZE` and a checkpoint were run, as autovacuum and time would have done; \
         the vacuum took {seconds:.1} s. The database then has {} MB.",
        grouped(u64::try_from(bytes)? / 1_000_000),
    ));
    Ok(())
}

fn import_table(imports: &Imports) -> Table {
    let orders = grouped(imports.store.orders);
    let caption = format!("Import of {orders} orders, transactions of {}", grouped(BATCH as u64));
    let header = [
        "what",
        "seconds",
        "orders/s",
        "a transaction, ms: median (p95, min)",
        "log MB",
        "tables MB",
        "time / plain COPY of the records",
    ];
    let mut table = Table::new(caption, &header);
    let time = |cost: &WriteCost| cost.transactions.iter().sum::<Duration>();
    let baseline = imports.plain.first().map(|(_, cost)| time(cost)).unwrap_or_default();
    let plain = imports.plain.iter().map(|(form, cost)| (form.name(), cost));
    for (what, cost) in [("the store, with rollups", &imports.store)].into_iter().chain(plain) {
        table.row(vec![
            what.to_owned(),
            format!("{:.1}", time(cost).as_secs_f64()),
            format!("{:.0}", cost.per_second()),
            Timings::of(cost.transactions.clone()).shown(),
            (cost.log_bytes / 1_000_000).to_string(),
            (cost.table_bytes / 1_000_000).to_string(),
            times(time(cost), baseline),
        ]);
    }
    table
}

/// Table of the targets and the measured values.
fn targets(imports: Option<&Imports>, listed: &[CaseTimes], summed: &[SumTimes]) -> Table {
    let mut table = Table::new("Targets", &["what", "target", "found", "where it is worst"]);
    if let Some(imports) = imports {
        let found = format!("{:.0}", imports.store.per_second());
        table.row(vec!["import, orders/s".into(), "at least 80000".into(), found, String::new()]);
    }
    let first_pages: Vec<&CaseTimes> = listed.iter().filter(|(case, _)| case.is_first()).collect();
    for (method, target) in [
        (Method::Count, "at most 1.5×"),
        (Method::Rollups, "for comparison"),
        (Method::RollupsAtOnce, "for comparison"),
    ] {
        let ratios = first_pages.iter().map(|(case, times_of)| {
            (times_of[&Method::Store].median(), times_of[&method].median(), case.name.as_str())
        });
        table.row(worst(format!("page 1 with Total / {}", method.name()), target, ratios));
    }
    for (filtered, what) in [(false, ""), (true, " with filters")] {
        let pages = pages::year_of(listed, filtered);
        let Some((first, deep)) = pages.split_first() else { continue };
        let store = |one: &CaseTimes| one.1[&Method::Store].median();
        let ratios = deep.iter().map(|one| (store(one), store(first), one.0.name.as_str()));
        table.row(worst(format!("deep page{what} / page 1"), "at most 3×", ratios));
    }
    let ratios = summed
        .iter()
        .filter(|one| one.of_year)
        .map(|one| (one.store.median(), one.bare.median(), one.name.as_str()));
    if let Some((store, bare, name)) = largest(ratios) {
        table.row(vec![
            "bare SQL / Total or amounts of a year".into(),
            "at least 20×".into(),
            times(bare, store),
            name.to_owned(),
        ]);
    }
    table
}

fn worst<'a>(
    what: String,
    target: &str,
    ratios: impl Iterator<Item = (Duration, Duration, &'a str)>,
) -> Vec<String> {
    let (found, name) = match largest(ratios) {
        Some((time, other, name)) => (times(time, other), name.to_owned()),
        None => ("not measured".to_owned(), String::new()),
    };
    vec![what, target.to_owned(), found, name]
}

/// The pair with the largest ratio of first to second time.
fn largest<'a>(
    ratios: impl Iterator<Item = (Duration, Duration, &'a str)>,
) -> Option<(Duration, Duration, &'a str)> {
    // a / b > c / d, compared as a × d > c × b.
    ratios.reduce(|one, other| {
        let crosswise = |a: Duration, b: Duration| a.as_nanos() * b.as_nanos();
        if crosswise(other.0, one.1) > crosswise(one.0, other.1) { other } else { one }
    })
}
