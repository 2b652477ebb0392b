//! What usage without a price would come to at the price of the nearest model: the money that is lost if none is added.

use std::collections::BTreeMap;

use tollbook_domain::price::{ModelPrices, PriceQuery};
use tollbook_domain::{Catalogue, Price};

use super::unpriced::UnpricedGroup;

/// An estimate of what unpriced usage of one model and currency would be charged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AtRisk {
    /// Currency of the companies that used it.
    pub currency: String,
    /// The sum in 10⁻⁸ currency units, each SKU rounded half away from zero.
    pub amount: i128,
    /// SKUs that the nearest model has no price for, which are not in the sum.
    pub without: Vec<String>,
}

/// The money at risk of a group, by currency: its quantities at the list prices that its nearest model has at a time, for
/// ordinary short requests, before discounts. Empty if no model of the book is near, or none has a price in the currency.
pub fn at_risk(book: &[Price], catalogue: &Catalogue, group: &UnpricedGroup, time_s: i64) -> Vec<AtRisk> {
    let mut found = Vec::new();
    for (currency, quantities) in &group.by_currency {
        // The nearest of the near ones that has prices in the currency.
        let risk = group.near.iter().find_map(|near| {
            let prices = ModelPrices::choose(book, &near.provider, &near.name, currency);
            let (amount, without) = sum(&prices, catalogue, quantities, time_s)?;
            Some(AtRisk { currency: currency.clone(), amount, without })
        });
        found.extend(risk);
    }
    found
}

/// The sum of the quantities that have a price, and the SKUs that have none; `None` if none has one.
fn sum(
    prices: &ModelPrices,
    catalogue: &Catalogue,
    quantities: &BTreeMap<String, i128>,
    time_s: i64,
) -> Option<(i128, Vec<String>)> {
    let (mut amount, mut priced, mut without) = (0_i128, false, Vec::new());
    for (sku, quantity) in quantities {
        let query = PriceQuery { sku, time_s, request_length: 0, service_tier: "" };
        let charge = prices.find(query).and_then(|price| {
            let units = catalogue.base_units(price.pricing_unit)?;
            price.list_price.charge(i64::try_from(*quantity).ok()?, units).ok()
        });
        match charge {
            Some(charge) => {
                amount = amount.checked_add(charge.steps().into())?;
                priced = true;
            }
            // What models are not charged for is no gap in their prices.
            None if sku == tollbook_domain::usage::REQUEST => {}
            None => without.push(sku.clone()),
        }
    }
    priced.then_some((amount, without))
}
