//! The price book: prices of a pricing unit by SKU, model, time, request length and time of day, and discounts on them
//! (docs/PRICES.md, "How a price is found" and "Discounts"). Price lists are parsed elsewhere.

pub use crate::matcher::{Closeness, Matcher};
use crate::money::{UNIT_PRICE_PLACES, UnitPrice, divide_rounded};
use crate::time::DAY_S;

/// How closely a price describes provider and model; greater is closer. Compared in this order: whether the model is the
/// provider's own and no fallback, whether the price names a provider, closeness of the model.
pub type PriceCloseness = (bool, bool, Closeness);

/// A part of the UTC day, `[from_s, until_s)`; if it ends before it begins, it contains midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeOfDay {
    /// Start, seconds since midnight.
    pub from_s: i64,
    /// End, seconds since midnight; not included.
    pub until_s: i64,
}

impl TimeOfDay {
    /// Whether it contains a time, given in Unix seconds.
    pub const fn contains(self, time_s: i64) -> bool {
        let second = time_s.rem_euclid(DAY_S);
        if self.from_s <= self.until_s {
            self.from_s <= second && second < self.until_s
        } else {
            self.from_s <= second || second < self.until_s
        }
    }
}

/// One price of the book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    /// Provider of the models; empty: any provider.
    pub provider: String,
    /// Models that imply the provider if usage names none; `None`: usage must name the provider.
    pub provider_models: Option<Matcher>,
    /// Model identifier in the book; with the provider it names the price in lists. Empty: no model is needed.
    pub model_id: String,
    /// Display name of the model; may be empty.
    pub model_name: String,
    /// Models that the price applies to.
    pub models: Matcher,
    /// SKU that is counted.
    pub sku: String,
    /// Number of the pricing unit in the catalogue.
    pub pricing_unit: i64,
    /// `PricingItemID` of the orders; 0 if not stated.
    pub item_id: i64,
    /// Currency: `CNY` or `USD`.
    pub currency: String,
    /// Price of one pricing unit.
    pub list_price: UnitPrice,
    /// Start of validity, Unix seconds.
    pub valid_from_s: i64,
    /// End of validity, Unix seconds, not included; `None`: no end.
    pub valid_until_s: Option<i64>,
    /// Applies only to requests longer than this number of tokens ([`crate::Usage::request_length`]); every count of such a
    /// request is charged at this price.
    pub longer_than: Option<i64>,
    /// Applies only at this time of the day.
    pub time_of_day: Option<TimeOfDay>,
    /// Applies only if the provider has no other price: the model is another provider's.
    pub is_fallback: bool,
}

impl Price {
    /// How closely it describes a provider and model; `None` if it does not apply to them.
    pub fn closeness(&self, provider: &str, model_id: &str) -> Option<PriceCloseness> {
        let of_provider = if self.provider.is_empty() {
            false
        } else if provider.is_empty() {
            self.provider_models.as_ref()?.closeness(model_id)?;
            true
        } else if self.provider.eq_ignore_ascii_case(provider) {
            true
        } else {
            return None;
        };
        Some((!self.is_fallback, of_provider, self.models.closeness(model_id)?))
    }

    /// Whether it applies at a time, to a request of a length in tokens.
    pub fn applies_at(&self, time_s: i64, request_length: i64) -> bool {
        self.valid_from_s <= time_s
            && self.valid_until_s.is_none_or(|until_s| time_s < until_s)
            && self.longer_than.is_none_or(|length| request_length > length)
            && self.time_of_day.is_none_or(|day| day.contains(time_s))
    }
}

/// The prices that can apply to one provider, model and currency. Chosen once and used for every record of the model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelPrices(Vec<(PriceCloseness, Price)>);

impl ModelPrices {
    /// Chooses the prices from a book.
    pub fn choose(book: &[Price], provider: &str, model_id: &str, currency: &str) -> Self {
        let in_currency = book.iter().filter(|price| price.currency == currency);
        let found =
            in_currency.filter_map(|price| Some((price.closeness(provider, model_id)?, price.clone())));
        Self(found.collect())
    }

