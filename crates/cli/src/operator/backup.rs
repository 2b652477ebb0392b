//! `database backup` and `database restore` (docs/OPERATIONS.md, "Backup and restore").

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tollbook_ops::maintenance::recount::recount;
use tollbook_ops::maintenance::restore::{Former, Restore, Restored};
use tollbook_ops::{Clock as _, Config, MasterKey, SystemClock};
use tollbook_store::{COMPANION_SUFFIXES, DeploymentState, open_sqlite};

use super::database_copy::{copy_all, source, text, value};
use crate::arguments::Global;
use crate::deployment;
use crate::output::{Failure, Output, note, printable};

/// Copies the database into a `.part` file, and renames it when the copy is complete and verified.
pub(super) fn backup(global: &Global, file: &Path, verify: bool, output: &Output) -> Result<(), Failure> {
    if file.exists() {
        return Err(Failure::new(format!("{} exists already", file.display())));
    }
    let config = deployment::config(global)?;
    let from = deployment::database_url(global, &config);
    let name = file
        .file_name()
        .ok_or_else(|| Failure::new("the backup needs a file name"))?
        .to_string_lossy()
        .into_owned();
    let beside = |suffix: &str| file.with_file_name(format!("{name}.part{suffix}"));
    // An interrupted backup holds an older state of the database.
    let clear =
        || std::iter::once("").chain(COMPANION_SUFFIXES).try_for_each(|suffix| remove(&beside(suffix)));
    clear()?;
    let copy = || {
        let from = source(&from, &config)?;
        let to = deployment::connect("--to", &format!("sqlite:{}", beside("").display()), &config.database)?;
        copy_all(&from, &to, &config)
    };
    let copied = copy().inspect_err(|_| {
        // The next backup removes what is left; the error to report is that of the copy.
        let _ = clear();
    })?;
    let verified = if verify {
        // Opened as a restore opens it, by its own file alone.
        let verified = verify_backup(&beside(""), &config).inspect_err(|_| {
            let _ = clear();
        })?;
        Some(verified)
    } else {
        None
    };
    std::fs::rename(beside(""), file)?;
    clear()?;
    let mut result = value(&copied);
    if let Some(verified) = &verified {
        result["Verified"] = verified.value();
    }
    output.result(&result, || match &verified {
        None => text(&copied, "backed up"),
        Some(verified) => format!("{}\n{}", text(&copied, "backed up"), verified.text()),
    });
    Ok(())
}

/// What was found when a backup was opened again.
struct VerifiedBackup {
    companies: usize,
    orders: i64,
    state: DeploymentState,
    bytes: u64,
    sha256: String,
}

fn verify_backup(file: &Path, config: &Config) -> Result<VerifiedBackup, Failure> {
    let catalogue = deployment::load_catalogue(config)?;
    let store = open_sqlite(file, &config.database)?;
    let mut snapshot = store.snapshot()?;
    let found = recount(snapshot.as_mut(), &catalogue)?;
    let differences = found.differences();
    if !differences.is_empty() {
        let text = format!("the backup is damaged and was deleted: {}", differences.join("; "));
        let value = json!({"Differences": differences});
        return Err(Failure::with_value(text, value));
    }
    let state = snapshot.deployment_state()?;
    drop(snapshot);
    drop(store);
    let mut digest = Sha256::new();
    let (mut reader, mut bytes) = (BufReader::with_capacity(1 << 20, File::open(file)?), 0);
    loop {
        let piece = reader.fill_buf()?;
        if piece.is_empty() {
            break;
        }
        digest.update(piece);
        let length = piece.len();
        bytes += length as u64;
        reader.consume(length);
    }
    let sha256 = hex::encode(digest.finalize());
    Ok(VerifiedBackup { companies: found.companies, orders: found.orders, state, bytes, sha256 })
}

impl VerifiedBackup {
    fn value(&self) -> Value {
        json!({
            "Companies": self.companies,
            "Orders": self.orders,
            "DeploymentID": self.state.deployment_id,
            "Mark": self.state.mark_no,
            "Bytes": self.bytes,
            "SHA256": self.sha256,
        })
    }

    fn text(&self) -> String {
        format!(
            "opened again: storage intact, {} orders of {} companies recounted, no difference; deployment {}, mark {}; {} \
             bytes, SHA-256 {}",
            self.orders,
            self.companies,
            self.state.deployment_id,
            self.state.mark_no,
            self.bytes,
            self.sha256
        )
    }
}

