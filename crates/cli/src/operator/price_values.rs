//! A price as JSON, and what it applies to only as text.

use serde_json::{Value, json};
use tollbook_domain::Price;

use super::context::time_text;
use crate::output::printable;

pub(super) fn price_value(price: &Price) -> Value {
    json!({
        "List": price.list,
        "Provider": price.provider,
        "ModelID": price.model_id,
        "ModelName": price.model_name,
        "Models": price.models.to_string(),
        "PricingSKU": price.sku,
        "PricingUnit": price.pricing_unit,
        "PricingItemID": price.item_id,
        "Currency": price.currency,
        "ListPrice": price.list_price.to_string(),
        "ValidFrom": price.valid_from_s,
        "ValidUntil": price.valid_until_s,
        "LongerThan": price.longer_than,
        "TimeOfDay": price.time_of_day.map(|day| [clock(day.from_s), clock(day.until_s)]),
        "ServiceTier": price.service_tier,
        "Fallback": price.is_fallback,
    })
}

fn clock(second: i64) -> String {
    format!("{:02}:{:02}:{:02}", second / 3_600, second / 60 % 60, second % 60)
}

/// What a price applies to only.
pub(super) fn conditions(price: &Price) -> String {
    let mut conditions = Vec::new();
    if !price.service_tier.is_empty() {
        conditions.push(format!("tier {}", printable(&price.service_tier)));
    }
    conditions.extend(price.longer_than.map(|length| format!("longer than {length}")));
    let day = price.time_of_day.map(|day| format!("{} to {} UTC", clock(day.from_s), clock(day.until_s)));
    conditions.extend(day);
    conditions.extend(price.valid_until_s.map(|until_s| format!("until {}", time_text(until_s))));
    conditions.extend(price.is_fallback.then(|| "another provider's model".to_owned()));
    conditions.join(", ")
}
