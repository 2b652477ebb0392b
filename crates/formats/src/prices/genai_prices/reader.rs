//! The published list to prices: providers, their models, and the providers whose models they may use.

use tollbook_domain::Price;
use tollbook_domain::price::Matcher;
use tollbook_domain::price_list::PriceListDescription;

use super::conditions::{constraint, matcher};
use super::price_set::{SkuPrices, price_set};
use crate::prices::exceptions::{Exceptions, ModelKey};
use crate::prices::intervals::{Constraint, Interval, intervals};
use crate::prices::list::PriceList;
use crate::prices::node::{Node, NodeError, NodeResult};

/// Name of the list unless another is stated, and of its form.
const LIST: &str = "genai-prices";

/// Members of a provider whose meaning is known. Those that say which API or usage is the provider's are not needed.
const PROVIDER_MEMBERS: [&str; 11] = [
    "id",
    "name",
    "description",
    "pricing_urls",
    "price_comments",
    "api_pattern",
    "model_match",
    "provider_match",
    "extractors",
    "fallback_model_providers",
    "models",
];

/// Members of a model whose meaning is known.
const MODEL_MEMBERS: [&str; 10] = [
    "id",
    "name",
    "description",
    "match",
    "context_window",
    "prices",
    "price_comments",
    "prices_checked",
    "price_discrepancies",
    "deprecated",
];

struct Provider<'a> {
    id: &'a str,
    /// Matches names that usage has for the provider.
    names: Option<Matcher>,
    /// Matches models whose usage names no provider.
    model_names: Option<Matcher>,
    /// Providers whose models it has besides its own.
    fallbacks: Vec<&'a str>,
    models: Vec<Model<'a>>,
}

struct Model<'a> {
    id: &'a str,
    name: &'a str,
    matcher: Matcher,
    sets: Vec<PriceSet>,
    intervals: Vec<Interval>,
}

struct PriceSet {
    constraint: Constraint,
    prices: Vec<SkuPrices>,
}

/// Reads a published list.
pub(in crate::prices) fn read_list(list: &Node<'_>, valid_from_s: i64) -> NodeResult<PriceList> {
    let mut exceptions = Exceptions::default();
    let mut providers = Vec::new();
    for (id, node) in list.entries()? {
        providers.push(provider(id, &node, valid_from_s, &mut exceptions)?);
    }
    if providers.is_empty() {
        return list.wrong("has no prices");
    }
    let mut prices = Vec::new();
    for provider in &providers {
        for model in &provider.models {
            model.add_prices(&mut prices, provider, false);
        }
        for fallback in &provider.fallbacks {
            let Some(fallback) = providers.iter().find(|other| other.id == *fallback) else {
                let key = format!("{}.fallback_model_providers", provider.id);
                return Err(NodeError { key, reason: format!("{fallback:?} is no provider of the list") });
            };
            for model in &fallback.models {
                model.add_prices(&mut prices, provider, true);
            }
        }
    }
    let unread = exceptions.unread_kinds();
    let list = PriceListDescription::new(LIST, false, LIST);
    Ok(PriceList { list, prices, rounded: exceptions.rounded, omitted: exceptions.omitted, unread })
}

fn provider<'a>(
    id: &'a str,
    node: &Node<'a>,
    valid_from_s: i64,
    exceptions: &mut Exceptions,
) -> NodeResult<Provider<'a>> {
    unknown_members(ModelKey { provider: id, model_id: "" }, node, &PROVIDER_MEMBERS, exceptions)?;
    let names = node.get("provider_match")?.map(|node| matcher(&node)).transpose()?;
    let model_names = node.get("model_match")?.map(|node| matcher(&node)).transpose()?;
    let mut fallbacks = Vec::new();
    if let Some(names) = node.get("fallback_model_providers")? {
        for name in names.array()? {
            fallbacks.push(names.child("", name).text()?);
        }
    }
    let mut models = Vec::new();
    for (model_id, entry) in node.need("models")?.entries()? {
        models.push(model(ModelKey { provider: id, model_id }, &entry, valid_from_s, exceptions)?);
    }
    Ok(Provider { id, names, model_names, fallbacks, models })
}

fn model<'a>(
    key: ModelKey<'a>,
    node: &Node<'a>,
    valid_from_s: i64,
    exceptions: &mut Exceptions,
) -> NodeResult<Model<'a>> {
    let id = key.model_id;
    unknown_members(key, node, &MODEL_MEMBERS, exceptions)?;
    let name = node.get("name")?.map_or(Ok(id), |name| name.text())?;
    let matcher = matcher(&node.need("match")?)?;
    let prices = node.need("prices")?;
    let mut sets = Vec::new();
    if prices.value.is_array() {
        for value in prices.array()? {
            let set = prices.child("", value);
            set.known(&["constraint", "prices"])?;
            let constraint = set.get("constraint")?.map_or(Ok(Constraint::None), |node| constraint(&node))?;
            sets.push(PriceSet { constraint, prices: price_set(key, &set.need("prices")?, exceptions)? });
        }
    } else {
        sets.push(PriceSet { constraint: Constraint::None, prices: price_set(key, &prices, exceptions)? });
    }
    let constraints: Vec<Constraint> = sets.iter().map(|set| set.constraint).collect();
    let intervals = intervals(&constraints, valid_from_s);
    if sets.iter().all(|set| set.prices.is_empty()) {
        exceptions.omit(key, "has no prices");
    } else {
        for (index, set) in sets.iter().enumerate() {
            if set.prices.is_empty() {
                exceptions.omit(key, "has no prices for some of the time");
            } else if !intervals.iter().any(|interval| interval.set == index) {
                exceptions.omit(key, "has prices that were replaced before the list is valid");
            }
        }
    }
    Ok(Model { id, name, matcher, sets, intervals })
}

/// Lists members whose meaning is not known: they may say something about prices.
fn unknown_members(
    key: ModelKey<'_>,
    node: &Node<'_>,
    known: &[&str],
    exceptions: &mut Exceptions,
) -> NodeResult<()> {
    for name in node.object()?.keys().filter(|name| !known.contains(&name.as_str())) {
        exceptions.unread(key, name);
    }
    Ok(())
}

impl Model<'_> {
    fn add_prices(&self, out: &mut Vec<Price>, provider: &Provider<'_>, is_fallback: bool) {
        for interval in &self.intervals {
            let Some(set) = self.sets.get(interval.set) else { continue };
            for sku in &set.prices {
                out.extend(sku.tiers.iter().map(|(longer_than, list_price)| Price {
                    list: LIST.to_owned(),
                    provider: provider.id.to_owned(),
                    provider_names: provider.names.clone(),
                    provider_models: provider.model_names.clone(),
                    model_id: self.id.to_owned(),
                    model_name: self.name.to_owned(),
                    models: self.matcher.clone(),
                    sku: sku.sku.clone(),
                    pricing_unit: sku.unit,
                    item_id: 0,
                    currency: "USD".to_owned(),
                    list_price: *list_price,
                    valid_from_s: interval.from_s,
                    valid_until_s: interval.until_s,
                    longer_than: *longer_than,
                    time_of_day: interval.time_of_day,
                    service_tier: String::new(),
                    is_fallback,
                }));
            }
        }
    }
}
