//! One model of LiteLLM's list: its prices by SKU, service tier and length of the request.

use serde_json::Value;
use tollbook_domain::UnitPrice;
use tollbook_domain::price::TimeOfDay;

use super::kinds::{Kind, PriceKey, WEB_SEARCH, conditional_kind, is_no_price, price_key};
use super::off_peak::{OffPeak, off_peak};
use super::tiers::ranges;
use crate::prices::exceptions::{Exceptions, ModelKey};
use crate::prices::node::{Node, NodeResult};

/// Providers whose longer prices hold from the stated length on. Those of others hold above it.
const FROM_LENGTH_ON: [&str; 1] = ["xai"];

const TIERED_PRICING: &str = "tiered_pricing";
const OFF_PEAK_PRICING: &str = "off_peak_pricing";
const WEB_SEARCH_UNIT: &str = "web_search_billing_unit";

/// A price of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ModelPrice {
    pub(super) sku: String,
    pub(super) unit: i64,
    pub(super) service_tier: &'static str,
    pub(super) longer_than: Option<i64>,
    pub(super) time_of_day: Option<TimeOfDay>,
    pub(super) price: UnitPrice,
}

/// Reads the prices of a model.
pub(super) fn prices(
    model: ModelKey<'_>,
    node: &Node<'_>,
    exceptions: &mut Exceptions,
) -> NodeResult<Vec<ModelPrice>> {
    let mut reader = ModelReader { model, exceptions, prices: Vec::new(), unread: Vec::new() };
    // The ranges first: they hold before the same kinds of price outside of them.
    let ranges_are_read = match node.get(TIERED_PRICING)? {
        Some(ranges) => reader.tiered_pricing(&ranges)?,
        None => true,
    };
    let in_ranges: Vec<String> = reader.prices.iter().map(|price| price.sku.clone()).collect();
    for (key, value) in node.object()? {
        let is_block = [TIERED_PRICING, OFF_PEAK_PRICING].contains(&key.as_str());
        let is_ability = value.is_boolean() && price_key(key).is_none();
        if value.is_null() || is_ability || is_no_price(key) || is_block {
            continue;
        }
        let child = node.child(key, value);
        match (key.as_str(), price_key(key)) {
            (_, Some(price_key)) => {
                let is_in_range = in_ranges.iter().any(|sku| sku == price_key.kind.sku)
                    || reader.is_in_some_ranges(price_key.kind.key);
                if !(is_in_range && price_key.service_tier.is_empty()) {
                    reader.price(key, &price_key, &child)?;
                }
            }
            ("search_context_cost_per_query", None) => reader.web_search(&child, node)?,
            (WEB_SEARCH_UNIT, None) if value == "per_query" => {}
            ("provider_specific_entry", None) if !has_number(value) => {}
            _ => reader.unread(key),
        }
    }
    if !ranges_are_read {
        // The prices outside of the ranges may hold for some lengths only.
        reader.prices.clear();
    }
    if let Some(block) = node.get(OFF_PEAK_PRICING)? {
        reader.off_peak_pricing(off_peak(&block)?)?;
    }
    reader.remove_conditional_kinds();
    reader.add_reasoning();
    Ok(reader.prices)
}

struct ModelReader<'m, 'e> {
    model: ModelKey<'m>,
    exceptions: &'e mut Exceptions,
    prices: Vec<ModelPrice>,
    unread: Vec<String>,
}

impl ModelReader<'_, '_> {
    fn unread(&mut self, key: &str) {
        self.exceptions.unread(self.model, key);
        self.unread.push(key.to_owned());
    }

    /// Whether a kind is stated for some ranges of lengths only.
    fn is_in_some_ranges(&self, key: &str) -> bool {
        self.unread.iter().any(|unread| unread.strip_prefix("tiered_pricing.") == Some(key))
    }

    fn price(&mut self, key: &str, price_key: &PriceKey, node: &Node<'_>) -> NodeResult<()> {
        let PriceKey { kind, longer_than, service_tier } = price_key;
        let is_from_length_on = FROM_LENGTH_ON.contains(&self.model.provider);
        let longer_than = longer_than.map(|length| length.saturating_sub(i64::from(is_from_length_on)));
        self.add(key, kind, kind.sku, service_tier, longer_than, node)
    }

    /// Adds a price. A second one for the same use by another key is not read, unless it is equal.
    fn add(
        &mut self,
        key: &str,
        kind: &Kind,
        sku: &str,
        service_tier: &'static str,
        longer_than: Option<i64>,
        node: &Node<'_>,
    ) -> NodeResult<()> {
        let price = self.exceptions.price(self.model, sku, node, kind.shift)?;
        let same_use = |one: &&ModelPrice| {
            (one.sku.as_str(), one.service_tier, one.longer_than) == (sku, service_tier, longer_than)
        };
        match self.prices.iter().find(same_use).map(|one| one.price) {
            Some(known) if known == price => {}
            Some(_) => self.unread(key),
            None => {
                let (sku, unit) = (sku.to_owned(), kind.unit);
                let time_of_day = None;
                self.prices.push(ModelPrice { sku, unit, service_tier, longer_than, time_of_day, price });
            }
        }
        Ok(())
    }

