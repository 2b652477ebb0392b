//! The published genai-prices list (`prices/data.json` of GitHub pydantic/genai-prices): US dollars, mostly per million
//! tokens. What the list leaves to its program's rules is made explicit here, so that the book needs no such rule.

use std::path::Path;

use serde_json::{Map, Value};
use tollbook_domain::price::{Matcher, TimeOfDay};
use tollbook_domain::time::{DAY_S, day_of_civil};
use tollbook_domain::{Price, UnitPrice};

use super::intervals::{Constraint, Stretch, stretches};
use super::{LeftOut, PriceList, Rounded, check_text, decimal, second_of_day, text_matcher};
use crate::toml::{FileError, Source};

/// Pricing units of the built-in catalogue, which no catalogue file can change.
const M_TOKENS: i64 = 3;
const REQUEST: i64 = 8;

/// Name in the list, SKU, pricing unit, and the power of ten that the price is divided by.
const KINDS: [(&str, &str, i64, i32); 8] = [
    ("input_mtok", "input", M_TOKENS, 0),
    ("output_mtok", "output", M_TOKENS, 0),
    ("cache_read_mtok", "cache_read", M_TOKENS, 0),
    ("cache_write_mtok", "cache_write", M_TOKENS, 0),
    ("input_audio_mtok", "input_audio", M_TOKENS, 0),
    ("output_audio_mtok", "output_audio", M_TOKENS, 0),
    ("cache_audio_read_mtok", "cache_audio_read", M_TOKENS, 0),
    ("requests_kcount", "request", REQUEST, 3),
];

/// A SKU without a price, and the one whose price the publisher's program charges it at. In this order: the cached audio
/// of a model that has no price for cached input either is input.
const CHARGED_AS: [(&str, &str); 6] = [
    ("cache_read", "input"),
    ("cache_write", "input"),
    ("input_audio", "input"),
    ("cache_audio_read", "cache_read"),
    ("reasoning", "output"),
    ("output_audio", "output"),
];

/// As [`super::read`], from the text of the file.
pub(super) fn parse(file: &Path, text: &str, valid_from_s: i64) -> Result<PriceList, FileError> {
    let source = Source { file, text };
    let document: Value = serde_json::from_str(text).map_err(|error| {
        let reason = error.to_string();
        let reason = reason.rsplit_once(" at line").map_or(reason.as_str(), |(reason, _)| reason);
        FileError { line: Some(error.line()), ..source.error(None, "", reason) }
    })?;
    let list = Node { value: &document, path: String::new() };
    read_list(&list, valid_from_s).map_err(|Wrong { key, reason }| source.error(None, key, reason))
}

struct Wrong {
    key: String,
    reason: String,
}

type Checked<T> = Result<T, Wrong>;

/// A value with the path to it, in which entries of lists are called by their id.
struct Node<'a> {
    value: &'a Value,
    path: String,
}

impl<'a> Node<'a> {
    fn wrong<T>(&self, reason: impl Into<String>) -> Checked<T> {
        Err(Wrong { key: self.path.clone(), reason: reason.into() })
    }

    fn object(&self) -> Checked<&'a Map<String, Value>> {
        self.value.as_object().map_or_else(|| self.wrong("must be an object"), Ok)
    }

    fn array(&self) -> Checked<&'a [Value]> {
        self.value.as_array().map_or_else(|| self.wrong("must be an array"), |array| Ok(array.as_slice()))
    }

    fn text(&self) -> Checked<&'a str> {
        let Some(text) = self.value.as_str() else { return self.wrong("must be a text") };
        check_text(text).or_else(|reason| self.wrong(reason)).map(|()| text)
    }

    fn child(&self, key: &str, value: &'a Value) -> Self {
        let path = match (self.path.as_str(), key) {
            ("", key) => key.to_owned(),
            (path, "") => path.to_owned(),
            (path, key) => format!("{path}.{key}"),
        };
        Node { value, path }
    }

    fn get(&self, key: &str) -> Checked<Option<Self>> {
        let value = self.object()?.get(key).filter(|value| !value.is_null());
        Ok(value.map(|value| self.child(key, value)))
    }

    fn need(&self, key: &str) -> Checked<Self> {
        self.get(key)?.map_or_else(|| self.wrong(format!("must have {key:?}")), Ok)
    }

    /// The entries of a list, each called by its id, which must not be empty.
    fn entries(&self) -> Checked<Vec<(&'a str, Self)>> {
        let entry = |(index, value): (usize, &'a Value)| {
            let entry = self.child(&index.to_string(), value);
            let id = entry.need("id")?;
            match id.text()? {
                "" => id.wrong("must not be empty"),
                id => Ok((id, self.child(id, value))),
            }
        };
        self.array()?.iter().enumerate().map(entry).collect()
    }
}

struct Provider<'a> {
    id: &'a str,
    known_by: Option<Matcher>,
    lenders: Vec<&'a str>,
    models: Vec<Model<'a>>,
}

