//! Tables and keys of our own price files to prices.

use std::path::Path;

use tollbook_domain::catalogue::Catalogue;
use tollbook_domain::field_rules::MAX_ENUM;
use tollbook_domain::price::{Matcher, TimeOfDay};
use tollbook_domain::price_list::{OWN_LIST, PriceListDescription, check_list_name};
use tollbook_domain::tenant::CURRENCIES;
use tollbook_domain::usage::service_tier;
use tollbook_domain::{HourOffsets, Price, UnitPrice};
use toml::de::DeTable;

use super::duplicate_prices::refuse_duplicate_prices;
use super::fields::{Field, FieldResult, Fields, LocatedPrice};
use crate::prices::civil::second_of_day;
use crate::prices::list::PriceList;
use crate::prices::model_matcher::text_matcher;
use crate::text::check_text;
use crate::toml::Source;

const ROOT_KEYS: [&str; 4] = ["list", "currency", "unit", "model"];
const MODEL_KEYS: [&str; 12] = [
    "id",
    "name",
    "provider",
    "provider_names",
    "provider_models",
    "match",
    "currency",
    "unit",
    "valid_from",
    "valid_until",
    "prices",
    "variant",
];
const VARIANT_KEYS: [&str; 4] = ["longer_than", "time_of_day", "service_tier", "prices"];
const MATCH_KEYS: [&str; 8] = ["equals", "starts_with", "ends_with", "contains", "regex", "any", "or", "and"];

/// Reads the text of a price file; `file` names it in errors.
pub(in crate::prices) fn parse(
    file: &Path,
    text: &str,
    valid_from_s: i64,
    catalogue: &Catalogue,
    offsets: &HourOffsets,
) -> FieldResult<PriceList> {
    let source = Source { file, text };
    let document = DeTable::parse(text).map_err(|error| source.parse_error(error))?;
    let root = Fields::root(&source, &document, &ROOT_KEYS)?;
    let list = root.get("list").map_or(Ok(OWN_LIST.to_owned()), |field| list_name(&field))?;
    let reader = ModelReader {
        catalogue,
        offsets,
        list: &list,
        valid_from_s,
        currency: root.get("currency").map(|field| currency(&field)).transpose()?,
        unit: root.get("unit").map(|field| unit(&field, catalogue)).transpose()?,
    };
    let models = root.get("model").map(|models| models.array()).transpose()?.unwrap_or_default();
    if models.is_empty() {
        return Err(source.error(None, "", "has no prices: it must have a [[model]]"));
    }
    let mut prices = Vec::new();
    for model in models {
        reader.model(&model.table(&MODEL_KEYS)?, &mut prices)?;
    }
    refuse_duplicate_prices(&prices)?;
    let prices = prices.into_iter().map(|located| located.price).collect();
    let list = PriceListDescription { name: list, ..PriceListDescription::own() };
    Ok(PriceList { list, prices, rounded: Vec::new(), omitted: Vec::new(), unread: Vec::new() })
}

/// Defaults of the models of a file.
struct ModelReader<'a> {
    catalogue: &'a Catalogue,
    offsets: &'a HourOffsets,
    list: &'a str,
    valid_from_s: i64,
    currency: Option<String>,
    unit: Option<i64>,
}

