//! The copy of a database into another, as `database copy` and `database backup` make it.

use serde_json::json;
use tollbook_ops::Config;
use tollbook_store::{Copied, OpenDatabase, copy};

use crate::deployment;
use crate::output::{Failure, note};

/// Opens the source of a copy. It is checked before the target is created, so that a missing source leaves no empty target.
pub(super) fn source(url: &str, config: &Config) -> Result<OpenDatabase, Failure> {
    if let Some(path) = deployment::sqlite_path(url)
        && !path.is_file()
    {
        return Err(Failure::new(format!("--from: there is no file {}", path.display())));
    }
    let from = deployment::connect("--from", url, &config.database)?;
    from.prepare()?;
    Ok(from)
}

pub(super) fn copy_all(from: &OpenDatabase, to: &OpenDatabase, config: &Config) -> Result<Copied, Failure> {
    let catalogue = deployment::load_catalogue(config)?;
    let mut reported = (String::new(), 0);
    Ok(copy(from, to, &catalogue, &mut |table, rows| {
        if reported.0 != table || rows >= reported.1 + 500_000 {
            reported = (table.to_owned(), rows);
            note(&format!("{table}: {rows} rows"));
        }
    })?)
}

pub(super) fn value(copied: &Copied) -> serde_json::Value {
    let tables: serde_json::Map<String, serde_json::Value> =
        copied.tables.iter().map(|(name, rows)| ((*name).to_owned(), (*rows).into())).collect();
    json!({"Companies": copied.companies, "Orders": copied.orders, "Rows": tables, "Differences": []})
}

pub(super) fn text(copied: &Copied, done: &str) -> String {
    format!("{} orders of {} companies {done} and verified", copied.orders, copied.companies)
}
