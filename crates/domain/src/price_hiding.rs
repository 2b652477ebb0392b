//! Prices that can never be chosen, and the prices that hide them (docs/PRICES.md, "Importing"). What is reported is
//! certain; a price that only several others together hide at different times is not reported.

use std::collections::HashMap;

use crate::matcher::Matcher;
use crate::price::{ListPlaces, Precedence, Price, TimeOfDay};
use crate::provider_names::{NameForm, ProviderRule};

/// A price of a book that others hide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hidden<'b> {
    /// The price.
    pub price: &'b Price,
    /// A price that holds instead.
    pub by: &'b Price,
    /// The names for which it can never be chosen; empty: for no use at all.
    pub names: Vec<&'b str>,
}

/// A price with what is compared often.
struct Entry<'b> {
    price: &'b Price,
    list: usize,
    /// Place in the book.
    place: usize,
    /// The alternatives of its matcher.
    alternatives: Vec<&'b Matcher>,
}

/// The hidden ones among the prices of a list. `book` has its lists in the order in which they hold.
pub fn hidden_prices<'b>(book: &'b [Price], list: &str) -> Vec<Hidden<'b>> {
    let lists = ListPlaces::of(book);
    let limit = lists.place(list);
    // Lists behind it cannot hide its prices.
    let entries: Vec<Entry<'b>> = book
        .iter()
        .enumerate()
        .map(|(place, price)| (place, price, lists.place(&price.list)))
        .filter(|(_, _, list)| *list <= limit)
        .map(|(place, price, list)| {
            let mut alternatives = Vec::new();
            add_alternatives(&price.models, &mut alternatives);
            Entry { price, list, place, alternatives }
        })
        .collect();
    let mut by_subject: HashMap<(&str, &str, &str, String), Vec<&Entry<'b>>> = HashMap::new();
    for entry in &entries {
        by_subject.entry(subject(entry.price, &entry.price.provider)).or_default().push(entry);
    }
    let mut found = Vec::new();
    for entry in entries.iter().filter(|entry| entry.list == limit && entry.price.list == list) {
        let any = by_subject.get(&subject(entry.price, ""));
        let same = by_subject.get(&subject(entry.price, &entry.price.provider));
        let same = same.filter(|_| !entry.price.provider.is_empty());
        let others: Vec<&Entry<'b>> = any.into_iter().chain(same).flatten().copied().collect();
        found.extend(hidden(entry, &others));
    }
    found
}

fn subject<'b>(price: &'b Price, provider: &str) -> (&'b str, &'b str, &'b str, String) {
    (&price.sku, &price.currency, &price.service_tier, provider.to_ascii_lowercase())
}

fn add_alternatives<'b>(matcher: &'b Matcher, out: &mut Vec<&'b Matcher>) {
    match matcher {
        Matcher::OneOf(matchers) => matchers.iter().for_each(|matcher| add_alternatives(matcher, out)),
        Matcher::Any
        | Matcher::Equals(_)
        | Matcher::StartsWith(_)
        | Matcher::EndsWith(_)
        | Matcher::Contains(_)
        | Matcher::Pattern(_)
        | Matcher::AllOf(_) => out.push(matcher),
    }
}

fn hidden<'b>(entry: &Entry<'b>, others: &[&Entry<'b>]) -> Option<Hidden<'b>> {
    let others: Vec<&Entry<'b>> = others
        .iter()
        .copied()
        .filter(|other| other.place != entry.place && holds_whenever(other.price, entry.price))
        .collect();
    let (mut by, mut names, mut is_everywhere) = (None, Vec::new(), !entry.alternatives.is_empty());
    for alternative in &entry.alternatives {
        match others.iter().find(|other| hides(other, entry, alternative)) {
            Some(other) => {
                by = by.or(Some(other.price));
                if let Matcher::Equals(name) = alternative {
                    names.push(name.as_str());
                }
            }
            None => is_everywhere = false,
        }
    }
    if is_everywhere {
        names.clear();
    } else if names.is_empty() {
        return None;
    }
    by.map(|by| Hidden { price: entry.price, by, names })
}

/// Whether a price applies whenever another does, as far as times, lengths and currency matter.
fn holds_whenever(one: &Price, other: &Price) -> bool {
    let until = |price: &Price| price.valid_until_s.unwrap_or(i64::MAX);
    one.valid_from_s <= other.valid_from_s
        && until(one) >= until(other)
        && one.longer_than.unwrap_or(-1) <= other.longer_than.unwrap_or(-1)
        && match (one.time_of_day, other.time_of_day) {
            (None, _) => true,
            (Some(one), Some(other)) => contains(one, other),
            (Some(_), None) => false,
        }
}

fn contains(one: TimeOfDay, other: TimeOfDay) -> bool {
    one == other
        || (one.from_s <= other.from_s && other.from_s <= other.until_s && other.until_s <= one.until_s)
}

/// Whether a price holds for every use that another has by one alternative of its matcher.
fn hides(one: &Entry<'_>, other: &Entry<'_>, alternative: &Matcher) -> bool {
    is_of_provider(one.price, other.price, alternative)
        && covers(&one.price.models, alternative)
        && (one.list < other.list || one.list == other.list && holds_before(one, other, alternative))
}

fn is_of_provider(one: &Price, other: &Price, alternative: &Matcher) -> bool {
    if one.provider.is_empty() {
        return true;
    }
    // Uses that name no provider are the provider's by the name of the model.
    match (&one.provider_models, &other.provider_models) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(one), Some(other)) => {
            one == other || matches!(alternative, Matcher::Equals(name) if one.closeness(name).is_some())
        }
    }
}

