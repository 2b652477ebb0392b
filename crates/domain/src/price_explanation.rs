//! Why a use has its price: every price of its model and SKU, which of them apply, which holds, and what decided
//! (docs/PRICES.md, "Asking for a price").

use crate::matcher::NamePart;
use crate::price::{ListPlaces, Precedence, Price, PriceMatch, PriceQuery};
use crate::provider_names::{ModelNames, NameForm, ProviderRule};

/// Why a price of the model and SKU does not apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// It is for the name before the colon, and the model is a variant of it.
    Variant,
    /// It is in another currency than the company's.
    Currency,
    /// It is for another service tier.
    ServiceTier,
    /// It is not valid yet, or no longer.
    Time,
    /// It is for longer requests.
    Length,
    /// It is for another time of the day.
    TimeOfDay,
}

impl Misfit {
    /// The reason as text.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Variant => "is for the name before the colon; a variant is another model",
            Self::Currency => "is in another currency than the company's; import its list with --rate",
            Self::ServiceTier => "is for another service tier",
            Self::Time => "is not valid at that time",
            Self::Length => "is for longer requests",
            Self::TimeOfDay => "is for another time of the day",
        }
    }
}

/// What became of a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It holds; with what decided against the next one, `None` if no other applies.
    Holds(Option<Rule>),
    /// It applies, and another holds; with what decided.
    Yields(Rule),
    /// It does not apply.
    Misfit(Misfit),
}

/// The rule by which one of two prices that apply holds, in the sequence in which they are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The order of the lists.
    List,
    /// A model of the provider itself before one that it takes over.
    OwnModel,
    /// The closest name of the provider, then a price of any provider.
    Provider,
    /// The name as the usage states it before a shortened one.
    Form,
    /// The closest match of the name.
    Name,
    /// The price for the longest requests.
    Length,
    /// A price for a time of the day before one for all day.
    TimeOfDay,
    /// The latest start of validity.
    ValidFrom,
    /// The first of the book.
    First,
}

impl Rule {
    /// The rule as text.
    pub const fn text(self) -> &'static str {
        match self {
            Self::List => "its list holds first",
            Self::OwnModel => "the model is the provider's own",
            Self::Provider => "it names the provider most closely",
            Self::Form => "it matches the name as stated",
            Self::Name => "it matches the name most closely",
            Self::Length => "it is for the longest requests",
            Self::TimeOfDay => "it is for the time of the day",
            Self::ValidFrom => "it is the latest",
            Self::First => "it is the first of its list",
        }
    }

    /// What decides for the greater of two.
    fn between(a: &Precedence, b: &Precedence) -> Self {
        if a.list != b.list {
            Self::List
        } else if a.closeness.0 != b.closeness.0 {
            Self::OwnModel
        } else if a.closeness.1 != b.closeness.1 {
            Self::Provider
        } else if a.closeness.2 != b.closeness.2 {
            Self::Form
        } else if a.closeness.3 != b.closeness.3 {
            Self::Name
        } else if a.longer_than != b.longer_than {
            Self::Length
        } else if a.has_time_of_day != b.has_time_of_day {
            Self::TimeOfDay
        } else if a.valid_from_s != b.valid_from_s {
            Self::ValidFrom
        } else {
            Self::First
        }
    }
}

/// A price of the model and SKU, and what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate<'b> {
    /// The price.
    pub price: &'b Price,
    /// How its provider is the one of the use.
    pub provider: ProviderRule,
    /// The form of the model's name that it matches.
    pub form: NameForm,
    /// The part of this form that it matches.
    pub part: NamePart,
    /// Whether it holds, and why.
    pub verdict: Verdict,
}

