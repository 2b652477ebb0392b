//! `webhook`: endpoints of webhooks, their deliveries, and a test of one.

use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};
use tollbook_api::views;
use tollbook_api::webhooks::HttpSender;
use tollbook_domain::time::HOUR_S;
use tollbook_ops::SystemClock;
use tollbook_ops::webhooks::{
    self, EndpointChange, EventKind, NewEndpoint, Replay, Sender as _, WebhookError,
};
use tollbook_store::{DeliveryFilter, DeliveryState, WebhookEndpoint, WebhookState};

use super::context::{CommandContext, now_s, time_text};
use super::tenants::{list_text, print_created};
use crate::arguments::{Global, WebhookCommand, WebhookReplay, WebhookSet};
use crate::deployment;
use crate::output::{Failure, Output, printable};

const ENDPOINT_COLUMNS: [&str; 9] = [
    "EndpointID",
    "CompanyID",
    "Name",
    "URL",
    "Events",
    "Created",
    "FailingSince",
    "DisabledAt",
    "DisabledReason",
];
const DELIVERY_COLUMNS: [&str; 9] =
    ["MessageID", "Type", "Time", "EndpointID", "State", "Attempts", "NextAttempt", "Status", "Error"];

pub(crate) fn run(global: &Global, command: &WebhookCommand, output: &Output) -> Result<(), Failure> {
    if let WebhookCommand::Events = command {
        print_events(output);
        return Ok(());
    }
    let context = CommandContext::open(global)?;
    let store = context.store.as_ref();
    let config = &context.config.webhooks;
    match command {
        WebhookCommand::Events => {}
        WebhookCommand::Add { url, company, event, name } => {
            if company.is_some_and(|company| company < 1) {
                return Err(Failure::new("--company: must be the number of a company"));
            }
            let master = deployment::master_key(global, store)?;
            let new = NewEndpoint {
                company_id: company.unwrap_or(0),
                url: url.clone(),
                name: name.clone().unwrap_or_default(),
                event_types: event.clone(),
            };
            let added = webhooks::add_endpoint(store, &master, config, &new, now_s())?;
            let mut value = views::webhook_endpoint(&added.endpoint, &WebhookState::default());
            value["Secret"] = added.secret.reveal().into();
            print_created(output, value);
        }
        WebhookCommand::List { company } => {
            let endpoints = webhooks::endpoints(store, *company)?;
            let rows: Vec<Value> =
                endpoints.iter().map(|(endpoint, state)| views::webhook_endpoint(endpoint, state)).collect();
            print_rows(output, &ENDPOINT_COLUMNS, &["Created", "FailingSince", "DisabledAt"], rows);
        }
        WebhookCommand::Set(set) => {
            let endpoint = webhooks::set_endpoint(store, config, &set.id, &change(set))?;
            print_endpoint(&context, &endpoint, output)?;
        }
        WebhookCommand::Disable { id, .. } => disable(&context, id.as_deref(), output)?,
        WebhookCommand::Enable { id } => {
            let endpoint = webhooks::enable_endpoint(store, id)?;
            print_endpoint(&context, &endpoint, output)?;
        }
        WebhookCommand::RotateSecret { id, overlap_hours } => {
            let master = deployment::master_key(global, store)?;
            let overlap_s = i64::from(*overlap_hours) * HOUR_S;
            let rotated = webhooks::rotate_secret(store, &master, id, overlap_s, now_s())?;
            print_created(
                output,
                json!({
                    "EndpointID": id,
                    "Secret": rotated.secret.reveal(),
                    "FormerExpires": rotated.former_expires_s,
                }),
            );
        }
        WebhookCommand::Remove { id } => {
            webhooks::remove_endpoint(store, id)?;
            print_created(output, json!({"EndpointID": id, "Removed": true}));
        }
        WebhookCommand::Test { id } => test(global, &context, id, output)?,
        WebhookCommand::Deliveries { endpoint, failed, pending, limit } => {
            let state = match (failed, pending) {
                (true, _) => Some(DeliveryState::DeadLetter),
                (_, true) => Some(DeliveryState::Pending),
                _ => None,
            };
            let filter = DeliveryFilter { endpoint_id: endpoint.clone(), state, ..DeliveryFilter::default() };
            let rows =
                webhooks::deliveries(store, &filter, *limit)?.iter().map(views::webhook_delivery).collect();
            print_rows(output, &DELIVERY_COLUMNS, &["Time", "NextAttempt"], rows);
        }
        WebhookCommand::Replay(arguments) => replay(&context, arguments, output)?,
    }
    Ok(())
}

fn change(set: &WebhookSet) -> EndpointChange {
    let has_types = set.all_events || !set.event.is_empty();
    EndpointChange {
        url: set.url.clone(),
        name: set.name.clone(),
        event_types: has_types.then(|| set.event.clone()),
    }
}

