//! `usage`: imports usage records, and lists those that are not charged.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

use serde_json::{Value, json};
use tollbook_api::views;
use tollbook_domain::provider_names::ProviderRule;
use tollbook_domain::time::DAY_S;
use tollbook_formats::text::Input;
use tollbook_formats::usage::{Mapping, UnknownCounts, UsageFile};
use tollbook_ops::SystemClock;
use tollbook_ops::config::check::nearest;
use tollbook_ops::import::usage::{Reasons, UsageCounts, UsageReport, import_usage};
use tollbook_ops::pricing::list_uncharged;
use tollbook_store::Uncharged as List;

use super::context::{CommandContext, time_text};
use super::progress::{Bar, Unit};
use super::{corrections, explain};
use crate::arguments::{Global, OnUnknownCounts, Uncharged, UsageCommand};
use crate::deployment;
use crate::output::{Failure, Output, note, printable, table};

/// Maximum number of models matched by a part of their names to print.
const SHOWN_MATCHES: usize = 20;
/// Maximum number of reasons of a kind to print.
const SHOWN_REASONS: usize = 20;

pub(crate) fn run(global: &Global, command: &UsageCommand, output: &Output) -> Result<(), Failure> {
    match command {
        UsageCommand::Import { files, mapping, constants, unknown_counts, allow_old } => {
            let mapping = mapping.as_deref().map(|file| read_mapping(file, constants)).transpose()?;
            let unknown_counts = match unknown_counts {
                OnUnknownCounts::Refuse => UnknownCounts::Refuse,
                OnUnknownCounts::Warn => UnknownCounts::Warn,
            };
            let mapping = mapping.map(|mapping| mapping.with_unknown_counts(unknown_counts));
            import(global, files, mapping.as_ref(), *allow_old, output)
        }
        UsageCommand::Unpriced { listed, summary: true } => super::unpriced::summary(global, listed, output),
        UsageCommand::Unpriced { listed, summary: false } => list(global, listed, List::Unpriced, output),
        UsageCommand::Free(arguments) => list(global, arguments, List::Free, output),
        UsageCommand::Void(arguments) => corrections::void(global, arguments, output),
        UsageCommand::Replace(arguments) => corrections::replace(global, arguments, output),
        UsageCommand::Rerate(arguments) => corrections::rerate(global, arguments, output),
        UsageCommand::Corrections(arguments) => corrections::list(global, arguments, output),
        UsageCommand::Explain(arguments) => explain::usage(global, arguments, output),
    }
}

/// Reads a mapping file. A name that is not a file names a built-in mapping.
fn read_mapping(file: &Path, constants: &[String]) -> Result<Mapping, Failure> {
    let built_in = file.to_str().filter(|_| !file.exists()).and_then(Mapping::built_in);
    let mapping = match built_in {
        Some(mapping) => mapping,
        None if !file.exists() => return Err(unknown_mapping(&file.to_string_lossy())),
        None => Mapping::load(file)?,
    };
    let pairs: Option<Vec<(&str, &str)>> = constants.iter().map(|pair| pair.split_once('=')).collect();
    let pairs = pairs.ok_or_else(|| Failure::new("--set: must be FIELD=VALUE"))?;
    mapping.with_constants(&pairs).map_err(|reason| Failure::new(format!("--set: {reason}")))
}

/// Names the built-in mappings, the nearest one first.
fn unknown_mapping(name: &str) -> Failure {
    let names: Vec<&str> = Mapping::built_in_names().collect();
    let near = nearest(name, names.iter().copied()).map(|near| format!("; did you mean {near}?"));
    Failure::new(format!(
        "--mapping {}: there is neither such a file nor a built-in mapping of that name{} Built in are {}",
        printable(name),
        near.unwrap_or_else(|| ".".to_owned()),
        names.join(", ")
    ))
}

