//! Orders that nobody made: the month that `tollbook quickstart` shows, and any number of them for benchmarks. The
//! same seed makes the same orders in every version. Nothing here writes to a store or reads a clock.

use std::collections::VecDeque;

use tollbook_domain::money::divide_half_away;
use tollbook_domain::order::{Deductions, Line, NewOrder, Order, Status};
use tollbook_domain::time::{DAY_S, civil_of_day, day_of};
use tollbook_domain::{Amount, Catalogue, UnitPrice};

mod bench;
mod dice;
mod scene;

pub use bench::BenchOrders;

use dice::Dice;
use scene::{Model, PURCHASES, Purchase, RESOURCES, Resource, SANDBOX_MONTHLY, Sku, Usage};

/// Days of the demo's month.
pub const DEMO_DAYS: i64 = 30;
const HOUR_S: i64 = 3_600;
const HOURS: i64 = DEMO_DAYS * 24;
/// An hour is charged this long after its end (spec/charging.md "Hours and orders").
const GRACE_S: i64 = 60;

const PAY_AS_YOU_GO: i64 = 5;
const MONTHLY: i64 = 2;
const PURCHASE: i64 = 102;
const POST_PAID: i64 = 301;
const SUPPLEMENTARY: i64 = 302;

/// Hours of the month in which the accounts were empty, and the hour of the deposit that ended it; the last is not
/// over yet.
const DRY_SPELLS: [(i64, i64, Option<i64>); 3] =
    [(205, 216, Some(218)), (430, 444, Some(449)), (700, HOURS, None)];

/// A company's month of believable usage: about 14,000 hourly orders of eight API keys and two sandboxes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoMonth {
    /// The same seed makes the same month.
    pub seed: u64,
    /// When it begins, Unix seconds at a full hour; it lasts [`DEMO_DAYS`].
    pub start_s: i64,
    /// Whose orders they are.
    pub company_id: i64,
    /// Its organizations; the demo has two in mind and works with any number but none.
    pub organization_ids: Vec<i64>,
    /// Channel of the company's brand.
    pub channel: i64,
    /// `CNY` or `USD`.
    pub currency: String,
}

impl DemoMonth {
    /// End of the month, Unix seconds.
    pub const fn end_s(&self) -> i64 {
        self.start_s.saturating_add(DEMO_DAYS * DAY_S)
    }

    /// The orders, by start time. Each passes [`NewOrder::check`] with this catalogue.
    ///
    /// # Panics
    /// If there is no organization, or the catalogue lacks a built-in pricing unit.
    pub fn orders<'a>(&'a self, catalogue: &'a Catalogue) -> impl Iterator<Item = NewOrder> + 'a {
        assert!(!self.organization_ids.is_empty(), "every order belongs to an organization");
        let mut made = Made { month: self, catalogue, numbers: 0, orders: VecDeque::new() };
        let mut hours = 0..HOURS;
        std::iter::from_fn(move || {
            while made.orders.is_empty() {
                made.hour(hours.next()?);
            }
            made.orders.pop_front()
        })
    }
}

struct Made<'a> {
    month: &'a DemoMonth,
    catalogue: &'a Catalogue,
    /// Order numbers given so far.
    numbers: i64,
    orders: VecDeque<NewOrder>,
}

/// What an order is made of before it is known whether it was paid.
struct Charge<'a> {
    line: Line,
    base_units: i64,
    /// Hour of the month.
    hour: i64,
    start_s: i64,
    end_s: i64,
    /// When it was charged.
    made_s: i64,
    quantity: i64,
    dice: &'a mut Dice,
}

