//! Generated usage: the month that `tollbook quickstart` charges, and any number of orders for benchmarks. The
//! same seed makes the same usage in every version. Nothing here writes to a store or reads a clock.

use std::collections::BTreeMap;

use tollbook_domain::price::{Discount, Matcher};
use tollbook_domain::price_list::OWN_LIST;
use tollbook_domain::time::{DAY_S, HOUR_S};
use tollbook_domain::{Catalogue, Price, UnitPrice, Usage};

mod bench;
mod dice;
mod plan;
mod scene;

pub use bench::BenchOrders;
pub(crate) use plan::{Act, Event};

use dice::Dice;
use scene::{Model, PRICED, RESOURCES, Resource, Sku};

/// Days of the demo's month.
pub const DEMO_DAYS: i64 = 30;
/// What the demo company pays in.
pub(crate) const CURRENCY: &str = "CNY";

/// A company's month of believable usage, of eight API keys and two sandboxes: some 14,000 orders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DemoMonth {
    /// The same seed makes the same month.
    pub(crate) seed: u64,
    /// When it begins, Unix seconds at a full hour.
    pub(crate) start_s: i64,
    /// How long it is: [`DEMO_DAYS`], or less where that is enough.
    pub(crate) days: i64,
    /// Whose usage it is.
    pub(crate) company_id: i64,
    /// Its organizations; the demo has two in mind and works with any number but none.
    pub(crate) organization_ids: Vec<i64>,
}

/// What arrives in each hour, and what the usage of each hour costs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DemoUsage {
    /// By the hour of arrival.
    pub(crate) hours: Vec<Vec<Usage>>,
    /// By hour of use and model, in 10⁻⁸ currency units; without what comes late.
    costs: Vec<BTreeMap<&'static str, i64>>,
}

impl DemoUsage {
    /// What the usage of some hours costs, of one model or of all.
    fn cost(&self, from: usize, to: usize, model: Option<&str>) -> i64 {
        let hours = self.costs.iter().take(to).skip(from);
        hours.flatten().filter(|(id, _)| model.is_none_or(|model| model == **id)).map(|(_, cost)| cost).sum()
    }
}

impl DemoMonth {
    /// End of the month, Unix seconds.
    pub(crate) const fn end_s(&self) -> i64 {
        self.start_s.saturating_add(self.days * DAY_S)
    }

    /// All usage that has arrived by a time: of the month, and after it.
    ///
    /// # Panics
    /// If there is no organization, or the catalogue lacks a built-in pricing unit.
    pub(crate) fn usage(&self, catalogue: &Catalogue, until_s: i64) -> DemoUsage {
        assert!(!self.organization_ids.is_empty(), "all usage is an organization's");
        let begun = until_s.saturating_sub(self.start_s).saturating_add(HOUR_S).div_euclid(HOUR_S);
        let hours = usize::try_from(begun).unwrap_or(0);
        let made = DemoUsage { hours: vec![Vec::new(); hours], costs: vec![BTreeMap::new(); hours] };
        let mut making = Making { month: self, catalogue, until_s, made };
        for hour in 0..hours {
            making.hour(hour);
        }
        making.made
    }

    /// What the book must have, so that all but one model of the usage has a price.
    pub(crate) fn prices() -> Vec<Price> {
        PRICED.iter().flat_map(|model| model.skus.iter().filter_map(|sku| price(model, sku))).collect()
    }

    /// What the company does not have to pay.
    pub(crate) fn discounts(company_id: i64) -> Vec<Discount> {
        let discounted = PRICED.iter().filter(|model| model.percent < 100);
        discounted
            .map(|model| Discount {
                company_id,
                model_id: model.id.to_owned(),
                sku: String::new(),
                factor: factor(model),
            })
            .collect()
    }
}

fn price(model: &Model, sku: &Sku) -> Option<Price> {
    Some(Price {
        list: OWN_LIST.to_owned(),
        provider: String::new(),
        provider_models: None,
        model_id: model.id.to_owned(),
        model_name: model.name.to_owned(),
        models: Matcher::Equals(model.id.to_owned()),
        sku: sku.name.to_owned(),
        pricing_unit: model.unit,
        item_id: sku.item_id,
        currency: CURRENCY.to_owned(),
        list_price: UnitPrice::parse(sku.cny).ok()?,
        valid_from_s: 0,
        valid_until_s: None,
        longer_than: None,
        time_of_day: None,
        service_tier: String::new(),
        is_fallback: false,
    })
}

fn factor(model: &Model) -> UnitPrice {
    UnitPrice::from_steps(Discount::NONE.steps() / 100 * model.percent)
}

struct Making<'a> {
    month: &'a DemoMonth,
    catalogue: &'a Catalogue,
    until_s: i64,
    made: DemoUsage,
}

/// What one resource used of one model in one hour.
struct Batch<'a> {
    resource: &'a Resource,
    model: &'a Model,
    hour: usize,
    start_s: i64,
    /// Names the batch within the hour.
    number: usize,
}

