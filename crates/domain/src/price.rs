//! The price book: prices of a pricing unit by SKU, model, time, request length and time of day, and discounts on them
//! (docs/PRICES.md, "How a price is found" and "Discounts"). Price lists are parsed elsewhere.

pub use crate::matcher::{Closeness, Matcher, NameMatch, NamePart};
use crate::money::{UNIT_PRICE_PLACES, UnitPrice, divide_rounded};
use crate::provider_names::{ModelNames, NameForm, OfProvider, ProviderRule};
use crate::time::DAY_S;

/// How closely a price describes provider and model; greater is closer. Compared in this order: whether the model is the
/// provider's own and no fallback, how the provider is the price's, the form of the model's name, its closeness.
pub type PriceCloseness = (bool, ProviderRule, NameForm, Closeness);

/// A part of the UTC day, `[from_s, until_s)`; if it ends before it begins, it contains midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
    /// Name of its price list.
    pub list: String,
    /// Provider of the models; empty: any provider.
    pub provider: String,
    /// Names that usage may have for the provider, if nothing else is known of a name; `None`: none.
    pub provider_names: Option<Matcher>,
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
    /// Applies only to usage of this service tier, as [`crate::usage::service_tier`] writes it; empty: the ordinary one.
    pub service_tier: String,
    /// Applies only if the provider has no other price: the model is another provider's.
    pub is_fallback: bool,
}

/// How a price describes provider and model of a use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PriceMatch {
    /// How closely.
    pub closeness: PriceCloseness,
    /// The part of the model's name that its matcher describes.
    pub part: NamePart,
}

impl OfProvider for Price {
    fn provider(&self) -> &str {
        &self.provider
    }

    fn provider_names(&self) -> Option<&Matcher> {
        self.provider_names.as_ref()
    }

    fn provider_models(&self) -> Option<&Matcher> {
        self.provider_models.as_ref()
    }
}

impl PriceMatch {
    /// How the provider of the use is the price's.
    pub const fn provider(&self) -> ProviderRule {
        self.closeness.1
    }

    /// The form of the model's name that is matched.
    pub const fn form(&self) -> NameForm {
        self.closeness.2
    }
}

/// A use that a price is looked up for, apart from provider and model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PriceQuery<'q> {
    /// SKU that is counted.
    pub sku: &'q str,
    /// Time, Unix seconds.
    pub time_s: i64,
    /// Length of the request in tokens.
    pub request_length: i64,
    /// Service tier, as [`crate::usage::service_tier`] writes it.
    pub service_tier: &'q str,
}

impl Price {
    /// How it describes provider and model by the first of the names that it applies to; `None` if by none.
    pub(crate) fn model_match(&self, names: &ModelNames) -> Option<PriceMatch> {
        names.iter().find_map(|name| {
            let provider = name.provider_rule(self)?;
            let NameMatch { closeness, part, .. } = self.models.model_match_of_lower(&name.lower_id)?;
            Some(PriceMatch { closeness: (!self.is_fallback, provider, name.form, closeness), part })
        })
    }

    /// Whether it applies at a time.
    pub fn is_valid_at(&self, time_s: i64) -> bool {
        self.valid_from_s <= time_s && self.valid_until_s.is_none_or(|until_s| time_s < until_s)
    }

    /// Whether it applies to a use of its provider and model.
    pub fn applies_to(&self, query: PriceQuery<'_>) -> bool {
        self.sku == query.sku
            && self.service_tier == query.service_tier
            && self.is_valid_at(query.time_s)
            && self.longer_than.is_none_or(|length| query.request_length > length)
            && self.time_of_day.is_none_or(|day| day.contains(query.time_s))
    }
}

/// What decides between two prices that apply; the greater holds. Compared in the order of the fields. Of equal ones, the
/// first of the book holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Precedence {
    /// Place of the price's list in the book, negated: the first list is 0.
    pub list: i64,
    /// How closely the price describes provider and model.
    pub closeness: PriceCloseness,
    /// `longer_than` of the price.
    pub longer_than: Option<i64>,
    /// Whether the price is for a time of day.
    pub has_time_of_day: bool,
    /// Start of validity.
    pub valid_from_s: i64,
}

