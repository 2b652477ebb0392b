//! Usage: what is without a price, corrections, and what became of a record.

use serde::Deserialize as _;
use serde_json::{Value, json};
use tollbook_formats::usage::parse_record;
use tollbook_ops::charging::{self, CorrectionRequest, RerateRequest, UsageName, correct_usage};
use tollbook_ops::pricing::{list_uncharged, summarize_unpriced};
use tollbook_store::Uncharged;

use super::call::Call;
use super::failed::Failed;
use crate::operator::corrections::VoidedRecord;
use crate::views;

/// Records, or corrections, in one answer, unless fewer are asked for.
const LISTED: usize = 1_000;

pub(super) fn list_unpriced(call: &Call<'_>) -> Result<Value, Failed> {
    let limit = call.values.limit("Limit", LISTED);
    let company_id = call.values.integer("CompanyID");
    let (found, has_more) = list_uncharged(call.store(), company_id, Uncharged::Unpriced, limit)?;
    Ok(json!({"Records": found.iter().map(views::uncharged).collect::<Vec<_>>(), "HasMore": has_more}))
}

pub(super) fn unpriced_models(call: &Call<'_>) -> Result<Value, Failed> {
    let limit = call.values.limit("Limit", LISTED);
    let summary = summarize_unpriced(call.store(), None, limit)?;
    let shown: Vec<Value> = summary.groups.iter().map(views::unpriced_group).collect();
    Ok(json!({"Models": shown, "HasMore": summary.all_groups > summary.groups.len()}))
}

pub(super) fn explain(call: &Call<'_>) -> Result<Value, Failed> {
    let values = call.values;
    let id = values.text_or_empty("ID");
    let name =
        UsageName { source: values.text("Source").map(ToOwned::to_owned), id: id.to_owned(), time_s: None };
    let company_id = call.company();
    let found = charging::explain_usage(&call.charging(), company_id, &name)?;
    if found.is_empty() {
        let text = format!("company {company_id} has no usage record with the id {id:?}");
        return Err(Failed::not_found("ID", text));
    }
    Ok(json!({"Records": found.iter().map(views::explained_record).collect::<Vec<_>>()}))
}

pub(super) fn list_corrections(call: &Call<'_>) -> Result<Value, Failed> {
    let limit = call.values.limit("Limit", LISTED);
    let mut found = charging::list_corrections(&call.charging(), call.company(), limit.saturating_add(1))?;
    let has_more = found.len() > limit;
    found.truncate(limit);
    let shown: Vec<Value> = found.iter().map(views::listed_correction).collect();
    Ok(json!({"Corrections": shown, "HasMore": has_more}))
}

fn request(call: &Call<'_>, dry_run: bool) -> CorrectionRequest {
    let reason = call.values.text_or_empty("Reason").to_owned();
    CorrectionRequest { company_id: call.company(), key: call.key.to_owned(), reason, dry_run }
}

pub(super) fn correct(call: &Call<'_>) -> Result<Value, Failed> {
    let values = call.values;
    let mut names = Vec::new();
    for (place, value) in values.list("Void").iter().enumerate() {
        let record = VoidedRecord::deserialize(value)
            .map_err(|error| Failed::parameter("Void", format!("[{place}]: {error}")))?;
        names.push(record.name());
    }
    let mut records = Vec::new();
    for (place, value) in values.list("Replace").iter().enumerate() {
        let usage = parse_record(value.to_string().as_bytes())
            .map_err(|reason| Failed::parameter("Replace", format!("[{place}]: {reason}")))?;
        records.push(usage);
    }
    let request = request(call, values.flag("DryRun"));
    let done = correct_usage(&call.charging(), &request, &names, &records, call.now_s())?;
    Ok(views::corrected(&done, request.dry_run))
}

pub(super) fn rerate(call: &Call<'_>) -> Result<Value, Failed> {
    let values = call.values;
    let which = RerateRequest {
        from_s: values.number("From"),
        to_s: values.number("To"),
        model_id: values.text("ModelID").map(ToOwned::to_owned),
        sku: values.text("PricingSKU").map(ToOwned::to_owned),
    };
    let is_dry_run = !values.flag("Apply");
    let company_id = call.company();
    let rerated = charging::rerate(&call.charging(), &request(call, is_dry_run), &which, call.now_s())?;
    let currency = call.store().snapshot()?.company(company_id)?.map(|company| company.currency);
    let currency = currency.unwrap_or_default();
    let mut value = views::rerated(company_id, &rerated, is_dry_run);
    let rows = rerated.differences.iter().map(|row| views::rerate_difference(&currency, row));
    value["Differences"] = rows.collect();
    Ok(value)
}
