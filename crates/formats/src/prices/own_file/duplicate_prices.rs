//! Refuses two prices that would hold at once with equal precedence: it cannot be known which one is meant.

use std::collections::BTreeMap;

use tollbook_domain::Price;
use tollbook_domain::price::{Matcher, TimeOfDay};

use super::fields::{FieldResult, LocatedPrice};

/// Currency, provider, models, SKU, start, length condition and service tier: two prices must differ in one of them.
type PriceKey<'p> = (&'p str, String, String, &'p str, i64, Option<i64>, &'p str);

/// Refuses a second price for the same models or the same id, SKU and condition.
pub(super) fn refuse_duplicate_prices(prices: &[LocatedPrice<'_>]) -> FieldResult<()> {
    let mut by_key: BTreeMap<PriceKey<'_>, Vec<&LocatedPrice<'_>>> = BTreeMap::new();
    for one in prices {
        // An id and a matcher cannot be confused: the text of a matcher has a tag.
        let names =
            [format!("id {}", one.price.model_id.to_ascii_lowercase()), lower(&one.price.models).to_text()];
        for name in names {
            let others = by_key.entry(key(&one.price, &name)).or_default();
            let same = |other: &&&LocatedPrice<'_>| both_hold(one.price.time_of_day, other.price.time_of_day);
            if let Some(other) = others.iter().find(same) {
                return one.field.wrong(reason(one, other));
            }
            others.push(one);
        }
    }
    Ok(())
}

fn key<'p>(price: &'p Price, name: &str) -> PriceKey<'p> {
    let provider = price.provider.to_ascii_lowercase();
    let name = name.to_owned();
    (&price.currency, provider, name, &price.sku, price.valid_from_s, price.longer_than, &price.service_tier)
}

/// The matcher in lower case, in which names are compared. A regular expression is kept: its case has a meaning.
fn lower(matcher: &Matcher) -> Matcher {
    let list = |matchers: &[Matcher]| matchers.iter().map(lower).collect();
    match matcher {
        Matcher::Any | Matcher::Pattern(_) => matcher.clone(),
        Matcher::Equals(text) => Matcher::Equals(text.to_ascii_lowercase()),
        Matcher::StartsWith(text) => Matcher::StartsWith(text.to_ascii_lowercase()),
        Matcher::EndsWith(text) => Matcher::EndsWith(text.to_ascii_lowercase()),
        Matcher::Contains(text) => Matcher::Contains(text.to_ascii_lowercase()),
        Matcher::OneOf(matchers) => Matcher::OneOf(list(matchers)),
        Matcher::AllOf(matchers) => Matcher::AllOf(list(matchers)),
    }
}

/// Whether two prices hold at the same time of the day. A price for a part of the day takes precedence over one for the
/// whole day.
fn both_hold(a: Option<TimeOfDay>, b: Option<TimeOfDay>) -> bool {
    match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => a.contains(b.from_s) || b.contains(a.from_s),
        (None, Some(_)) | (Some(_), None) => false,
    }
}

fn reason(one: &LocatedPrice<'_>, other: &LocatedPrice<'_>) -> String {
    let model = &one.price.model_id;
    let line = other.field.error("").line.unwrap_or_default();
    match one.price.time_of_day {
        Some(day) if Some(day) != other.price.time_of_day => {
            format!("model {model:?} has another price for a part of that time of the day, on line {line}")
        }
        _ => format!("model {model:?} has a price for that already, on line {line}"),
    }
}
