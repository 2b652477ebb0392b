//! A set of prices: the prices that the list states, and those that the publisher's program substitutes.

use serde_json::Value;
use tollbook_domain::UnitPrice;
use tollbook_domain::catalogue::pricing_unit::{M_TOKENS, REQUEST};

use super::exceptions::{Exceptions, ModelKey};
use super::node::{Node, NodeResult};
use crate::prices::list::RoundedPrice;
use crate::prices::unit_price::{plain_decimal, unit_price};

/// Name in the list, SKU, pricing unit, and the power of ten by which the price is divided.
const STATED: [(&str, &str, i64, i32); 8] = [
    ("input_mtok", "input", M_TOKENS, 0),
    ("output_mtok", "output", M_TOKENS, 0),
    ("cache_read_mtok", "cache_read", M_TOKENS, 0),
    ("cache_write_mtok", "cache_write", M_TOKENS, 0),
    ("input_audio_mtok", "input_audio", M_TOKENS, 0),
    ("output_audio_mtok", "output_audio", M_TOKENS, 0),
    ("cache_audio_read_mtok", "cache_audio_read", M_TOKENS, 0),
    ("requests_kcount", "request", REQUEST, 3),
];

/// A SKU without a price, and the SKU whose price the publisher's program charges for it. In this order: if a model has
/// no price for cached input either, its cached audio is charged as input.
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
    pub(super) sku: &'static str,
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
    for (key, value) in node.object()?.iter().filter(|(_, value)| !value.is_null()) {
        let Some((_, sku, unit, shift)) = STATED.iter().find(|(name, ..)| name == key) else {
            exceptions.omit(model, format!("the meaning of {key} is not known"));
            continue;
        };
        let mut price = |node: &Node<'_>| {
            let Value::Number(number) = node.value else { return node.wrong("must be a number") };
            let number = number.to_string();
            let (kept, rounded) = match unit_price(&number, *shift) {
                Ok(price) => price,
                Err(error) => return node.wrong(error.to_string()),
            };
            if rounded {
                exceptions.rounded.push(RoundedPrice {
                    provider: model.provider.to_owned(),
                    model_id: model.model_id.to_owned(),
                    sku: (*sku).to_owned(),
                    stated: plain_decimal(&number, *shift).unwrap_or(number),
                    kept,
                });
            }
            Ok(kept)
        };
        let node = node.child(key, value);
        let mut tiers = Vec::new();
        if value.is_object() {
            tiers.push((None, price(&node.need("base")?)?));
            for tier in node.need("tiers")?.array()? {
                let tier = node.child("tiers", tier);
                let start = tier.need("start")?;
                let Some(longer_than) = start.value.as_i64().filter(|start| *start >= 0) else {
                    return start.wrong("must be a whole number of tokens");
                };
                if tiers.iter().any(|(known, _)| *known == Some(longer_than)) {
                    return start.wrong("is the start of two tiers");
                }
                tiers.push((Some(longer_than), price(&tier.need("price")?)?));
            }
        } else {
            tiers.push((None, price(&node)?));
        }
        prices.push(SkuPrices { sku, unit: *unit, tiers });
    }
    for (sku, charged_as) in CHARGED_AS {
        if prices.iter().all(|price| price.sku != sku) {
            let other = prices.iter().find(|price| price.sku == charged_as).cloned();
            prices.extend(other.map(|price| SkuPrices { sku, ..price }));
        }
    }
    // The order of the keys in the file has no meaning.
    prices.sort_by_key(|price| price.sku);
    Ok(prices)
}
