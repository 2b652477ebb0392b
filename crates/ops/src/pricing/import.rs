//! Imports a price list: names it, multiplies its prices by factor and rate, stores them, and finds out what can never be
//! chosen.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::{Value, json};
use tollbook_domain::money::MoneyError;
use tollbook_domain::price::{Matcher, TimeOfDay};
use tollbook_domain::price_hiding::hidden_prices;
use tollbook_domain::price_list::{Conversion, Multiplier, PriceListDescription, Rate, check_list_name};
use tollbook_domain::{Price, UnitPrice};
use tollbook_formats::prices::{PriceList, RoundedPrice};
use tollbook_store::{DEPLOYMENT_CHAIN, PutPrices, StoreError, Transaction};

use crate::audit::{ActKind, record};
use crate::charging::{Charging, reprice};

/// What an operator states about an import.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PriceImport {
    /// Name of the list; `None`: the one that the form of the file has.
    pub name: Option<String>,
    /// Factor of all prices; `None`: that of the list's last import.
    pub factor: Option<Multiplier>,
    /// Rate of exchange; `None`: that of the list's last import.
    pub rate: Option<Rate>,
}

/// What an import did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceImported {
    /// The list with the factor and the rate that were applied.
    pub list: PriceListDescription,
    /// Number of prices in the file.
    pub prices: usize,
    /// Prices that were stored.
    pub put: PutPrices,
    /// Prices of the list that the file does not state; they stay as they were.
    pub not_stated: usize,
    /// Prices with more than 12 places, as stated or after factor and rate.
    pub rounded: Vec<RoundedPrice>,
    /// Prices of the list that other prices hide.
    pub hidden: Vec<HiddenPrice>,
    /// Models of the file that match names only by a part of them, by provider and id.
    pub partly_matched: Vec<(String, String)>,
    /// Usage records without a price that were charged.
    pub charged: u64,
}

/// Prices of a model that another price hides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HiddenPrice {
    /// Provider of the model; may be empty.
    pub provider: String,
    /// The model's id in the book.
    pub model_id: String,
    /// The SKUs, in the order of the list.
    pub skus: Vec<String>,
    /// The names for which the prices can never be chosen; empty: for no use at all.
    pub names: Vec<String>,
    /// A price that holds instead.
    pub by: Price,
}

