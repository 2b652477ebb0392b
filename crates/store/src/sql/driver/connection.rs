//! The interface of database drivers, on which all SQL of this crate runs.
//!
//! Statements are written once, with `$1` placeholders; [`Dialect`] has the fragments that differ between databases.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::error::{StoreError, StoreResult};
use crate::sql::driver::dialect::Dialect;
use crate::sql::driver::table::Table;
use crate::store::ConnectionUse;

/// A value bound to a statement.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SqlValue<'a> {
    Null,
    Int(i64),
    Text(&'a str),
    Blob(&'a [u8]),
}

impl From<i64> for SqlValue<'_> {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl<'a> From<&'a str> for SqlValue<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(value)
    }
}

impl<'a> From<&'a [u8]> for SqlValue<'a> {
    fn from(value: &'a [u8]) -> Self {
        Self::Blob(value)
    }
}

impl From<Option<i64>> for SqlValue<'_> {
    fn from(value: Option<i64>) -> Self {
        value.map_or(Self::Null, Self::Int)
    }
}

/// The columns of one result row, by position.
pub(crate) trait Row {
    fn int(&self, column: usize) -> StoreResult<i64>;
    fn optional_int(&self, column: usize) -> StoreResult<Option<i64>>;
    fn text(&self, column: usize) -> StoreResult<&str>;
    fn optional_text(&self, column: usize) -> StoreResult<Option<&str>>;
    fn blob(&self, column: usize) -> StoreResult<&[u8]>;

    /// Reads integers from consecutive columns. On a trait object, one call costs less than a call for each column.
    fn ints(&self, first: usize, into: &mut [i64]) -> StoreResult<()> {
        for (column, value) in (first..).zip(into) {
            *value = self.int(column)?;
        }
        Ok(())
    }
}

/// Whether to continue reading rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    More,
    Enough,
}

pub(crate) type EachRow<'a> = &'a mut dyn FnMut(&dyn Row) -> StoreResult<Flow>;

/// The values of one execution of a statement.
pub(crate) type SqlValues<'a> = Vec<SqlValue<'a>>;

pub(crate) type EachRowOf<'a> = &'a mut dyn FnMut(usize, &dyn Row) -> StoreResult<()>;

/// A connection inside a transaction. If it is dropped before `commit`, the transaction is rolled back.
pub(crate) trait Connection: Send {
    fn dialect(&self) -> &'static Dialect;

