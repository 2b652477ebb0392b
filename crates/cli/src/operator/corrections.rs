//! `usage void`, `replace` and `rerate`: corrections of usage, and what they change.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use serde_json::{Value, json};
use tollbook_domain::Usage;
use tollbook_domain::money::format_amount_sum;
use tollbook_formats::text::Input;
use tollbook_formats::usage::UsageFile;
use tollbook_ops::charging::{
    self, Charging, Corrected, CorrectionRequest, ListedCorrection, RerateDifference, RerateRequest,
    UsageName,
};

use super::context::{CommandContext, now_s, time_text};
use crate::arguments::{Correction, Global, ListCorrections, Replace, Rerate, Void};
use crate::deployment;
use crate::output::{Failure, Output, printable, table};

fn request(company_id: i64, correction: &Correction, dry_run: bool) -> CorrectionRequest {
    let Correction { reason, key } = correction;
    CorrectionRequest { company_id, key: key.clone(), reason: reason.clone(), dry_run }
}

pub(crate) fn void(global: &Global, arguments: &Void, output: &Output) -> Result<(), Failure> {
    let context = CommandContext::open(global)?;
    let Void { company, source, at, correction, dry_run, ids } = arguments;
    let time_s = context.optional_unix_s("--at", *at)?;
    let names: Vec<UsageName> =
        ids.iter().map(|id| UsageName { source: source.clone(), id: id.clone(), time_s }).collect();
    let request = request(*company, correction, *dry_run);
    let corrected = charging::void_usage(&context.charging(), &request, &names, now_s())?;
    show(&corrected, *dry_run, output);
    Ok(())
}

pub(crate) fn replace(global: &Global, arguments: &Replace, output: &Output) -> Result<(), Failure> {
    let context = CommandContext::open(global)?;
    let Replace { company, correction, dry_run, file } = arguments;
    let spool = deployment::spool_directory(global)?;
    let mut received = |_| ControlFlow::Continue(());
    let opened = UsageFile::open(Input::from_argument(file), None, &spool, &mut received)?;
    let mut records: Vec<Usage> = Vec::new();
    let mut refused: Vec<String> = Vec::new();
    for record in opened.records(Arc::new(AtomicU64::new(0)))? {
        match record? {
            (_, Ok(usage)) => records.push(usage),
            (line, Err(reason)) => refused.push(format!("{}:{line}: {reason}", opened.name())),
        }
    }
    if !refused.is_empty() {
        return Err(Failure::new(refused.join("\n")));
    }
    let request = request(*company, correction, *dry_run);
    let corrected = charging::replace_usage(&context.charging(), &request, &records, now_s())?;
    show(&corrected, *dry_run, output);
    Ok(())
}

pub(crate) fn rerate(global: &Global, arguments: &Rerate, output: &Output) -> Result<(), Failure> {
    let context = CommandContext::open(global)?;
    let companies = match arguments.company {
        Some(company_id) => vec![company_id],
        None => context.store.snapshot()?.companies()?.iter().map(|company| company.company_id).collect(),
    };
    let from_s = context.unix_s("--from", arguments.from)?;
    let to_s = context.unix_s("--to", arguments.to)?;
    let which = RerateRequest { from_s, to_s, model_id: arguments.model.clone(), sku: arguments.sku.clone() };
    let mut results: Vec<Value> = Vec::new();
    let mut differences: Vec<(String, RerateDifference)> = Vec::new();
    let mut lines: Vec<String> = Vec::new();
    for company_id in companies {
        let (value, found, text) = rerate_company(&context.charging(), company_id, arguments, &which)?;
        let currency = context.store.snapshot()?.company(company_id)?.map(|company| company.currency);
        differences.extend(found.into_iter().map(|row| (currency.clone().unwrap_or_default(), row)));
        results.push(value);
        lines.push(text);
    }
    let rows: Vec<Value> = differences.iter().map(|(currency, row)| difference(currency, row)).collect();
    let value = json!({"Applied": arguments.apply, "Differences": rows, "Companies": results});
    output.result(&value, || {
        let rows = differences.iter().map(|(currency, row)| {
            vec![
                row.company_id.to_string(),
                printable(&row.model_id),
                time_text(row.bucket_start_s),
                row.records.to_string(),
                format_amount_sum(row.before),
                format_amount_sum(row.after),
                format_amount_sum(row.after - row.before),
                row.unpriced.to_string(),
                currency.clone(),
            ]
        });
        let columns = [
            "CompanyID",
            "ModelID",
            "Hour",
            "Records",
            "Before",
            "After",
            "Difference",
            "Unpriced",
            "Currency",
        ];
        let shown = if differences.is_empty() { String::new() } else { table(&columns, rows) };
        format!("{shown}\n{}", lines.join("\n")).trim_start().to_owned()
    });
    Ok(())
}

