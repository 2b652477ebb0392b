//! The usage of the demo company in one month, with the prices and discounts by which it is charged.

use std::collections::BTreeMap;

use tollbook_domain::price::{Discount, Matcher};
use tollbook_domain::price_list::OWN_LIST;
use tollbook_domain::time::{DAY_S, HOUR_S};
use tollbook_domain::{Catalogue, Price, UnitPrice, Usage};

use super::prng::Prng;
use super::workload::{Model, PRICED, RESOURCES, Resource, Sku};

/// Days of a complete month.
pub const DEMO_DAYS: i64 = 30;
/// Currency of the demo company.
pub(crate) const CURRENCY: &str = "CNY";

/// A month of realistic usage by eight API keys and two sandboxes: about 14,000 orders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DemoMonth {
    /// The same seed generates the same month.
    pub(crate) seed: u64,
    /// Start of the month, Unix seconds, at a full hour.
    pub(crate) start_s: i64,
    /// Length in days: [`DEMO_DAYS`], or fewer in tests.
    pub(crate) days: i64,
    /// The company.
    pub(crate) company_id: i64,
    /// Its organizations, at least one. The workload is designed for two.
    pub(crate) organization_ids: Vec<i64>,
}

/// The usage of a month, and its cost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DemoUsage {
    /// Records by hour of arrival.
    pub(crate) hours: Vec<Vec<Usage>>,
    /// Cost by hour of use and model, in steps of 10⁻⁸ currency units, without late records.
    pub(super) costs: Vec<BTreeMap<&'static str, i64>>,
}

impl DemoUsage {
    /// The cost of a range of hours, of one model or of all.
    pub(super) fn cost(&self, from: usize, to: usize, model: Option<&str>) -> i64 {
        let hours = self.costs.iter().take(to).skip(from);
        hours.flatten().filter(|(id, _)| model.is_none_or(|model| model == **id)).map(|(_, cost)| cost).sum()
    }
}

impl DemoMonth {
    /// End of the month, Unix seconds.
    pub(crate) const fn end_s(&self) -> i64 {
        self.start_s.saturating_add(self.days * DAY_S)
    }

    /// All usage that arrives by a time, which may be after the end of the month.
    ///
    /// # Panics
    /// If there is no organization, or the catalogue lacks a built-in pricing unit.
    pub(crate) fn usage(&self, catalogue: &Catalogue, until_s: i64) -> DemoUsage {
        assert!(!self.organization_ids.is_empty(), "a month needs at least one organization");
        let begun = until_s.saturating_sub(self.start_s).saturating_add(HOUR_S).div_euclid(HOUR_S);
        let hours = usize::try_from(begun).unwrap_or(0);
        let usage = DemoUsage { hours: vec![Vec::new(); hours], costs: vec![BTreeMap::new(); hours] };
        let mut generator = UsageGenerator { month: self, catalogue, until_s, usage };
        for hour in 0..hours {
            generator.add_hour(hour);
        }
        generator.usage
    }

    /// The prices of all models but one, whose usage has no price.
    pub(crate) fn prices() -> Vec<Price> {
        PRICED.iter().flat_map(|model| model.skus.iter().filter_map(|sku| price(model, sku))).collect()
    }

    /// The discounts of the company.
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
        provider_names: None,
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

/// Generates the usage of a month hour by hour.
struct UsageGenerator<'a> {
    month: &'a DemoMonth,
    catalogue: &'a Catalogue,
    until_s: i64,
    usage: DemoUsage,
}

/// The use of one model by one resource in one hour.
struct HourlyUse<'a> {
    resource: &'a Resource,
    model: &'a Model,
    hour: usize,
    start_s: i64,
    /// Unique within the hour.
    number: usize,
}