struct Model<'a> {
    id: &'a str,
    name: &'a str,
    matcher: Matcher,
    sets: Vec<Set>,
    stretches: Vec<Stretch>,
}

struct Set {
    constraint: Constraint,
    prices: Vec<Priced>,
}

/// A SKU with its price, and what it is for requests longer than so many tokens.
#[derive(Clone)]
struct Priced {
    sku: &'static str,
    unit: i64,
    steps: Vec<(Option<i64>, UnitPrice)>,
}

/// What is found along the way and is not a price.
#[derive(Default)]
struct Notes {
    rounded: Vec<Rounded>,
    left_out: Vec<LeftOut>,
}

/// Whose prices are being read.
#[derive(Clone, Copy)]
struct Owner<'a> {
    provider: &'a str,
    model_id: &'a str,
}

impl Notes {
    fn leave_out(&mut self, owner: Owner<'_>, reason: impl Into<String>) {
        let Owner { provider, model_id } = owner;
        let left_out =
            LeftOut { provider: provider.to_owned(), model_id: model_id.to_owned(), reason: reason.into() };
        if !self.left_out.contains(&left_out) {
            self.left_out.push(left_out);
        }
    }
}

fn read_list(list: &Node<'_>, valid_from_s: i64) -> Checked<PriceList> {
    let mut notes = Notes::default();
    let mut providers = Vec::new();
    for (id, node) in list.entries()? {
        providers.push(provider(id, &node, valid_from_s, &mut notes)?);
    }
    if providers.is_empty() {
        return list.wrong("has no prices");
    }
    let mut prices = Vec::new();
    for provider in &providers {
        for model in &provider.models {
            model.add_prices(&mut prices, provider, false);
        }
        for lender in &provider.lenders {
            let Some(lender) = providers.iter().find(|other| other.id == *lender) else {
                let key = format!("{}.fallback_model_providers", provider.id);
                return Err(Wrong { key, reason: format!("{lender:?} is no provider of the list") });
            };
            for model in &lender.models {
                model.add_prices(&mut prices, provider, true);
            }
        }
    }
    Ok(PriceList { prices, rounded: notes.rounded, left_out: notes.left_out })
}

fn provider<'a>(id: &'a str, node: &Node<'a>, valid_from_s: i64, notes: &mut Notes) -> Checked<Provider<'a>> {
    let known_by = node.get("model_match")?.map(|node| matcher(&node)).transpose()?;
    let mut lenders = Vec::new();
    if let Some(names) = node.get("fallback_model_providers")? {
        for name in names.array()? {
            lenders.push(names.child("", name).text()?);
        }
    }
    let mut models = Vec::new();
    for (model_id, entry) in node.need("models")?.entries()? {
        models.push(model(Owner { provider: id, model_id }, &entry, valid_from_s, notes)?);
    }
    Ok(Provider { id, known_by, lenders, models })
}

fn model<'a>(owner: Owner<'a>, node: &Node<'a>, valid_from_s: i64, notes: &mut Notes) -> Checked<Model<'a>> {
    let id = owner.model_id;
    let name = node.get("name")?.map_or(Ok(id), |name| name.text())?;
    let matcher = matcher(&node.need("match")?)?;
    let prices = node.need("prices")?;
    let mut sets = Vec::new();
    if prices.value.is_array() {
        for value in prices.array()? {
            let set = prices.child("", value);
            let constraint = set.get("constraint")?.map_or(Ok(Constraint::None), |node| constraint(&node))?;
            sets.push(Set { constraint, prices: price_set(owner, &set.need("prices")?, notes)? });
        }
    } else {
        sets.push(Set { constraint: Constraint::None, prices: price_set(owner, &prices, notes)? });
    }
    let constraints: Vec<Constraint> = sets.iter().map(|set| set.constraint).collect();
    let stretches = stretches(&constraints, valid_from_s);
    if sets.iter().all(|set| set.prices.is_empty()) {
        notes.leave_out(owner, "has no prices");
    } else {
        for (index, set) in sets.iter().enumerate() {
            if set.prices.is_empty() {
                notes.leave_out(owner, "has no prices for some of the time");
            } else if !stretches.iter().any(|stretch| stretch.set == index) {
                notes.leave_out(owner, "has prices that were replaced before the list is valid");
            }
        }
    }
    Ok(Model { id, name, matcher, sets, stretches })
}

impl Model<'_> {
    fn add_prices(&self, out: &mut Vec<Price>, provider: &Provider<'_>, is_fallback: bool) {
        for stretch in &self.stretches {
            let Some(set) = self.sets.get(stretch.set) else { continue };
            for priced in &set.prices {
                out.extend(priced.steps.iter().map(|(longer_than, list_price)| Price {
                    provider: provider.id.to_owned(),
                    provider_models: provider.known_by.clone(),
                    model_id: self.id.to_owned(),
                    model_name: self.name.to_owned(),
                    models: self.matcher.clone(),
                    sku: priced.sku.to_owned(),
                    pricing_unit: priced.unit,
                    item_id: 0,
                    currency: "USD".to_owned(),
                    list_price: *list_price,
                    valid_from_s: stretch.from_s,
                    valid_until_s: stretch.until_s,
                    longer_than: *longer_than,
                    time_of_day: stretch.time_of_day,
                    is_fallback,
                }));
            }
        }
    }
}

