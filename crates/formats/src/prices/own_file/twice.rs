//! Two prices of a file that would hold at once, neither more closely than the other: which is meant cannot be known.

use std::collections::BTreeMap;

use tollbook_domain::Price;
use tollbook_domain::price::{Matcher, TimeOfDay};

use super::Stated;
use super::fields::Checked;

/// What two prices must differ in: which models, and when.
type Place<'p> = (&'p str, String, String, &'p str, i64, Option<i64>);

/// Refuses a second price for the same models or the same id, SKU and condition.
pub(super) fn refuse_two_prices(stated: &[Stated<'_>]) -> Checked<()> {
    let mut by_place: BTreeMap<Place<'_>, Vec<&Stated<'_>>> = BTreeMap::new();
    for one in stated {
        // An id and what is matched cannot be mistaken for each other: a text form has a tag.
        let names =
            [format!("id {}", one.price.model_id.to_ascii_lowercase()), lower(&one.price.models).to_text()];
        for name in names {
            let others = by_place.entry(place(&one.price, &name)).or_default();
            let same = |other: &&&Stated<'_>| both_hold(one.price.time_of_day, other.price.time_of_day);
            if let Some(other) = others.iter().find(same) {
                return one.field.wrong(reason(one, other));
            }
            others.push(one);
        }
    }
    Ok(())
}

fn place<'p>(price: &'p Price, name: &str) -> Place<'p> {
    let provider = price.provider.to_ascii_lowercase();
    (&price.currency, provider, name.to_owned(), &price.sku, price.valid_from_s, price.longer_than)
}

/// The same matcher, as names are compared. The case of a regular expression has a meaning.
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

/// A price for a part of the day holds before one for the whole day; two parts must not overlap.
fn both_hold(a: Option<TimeOfDay>, b: Option<TimeOfDay>) -> bool {
    match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => a.contains(b.from_s) || b.contains(a.from_s),
        (None, Some(_)) | (Some(_), None) => false,
    }
}

fn reason(one: &Stated<'_>, other: &Stated<'_>) -> String {
    let model = &one.price.model_id;
    let line = other.field.error("").line.unwrap_or_default();
    match one.price.time_of_day {
        Some(day) if Some(day) != other.price.time_of_day => {
            format!("model {model:?} has another price for a part of that time of the day, on line {line}")
        }
        _ => format!("model {model:?} has a price for that already, on line {line}"),
    }
}
