//! From usage to paid orders: importing records, posting them over HTTP, closing and settling hours, paying arrears; on
//! SQLite and PostgreSQL, beside plain INSERT and COPY of the same records.

mod generated;
mod plain;
mod posting;
mod spans;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::json;
use tollbook_domain::account::{AccountKind, Deposit};
use tollbook_domain::{Amount, Catalogue, Owner, OwnerRule, Status};
use tollbook_formats::text::Input;
use tollbook_formats::usage::UsageFile;
use tollbook_ops::charging::{self, Charging, Rater};
use tollbook_ops::import::usage::import_usage;
use tollbook_ops::tenancy::owners::put_rule;
use tollbook_ops::{Config, FixedClock};
use tollbook_store::{Store, StoreOptions, open_postgres, open_sqlite};

use crate::postgres::Server;
use crate::report::{Report, RunDirectories, Table};
use crate::result::Result;
use crate::timing::{Timings, grouped, millis, per_second, times};

/// Options of `charging`.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// Usage records
    #[arg(long, default_value_t = 1_000_000)]
    records: u64,
    /// Records that are posted over HTTP
    #[arg(long, default_value_t = 200_000)]
    posted: u64,
    /// Posts records over HTTP and measures nothing else
    #[arg(long)]
    only_posted: bool,
    /// The `tollbook` binary
    #[arg(long, default_value = "target/dist/tollbook")]
    tollbook: PathBuf,
    #[command(flatten)]
    directories: RunDirectories,
}

/// A database to measure on.
enum Database {
    Sqlite(PathBuf),
    Postgres(Server),
}

impl Database {
    fn name(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "SQLite",
            Self::Postgres(_) => "PostgreSQL",
        }
    }

    fn open(&self) -> Result<Arc<dyn Store>> {
        let options = StoreOptions::default();
        Ok(match self {
            Self::Sqlite(directory) => open_sqlite(&directory.join("tollbook.db"), &options)?,
            Self::Postgres(server) => open_postgres(&server.url, None, &options)?,
        })
    }

    fn plain(&self, records: u64) -> Result<Duration> {
        match self {
            Self::Sqlite(directory) => plain::sqlite(&directory.join("plain.db"), records),
            Self::Postgres(server) => plain::postgres(&server.url, records),
        }
    }

    fn command(&self, options: &Options, data: &Path) -> Command {
        let mut command = Command::new(&options.tollbook);
        command.env("TOLLBOOK_DATA", data);
        if let Self::Postgres(server) = self {
            command.env("TOLLBOOK_DATABASE_URL", &server.url);
        }
        command
    }
}

/// Times a durable commit of one row.
fn commit(store: &dyn Store) -> Result<Duration> {
    let began = Instant::now();
    let mut transaction = store.begin()?;
    transaction.set_setting("bench", "1")?;
    transaction.commit()?;
    Ok(began.elapsed())
}

pub(crate) fn run(options: &Options) -> Result {
    let mut report = Report::begin(
        "charging",
        format!("{} usage records into orders, settled and paid", grouped(options.records)),
    );
    report.notes = notes();
    let directory = options.directories.data.join("charging");
    let _ = std::fs::remove_dir_all(&directory);
    std::fs::create_dir_all(&directory)?;
    let file = directory.join("usage.jsonl");
    eprintln!("writing {}", file.display());
    generated::write(&file, options.records)?;
    for database in [Database::Sqlite(directory.clone()), Database::Postgres(Server::start(Some("1GB")))] {
        measure(options, &database, &file, &directory, &mut report)?;
    }
    report.finish(&options.directories)?;
    options.directories.clean_up(&directory)
}

