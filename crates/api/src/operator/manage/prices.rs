//! The price book and discounts.

use std::io::Write as _;

use serde_json::{Value, json};
use tollbook_domain::price_list::{Multiplier, Rate};
use tollbook_domain::{Discount, Price, UnitPrice};
use tollbook_formats::prices;
use tollbook_ops::pricing::{
    self, PriceImport, PriceQuestion, import_prices, preview_prices, remove_discount, set_discount,
};
use tollbook_store::{AuditEntry, PriceSelection};

use super::call::{Call, values_after};
use super::failed::Failed;
use crate::operator::exchange::Problem;
use crate::views;

pub(super) fn list(call: &Call<'_>) -> Result<Value, Failed> {
    let values = call.values;
    let is = |name: &str, value: &str| values.text(name).is_none_or(|wanted| wanted == value);
    let wanted = |price: &&Price| {
        is("List", &price.list) && is("Provider", &price.provider) && is("ModelID", &price.model_id)
    };
    let book = call.store().snapshot()?.prices()?;
    Ok(json!({"Prices": book.iter().filter(wanted).map(views::price).collect::<Vec<_>>()}))
}

pub(super) fn lists(call: &Call<'_>) -> Result<Value, Failed> {
    Ok(views::price_lists(&pricing::price_lists(call.store())?))
}

pub(super) fn order(call: &Call<'_>) -> Result<Value, Failed> {
    pricing::order_lists(call.store(), &call.values.texts("Order"))?;
    lists(call)
}

pub(super) fn explain(call: &Call<'_>) -> Result<Value, Failed> {
    let values = call.values;
    let question = PriceQuestion {
        company_id: values.number("CompanyID"),
        provider: values.text_or_empty("Provider"),
        model_id: values.text_or_empty("ModelID"),
        sku: values.text_or_empty("PricingSKU"),
        tokens: values.integer("Tokens").unwrap_or(0),
        tier: values.text_or_empty("ServiceTier"),
        time_s: values.integer("Time").unwrap_or_else(|| call.now_s()),
    };
    Ok(views::explained_price(&pricing::explain_price(call.store(), &question)?))
}

pub(super) fn import(call: &Call<'_>) -> Result<Value, Failed> {
    let values = call.values;
    let Some((ending, bytes)) = call.file else { return Err(Failed::malformed("the body is missing")) };
    let factor = values.text("Factor").map(Multiplier::parse).transpose();
    let rate = values.text("Rate").map(Rate::parse).transpose();
    let import = PriceImport {
        name: values.text("List").map(ToOwned::to_owned),
        factor: factor.map_err(|reason| Failed::parameter("Factor", reason))?,
        rate: rate.map_err(|reason| Failed::parameter("Rate", reason))?,
    };
    // The readers of price lists read files, by their endings.
    let spooled = tempfile::Builder::new().suffix(ending).tempfile().and_then(|mut file| {
        file.write_all(bytes)?;
        Ok(file)
    });
    let spooled = spooled.map_err(|error| {
        tracing::error!(%error, "a price list cannot be spooled");
        Failed::Problem(Problem::Unavailable, None)
    })?;
    let offsets = call.store().snapshot()?.hour_offsets()?;
    let valid_from_s = values.integer("ValidFrom");
    let list =
        prices::read(spooled.path(), valid_from_s, call.service.catalogue(), &offsets).map_err(|error| {
            // Without the name of the spooled file, which means nothing to the caller.
            let line = error.line.map(|line| format!("line {line}: ")).unwrap_or_default();
            let key = if error.key.is_empty() { String::new() } else { format!("{}: ", error.key) };
            Failed::refused(None, format!("{line}{key}{}", error.reason))
        })?;
    let (omitted, unread) = (list.omitted.clone(), list.unread.clone());
    let mut value = if values.flag("DryRun") {
        views::previewed(&preview_prices(&call.charging(), &list, &import)?, &omitted, &unread)
    } else {
        views::imported(&import_prices(&call.charging(), list, &import, call.now_s())?, &omitted, &unread)
    };
    value["Repeated"] = false.into();
    Ok(value)
}

/// What a repeated import did before: its list and its counts.
pub(super) fn import_again(_: &Call<'_>, entry: &AuditEntry) -> Result<Value, Failed> {
    let after = values_after(entry)?;
    let mut value = json!({"Repeated": true});
    for name in ["List", "Factor", "Rate", "Prices", "Added", "Changed", "Unchanged"] {
        value[name] = after[name].clone();
    }
    value["Own"] = after["IsOwn"].clone();
    Ok(value)
}

pub(super) fn remove(call: &Call<'_>) -> Result<Value, Failed> {
    let values = call.values;
    let list = values.text_or_empty("list");
    let selection = PriceSelection { list, model_id: values.text("ModelID"), sku: values.text("PricingSKU") };
    let (ended, removed) = pricing::remove_prices(call.store(), selection, values.integer("Until"))?;
    Ok(json!({"List": list, "Ended": ended, "Removed": removed}))
}

pub(super) fn list_discounts(call: &Call<'_>) -> Result<Value, Failed> {
    let discounts = call.store().snapshot()?.discounts()?;
    Ok(json!({"Discounts": discounts.iter().map(views::discount).collect::<Vec<_>>()}))
}

pub(super) fn put_discount(call: &Call<'_>) -> Result<Value, Failed> {
    let values = call.values;
    let factor = UnitPrice::parse(values.text_or_empty("Factor"));
    let discount = Discount {
        company_id: values.integer("CompanyID").unwrap_or(0),
        model_id: values.text_or_empty("ModelID").to_owned(),
        sku: values.text_or_empty("PricingSKU").to_owned(),
        factor: factor.map_err(|error| Failed::parameter("Factor", error.to_string()))?,
    };
    set_discount(call.store(), &discount)?;
    Ok(views::discount(&discount))
}

pub(super) fn delete_discount(call: &Call<'_>) -> Result<Value, Failed> {
    let values = call.values;
    let company_id = values.integer("CompanyID").unwrap_or(0);
    let (model_id, sku) = (values.text_or_empty("ModelID"), values.text_or_empty("PricingSKU"));
    remove_discount(call.store(), company_id, model_id, sku)?;
    Ok(json!({"CompanyID": company_id, "ModelID": model_id, "PricingSKU": sku, "Removed": true}))
}
