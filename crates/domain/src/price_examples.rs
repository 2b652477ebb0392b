//! Books of prices and uses for property tests: of a small vocabulary, so that they meet.

use proptest::prelude::*;

use crate::matcher::Matcher;
use crate::money::UnitPrice;
use crate::price::tests::price;
use crate::price::{Price, PriceQuery, TimeOfDay};

/// A use of a small vocabulary, so that prices and uses meet.
#[derive(Clone, Debug)]
pub(crate) struct Use {
    pub(crate) provider: &'static str,
    pub(crate) model: &'static str,
    pub(crate) query: PriceQuery<'static>,
}

const MODELS: [&str; 7] = ["m", "m-1", "m-1:free", "M-10", "n", "n:0", ""];
const PROVIDERS: [&str; 4] = ["", "p", "P", "q"];

pub(crate) fn any_use() -> impl Strategy<Value = Use> {
    let model = proptest::sample::select(&MODELS[..]);
    let provider = proptest::sample::select(&PROVIDERS[..]);
    let tier = proptest::sample::select(&["", "flex"][..]);
    (provider, model, 0..200_i64, 0..200_i64, tier).prop_map(
        |(provider, model, time_s, request_length, service_tier)| Use {
            provider,
            model,
            query: PriceQuery { sku: "input", time_s, request_length, service_tier },
        },
    )
}

fn any_matcher() -> impl Strategy<Value = Matcher> {
    let text = || proptest::sample::select(&["m", "m-1", "m-1:free", "m-10", "n", ":free", "1", "M-1"][..]);
    let leaf = prop_oneof![
        3 => text().prop_map(|text| Matcher::Equals(text.into())),
        2 => text().prop_map(|text| Matcher::StartsWith(text.into())),
        1 => text().prop_map(|text| Matcher::EndsWith(text.into())),
        1 => text().prop_map(|text| Matcher::Contains(text.into())),
        1 => Just(Matcher::Any),
        1 => Just(Matcher::pattern("^m").unwrap()),
    ];
    let leaf = leaf.boxed();
    prop_oneof![
        4 => leaf.clone(),
        2 => proptest::collection::vec(leaf.clone(), 1..4).prop_map(Matcher::OneOf),
        1 => proptest::collection::vec(leaf, 1..3).prop_map(Matcher::AllOf),
    ]
}

fn any_price() -> impl Strategy<Value = Price> {
    let list = proptest::sample::select(&["own", "a", "b"][..]);
    let provider = proptest::sample::select(&PROVIDERS[..]);
    let conditions = (
        prop_oneof![3 => Just(0), 1 => Just(100_i64)],
        prop_oneof![3 => Just(None), 1 => Just(Some(150_i64))],
        prop_oneof![3 => Just(None), 1 => (0..2_i64).prop_map(|n| Some(n * 100))],
        prop_oneof![
            3 => Just(None),
            1 => Just(Some(TimeOfDay { from_s: 50, until_s: 100 })),
            1 => Just(Some(TimeOfDay { from_s: 150, until_s: 60 }))
        ],
        proptest::sample::select(&["", "", "flex"][..]),
        proptest::bool::weighted(0.2),
    );
    (list, provider, proptest::option::of(any_matcher()), any_matcher(), conditions).prop_map(
        |(list, provider, provider_models, models, conditions)| {
            let (valid_from_s, valid_until_s, longer_than, time_of_day, service_tier, is_fallback) =
                conditions;
            Price {
                list: list.into(),
                provider: provider.into(),
                provider_models: provider_models.filter(|_| !provider.is_empty()),
                models,
                list_price: UnitPrice::default(),
                valid_from_s,
                valid_until_s,
                longer_than,
                time_of_day,
                service_tier: service_tier.into(),
                is_fallback,
                ..price("m", "input", "1")
            }
        },
    )
}

/// A book with its lists one after the other.
pub(crate) fn any_book() -> impl Strategy<Value = Vec<Price>> {
    proptest::collection::vec(any_price(), 0..12).prop_map(|mut book| {
        let place = |list: &str| ["own", "a", "b"].iter().position(|known| *known == list);
        book.sort_by_key(|price| place(&price.list));
        // Different amounts tell the prices apart.
        (1..).zip(&mut book).for_each(|(steps, price)| price.list_price = UnitPrice::from_steps(steps));
        book
    })
}

/// The price of a use by the rules of docs/PRICES.md, one after the other: each keeps the best.
pub(crate) fn naive_choice<'b>(book: &'b [Price], of: &Use) -> Option<&'b Price> {
    fn keep<T: Ord + Copy>(prices: &mut Vec<&Price>, rank: impl Fn(&Price) -> T) {
        let best = prices.iter().map(|price| rank(price)).max();
        prices.retain(|price| Some(rank(price)) == best);
    }
    let Use { provider, model, query } = of;
    let mut prices: Vec<&Price> = book
        .iter()
        .filter(|price| {
            let is_of_provider = match (price.provider.as_str(), *provider) {
                ("", _) => true,
                (_, "") => price.provider_models.as_ref().is_some_and(|of| of.closeness(model).is_some()),
                (of_price, of_use) => of_price.to_lowercase() == of_use.to_lowercase(),
            };
            let until_s = price.valid_until_s.unwrap_or(i64::MAX);
            is_of_provider
                && price.models.model_match(model).is_some()
                && (price.valid_from_s..until_s).contains(&query.time_s)
                && price.longer_than.unwrap_or(-1) < query.request_length
                && price.time_of_day.is_none_or(|day| day.contains(query.time_s))
                && price.service_tier == query.service_tier
        })
        .collect();
    keep(&mut prices, |price| {
        std::cmp::Reverse(["own", "a", "b"].iter().position(|list| *list == price.list))
    });
    keep(&mut prices, |price| !price.is_fallback);
    keep(&mut prices, |price| !price.provider.is_empty());
    keep(&mut prices, |price| price.models.model_match(model).map(|found| found.closeness));
    keep(&mut prices, |price| price.longer_than);
    keep(&mut prices, |price| price.time_of_day.is_some());
    keep(&mut prices, |price| price.valid_from_s);
    prices.first().copied()
}
