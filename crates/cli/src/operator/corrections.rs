//! `usage void`, `replace` and `rerate`: corrections of usage, and what they change.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use serde_json::{Value, json};
use tollbook_api::views;
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
    let rows: Vec<Value> =
        differences.iter().map(|(currency, row)| views::rerate_difference(currency, row)).collect();
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
    let value = views::rerated(company_id, &rerated, !arguments.apply);
    let changed: u64 = rerated.differences.iter().map(|row| row.records).sum();
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
    let value = json!({"Corrections": found.iter().map(views::listed_correction).collect::<Vec<_>>(), "HasMore": has_more});
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

/// A line for each reason why records lose their price.
fn unpriced_text(unpriced: &BTreeMap<String, u64>, is_applied: bool) -> String {
    let outcome = if is_applied { "are charged nothing" } else { "would be charged nothing" };
    let line = |(reason, records): (&String, &u64)| {
        format!("\n  {records} records {outcome} until they have a price: {}", printable(reason))
    };
    unpriced.iter().map(line).collect()
}

fn show(corrected: &Corrected, dry_run: bool, output: &Output) {
    output.result(&views::corrected(corrected, dry_run), || {
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