fn notes() -> Vec<String> {
    [
        format!(
            "A day of one company: {} lines an hour (60 keys, 20 models, input and output), two sources, ids and times that \
             ascend, organizations, keys and models scattered.",
            grouped(generated::LINES)
        ),
        "*import*: `tollbook usage import` of a JSON Lines file as the command line does it, in this process: parsing, \
         checking, deduplication, rating, hour buckets, in durable transactions of 2,000 records. The clock is set \
         before the end of the hours, so that no hour is closed. *again*: the same file, every record a duplicate."
            .into(),
        "*plain*: the same records, in memory already and not checked, into one table with one unique key, 10,000 a durable \
         transaction: prepared INSERTs on SQLite, COPY on PostgreSQL. Nothing is rated, compared or added up."
            .into(),
        "*close and settle*: every hour becomes orders, each paid from the cash account with its ledger entry, or unpaid; \
         orders, numbers, usage, settlements, ledger and rollups included."
            .into(),
        format!(
            "*HTTP*: {} gateways post batches of {} CloudEvents, and then as many spans of OTLP in protobuf with scattered ids, to \
             the `tollbook` binary; a batch is answered when it is durable.",
            posting::GATEWAYS,
            posting::BATCH
        ),
        "*pay 50*: `StartPayUnpaidOrders` of 50 unpaid orders, each call with other orders, in this process; beside \
         it one durable commit of one row by the same store."
            .into(),
    ]
    .to_vec()
}

fn measure(
    options: &Options,
    database: &Database,
    file: &Path,
    directory: &Path,
    report: &mut Report,
) -> Result {
    let name = database.name();
    let count = options.records;
    let store = database.open()?;
    let (config, catalogue) = (Config::default(), Catalogue::built_in());
    let charging = Charging { store: store.as_ref(), config: &config, catalogue: &catalogue };
    let company_id = crate::fixture::company(store.as_ref(), &config, "Bench")?.0.company_id;
    let mut transaction = store.begin()?;
    transaction.put_prices(&generated::prices()?)?;
    transaction.commit()?;
    if options.only_posted {
        let posted = post_all(options, database, store.as_ref(), directory, company_id)?;
        let mut table = Table::new(name, &COLUMNS);
        posted.iter().for_each(|posted| table.row(posted.row(options.posted)));
        report.tables.push(table);
        report
            .measurements
            .push(json!({ "database": name, "posted": options.posted, "posting": json_of(&posted) }));
        return Ok(());
    }
    let plain = database.plain(count)?;
    eprintln!("{name}: plain {:.0}/s", per_second(count, plain));

    let clock = FixedClock::at(*generated::START_S - 3_000);
    let import = || import(&charging, &clock, file, directory);
    let (charged, first) = import()?;
    eprintln!("{name}: import {:.0}/s", per_second(count, first));
    let (known, again) = import()?;
    if (charged, known) != (count, 0) {
        return Err(format!("{charged} records were charged, and then {known}").into());
    }

    // Enough for most orders; the last ones remain unpaid.
    let now_s = *generated::START_S + 2 * 86_400;
    let query = crate::fixture::range(*generated::START_S, *generated::START_S + 86_400)?;
    let query = all_unpaid(company_id, query);
    let pending = store.snapshot()?.pending(&query, &catalogue)?;
    deposit(&charging, company_id, pending * 7 / 10, "most", now_s)?;
    let began = Instant::now();
    let settled = charging::settle_all(&charging, "bench", now_s)?;
    let settling = began.elapsed();
    let orders = settled.closed.paid + settled.closed.unpaid;
    eprintln!("{name}: close {orders} orders, {:.0}/s", per_second(orders, settling));

    let (idle, commit) = pay_idle(&charging, company_id, now_s)?;
    let beside = pay_beside(&charging, company_id, count, now_s)?;
    // Otherwise the server would pay the remaining arrears during the next measurement.
    charging::settle_all(&charging, "bench", now_s)?;
    let posted = post_all(options, database, store.as_ref(), directory, company_id)?;

    let mut table = Table::new(name, &COLUMNS);
    let row = |what: &str, count: u64, time: Duration, beside: String| {
        let seconds = format!("{:.2}", time.as_secs_f64());
        vec![what.to_owned(), seconds, format!("{:.0}", per_second(count, time)), beside]
    };
    table.row(row("plain", count, plain, String::new()));
    table.row(row("import", count, first, format!("{} plain", times(first, plain))));
    table.row(row("import again", count, again, format!("{} plain", times(again, plain))));
    table.row(row("close and settle (orders)", orders, settling, String::new()));
    posted.iter().for_each(|posted| table.row(posted.row(options.posted)));
    report.tables.push(table);
    let mut table =
        Table::new(format!("{name}: paying 50 orders"), &["when", "median ms", "p95 ms", "beside it"]);
    let ratio = format!(
        "{} a commit of one row ({})",
        times(idle.median(), commit.median()),
        millis(commit.median())
    );
    table.row(vec!["idle".into(), millis(idle.median()), millis(idle.p95()), ratio]);
    table.row(vec!["beside an import".into(), millis(beside.median()), millis(beside.p95()), String::new()]);
    report.tables.push(table);
    report.measurements.push(json!({
        "database": name, "records": count, "plain_s": plain.as_secs_f64(), "import_s": first.as_secs_f64(),
        "again_s": again.as_secs_f64(), "orders": orders, "settling_s": settling.as_secs_f64(),
        "posted": options.posted, "posting": json_of(&posted),
        "commit_us": commit.micros(), "pay_idle_us": idle.micros(), "pay_beside_us": beside.micros(),
    }));
    Ok(())
}

