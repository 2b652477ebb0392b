//! `prices` and `discount`: the price book and discounts on it.

use serde_json::{Value, json};
use tollbook_api::views;
use tollbook_domain::{Discount, Price, UnitPrice};
use tollbook_ops::pricing::{PriceImport, remove_discount, set_discount};
use tollbook_store::PriceSelection;

use super::context::{CommandContext, time_text};
use super::price_values::conditions;
use super::{price_book, price_import};
use crate::arguments::{DiscountCommand, Global, PricesCommand};
use crate::output::{Failure, Output, note, printable, table};

pub(crate) fn prices(global: &Global, command: &PricesCommand, output: &Output) -> Result<(), Failure> {
    let context = CommandContext::open(global)?;
    match command {
        PricesCommand::Import { file, valid_from, list, factor, rate, dry_run } => {
            let valid_from_s = context.optional_unix_s("--valid-from", *valid_from)?;
            let import = PriceImport { name: list.clone(), factor: *factor, rate: rate.clone() };
            return price_import::import(&context, file, valid_from_s, &import, *dry_run, output);
        }
        PricesCommand::Lists { order } => return price_book::lists(&context, order, output),
        PricesCommand::Explain(arguments) => return price_book::explain(&context, arguments, output),
        PricesCommand::Remove { list, model, sku, until } => {
            let selection = PriceSelection { list, model_id: model.as_deref(), sku: sku.as_deref() };
            let until_s = context.optional_unix_s("--until", *until)?;
            return price_book::remove(&context, selection, until_s, output);
        }
        PricesCommand::Export { file, list } => return price_book::export(&context, file, list, output),
        PricesCommand::List { list, provider, model } => {
            let wanted = |price: &&Price| {
                list.as_ref().is_none_or(|list| *list == price.list)
                    && provider.as_ref().is_none_or(|provider| *provider == price.provider)
                    && model.as_ref().is_none_or(|model| *model == price.model_id)
            };
            let book = context.store.snapshot()?.prices()?;
            let rows: Vec<Value> = book.iter().filter(wanted).map(views::price).collect();
            output.result(&json!({"Prices": rows}), || {
                table(
                    &["List", "Provider", "Model", "SKU", "Price", "Currency", "Unit", "From", "Only"],
                    book.iter().filter(wanted).map(price_row),
                )
            });
        }
    }
    Ok(())
}

fn price_row(price: &Price) -> Vec<String> {
    vec![
        printable(&price.list),
        printable(&price.provider),
        printable(&price.model_id),
        printable(&price.sku),
        price.list_price.to_string(),
        price.currency.clone(),
        price.pricing_unit.to_string(),
        time_text(price.valid_from_s),
        conditions(price),
    ]
}

pub(crate) fn discount(global: &Global, command: &DiscountCommand, output: &Output) -> Result<(), Failure> {
    let context = CommandContext::open(global)?;
    match command {
        DiscountCommand::Set { company, model, sku, factor } => {
            let refused = |reason: &str| Failure::new(format!("--factor: {reason}"));
            let parsed = UnitPrice::parse(factor).map_err(|error| refused(&error.to_string()))?;
            let discount = Discount {
                company_id: company.unwrap_or(0),
                model_id: model.clone().unwrap_or_default(),
                sku: sku.clone().unwrap_or_default(),
                factor: parsed,
            };
            if set_discount(context.store.as_ref(), &discount)?.has_unknown_model {
                note(&printable(&format!(
                    "no price and no order has the model {:?}: the discount applies to nothing until there is one",
                    discount.model_id
                )));
            }
            output.result(&views::discount(&discount), || {
                format!("{} of the list price will be charged for new usage", discount.factor)
            });
        }
        DiscountCommand::Remove { company, model, sku } => {
            let (company_id, text) =
                (company.unwrap_or(0), |text: &Option<String>| text.clone().unwrap_or_default());
            let (model_id, sku) = (text(model), text(sku));
            remove_discount(context.store.as_ref(), company_id, &model_id, &sku)?;
            let value =
                json!({"CompanyID": company_id, "ModelID": model_id, "PricingSKU": sku, "Removed": true});
            output.result(&value, || {
                "removed; new usage has the next less specific discount, if there is one".to_owned()
            });
        }
        DiscountCommand::List => {
            let discounts = context.store.snapshot()?.discounts()?;
            let value = json!({"Discounts": discounts.iter().map(views::discount).collect::<Vec<_>>()});
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