fn import(
    global: &Global,
    files: &[std::ffi::OsString],
    mapping: Option<&Mapping>,
    allow_old: bool,
    output: &Output,
) -> Result<(), Failure> {
    let mut context = CommandContext::open(global)?;
    let past_s = context.config.charging.past_s;
    let bound_s = context.config.charging.import_past_s;
    if allow_old {
        context.config.charging.import_past_s = None;
    }
    let spool = deployment::spool_directory(global)?;
    let bar = Bar::new(Unit::Bytes);
    let mut opened = Vec::with_capacity(files.len());
    for file in files {
        let input = Input::from_argument(file);
        let received = &mut |_| ControlFlow::Continue(());
        opened.push(UsageFile::open(input, mapping.cloned(), &spool, received)?);
    }
    let mut progress = |read, total, _| {
        bar.show("importing", read, total);
        ControlFlow::Continue(())
    };
    let (report, result) = import_usage(&context.charging(), &SystemClock, &opened, &mut progress);
    bar.finish();
    for refused in &report.refused {
        note(&printable(&format!("{}:{}: {}", refused.file, refused.line, refused.reason)));
    }
    if let Some(oldest_s) = report.oldest_s {
        note(&format!(
            "{} records are older than {} days, the oldest of {}; see charging.import_past_s for a bound",
            report.old,
            past_s / DAY_S,
            time_text(oldest_s)
        ));
    }
    let total = report.total();
    if let Some(bound_s) = bound_s.filter(|_| total.refused > 0 && !allow_old) {
        note(&format!(
            "--allow-old accepts usage older than {} days (charging.import_past_s)",
            bound_s / DAY_S
        ));
    }
    let hidden = total.refused.saturating_sub(report.refused.len() as u64);
    if hidden > 0 {
        note(&format!("and {hidden} more"));
    }
    let mut value = value_of(&report);
    if let Err(error) = result {
        let message = format!("{error}; {} records stored; re-run the command to finish", total.accepted());
        value["Error"] = message.as_str().into();
        return Err(Failure::with_value(message, value));
    }
    if total.refused > 0 {
        let message = format!("{}\n{} records were refused", text_of(&report), total.refused);
        return Err(Failure::with_value(message, value));
    }
    if total.read == 0 {
        return Err(Failure::with_value(format!("{}\nno record was read", text_of(&report)), value));
    }
    output.result(&value, || text_of(&report));
    Ok(())
}

fn counts(counts: &UsageCounts) -> Value {
    json!({
        "Read": counts.read,
        "Accepted": counts.accepted(),
        "Charged": counts.charged,
        "Free": counts.free,
        "Unpriced": counts.unpriced,
        "Duplicate": counts.duplicate,
        "Refused": counts.refused,
        "Skipped": counts.skipped,
    })
}

fn value_of(report: &UsageReport) -> Value {
    let mut value = counts(&report.total());
    let files = report.files.iter().map(|(name, of_file)| {
        let mut entry = counts(of_file);
        entry["File"] = name.as_str().into();
        entry
    });
    value["Files"] = files.collect();
    let refused = report.refused.iter();
    let errors = refused.map(|r| json!({"File": r.file, "Line": r.line, "Reason": r.reason}));
    value["Errors"] = errors.collect();
    let partly = report.partly_matched.iter().map(|matched| {
        json!({
            "Provider": matched.provider,
            "ModelID": matched.model_id,
            "MatchedBy": matched.part.name(),
            "ProviderBy": matched.provider_by.text(),
            "PriceProvider": matched.price_provider,
            "List": matched.list,
            "PriceModelID": matched.price_model_id,
        })
    });
    value["MatchedByPart"] = partly.collect();
    let by_reason = |reasons: &Reasons| -> Value {
        reasons
            .by_frequency()
            .into_iter()
            .map(|(reason, records)| json!({"Reason": reason, "Records": records}))
            .collect()
    };
    let by_name = |names: &BTreeMap<String, u64>| -> Value {
        names.iter().map(|(name, records)| json!({"Name": name, "Records": records})).collect()
    };
    value["RefusedBy"] = by_reason(&report.refusals);
    value["UnpricedBy"] = by_reason(&report.unpriced);
    value["SkippedBy"] = by_name(&report.unmapped.skipped);
    value["UnknownCounts"] = by_name(&report.unmapped.unknown_counts);
    value["HoursClosed"] = report.closed.hours.into();
    value["OrdersPaid"] = report.closed.paid.into();
    value["OrdersUnpaid"] = report.closed.unpaid.into();
    value
}

