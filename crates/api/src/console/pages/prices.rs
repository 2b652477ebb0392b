//! The price book: lists, prices, discounts, and why a use has its price.

use maud::{Markup, html};
use serde_json::Value;

use super::act;
use crate::console::error::PageError;
use crate::console::reply::Reply;
use crate::console::text;
use crate::console::visit::{Visit, text_of};
use crate::console::{desk, layout, members};

/// Prices that are shown at once.
const SHOWN: usize = 300;
const FILTERS: [&str; 3] = ["List", "Provider", "ModelID"];

pub(in crate::console) fn page(visit: &mut Visit<'_>) -> Result<Reply, PageError> {
    desk::check_query(visit, &FILTERS)?;
    let filters = desk::texts(visit, &FILTERS);
    let lists = desk::read(visit, "ListPriceLists", Vec::new())?;
    let prices = desk::read(visit, "ListPrices", filters)?;
    let discounts = desk::read(visit, "ListDiscounts", Vec::new())?;
    let (lists, prices, discounts) =
        (desk::rows(&lists, "Lists"), desk::rows(&prices, "Prices"), desk::rows(&discounts, "Discounts"));
    let shown = prices.get(..SHOWN).unwrap_or(prices);
    let order = lists.iter().filter_map(|list| list["List"].as_str()).collect::<Vec<_>>().join(" ");
    let remove = |list: &Value| {
        act::row_link(
            visit,
            "price-remove",
            text::REMOVE_ENDPOINT,
            &[("list", list["List"].as_str().unwrap_or_default())],
        )
    };
    let end = |discount: &Value| {
        let company = discount["CompanyID"].as_i64().filter(|id| *id > 0).map(|id| id.to_string());
        let text = |name: &str| discount[name].as_str().unwrap_or_default();
        let mut values = vec![("ModelID", text("ModelID")), ("PricingSKU", text("PricingSKU"))];
        values.extend(company.as_deref().map(|company| ("CompanyID", company)));
        values.retain(|(_, value)| !value.is_empty());
        act::row_link(visit, "discount-remove", text::REMOVE_ENDPOINT, &values)
    };
    let title = visit.t(text::PRICES);
    let content = html! {
        (layout::heading(title, html! { (visit.t(text::PRICES_WHY)) }, html! {
            (act::link(visit, "price-import", &[])) (act::link(visit, "discount-set", &[]))
        }))
        section {
            h2 { (visit.t(text::PRICE_LISTS)) }
            @if lists.is_empty() { (layout::nothing(visit, text::NO_PRICES)) }
            @else {
                (members::table(visit, visit.t(text::PRICE_LISTS), lists, &["Position", "List", "Own", "Format", "Prices", "Factor", "Rate"], Some(&remove)))
                div class="bar-actions" { (act::link(visit, "price-order", &[("Order", &order)])) }
            }
        }
        section { h2 { (visit.t(text::EXPLAIN_PRICE)) } (question(visit)) }
        section {
            h2 { (visit.t(text::DISCOUNTS)) }
            @if discounts.is_empty() { p class="hint" { (visit.t(text::NONE)) } }
            @else { (members::table(visit, visit.t(text::DISCOUNTS), discounts, &["CompanyID", "ModelID", "PricingSKU", "Factor"], Some(&end))) }
        }
        section {
            h2 { (visit.t(text::PRICES)) }
            form class="controls" method="get" action="/operator/prices" {
                @for name in FILTERS { (field(visit, name)) }
                button { (visit.t(text::SHOW)) }
            }
            @if prices.len() > SHOWN { p class="hint" { (text::ONLY_ROWS.with(visit.language, &[&SHOWN.to_string(), &prices.len().to_string()])) } }
            (members::table(visit, title, shown, &["List", "Provider", "ModelID", "PricingSKU", "ListPrice", "Currency", "PricingUnit", "ValidFrom", "ValidUntil", "LongerThan", "ServiceTier"], None))
        }
        (layout::command(visit, "tollbook prices list"))
    };
    Ok(layout::page(visit, "/operator/prices", title, content))
}

/// A field of a form that is sent with the URL.
fn field(visit: &Visit<'_>, name: &str) -> Markup {
    html! { label { span { (members::label(visit, name)) } input type="text" name=(name) value=(text_of(visit.query, name).unwrap_or_default()) maxlength="256"; } }
}

fn question(visit: &Visit<'_>) -> Markup {
    html! {
        form class="controls" method="get" action="/operator/prices/explain" {
            @for name in ["CompanyID", "ModelID", "PricingSKU", "Provider", "Tokens", "ServiceTier"] { (field(visit, name)) }
            button { (visit.t(text::SHOW)) }
        }
    }
}

/// Every price of a SKU, which one holds, and why.
pub(in crate::console) fn explain(visit: &mut Visit<'_>) -> Result<Reply, PageError> {
    let named = ["ModelID", "PricingSKU", "Provider", "ServiceTier"];
    desk::check_query(visit, &["CompanyID", "ModelID", "PricingSKU", "Provider", "ServiceTier", "Tokens"])?;
    let mut values = desk::texts(visit, &named);
    if !values.iter().any(|(name, _)| name == "ModelID") {
        values.push(("ModelID".to_owned(), "".into()));
    }
    values.extend(desk::numbers(visit, &["CompanyID", "Tokens"])?);
    let explained = desk::read(visit, "ExplainPrice", values)?;
    let prices = desk::rows(&explained, "Prices");
    let mut facts = explained.clone();
    facts["Prices"] = Value::Null;
    let title = visit.t(text::EXPLAIN_PRICE);
    let text = |name: &str| explained[name].as_str().unwrap_or_default();
    let command = format!(
        "tollbook prices explain --company {} --model '{}' --sku '{}'",
        explained["CompanyID"],
        text("ModelID"),
        text("PricingSKU")
    );
    let content = html! {
        (layout::heading(title, html! { a href="/operator/prices" { (visit.t(text::PRICES)) } }, html! {}))
        (question(visit))
        (members::answer(visit, &facts))
        @if prices.is_empty() { (layout::nothing(visit, text::NO_PRICES)) }
        @else { (members::table(visit, title, prices, &["Outcome", "Why", "List", "Provider", "ModelID", "MatchedBy", "ListPrice", "Currency", "ValidFrom", "ValidUntil", "LongerThan", "ServiceTier"], None)) }
        (layout::command(visit, &command))
    };
    Ok(layout::page(visit, "/operator/prices", title, content))
}
