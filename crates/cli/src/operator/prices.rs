//! `prices` and `discount`: the price book and discounts on it.

use serde_json::{Value, json};
use tollbook_domain::{Discount, Price, UnitPrice};
use tollbook_formats::prices;
use tollbook_ops::charging::reprice;

use super::context::{CommandContext, now_s, time_text};
use crate::arguments::{DiscountCommand, Global, PricesCommand};
use crate::output::{Failure, Output, note, printable, table};

/// Maximum number of rounded prices to print.
const SHOWN: usize = 20;

pub(crate) fn prices(global: &Global, command: &PricesCommand, output: &Output) -> Result<(), Failure> {
    let context = CommandContext::open(global)?;
    match command {
        PricesCommand::Import { file, valid_from } => {
            let valid_from_s = context.optional_unix_s("--valid-from", *valid_from)?;
            let offsets = context.store.snapshot()?.hour_offsets()?;
            let list = prices::read(file, valid_from_s, &context.catalogue, &offsets)?;
            let mut transaction = context.store.begin()?;
            let put = transaction.put_prices(&list.prices)?;
            transaction.commit()?;
            // Usage that has a price now is charged at once, instead of by the next round of a server.
            let charged = reprice(&context.charging(), now_s())?;
            for rounded in list.rounded.iter().take(SHOWN) {
                note(&printable(&format!(
                    "{} {} {}: {} has more than 12 places, kept as {}",
                    rounded.provider, rounded.model_id, rounded.sku, rounded.stated, rounded.kept
                )));
            }
            let rounded = list.rounded.iter().map(|rounded| {
                json!({
                    "Provider": rounded.provider,
                    "ModelID": rounded.model_id,
                    "PricingSKU": rounded.sku,
                    "Stated": rounded.stated,
                    "Kept": rounded.kept.to_string(),
                })
            });
            let left_out = list.omitted.iter().map(
                |left| json!({"Provider": left.provider, "ModelID": left.model_id, "Reason": left.reason}),
            );
            let value = json!({
                "Prices": list.prices.len(),
                "Added": put.added,
                "Changed": put.changed,
                "Unchanged": put.unchanged,
                "Rounded": rounded.collect::<Vec<_>>(),
                "LeftOut": left_out.collect::<Vec<_>>(),
                "UsageCharged": charged,
            });
            output.result(&value, || {
                format!(
                    "{} prices: {} added, {} changed, {} unchanged; {} rounded; {} models left out; {charged} usage \
                     records without a price were charged",
                    list.prices.len(),
                    put.added,
                    put.changed,
                    put.unchanged,
                    list.rounded.len(),
                    list.omitted.len()
                )
            });
        }
        PricesCommand::List { provider, model } => {
            let wanted = |price: &&Price| {
                provider.as_ref().is_none_or(|provider| *provider == price.provider)
                    && model.as_ref().is_none_or(|model| *model == price.model_id)
            };
            let book = context.store.snapshot()?.prices()?;
            let rows: Vec<Value> = book.iter().filter(wanted).map(price_value).collect();
            output.result(&json!({"Prices": rows}), || {
                table(
                    &["Provider", "Model", "SKU", "Price", "Currency", "Unit", "From", "Only"],
                    book.iter().filter(wanted).map(price_row),
                )
            });
        }
    }
    Ok(())
}

fn price_value(price: &Price) -> Value {
    json!({
        "Provider": price.provider,
        "ModelID": price.model_id,
        "ModelName": price.model_name,
        "Models": price.models.to_text(),
        "PricingSKU": price.sku,
        "PricingUnit": price.pricing_unit,
        "PricingItemID": price.item_id,
        "Currency": price.currency,
        "ListPrice": price.list_price.to_string(),
        "ValidFrom": price.valid_from_s,
        "ValidUntil": price.valid_until_s,
        "LongerThan": price.longer_than,
        "TimeOfDay": price.time_of_day.map(|day| [clock(day.from_s), clock(day.until_s)]),
        "Fallback": price.is_fallback,
    })
}

fn clock(second: i64) -> String {
    format!("{:02}:{:02}:{:02}", second / 3_600, second / 60 % 60, second % 60)
}

fn price_row(price: &Price) -> Vec<String> {
    let mut conditions = Vec::new();
    conditions.extend(price.longer_than.map(|length| format!("longer than {length}")));
    let day = price.time_of_day.map(|day| format!("{} to {} UTC", clock(day.from_s), clock(day.until_s)));
    conditions.extend(day);
    conditions.extend(price.valid_until_s.map(|until_s| format!("until {}", time_text(until_s))));
    conditions.extend(price.is_fallback.then(|| "another provider's model".to_owned()));
    vec![
        printable(&price.provider),
        printable(&price.model_id),
        printable(&price.sku),
        price.list_price.to_string(),
        price.currency.clone(),
        price.pricing_unit.to_string(),
        time_text(price.valid_from_s),
        conditions.join(", "),
    ]
}

pub(crate) fn discount(global: &Global, command: &DiscountCommand, output: &Output) -> Result<(), Failure> {
    let context = CommandContext::open(global)?;
    match command {
        DiscountCommand::Set { company, model, sku, factor } => {
            let refused = |reason: &str| Failure::new(format!("--factor: {reason}"));
            let parsed = UnitPrice::parse(factor).map_err(|error| refused(&error.to_string()))?;
            if parsed > Discount::NONE {
                return Err(refused("must be at most 1"));
            }
            if company.is_none() && model.is_none() && sku.is_none() {
                return Err(Failure::new("name a company, a model or a SKU"));
            }
            let discount = Discount {
                company_id: company.unwrap_or(0),
                model_id: model.clone().unwrap_or_default(),
                sku: sku.clone().unwrap_or_default(),
                factor: parsed,
            };
            let mut transaction = context.store.begin()?;
            if let Some(company_id) = company
                && transaction.company(*company_id)?.is_none()
            {
                return Err(Failure::new(format!("company {company_id} does not exist")));
            }
            transaction.set_discount(&discount)?;
            transaction.commit()?;
            output.result(&discount_value(&discount), || {
                format!("{} of the list price will be charged for new usage", discount.factor)
            });
        }
        DiscountCommand::List => {
            let discounts = context.store.snapshot()?.discounts()?;
            let value = json!({"Discounts": discounts.iter().map(discount_value).collect::<Vec<_>>()});
            output.result(&value, || {
                let rows = discounts.iter().map(|discount| {
                    let any = |text: &str| if text.is_empty() { "any".to_owned() } else { printable(text) };
                    let company = match discount.company_id {
                        0 => "any".to_owned(),
                        company_id => company_id.to_string(),
                    };
                    vec![company, any(&discount.model_id), any(&discount.sku), discount.factor.to_string()]
                });
                table(&["CompanyID", "ModelID", "PricingSKU", "Factor"], rows)
            });
        }
    }
    Ok(())
}

fn discount_value(discount: &Discount) -> Value {
    json!({
        "CompanyID": discount.company_id,
        "ModelID": discount.model_id,
        "PricingSKU": discount.sku,
        "Factor": discount.factor.to_string(),
    })
}