    /// Whether the book has no price for the model.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The price of a SKU. Among the prices that apply, the one that describes provider and model most closely; then the
    /// one for the longest requests, then one for a time of day, then the one with the latest start of validity, then the
    /// first of the book.
    pub fn find(&self, sku: &str, time_s: i64, request_length: i64) -> Option<&Price> {
        type Ranked<'p> = (PriceCloseness, Option<i64>, bool, i64, &'p Price);
        let mut best: Option<Ranked<'_>> = None;
        for (closeness, price) in &self.0 {
            if price.sku != sku || !price.applies_at(time_s, request_length) {
                continue;
            }
            let day = price.time_of_day.is_some();
            let ranked = (*closeness, price.longer_than, day, price.valid_from_s, price);
            let rank = |(closeness, longer, day, from, _): Ranked<'_>| (closeness, longer, day, from);
            if best.is_none_or(|best| rank(ranked) > rank(best)) {
                best = Some(ranked);
            }
        }
        best.map(|(_, _, _, _, price)| price)
    }

    /// Whether a SKU has a price at any time.
    pub fn has_sku(&self, sku: &str) -> bool {
        self.0.iter().any(|(_, price)| price.sku == sku)
    }
}

/// A discount: a factor applied to list prices of a company, model or SKU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discount {
    /// Company; 0: all.
    pub company_id: i64,
    /// Model; empty: all.
    pub model_id: String,
    /// SKU; empty: all.
    pub sku: String,
    /// Part of the list price that is charged, between 0 and 1, as a count of 10⁻¹²: `0.85` is 850,000,000,000.
    pub factor: UnitPrice,
}

impl Discount {
    /// The factor 1: no discount.
    pub const NONE: UnitPrice = UnitPrice::from_steps(1_000_000_000_000);

    fn applies(&self, company_id: i64, model_id: &str, sku: &str) -> bool {
        (self.company_id == 0 || self.company_id == company_id)
            && (self.model_id.is_empty() || self.model_id == model_id)
            && (self.sku.is_empty() || self.sku == sku)
    }

    /// The factor that applies: that of the most specific discount. A discount that names the SKU is more specific than
    /// one that names the model, and that more specific than one that names the company.
    pub fn choose(discounts: &[Self], company_id: i64, model_id: &str, sku: &str) -> UnitPrice {
        let rank = |discount: &&Self| {
            (!discount.sku.is_empty(), !discount.model_id.is_empty(), discount.company_id != 0)
        };
        let applicable = discounts.iter().filter(|discount| discount.applies(company_id, model_id, sku));
        applicable.max_by_key(rank).map_or(Self::NONE, |discount| discount.factor)
    }

