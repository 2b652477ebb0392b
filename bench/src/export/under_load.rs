//! A server under load: many small exports, none of which can be answered from the cache, and lists while large exports
//! run. Every answer is checked for success.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tollbook_domain::time::HOUR_S;

use super::server_process;
use crate::fixture;
use crate::http::{Client, Keys, answer};
use crate::lists::cases::PAGE_SIZE;
use crate::report::{Report, Table};
use crate::result::Result;
use crate::timing::{Timings, grouped, millis, per_second, times};

/// Connections that request small exports.
const CONNECTIONS: usize = 4;
/// Approximate rows of a small export.
const SMALL_ROWS: i64 = 1_000;
/// Concurrent large exports.
const LARGE: usize = 2;
/// Large exports that must have finished before the lists beside them may stop.
const LARGE_FINISHED: u64 = 4;

/// Number of requests.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    /// Small exports.
    pub(super) small: i64,
    /// Lists, on the idle server and again while large exports run.
    pub(super) lists: usize,
}

/// Starts a server on the directory and measures both; `orders` is the number of orders of the fixture.
pub(super) fn measure(
    directory: &Path,
    tollbook: Option<&Path>,
    orders: u64,
    load: Load,
    report: &mut Report,
) -> Result {
    let process = server_process::start(directory, tollbook)?;
    let server = Server { address: process.address(), keys: process.keys() };
    small_exports(&server, orders, load.small, report)?;
    lists_beside_exports(&server, load.lists, report)?;
    drop(process);
    std::fs::remove_dir_all(directory.join("objects"))?;
    Ok(())
}

/// Address of the server and keys for its clients.
struct Server<'p> {
    address: SocketAddr,
    keys: &'p Keys,
}

impl Server<'_> {
    fn client(&self) -> Result<Client> {
        Client::connect(self.address, self.keys)
    }
}

fn range(start_s: i64, end_s: i64) -> Vec<(String, String)> {
    [("StartTime", start_s), ("EndTime", end_s)].map(|(name, time)| (name.into(), time.to_string())).into()
}

/// Requests an export and checks that it has a file.
fn export(client: &mut Client, parameters: &[(String, String)]) -> Result {
    let answer = answer(&client.action("DownloadListPaidOrders", parameters)?)?;
    let size = answer.pointer("/Data/FileSize").and_then(Value::as_u64);
    if size.is_some_and(|size| size > 0) { Ok(()) } else { Err("an export has no size".into()) }
}

fn small_exports(server: &Server<'_>, orders: u64, count: i64, report: &mut Report) -> Result {
    eprintln!("small exports");
    let year = fixture::year()?;
    let (start_s, end_s) = (year.start_s(), year.end_s());
    // The number of hours that have about that many orders. Each export begins a little later than the one before.
    let hours = (end_s - start_s) / HOUR_S;
    let span = (hours * SMALL_ROWS / i64::try_from(orders)?.max(1)).clamp(1, hours - 1);
    let starts = hours - span;
    let count = count.min(starts).max(1);
    let next = AtomicI64::new(0);
    let began = Instant::now();
    let samples = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CONNECTIONS)
            .map(|_| {
                scope.spawn(|| -> Result<Vec<Duration>> {
                    let mut client = server.client()?;
                    let mut samples = Vec::new();
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= count {
                            return Ok(samples);
                        }
                        let from_s = start_s + number * starts / count * HOUR_S;
                        let began = Instant::now();
                        export(&mut client, &range(from_s, from_s + span * HOUR_S))?;
                        samples.push(began.elapsed());
                    }
                })
            })
            .collect();
        join_all(clients).map(|each| each.concat())
    })?;
    let total = began.elapsed();
    let made = u64::try_from(count)?;
    let timings = Timings::of(samples);
    report.measurements.push(json!({
        "what": "small exports", "exports": made, "hours_each": span, "us": timings.micros(),
        "whole_us": u64::try_from(total.as_micros()).unwrap_or(u64::MAX),
    }));
    let caption = format!(
        "Small exports over HTTP on {CONNECTIONS} connections, no two alike, {span} hours each: about {} rows",
        grouped(i64::try_from(orders)?.saturating_mul(span).unsigned_abs() / hours.unsigned_abs()),
    );
    let mut table = Table::new(caption, &["exports", "exports/s", "median ms", "p95 ms"]);
    table.row(vec![
        grouped(made),
        format!("{:.1}", per_second(made, total)),
        millis(timings.median()),
        millis(timings.p95()),
    ]);
    report.tables.push(table);
    Ok(())
}

