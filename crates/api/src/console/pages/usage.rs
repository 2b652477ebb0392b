//! Usage as the operator sees it: a record and what became of it, usage without a price, and corrections.

use maud::{Markup, html};
use serde_json::{Value, json};

use super::act;
use crate::console::error::PageError;
use crate::console::reply::Reply;
use crate::console::text;
use crate::console::visit::{Visit, text_of};
use crate::console::{desk, layout, members, tables};

/// Models without a price, and corrections, that are shown.
const SHOWN: i64 = 100;

pub(in crate::console) fn page(visit: &mut Visit<'_>) -> Result<Reply, PageError> {
    desk::check_query(visit, &["company", "ID", "Source"])?;
    let company = desk::numbers(visit, &["company"])?;
    let unpriced = desk::read(visit, "ListUnpricedModels", vec![("Limit".to_owned(), SHOWN.into())])?;
    let (mut found, mut corrections) = (None, None);
    if let Some((_, company_id)) = company.first() {
        let mut values = company.clone();
        values.push(("Limit".to_owned(), SHOWN.into()));
        corrections = Some(desk::read(visit, "ListCorrections", values)?);
        if text_of(visit.query, "ID").is_some() {
            let mut values = desk::texts(visit, &["ID", "Source"]);
            values.push(("company".to_owned(), company_id.clone()));
            found = match desk::read(visit, "ExplainUsage", values) {
                Err(PageError::NotFound) => Some(json!({"Records": []})),
                found => Some(found?),
            };
        }
    }
    let company_text = company.first().map(|(_, id)| id.to_string());
    let title = visit.t(text::USAGE);
    let content = html! {
        (layout::heading(title, html! {}, html! {
            @if let Some(company) = &company_text {
                (act::link(visit, "rerate", &[("company", company)])) (act::link(visit, "usage-replace", &[("company", company)])) (act::link(visit, "revoke", &[("company", company)]))
            }
        }))
        section {
            h2 { (visit.t(text::SEARCH_RECORD)) }
            form class="controls" method="get" action="/operator/usage" {
                label { span { (members::label(visit, "CompanyID")) } input type="text" inputmode="numeric" name="company" value=(company_text.as_deref().unwrap_or_default()) required; }
                @for name in ["ID", "Source"] { label { span { (members::label(visit, name)) } input type="text" name=(name) value=(text_of(visit.query, name).unwrap_or_default()) maxlength="256"; } }
                button { (visit.t(text::SHOW)) }
            }
            @if let Some(found) = &found {
                @let records = desk::rows(found, "Records");
                @if records.is_empty() { (layout::nothing(visit, text::NO_RECORD)) }
                @for record in records { (explained(visit, company_text.as_deref().unwrap_or_default(), record)) }
            }
        }
        section {
            h2 { (visit.t(text::UNPRICED)) }
            @let models = desk::rows(&unpriced, "Models");
            @if models.is_empty() { (layout::nothing(visit, text::NOTHING_UNPRICED)) }
            @else { (members::table(visit, visit.t(text::UNPRICED), models, &["ModelID", "Provider", "Records", "Quantities", "Reasons", "Nearest"], None)) }
            (layout::command(visit, "tollbook usage unpriced --summary"))
        }
        @if let Some(corrections) = &corrections {
            section {
                h2 { (visit.t(text::CORRECTIONS)) }
                @let rows: Vec<Value> = desk::rows(corrections, "Corrections").iter().map(|row| { let mut row = row.clone(); row["CorrectionKind"] = row["Kind"].clone(); row }).collect();
                @if rows.is_empty() { p class="hint" { (visit.t(text::NONE)) } }
                @else { (members::table(visit, visit.t(text::CORRECTIONS), &rows, &["Time", "Key", "CorrectionKind", "Reason", "Reference", "Records", "OrdersReplaced", "OrdersMade"], None)) }
            }
        }
    };
    Ok(layout::page(visit, "/operator/usage", title, content))
}

/// A record, its charges, and what can be done about it.
fn explained(visit: &Visit<'_>, company: &str, record: &Value) -> Markup {
    let text = |name: &str| record[name].as_str().unwrap_or_default();
    let charges: Vec<Value> = desk::rows(record, "Charges")
        .iter()
        .map(|charge| {
            let mut row = charge.clone();
            row["OrderNo"] = charge["Order"]["OrderNo"].clone();
            row
        })
        .collect();
    let mut facts = record.clone();
    facts["Charges"] = Value::Null;
    let right = right_record(company, record);
    let right = serde_json::to_string_pretty(&right).unwrap_or_default();
    html! {
        article class="record" {
            (members::answer(visit, &facts))
            @if charges.is_empty() { p class="hint" { (visit.t(text::NO_CHARGES)) } }
            @else { (members::table(visit, visit.t(text::CHARGES), &charges, &["PricingSKU", "Quantity", "PricingUnit", "ListPrice", "DiscountPrice", "PriceList", "OrderNo"], None)) }
            div class="bar-actions" {
                (act::link(visit, "usage-void", &[("company", company), ("Void", text("Id")), ("Source", text("Source"))]))
                (act::link(visit, "usage-replace", &[("company", company), ("Replace", &right)]))
            }
            (layout::command(visit, &format!("tollbook usage explain --company {company} '{}'", text("Id"))))
            span class="sr" { (tables::count(charges.len())) }
        }
    }
}

/// The record as it would be sent again, to be corrected; what it does not state is left out.
fn right_record(company: &str, record: &Value) -> Value {
    let mut right = json!({"company_id": company.parse::<i64>().unwrap_or_default()});
    let fields = [
        ("organization_id", "OrganizationID"),
        ("resource_id", "ResourceID"),
        ("resource_name", "ResourceName"),
        ("resource_type", "ResourceType"),
        ("id", "Id"),
        ("source", "Source"),
        ("time", "Time"),
        ("provider", "Provider"),
        ("model_id", "ModelID"),
        ("product_code", "ProductCode"),
        ("region", "Region"),
        ("service_tier", "ServiceTier"),
        ("user_email", "UserEmail"),
        ("quantities", "Quantities"),
    ];
    for (field, member) in fields {
        if !record[member].is_null() && record[member] != "" {
            right[field] = record[member].clone();
        }
    }
    right
}
