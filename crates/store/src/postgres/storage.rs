//! Checks of the storage of tables and indexes: by the extension amcheck if the database has it and the role may use it,
//! otherwise by counting the rows of each table with and without its indexes. Both read everything.

use crate::error::{StoreError, StoreResult};
use crate::sql::driver::table::Table;

/// Size of a table up to which [`check_part`] checks it.
const CHECKED_BYTES: u64 = 32 << 20;

/// Runs statements about the storage of whole tables, which name no company.
pub(super) trait FirstColumn {
    /// Runs statements and returns the first column of their rows as text, `None` for NULL.
    fn first_column(&mut self, sql: &str) -> StoreResult<Vec<Option<String>>>;
}

pub(super) fn check(
    connection: &mut dyn FirstColumn,
    tables: &[&Table],
    limit: usize,
) -> StoreResult<Vec<String>> {
    let mut found = wrong_checksums(connection)?;
    let has_amcheck = has_amcheck(connection)?;
    for table in tables {
        if found.len() >= limit {
            break;
        }
        let faults = if has_amcheck { by_amcheck(connection, table) } else { by_counts(connection, table) };
        found.extend(faults?);
    }
    found.truncate(limit);
    Ok(found)
}

/// Checks one table, unless it is too large to be checked at once. Without a table, what the server has found by itself; if
/// that is nothing, the tables are to be checked.
pub(super) fn check_part(
    connection: &mut dyn FirstColumn,
    table: Option<&Table>,
    limit: usize,
) -> StoreResult<Option<Vec<String>>> {
    let Some(table) = table else {
        let found = wrong_checksums(connection)?;
        return Ok(Some(found).filter(|found| !found.is_empty()));
    };
    let size = connection.first_column(&format!("SELECT pg_table_size('{}'::regclass)::text", table.name))?;
    let size = size.into_iter().flatten().next().and_then(|size| size.parse::<u64>().ok());
    if size.is_none_or(|size| size > CHECKED_BYTES) {
        return Ok(None);
    }
    let has_amcheck = has_amcheck(connection)?;
    let mut found = if has_amcheck { by_amcheck(connection, table) } else { by_counts(connection, table) }?;
    found.truncate(limit);
    Ok(Some(found))
}

fn wrong_checksums(connection: &mut dyn FirstColumn) -> StoreResult<Vec<String>> {
    let failures = connection
        .first_column("SELECT checksum_failures FROM pg_stat_database WHERE datname = current_database()")?;
    Ok(match failures.first() {
        Some(Some(failures)) if failures != "0" => {
            vec![format!("PostgreSQL has found {failures} pages whose checksum is wrong")]
        }
        _ => Vec::new(),
    })
}

fn has_amcheck(connection: &mut dyn FirstColumn) -> StoreResult<bool> {
    let found = connection.first_column(
        "SELECT 1 FROM pg_extension WHERE extname = 'amcheck' AND has_function_privilege(\
         (SELECT p.oid FROM pg_proc p JOIN pg_depend d ON d.objid = p.oid AND d.deptype = 'e' \
         WHERE d.refobjid = pg_extension.oid AND p.proname = 'bt_index_check' ORDER BY p.pronargs DESC LIMIT 1), \
         'EXECUTE')",
    )?;
    Ok(!found.is_empty())
}

/// Every index of a table against its rows, and the rows themselves.
fn by_amcheck(connection: &mut dyn FirstColumn, table: &Table) -> StoreResult<Vec<String>> {
    let name = table.name;
    let indexes = format!(
        "SELECT bt_index_check(indexrelid, true) FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid \
         WHERE indrelid = '{name}'::regclass AND relam = (SELECT oid FROM pg_am WHERE amname = 'btree')"
    );
    let rows = format!("SELECT msg FROM verify_heapam('{name}'::regclass)");
    let mut found = attempt(connection, name, &indexes)?.err().into_iter().collect::<Vec<_>>();
    match attempt(connection, name, &rows)? {
        Ok(messages) => {
            found.extend(messages.into_iter().flatten().map(|message| format!("table {name}: {message}")));
        }
        Err(fault) => found.push(fault),
    }
    Ok(found)
}

/// The rows that are in the table, and those that are found through its primary key.
fn by_counts(connection: &mut dyn FirstColumn, table: &Table) -> StoreResult<Vec<String>> {
    let name = table.name;
    let mut counts = Vec::new();
    for (sequential, indexed) in [("on", "off"), ("off", "on")] {
        let count = format!(
            "SET LOCAL enable_seqscan = {sequential}; SET LOCAL enable_indexscan = {indexed}; \
             SET LOCAL enable_indexonlyscan = {indexed}; SELECT count(*) FROM {name}"
        );
        match attempt(connection, name, &count)? {
            Ok(rows) => counts.push(rows.into_iter().flatten().next().unwrap_or_default()),
            Err(fault) => return Ok(vec![fault]),
        }
    }
    // The settings of the session, in which every statement uses an index.
    connection.first_column(
        "SET LOCAL enable_seqscan = off; SET LOCAL enable_indexscan = on; SET LOCAL enable_indexonlyscan = on",
    )?;
    Ok(match &counts[..] {
        [rows, indexed] if rows != indexed => {
            vec![format!("table {name}: has {rows} rows, but its index finds {indexed}")]
        }
        _ => Vec::new(),
    })
}

/// Runs statements so that their failure does not end the transaction. The inner error is the damage that they found.
fn attempt(
    connection: &mut dyn FirstColumn,
    table: &str,
    sql: &str,
) -> StoreResult<Result<Vec<Option<String>>, String>> {
    connection.first_column("SAVEPOINT storage")?;
    match connection.first_column(sql) {
        Ok(rows) => {
            connection.first_column("RELEASE SAVEPOINT storage")?;
            Ok(Ok(rows))
        }
        Err(StoreError::Damaged(reason) | StoreError::Database(reason)) => {
            connection.first_column("ROLLBACK TO SAVEPOINT storage; RELEASE SAVEPOINT storage")?;
            Ok(Err(format!("table {table}: {reason}")))
        }
        Err(error) => Err(error),
    }
}