/// An unknown way to match is an error: without its model, the names would be found at another, at its prices.
fn matcher(node: &Node<'_>) -> Checked<Matcher> {
    let mut entries = node.object()?.iter();
    let (Some((operator, value)), None) = (entries.next(), entries.next()) else {
        return node.wrong("must have one way to match");
    };
    let operand = node.child(operator, value);
    let list = || {
        let matchers = operand.array()?.iter().map(|one| matcher(&operand.child("", one)));
        matchers.collect::<Checked<Vec<Matcher>>>()
    };
    match operator.as_str() {
        "or" => list().map(Matcher::OneOf),
        "and" => list().map(Matcher::AllOf),
        operator => match text_matcher(operator, operand.text()?) {
            Some(matcher) => matcher.or_else(|reason| operand.wrong(reason)),
            None => operand.wrong("is not a known way to match"),
        },
    }
}

fn constraint(node: &Node<'_>) -> Checked<Constraint> {
    let keys: Vec<&str> = node.object()?.keys().map(String::as_str).collect();
    match *keys.as_slice() {
        ["start_date"] => {
            let date = node.need("start_date")?;
            match date.text()?.parse::<jiff::civil::Date>() {
                Ok(day) if day.to_string() == date.text()? && day.year() >= 1970 => {
                    let day = day_of_civil(day.year().into(), day.month().into(), day.day().into());
                    Ok(Constraint::From(day * DAY_S))
                }
                _ => date.wrong("must be a date such as 2026-01-31"),
            }
        }
        ["end_time", "start_time"] | ["start_time", "end_time"] => {
            let second = |key: &str| {
                let time = node.need(key)?;
                let utc = time.text()?.strip_suffix('Z').and_then(second_of_day);
                utc.map_or_else(|| time.wrong("must be a UTC time such as 16:30:00Z"), Ok)
            };
            let (from_s, until_s) = (second("start_time")?, second("end_time")?);
            if from_s == until_s {
                return node.wrong("must end at another time than it starts");
            }
            Ok(Constraint::Daily(TimeOfDay { from_s, until_s }))
        }
        _ => node.wrong("is not a known constraint"),
    }
}

/// The prices of a set, with those that the publisher's program would put in the place of missing ones.
fn price_set(owner: Owner<'_>, node: &Node<'_>, notes: &mut Notes) -> Checked<Vec<Priced>> {
    let mut prices: Vec<Priced> = Vec::new();
    for (key, value) in node.object()?.iter().filter(|(_, value)| !value.is_null()) {
        let Some((_, sku, unit, shift)) = KINDS.iter().find(|(kind, ..)| kind == key) else {
            notes.leave_out(owner, format!("the meaning of {key} is not known"));
            continue;
        };
        let mut price = |node: &Node<'_>| {
            let Value::Number(number) = node.value else { return node.wrong("must be a number") };
            let number = number.to_string();
            let (kept, rounded) = match decimal::unit_price(&number, *shift) {
                Ok(price) => price,
                Err(error) => return node.wrong(error.to_string()),
            };
            if rounded {
                notes.rounded.push(Rounded {
                    provider: owner.provider.to_owned(),
                    model_id: owner.model_id.to_owned(),
                    sku: (*sku).to_owned(),
                    stated: decimal::plain_decimal(&number, *shift).unwrap_or(number),
                    kept,
                });
            }
            Ok(kept)
        };
        let node = node.child(key, value);
        let mut steps = Vec::new();
        if value.is_object() {
            steps.push((None, price(&node.need("base")?)?));
            let tiers = node.need("tiers")?;
            for tier in tiers.array()? {
                let tier = node.child("tiers", tier);
                let start = tier.need("start")?;
                let Some(longer_than) = start.value.as_i64().filter(|start| *start >= 0) else {
                    return start.wrong("must be a whole number of tokens");
                };
                if steps.iter().any(|(known, _)| *known == Some(longer_than)) {
                    return start.wrong("is the start of two tiers");
                }
                steps.push((Some(longer_than), price(&tier.need("price")?)?));
            }
        } else {
            steps.push((None, price(&node)?));
        }
        prices.push(Priced { sku, unit: *unit, steps });
    }
    for (sku, charged_as) in CHARGED_AS {
        if prices.iter().all(|price| price.sku != sku) {
            let other = prices.iter().find(|price| price.sku == charged_as).cloned();
            prices.extend(other.map(|price| Priced { sku, ..price }));
        }
    }
    // In one order, whatever the order of the keys in the file.
    prices.sort_by_key(|price| price.sku);
    Ok(prices)
}

#[cfg(test)]
mod tests;
