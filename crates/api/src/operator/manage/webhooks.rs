//! Endpoints of webhooks, and their deliveries.

use serde_json::{Value, json};
use tollbook_domain::time::HOUR_S;
use tollbook_ops::webhooks::{self, EndpointChange, NewEndpoint, Replay, WebhookError, WebhookSecret};
use tollbook_store::{AuditEntry, DeliveryFilter, DeliveryState, WebhookEndpoint};

use super::call::{Call, values_after};
use super::failed::{Failed, secret_problem};
use crate::views;

/// Deliveries in one answer, unless fewer are asked for.
const DELIVERIES: usize = 100;

pub(super) fn list(call: &Call<'_>) -> Result<Value, Failed> {
    let endpoints = webhooks::endpoints(call.store(), call.values.integer("CompanyID"))?;
    let shown: Vec<Value> =
        endpoints.iter().map(|(endpoint, state)| views::webhook_endpoint(endpoint, state)).collect();
    Ok(json!({"Endpoints": shown}))
}

fn with_secret(endpoint_id: &str, secret: Option<&WebhookSecret>, is_repeated: bool) -> Value {
    json!({
        "EndpointID": endpoint_id,
        "Secret": secret.map(WebhookSecret::reveal),
        "Repeated": is_repeated,
    })
}

pub(super) fn add(call: &Call<'_>) -> Result<Value, Failed> {
    let values = call.values;
    let new = NewEndpoint {
        company_id: values.number("CompanyID"),
        url: values.text_or_empty("URL").to_owned(),
        name: values.text_or_empty("Name").to_owned(),
        event_types: values.texts("Events"),
    };
    let deployment = call.service.deployment();
    let config = &call.service.config().webhooks;
    let added = webhooks::add_endpoint(call.store(), &deployment.master, config, &new, call.now_s())?;
    Ok(with_secret(&added.endpoint.endpoint_id, Some(&added.secret), false))
}

/// The answer to a repeated request: the secret that the endpoint has now, or null if it was removed.
pub(super) fn secret_again(call: &Call<'_>, entry: &AuditEntry) -> Result<Value, Failed> {
    let after = values_after(entry)?;
    let endpoint_id = after["EndpointID"].as_str().unwrap_or_default();
    let endpoint = call.store().snapshot()?.webhook_endpoint(endpoint_id)?;
    let master = &call.service.deployment().master;
    let secret = endpoint.map(|endpoint| WebhookSecret::of(master, &endpoint)).transpose();
    let secret = secret.map_err(|error| secret_problem(&error))?;
    Ok(with_secret(endpoint_id, secret.as_ref(), true))
}

pub(super) fn rotate(call: &Call<'_>) -> Result<Value, Failed> {
    let endpoint_id = call.values.text_or_empty("endpoint");
    let overlap_s = call.values.integer("OverlapHours").unwrap_or(24).saturating_mul(HOUR_S);
    let master = &call.service.deployment().master;
    let rotated = webhooks::rotate_secret(call.store(), master, endpoint_id, overlap_s, call.now_s())?;
    Ok(with_secret(endpoint_id, Some(&rotated.secret), false))
}

fn shown(call: &Call<'_>, endpoint: &WebhookEndpoint) -> Result<Value, Failed> {
    let state = call.store().snapshot()?.webhook_state(&endpoint.endpoint_id)?;
    Ok(views::webhook_endpoint(endpoint, &state))
}

pub(super) fn change(call: &Call<'_>) -> Result<Value, Failed> {
    let values = call.values;
    let endpoint_id = values.text_or_empty("endpoint");
    let change = EndpointChange {
        url: values.text("URL").map(ToOwned::to_owned),
        name: values.text("Name").map(ToOwned::to_owned),
        event_types: values.is_stated("Events").then(|| values.texts("Events")),
    };
    let config = &call.service.config().webhooks;
    let mut endpoint = if change == EndpointChange::default() {
        let found = call.store().snapshot()?.webhook_endpoint(endpoint_id)?;
        found.ok_or_else(|| WebhookError::UnknownEndpoint(endpoint_id.to_owned()))?
    } else {
        webhooks::set_endpoint(call.store(), config, endpoint_id, &change)?
    };
    match values.is_stated("Disabled").then(|| values.flag("Disabled")) {
        Some(true) => endpoint = webhooks::disable_endpoint(call.store(), endpoint_id, call.now_s())?,
        Some(false) => endpoint = webhooks::enable_endpoint(call.store(), endpoint_id)?,
        None => {}
    }
    shown(call, &endpoint)
}

pub(super) fn remove(call: &Call<'_>) -> Result<Value, Failed> {
    let endpoint_id = call.values.text_or_empty("endpoint");
    webhooks::remove_endpoint(call.store(), endpoint_id)?;
    Ok(json!({"EndpointID": endpoint_id, "Removed": true}))
}

pub(super) fn deliveries(call: &Call<'_>) -> Result<Value, Failed> {
    let values = call.values;
    let text = |name| values.text(name).map(ToOwned::to_owned);
    let filter = DeliveryFilter {
        endpoint_id: text("EndpointID"),
        message_id: text("MessageID"),
        state: values.text("State").map(|state| match state {
            "pending" => DeliveryState::Pending,
            "delivered" => DeliveryState::Delivered,
            _ => DeliveryState::DeadLetter,
        }),
        ..DeliveryFilter::default()
    };
    let limit = values.limit("Limit", DELIVERIES);
    let wanted = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
    let mut found = webhooks::deliveries(call.store(), &filter, wanted)?;
    let has_more = found.len() > limit;
    found.truncate(limit);
    let shown: Vec<Value> = found.iter().map(views::webhook_delivery).collect();
    Ok(json!({"Deliveries": shown, "HasMore": has_more}))
}

pub(super) fn replay(call: &Call<'_>) -> Result<Value, Failed> {
    let values = call.values;
    let what = match (values.text("MessageID"), values.integer("From"), values.integer("To")) {
        (Some(message_id), None, None) => Replay::Message(message_id.to_owned()),
        (None, Some(from_s), Some(to_s)) if from_s < to_s => Replay::Range(from_s, to_s),
        (None, None, None) => Replay::DeadLetters,
        (None, Some(_), Some(_)) => return Err(Failed::parameter("To", "must be later than From")),
        (None, None, Some(_)) => return Err(Failed::parameter("From", "is missing")),
        (None, Some(_), None) => return Err(Failed::parameter("To", "is missing")),
        (Some(_), ..) => {
            return Err(Failed::parameter("MessageID", "must not stand beside From and To"));
        }
    };
    let replayed = webhooks::replay(call.store(), &what, values.text("EndpointID"), call.now_s())?;
    Ok(json!({"Replayed": replayed}))
}
