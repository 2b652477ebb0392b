//! `settle`, `orders revoke`, `operator-key` and `hours`.

use std::time::Duration;

use serde_json::{Value, json};
use tollbook_domain::HourOffsets;
use tollbook_ops::charging::{self, Revocation};
use tollbook_ops::random;

use super::site::{Site, now_s, time_text};
use crate::arguments::{Global, HoursCommand, OperatorKeyCommand, Revoke};
use crate::output::{Failure, Output, note, printable, table};

/// How long `settle` waits for hours that others hold, in seconds, and for how long between two looks.
const PATIENCE_S: i64 = 40;
const POLL_INTERVAL: Duration = Duration::from_millis(250);

pub(crate) fn settle(global: &Global, output: &Output) -> Result<(), Failure> {
    let site = Site::open(global)?;
    let worker = format!("settle {}", random::token_lower(12));
    let charging = site.charging();
    let began_s = now_s();
    let mut done = charging::Settled::default();
    let held = loop {
        let round_s = now_s();
        done.add(&charging::settle_all(&charging, &worker, round_s)?);
        // Who died over an hour holds it for some seconds; whoever is at work on one closes it.
        match charging::held_hours(&charging, round_s)? {
            0 => break 0,
            held if round_s >= began_s + PATIENCE_S => break held,
            _ => std::thread::sleep(POLL_INTERVAL),
        }
    };
    let value = json!({
        "HoursClosed": done.closed.hours,
        "OrdersPaid": done.closed.paid,
        "OrdersUnpaid": done.closed.unpaid,
        "ArrearsPaid": done.arrears.orders,
        "UsageCharged": done.priced,
        "HoursHeld": held,
    });
    if held > 0 {
        note(&format!("{held} hours are still held by an import or a server that is at work on them"));
    }
    output.result(&value, || {
        format!(
            "{} hours closed: {} orders paid, {} unpaid; {} older unpaid orders paid; {} usage records that had no \
             price are charged",
            done.closed.hours, done.closed.paid, done.closed.unpaid, done.arrears.orders, done.priced
        )
    });
    Ok(())
}

const fn outcome(outcome: Revocation) -> &'static str {
    match outcome {
        Revocation::Revoked => "REVOKED",
        Revocation::Refunded => "REFUNDED",
        Revocation::Already => "ALREADY_REVOKED",
        Revocation::NotFound => "ORDER_NOT_FOUND",
        Revocation::NotSettledHere => "NOT_SETTLED_HERE",
    }
}

pub(crate) fn revoke(global: &Global, arguments: &Revoke, output: &Output) -> Result<(), Failure> {
    let site = Site::open(global)?;
    let Revoke { company, reason, orders } = arguments;
    let revoked = charging::revoke(&site.charging(), *company, orders, reason, now_s())?;
    let results: Vec<Value> = revoked
        .iter()
        .map(|one| {
            json!({"OrderNo": one.number, "Success": one.outcome.is_done(), "Result": outcome(one.outcome)})
        })
        .collect();
    let failed = revoked.iter().filter(|one| !one.outcome.is_done()).count();
    let value = json!({"Results": results, "FailureCount": failed});
    let text = || {
        let rows = revoked.iter().map(|one| vec![printable(&one.number), outcome(one.outcome).to_owned()]);
        table(&["OrderNo", "Result"], rows)
    };
    if failed > 0 {
        let message = format!("{failed} orders were not taken back:\n{}", text());
        return Err(Failure::with_value(message, value));
    }
    output.result(&value, text);
    Ok(())
}

pub(crate) fn operator_key(
    global: &Global,
    command: &OperatorKeyCommand,
    output: &Output,
) -> Result<(), Failure> {
    let site = Site::open(global)?;
    match command {
        OperatorKeyCommand::Add { name } => {
            let key =
                tollbook_ops::tenancy::operator_keys::add_operator_key(site.store.as_ref(), name, now_s())?;
            output.result(&json!({"Name": name, "OperatorKey": key}), || {
                format!("{key}\nIt is not shown again: only its digest is kept.")
            });
        }
        OperatorKeyCommand::List => {
            let keys = site.store.snapshot()?.operator_keys()?;
            let rows = keys
                .iter()
                .map(|key| json!({"Name": key.name, "Created": key.created_s, "Disabled": key.disabled}));
            output.result(&json!({"OperatorKeys": rows.collect::<Vec<_>>()}), || {
                let rows = keys.iter().map(|key| {
                    let state = if key.disabled { "disabled" } else { "" };
                    vec![printable(&key.name), time_text(key.created_s), state.to_owned()]
                });
                table(&["Name", "Created", ""], rows)
            });
        }
        OperatorKeyCommand::Disable { name } => {
            let mut transaction = site.store.begin()?;
            let disabled = transaction.disable_operator_keys(name)?;
            if disabled == 0 {
                return Err(Failure::new(format!("there is no operator key named {name:?}")));
            }
            transaction.commit()?;
            output.result(&json!({"Name": name, "Disabled": disabled}), || format!("{disabled} disabled"));
        }
    }
    Ok(())
}

pub(crate) fn hours(global: &Global, command: &HoursCommand, output: &Output) -> Result<(), Failure> {
    let site = Site::open(global)?;
    let offsets = match command {
        HoursCommand::Show => site.store.snapshot()?.hour_offsets()?,
        HoursCommand::Set { offset, from } => {
            let offset_s = charging::parse_offset(offset)
                .ok_or_else(|| Failure::new("--offset: must be like +08:00 or -03:30"))?;
            charging::set_offset(
                &site.charging(),
                offset_s,
                from.map(crate::customer::time::Time::unix_s),
                now_s(),
            )?
        }
    };
    let value = json!({"Offsets": offsets.changes().iter().map(offset_value).collect::<Vec<_>>()});
    output.result(&value, || text(&offsets));
    Ok(())
}

fn offset_value(change: &(i64, i64)) -> Value {
    let (from_s, offset_s) = *change;
    json!({"From": (from_s != i64::MIN).then_some(from_s), "OffsetSeconds": offset_s})
}

fn text(offsets: &HourOffsets) -> String {
    let rows = offsets.changes().iter().map(|(from_s, offset_s)| {
        let from = if *from_s == i64::MIN { "the beginning".to_owned() } else { time_text(*from_s) };
        let (sign, minutes) = (if *offset_s < 0 { '-' } else { '+' }, offset_s.abs() / 60);
        vec![from, format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)]
    });
    table(&["From", "Offset"], rows)
}
