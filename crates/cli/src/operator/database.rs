//! `database`: copy, backup, prune and distribute.

use std::path::Path;

use serde_json::json;
use tollbook_ops::maintenance::prune::{Cutoff, parse_date, prune};
use tollbook_ops::{Clock as _, SystemClock};
use tollbook_store::{Copied, copy, distribute};

use super::context::operator_days;
use crate::arguments::{DatabaseCommand, Global};
use crate::customer::time::Time;
use crate::deployment;
use crate::output::{Failure, Output, note};

pub(crate) fn run(global: &Global, command: &DatabaseCommand, output: &Output) -> Result<(), Failure> {
    match command {
        DatabaseCommand::Copy { from, to } => {
            let copied = copy_between(global, from, to)?;
            output.result(&value(&copied), || text(&copied, "copied"));
        }
        DatabaseCommand::Backup { file } => backup(global, file, output)?,
        DatabaseCommand::Prune { before } => {
            let store = deployment::store(global)?;
            let days = operator_days(store.as_ref(), global.time_zone.as_ref())?;
            let date = parse_date(before)?;
            let cutoff = Cutoff { date, start_s: days.unix_s("--before", Time::Day(date)) };
            let mut reported = 0;
            let pruned = prune(store.as_ref(), &cutoff, SystemClock.now_s(), &mut |orders| {
                if orders >= reported + 100_000 {
                    reported = orders;
                    note(&format!("{orders} orders pruned"));
                }
            })?;
            let value = json!({
                "Before": before,
                "Companies": pruned.companies,
                "Orders": pruned.orders,
            });
            output.result(&value, || {
                format!(
                    "{} paid and revoked orders that began before {} pruned; later imports of such orders are refused",
                    pruned.orders,
                    before
                )
            });
        }
        DatabaseCommand::Distribute => {
            let url = deployment::database_url(global)?;
            let tables = distribute(&url, &deployment::config(global)?.database)?;
            output.result(&json!({"Distributed": tables.distributed, "Reference": tables.reference}), || {
                format!(
                    "distributed by company: {}; reference tables: {}",
                    tables.distributed.join(", "),
                    tables.reference.join(", ")
                )
            });
        }
    }
    Ok(())
}

fn copy_between(global: &Global, from: &str, to: &str) -> Result<Copied, Failure> {
    let config = deployment::config(global)?;
    let catalogue = deployment::catalogue(&config)?;
    if let Some(path) = deployment::sqlite_path(from)
        && !path.is_file()
    {
        return Err(Failure::new(format!("--from: there is no file {}", path.display())));
    }
    let from = deployment::connect("--from", from, &config.database)?;
    // Checked before the target is created, so that a missing source leaves no empty target.
    from.prepare()?;
    let to = deployment::connect("--to", to, &config.database)?;
    let mut reported = (String::new(), 0);
    Ok(copy(&from, &to, &catalogue, &mut |table, rows| {
        if reported.0 != table || rows >= reported.1 + 500_000 {
            reported = (table.to_owned(), rows);
            note(&format!("{table}: {rows} rows"));
        }
    })?)
}

/// Copies the database into a `.part` file, and renames it when the copy is complete and verified.
fn backup(global: &Global, file: &Path, output: &Output) -> Result<(), Failure> {
    if file.exists() {
        return Err(Failure::new(format!("{} exists already", file.display())));
    }
    let from = deployment::database_url(global)?;
    let name = file
        .file_name()
        .ok_or_else(|| Failure::new("the backup needs a file name"))?
        .to_string_lossy()
        .into_owned();
    let beside = |suffix: &str| file.with_file_name(format!("{name}.part{suffix}"));
    // An interrupted backup holds an older state of the database.
    let companions = ["", "-wal", "-shm", "-queue.lock", "-writer.lock"];
    let clear = || companions.iter().try_for_each(|suffix| remove(&beside(suffix)));
    clear()?;
    let copied =
        copy_between(global, &from, &format!("sqlite:{}", beside("").display())).inspect_err(|_| {
            // The next backup removes what is left; the error to report is that of the copy.
            let _ = clear();
        })?;
    std::fs::rename(beside(""), file)?;
    clear()?;
    output.result(&value(&copied), || text(&copied, "backed up"));
    Ok(())
}

fn remove(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn value(copied: &Copied) -> serde_json::Value {
    let tables: serde_json::Map<String, serde_json::Value> =
        copied.tables.iter().map(|(name, rows)| ((*name).to_owned(), (*rows).into())).collect();
    json!({"Companies": copied.companies, "Orders": copied.orders, "Rows": tables, "Differences": []})
}

fn text(copied: &Copied, done: &str) -> String {
    format!("{} orders of {} companies {done} and verified", copied.orders, copied.companies)
}