impl ModelReader<'_> {
    fn model<'a>(&self, model: &Fields<'a>, out: &mut Vec<LocatedPrice<'a>>) -> FieldResult<()> {
        let Some(id) = model.get("id") else {
            return model.wrong("must have an id; id = \"\" is for no model");
        };
        let id = id.text()?;
        let currency = match model.get("currency") {
            Some(field) => currency(&field)?,
            None => match &self.currency {
                Some(currency) => currency.clone(),
                None => return model.wrong("must have a currency, here or at the top of the file"),
            },
        };
        let (valid_from_s, valid_until_s) = self.validity(model)?;
        // The SKU, its price and its condition are filled in later.
        let template = Price {
            list: self.list.to_owned(),
            provider: provider(model)?,
            provider_names: model.get("provider_names").map(|field| matcher(&field)).transpose()?,
            provider_models: model.get("provider_models").map(|field| matcher(&field)).transpose()?,
            model_id: id.to_owned(),
            model_name: model.get("name").map_or(Ok(id), |name| name.text())?.to_owned(),
            models: match model.get("match") {
                Some(field) => matcher(&field)?,
                None => Matcher::Equals(id.to_owned()),
            },
            sku: String::new(),
            pricing_unit: 0,
            item_id: 0,
            currency,
            list_price: UnitPrice::default(),
            valid_from_s,
            valid_until_s,
            longer_than: None,
            time_of_day: None,
            service_tier: String::new(),
            is_fallback: false,
        };
        let unit = model.get("unit").map(|field| unit(&field, self.catalogue)).transpose()?.or(self.unit);
        let first = out.len();
        if let Some(prices) = model.get("prices") {
            self.prices(&prices, &template, unit, &[], out)?;
        }
        let base: Vec<Price> = out.iter().skip(first).map(|located| located.price.clone()).collect();
        for variant in model.get("variant").map(|field| field.array()).transpose()?.unwrap_or_default() {
            let variant = variant.table(&VARIANT_KEYS)?;
            let template = Price {
                longer_than: variant.get("longer_than").map(|field| field.integer(i64::MAX)).transpose()?,
                time_of_day: variant.get("time_of_day").map(|field| time_of_day(&field)).transpose()?,
                service_tier: variant.get("service_tier").map_or(Ok(String::new()), |field| tier(&field))?,
                ..template.clone()
            };
            if (template.longer_than, template.time_of_day, template.service_tier.as_str())
                == (None, None, "")
            {
                return variant.wrong(
                    "must have a condition: longer_than, time_of_day, service_tier or several of them",
                );
            }
            match variant.get("prices") {
                Some(prices) => self.prices(&prices, &template, unit, &base, out)?,
                None => return variant.wrong("must have prices"),
            }
        }
        if out.len() == first { model.wrong("must have prices") } else { Ok(()) }
    }

    fn validity(&self, model: &Fields<'_>) -> FieldResult<(i64, Option<i64>)> {
        let valid_from_s =
            model.get("valid_from").map_or(Ok(self.valid_from_s), |field| field.time_s(self.offsets))?;
        let Some(until) = model.get("valid_until") else { return Ok((valid_from_s, None)) };
        let valid_until_s = until.time_s(self.offsets)?;
        if valid_until_s <= valid_from_s {
            return until.wrong("must be after the time from which the price is valid");
        }
        Ok((valid_from_s, Some(valid_until_s)))
    }

    /// Reads a table of SKUs. A SKU of a variant has the unit and the item of the model's base price, unless it states
    /// its own.
    fn prices<'a>(
        &self,
        prices: &Field<'a>,
        template: &Price,
        unit_of_model: Option<i64>,
        base: &[Price],
        out: &mut Vec<LocatedPrice<'a>>,
    ) -> FieldResult<()> {
        let Some(entries) = prices.any_table() else { return prices.wrong("must be a table of SKUs") };
        for (sku, field) in entries.entries() {
            if sku.is_empty() {
                return field.wrong("must have a name: a SKU is not empty");
            }
            check_text(sku).map_err(|reason| field.error(reason))?;
            let base = base.iter().find(|price| price.sku == sku);
            let (mut unit_of_sku, mut item_id) = (None, None);
            let price = if field.value.is_table() {
                let table = field.table(&["price", "unit", "item_id"])?;
                unit_of_sku = table.get("unit").map(|field| unit(&field, self.catalogue)).transpose()?;
                item_id = table.get("item_id").map(|field| field.integer(MAX_ENUM)).transpose()?;
                match table.get("price") {
                    Some(price) => unit_price(&price)?,
                    None => return table.wrong("must have a price"),
                }
            } else {
                unit_price(&field)?
            };
            let inherited = base.map(|price| price.pricing_unit).or(unit_of_model);
            let Some(pricing_unit) = unit_of_sku.or(inherited) else {
                return field.wrong("must have a unit, here, in its model or at the top of the file");
            };
            let item_id = item_id.or(base.map(|price| price.item_id)).unwrap_or(0);
            let sku = sku.to_owned();
            let price = Price { sku, pricing_unit, item_id, list_price: price, ..template.clone() };
            out.push(LocatedPrice { field, price });
        }
        Ok(())
    }
}