fn print_events(output: &Output) {
    let kinds = EventKind::choices(false);
    let rows: Vec<Value> = kinds
        .map(|kind| {
            json!({"Type": kind.name(), "ForCompanies": kind.is_for_companies(), "Meaning": kind.meaning()})
        })
        .collect();
    print_rows(output, &["Type", "ForCompanies", "Meaning"], &[], rows);
}

fn disable(context: &CommandContext, id: Option<&str>, output: &Output) -> Result<(), Failure> {
    let store = context.store.as_ref();
    if let Some(id) = id {
        let endpoint = webhooks::disable_endpoint(store, id, now_s())?;
        return print_endpoint(context, &endpoint, output);
    }
    let enabled = webhooks::endpoints(store, None)?;
    let enabled = enabled.iter().filter(|(endpoint, _)| endpoint.disabled.is_none());
    let mut disabled = Vec::new();
    for (endpoint, _) in enabled {
        webhooks::disable_endpoint(store, &endpoint.endpoint_id, now_s())?;
        disabled.push(endpoint.endpoint_id.as_str());
    }
    print_created(output, json!({"Disabled": disabled}));
    Ok(())
}

/// Sends a test event. Any answer is printed; the command fails if it is no success.
fn test(global: &Global, context: &CommandContext, id: &str, output: &Output) -> Result<(), Failure> {
    let master = deployment::master_key(global, context.store.as_ref())?;
    let endpoint = context.store.snapshot()?.webhook_endpoint(id)?;
    let endpoint = endpoint.ok_or_else(|| WebhookError::UnknownEndpoint(id.to_owned()))?;
    let message = webhooks::test_message(&master, &endpoint, now_s())?;
    let sender = HttpSender::new(&context.config.webhooks, Arc::new(SystemClock)).map_err(Failure::new)?;
    let sender = sender.reading_bodies();
    let began = Instant::now();
    let answer = sender.send(&message);
    let milliseconds = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let mut value = json!({
        "EndpointID": id,
        "URL": endpoint.url,
        "MessageID": message.message_id,
        "Status": null,
        "Answer": null,
        "Error": null,
        "Milliseconds": milliseconds,
    });
    match answer {
        Ok(reply) if (200..300).contains(&reply.status) => {
            value["Status"] = reply.status.into();
            value["Answer"] = reply.excerpt.as_str().into();
            output.result(&value, || {
                let (status, answer) = (reply.status, printable(&reply.excerpt));
                format!("{}: status {status} after {milliseconds} ms\n{answer}", printable(&endpoint.url))
            });
            Ok(())
        }
        Ok(reply) => {
            let error = format!("the receiver answered with status {}, which is no success", reply.status);
            value["Status"] = reply.status.into();
            value["Answer"] = reply.excerpt.as_str().into();
            value["Error"] = error.as_str().into();
            Err(Failure::with_value(format!("{error}: {}", printable(&reply.excerpt)), value))
        }
        Err(error) => {
            value["Error"] = error.as_str().into();
            Err(Failure::with_value(printable(&error), value))
        }
    }
}

fn replay(context: &CommandContext, arguments: &WebhookReplay, output: &Output) -> Result<(), Failure> {
    let WebhookReplay { message, from, to, endpoint, .. } = arguments;
    let what = match (message, from, to) {
        (Some(message), _, _) => Replay::Message(message.clone()),
        (None, Some(from), Some(to)) => {
            let (from_s, to_s) = (context.unix_s("--from", *from)?, context.unix_s("--to", *to)?);
            if from_s >= to_s {
                return Err(Failure::new("--to: must be later than --from"));
            }
            Replay::Range(from_s, to_s)
        }
        _ => Replay::DeadLetters,
    };
    let replayed = webhooks::replay(context.store.as_ref(), &what, endpoint.as_deref(), now_s())?;
    output.result(&json!({"Replayed": replayed}), || format!("{replayed} deliveries are sent again"));
    Ok(())
}

fn print_endpoint(
    context: &CommandContext,
    endpoint: &WebhookEndpoint,
    output: &Output,
) -> Result<(), Failure> {
    let state = context.store.snapshot()?.webhook_state(&endpoint.endpoint_id)?;
    print_created(output, views::webhook_endpoint(endpoint, &state));
    Ok(())
}

/// Prints rows; for people with times instead of Unix seconds.
fn print_rows(output: &Output, columns: &[&str], times: &[&str], rows: Vec<Value>) {
    output.result(&Value::Array(rows.clone()), || {
        let rows: Vec<Value> = rows.into_iter().map(|row| with_times_as_text(row, times)).collect();
        list_text(columns, &rows)
    });
}

fn with_times_as_text(mut row: Value, times: &[&str]) -> Value {
    for name in times {
        if let Some(time_s) = row[*name].as_i64() {
            row[*name] = time_text(time_s).into();
        }
    }
    row
}