    /// `list price × factor`, rounded once to 12 places by [`divide_rounded`].
    pub fn apply(factor: UnitPrice, list_price: UnitPrice) -> UnitPrice {
        let product = i128::from(list_price.steps()).saturating_mul(i128::from(factor.steps()));
        let one = 10i128.saturating_pow(UNIT_PRICE_PLACES);
        let steps = divide_rounded(product, one);
        // The factor is at most 1, so the product fits.
        UnitPrice::from_steps(i64::try_from(steps).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use regex::Regex;

    use super::*;

    pub(crate) fn price(model: &str, sku: &str, list_price: &str) -> Price {
        Price {
            provider: String::new(),
            provider_models: None,
            model_id: model.into(),
            model_name: String::new(),
            models: Matcher::Equals(model.into()),
            sku: sku.into(),
            pricing_unit: 12,
            item_id: 0,
            currency: "CNY".into(),
            list_price: UnitPrice::parse(list_price).unwrap(),
            valid_from_s: 0,
            valid_until_s: None,
            longer_than: None,
            time_of_day: None,
            is_fallback: false,
        }
    }

    fn found(book: &[Price], provider: &str, model: &str, sku: &str, time_s: i64, length: i64) -> String {
        let prices = ModelPrices::choose(book, provider, model, "CNY");
        prices
            .find(sku, time_s, length)
            .map_or_else(|| "none".to_owned(), |price| price.list_price.to_string())
    }

    #[test]
    fn the_closest_description_of_a_model_applies() {
        let mut book = vec![
            Price { models: Matcher::Any, ..price("any", "input", "1") },
            Price { models: Matcher::Contains("gpt".into()), ..price("contains", "input", "2") },
            Price { models: Matcher::StartsWith("gpt-4".into()), ..price("starts", "input", "3") },
            price("gpt-4o", "input", "4"),
            Price { models: Matcher::EndsWith("-mini".into()), ..price("ends", "input", "5") },
            Price { models: Matcher::Pattern(Regex::new("^o[134]").unwrap()), ..price("o", "input", "6") },
        ];
        // model | price
        let table = "
            gpt-4o       | 4.00
            GPT-4o       | 4.00
            gpt-4-turbo  | 3.00
            my-gpt       | 2.00
            o3           | 6.00
            o3-mini      | 5.00
            else         | 1.00";
        for row in table.lines().filter(|row| row.contains('|')) {
            let (model, expected) = row.split_once('|').unwrap();
            assert_eq!(found(&book, "", model.trim(), "input", 10, 0), expected.trim(), "{row}");
        }
        book.push(Price { models: Matcher::Any, ..price("any", "image", "7") });
        assert_eq!(found(&book, "", "gpt-4o", "image", 10, 0), "7.00", "each SKU has its own closest price");
    }

    #[test]
    fn providers_are_named_or_implied_by_the_model() {
        let of = |provider: &str, models: Option<Matcher>, list_price| Price {
            provider: provider.into(),
            provider_models: models,
            ..price("m-1", "input", list_price)
        };
        let mut fallback = of("azure", None, "9");
        fallback.is_fallback = true;
        fallback.models = Matcher::Equals("m-2".into());
        let book =
            [of("maker", Some(Matcher::StartsWith("m-".into())), "1"), of("azure", None, "2"), fallback];
        for (provider, model, expected) in [
            ("", "m-1", "1.00"),
            ("maker", "m-1", "1.00"),
            ("Azure", "m-1", "2.00"),
            ("azure", "m-2", "9.00"),
            ("other", "m-1", "none"),
        ] {
            assert_eq!(found(&book, provider, model, "input", 10, 0), expected, "{provider} {model}");
        }
        assert!(
            ModelPrices::choose(&book, "maker", "m-1", "USD").is_empty(),
            "prices are not converted between currencies"
        );
    }

    #[test]
    fn times_and_tiers_choose_the_price() {
        let book = [
            price("m", "input", "1"),
            Price { valid_from_s: 1_000_000, ..price("m", "input", "2") },
            Price { longer_than: Some(100), ..price("m", "input", "3") },
            Price { longer_than: Some(200), ..price("m", "input", "4") },
            Price {
                time_of_day: Some(TimeOfDay { from_s: 82_800, until_s: 3_600 }),
                ..price("m", "input", "5")
            },
            Price { valid_until_s: Some(500), ..price("m", "output", "6") },
            Price { valid_from_s: 500, ..price("m", "output", "7") },
        ];
        // sku | time | length | price
        let table = "
            input  | 10000   | 0   | 1.00
            input  | 10000   | 100 | 1.00
            input  | 10000   | 101 | 3.00
            input  | 10000   | 201 | 4.00
            input  | 3599    | 0   | 5.00
            input  | 3600    | 0   | 1.00
            input  | 82800   | 0   | 5.00
            input  | 1000000 | 0   | 2.00
            output | 499     | 0   | 6.00
            output | 500     | 0   | 7.00
            image  | 500     | 0   | none";
        for row in table.lines().filter(|row| row.contains('|')) {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let got = found(&book, "", "m", cells[0], cells[1].parse().unwrap(), cells[2].parse().unwrap());
            assert_eq!(got, cells[3], "{row}");
        }
    }

    #[test]
    fn the_most_specific_discount_applies() {
        let discount = |company_id, model: &str, sku: &str, factor: &str| Discount {
            company_id,
            model_id: model.into(),
            sku: sku.into(),
            factor: UnitPrice::parse(factor).unwrap(),
        };
        let all = [
            discount(1, "", "", "0.9"),
            discount(1, "m", "", "0.8"),
            discount(0, "m", "", "0.85"),
            discount(0, "", "input", "0.7"),
            discount(1, "m", "cache_read", "0"),
        ];
        // company | model | sku | factor
        let table = "
            1 | x | output     | 0.90
            2 | x | output     | 1.00
            1 | m | output     | 0.80
            2 | m | output     | 0.85
            1 | m | input      | 0.70
            1 | m | cache_read | 0.00
            2 | m | cache_read | 0.85";
        for row in table.lines().filter(|row| row.contains('|')) {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let factor = Discount::choose(&all, cells[0].parse().unwrap(), cells[1], cells[2]);
            assert_eq!(factor.to_string(), cells[3], "{row}");
        }
    }

    #[test]
    fn a_discount_price_is_rounded_once_to_12_places() {
        // list price | factor | discount price
        let table = "
            2              | 0.85           | 1.70
            0.000000000001 | 0.5            | 0.000000000001
            0.000000000001 | 0.499999999999 | 0.00
            0.000000000003 | 0.5            | 0.000000000002
            123.456        | 1              | 123.456
            123.456        | 0              | 0.00";
        for row in table.lines().filter(|row| row.contains('|')) {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let parse = |text| UnitPrice::parse(text).unwrap();
            assert_eq!(Discount::apply(parse(cells[1]), parse(cells[0])).to_string(), cells[2], "{row}");
        }
    }
}
