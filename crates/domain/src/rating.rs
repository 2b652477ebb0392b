//! Rating: pricing one usage record, once, when it is accepted (docs/CHARGING.md, "Rating"). The result depends on the
//! record, the prices of its model, the discounts and the company alone.

use std::sync::Arc;

use crate::input_skus::InputSkus;
use crate::line::{AmountRule, Line};
use crate::money::{Rounding, UnitPrice};
use crate::price::{Discount, ModelPrices, PriceQuery};
use crate::usage::{REQUEST, Usage};

/// `ChargeType` of orders made from usage: pay-as-you-go.
pub const CHARGE_TYPE: i64 = 102;
/// `OrderType` of the first order of a line and hour.
pub const USAGE_ORDER: i64 = 102;
/// `OrderType` of the later orders of a line and hour.
pub const SUPPLEMENTARY_ORDER: i64 = 301;

/// Terms that apply to all usage of a company.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Currency of the company; prices in other currencies do not apply.
    pub currency: String,
    /// Sales channel of the company's brand.
    pub channel: i64,
    /// How the company's brand rounds the amounts of orders.
    pub rounding: Rounding,
    /// All discounts.
    pub discounts: Vec<Discount>,
    /// SKUs that count towards the length of a request.
    pub input_skus: InputSkus,
    /// Whether usage with a price of 0 makes orders.
    pub bill_zero_amounts: bool,
}

/// A quantity to charge, and the line it is added to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// The line; its order type is [`USAGE_ORDER`]. Charges may share it.
    pub line: Arc<Line>,
    /// Quantity in base units; positive.
    pub quantity: i64,
}

/// Result of rating a record. A record is charged entirely or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rated {
    /// Quantities to charge; each is added to the open hour of its line.
    Charged(Vec<Charge>),
    /// Every price is 0.
    Free,
    /// A SKU of the record has no price; with the reason to display.
    Unpriced(String),
}

/// What makes a line of usage, before it is made: records repeat lines, and most need not be made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LineParts<'a> {
    usage: LineUsage<'a>,
    sku: &'a str,
    list_price: UnitPrice,
    discount_price: UnitPrice,
    model_name: &'a str,
    item_id: i64,
    pricing_unit: i64,
    channel: i64,
    currency: &'a str,
    amount_rule: AmountRule,
}

/// What the lines of a record have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct LineUsage<'a> {
    organization_id: i64,
    organization_name: &'a str,
    user_email: &'a str,
    resource_id: &'a str,
    resource_name: &'a str,
    resource_type: i64,
    model_id: &'a str,
    product_code: &'a str,
    region: &'a str,
}

impl<'a> LineParts<'a> {
    /// The parts of a line of usage.
    fn of(line: &'a Line) -> Self {
        Self {
            usage: LineUsage {
                organization_id: line.organization_id,
                organization_name: &line.organization_name,
                user_email: &line.user_email,
                resource_id: &line.resource_id,
                resource_name: &line.resource_name,
                resource_type: line.resource_type,
                model_id: &line.model_id,
                product_code: &line.product_code,
                region: &line.region,
            },
            sku: &line.pricing_sku,
            list_price: line.list_price,
            discount_price: line.discount_price,
            model_name: &line.model_name,
            item_id: line.pricing_item_id,
            pricing_unit: line.pricing_unit,
            channel: line.channel,
            currency: &line.currency,
            amount_rule: line.amount_rule,
        }
    }

    /// Whether a line of usage has these parts.
    pub fn are_of(&self, line: &Line) -> bool {
        *self == LineParts::of(line)
    }

    /// Makes the line.
    pub fn to_line(&self) -> Line {
        let Self { usage, .. } = *self;
        Line {
            organization_id: usage.organization_id,
            organization_name: usage.organization_name.to_owned(),
            user_email: usage.user_email.to_owned(),
            resource_id: usage.resource_id.to_owned(),
            resource_name: usage.resource_name.to_owned(),
            resource_type: usage.resource_type,
            model_id: usage.model_id.to_owned(),
            model_name: self.model_name.to_owned(),
            pricing_sku: self.sku.to_owned(),
            pricing_item_id: self.item_id,
            pricing_unit: self.pricing_unit,
            product_code: usage.product_code.to_owned(),
            region: usage.region.to_owned(),
            charge_type: CHARGE_TYPE,
            order_type: USAGE_ORDER,
            channel: self.channel,
            currency: self.currency.to_owned(),
            list_price: self.list_price,
            discount_price: self.discount_price,
            amount_rule: self.amount_rule,
        }
    }
}