/// Every price of a book for a SKU of a provider and model: the one that holds, the others that apply in the order in
/// which they would hold, then those that do not apply.
pub fn explain<'b>(
    book: &'b [Price],
    provider: &str,
    model_id: &str,
    currency: &str,
    query: PriceQuery<'_>,
) -> Vec<Candidate<'b>> {
    let lists = ListPlaces::of(book);
    let names = ModelNames::new(book, provider, model_id);
    let before_variant = names.before_variant();
    let mut fitting: Vec<(Precedence, &Price, PriceMatch)> = Vec::new();
    let mut others = Vec::new();
    for price in book.iter().filter(|price| price.sku == query.sku) {
        let Some(found) = price.model_match(&names) else {
            let before = before_variant.as_ref().and_then(|names| price.model_match(names));
            others
                .extend(before.map(|found| {
                    (price, PriceMatch { part: NamePart::Beginning, ..found }, Misfit::Variant)
                }));
            continue;
        };
        if let Some(misfit) = misfit(price, currency, query) {
            others.push((price, found, misfit));
        } else {
            let precedence = Precedence::new(lists.place(&price.list), found.closeness, price);
            fitting.push((precedence, price, found));
        }
    }
    // A stable sort: of equal prices the first of the book stays first.
    fitting.sort_by(|(a, ..), (b, ..)| b.cmp(a));
    let first = fitting.first().map(|(precedence, ..)| *precedence);
    let runner_up = fitting.get(1).map(|(precedence, ..)| *precedence);
    let decided = |other: &Precedence| first.map_or(Rule::First, |first| Rule::between(&first, other));
    let mut all: Vec<Candidate<'b>> = fitting
        .iter()
        .enumerate()
        .map(|(place, (precedence, price, found))| {
            let verdict = match place {
                0 => Verdict::Holds(runner_up.map(|runner_up| decided(&runner_up))),
                _ => Verdict::Yields(decided(precedence)),
            };
            candidate(price, *found, verdict)
        })
        .collect();
    all.extend(others.into_iter().map(|(price, found, why)| candidate(price, found, Verdict::Misfit(why))));
    all
}

fn candidate(price: &Price, found: PriceMatch, verdict: Verdict) -> Candidate<'_> {
    Candidate { price, provider: found.provider(), form: found.form(), part: found.part, verdict }
}

fn misfit(price: &Price, currency: &str, query: PriceQuery<'_>) -> Option<Misfit> {
    if price.currency != currency {
        Some(Misfit::Currency)
    } else if price.service_tier != query.service_tier {
        Some(Misfit::ServiceTier)
    } else if !price.is_valid_at(query.time_s) {
        Some(Misfit::Time)
    } else if price.longer_than.is_some_and(|length| query.request_length <= length) {
        Some(Misfit::Length)
    } else if price.time_of_day.is_some_and(|day| !day.contains(query.time_s)) {
        Some(Misfit::TimeOfDay)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::price::tests::{price, query};
    use crate::price::{Matcher, ModelPrices};
    use crate::price_examples::{any_book, any_use, naive_choice};
    use proptest::prelude::*;

    #[test]
    fn every_price_of_the_use_is_shown_with_its_reason() {
        let published = |list_price| Price { list: "genai".into(), ..price("gpt-5", "input", list_price) };
        let book = [
            price("gpt-5", "input", "2"),
            Price { longer_than: Some(100), ..price("gpt-5", "input", "4") },
            Price { models: Matcher::StartsWith("gpt-".into()), ..price("gpt", "input", "9") },
            price("gpt-5", "output", "8"),
            Price { service_tier: "flex".into(), ..price("gpt-5", "input", "1") },
            Price { valid_from_s: 1_000, ..price("gpt-5", "input", "3") },
            published("1.25"),
            Price { currency: "USD".into(), ..published("0.2") },
        ];
        let shown: Vec<String> = explain(&book, "", "GPT-5", "CNY", query("input", 500, 50))
            .into_iter()
            .map(|one| format!("{} {} {:?}", one.price.list_price, one.part.name(), one.verdict))
            .collect();
        let expected = [
            "2.00 whole name Holds(Some(Name))",
            "9.00 beginning of the name Yields(Name)",
            "1.25 whole name Yields(List)",
            "4.00 whole name Misfit(Length)",
            "1.00 whole name Misfit(ServiceTier)",
            "3.00 whole name Misfit(Time)",
            "0.20 whole name Misfit(Currency)",
        ];
        assert_eq!(shown, expected);
        let book = [Price { models: Matcher::StartsWith("d".into()), ..price("d", "input", "2") }];
        let shown = explain(&book, "", "deepseek-chat:free", "CNY", query("input", 0, 0));
        assert_eq!(shown[0].verdict, Verdict::Misfit(Misfit::Variant));
    }

    proptest! {
        #[test]
        fn the_price_that_is_shown_to_hold_is_the_one_charged(book in any_book(), of in any_use()) {
            let (provider, model) = (of.provider, of.model);
            let query = PriceQuery { sku: "input", ..of.query };
            let chosen = ModelPrices::choose(&book, provider, model, "CNY");
            let shown = explain(&book, provider, model, "CNY", query);
            let holds = shown.iter().find(|one| matches!(one.verdict, Verdict::Holds(_))).map(|one| one.price);
            prop_assert_eq!(holds, chosen.find(query));
            prop_assert_eq!(holds, naive_choice(&book, &of));
        }
    }
}