fn all_unpaid(company_id: i64, range: tollbook_domain::TimeRange) -> tollbook_domain::OrderQuery {
    tollbook_domain::OrderQuery {
        company_id,
        range,
        statuses: tollbook_domain::StatusSet::of(&[Status::Unpaid]),
        lines: tollbook_domain::LineFilter::default(),
        order_numbers: Vec::new(),
    }
}

fn import(charging: &Charging<'_>, clock: &FixedClock, file: &Path, spool: &Path) -> Result<(u64, Duration)> {
    // No hour has ended, and all records may be in the future.
    let mut config = charging.config.clone();
    config.charging.future_s = 10 * 86_400;
    let charging = Charging { config: &config, ..*charging };
    let input = Input::File(file.to_owned());
    let file = UsageFile::open(input, None, spool, &mut |_| ControlFlow::Continue(()))?;
    let began = Instant::now();
    let mut proceed = |_, _, _| ControlFlow::Continue(());
    let (report, result) = import_usage(&charging, clock, &[file], &mut proceed);
    let time = began.elapsed();
    result?;
    Ok((report.total().charged, time))
}

fn deposit(charging: &Charging<'_>, company_id: i64, amount: i128, key: &str, now_s: i64) -> Result {
    let deposit = Deposit {
        kind: AccountKind::Cash,
        amount: Amount::from_steps(i64::try_from(amount)?),
        expires_s: None,
        products: Vec::new(),
        models: Vec::new(),
        key: key.to_owned(),
    };
    charging::deposit(charging, company_id, &deposit, false, now_s)?;
    Ok(())
}

/// The next unpaid orders, 50 per call.
fn unpaid(charging: &Charging<'_>, company_id: i64, calls: usize) -> Result<Vec<Vec<String>>> {
    let limit = i64::try_from(calls * 50)?;
    let orders = charging.store.snapshot()?.arrears(company_id, 0, limit)?;
    let numbers: Vec<String> =
        orders.into_iter().map(|stored| stored.order.number).take(calls * 50).collect();
    let calls: Vec<Vec<String>> =
        numbers.chunks(50).filter(|chunk| chunk.len() == 50).map(<[String]>::to_vec).collect();
    if calls.is_empty() { Err("there are too few unpaid orders".into()) } else { Ok(calls) }
}

fn pay(charging: &Charging<'_>, company_id: i64, numbers: &[String], now_s: i64) -> Result<Duration> {
    let began = Instant::now();
    let paid = charging::pay_unpaid(charging, company_id, numbers, &|_| true, now_s)?;
    let time = began.elapsed();
    if paid.iter().all(|payment| payment.result.is_ok()) { Ok(time) } else { Err("not all were paid".into()) }
}

