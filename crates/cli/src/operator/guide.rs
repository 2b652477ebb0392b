//! `connect NAME`: what to paste into a gateway, and the first record that arrives from it.

use std::io::IsTerminal as _;
use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};
use tollbook_ops::charging::{Arrival, ArrivalWatch};
use tollbook_ops::guides::Program;
use tollbook_ops::tenancy::operator_keys::add_operator_key;
use tollbook_store::RecordState;

use super::context::{CommandContext, now_s};
use crate::arguments::{Global, Guide};
use crate::output::{Failure, Output, note, printable};

/// How often arrivals are looked for.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

pub(super) fn run(global: &Global, program: &Program, guide: &Guide, output: &Output) -> Result<(), Failure> {
    let context = CommandContext::open(global)?;
    let server = guide.server.clone().or_else(|| context.config.public_url.clone());
    let server = server.unwrap_or_else(|| format!("http://{}", context.config.listen));
    let server = server.trim_end_matches('/');
    let key = if guide.add_key {
        Some(add_operator_key(context.store.as_ref(), program.name, now_s())?)
    } else {
        None
    };
    let lines = program.lines(server, key.as_deref());
    let waits = guide.wait || !guide.no_wait && std::io::stdout().is_terminal();
    let mut value = json!({"Program": program.name, "Server": server, "OperatorKey": key, "Lines": lines});
    if !waits {
        output.result(&value, || lines);
        return Ok(());
    }
    let now = now_s();
    let watch = ArrivalWatch::new(context.store.snapshot()?.as_mut(), program.source, now)?;
    note(&lines);
    let Some(watch) = watch else {
        note("many records of this source arrived within the last hour: it reports already");
        value["FirstRecord"] = Value::Null;
        output.result(&value, String::new);
        return Ok(());
    };
    note("waiting for the first record …");
    let arrival = loop {
        let mut snapshot = context.store.snapshot()?;
        if let Some(arrival) = watch.first(snapshot.as_mut(), &context.catalogue, now_s())? {
            break arrival;
        }
        drop(snapshot);
        sleep(POLL_INTERVAL);
    };
    value["FirstRecord"] = value_of(&arrival);
    output.result(&value, || text_of(&arrival));
    Ok(())
}

fn state(arrival: &Arrival) -> &'static str {
    match arrival.record.state {
        RecordState::Charged => "charged",
        RecordState::Free => "free",
        RecordState::Unpriced => "unpriced",
        RecordState::Voided => "voided",
    }
}

fn value_of(arrival: &Arrival) -> Value {
    let usage = arrival.record.usage.as_ref();
    json!({
        "CompanyID": arrival.company_id,
        "Source": arrival.record.key.source,
        "Id": arrival.record.key.id,
        "ModelID": usage.map(|usage| &usage.model_id),
        "ResourceID": usage.map(|usage| &usage.resource_id),
        "Pricing": state(arrival),
        "Cost": arrival.cost.map(|cost| cost.to_string()),
        "Currency": arrival.currency,
    })
}

fn text_of(arrival: &Arrival) -> String {
    let model = arrival.record.usage.as_ref().map_or("", |usage| usage.model_id.as_str());
    let cost = match (arrival.record.state, arrival.cost) {
        (RecordState::Charged, Some(cost)) => format!("it cost {cost} {}", arrival.currency),
        (RecordState::Unpriced, _) => {
            "it has no price yet: see `tollbook usage unpriced --summary`".to_owned()
        }
        _ => format!("it is {}", state(arrival)),
    };
    let key = &arrival.record.key;
    printable(&format!(
        "the first record has arrived: {} of model {model:?}, company {}; {cost}",
        key.id, arrival.company_id
    ))
}
