//! `connect new-api`: reads the log of new-api once, or follows it.

use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};
use tollbook_ops::new_api::{LogSource, Tail, TailCounts, open_log};

use super::context::{CommandContext, now_s};
use super::guide;
use crate::arguments::{Global, Guide, NewApi};
use crate::output::{Failure, Output, note, printable};

pub(super) fn run(global: &Global, arguments: &NewApi, output: &Output) -> Result<(), Failure> {
    let Some(from) = &arguments.from else {
        let guide = Guide { server: None, add_key: false, wait: false, no_wait: true };
        return guide::run(global, &tollbook_ops::guides::NEW_API, &guide, output);
    };
    let context = CommandContext::open(global)?;
    let since_s = context.optional_unix_s("--since", arguments.since)?;
    let mut source = open_log(from)?;
    let mut tail = Tail::new(context.charging(), source.as_mut(), &arguments.name, since_s)?;
    if arguments.once {
        let counts = tail.catch_up(source.as_mut(), now_s())?;
        return report(&counts, output);
    }
    follow(from, arguments.interval, &mut tail, source)
}

fn report(counts: &TailCounts, output: &Output) -> Result<(), Failure> {
    let value = value_of(counts);
    if counts.refused > 0 {
        let reasons = reasons(counts).join("\n");
        return Err(Failure::with_value(format!("{}\n{reasons}", text_of(counts)), value));
    }
    output.result(&value, || text_of(counts));
    Ok(())
}

/// Reads the log until the process is stopped. A database that fails is tried again.
fn follow(
    from: &str,
    interval_s: u64,
    tail: &mut Tail<'_>,
    source: Box<dyn LogSource>,
) -> Result<(), Failure> {
    let mut source = Some(source);
    loop {
        let caught_up = match source.as_mut() {
            Some(source) => tail.catch_up(source.as_mut(), now_s()).map_err(|error| error.to_string()),
            None => match open_log(from) {
                Ok(opened) => {
                    source = Some(opened);
                    continue;
                }
                Err(error) => Err(error.to_string()),
            },
        };
        match caught_up {
            Ok(counts) if counts.read > 0 => {
                note(&text_of(&counts));
                reasons(&counts).iter().for_each(|reason| note(reason));
            }
            Ok(_) => {}
            Err(error) => {
                note(&printable(&format!("{error}; will retry")));
                source = None;
            }
        }
        sleep(Duration::from_secs(interval_s));
    }
}

fn value_of(counts: &TailCounts) -> Value {
    let reasons = counts
        .reasons
        .iter()
        .map(|(reason, (rows, first))| json!({"Reason": reason, "Rows": rows, "FirstId": first}));
    json!({
        "Read": counts.read,
        "Charged": counts.charged,
        "Free": counts.free,
        "Unpriced": counts.unpriced,
        "Duplicate": counts.duplicate,
        "Refused": counts.refused,
        "Skipped": counts.skipped,
        "LastId": counts.last_id,
        "Reasons": reasons.collect::<Vec<_>>(),
    })
}

fn text_of(counts: &TailCounts) -> String {
    let TailCounts { read, charged, free, unpriced, duplicate, refused, skipped, last_id, .. } = counts;
    format!(
        "{read} rows read up to {last_id}: {charged} charged, {free} free, {unpriced} without a price, {duplicate} \
         duplicate, {refused} refused, {skipped} skipped"
    )
}

fn reasons(counts: &TailCounts) -> Vec<String> {
    let reasons = counts.reasons.iter();
    reasons
        .map(|(reason, (rows, first))| {
            printable(&format!("{rows} refused, the first is row {first}: {reason}"))
        })
        .collect()
}
