//! Rating: pricing one usage record, once, when it is accepted (docs/CHARGING.md, "Rating"). The result depends on the
//! record, the prices of its model, the discounts and the company alone.

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
    /// The line; its order type is [`USAGE_ORDER`].
    pub line: Line,
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

/// Rates a record of the organization of a name. `prices` are those for its provider and model and the company's
/// currency ([`ModelPrices::choose`]).
pub fn rate(usage: &Usage, organization_name: &str, prices: &ModelPrices, terms: &Terms) -> Rated {
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
        let line = Line {
            organization_id: usage.organization_id,
            organization_name: organization_name.to_owned(),
            user_email: usage.user_email.clone(),
            resource_id: usage.resource_id.clone(),
            resource_name: usage.resource_name.clone(),
            resource_type: usage.resource_type,
            model_id: usage.model_id.clone(),
            model_name: price.model_name.clone(),
            pricing_sku: sku.to_owned(),
            pricing_item_id: price.item_id,
            pricing_unit: price.pricing_unit,
            product_code: usage.product_code.clone(),
            region: usage.region.clone(),
            charge_type: CHARGE_TYPE,
            order_type: USAGE_ORDER,
            channel: terms.channel,
            currency: terms.currency.clone(),
            list_price: price.list_price,
            discount_price,
            amount_rule: AmountRule::from(terms.rounding),
        };
        charges.push(Charge { line, quantity });
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