impl Made<'_> {
    fn hour(&mut self, hour: i64) {
        let start_s = self.month.start_s.saturating_add(hour * HOUR_S);
        // Dice of its own for every hour: a change to one hour's story leaves all others as they were.
        let mut dice = Dice::of(self.month.seed, hour.unsigned_abs());
        for purchase in PURCHASES.iter().filter(|purchase| purchase.day * 24 + 2 == hour) {
            self.purchase(purchase, hour, start_s, &mut dice);
        }
        for resource in &RESOURCES {
            for usage in resource.usages {
                let presence = usage.presence * usage.rhythm.presence_permille(start_s) / 1_000;
                if dice.chance(presence) {
                    self.usage(resource, usage, hour, start_s, &mut dice);
                }
            }
        }
    }

    fn usage(&mut self, resource: &Resource, usage: &Usage, hour: i64, start_s: i64, dice: &mut Dice) {
        let busy = usage.rhythm.permille(start_s);
        let mut quantity = usage.quantity * busy / 1_000 * dice.between(600, 1_400) / 1_000;
        if dice.chance(15) {
            // Someone started a batch.
            quantity *= dice.between(2, 4);
        }
        for sku in usage.model.skus {
            let counted = (quantity * sku.share / 1_000 * dice.between(850, 1_150) / 1_000).max(1);
            let end_s = start_s + HOUR_S;
            let made_s = end_s + GRACE_S + dice.between(0, 25);
            let line = self.line(resource, &usage.model, sku, POST_PAID);
            self.add(line, hour, start_s, made_s, counted, dice);
            if dice.chance(12) {
                // Records of this hour that arrived late.
                let late_s = end_s + dice.between(2 * HOUR_S, 26 * HOUR_S);
                let late = (counted * dice.between(5, 40) / 1_000).max(1);
                let line = self.line(resource, &usage.model, sku, SUPPLEMENTARY);
                self.add(line, hour, start_s, late_s.min(self.month.end_s()), late, dice);
            }
        }
    }

    fn line(&self, resource: &Resource, model: &Model, sku: &Sku, order_type: i64) -> Line {
        let month = self.month;
        let (list_price, discount_price) = prices(model, sku, &month.currency);
        Line {
            organization_id: month.organization_ids[resource.organization % month.organization_ids.len()],
            user_email: resource.user_email.to_owned(),
            resource_id: resource.id.to_owned(),
            resource_type: if resource.is_sandbox() { 2 } else { 1 },
            model_id: model.id.to_owned(),
            model_name: model.name.to_owned(),
            pricing_sku: sku.name.to_owned(),
            pricing_item_id: sku.item_id,
            pricing_unit: model.unit,
            product_code: if resource.is_sandbox() { "sandbox" } else { "modelverse" }.to_owned(),
            region: resource.region.to_owned(),
            charge_type: PAY_AS_YOU_GO,
            order_type,
            channel: month.channel,
            currency: month.currency.clone(),
            list_price,
            discount_price,
        }
    }

    fn add(&mut self, line: Line, hour: i64, start_s: i64, made_s: i64, quantity: i64, dice: &mut Dice) {
        let base_units = self.base_units(line.pricing_unit);
        let end_s = start_s + HOUR_S;
        let order = Charge { line, base_units, hour, start_s, end_s, made_s, quantity, dice };
        self.settle(order);
    }

    fn purchase(&mut self, purchase: &Purchase, hour: i64, start_s: i64, dice: &mut Dice) {
        let resource = Resource {
            id: purchase.id,
            user_email: purchase.user_email,
            organization: purchase.organization,
            region: "cn-wlcb",
            usages: &[],
        };
        let Some(sku) = SANDBOX_MONTHLY.skus.first() else { return };
        let line = Line { charge_type: MONTHLY, ..self.line(&resource, &SANDBOX_MONTHLY, sku, PURCHASE) };
        let base_units = self.base_units(line.pricing_unit);
        let quantity = DEMO_DAYS * DAY_S;
        // Bought ahead: it is charged when it begins.
        let (end_s, made_s) = (start_s + quantity, start_s + dice.between(1, 5));
        self.settle(Charge { line, base_units, hour, start_s, end_s, made_s, quantity, dice });
    }

    fn base_units(&self, unit: i64) -> i64 {
        self.catalogue.base_units(unit).expect("the catalogue has the built-in pricing units")
    }

    /// Decides what became of a charge: paid at once, owed and paid later, still owed, or withdrawn.
    fn settle(&mut self, charge: Charge<'_>) {
        let Charge { line, base_units, hour, start_s, end_s, made_s, quantity, dice } = charge;
        let amount =
            |price: UnitPrice| price.charge(quantity, base_units).expect("a believable amount is small");
        let (total, original) = (amount(line.discount_price), amount(line.list_price));
        let mut order = Order {
            number: self.number('O', start_s, dice),
            counterpart: String::new(),
            status: Status::Paid,
            start_time_s: start_s,
            end_time_s: end_s,
            quantity,
            total,
            original,
            deductions: Deductions::default(),
            create_time_s: None,
            paid_time_s: Some(made_s),
            revocation_time_s: None,
        };
        let spell = DRY_SPELLS.iter().find(|(from, to, _)| (*from..*to).contains(&hour));
        let arrears = total != Amount::ZERO && dice.chance(if spell.is_some() { 780 } else { 4 });
        if arrears {
            let arrears_number = self.number('U', made_s, dice);
            let deposit_hour = spell.map_or(Some(hour + 30), |(_, _, deposit)| *deposit);
            let later_s = deposit_hour.map(|hour| self.month.start_s + hour * HOUR_S + dice.between(5, 900));
            let later_s =
                later_s.map_or(self.month.end_s(), |later_s| later_s.min(self.month.end_s())).max(made_s);
            match dice.below(100) {
                0..55 if deposit_hour.is_some() => {
                    order.counterpart = arrears_number;
                    order.paid_time_s = Some(later_s);
                    order.deductions = deduct(total, true, dice);
                }
                fate => {
                    order.counterpart = std::mem::replace(&mut order.number, arrears_number);
                    order.create_time_s = Some(made_s);
                    order.paid_time_s = None;
                    order.status = if fate < 92 { Status::Unpaid } else { Status::Revoked };
                    order.revocation_time_s = (fate >= 92).then_some(later_s);
                }
            }
        } else {
            order.deductions = deduct(total, false, dice);
        }
        self.orders.push_back(NewOrder { company_id: self.month.company_id, line, order });
    }

    fn number(&mut self, kind: char, at_s: i64, dice: &mut Dice) -> String {
        self.numbers += 1;
        let (year, month, day) = civil_of_day(day_of(at_s));
        format!("M{kind}{year:04}{month:02}{day:02}{:06}{:04}", self.numbers, dice.below(10_000))
    }
}

