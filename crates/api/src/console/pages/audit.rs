//! The audit log: who did what, filtered, and whether its chains are whole.

use maud::html;
use serde_json::Value;

use crate::console::error::PageError;
use crate::console::reply::Reply;
use crate::console::text;
use crate::console::view::{Link, parse_date};
use crate::console::visit::{Visit, text_of};
use crate::console::{desk, layout, members};

/// Entries that are shown.
const SHOWN: i64 = 200;

pub(in crate::console) fn page(visit: &mut Visit<'_>) -> Result<Reply, PageError> {
    desk::check_query(visit, &["CompanyID", "Act", "from", "to", "check"])?;
    let mut values = desk::numbers(visit, &["CompanyID"])?;
    let company = values.clone();
    values.extend(desk::texts(visit, &["Act"]));
    values.push(("Limit".to_owned(), SHOWN.into()));
    for (field, parameter, days) in [("from", "From", 0), ("to", "To", 1)] {
        let Some(text) = text_of(visit.query, field) else { continue };
        let day = parse_date(text).ok_or_else(|| PageError::Invalid(format!("{field} must be a date")))?;
        values.push((parameter.to_owned(), visit.zone().day_start_s(day + days).into()));
    }
    let checked = match text_of(visit.query, "check") {
        None => None,
        Some("yes") => Some(desk::read(visit, "VerifyAuditLog", company)?),
        Some(_) => return Err(PageError::Invalid("check must be yes".to_owned())),
    };
    let log = desk::read(visit, "ListAuditLog", values)?;
    let entries: Vec<Value> = desk::rows(&log, "Entries").iter().rev().map(shown).collect();
    let given = |name: &str| text_of(visit.query, name).unwrap_or_default();
    let check = ["CompanyID", "Act", "from", "to"].iter().filter(|name| !given(name).is_empty());
    let check = check
        .fold(Link::to("/operator/audit").with("check", "yes"), |link, name| link.with(name, given(name)));
    let title = visit.t(text::AUDIT);
    let content = html! {
        (layout::heading(title, html! { (visit.t(text::AUDIT_WHY)) }, html! { a class="button" rel="nofollow" href=(check.href()) { (visit.t(text::VERIFY)) } }))
        @if let Some(report) = &checked {
            @let differences = desk::rows(report, "Differences");
            @if differences.is_empty() {
                p class="notice" role="status" { (text::CHAINS_WHOLE.with(visit.language, &[&report["Chains"].to_string(), &report["Entries"].to_string()])) }
            } @else {
                div class="problem" role="alert" { p { (visit.t(text::CHAINS_BROKEN)) } ul { @for one in differences { li { (one.as_str().unwrap_or_default()) } } } }
            }
        }
        form class="controls" method="get" action="/operator/audit" {
            label { span { (members::label(visit, "CompanyID")) " (0: " (visit.t(text::DEPLOYMENT)) ")" } input type="text" inputmode="numeric" name="CompanyID" value=(given("CompanyID")); }
            label { span { (members::label(visit, "Act")) } input type="text" name="Act" value=(given("Act")) placeholder="account.deposit"; }
            label { span { (visit.t(text::FROM)) } input type="date" name="from" value=(given("from")); }
            label { span { (visit.t(text::TO)) } input type="date" name="to" value=(given("to")); }
            button { (visit.t(text::SHOW)) }
        }
        @if log["HasMore"] == true { p class="hint" { (text::NEWEST_ROWS.with(visit.language, &[&SHOWN.to_string()])) } }
        @if entries.is_empty() { (layout::nothing(visit, text::NO_ACTS)) }
        @else { (members::table(visit, title, &entries, &["Time", "Actor", "ActorKind", "Act", "CompanyID", "Reason", "ValuesBefore", "ValuesAfter", "Origin"], None)) }
        (layout::command(visit, "tollbook audit list"))
    };
    Ok(layout::page(visit, "/operator/audit", title, content))
}

/// An entry as a row: the deployment's are of no company.
fn shown(entry: &Value) -> Value {
    let mut row = entry.clone();
    row["ValuesBefore"] = entry["Before"].clone();
    row["ValuesAfter"] = entry["After"].clone();
    if entry["CompanyID"] == 0 {
        row["CompanyID"] = Value::Null;
    }
    row
}