impl Making<'_> {
    fn hour(&mut self, hour: usize) {
        let start_s = self.month.start_s + HOUR_S * i64::try_from(hour).unwrap_or(0);
        // Dice of its own for every hour: a change to one hour's story leaves all others as they were.
        let mut dice = Dice::of(self.month.seed, hour as u64);
        let usages =
            RESOURCES.iter().flat_map(|resource| resource.usages.iter().map(move |of| (resource, of)));
        for (number, (resource, of)) in usages.enumerate() {
            let presence = of.presence * of.rhythm.presence_permille(start_s) / 1_000;
            if !dice.chance(presence) {
                continue;
            }
            let busy = of.rhythm.permille(start_s);
            let mut quantity = of.quantity * busy / 1_000 * dice.between(600, 1_400) / 1_000;
            if dice.chance(15) {
                // Someone started a batch.
                quantity *= dice.between(2, 4);
            }
            let batch = Batch { resource, model: &of.model, hour, start_s, number };
            self.batch(&batch, quantity, &mut dice);
        }
    }

    fn batch(&mut self, batch: &Batch<'_>, quantity: i64, dice: &mut Dice) {
        let skus = batch.model.skus;
        let counted: Vec<i64> = skus
            .iter()
            .map(|sku| (quantity * sku.share / 1_000 * dice.between(850, 1_150) / 1_000).max(1))
            .collect();
        for (sku, counted) in skus.iter().zip(&counted) {
            self.note_cost(batch, sku, *counted);
        }
        let records = dice.between(3, 6);
        let weights: Vec<i64> = (0..records).map(|_| dice.between(50, 150)).collect();
        let mut weight_left: i64 = weights.iter().sum();
        let mut left = counted.clone();
        for (place, weight) in (0..).zip(&weights) {
            let part: Vec<i64> = left.iter().map(|left| left * weight / weight_left).collect();
            left.iter_mut().zip(&part).for_each(|(left, part)| *left -= part);
            weight_left -= weight;
            let slot_s = HOUR_S / records;
            // The first ones come soon, so that an hour that has hardly begun is not empty.
            let offset_s = if place == 0 { dice.between(0, 30) } else { dice.between(0, slot_s - 1) };
            let time_s = batch.start_s + place * slot_s + offset_s;
            self.record(batch, place, time_s, time_s, &part);
        }
        if dice.chance(15) {
            // What a gateway could not report at once.
            let part: Vec<i64> =
                counted.iter().map(|all| (all * dice.between(5, 40) / 1_000).max(1)).collect();
            let time_s = batch.start_s + dice.between(0, HOUR_S - 1);
            let late_s = batch.start_s + HOUR_S + dice.between(2 * HOUR_S, 26 * HOUR_S);
            self.record(batch, records, time_s, late_s, &part);
        }
    }

    fn record(&mut self, batch: &Batch<'_>, place: i64, time_s: i64, arrives_s: i64, counted: &[i64]) {
        let Batch { resource, model, start_s, number, .. } = *batch;
        let mut quantities: Vec<(String, i64)> = model
            .skus
            .iter()
            .zip(counted)
            .filter(|(_, counted)| **counted > 0)
            .map(|(sku, counted)| (sku.name.to_owned(), *counted))
            .collect();
        quantities.sort();
        let arrival = usize::try_from((arrives_s - self.month.start_s).div_euclid(HOUR_S)).unwrap_or(0);
        let Some(arriving) = self.made.hours.get_mut(arrival) else { return };
        if quantities.is_empty() || arrives_s > self.until_s {
            return;
        }
        let organizations = &self.month.organization_ids;
        arriving.push(Usage {
            company_id: self.month.company_id,
            id: format!("demo-{start_s}-{number:02}-{place}"),
            source: format!("gateway/{}", resource.region),
            time_s,
            organization_id: organizations[resource.organization % organizations.len()],
            resource_id: resource.id.to_owned(),
            resource_type: if resource.is_sandbox() { 2 } else { 1 },
            user_email: resource.user_email.to_owned(),
            provider: String::new(),
            model_id: model.id.to_owned(),
            product_code: if resource.is_sandbox() { "sandbox" } else { "modelverse" }.to_owned(),
            region: resource.region.to_owned(),
            service_tier: String::new(),
            quantities,
        });
    }

    fn note_cost(&mut self, batch: &Batch<'_>, sku: &Sku, counted: i64) {
        let Some(price) = price(batch.model, sku) else { return };
        let unit = batch.model.unit;
        let units = self.catalogue.base_units(unit).expect("the catalogue has the built-in pricing units");
        let price = Discount::apply(factor(batch.model), price.list_price);
        let cost = price.charge(counted, units).expect("a believable amount is small");
        *self.made.costs[batch.hour].entry(batch.model.id).or_default() += cost.steps();
    }
}

#[cfg(test)]
mod tests;
