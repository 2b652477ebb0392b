//! The models of LiteLLM's list: their providers and names.

use std::collections::BTreeMap;

use serde_json::Value;
use tollbook_domain::price::Matcher;
use tollbook_domain::price_list::PriceListDescription;
use tollbook_domain::{Price, UnitPrice};

use super::model::{ModelPrice, prices};
use crate::prices::exceptions::{Exceptions, ModelKey};
use crate::prices::list::PriceList;
use crate::prices::node::{Node, NodeResult};
use crate::text::check_text;

/// Name of the list unless another is stated, and of its form.
const LIST: &str = "litellm";

/// Entries that are no models.
const NO_MODELS: [&str; 2] = ["sample_spec", "fallback_generalizations"];

/// Whether a document is this list: an object with an entry that names its provider.
pub(in crate::prices) fn is_list(document: &Value) -> bool {
    let Some(entries) = document.as_object() else { return false };
    entries.values().any(|entry| entry.get("litellm_provider").is_some())
}

/// A model of the list.
struct Model<'a> {
    /// Its key in the list, which may begin with the provider.
    key: &'a str,
    provider: String,
    prices: Vec<ModelPrice>,
    /// Keys of other entries for the same model.
    other_keys: Vec<&'a str>,
}

/// Reads the list.
pub(in crate::prices) fn read_list(list: &Node<'_>, valid_from_s: i64) -> NodeResult<PriceList> {
    let mut exceptions = Exceptions::default();
    let mut models = Vec::new();
    for (key, entry) in list.object()?.iter().filter(|(key, _)| !NO_MODELS.contains(&key.as_str())) {
        models.extend(model(key, &entry_of(list, key, entry)?, &mut exceptions)?);
    }
    let models = one_of_each_name(models, &mut exceptions);
    let mut book = Vec::new();
    for model in &models {
        model.add_prices(&mut book, valid_from_s);
    }
    if book.is_empty() {
        return list.wrong("has no prices");
    }
    let unread = exceptions.unread_kinds();
    let list = PriceListDescription::new(LIST, false, LIST);
    Ok(PriceList { list, prices: book, rounded: exceptions.rounded, omitted: exceptions.omitted, unread })
}

/// The entry of a model: of an alias, that of the model that it is another name of.
fn entry_of<'a>(list: &Node<'a>, key: &str, entry: &'a Value) -> NodeResult<Node<'a>> {
    let node = list.child(key, entry);
    let Some(model) = node.get("alias_of")? else { return Ok(node) };
    Ok(list.get(model.text()?)?.unwrap_or(node))
}

/// Reads an entry; `None` if it is omitted.
fn model<'a>(key: &'a str, node: &Node<'a>, exceptions: &mut Exceptions) -> NodeResult<Option<Model<'a>>> {
    check_text(key).or_else(|reason| node.wrong(format!("the name of a model {reason}")))?;
    let Some(provider) = node.get("litellm_provider")? else {
        exceptions.omit(ModelKey { provider: "", model_id: key }, "names no litellm_provider");
        return Ok(None);
    };
    let provider = provider_name(provider.text()?);
    let of = ModelKey { provider: &provider, model_id: key };
    let prices = prices(of, node, exceptions)?;
    if prices.is_empty() {
        exceptions.omit(of, "has no prices");
        return Ok(None);
    }
    if prices.iter().all(|price| price.price == UnitPrice::default()) {
        exceptions.omit(of, "has only prices of 0, which the list also states for unknown prices");
        return Ok(None);
    }
    Ok(Some(Model { key, provider, prices, other_keys: Vec::new() }))
}

/// The provider as usage names it: the list adds the family of models, `vertex_ai-language-models`, or the interface.
fn provider_name(stated: &str) -> String {
    let family = stated.split_once('-').filter(|(_, family)| family.ends_with("models"));
    match (stated, family) {
        ("bedrock_converse", _) => "bedrock".to_owned(),
        (_, Some((provider, _))) => provider.to_owned(),
        (stated, None) => stated.to_owned(),
    }
}

impl Model<'_> {
    /// The name without the provider.
    fn bare_name(&self) -> &str {
        let prefix = self.key.split_once('/').filter(|(provider, _)| *provider == self.provider);
        prefix.map_or(self.key, |(_, name)| name)
    }

    fn add_prices(&self, out: &mut Vec<Price>, valid_from_s: i64) {
        let keys = || std::iter::once(self.key).chain(self.other_keys.iter().copied());
        let mut names: Vec<&str> = keys().collect();
        if !names.contains(&self.bare_name()) {
            names.push(self.bare_name());
        }
        // The list has each key once: usage that names no provider names the model by the key.
        let provider_models = Some(one_of(keys().collect()));
        let models = one_of(names);
        out.extend(self.prices.iter().map(|price| Price {
            list: LIST.to_owned(),
            provider: self.provider.clone(),
            provider_names: None,
            provider_models: provider_models.clone(),
            model_id: self.key.to_owned(),
            model_name: self.key.to_owned(),
            models: models.clone(),
            sku: price.sku.clone(),
            pricing_unit: price.unit,
            item_id: 0,
            currency: "USD".to_owned(),
            list_price: price.price,
            valid_from_s,
            valid_until_s: None,
            longer_than: price.longer_than,
            time_of_day: price.time_of_day,
            service_tier: price.service_tier.to_owned(),
            is_fallback: false,
        }));
    }
}

/// Omits entries for a model of a provider that has another entry. The entry whose key begins with the provider stays, as
/// LiteLLM's program looks that up first; else the first.
fn one_of_each_name<'a>(models: Vec<Model<'a>>, exceptions: &mut Exceptions) -> Vec<Model<'a>> {
    let mut kept: Vec<Model<'a>> = Vec::new();
    let mut by_name: BTreeMap<(String, String), usize> = BTreeMap::new();
    let (with_provider, bare): (Vec<_>, Vec<_>) =
        models.into_iter().partition(|model| model.bare_name() != model.key);
    for model in with_provider.into_iter().chain(bare) {
        let name = (model.provider.to_ascii_lowercase(), model.bare_name().to_ascii_lowercase());
        if let Some(other) = by_name.get(&name).and_then(|index| kept.get_mut(*index)) {
            other.other_keys.push(model.key);
            let of = ModelKey { provider: &model.provider, model_id: model.key };
            exceptions.omit(of, format!("is the model that the list has as {}", other.key));
        } else {
            by_name.insert(name, kept.len());
            kept.push(model);
        }
    }
    kept.sort_by_key(|model| model.key);
    kept
}

fn one_of(names: Vec<&str>) -> Matcher {
    match *names.as_slice() {
        [name] => Matcher::Equals(name.to_owned()),
        _ => Matcher::OneOf(names.into_iter().map(|name| Matcher::Equals(name.to_owned())).collect()),
    }
}