fn text_of(report: &UsageReport) -> String {
    let mut lines: Vec<String> = report
        .files
        .iter()
        .map(|(name, counts)| {
            let UsageCounts { read, charged, free, unpriced, duplicate, refused, skipped } = counts;
            let name = printable(name);
            format!(
                "{name}: {read} read, {charged} charged, {free} free, {unpriced} without a price, {duplicate} \
                 duplicate, {refused} refused, {skipped} skipped"
            )
        })
        .collect();
    lines.extend(reasons_of(report));
    for matched in report.partly_matched.iter().take(SHOWN_MATCHES) {
        let provider = match matched.provider_by {
            ProviderRule::List => format!(
                "; provider {:?} has the prices of {:?} by {}",
                matched.provider,
                matched.price_provider,
                matched.provider_by.text()
            ),
            _ => String::new(),
        };
        lines.push(printable(&format!(
            "model {:?} has the price of {:?} of list {:?}, by the {}{provider}",
            matched.model_id,
            matched.price_model_id,
            matched.list,
            matched.part.name(),
        )));
    }
    if let Some(more) = report.partly_matched.len().checked_sub(SHOWN_MATCHES).filter(|more| *more > 0) {
        lines.push(format!("and {more} more models by a part of their names"));
    }
    let closed = report.closed;
    if closed.hours > 0 {
        lines.push(format!(
            "{} hours closed: {} orders paid, {} unpaid",
            closed.hours, closed.paid, closed.unpaid
        ));
    }
    lines.join("\n")
}

/// The reasons for which records were not charged, with their numbers.
fn reasons_of(report: &UsageReport) -> Vec<String> {
    let skipped = report.unmapped.skipped.iter().map(|(rule, records)| (rule.as_str(), *records));
    let unknown = report.unmapped.unknown_counts.iter().map(|(name, records)| (name.as_str(), *records));
    let mut lines = Vec::new();
    for (what, mut reasons) in [
        ("skipped", skipped.collect::<Vec<_>>()),
        ("not accounted for", unknown.collect()),
        ("without a price", report.unpriced.by_frequency()),
        ("refused", report.refusals.by_frequency()),
    ] {
        let hidden = reasons.len().saturating_sub(SHOWN_REASONS);
        reasons.truncate(SHOWN_REASONS);
        lines.extend(
            reasons.iter().map(|(reason, records)| printable(&format!("  {records} {what}: {reason}"))),
        );
        if hidden > 0 {
            lines.push(format!("  and {hidden} more reasons: {what}"));
        }
    }
    lines
}

fn list(global: &Global, arguments: &Uncharged, kind: List, output: &Output) -> Result<(), Failure> {
    let context = CommandContext::open(global)?;
    let (found, has_more) = list_uncharged(context.store.as_ref(), arguments.company, kind, arguments.limit)?;
    let value =
        json!({"Records": found.iter().map(views::uncharged).collect::<Vec<_>>(), "HasMore": has_more});
    output.result(&value, || {
        let rows = found.iter().map(|uncharged| {
            let usage = &uncharged.usage;
            let used: Vec<String> =
                usage.used().map(|(sku, quantity)| format!("{} {quantity}", printable(sku))).collect();
            vec![
                usage.company_id.to_string(),
                printable(&usage.id),
                time_text(usage.time_s),
                printable(&usage.model_id),
                used.join(", "),
                printable(&uncharged.reason),
            ]
        });
        let shown = table(&["CompanyID", "Id", "Time", "ModelID", "Quantities", "Reason"], rows);
        if has_more { format!("{shown}\nand more") } else { shown }
    });
    Ok(())
}