fn lists_beside_exports(server: &Server<'_>, count: usize, report: &mut Report) -> Result {
    eprintln!("lists while exports run");
    let idle = lists(server, count, || true)?;
    let year = fixture::year()?;
    let (stop, made, next) = (AtomicBool::new(false), AtomicU64::new(0), AtomicI64::new(0));
    let busy = std::thread::scope(|scope| {
        let exporters: Vec<_> = (0..LARGE)
            .map(|_| {
                scope.spawn(|| -> Result {
                    let run = || -> Result {
                        let mut client = server.client()?;
                        while !stop.load(Ordering::Relaxed) {
                            // Each range is one second shorter, so that none is answered from the cache.
                            let less_s = next.fetch_add(1, Ordering::Relaxed);
                            export(&mut client, &range(year.start_s(), year.end_s() - less_s))?;
                            made.fetch_add(1, Ordering::Relaxed);
                        }
                        Ok(())
                    };
                    let ran = run();
                    // After a failure, the lists need not continue until enough exports have finished.
                    stop.store(true, Ordering::Relaxed);
                    ran
                })
            })
            .collect();
        let enough = || stop.load(Ordering::Relaxed) || made.load(Ordering::Relaxed) >= LARGE_FINISHED;
        let busy = lists(server, count, enough);
        stop.store(true, Ordering::Relaxed);
        join_all(exporters)?;
        busy
    })?;
    let made = made.into_inner();
    let caption = format!(
        "First pages of paid orders while {LARGE} exports of the year run over and over ({} ended)",
        grouped(made)
    );
    let mut table = Table::new(caption, &["what", "median ms", "p95 ms", "median / idle", "p95 / idle"]);
    for (what, timings) in [("idle", &idle), ("exports running", &busy)] {
        report.measurements.push(json!({ "what": format!("lists, {what}"), "us": timings.micros() }));
        table.row(vec![
            what.to_owned(),
            millis(timings.median()),
            millis(timings.p95()),
            times(timings.median(), idle.median()),
            times(timings.p95(), idle.p95()),
        ]);
    }
    report.tables.push(table);
    Ok(())
}

/// Times first pages, one after another: `count` of them, and further ones until `enough` returns true.
fn lists(server: &Server<'_>, count: usize, enough: impl Fn() -> bool) -> Result<Timings> {
    let mut client = server.client()?;
    let year = fixture::year()?;
    let mut parameters = range(year.start_s(), year.end_s());
    parameters.extend([("Page".into(), "1".into()), ("PageSize".into(), PAGE_SIZE.to_string())]);
    let mut samples = Vec::with_capacity(count);
    let mut warm = false;
    while samples.len() < count.max(1) || !enough() {
        let began = Instant::now();
        let body = client.action("ListPaidOrders", &parameters)?;
        let took = began.elapsed();
        answer(&body)?;
        if warm {
            samples.push(took);
        }
        warm = true;
    }
    Ok(Timings::of(samples))
}

/// The results of all threads, or the first error.
fn join_all<T>(threads: Vec<std::thread::ScopedJoinHandle<'_, Result<T>>>) -> Result<Vec<T>> {
    threads.into_iter().map(|thread| thread.join().map_err(|_| "a client panicked")?).collect()
}