impl UsageGenerator<'_> {
    fn add_hour(&mut self, hour: usize) {
        let start_s = self.month.start_s + HOUR_S * i64::try_from(hour).unwrap_or(0);
        // Each hour has its own generator, so that a change to the workload of one hour does not change the others.
        let mut prng = Prng::stream(self.month.seed, hour as u64);
        let uses = RESOURCES.iter().flat_map(|resource| resource.uses.iter().map(move |of| (resource, of)));
        for (number, (resource, of)) in uses.enumerate() {
            let presence = of.presence * of.profile.presence_permille(start_s) / 1_000;
            if !prng.chance(presence) {
                continue;
            }
            let load = of.profile.load_permille(start_s);
            let mut quantity = of.quantity * load / 1_000 * prng.between(600, 1_400) / 1_000;
            if prng.chance(15) {
                // A peak, such as a batch job.
                quantity *= prng.between(2, 4);
            }
            let hourly = HourlyUse { resource, model: &of.model, hour, start_s, number };
            self.add_records(&hourly, quantity, &mut prng);
        }
    }

    fn add_records(&mut self, hourly: &HourlyUse<'_>, quantity: i64, prng: &mut Prng) {
        let skus = hourly.model.skus;
        let quantities: Vec<i64> = skus
            .iter()
            .map(|sku| (quantity * sku.share / 1_000 * prng.between(850, 1_150) / 1_000).max(1))
            .collect();
        for (sku, quantity) in skus.iter().zip(&quantities) {
            self.add_cost(hourly, sku, *quantity);
        }
        let records = prng.between(3, 6);
        let weights: Vec<i64> = (0..records).map(|_| prng.between(50, 150)).collect();
        let mut weight_left: i64 = weights.iter().sum();
        let mut left = quantities.clone();
        for (index, weight) in (0..).zip(&weights) {
            let part: Vec<i64> = left.iter().map(|left| left * weight / weight_left).collect();
            left.iter_mut().zip(&part).for_each(|(left, part)| *left -= part);
            weight_left -= weight;
            let slot_s = HOUR_S / records;
            // The first record is early, so that the current hour has usage soon after its start.
            let offset_s = if index == 0 { prng.between(0, 30) } else { prng.between(0, slot_s - 1) };
            let time_s = hourly.start_s + index * slot_s + offset_s;
            self.add_record(hourly, index, time_s, time_s, &part);
        }
        if prng.chance(15) {
            // A late record, as of a gateway that was offline.
            let part: Vec<i64> =
                quantities.iter().map(|all| (all * prng.between(5, 40) / 1_000).max(1)).collect();
            let time_s = hourly.start_s + prng.between(0, HOUR_S - 1);
            let arrival_s = hourly.start_s + HOUR_S + prng.between(2 * HOUR_S, 26 * HOUR_S);
            self.add_record(hourly, records, time_s, arrival_s, &part);
        }
    }

    fn add_record(
        &mut self,
        hourly: &HourlyUse<'_>,
        index: i64,
        time_s: i64,
        arrival_s: i64,
        quantities: &[i64],
    ) {
        let HourlyUse { resource, model, start_s, number, .. } = *hourly;
        let mut quantities: Vec<(String, i64)> = model
            .skus
            .iter()
            .zip(quantities)
            .filter(|(_, quantity)| **quantity > 0)
            .map(|(sku, quantity)| (sku.name.to_owned(), *quantity))
            .collect();
        quantities.sort();
        let hour = usize::try_from((arrival_s - self.month.start_s).div_euclid(HOUR_S)).unwrap_or(0);
        let Some(arriving) = self.usage.hours.get_mut(hour) else { return };
        if quantities.is_empty() || arrival_s > self.until_s {
            return;
        }
        let organizations = &self.month.organization_ids;
        arriving.push(Usage {
            company_id: self.month.company_id,
            id: format!("demo-{start_s}-{number:02}-{index}"),
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
            quantities,
            ..Usage::default()
        });
    }

    fn add_cost(&mut self, hourly: &HourlyUse<'_>, sku: &Sku, quantity: i64) {
        let Some(price) = price(hourly.model, sku) else { return };
        let unit = hourly.model.unit;
        let units = self.catalogue.base_units(unit).expect("the catalogue has the built-in pricing units");
        let price = Discount::apply(factor(hourly.model), price.list_price);
        let cost = price.charge(quantity, units).expect("the costs of an hour are small");
        *self.usage.costs[hourly.hour].entry(hourly.model.id).or_default() += cost.steps();
    }
}