/// Why an operation on the price book is refused.
#[derive(Debug, thiserror::Error)]
pub enum PricingError {
    /// An argument is not valid.
    #[error("{option}: {reason}")]
    Argument {
        /// The option of the command.
        option: &'static str,
        /// Lowercase, no full stop.
        reason: String,
    },
    /// A price does not fit after factor and rate.
    #[error("{model_id:?} of provider {provider:?}, SKU {sku:?}: {price} × factor × rate {reason}")]
    Product {
        /// Provider of the model.
        provider: String,
        /// The model's id.
        model_id: String,
        /// The SKU.
        sku: String,
        /// The price as the list states it.
        price: String,
        /// Why.
        reason: MoneyError,
    },
    /// The discount to remove does not exist.
    #[error("there is no such discount; see `tollbook discount list`")]
    NoDiscount,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl PricingError {
    pub(super) fn argument(option: &'static str, reason: impl Into<String>) -> Self {
        Self::Argument { option, reason: reason.into() }
    }
}

/// Stores the prices of a file, then charges usage without a price that has one now. A factor and a rate that are not
/// stated are those of the list's last import.
///
/// # Errors
/// [`PricingError`]; nothing is stored then.
pub fn import_prices(
    charging: &Charging<'_>,
    file: PriceList,
    import: &PriceImport,
    now_s: i64,
) -> Result<PriceImported, PricingError> {
    let mut transaction = charging.store.begin()?;
    let Put { list, before, prices, rounded, put } = put(transaction.as_mut(), &file, import)?;
    let mut after = audited(&list);
    after["Prices"] = prices.len().into();
    after["Added"] = put.added.into();
    after["Changed"] = put.changed.into();
    after["Unchanged"] = put.unchanged.into();
    record(transaction.as_mut(), ActKind::PricesImport, DEPLOYMENT_CHAIN, &before, &after);
    transaction.commit()?;
    let charged = reprice(charging, now_s)?;
    let book = charging.store.snapshot()?.prices()?;
    Ok(imported(&book, Put { list, before, prices, rounded, put }, charged))
}

/// Prices that were put into a transaction.
pub(super) struct Put {
    pub(super) list: PriceListDescription,
    /// What the audit log says of the list as it was.
    before: Value,
    pub(super) prices: Vec<Price>,
    rounded: Vec<RoundedPrice>,
    put: PutPrices,
}

/// Puts the prices of a file into a transaction.
pub(super) fn put(
    transaction: &mut dyn Transaction,
    file: &PriceList,
    import: &PriceImport,
) -> Result<Put, PricingError> {
    let mut list = file.list.clone();
    if let Some(name) = &import.name {
        check_list_name(name).map_err(|reason| PricingError::argument("--list", reason))?;
        list.name.clone_from(name);
    }
    let known = transaction.price_lists()?.into_iter().find(|known| known.name == list.name);
    let before = known.as_ref().map_or(Value::Null, audited);
    list.conversion = known.map(|known| known.conversion).unwrap_or_default();
    if let Some(factor) = import.factor {
        list.conversion.factor = factor;
    }
    if let Some(rate) = &import.rate {
        if !file.prices.iter().any(|price| price.currency == rate.from) {
            let reason = format!("no price of the file is in {}", rate.from);
            return Err(PricingError::argument("--rate", reason));
        }
        list.conversion.rate = Some(rate.clone());
    }
    let (prices, rounded) = converted(file, &list)?;
    if let Some(other) = transaction.put_price_list(&list)? {
        let kind = if other.is_own { "your own prices" } else { "a published list" };
        let reason = format!(
            "{:?} is the name of a list already: {:?}, {kind}, of {} files; two lists cannot have one name",
            list.name, other.name, other.format
        );
        return Err(PricingError::argument("--list", reason));
    }
    let put = transaction.put_prices(&prices)?;
    Ok(Put { list, before, prices, rounded, put })
}

/// What an import has done, by the book after it.
pub(super) fn imported(book: &[Price], put: Put, charged: u64) -> PriceImported {
    let Put { list, prices, rounded, put, .. } = put;
    let of_list = book.iter().filter(|price| price.list == list.name).count();
    PriceImported {
        prices: prices.len(),
        put,
        not_stated: of_list.saturating_sub(put.added + put.changed + put.unchanged),
        rounded,
        hidden: by_model(book, &list.name, &prices),
        partly_matched: partly_matched(&prices),
        charged,
        list,
    }
}

/// What the audit log says of a list.
fn audited(list: &PriceListDescription) -> Value {
    let Conversion { factor, rate } = &list.conversion;
    json!({
        "List": list.name,
        "IsOwn": list.is_own,
        "Format": list.format,
        "Factor": factor.to_string(),
        "Rate": rate.as_ref().map(|rate| format!("{}={}", rate.from, rate.rate)),
    })
}

/// The prices of a file under the name of their list, multiplied by factor and rate, and those that were rounded.
fn converted(
    file: &PriceList,
    list: &PriceListDescription,
) -> Result<(Vec<Price>, Vec<RoundedPrice>), PricingError> {
    let conversion = &list.conversion;
    // A price with more than 12 places is multiplied as the file states it, so that it is rounded only once.
    // Prices of several SKUs may be equal at 12 places, and have different texts.
    let stated: HashMap<([&str; 3], UnitPrice), &str> = file
        .rounded
        .iter()
        .map(|rounded| {
            let texts = [&rounded.provider, &rounded.model_id, &rounded.sku].map(String::as_str);
            ((texts, rounded.kept), rounded.stated.as_str())
        })
        .collect();
    let mut rounded =
        if conversion.is_identity() { file.rounded.clone() } else { Vec::with_capacity(file.rounded.len()) };
    let mut prices = Vec::with_capacity(file.prices.len());
    for price in &file.prices {
        let mut price = Price { list: list.name.clone(), ..price.clone() };
        if !conversion.is_identity() {
            let texts = [&price.provider, &price.model_id, &price.sku].map(String::as_str);
            let text = stated.get(&(texts, price.list_price));
            let text = text.map_or_else(|| price.list_price.to_string(), |text| (*text).to_owned());
            let converted =
                conversion.apply(&text, &price.currency).map_err(|reason| PricingError::Product {
                    provider: price.provider.clone(),
                    model_id: price.model_id.clone(),
                    sku: price.sku.clone(),
                    price: text.clone(),
                    reason,
                })?;
            if converted.is_rounded {
                rounded.push(RoundedPrice {
                    provider: price.provider.clone(),
                    model_id: price.model_id.clone(),
                    sku: price.sku.clone(),
                    stated: product_text(&text, &price.currency, conversion),
                    kept: converted.price,
                });
            }
            (price.currency, price.list_price) = (converted.currency, converted.price);
        }
        prices.push(price);
    }
    if conversion.rate.is_some() {
        refuse_merged(&file.prices, &prices)?;
    }
    Ok((prices, rounded))
}

fn product_text(price: &str, currency: &str, conversion: &Conversion) -> String {
    let rate = conversion.rate.as_ref().filter(|rate| rate.from == currency);
    let rate = rate.map(|rate| format!(" × {}", rate.rate)).unwrap_or_default();
    format!("{price} × {}{rate}", conversion.factor)
}

/// What a price is for, apart from its currency.
type Subject<'p> = ([&'p str; 4], String, i64, Option<i64>, Option<TimeOfDay>, bool);