fn rerate_company(
    charging: &Charging<'_>,
    company_id: i64,
    arguments: &Rerate,
    which: &RerateRequest,
) -> Result<(Value, Vec<RerateDifference>, String), Failure> {
    let request = request(company_id, &arguments.correction, !arguments.apply);
    let rerated = charging::rerate(charging, &request, which, now_s())?;
    let mut value = value_of(&rerated.corrected, !arguments.apply);
    value["CompanyID"] = company_id.into();
    value["Rated"] = rerated.rated.into();
    value["Skipped"] = rerated.skipped.into();
    let sum = |side: fn(&RerateDifference) -> i128| rerated.differences.iter().map(side).sum::<i128>();
    let (before, after) = (sum(|row| row.before), sum(|row| row.after));
    value["Difference"] = format_amount_sum(after - before).into();
    let changed: u64 = rerated.differences.iter().map(|row| row.records).sum();
    let unpriced =
        rerated.unpriced.iter().map(|(reason, records)| json!({"Reason": reason, "Records": records}));
    value["Unpriced"] = unpriced.collect();
    let text = if rerated.corrected.is_repeated {
        format!("company {company_id}: done before by this key; nothing was changed")
    } else {
        let Corrected { replaced, made, .. } = rerated.corrected;
        format!(
            "company {company_id}: {} records rated, {changed} change, {} skipped; {replaced} orders replaced, {made} made{}",
            rerated.rated,
            rerated.skipped,
            unpriced_text(&rerated.unpriced, arguments.apply)
        )
    };
    Ok((value, rerated.differences, text))
}

pub(crate) fn list(global: &Global, arguments: &ListCorrections, output: &Output) -> Result<(), Failure> {
    let context = CommandContext::open(global)?;
    let ListCorrections { company, limit } = *arguments;
    let mut found = charging::list_corrections(&context.charging(), company, limit.saturating_add(1))?;
    let has_more = found.len() > limit;
    found.truncate(limit);
    let value = json!({"Corrections": found.iter().map(listed).collect::<Vec<_>>(), "HasMore": has_more});
    output.result(&value, || {
        let rows = found.iter().map(|ListedCorrection { correction, corrected }| {
            let done = corrected.as_ref().map_or_else(String::new, |corrected| {
                format!("{} records, {} orders replaced", corrected.records, corrected.replaced)
            });
            let done = if correction.result.is_empty() { "not finished; repeat it".to_owned() } else { done };
            vec![
                time_text(correction.time_s),
                correction.kind.name().to_owned(),
                printable(&correction.key),
                printable(&correction.reason),
                printable(&correction.reference),
                done,
            ]
        });
        let shown = table(&["Time", "Kind", "Key", "Reason", "Reference", "Done"], rows);
        if has_more { format!("{shown}\nand more") } else { shown }
    });
    Ok(())
}

fn listed(ListedCorrection { correction, corrected }: &ListedCorrection) -> Value {
    let mut value = json!({
        "Key": correction.key,
        "Kind": correction.kind.name(),
        "Time": correction.time_s,
        "Reason": correction.reason,
        "Reference": correction.reference,
        "Finished": !correction.result.is_empty(),
    });
    if let Some(corrected) = corrected {
        value["Records"] = corrected.records.into();
        value["OrdersReplaced"] = corrected.replaced.into();
        value["OrdersMade"] = corrected.made.into();
    }
    value
}

/// A line for each reason why records lose their price.
fn unpriced_text(unpriced: &BTreeMap<String, u64>, is_applied: bool) -> String {
    let outcome = if is_applied { "are charged nothing" } else { "would be charged nothing" };
    let line = |(reason, records): (&String, &u64)| {
        format!("\n  {records} records {outcome} until they have a price: {}", printable(reason))
    };
    unpriced.iter().map(line).collect()
}

fn difference(currency: &str, row: &RerateDifference) -> Value {
    json!({
        "CompanyID": row.company_id,
        "ModelID": row.model_id,
        "StartTime": row.bucket_start_s,
        "Records": row.records,
        "Before": format_amount_sum(row.before),
        "After": format_amount_sum(row.after),
        "Difference": format_amount_sum(row.after - row.before),
        "Unpriced": row.unpriced,
        "Currency": currency,
    })
}

/// A correction as JSON; `POST /v1/usage/corrections` answers with the same members.
pub(crate) fn value_of(corrected: &Corrected, dry_run: bool) -> Value {
    let orders: Vec<Value> = corrected
        .orders
        .iter()
        .map(|order| {
            json!({
                "OrderNo": order.before,
                "Total": format_amount_sum(order.before_total.steps().into()),
                "ReplacedByOrderNo": order.after,
                "ReplacedByTotal": format_amount_sum(order.after_total.steps().into()),
                "ReplacedByStatus": order.after_status.map_or(0, tollbook_domain::Status::number),
            })
        })
        .collect();
    json!({
        "Repeated": corrected.is_repeated,
        "DryRun": dry_run,
        "Records": corrected.records,
        "Unchanged": corrected.unchanged,
        "OrdersReplaced": corrected.replaced,
        "OrdersMade": corrected.made,
        "Orders": orders,
    })
}

fn show(corrected: &Corrected, dry_run: bool, output: &Output) {
    output.result(&value_of(corrected, dry_run), || {
        let head = match (corrected.is_repeated, dry_run) {
            (true, _) => "done before by this key; nothing was changed",
            (false, true) => "nothing was changed; it would be",
            (false, false) => "done",
        };
        let Corrected { records, unchanged, replaced, made, .. } = corrected;
        let rows = corrected.orders.iter().map(|order| {
            vec![
                printable(&order.before),
                format_amount_sum(order.before_total.steps().into()),
                printable(&order.after),
                format_amount_sum(order.after_total.steps().into()),
            ]
        });
        let orders = if corrected.orders.is_empty() {
            String::new()
        } else {
            table(&["OrderNo", "Total", "ReplacedByOrderNo", "ReplacedByTotal"], rows)
        };
        format!(
            "{head}: {records} records changed, {unchanged} were so already, {replaced} orders replaced, {made} made\n{orders}"
        )
    });
}