/// Rates a record as [`rate_with`] does, with lines of its own.
pub fn rate(usage: &Usage, organization_name: &str, prices: &ModelPrices, terms: &Terms) -> Rated {
    rate_with(usage, organization_name, prices, terms, &mut |parts| Arc::new(parts.to_line()))
}

/// Rates a record of the organization of a name. `prices` are those for its provider and model and the company's
/// currency ([`ModelPrices::choose`]); `line` makes a line of its parts, or returns one that was made before.
pub fn rate_with(
    usage: &Usage,
    organization_name: &str,
    prices: &ModelPrices,
    terms: &Terms,
    line: &mut dyn FnMut(&LineParts<'_>) -> Arc<Line>,
) -> Rated {
    let of_usage = LineUsage {
        organization_id: usage.organization_id,
        organization_name,
        user_email: &usage.user_email,
        resource_id: &usage.resource_id,
        resource_name: &usage.resource_name,
        resource_type: usage.resource_type,
        model_id: &usage.model_id,
        product_code: &usage.product_code,
        region: &usage.region,
    };
    let request_length = usage.request_length(&terms.input_skus);
    let mut charges = Vec::new();
    for (sku, quantity) in usage.used() {
        let query =
            PriceQuery { sku, time_s: usage.time_s, request_length, service_tier: &usage.service_tier };
        let Some(price) = prices.find(query) else {
            if sku == REQUEST && has_no_fee(usage, prices) {
                continue;
            }
            return Rated::Unpriced(unpriced_reason(usage, prices, sku, &terms.currency));
        };
        let factor = Discount::choose(&terms.discounts, usage.company_id, &usage.model_id, sku);
        let discount_price = Discount::apply(factor, price.list_price);
        if discount_price == UnitPrice::default() && !terms.bill_zero_amounts {
            continue;
        }
        let parts = LineParts {
            usage: of_usage,
            sku,
            list_price: price.list_price,
            discount_price,
            model_name: &price.model_name,
            item_id: price.item_id,
            pricing_unit: price.pricing_unit,
            channel: terms.channel,
            currency: &terms.currency,
            amount_rule: AmountRule::from(terms.rounding),
        };
        charges.push(Charge { line: line(&parts), quantity });
    }
    if charges.is_empty() { Rated::Free } else { Rated::Charged(charges) }
}

/// Whether a request costs nothing beside the other quantities of its record: the model has no price of a request, of any
/// tier, time or currency. A record that counts only requests needs one.
fn has_no_fee(usage: &Usage, prices: &ModelPrices) -> bool {
    let counts_more = usage.used().any(|(sku, _)| sku != REQUEST);
    counts_more && !prices.has_sku_of_any_tier(REQUEST) && prices.other_currency(Some(REQUEST)).is_none()
}

fn unpriced_reason(usage: &Usage, prices: &ModelPrices, sku: &str, currency: &str) -> String {
    let (model, tier) = (&usage.model_id, &usage.service_tier);
    let of_provider = match usage.provider.as_str() {
        "" => String::new(),
        provider => format!(" of provider {provider:?}"),
    };
    // A price in another currency is no price; the operator may not have seen why.
    let elsewhere = |sku: Option<&str>| match prices.other_currency(sku) {
        Some(other) => format!(", it is priced in {other}; import the list with --rate {other}=…"),
        None => String::new(),
    };
    if prices.is_empty() {
        let why = match elsewhere(None) {
            none if none.is_empty() && prices.is_variant_of_priced() => {
                ", and the price of the name before the colon is not that of a variant".to_owned()
            }
            elsewhere => elsewhere,
        };
        return format!("model {model:?}{of_provider} has no price in {currency}{why}");
    }
    if !tier.is_empty() && !prices.has_sku(sku, tier) && prices.has_sku_of_any_tier(sku) {
        return format!("SKU {sku:?} of model {model:?} has no price of service tier {tier:?}");
    }
    if prices.has_sku(sku, tier) {
        return format!("SKU {sku:?} of model {model:?} has no price at that time");
    }
    if tier.is_empty() && prices.has_sku_of_any_tier(sku) {
        return format!("SKU {sku:?} of model {model:?} has no price of the ordinary service tier");
    }
    format!("SKU {sku:?} of model {model:?} has no price{}", elsewhere(Some(sku)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::price::Price;
    use crate::price::tests::price;
    use crate::usage::tests::usage;

    fn terms() -> Terms {
        let half = |model: &str| Discount {
            company_id: 1,
            model_id: model.into(),
            sku: String::new(),
            factor: UnitPrice::parse("0.5").unwrap(),
        };
        let free = Discount { factor: UnitPrice::default(), ..half("gratis") };
        Terms {
            currency: "CNY".into(),
            channel: 7,
            rounding: Rounding::Exact,
            discounts: vec![half("half"), free],
            input_skus: InputSkus::default(),
            bill_zero_amounts: false,
        }
    }

    #[test]
    fn a_record_is_charged_free_or_unpriced() {
        let models = ["m", "half", "gratis"];
        let mut book: Vec<Price> = models
            .iter()
            .flat_map(|model| {
                [
                    price(model, "input", "2"),
                    Price { longer_than: Some(1_000), ..price(model, "input", "4") },
                    price(model, "output", "8"),
                    price(model, "cache_read", "0"),
                ]
            })
            .collect();
        book.push(Price { valid_from_s: 2_000_000, ..price("m", "image", "1") });
        book.push(price("half", "request", "6"));
        book.push(Price { service_tier: "batch".into(), ..price("gratis", "request", "6") });
        let dollars = |model, sku| Price { currency: "USD".into(), ..price(model, sku, "1") };
        book.extend([dollars("m", "video"), dollars("d", "input")]);
        let tier = |sku| Price { service_tier: "flex".into(), ..price("m", sku, "1") };
        book.extend([tier("input"), tier("only_flex")]);
        // model | quantities | result
        let table = "
            m      | input 10, output 5        | input 10 at 2.00 of 2.00, output 5 at 8.00 of 8.00
            m      | input 10, output 0        | input 10 at 2.00 of 2.00
            m      | input 1, cache_read 1000  | input 1 at 4.00 of 4.00
            m      | input 1001                | input 1001 at 4.00 of 4.00
            m      | cache_read 10             | free
            m      | input 0                   | free
            half   | input 10                  | input 10 at 1.00 of 2.00
            gratis | input 10                  | free
            m      | input 10, odd 1           | SKU \"odd\" of model \"m\" has no price
            m      | input 10, request 1       | input 10 at 2.00 of 2.00
            m      | cache_read 10, request 1  | free
            m      | request 1                 | SKU \"request\" of model \"m\" has no price
            half   | input 10, request 1       | input 10 at 1.00 of 2.00, request 1 at 3.00 of 6.00
            half   | request 2                 | request 2 at 3.00 of 6.00
            gratis | input 10, request 1       | SKU \"request\" of model \"gratis\" has no price of the ordinary service tier
            d      | input 10, request 1       | model \"d\" has no price in CNY, it is priced in USD; import the list with --rate USD=…
            m      | image 1                   | SKU \"image\" of model \"m\" has no price at that time
            m      | input 1, cache_write_1h 1000 | SKU \"cache_write_1h\" of model \"m\" has no price
            m      | video 1                   | SKU \"video\" of model \"m\" has no price, it is priced in USD; import the list with --rate USD=…
            m      | only_flex 1               | SKU \"only_flex\" of model \"m\" has no price of the ordinary service tier
            m/flex | input 10                  | input 10 at 1.00 of 1.00
            m/flex | output 10                 | SKU \"output\" of model \"m\" has no price of service tier \"flex\"
            m/x    | input 10                  | SKU \"input\" of model \"m\" has no price of service tier \"x\"
            d      | input 10                  | model \"d\" has no price in CNY, it is priced in USD; import the list with --rate USD=…
            m:free | input 10                  | model \"m:free\" has no price in CNY, and the price of the name before the colon is not that of a variant
            n      | input 10                  | model \"n\" has no price in CNY";
        for row in table.lines().filter(|row| row.contains('|')) {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let mut usage = usage();
            let (model, tier) = cells[0].split_once('/').unwrap_or((cells[0], ""));
            (usage.model_id, usage.service_tier) = (model.into(), tier.into());
            usage.quantities = cells[1]
                .split(", ")
                .map(|pair| {
                    let (sku, quantity) = pair.split_once(' ').unwrap();
                    (sku.to_owned(), quantity.parse().unwrap())
                })
                .collect();
            usage.quantities.sort();
            let prices = ModelPrices::choose(&book, "", &usage.model_id, "CNY");
            let got = match rate(&usage, "One", &prices, &terms()) {
                Rated::Free => "free".to_owned(),
                Rated::Unpriced(reason) => reason,
                Rated::Charged(charges) => charges
                    .iter()
                    .map(|Charge { line, quantity }| {
                        let (sku, list, paid) = (&line.pricing_sku, line.list_price, line.discount_price);
                        format!("{sku} {quantity} at {paid} of {list}")
                    })
                    .collect::<Vec<_>>()
                    .join(", "),
            };
            assert_eq!(got, cells[2], "{row}");
        }
    }

    #[test]
    fn parts_are_those_of_the_line_that_they_make_alone() {
        let mut book = [price("m", "input", "1"), price("m", "output", "2")];
        book[0].model_name = "M".into();
        let prices = ModelPrices::choose(&book, "", "m", "CNY");
        let mut made = 0;
        let mut of = |usage: &Usage, organization: &str, terms: &Terms| {
            let rated = rate_with(usage, organization, &prices, terms, &mut |parts| {
                made += 1;
                let line = parts.to_line();
                assert!(parts.are_of(&line));
                Arc::new(line)
            });
            assert_eq!(rated, rate(usage, organization, &prices, terms));
            let Rated::Charged(charges) = rated else { panic!("it is charged") };
            charges
        };
        let first = of(&usage(), "One", &terms());
        let parts = LineParts::of(&first[0].line);
        assert!(parts.are_of(&first[0].line) && !parts.are_of(&first[1].line));
        let changes: [fn(&mut Usage); 7] = [
            |usage| usage.organization_id += 1,
            |usage| usage.user_email.push('x'),
            |usage| usage.resource_id.push('x'),
            |usage| usage.resource_name.push('x'),
            |usage| usage.resource_type += 1,
            |usage| usage.product_code.push('x'),
            |usage| usage.region.push('x'),
        ];
        for change in changes {
            let mut other = usage();
            change(&mut other);
            assert!(!parts.are_of(&of(&other, "One", &terms())[0].line), "{other:?}");
        }
        assert!(!parts.are_of(&of(&usage(), "Two", &terms())[0].line));
        let other = Terms { rounding: Rounding::CentUp, ..terms() };
        assert!(!parts.are_of(&of(&usage(), "One", &other)[0].line));
        let other = Terms { channel: 8, ..terms() };
        assert!(!parts.are_of(&of(&usage(), "One", &other)[0].line));
        assert_eq!(made, 2 * 11);
    }

    #[test]
    fn zero_amounts_make_orders_if_the_terms_say_so() {
        let book = [price("m", "input", "0"), price("m", "output", "0")];
        let prices = ModelPrices::choose(&book, "", "m", "CNY");
        let terms = Terms { bill_zero_amounts: true, rounding: Rounding::CentUp, ..terms() };
        let Rated::Charged(charges) = rate(&usage(), "One", &prices, &terms) else {
            panic!("both are charged")
        };
        assert_eq!(charges.len(), 2);
        let line = &charges[0].line;
        assert_eq!((line.order_type, line.channel, line.organization_name.as_str()), (102, 7, "One"));
        assert_eq!(line.amount_rule, AmountRule::CentUp);
    }
}
