//! `database`: copy, prune and distribute. Backups are in `backup`.

use serde_json::json;
use tollbook_ops::deployment::moving::move_database;
use tollbook_ops::maintenance::prune::{Cutoff, count, parse_date, prune};
use tollbook_ops::{Clock as _, SystemClock};
use tollbook_store::{Copied, distribute};

use super::backup;
use super::context::operator_days;
use super::database_copy::{copy_all, source, text, value};
use crate::actor;
use crate::arguments::{DatabaseCommand, Global};
use crate::customer::time::Time;
use crate::deployment;
use crate::output::{self, Failure, Output, note};

pub(crate) fn run(global: &Global, command: &DatabaseCommand, output: &Output) -> Result<(), Failure> {
    match command {
        DatabaseCommand::Copy { from, to, keep_source } => {
            let copied = copy_between(global, from, to, *keep_source)?;
            output.result(&value(&copied), || {
                let text = text(&copied, "copied");
                if *keep_source {
                    text
                } else {
                    format!("{text}; nothing is written to the source any longer")
                }
            });
        }
        DatabaseCommand::Backup { file, verify } => backup::backup(global, file, *verify, output)?,
        DatabaseCommand::Restore { file, replace } => backup::restore(global, file, *replace, output)?,
        DatabaseCommand::Prune { before, yes, dry_run } => {
            let store = deployment::store(global)?;
            let days = operator_days(store.as_ref(), global.time_zone.as_ref())?;
            let date = parse_date(before)?;
            let cutoff = Cutoff { date, start_s: days.unix_s("--before", Time::Day(date)) };
            let found = count(store.as_ref(), &cutoff, SystemClock.now_s())?;
            let what = format!(
                "{} paid and revoked orders of {} companies begin before {before}",
                found.orders, found.companies
            );
            if *dry_run {
                let value = json!({"Before": before, "Companies": found.companies, "Orders": found.orders, "DryRun": true});
                output.result(&value, || format!("{what}; none was deleted"));
                return Ok(());
            }
            // A script is not asked; what it deletes is in its log.
            if *yes || !output::is_interactive() {
                note(&format!("{what} and are deleted for good"));
            } else if !output::confirm(&format!(
                "{what}. Delete them for good? There is no way back but a backup"
            )) {
                return Err(Failure::new("nothing was deleted"));
            }
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
            let config = deployment::config(global)?;
            let tables = distribute(&deployment::database_url(global, &config), &config.database)?;
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

/// Copies a database. Unless the source is kept, nothing else may use it, and it is marked as moved.
fn copy_between(global: &Global, from: &str, to: &str, keep_source: bool) -> Result<Copied, Failure> {
    let config = deployment::config(global)?;
    let source = source(from, &config)?;
    let target = deployment::connect("--to", to, &config.database)?;
    if keep_source {
        return copy_all(&source, &target, &config);
    }
    let (to, actor) = (deployment::name_of(to)?, actor::shell());
    let (copied, is_marked) =
        move_database(&source, &to, &actor, SystemClock.now_s(), || copy_all(&source, &target, &config))?;
    if !is_marked {
        note("the source cannot be written, so it was not marked as moved: make sure that nothing uses it");
    }
    Ok(copied)
}
