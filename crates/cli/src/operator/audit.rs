//! `audit`: lists, checks and exports the audit log.

use std::fs::OpenOptions;
use std::io::{BufReader, BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use serde_json::{Value, json};
use tollbook_ops::audit::{
    AuditFilter, AuditMemory, ChainReport, ListedEntry, check_export, export_log, list, verify,
};
use tollbook_store::Snapshot;

use super::context::{CommandContext, time_text};
use crate::arguments::{AuditCommand, AuditList, Global};
use crate::deployment;
use crate::output::{Failure, Output, note, printable, table};

pub(crate) fn run(global: &Global, command: &AuditCommand, output: &Output) -> Result<(), Failure> {
    match command {
        AuditCommand::List(arguments) => list_entries(global, arguments, output),
        AuditCommand::Verify { company, file: None, .. } => {
            let context = CommandContext::open(global)?;
            let report = verify(context.store.snapshot()?.as_mut(), Some(&memory(global)?), *company)?;
            report_of(&report, json!({}), output)
        }
        AuditCommand::Verify { file: Some(file), alone, .. } => verify_file(global, file, *alone, output),
        AuditCommand::Export { file, company } => export(global, file, *company, output),
    }
}

/// What this data directory remembers of the database's audit log.
pub(super) fn memory(global: &Global) -> Result<AuditMemory, Failure> {
    let config = deployment::config(global)?;
    Ok(deployment::mark_of(global, &deployment::database_url(global, &config))?.audit())
}

fn list_entries(global: &Global, arguments: &AuditList, output: &Output) -> Result<(), Failure> {
    let context = CommandContext::open(global)?;
    let filter = AuditFilter {
        company_id: arguments.company,
        from_s: context.optional_unix_s("--from", arguments.from)?,
        to_s: context.optional_unix_s("--to", arguments.to)?,
        act: arguments.act.clone(),
    };
    // One more tells whether there are more.
    let mut entries = list(context.store.snapshot()?.as_mut(), &filter, arguments.limit.saturating_add(1))?;
    let has_more = entries.len() > arguments.limit;
    if has_more {
        entries.remove(0);
    }
    let value = json!({"Entries": entries, "HasMore": has_more});
    output.result(&value, || {
        let rows = entries.iter().map(row);
        let shown =
            table(&["CompanyID", "EntryNo", "Time", "Who", "From", "Act", "Before", "After", "Reason"], rows);
        if has_more { format!("there are earlier ones\n{shown}") } else { shown }
    });
    Ok(())
}

fn row(entry: &ListedEntry) -> Vec<String> {
    vec![
        entry.company_id.to_string(),
        entry.entry_no.to_string(),
        time_text(entry.time),
        printable(&format!("{} {}", entry.actor_kind, entry.actor)),
        printable(&entry.origin),
        entry.act.clone(),
        printable(&entry.before),
        printable(&entry.after),
        printable(&entry.reason),
    ]
}

fn verify_file(global: &Global, file: &Path, alone: bool, output: &Output) -> Result<(), Failure> {
    let named = |error: &dyn std::fmt::Display| Failure::new(format!("{}: {error}", file.display()));
    let opened = std::fs::File::open(file).map_err(|error| named(&error))?;
    let mut reader = BufReader::new(opened);
    let checked = if alone {
        check_export(&mut reader, None)
    } else {
        let context = CommandContext::open(global)?;
        let mut snapshot: Box<dyn Snapshot> = context.store.snapshot()?;
        check_export(&mut reader, Some(snapshot.as_mut()))
    };
    let checked = checked.map_err(|error| named(&error))?;
    let ends: Vec<Value> = checked
        .heads
        .iter()
        .map(|head| json!({"CompanyID": head.company_id, "Entries": head.entries, "Hash": hex::encode(head.hash)}))
        .collect();
    report_of(&checked.report, json!({"File": file, "Ends": ends}), output)
}

fn report_of(report: &ChainReport, mut value: Value, output: &Output) -> Result<(), Failure> {
    let ChainReport { chains, entries, differences } = report;
    value["Chains"] = (*chains).into();
    value["Entries"] = (*entries).into();
    value["Differences"] = json!(differences);
    if differences.is_empty() {
        output.result(&value, || format!("{entries} entries of {chains} chains: no difference"));
        return Ok(());
    }
    for difference in differences {
        note(&printable(difference));
    }
    Err(Failure::with_value(format!("{} differences in the audit log", differences.len()), value))
}

fn export(global: &Global, file: &Path, company: Option<i64>, output: &Output) -> Result<(), Failure> {
    let context = CommandContext::open(global)?;
    let mut snapshot = context.store.snapshot()?;
    if file == Path::new("-") {
        export_log(snapshot.as_mut(), company, &mut BufWriter::new(std::io::stdout().lock()))?;
        return Ok(());
    }
    let named = |error: &dyn std::fmt::Display| Failure::new(format!("{}: {error}", file.display()));
    let created = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    let created = created.map_err(|error| named(&error))?;
    let mut writer = BufWriter::new(&created);
    let written = export_log(snapshot.as_mut(), company, &mut writer).map_err(|error| named(&error));
    let written = written.and_then(|counts| {
        writer.flush().and_then(|()| created.sync_all()).map_err(|error| named(&error))?;
        Ok(counts)
    });
    let (entries, chains) = written.inspect_err(|_| {
        // A part of the log must not pass for all of it. The error to report is the first one.
        let _ = std::fs::remove_file(file);
    })?;
    let value = json!({"File": file, "Entries": entries, "Chains": chains});
    output.result(&value, || format!("{entries} entries of {chains} chains written to {}", file.display()));
    Ok(())
}