impl Precedence {
    /// Of a price of the list at a place, with its closeness.
    pub(crate) fn new(list: usize, closeness: PriceCloseness, price: &Price) -> Self {
        Self {
            list: i64::try_from(list).unwrap_or(i64::MAX).saturating_neg(),
            closeness,
            longer_than: price.longer_than,
            has_time_of_day: price.time_of_day.is_some(),
            valid_from_s: price.valid_from_s,
        }
    }
}

/// The places of the lists of a book. The book has its lists in the order in which they hold.
pub(crate) struct ListPlaces<'b>(Vec<&'b str>);

impl<'b> ListPlaces<'b> {
    pub(crate) fn of(book: &'b [Price]) -> Self {
        let mut lists: Vec<&str> = Vec::new();
        for price in book {
            if lists.last() != Some(&price.list.as_str()) && !lists.contains(&price.list.as_str()) {
                lists.push(&price.list);
            }
        }
        Self(lists)
    }

    /// Place of a list of the book; 0 is the first.
    pub(crate) fn place(&self, list: &str) -> usize {
        self.0.iter().position(|known| *known == list).unwrap_or(self.0.len())
    }
}

/// The prices that can apply to one provider, model and currency. Chosen once and used for every record of the model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelPrices {
    prices: Vec<ModelPrice>,
    /// SKU and currency of the prices of the model in other currencies.
    in_other_currencies: Vec<(String, String)>,
    /// Whether the model is a variant, and the book has prices for the name before the colon.
    is_variant_of_priced: bool,
}

/// A price of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
struct ModelPrice {
    precedence: Precedence,
    part: NamePart,
    price: Price,
}

impl ModelPrices {
    /// Chooses the prices from a book, which has its lists in the order in which they hold.
    pub fn choose(book: &[Price], provider: &str, model_id: &str, currency: &str) -> Self {
        let lists = ListPlaces::of(book);
        let names = ModelNames::new(book, provider, model_id);
        let before_variant = names.before_variant();
        let mut chosen = Self::default();
        for price in book {
            let Some(found) = price.model_match(&names) else {
                let is_before =
                    before_variant.as_ref().is_some_and(|names| price.model_match(names).is_some());
                chosen.is_variant_of_priced |= is_before;
                continue;
            };
            if price.currency == currency {
                let precedence = Precedence::new(lists.place(&price.list), found.closeness, price);
                chosen.prices.push(ModelPrice { precedence, part: found.part, price: price.clone() });
            } else if !chosen
                .in_other_currencies
                .iter()
                .any(|(sku, other)| (sku, other) == (&price.sku, &price.currency))
            {
                chosen.in_other_currencies.push((price.sku.clone(), price.currency.clone()));
            }
        }
        chosen
    }

    /// Whether the model is a variant, `name:variant`, of a name that has prices; they are not the variant's.
    pub fn is_variant_of_priced(&self) -> bool {
        self.is_variant_of_priced
    }

    /// Whether the book has no price for the model in the currency.
    pub fn is_empty(&self) -> bool {
        self.prices.is_empty()
    }

    /// The price of a use: among those that apply, the one with the greatest [`Precedence`], then the first of the book.
    pub fn find(&self, query: PriceQuery<'_>) -> Option<&Price> {
        self.find_match(query).map(|(price, _)| price)
    }

    /// The price of a use, and how it describes provider and model.
    pub fn find_match(&self, query: PriceQuery<'_>) -> Option<(&Price, PriceMatch)> {
        let mut best: Option<&ModelPrice> = None;
        for one in self.prices.iter().filter(|one| one.price.applies_to(query)) {
            if best.is_none_or(|best| one.precedence > best.precedence) {
                best = Some(one);
            }
        }
        best.map(|best| (&best.price, PriceMatch { closeness: best.precedence.closeness, part: best.part }))
    }

    /// Whether a SKU has a price of a service tier at any time.
    pub fn has_sku(&self, sku: &str, service_tier: &str) -> bool {
        self.prices.iter().any(|one| one.price.sku == sku && one.price.service_tier == service_tier)
    }

    /// Whether a SKU has a price of any service tier at any time.
    pub fn has_sku_of_any_tier(&self, sku: &str) -> bool {
        self.prices.iter().any(|one| one.price.sku == sku)
    }

