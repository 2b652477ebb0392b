//! How long others wait while records are voided in an open hour of many lines: a gateway posts single events to the
//! `tollbook` binary, and the command line voids records one after the other.

use std::io::BufReader;
use std::net::TcpStream;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use tollbook_domain::Usage;
use tollbook_ops::charging::{Charging, Rater};
use tollbook_ops::{Clock as _, Config, SystemClock};

use super::generated;
use super::posting::{ServerProcess, exchange, request, rfc3339};
use crate::result::Result;
use crate::timing::Timings;

/// Lines of the hour.
pub(super) const LINES: i64 = 100_000;
/// Records that are voided.
const VOIDS: usize = 10;
/// How long the gateway posts before the first.
const ALONE: Duration = Duration::from_secs(2);

/// What was measured.
pub(super) struct Voiding {
    /// Times of single events before the first void.
    pub(super) alone: Timings,
    /// Times of single events from the first void to the last.
    pub(super) beside: Timings,
    /// Times of the processes that voided.
    pub(super) voids: Timings,
}

/// Fills the present hour of a company of its own with [`LINES`] lines, and voids some of its records.
pub(super) fn measure(command: &dyn Fn() -> Command, charging: &Charging<'_>, key: &str) -> Result<Voiding> {
    let (company, organizations) = crate::fixture::company(charging.store, charging.config, "Lines")?;
    let tenant = (company.company_id, *organizations.first().ok_or("the company has no organization")?);
    fill(charging, tenant)?;
    let server = ServerProcess::start(&mut command())?;
    let (times, is_done) = (Mutex::new(Vec::new()), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let gateway = scope.spawn(|| post(&server, key, tenant, &times, &is_done));
        let voiding = || -> Result<(Vec<Duration>, Vec<Duration>)> {
            std::thread::sleep(ALONE);
            let alone = std::mem::take(&mut *times.lock().map_err(|_| "the gateway panicked")?);
            let mut voids = Vec::with_capacity(VOIDS);
            for number in 0..VOIDS {
                let began = Instant::now();
                void(command(), company.company_id, number)?;
                voids.push(began.elapsed());
            }
            Ok((alone, voids))
        };
        let voided = voiding();
        is_done.store(true, Ordering::Relaxed);
        gateway.join().map_err(|_| "the gateway panicked")??;
        let (alone, voids) = voided?;
        let beside = std::mem::take(&mut *times.lock().map_err(|_| "the gateway panicked")?);
        Ok(Voiding { alone: Timings::of(alone), beside: Timings::of(beside), voids: Timings::of(voids) })
    })
}

/// A company and one of its organizations.
type Tenant = (i64, i64);

fn record((company_id, organization_id): Tenant, number: i64, time_s: i64) -> Usage {
    Usage {
        company_id,
        organization_id,
        id: format!("l{number}"),
        source: "lines".into(),
        time_s,
        resource_id: format!("key-{number}"),
        quantities: vec![("input".into(), 1_000)],
        ..generated::usage(0, 1)
    }
}

fn fill(charging: &Charging<'_>, tenant: Tenant) -> Result {
    let now_s = SystemClock.now_s();
    let config = Config::default();
    let mut rater = Rater::new(*charging, config.charging.limits_of_files());
    for first in (0..LINES).step_by(2_000) {
        let records = (first..first + 2_000).map(|number| record(tenant, number, now_s));
        if rater.accept(records.collect(), now_s, None)?.iter().any(|result| !result.is_accepted()) {
            return Err("a record was refused".into());
        }
    }
    Ok(())
}

fn void(mut command: Command, company_id: i64, number: usize) -> Result {
    command.args(["--json", "usage", "void", "--reason", "bench", "--company", &company_id.to_string()]);
    command.args(["--key", &format!("void {number}"), &format!("l{}", 7_919 * number + 13)]);
    let output = command.env("TOLLBOOK_LOG", "error").output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stdout).into_owned().into())
}

/// Posts single events until `is_done` is set.
fn post(
    server: &ServerProcess,
    key: &str,
    (company_id, organization_id): Tenant,
    times: &Mutex<Vec<Duration>>,
    is_done: &AtomicBool,
) -> Result {
    let stream = TcpStream::connect(server.address())?;
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    let mut number = 0u64;
    while !is_done.load(Ordering::Relaxed) {
        number += 1;
        let data = json!({
            "company_id": company_id, "organization_id": organization_id, "resource_id": "key-1", "model_id": "model-00",
            "product_code": "modelverse", "quantities": {"input": 5},
        });
        let event = json!({
            "specversion": "1.0", "id": format!("e{number}"), "source": "gateway", "type": "ai.tollbook.usage",
            "time": rfc3339(SystemClock.now_s()), "data": data,
        });
        let request = request(server, key, "application/cloudevents+json", &event.to_string());
        let began = Instant::now();
        exchange(&mut stream, request.as_bytes())?;
        times.lock().map_err(|_| "the measuring thread panicked")?.push(began.elapsed());
    }
    Ok(())
}