/// Whether a price holds before another of the same list for all names of an alternative.
fn holds_before(one: &Entry<'_>, other: &Entry<'_>, alternative: &Matcher) -> bool {
    let names = if let Matcher::Equals(name) = alternative {
        let lower = name.to_ascii_lowercase();
        let closeness =
            |entry: &Entry<'_>| entry.price.models.model_match_of_lower(&lower).map(|found| found.closeness);
        closeness(one).zip(closeness(other))
    } else {
        // The same matcher describes every name as closely; of others it is not known.
        (one.price.models == other.price.models).then_some(((0, 0), (0, 0)))
    };
    names.is_some_and(|(of_one, of_other)| {
        let precedence = |entry: &Entry<'_>, name| {
            // Of prices of one provider and those of any, which rule makes a use theirs does not matter.
            let provider =
                if entry.price.provider.is_empty() { ProviderRule::Any } else { ProviderRule::Same };
            let closeness = (!entry.price.is_fallback, provider, NameForm::Stated, name);
            Precedence::new(entry.list, closeness, entry.price)
        };
        let (of_one, of_other) = (precedence(one, of_one), precedence(other, of_other));
        of_one > of_other || of_one == of_other && one.place < other.place
    })
}

/// Whether a matcher describes every name that an alternative of another describes.
fn covers(matcher: &Matcher, alternative: &Matcher) -> bool {
    if matcher == alternative {
        return true;
    }
    let lower = |text: &str| text.to_ascii_lowercase();
    match (matcher, alternative) {
        (Matcher::Any, _) => true,
        (_, Matcher::Equals(name)) => matcher.model_match(name).is_some(),
        (Matcher::OneOf(matchers), _) => matchers.iter().any(|matcher| covers(matcher, alternative)),
        (Matcher::AllOf(matchers), _) => {
            !matchers.is_empty() && matchers.iter().all(|matcher| covers(matcher, alternative))
        }
        // A text behind a colon may be a variant, which a matcher that ends before it does not describe.
        (Matcher::StartsWith(one), Matcher::StartsWith(other)) => {
            lower(other).strip_prefix(&lower(one)).is_some_and(|rest| !rest.contains(':'))
        }
        (Matcher::EndsWith(one), Matcher::EndsWith(other)) => lower(other).ends_with(&lower(one)),
        (
            Matcher::Contains(one),
            Matcher::StartsWith(other) | Matcher::EndsWith(other) | Matcher::Contains(other),
        ) => !other.contains(':') && lower(other).contains(&lower(one)),
        (
            Matcher::Equals(_)
            | Matcher::StartsWith(_)
            | Matcher::EndsWith(_)
            | Matcher::Contains(_)
            | Matcher::Pattern(_),
            _,
        ) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::price::tests::price;
    use crate::price::{ModelPrices, PriceQuery};
    use crate::price_examples::{any_book, any_use};
    use proptest::prelude::*;

    fn shown(book: &[Price], list: &str) -> Vec<String> {
        let hidden = hidden_prices(book, list);
        hidden
            .iter()
            .map(|one| format!("{} by {} {:?}", one.price.list_price, one.by.list_price, one.names))
            .collect()
    }

    #[test]
    fn a_price_behind_another_is_reported_with_the_names() {
        let equals = |names: &[&str]| {
            Matcher::OneOf(names.iter().map(|name| Matcher::Equals((*name).into())).collect())
        };
        let published = |models: Matcher, list_price| Price {
            list: "genai".into(),
            provider: "openai".into(),
            provider_models: Some(Matcher::StartsWith("gpt".into())),
            models,
            ..price("gpt-5", "input", list_price)
        };
        let book = [
            price("GPT-5", "input", "2"),
            Price { models: Matcher::StartsWith("o1".into()), ..price("o1", "input", "3") },
            Price { valid_from_s: 10, ..price("new", "input", "4") },
            Price { service_tier: "flex".into(), ..price("tier", "input", "5") },
            Price { longer_than: Some(5), ..price("long", "input", "6") },
            published(equals(&["gpt-5", "gpt-5-2025"]), "1.25"),
            published(equals(&["gpt-5"]), "1.26"),
            published(Matcher::StartsWith("o1-mini".into()), "1.27"),
            published(Matcher::StartsWith("o1:".into()), "1.28"),
            published(Matcher::StartsWith("o".into()), "1.29"),
            published(equals(&["new"]), "1.30"),
            published(equals(&["tier"]), "1.31"),
            published(equals(&["long"]), "1.32"),
        ];
        assert_eq!(shown(&book, "own"), [] as [&str; 0]);
        let expected = ["1.25 by 2.00 [\"gpt-5\"]", "1.26 by 2.00 []", "1.27 by 3.00 []"];
        assert_eq!(shown(&book, "genai"), expected);
    }

    proptest! {
        #[test]
        fn a_price_that_is_reported_is_never_chosen(
            book in any_book(),
            uses in proptest::collection::vec(any_use(), 40),
        ) {
            for list in ["own", "a", "b"] {
                for Hidden { price, names, .. } in hidden_prices(&book, list) {
                    for of in &uses {
                        let query = PriceQuery { sku: "input", ..of.query };
                        let chosen = ModelPrices::choose(&book, of.provider, of.model, "CNY");
                        let is_named = names.is_empty()
                            || names.iter().any(|name| name.eq_ignore_ascii_case(of.model));
                        prop_assert!(
                            !is_named || chosen.find(query) != Some(price),
                            "{price:?} is chosen for {of:?}"
                        );
                    }
                }
            }
        }
    }
}
