//! Digests of tables that nothing else can be compared with: keys, prices, discounts, names. A transaction that changes
//! such a table writes the digest of all its rows when it commits; verification computes it again. These tables are
//! small and change by acts of the operator.

use std::collections::BTreeSet;

use sha2::{Digest as _, Sha256};

use crate::error::StoreResult;
use crate::sql::driver::connection::{Connection, Flow, SqlValue, execute_exactly, first};
use crate::sql::driver::schema::{
    API_KEY, COMPANY, CONSOLE_USER, DEPLOYMENT_SETTING, DISCOUNT, OPERATOR_KEY, ORGANIZATION, PRICE,
    PRICE_LIST, SETTING, USAGE_OWNER, WEBHOOK_ENDPOINT,
};
use crate::sql::driver::table::{ColumnType, Scope, Table};
use crate::sql::setting_names::is_transient;

/// The tables that have digests.
pub(crate) static DIGESTED: [&Table; 12] = [
    &SETTING,
    &COMPANY,
    &API_KEY,
    &ORGANIZATION,
    &PRICE,
    &PRICE_LIST,
    &DISCOUNT,
    &OPERATOR_KEY,
    &CONSOLE_USER,
    &USAGE_OWNER,
    &DEPLOYMENT_SETTING,
    &WEBHOOK_ENDPOINT,
];

/// A table, or the rows of one company in it, that a transaction has changed.
pub(crate) type Changed = (&'static str, i64);

/// Writes the digests of tables that a transaction has changed. Nothing else may be locked afterwards: the rows of the
/// digests are locked in one order, after all others, so that transactions cannot deadlock.
pub(crate) fn write(connection: &mut dyn Connection, changed: BTreeSet<Changed>) -> StoreResult<()> {
    for (name, company_id) in changed {
        let Some(table) = DIGESTED.iter().find(|table| table.name == name) else { continue };
        write_digest(connection, table, company_id)?;
    }
    Ok(())
}

fn write_digest(connection: &mut dyn Connection, table: &Table, company_id: i64) -> StoreResult<()> {
    let key: [SqlValue<'_>; 2] = [table.name.into(), company_id.into()];
    // Locks the row: another transaction that changes the table waits here, and then reads what this one has committed.
    connection.execute(
        &connection.dialect().render(
            "INSERT INTO table_digest (table_name, company_id, digest) VALUES ($1, $2, {empty_blob}) \
             ON CONFLICT (table_name, company_id) DO UPDATE SET digest = excluded.digest",
        ),
        &key,
    )?;
    let digest = digest(connection, table, company_id)?;
    let sql = "UPDATE table_digest SET digest = $3 WHERE table_name = $1 AND company_id = $2";
    execute_exactly(connection, 1, sql, &[key[0], key[1], SqlValue::Blob(&digest)])
}

/// Writes the digests of all tables, for a database that has none yet. `companies` are all companies.
pub(crate) fn write_all(connection: &mut dyn Connection, companies: &[i64]) -> StoreResult<()> {
    for (table, company_id) in parts(companies) {
        write_digest(connection, table, company_id)?;
    }
    Ok(())
}

/// The tables with digests, those of companies once for each company.
fn parts(companies: &[i64]) -> impl Iterator<Item = (&'static Table, i64)> + '_ {
    DIGESTED.into_iter().flat_map(move |table| {
        let of_deployment = [0];
        let ids = if table.scope == Scope::Deployment { of_deployment.to_vec() } else { companies.to_vec() };
        ids.into_iter().map(move |company_id| (table, company_id))
    })
}

/// Compares all digests with the rows. Returns one line of text for each that differs.
pub(crate) fn compare(connection: &mut dyn Connection, companies: &[i64]) -> StoreResult<Vec<String>> {
    let mut differences = Vec::new();
    for (table, company_id) in parts(companies) {
        differences.extend(compare_one(connection, table, company_id)?);
    }
    Ok(differences)
}

/// Compares the digest of a table, or of the rows of one company in it, with the rows.
pub(crate) fn compare_one(
    connection: &mut dyn Connection,
    table: &Table,
    company_id: i64,
) -> StoreResult<Option<String>> {
    let sql = "SELECT digest FROM table_digest WHERE table_name = $1 AND company_id = $2";
    let key = [table.name.into(), company_id.into()];
    let stored = first(connection, sql, &key, |row| Ok(row.blob(0)?.to_owned()))?;
    let now = digest(connection, table, company_id)?;
    let owner = if company_id == 0 { String::new() } else { format!("company {company_id}: ") };
    Ok(match stored {
        Some(stored) if stored == now => None,
        // A company without organizations has no digest of them yet.
        None if table.scope == Scope::Company && now == empty() => None,
        Some(_) => Some(format!(
            "{owner}the rows of {} are not those that were written: its digest differs",
            table.name
        )),
        None => Some(format!("{owner}{} has no digest", table.name)),
    })
}

fn empty() -> [u8; 32] {
    Sha256::new().finalize().into()
}

/// SHA-256 of the rows in the order of their keys. Each value is preceded by its type and length.
fn digest(connection: &mut dyn Connection, table: &Table, company_id: i64) -> StoreResult<[u8; 32]> {
    let keys: Vec<&str> = table.key_columns().collect();
    let (columns, name, order) = (table.column_list(), table.name, keys.join(", "));
    let (sql, values) = match table.scope {
        Scope::Deployment => (
            format!("SELECT {} FROM {} ORDER BY {}", table.column_list(), table.name, keys.join(", ")),
            vec![],
        ),
        Scope::Company => (
            format!("SELECT {columns} FROM {name} WHERE company_id = $1 ORDER BY {order}"),
            vec![SqlValue::Int(company_id)],
        ),
    };
    let mut hash = Sha256::new();
    connection.query(&sql, &values, &mut |row| {
        // Locks and the marks of copies are written by transactions that change nothing else.
        if name == SETTING.name && is_transient(row.text(0)?) {
            return Ok(Flow::More);
        }
        for (place, (_, kind)) in table.columns.iter().enumerate() {
            match kind {
                ColumnType::Int => match row.optional_int(place)? {
                    Some(value) => {
                        hash.update(b"i");
                        hash.update(value.to_le_bytes());
                    }
                    None => hash.update(b"n"),
                },
                ColumnType::Text => match row.optional_text(place)? {
                    Some(text) => {
                        hash.update(b"t");
                        hash.update((text.len() as u64).to_le_bytes());
                        hash.update(text.as_bytes());
                    }
                    None => hash.update(b"n"),
                },
                ColumnType::Blob => {
                    let bytes = row.blob(place)?;
                    hash.update(b"b");
                    hash.update((bytes.len() as u64).to_le_bytes());
                    hash.update(bytes);
                }
            }
        }
        hash.update(b"\n");
        Ok(Flow::More)
    })?;
    Ok(hash.finalize().into())
}