fn prices(model: &Model, sku: &Sku, currency: &str) -> (UnitPrice, UnitPrice) {
    let text = if currency == "USD" { sku.usd } else { sku.cny };
    let list = UnitPrice::parse(text).expect("the demo's prices are decimals");
    let discounted = divide_half_away(i128::from(list.steps()) * i128::from(model.percent), 100);
    let discounted = i64::try_from(discounted).expect("a discounted price is smaller");
    (list, UnitPrice::from_steps(discounted))
}

/// From which accounts an order was paid: mostly one, sometimes what was left in several, in the sequence of
/// spec/charging.md. Bonus does not pay arrears.
fn deduct(total: Amount, from_arrears: bool, dice: &mut Dice) -> Deductions {
    let mut parts = [0i64; 5];
    let bonus = if from_arrears { 3 } else { 2 };
    match dice.below(100) {
        0..58 => parts[3] = total.steps(),
        58..69 => parts[1] = total.steps(),
        69..78 => parts[bonus] = total.steps(),
        78..85 => parts[0] = total.steps(),
        85..89 => parts[4] = total.steps(),
        _ => {
            let mut left = total.steps();
            for (kind, part) in parts.iter_mut().enumerate().take(3) {
                if (kind == 2 && from_arrears) || !dice.chance(450) {
                    continue;
                }
                *part = dice.between(0, left);
                left -= *part;
            }
            parts[3] = left;
        }
    }
    let [star_card, coupon, bonus, cash, credit] = parts.map(Amount::from_steps);
    Deductions { star_card, coupon, bonus, cash, credit }
}

#[cfg(test)]
#[path = "demo_tests.rs"]
mod tests;