    /// Runs a statement and passes each row to `each`, until the rows end or `each` returns [`Flow::Enough`]. The
    /// database may still send the remaining rows, so a statement that may end early has a LIMIT.
    fn query(&mut self, sql: &str, values: &[SqlValue<'_>], each: EachRow<'_>) -> StoreResult<()>;

    /// Runs a statement once for each set of values, in order, and passes each row to `each` with the index of its set.
    /// A driver of a server sends the sets without waiting for results in between.
    fn query_each(&mut self, sql: &str, sets: &[SqlValues<'_>], each: EachRowOf<'_>) -> StoreResult<()>;

    /// Runs a statement that changes rows, and returns the number of changed rows.
    fn execute(&mut self, sql: &str, values: &[SqlValue<'_>]) -> StoreResult<u64>;

    /// Runs the statement once for each set of values, and returns the total number of changed rows.
    fn execute_each(&mut self, sql: &str, sets: &[SqlValues<'_>]) -> StoreResult<u64>;

    /// Inserts rows, whose values are in the order of the table's columns, by the fastest method of the database.
    /// Returns the number of inserted rows.
    fn insert_all(
        &mut self,
        table: &Table,
        rows: &mut dyn Iterator<Item = SqlValues<'_>>,
    ) -> StoreResult<u64>;

    /// Checks the storage of tables and of their indexes, by what the database has for it. Returns one line of text for
    /// each fault, at most `limit`.
    fn check_storage(&mut self, tables: &[&Table], limit: usize) -> StoreResult<Vec<String>>;

    /// Checks the storage of one table or, with `None`, of everything, if that takes not much longer than `most`. `None` if it
    /// takes longer, or if the database can only check tables: then its parts are to be checked.
    fn check_part(
        &mut self,
        table: Option<&Table>,
        limit: usize,
        most: Duration,
    ) -> StoreResult<Option<Vec<String>>>;

    /// Runs several statements separated by semicolons.
    fn execute_script(&mut self, sql: &str) -> StoreResult<()>;

    /// Whether another writer is waiting for this transaction to end.
    fn another_writer_waits(&mut self) -> StoreResult<bool>;

    /// The log position up to which everything is durable; `None` if the database has no log that replicas follow.
    fn position(&mut self) -> StoreResult<Option<u64>>;

    /// The time of the database server's clock, Unix seconds; `None` if the database has no clock of its own.
    fn clock_s(&mut self) -> StoreResult<Option<i64>>;

    /// Commits the transaction. It is durable unless it ran [`Dialect::async_commit`].
    fn commit(&mut self) -> StoreResult<()>;
}

/// A database, which begins transactions on its connections.
pub(crate) trait Database: Send + Sync {
    /// Begins a read transaction on one snapshot. It fails with [`StoreError::Cancelled`] soon after `caller` is
    /// cancelled.
    fn read(&self, caller: &CancellationToken) -> StoreResult<Box<dyn Connection>>;

    /// Begins a read transaction that reads what is stored now: nothing that this process has read before.
    fn read_afresh(&self, caller: &CancellationToken) -> StoreResult<Box<dyn Connection>> {
        self.read(caller)
    }

    /// Whether a read replica is configured.
    fn has_replica(&self) -> bool;

    /// Begins a read transaction on a read replica. Returns `None` if no replica is current enough, given that the
    /// primary is at `position`.
    fn read_replica(&self, position: u64, caller: &CancellationToken) -> Option<Box<dyn Connection>>;

    /// The position up to which the read replica has replayed; `None` if none is configured.
    fn replayed_position(&self) -> StoreResult<Option<u64>> {
        Ok(None)
    }

    /// The connections that are in use.
    fn connections(&self) -> Vec<ConnectionUse>;

    /// Begins a write transaction. If the database allows one writer at a time, waits for earlier writers.
    fn write(&self) -> StoreResult<Box<dyn Connection>>;

    /// The number of times that the database may have failed over. A standby can lack the transactions that were
    /// acknowledged last, so data that was cached in an earlier epoch may be invalid.
    fn failover_epoch(&self) -> u64;

    /// Whether other machines may use the database too.
    fn is_shared(&self) -> bool;

    /// Announces a server until this value is dropped.
    fn announce_server(&self) -> StoreResult<()>;

    /// What else uses the database now; see [`OpenDatabase::other_user`](crate::OpenDatabase::other_user).
    fn other_user(&self) -> StoreResult<Option<String>>;
}

/// Returns the first row of a result, converted by `read`.
pub(crate) fn first<T>(
    connection: &mut dyn Connection,
    sql: &str,
    values: &[SqlValue<'_>],
    mut read: impl FnMut(&dyn Row) -> StoreResult<T>,
) -> StoreResult<Option<T>> {
    let mut found = None;
    connection.query(sql, values, &mut |row| {
        found = Some(read(row)?);
        Ok(Flow::Enough)
    })?;
    Ok(found)
}

/// Returns all rows of a result, each converted by `read`.
pub(crate) fn all<T>(
    connection: &mut dyn Connection,
    sql: &str,
    values: &[SqlValue<'_>],
    mut read: impl FnMut(&dyn Row) -> StoreResult<T>,
) -> StoreResult<Vec<T>> {
    let mut rows = Vec::new();
    connection.query(sql, values, &mut |row| {
        rows.push(read(row)?);
        Ok(Flow::More)
    })?;
    Ok(rows)
}

/// Runs a statement that changes rows; an error if their number is not `expected`.
pub(crate) fn execute_exactly(
    connection: &mut dyn Connection,
    expected: u64,
    sql: &str,
    values: &[SqlValue<'_>],
) -> StoreResult<()> {
    let actual = connection.execute(sql, values)?;
    if actual == expected {
        return Ok(());
    }
    Err(StoreError::Damaged(format!("a statement changed {actual} rows instead of {expected}")))
}

/// Inserts rows; an error if their number is not `expected`.
pub(crate) fn insert_exactly(
    connection: &mut dyn Connection,
    table: &Table,
    expected: usize,
    rows: &mut dyn Iterator<Item = SqlValues<'_>>,
) -> StoreResult<()> {
    let added = connection.insert_all(table, rows)?;
    if added == expected as u64 {
        return Ok(());
    }
    Err(StoreError::Damaged(format!("{added} of {expected} rows were inserted into {}", table.name)))
}

/// Updates one row for each set of values; an error if a row is missing.
pub(crate) fn update_exactly(
    connection: &mut dyn Connection,
    sql: &str,
    sets: &[SqlValues<'_>],
) -> StoreResult<()> {
    let updated = connection.execute_each(sql, sets)?;
    if updated == sets.len() as u64 {
        return Ok(());
    }
    Err(StoreError::Damaged(format!("{updated} of {} rows could be changed", sets.len())))
}

/// Deletes one row for each key; an error if a row is missing.
pub(crate) fn delete_exactly(
    connection: &mut dyn Connection,
    sql: &str,
    keys: &[SqlValues<'_>],
) -> StoreResult<()> {
    let deleted = connection.execute_each(sql, keys)?;
    if deleted == keys.len() as u64 {
        return Ok(());
    }
    Err(StoreError::Damaged(format!("{deleted} of {} rows could be deleted", keys.len())))
}