fn list_name(field: &Field<'_>) -> FieldResult<String> {
    let name = field.text()?;
    check_list_name(name).map_err(|reason| field.error(reason))?;
    Ok(name.to_owned())
}

fn currency(field: &Field<'_>) -> FieldResult<String> {
    let known = |text: &str| CURRENCIES.contains(&text);
    let text = field.value.as_str().filter(|text| known(text)).map(str::to_owned);
    text.ok_or_else(|| field.error(format!("must be one of {}", CURRENCIES.join(", "))))
}

fn unit(field: &Field<'_>, catalogue: &Catalogue) -> FieldResult<i64> {
    let unit = field.integer(MAX_ENUM)?;
    match catalogue.base_units(unit) {
        Some(_) => Ok(unit),
        None => field.wrong("is not the number of a pricing unit of the catalogue"),
    }
}

fn unit_price(field: &Field<'_>) -> FieldResult<UnitPrice> {
    let Some(text) = field.value.as_str() else {
        return field.wrong("must be a text such as \"0.0024\", so that it is exact");
    };
    UnitPrice::parse(text).map_err(|error| field.error(error.to_string()))
}

/// The provider of a model; empty if none is stated.
fn provider(model: &Fields<'_>) -> FieldResult<String> {
    match model.get("provider") {
        Some(field) => match field.text()? {
            "" => field.wrong("must not be empty"),
            provider => Ok(provider.to_owned()),
        },
        None if model.has("provider_models") => model.wrong("has provider_models, but no provider"),
        None if model.has("provider_names") => model.wrong("has provider_names, but no provider"),
        None => Ok(String::new()),
    }
}

fn matcher(field: &Field<'_>) -> FieldResult<Matcher> {
    let table = field.table(&MATCH_KEYS)?;
    let mut entries = table.entries();
    let (Some((operator, operand)), None) = (entries.next(), entries.next()) else {
        return field.wrong(format!("must have one of {}", MATCH_KEYS.join(", ")));
    };
    let list = || match operand.array()? {
        matchers if matchers.is_empty() => operand.wrong("must not be empty"),
        matchers => matchers.iter().map(matcher).collect::<FieldResult<Vec<Matcher>>>(),
    };
    match operator {
        "any" if operand.value.as_bool() == Some(true) => Ok(Matcher::Any),
        "any" => operand.wrong("can only be true"),
        "or" => list().map(Matcher::OneOf),
        "and" => list().map(Matcher::AllOf),
        operator => match text_matcher(operator, operand.text()?) {
            Some(matcher) => matcher.map_err(|reason| operand.error(reason)),
            None => operand.wrong("is not a way to match"),
        },
    }
}

/// A service tier that is not the ordinary one.
fn tier(field: &Field<'_>) -> FieldResult<String> {
    match service_tier(field.text()?) {
        ordinary if ordinary.is_empty() => {
            field.wrong("must not be the ordinary tier: prices without a service_tier are its")
        }
        tier => Ok(tier),
    }
}

fn time_of_day(field: &Field<'_>) -> FieldResult<TimeOfDay> {
    let table = field.table(&["from", "until"])?;
    let second = |key: &str| {
        let Some(time) = table.get(key) else { return table.wrong("must have from and until") };
        let second = time.value.as_str().and_then(second_of_day);
        second.ok_or_else(|| time.error("must be a time of the day in UTC such as \"16:30\""))
    };
    let (from_s, until_s) = (second("from")?, second("until")?);
    if from_s == until_s {
        table.wrong("must not end when it begins")
    } else {
        Ok(TimeOfDay { from_s, until_s })
    }
}