/// Restores a backup in the place of the deployment's SQLite database.
pub(super) fn restore(global: &Global, file: &Path, replace: bool, output: &Output) -> Result<(), Failure> {
    let config = deployment::config(global)?;
    let catalogue = deployment::load_catalogue(&config)?;
    let url = deployment::database_url(global, &config);
    let Some(target) = deployment::sqlite_path(&url).filter(|path| !path.as_os_str().is_empty()) else {
        return Err(Failure::new(format!(
            "this deployment is on PostgreSQL, where a database is restored by PostgreSQL's own programs; to bring a \
             backup into an empty database, run `tollbook database copy --keep-source --from sqlite:{} --to URL`",
            file.display()
        )));
    };
    if target.parent() == Some(global.data.as_path()) {
        deployment::data_directory(global)?;
    }
    let restored = Restore {
        backup: file,
        target,
        mark: &deployment::mark_of(global, &url)?,
        options: &config.database,
        catalogue: &catalogue,
        may_replace: replace,
        now_s: SystemClock.now_s(),
    }
    .run()?;
    warn_of_key(global, target, &config)?;
    output.result(&restored_value(&restored), || restored_text(&restored, target));
    Ok(())
}

/// A backup does not hold the master key, without which no key of a customer works.
fn warn_of_key(global: &Global, target: &Path, config: &Config) -> Result<(), Failure> {
    let store = open_sqlite(target, &config.database)?;
    let Some(bound) = MasterKey::bound_fingerprint(store.as_ref())? else { return Ok(()) };
    if deployment::master_key(global, store.as_ref()).is_err() {
        note(&format!(
            "the master key of this backup (fingerprint {bound}) is not here: put its file at {}, or set TOLLBOOK_MASTER_KEY, \
             before a server is started; without it no API key works",
            global.data.join("master.key").display()
        ));
    }
    Ok(())
}

fn restored_value(restored: &Restored) -> Value {
    let Restored { recount, state, former_mark_no, former } = restored;
    let gone = former.as_ref().and_then(|former| former.gone.as_ref()).map(|gone| {
        gone.iter()
            .map(|gone| {
                json!({
                    "CompanyID": gone.company_id,
                    "Missing": gone.missing.is_some(),
                    "Orders": gone.orders,
                    "LedgerEntries": gone.ledger_entries,
                })
            })
            .collect::<Vec<_>>()
    });
    json!({
        "Companies": recount.companies,
        "Orders": recount.orders,
        "Differences": [],
        "DeploymentID": state.deployment_id,
        "Mark": state.mark_no,
        "FormerMark": former_mark_no,
        "Kept": former.as_ref().map(|former| former.kept.display().to_string()),
        "Gone": gone,
        "Fault": former.as_ref().and_then(|former| former.fault.as_deref()),
    })
}

fn restored_text(restored: &Restored, target: &Path) -> String {
    let Restored { recount, state, former_mark_no, former } = restored;
    let mut lines = vec![format!(
        "{} orders of {} companies restored as {} and recounted, no difference; mark {}",
        recount.orders,
        recount.companies,
        target.display(),
        state.mark_no
    )];
    match former_mark_no {
        Some(former) if *former > state.mark_no => lines.push(format!(
            "the deployment was at mark {former}: what was written after mark {} is not in the backup",
            state.mark_no
        )),
        _ => {}
    }
    if let Some(Former { kept, gone, fault }) = former {
        for gone in gone.iter().flatten() {
            let company = match &gone.missing {
                Some(name) => {
                    format!(
                        "company {} ({}), which the backup does not have",
                        gone.company_id,
                        printable(name)
                    )
                }
                None => format!("company {}", gone.company_id),
            };
            lines.push(format!(
                "gone: {} orders, {} ledger entries of {company}",
                gone.orders, gone.ledger_entries
            ));
        }
        if let Some(fault) = fault {
            lines.push(format!(
                "what is gone is not known, because the former database cannot be read: {fault}"
            ));
        }
        let kept = kept.display();
        lines.push(format!(
            "the former database is kept as {kept}; it can be read with --database sqlite:{kept}"
        ));
    }
    lines.join("\n")
}

fn remove(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
