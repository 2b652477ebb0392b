//! A set of prices: the prices that the list states, and those that the publisher's program substitutes.

use tollbook_domain::UnitPrice;

use super::kinds::{Kind, kind};
use crate::prices::exceptions::{Exceptions, ModelKey};
use crate::prices::node::{Node, NodeResult};

/// A SKU without a price, and the SKU whose price the publisher's program charges for it. In this order: if a model has
/// no price for cached input either, its cached audio is charged as input. Other kinds have no price unless the list
/// states one.
const CHARGED_AS: [(&str, &str); 6] = [
    ("cache_read", "input"),
    ("cache_write", "input"),
    ("input_audio", "input"),
    ("cache_audio_read", "cache_read"),
    ("reasoning", "output"),
    ("output_audio", "output"),
];

/// The prices of a SKU.
#[derive(Clone)]
pub(super) struct SkuPrices {
    pub(super) sku: String,
    pub(super) unit: i64,
    /// The base price, and a price for requests of more than a number of tokens.
    pub(super) tiers: Vec<(Option<i64>, UnitPrice)>,
}

/// Reads the prices of a set, and adds those that the publisher's program substitutes for missing ones.
pub(super) fn price_set(
    model: ModelKey<'_>,
    node: &Node<'_>,
    exceptions: &mut Exceptions,
) -> NodeResult<Vec<SkuPrices>> {
    let mut prices: Vec<SkuPrices> = Vec::new();
    let mut unread: Vec<&str> = Vec::new();
    for (key, value) in node.object()?.iter().filter(|(_, value)| !value.is_null()) {
        let Some(kind) = kind(key) else {
            exceptions.unread(model, key);
            unread.push(key);
            continue;
        };
        let tiers = tiers(model, &kind, &node.child(key, value), exceptions)?;
        prices.push(SkuPrices { sku: kind.sku, unit: kind.unit, tiers });
    }
    for (sku, charged_as) in CHARGED_AS {
        // A price that is stated in a way that is not understood may be the price of this SKU.
        let is_stated =
            prices.iter().any(|price| price.sku == sku) || unread.iter().any(|kind| kind.contains(sku));
        if !is_stated {
            let other = prices.iter().find(|price| price.sku == charged_as).cloned();
            prices.extend(other.map(|price| SkuPrices { sku: sku.to_owned(), ..price }));
        }
    }
    // The order of the keys in the file has no meaning.
    prices.sort_by(|a, b| a.sku.cmp(&b.sku));
    Ok(prices)
}

/// A price, or a base price with prices for longer requests.
fn tiers(
    model: ModelKey<'_>,
    kind: &Kind,
    node: &Node<'_>,
    exceptions: &mut Exceptions,
) -> NodeResult<Vec<(Option<i64>, UnitPrice)>> {
    let mut price = |node: &Node<'_>| exceptions.price(model, &kind.sku, node, kind.shift);
    if !node.value.is_object() {
        return Ok(vec![(None, price(node)?)]);
    }
    node.known(&["base", "tiers"])?;
    let mut tiers = vec![(None, price(&node.need("base")?)?)];
    for tier in node.need("tiers")?.array()? {
        let tier = node.child("tiers", tier);
        tier.known(&["start", "price"])?;
        let start = tier.need("start")?;
        let Some(longer_than) = start.value.as_i64().filter(|start| *start >= 0) else {
            return start.wrong("must be a whole number of tokens");
        };
        if tiers.iter().any(|(known, _)| *known == Some(longer_than)) {
            return start.wrong("is the start of two tiers");
        }
        tiers.push((Some(longer_than), price(&tier.need("price")?)?));
    }
    Ok(tiers)
}
