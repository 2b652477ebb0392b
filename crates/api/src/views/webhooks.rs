//! Endpoints of webhooks, and their deliveries.

use serde_json::{Value, json};
use tollbook_ops::webhooks::EventKind;
use tollbook_store::{DeliveryState, WebhookDelivery, WebhookEndpoint, WebhookState};

/// An endpoint, without its secret. `Events` are those that it is sent, all of them if it is not restricted.
pub fn webhook_endpoint(endpoint: &WebhookEndpoint, state: &WebhookState) -> Value {
    let all = EventKind::choices(endpoint.company_id != 0).map(|kind| kind.name().to_owned());
    let events = if endpoint.event_types.is_empty() { all.collect() } else { endpoint.event_types.clone() };
    json!({
        "EndpointID": endpoint.endpoint_id,
        "CompanyID": (endpoint.company_id > 0).then_some(endpoint.company_id),
        "Name": endpoint.name,
        "URL": endpoint.url,
        "Events": events,
        "Created": endpoint.created_s,
        "FormerSecretExpires": endpoint.former_secret.as_ref().map(|(_, expires_s)| expires_s),
        "FailingSince": state.failing_since_s,
        "DisabledAt": endpoint.disabled.as_ref().map(|(at_s, _)| at_s),
        "DisabledReason": endpoint.disabled.as_ref().map_or("", |(_, reason)| reason),
    })
}

/// A delivery of an event to an endpoint.
pub fn webhook_delivery(delivery: &WebhookDelivery) -> Value {
    let progress = &delivery.progress;
    let state = match progress.state {
        DeliveryState::Pending => "pending",
        DeliveryState::Delivered => "delivered",
        DeliveryState::DeadLetter => "dead letter",
    };
    json!({
        "MessageID": delivery.message_id,
        "Type": delivery.event_type,
        "CompanyID": (delivery.key.company_id > 0).then_some(delivery.key.company_id),
        "Time": delivery.recorded_s,
        "EndpointID": delivery.key.endpoint_id,
        "State": state,
        "Attempts": progress.attempts,
        "NextAttempt": (progress.state == DeliveryState::Pending).then_some(progress.next_attempt_s),
        "LastAttempt": progress.last_attempt_s,
        "Status": (progress.http_status > 0).then_some(progress.http_status),
        "Error": progress.error,
        "Ended": progress.ended_s,
    })
}
