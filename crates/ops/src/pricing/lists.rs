//! The order of the price lists, and removing prices from them.

use std::collections::HashMap;

use serde_json::{Value, json};
use tollbook_domain::price_list::PriceListDescription;
use tollbook_store::{DEPLOYMENT_CHAIN, PriceSelection, Store};

use super::import::PricingError;
use crate::audit::{ActKind, record};

/// A price list and the number of its prices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceListSummary {
    /// The list.
    pub list: PriceListDescription,
    /// Number of its prices.
    pub prices: usize,
}

/// The price lists in the order in which they hold.
///
/// # Errors
/// Those of the store.
pub fn price_lists(store: &dyn Store) -> Result<Vec<PriceListSummary>, PricingError> {
    let mut snapshot = store.snapshot()?;
    let mut counts: HashMap<String, usize> = HashMap::new();
    for price in snapshot.prices()? {
        *counts.entry(price.list).or_default() += 1;
    }
    let lists = snapshot.price_lists()?.into_iter();
    Ok(lists
        .map(|list| PriceListSummary { prices: counts.get(&list.name).copied().unwrap_or(0), list })
        .collect())
}

/// Sets the order of the price lists. Lists that are not named keep their order behind the others of their kind.
///
/// # Errors
/// [`PricingError::Argument`] for a list that is not known or named twice, and for a published list before an own one.
pub fn order_lists(store: &dyn Store, names: &[String]) -> Result<(), PricingError> {
    const OPTION: &str = "--order";
    let mut transaction = store.begin()?;
    let lists = transaction.price_lists()?;
    let mut published: Option<&str> = None;
    for (place, name) in names.iter().enumerate() {
        let Some(list) = lists.iter().find(|list| list.name == *name) else {
            return Err(PricingError::argument(OPTION, format!("{}; {}", unknown(name), known(&lists))));
        };
        if names.iter().take(place).any(|before| before == name) {
            return Err(PricingError::argument(OPTION, format!("list {name:?} is named twice")));
        }
        match published {
            Some(before) if list.is_own => {
                let reason = format!(
                    "list {name:?} has your own prices, which hold before published ones: name it before {before:?}"
                );
                return Err(PricingError::argument(OPTION, reason));
            }
            _ if !list.is_own => published = Some(name),
            _ => {}
        }
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    transaction.set_price_list_order(&names)?;
    let order = |lists: &[PriceListDescription]| -> Value {
        lists.iter().map(|list| Value::from(list.name.as_str())).collect()
    };
    let (before, after) = (order(&lists), order(&transaction.price_lists()?));
    record(transaction.as_mut(), ActKind::PricesOrder, DEPLOYMENT_CHAIN, &before, &after);
    transaction.commit()?;
    Ok(())
}

/// Removes prices of a list, or ends them at a time; the list itself if all of its prices are removed. Usage that was rated
/// keeps its prices. Returns the number of prices ended and of those removed.
///
/// # Errors
/// [`PricingError::Argument`] if there is no such list or no such price.
pub fn remove_prices(
    store: &dyn Store,
    selection: PriceSelection<'_>,
    until_s: Option<i64>,
) -> Result<(usize, usize), PricingError> {
    let PriceSelection { list, model_id, sku } = selection;
    let mut transaction = store.begin()?;
    let lists = transaction.price_lists()?;
    if !lists.iter().any(|known| known.name == list) {
        return Err(PricingError::argument("--list", format!("{}; {}", unknown(list), known(&lists))));
    }
    let (ended, removed) = match until_s {
        Some(until_s) => transaction.end_prices(selection, until_s)?,
        None => (0, transaction.remove_prices(selection)?),
    };
    if (ended, removed) == (0, 0) && (model_id.is_some() || sku.is_some()) {
        let of = |what: &str, name: Option<&str>| name.map(|name| format!(" of {what} {name:?}"));
        let reason = format!(
            "list {list:?} has no price{}{}{}",
            of("model", model_id).unwrap_or_default(),
            of("SKU", sku).unwrap_or_default(),
            if until_s.is_some() { " that holds at that time or later" } else { "" }
        );
        let option = if model_id.is_some() { "--model" } else { "--sku" };
        return Err(PricingError::argument(option, reason));
    }
    let after = json!({
        "List": list, "ModelID": model_id, "PricingSKU": sku, "Until": until_s, "Ended": ended, "Removed": removed,
    });
    record(transaction.as_mut(), ActKind::PricesRemove, DEPLOYMENT_CHAIN, &Value::Null, &after);
    transaction.commit()?;
    Ok((ended, removed))
}

fn unknown(name: &str) -> String {
    format!("{name:?} is not the name of a price list")
}

fn known(lists: &[PriceListDescription]) -> String {
    if lists.is_empty() {
        return "there are none".to_owned();
    }
    let names: Vec<&str> = lists.iter().map(|list| list.name.as_str()).collect();
    format!("known are {}", names.join(", "))
}