fn pay_idle(charging: &Charging<'_>, company_id: i64, now_s: i64) -> Result<(Timings, Timings)> {
    deposit(charging, company_id, 1 << 50, "rest", now_s)?;
    let (mut paying, mut committing) = (Vec::new(), Vec::new());
    // In turns, so that other work of the machine affects both alike.
    for numbers in unpaid(charging, company_id, 60)? {
        committing.push(commit(charging.store)?);
        paying.push(pay(charging, company_id, &numbers, now_s)?);
    }
    Ok((Timings::of(paying), Timings::of(committing)))
}

/// Pays while another thread imports usage of the same company.
fn pay_beside(charging: &Charging<'_>, company_id: i64, count: u64, now_s: i64) -> Result<Timings> {
    let calls = unpaid(charging, company_id, 60)?;
    let done = AtomicBool::new(false);
    let mut config = charging.config.clone();
    config.charging.future_s = 10 * 86_400;
    std::thread::scope(|scope| {
        let (done, config) = (&done, &config);
        let importer = scope.spawn(move || -> Result {
            let charging = Charging { config, ..*charging };
            let mut rater = Rater::new(charging, config.charging.limits_of_files());
            let mut number = 0;
            while !done.load(Ordering::Relaxed) {
                let records = (number..number + 2_000).map(|number| {
                    let mut usage = generated::usage(number, count);
                    usage.source = "beside".into();
                    usage.time_s += 3 * 86_400;
                    usage
                });
                rater.accept(records.collect(), now_s, None)?;
                number += 2_000;
            }
            Ok(())
        });
        let paying: Result<Vec<Duration>> =
            calls.iter().map(|numbers| pay(charging, company_id, numbers, now_s)).collect();
        done.store(true, Ordering::Relaxed);
        importer.join().map_err(|_| "the importer panicked")??;
        Ok(Timings::of(paying?))
    })
}

/// Columns of the tables of throughput.
const COLUMNS: [&str; 4] = ["what", "seconds", "a second", "beside it"];

/// Records that were posted by one protocol.
struct Posted {
    protocol: posting::Protocol,
    whole: Duration,
    requests: Timings,
}

impl Posted {
    fn row(&self, count: u64) -> Vec<String> {
        let what = format!("HTTP, batches of {}: {}", posting::BATCH, self.protocol.name());
        let each = format!(
            "a batch: median {}, p95 {}",
            millis(self.requests.median()),
            millis(self.requests.p95())
        );
        let seconds = format!("{:.2}", self.whole.as_secs_f64());
        vec![what, seconds, format!("{:.0}", per_second(count, self.whole)), each]
    }
}

fn json_of(posted: &[Posted]) -> serde_json::Value {
    let one = |posted: &Posted| {
        json!({
            "protocol": posted.protocol.name(), "seconds": posted.whole.as_secs_f64(),
            "batch_us": posted.requests.micros(),
        })
    };
    posted.iter().map(one).collect()
}

/// Posts the records by each protocol, as records of their own, and verifies what was made of them.
fn post_all(
    options: &Options,
    database: &Database,
    store: &dyn Store,
    directory: &Path,
    company_id: i64,
) -> Result<Vec<Posted>> {
    let now_s = tollbook_ops::Clock::now_s(&tollbook_ops::SystemClock);
    let owner = Owner { company_id, organization_id: 1, ..Owner::default() };
    let rule = OwnerRule { source: "otlp".into(), kind: "default".into(), key: String::new(), owner };
    put_rule(store, &rule)?;
    let key = tollbook_ops::tenancy::operator_keys::add_operator_key(store, "bench", now_s)?;
    let mut posted = Vec::new();
    for protocol in [posting::Protocol::Events, posting::Protocol::Spans] {
        let server = posting::ServerProcess::start(&mut database.command(options, directory))?;
        let (whole, times) = posting::post(&server, protocol, &key, options.posted)?;
        eprintln!(
            "{}: HTTP, {} {:.0}/s",
            database.name(),
            protocol.name(),
            per_second(options.posted, whole)
        );
        posted.push(Posted { protocol, whole, requests: Timings::of(times) });
    }
    let found = store.snapshot()?.verify(company_id, &Catalogue::built_in(), 5)?;
    if found.differences.is_empty() { Ok(posted) } else { Err(found.differences.join("; ").into()) }
}