    /// Reads prices by ranges of lengths; `false` if they are not read.
    fn tiered_pricing(&mut self, node: &Node<'_>) -> NodeResult<bool> {
        let Some(ranges) = ranges(node)? else {
            self.unread(TIERED_PRICING);
            return Ok(false);
        };
        for key in ranges.unread {
            self.unread(&format!("{TIERED_PRICING}.{key}"));
        }
        for range in ranges.ranges {
            for (kind, price) in range.prices {
                let key = format!("{TIERED_PRICING}.{}", kind.key);
                self.add(&key, kind, kind.sku, "", range.longer_than, &price)?;
            }
        }
        Ok(true)
    }

    /// Adds the prices of the ordinary tier for some hours of the day, which hold for requests of every length then.
    fn off_peak_pricing(&mut self, block: OffPeak<'_>) -> NodeResult<()> {
        for key in block.unread {
            self.unread(&format!("{OFF_PEAK_PRICING}.{key}"));
        }
        if block.hours.is_empty() {
            self.unread(OFF_PEAK_PRICING);
            // The other prices of these kinds do not hold all day.
            self.prices.retain(|price| {
                !price.service_tier.is_empty() || block.prices.iter().all(|(kind, _)| kind.sku != price.sku)
            });
            return Ok(());
        }
        for (kind, node) in block.prices {
            let price = self.exceptions.price(self.model, kind.sku, &node, kind.shift)?;
            let of_sku = self.prices.iter().filter(|one| one.sku == kind.sku && one.service_tier.is_empty());
            let mut lengths: Vec<Option<i64>> = of_sku.map(|one| one.longer_than).chain([None]).collect();
            lengths.sort_unstable();
            lengths.dedup();
            for longer_than in lengths {
                self.prices.extend(block.hours.iter().map(|hours| ModelPrice {
                    sku: kind.sku.to_owned(),
                    unit: kind.unit,
                    service_tier: "",
                    longer_than,
                    time_of_day: Some(*hours),
                    price,
                }));
            }
        }
        Ok(())
    }

    /// Reads the price of web searches: one price, or one for each size of their context.
    fn web_search(&mut self, sizes: &Node<'_>, model: &Node<'_>) -> NodeResult<()> {
        if model.get(WEB_SEARCH_UNIT)?.is_some_and(|unit| unit.value != "per_query") {
            self.unread(WEB_SEARCH.key);
            return Ok(());
        }
        let Some(members) = sizes.value.as_object() else {
            return self.add(WEB_SEARCH.key, &WEB_SEARCH, WEB_SEARCH.sku, "", None, sizes);
        };
        let mut found = Vec::new();
        for (key, value) in members.iter().filter(|(_, value)| !value.is_null()) {
            let size = key.strip_prefix("search_context_size_");
            match size.filter(|size| ["low", "medium", "high"].contains(size)) {
                Some(size) => found.push((size, sizes.child(key, value))),
                None => self.unread(&format!("{}.{key}", WEB_SEARCH.key)),
            }
        }
        let first = found.first().map(|(_, node)| node.value);
        let one_price = found.len() == 3 && found.iter().all(|(_, node)| Some(node.value) == first);
        for (size, node) in &found {
            let sku =
                if one_price { WEB_SEARCH.sku.to_owned() } else { format!("{}_{size}", WEB_SEARCH.sku) };
            self.add(WEB_SEARCH.key, &WEB_SEARCH, &sku, "", None, node)?;
        }
        Ok(())
    }

    /// Removes the prices of a kind that also has a price under a condition that is not known, such as
    /// `output_cost_per_second_1080p`: they may not hold for all uses that are counted as this kind.
    fn remove_conditional_kinds(&mut self) {
        for key in &self.unread {
            let Some(kind) = conditional_kind(key) else { continue };
            let before = self.prices.len();
            self.prices.retain(|price| price.sku != kind.sku);
            if self.prices.len() != before {
                let reason = format!("has no price for {}: the meaning of {key} is not known", kind.sku);
                self.exceptions.omit(self.model, reason);
            }
        }
    }

    /// A service tier without a price for reasoning has that of its output, as LiteLLM's program charges it.
    fn add_reasoning(&mut self) {
        if self.unread.iter().any(|key| key.contains("reasoning")) {
            return;
        }
        let reasoning = || self.prices.iter().filter(|price| price.sku == "reasoning");
        let has_own = |output: &ModelPrice| {
            reasoning().filter(|own| own.service_tier == output.service_tier).any(|own| {
                own.time_of_day.is_none()
                    || (own.time_of_day, own.longer_than) == (output.time_of_day, output.longer_than)
            })
        };
        let output = self.prices.iter().filter(|price| price.sku == "output" && !has_own(price));
        let added: Vec<ModelPrice> =
            output.map(|price| ModelPrice { sku: "reasoning".to_owned(), ..price.clone() }).collect();
        self.prices.extend(added);
    }
}

/// Whether an object has a number, which may change prices.
fn has_number(value: &Value) -> bool {
    value.as_object().is_none_or(|members| members.values().any(Value::is_number))
}
