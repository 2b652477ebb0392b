//! The body of a message, by Standard Webhooks: `type`, `timestamp` and `data`.

use serde::Serialize;
use serde_json::{Value, json};
use tollbook_domain::{Line, Order};

use super::event_kinds::EventKind;

#[derive(Serialize)]
struct Body<'a> {
    r#type: &'static str,
    timestamp: String,
    data: &'a Value,
}

/// The body of an event that happened at a time.
pub(super) fn body(kind: EventKind, time_s: i64, data: &Value) -> String {
    let timestamp =
        jiff::Timestamp::from_second(time_s).map_or_else(|_| time_s.to_string(), |time| time.to_string());
    let body = Body { r#type: kind.name(), timestamp, data };
    serde_json::to_string(&body).unwrap_or_else(|_| json!({"type": kind.name(), "data": data}).to_string())
}

/// An order in the data of an event.
pub(crate) fn order_value(order: &Order, line: &Line) -> Value {
    let has_arrears_number = !order.arrears_number().is_empty();
    json!({
        "OrderNo": order.number,
        "SourceOrderNo": if has_arrears_number { order.source_number() } else { "" },
        "ReplacedByOrderNo": order.replaced_by,
        "OrganizationID": line.organization_id,
        "ResourceID": line.resource_id,
        "ModelID": line.model_id,
        "PricingSKU": line.pricing_sku,
        "StartTime": order.start_time_s,
        "EndTime": order.end_time_s,
        "OrderTotalPrice": order.total.to_string(),
    })
}