    /// The first other currency in which a SKU of the model has a price; of any SKU if `None`.
    pub fn other_currency(&self, sku: Option<&str>) -> Option<&str> {
        let mut others = self.in_other_currencies.iter();
        others.find(|(other, _)| sku.is_none_or(|sku| sku == other)).map(|(_, currency)| currency.as_str())
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

    /// Whether usage of this discount would get `broader` if this one did not exist: it names less, and applies to what
    /// this one names.
    pub fn overrides(&self, broader: &Self) -> bool {
        let within = self.company_id == 0 || [0, self.company_id].contains(&broader.company_id);
        within
            && (broader.model_id.is_empty() || broader.model_id == self.model_id)
            && (broader.sku.is_empty() || broader.sku == self.sku)
            && broader.rank() < self.rank()
    }

    const fn rank(&self) -> (bool, bool, bool) {
        (!self.sku.is_empty(), !self.model_id.is_empty(), self.company_id != 0)
    }

    /// The factor that applies: that of the most specific discount. A discount that names the SKU is more specific than
    /// one that names the model, and that more specific than one that names the company.
    pub fn choose(discounts: &[Self], company_id: i64, model_id: &str, sku: &str) -> UnitPrice {
        let applicable = discounts.iter().filter(|discount| discount.applies(company_id, model_id, sku));
        applicable.max_by_key(|discount| discount.rank()).map_or(Self::NONE, |discount| discount.factor)
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
            list: "own".into(),
            provider: String::new(),
            provider_names: None,
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
            service_tier: String::new(),
            is_fallback: false,
        }
    }

    pub(crate) fn query(sku: &str, time_s: i64, request_length: i64) -> PriceQuery<'_> {
        PriceQuery { sku, time_s, request_length, service_tier: "" }
    }

    fn found(book: &[Price], provider: &str, model: &str, sku: &str, time_s: i64, length: i64) -> String {
        let prices = ModelPrices::choose(book, provider, model, "CNY");
        prices
            .find(query(sku, time_s, length))
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
    fn the_first_list_holds_whatever_its_provider_match_or_date() {
        let published = |list: &str, list_price| Price {
            list: list.into(),
            provider: "maker".into(),
            provider_models: Some(Matcher::StartsWith("m".into())),
            valid_from_s: 1_000,
            ..price("m", "input", list_price)
        };
        let own = Price { models: Matcher::Any, ..price("", "input", "2") };
        let book = [own, published("a", "1"), published("b", "3"), price("m", "late", "9")];
        for provider in ["", "maker", "Maker", "other"] {
            assert_eq!(found(&book, provider, "m", "input", 2_000, 0), "2.00", "{provider}");
        }
        let book = [published("b", "3"), published("a", "1")];
        assert_eq!(found(&book, "", "m", "input", 2_000, 0), "3.00");
        assert_eq!(found(&book, "", "m", "input", 999, 0), "none");
    }

    #[test]
    fn a_service_tier_has_prices_of_its_own_only() {
        let tier =
            |tier: &str, list_price| Price { service_tier: tier.into(), ..price("m", "input", list_price) };
        let book = [price("m", "input", "2"), tier("flex", "1")];
        let prices = ModelPrices::choose(&book, "", "m", "CNY");
        let found = |service_tier| {
            let query = PriceQuery { service_tier, ..query("input", 0, 0) };
            prices.find(query).map(|price| price.list_price.to_string())
        };
        assert_eq!(found("").as_deref(), Some("2.00"));
        assert_eq!(found("flex").as_deref(), Some("1.00"));
        assert_eq!(found("priority"), None);
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

    #[test]
    fn a_discount_overrides_those_that_name_less_of_the_same() {
        // discount | broader one | whether it is overridden; company, model, SKU
        let table = "
            1 m .     | 1 . .  | yes
            1 m .     | 2 . .  | no
            0 m .     | 1 . .  | yes
            1 m .     | 0 m .  | yes
            1 m input | 1 m .  | yes
            1 . input | 1 m .  | no
            1 . .     | 1 m .  | no
            1 m .     | 1 m .  | no
            1 m .     | 1 n .  | no
            0 m .     | 1 m .  | no";
        let discount = |text: &str| {
            let words: Vec<&str> = text.split_whitespace().collect();
            let name = |word: &str| if word == "." { String::new() } else { word.to_owned() };
            let company_id = words[0].parse().unwrap();
            Discount { company_id, model_id: name(words[1]), sku: name(words[2]), factor: Discount::NONE }
        };
        for row in table.lines().filter(|row| row.contains('|')) {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            assert_eq!(discount(cells[0]).overrides(&discount(cells[1])), cells[2] == "yes", "{row}");
        }
    }
}
