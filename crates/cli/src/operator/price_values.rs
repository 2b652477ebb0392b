//! What a price applies to only, as text.

use tollbook_api::views::clock;
use tollbook_domain::Price;

use super::context::time_text;
use crate::output::printable;

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
