//! Orders of one company for benchmarks, in any number. They have many lines, a few of which have most of the orders.

use tollbook_domain::catalogue::pricing_unit::{K_TOKENS, M_TOKENS};
use tollbook_domain::rating::{CHARGE_TYPE, USAGE_ORDER};
use tollbook_domain::time::DAY_S;
use tollbook_domain::{
    AccountKind, Amount, AmountRule, Catalogue, Deductions, Line, NewOrder, Order, Status, UnitPrice,
};

use super::prng::Prng;

const HOUR_S: i64 = 3_600;
const MODELS: u64 = 12;
const SKUS: [&str; 2] = ["input", "output"];
/// Distance between the lines of successive orders. It is large, so that lines are visited in a scattered order, and
/// odd, so that it has no factor in common with most numbers of lines.
const STRIDE: u64 = 1_000_003;

/// The parameters of the orders. Order `n` depends on these values and `n` only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BenchOrders {
    /// The same seed generates the same orders.
    pub seed: u64,
    /// The company.
    pub company_id: i64,
    /// Its organizations, at least one.
    pub organization_ids: Vec<i64>,
    /// Channel of the company's brand.
    pub channel: i64,
    /// `CNY` or `USD`.
    pub currency: String,
    /// Number of orders.
    pub count: u64,
    /// Number of distinct lines, if there are at least twice as many orders.
    pub lines: u64,
    /// Start of the first hour, Unix seconds.
    pub start_s: i64,
    /// Number of days over which the orders are evenly distributed.
    pub days: i64,
}

impl Default for BenchOrders {
    /// A million orders in a year of company 1 with the 12,000 lines of bench/README.md, "The orders".
    fn default() -> Self {
        Self {
            seed: 1,
            company_id: 1,
            organization_ids: vec![1],
            channel: 1,
            currency: "CNY".to_owned(),
            count: 1_000_000,
            lines: 12_000,
            // 2025-01-01T00:00:00Z
            start_s: 1_735_689_600,
            days: 365,
        }
    }
}

impl BenchOrders {
    /// The orders by ascending start time and number; about 1 % are unpaid. Half of them visit all lines in turn, the
    /// other half prefer a few lines. Each passes [`NewOrder::check`] with this catalogue.
    ///
    /// # Panics
    /// If there are no organizations, lines or days.
    pub fn orders<'a>(&'a self, catalogue: &Catalogue) -> impl Iterator<Item = NewOrder> + 'a {
        assert!(!self.organization_ids.is_empty(), "orders need at least one organization");
        assert!(self.lines > 0 && self.days > 0, "orders need at least one line and one day");
        let lines: Vec<(Line, i64)> = (0..self.lines)
            .map(|number| {
                let line = self.line(number);
                let base_units = catalogue.base_units(line.pricing_unit).unwrap_or(1);
                (line, base_units)
            })
            .collect();
        (0..self.count).map(move |number| {
            let mut prng = Prng::stream(self.seed, number);
            let index = usize::try_from(self.line_of(number, &mut prng)).unwrap_or(0);
            let (line, base_units) = &lines[index];
            self.order(number, line, *base_units, &mut prng)
        })
    }

    fn line_of(&self, number: u64, prng: &mut Prng) -> u64 {
        if number.is_multiple_of(2) {
            let lines = u128::from(self.lines);
            let scattered = u128::from(number / 2) * u128::from(coprime_stride(self.lines)) % lines;
            u64::try_from(scattered).unwrap_or(0)
        } else {
            // A uniform number below a uniform number: a tenth of the lines has a third of the orders.
            let first = prng.below(self.lines) + 1;
            prng.below(first)
        }
    }

    fn line(&self, number: u64) -> Line {
        let (rest, sku) = (number / 2, number % 2);
        let (resource, model) = (rest / MODELS, rest % MODELS);
        let organizations = self.organization_ids.len();
        let organization = usize::try_from(resource).unwrap_or(0) % organizations;
        // Each model has its own price; every third model has a discount.
        let list = 200_000_000_000 + 137_500_000_000 * i64::try_from(model + 5 * sku).unwrap_or(0);
        let discount = if model.is_multiple_of(3) { list / 5 * 4 } else { list };
        let unit = if model.is_multiple_of(4) { K_TOKENS } else { M_TOKENS };
        let per_unit =
            |price: i64| UnitPrice::from_steps(if unit == K_TOKENS { price / 1_000 } else { price });
        Line {
            organization_id: self.organization_ids[organization],
            organization_name: String::new(),
            user_email: format!("user-{}@bench.example", resource % 50),
            resource_id: format!("umi-bench{resource:06}"),
            resource_name: String::new(),
            resource_type: 1,
            model_id: format!("bench-model-{model:02}"),
            model_name: format!("Bench Model {model:02}"),
            pricing_sku: SKUS[usize::from(sku == 1)].to_owned(),
            pricing_item_id: i64::try_from(9_000 + 2 * model + sku).unwrap_or(0),
            pricing_unit: unit,
            product_code: "modelverse".to_owned(),
            region: if resource.is_multiple_of(5) { "us-ca" } else { "cn-wlcb" }.to_owned(),
            charge_type: CHARGE_TYPE,
            order_type: USAGE_ORDER,
            channel: self.channel,
            currency: self.currency.clone(),
            list_price: per_unit(list),
            discount_price: per_unit(discount),
            amount_rule: AmountRule::Exact,
        }
    }

    fn order(&self, number: u64, line: &Line, base_units: i64, prng: &mut Prng) -> NewOrder {
        let hours = u128::from((self.days * (DAY_S / HOUR_S)).unsigned_abs());
        let hour = i64::try_from(u128::from(number) * hours / u128::from(self.count)).unwrap_or(0);
        let start_time_s = self.start_s + hour * HOUR_S;
        let end_time_s = start_time_s + HOUR_S;
        let quantity = prng.between(500, 2_500_000);
        let amount = |price: UnitPrice| {
            price.charge(quantity, base_units).expect("amounts of benchmark orders are small")
        };
        let original = amount(line.list_price);
        let total =
            if line.discount_price == line.list_price { original } else { amount(line.discount_price) };
        let settled_s = end_time_s + 60 + prng.between(0, 30);
        let source_number = format!("MO{start_time_s:011}{number:010}");
        let mut order = Order {
            number: source_number,
            counterpart: String::new(),
            status: Status::Paid,
            start_time_s,
            end_time_s,
            quantity,
            total,
            original,
            deductions: Deductions::default(),
            create_time_s: None,
            paid_time_s: Some(settled_s),
            revocation_time_s: None,
            replaces: String::new(),
            replaced_by: String::new(),
        };
        if prng.chance(10) {
            let arrears_number = format!("MU{start_time_s:011}{number:010}");
            order.counterpart = std::mem::replace(&mut order.number, arrears_number);
            order.status = Status::Unpaid;
            order.create_time_s = Some(settled_s);
            order.paid_time_s = None;
        } else {
            let coupon = if prng.chance(100) { total.steps() / 3 } else { 0 };
            *order.deductions.get_mut(AccountKind::Coupon) = Amount::from_steps(coupon);
            *order.deductions.get_mut(AccountKind::Cash) = Amount::from_steps(total.steps() - coupon);
        }
        NewOrder { company_id: self.company_id, line: line.clone(), order }
    }
}

/// A stride that is coprime to the number of lines, so that each line is visited once before any is visited again.
fn coprime_stride(lines: u64) -> u64 {
    (STRIDE..STRIDE + 10_000).find(|stride| greatest_common_divisor(*stride, lines) == 1).unwrap_or(1)
}

fn greatest_common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}
