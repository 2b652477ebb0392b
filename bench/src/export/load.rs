//! A server at work: many small exports, none of which can be answered with the file of another, and lists while big
//! exports run. Every answer is checked for success.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tollbook_domain::time::HOUR_S;

use super::server::serving;
use crate::Result;
use crate::http::{Client, Keys, answer};
use crate::lists::cases::PAGE_SIZE;
use crate::report::{Report, Table};
use crate::site;
use crate::timing::{Timings, grouped, millis, per_second, times};

/// Connections that ask for small exports.
const CONNECTIONS: usize = 4;
/// Rows that a small export is to have, about.
const SMALL_ROWS: i64 = 1_000;
/// Big exports at a time.
const BIG: usize = 2;
/// Big exports that must have ended before the lists beside them are enough.
const BIG_ENDED: u64 = 4;

/// How much is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    /// Small exports.
    pub(super) small: i64,
    /// Lists, idle and again while big exports run.
    pub(super) lists: usize,
}

/// Starts a server on the directory and measures both; `orders` are the site's.
pub(super) fn measure(
    directory: &Path,
    tollbook: Option<&Path>,
    orders: u64,
    load: Load,
    report: &mut Report,
) -> Result {
    let process = serving(directory, tollbook)?;
    let server = Asked { address: process.address(), keys: process.keys() };
    small_exports(&server, orders, load.small, report)?;
    lists_beside_exports(&server, load.lists, report)?;
    drop(process);
    std::fs::remove_dir_all(directory.join("objects"))?;
    Ok(())
}

/// The server as its clients know it.
struct Asked<'p> {
    address: SocketAddr,
    keys: &'p Keys,
}

impl Asked<'_> {
    fn client(&self) -> Result<Client> {
        Client::connect(self.address, self.keys)
    }
}

fn range(start_s: i64, end_s: i64) -> Vec<(String, String)> {
    [("StartTime", start_s), ("EndTime", end_s)].map(|(name, time)| (name.into(), time.to_string())).into()
}

/// Asks for an export; that it is a file is checked.
fn export(client: &mut Client, parameters: &[(String, String)]) -> Result {
    let answer = answer(&client.action("DownloadListPaidOrders", parameters)?)?;
    let size = answer.pointer("/Data/FileSize").and_then(Value::as_u64);
    if size.is_some_and(|size| size > 0) { Ok(()) } else { Err("an export has no size".into()) }
}

fn small_exports(server: &Asked<'_>, orders: u64, count: i64, report: &mut Report) -> Result {
    eprintln!("small exports");
    let year = site::year()?;
    let (start_s, end_s) = (year.start_s(), year.end_s());
    // As many hours as have about so many orders; each export begins a little later than the one before.
    let hours = (end_s - start_s) / HOUR_S;
    let span = (hours * SMALL_ROWS / i64::try_from(orders)?.max(1)).clamp(1, hours - 1);
    let starts = hours - span;
    let count = count.min(starts).max(1);
    let next = AtomicI64::new(0);
    let began = Instant::now();
    let samples = std::thread::scope(|scope| {
        let askers: Vec<_> = (0..CONNECTIONS)
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
                        let asked = Instant::now();
                        export(&mut client, &range(from_s, from_s + span * HOUR_S))?;
                        samples.push(asked.elapsed());
                    }
                })
            })
            .collect();
        joined(askers).map(|each| each.concat())
    })?;
    let whole = began.elapsed();
    let made = u64::try_from(count)?;
    let timings = Timings::of(samples);
    report.measurements.push(json!({
        "what": "small exports", "exports": made, "hours_each": span, "us": timings.micros(),
        "whole_us": u64::try_from(whole.as_micros()).unwrap_or(u64::MAX),
    }));
    let caption = format!(
        "Small exports over HTTP on {CONNECTIONS} connections, no two alike, {span} hours each: about {} rows",
        grouped(i64::try_from(orders)?.saturating_mul(span).unsigned_abs() / hours.unsigned_abs()),
    );
    let mut table = Table::new(caption, &["exports", "exports/s", "median ms", "p95 ms"]);
    table.row(vec![
        grouped(made),
        format!("{:.1}", per_second(made, whole)),
        millis(timings.median()),
        millis(timings.p95()),
    ]);
    report.tables.push(table);
    Ok(())
}

fn lists_beside_exports(server: &Asked<'_>, count: usize, report: &mut Report) -> Result {
    eprintln!("lists while exports run");
    let idle = lists(server, count, || true)?;
    let year = site::year()?;
    let (stop, made, next) = (AtomicBool::new(false), AtomicU64::new(0), AtomicI64::new(0));
    let busy = std::thread::scope(|scope| {
        let exporters: Vec<_> = (0..BIG)
            .map(|_| {
                scope.spawn(|| -> Result {
                    let run = || -> Result {
                        let mut client = server.client()?;
                        while !stop.load(Ordering::Relaxed) {
                            // A second less each time, so that none is answered with the file of another.
                            let less_s = next.fetch_add(1, Ordering::Relaxed);
                            export(&mut client, &range(year.start_s(), year.end_s() - less_s))?;
                            made.fetch_add(1, Ordering::Relaxed);
                        }
                        Ok(())
                    };
                    let ran = run();
                    // The lists do not wait for exports that failed.
                    stop.store(true, Ordering::Relaxed);
                    ran
                })
            })
            .collect();
        let enough = || stop.load(Ordering::Relaxed) || made.load(Ordering::Relaxed) >= BIG_ENDED;
        let busy = lists(server, count, enough);
        stop.store(true, Ordering::Relaxed);
        joined(exporters)?;
        busy
    })?;
    let made = made.into_inner();
    let caption = format!(
        "First pages of paid orders while {BIG} exports of the year run over and over ({} ended)",
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

/// Times first pages, one after the other: as many as are wanted, and on until it is enough.
fn lists(server: &Asked<'_>, count: usize, enough: impl Fn() -> bool) -> Result<Timings> {
    let mut client = server.client()?;
    let year = site::year()?;
    let mut parameters = range(year.start_s(), year.end_s());
    parameters.extend([("Page".into(), "1".into()), ("PageSize".into(), PAGE_SIZE.to_string())]);
    let mut samples = Vec::with_capacity(count);
    let mut warm = false;
    while samples.len() < count.max(1) || !enough() {
        let asked = Instant::now();
        let body = client.action("ListPaidOrders", &parameters)?;
        let took = asked.elapsed();
        answer(&body)?;
        if warm {
            samples.push(took);
        }
        warm = true;
    }
    Ok(Timings::of(samples))
}

/// What all threads found, or the first error.
fn joined<T>(threads: Vec<std::thread::ScopedJoinHandle<'_, Result<T>>>) -> Result<Vec<T>> {
    threads.into_iter().map(|thread| thread.join().map_err(|_| "a client panicked")?).collect()
}
