//! `settle`: closes hours that are over, and pays arrears.

use std::time::Duration;

use serde_json::json;
use tollbook_ops::charging;
use tollbook_ops::random;

use super::context::{CommandContext, now_s};
use crate::arguments::Global;
use crate::output::{Failure, Output, note};

/// How long `settle` waits for hours that another process has leased, in seconds. Longer than any lease, so that the hours
/// of a crashed process are closed too.
const LEASE_TIMEOUT_S: i64 = 40;
const POLL_INTERVAL: Duration = Duration::from_millis(250);

pub(crate) fn settle(global: &Global, output: &Output) -> Result<(), Failure> {
    let context = CommandContext::open(global)?;
    let worker = format!("settle {}", random::token_lower(12));
    let charging = context.charging();
    let started_s = now_s();
    let mut done = charging::Settled::default();
    let leased = loop {
        let round_s = now_s();
        done.add(&charging::settle_all(&charging, &worker, round_s)?);
        // A running process closes the hours that it has leased; the lease of a crashed one expires.
        match charging::leased_hours(&charging, round_s)? {
            0 => break 0,
            leased if round_s >= started_s + LEASE_TIMEOUT_S => break leased,
            _ => std::thread::sleep(POLL_INTERVAL),
        }
    };
    let value = json!({
        "HoursClosed": done.closed.hours,
        "OrdersPaid": done.closed.paid,
        "OrdersUnpaid": done.closed.unpaid,
        "ArrearsPaid": done.arrears.orders,
        "UsageCharged": done.priced,
        "HoursHeld": leased,
    });
    if leased > 0 {
        note(&format!("{leased} hours are still leased by a running import or server"));
    }
    output.result(&value, || {
        format!(
            "{} hours closed: {} orders paid, {} unpaid; {} older unpaid orders paid; {} usage records without a price \
             were charged",
            done.closed.hours, done.closed.paid, done.closed.unpaid, done.arrears.orders, done.priced
        )
    });
    Ok(())
}