/// Refuses a list that states one thing in both currencies: after the exchange it would have two prices.
fn refuse_merged(stated: &[Price], prices: &[Price]) -> Result<(), PricingError> {
    let mut seen: HashMap<(&str, Subject<'_>), &str> = HashMap::new();
    for (stated, price) in stated.iter().zip(prices) {
        let texts = [&price.provider, &price.model_id, &price.sku, &price.service_tier].map(String::as_str);
        let subject = (
            texts,
            price.models.to_text(),
            price.valid_from_s,
            price.longer_than,
            price.time_of_day,
            price.is_fallback,
        );
        let currency = seen.entry((&price.currency, subject)).or_insert(&stated.currency);
        if *currency != stated.currency {
            let reason = format!(
                "model {:?} has a price for {:?} in both currencies, and would have two in {}",
                price.model_id, price.sku, price.currency
            );
            return Err(PricingError::argument("--rate", reason));
        }
    }
    Ok(())
}

/// The hidden prices among those that were imported, the SKUs of a model together.
fn by_model(book: &[Price], list: &str, imported: &[Price]) -> Vec<HiddenPrice> {
    let stated: HashSet<(&str, &str)> =
        imported.iter().map(|price| (price.provider.as_str(), price.model_id.as_str())).collect();
    let mut places: BTreeMap<(String, String, Vec<String>, String, String), usize> = BTreeMap::new();
    let mut all: Vec<HiddenPrice> = Vec::new();
    for hidden in hidden_prices(book, list) {
        let price = hidden.price;
        if !stated.contains(&(price.provider.as_str(), price.model_id.as_str())) {
            continue;
        }
        let names: Vec<String> = hidden.names.iter().map(|name| (*name).to_owned()).collect();
        let key = (
            price.provider.clone(),
            price.model_id.clone(),
            names.clone(),
            hidden.by.list.clone(),
            hidden.by.model_id.clone(),
        );
        let place = *places.entry(key).or_insert(all.len());
        match all.get_mut(place) {
            Some(known) if known.skus.contains(&price.sku) => {}
            Some(known) => known.skus.push(price.sku.clone()),
            None => all.push(HiddenPrice {
                provider: price.provider.clone(),
                model_id: price.model_id.clone(),
                skus: vec![price.sku.clone()],
                names,
                by: hidden.by.clone(),
            }),
        }
    }
    all
}

/// The models whose matcher has no whole name.
fn partly_matched(prices: &[Price]) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    let partly = prices.iter().filter(|price| !has_whole_name(&price.models));
    for key in partly.map(|price| (price.provider.clone(), price.model_id.clone())) {
        if found.last() != Some(&key) {
            found.push(key);
        }
    }
    found.sort();
    found.dedup();
    found
}

fn has_whole_name(matcher: &Matcher) -> bool {
    match matcher {
        Matcher::Equals(_) => true,
        Matcher::OneOf(matchers) | Matcher::AllOf(matchers) => matchers.iter().any(has_whole_name),
        Matcher::Any
        | Matcher::StartsWith(_)
        | Matcher::EndsWith(_)
        | Matcher::Contains(_)
        | Matcher::Pattern(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_is_multiplied_by_its_own_text() {
        let price = |sku: &str| Price {
            list: "a".into(),
            provider: "p".into(),
            provider_names: None,
            provider_models: None,
            model_id: "m".into(),
            model_name: String::new(),
            models: Matcher::Equals("m".into()),
            sku: sku.into(),
            pricing_unit: 12,
            item_id: 0,
            currency: "USD".into(),
            list_price: UnitPrice::from_steps(1),
            valid_from_s: 0,
            valid_until_s: None,
            longer_than: None,
            time_of_day: None,
            service_tier: String::new(),
            is_fallback: false,
        };
        let rounded = RoundedPrice {
            provider: "p".into(),
            model_id: "m".into(),
            sku: "input".into(),
            stated: "0.0000000000014".into(),
            kept: UnitPrice::from_steps(1),
        };
        let mut list = PriceListDescription::own();
        list.conversion.factor = Multiplier::parse("10").unwrap();
        let file = PriceList {
            list: list.clone(),
            prices: vec![price("input"), price("output")],
            rounded: vec![rounded],
            omitted: Vec::new(),
            unread: Vec::new(),
        };
        let (prices, _) = converted(&file, &list).unwrap();
        // The price of output is stated as 0.000000000001 and was not rounded.
        assert_eq!(prices.iter().map(|price| price.list_price.steps()).collect::<Vec<_>>(), [14, 10]);
    }
}
