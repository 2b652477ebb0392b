//! What the SQL of this crate needs from a database driver: the seam behind which each database sits.
//!
//! Statements are written once, with `$1` placeholders; [`Dialect`] names the few places where texts differ.

use tokio_util::sync::CancellationToken;

use crate::error::{StoreError, StoreResult};
use crate::sql::driver::dialect::Dialect;
use crate::sql::driver::table::Table;

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
    fn blob(&self, column: usize) -> StoreResult<&[u8]>;

    /// Numbers that lie side by side. Of a row that is behind a pointer each call costs as much as a value; this is one.
    fn ints(&self, first: usize, into: &mut [i64]) -> StoreResult<()> {
        for (column, value) in (first..).zip(into) {
            *value = self.int(column)?;
        }
        Ok(())
    }
}

/// Whether to read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    More,
    Enough,
}

pub(crate) type EachRow<'a> = &'a mut dyn FnMut(&dyn Row) -> StoreResult<Flow>;

/// The values of one run of a statement that is run many times.
pub(crate) type SqlValues<'a> = Vec<SqlValue<'a>>;

pub(crate) type EachRowOf<'a> = &'a mut dyn FnMut(usize, &dyn Row) -> StoreResult<()>;

/// A connection inside a transaction. Dropped before `commit`, the transaction is rolled back.
pub(crate) trait Connection: Send {
    fn dialect(&self) -> &'static Dialect;

    /// Runs a statement and hands each row over, until there is no more or `each` has enough. Rows that are not taken
    /// may still have to be read: a statement that is to end early has a LIMIT.
    fn query(&mut self, sql: &str, values: &[SqlValue<'_>], each: EachRow<'_>) -> StoreResult<()>;

    /// Runs a statement once for each set of values and hands over the rows with the index of their set, in order.
    /// A server is not waited for between the sets.
    fn query_each(&mut self, sql: &str, sets: &[SqlValues<'_>], each: EachRowOf<'_>) -> StoreResult<()>;

    /// Runs a statement that changes rows and says how many.
    fn execute(&mut self, sql: &str, values: &[SqlValue<'_>]) -> StoreResult<u64>;

    /// The same once for each set of values; how many rows changed in all.
    fn execute_each(&mut self, sql: &str, sets: &[SqlValues<'_>]) -> StoreResult<u64>;

    /// Adds rows, their values in the order of the table's columns, by the fastest way that the database has.
    fn insert_all(
        &mut self,
        table: &Table,
        rows: &mut dyn Iterator<Item = SqlValues<'_>>,
    ) -> StoreResult<u64>;

    /// Runs several statements separated by semicolons.
    fn execute_script(&mut self, sql: &str) -> StoreResult<()>;

    /// Whether another writer is waiting for this transaction to end.
    fn another_writer_waits(&mut self) -> StoreResult<bool>;

    /// The position in the database's log up to which everything is durable, if the database has a log that replicas
    /// follow.
    fn position(&mut self) -> StoreResult<Option<u64>>;

    /// Makes the transaction durable.
    fn commit(&mut self) -> StoreResult<()>;
}

/// A database that hands out connections.
pub(crate) trait Database: Send + Sync {
    /// A read transaction of one moment. It ends with [`StoreError::Cancelled`] soon after `caller` is cancelled.
    fn read(&self, caller: &CancellationToken) -> StoreResult<Box<dyn Connection>>;

    /// Whether there is a read replica at all.
    fn has_replica(&self) -> bool;

    /// The same from a read replica, if there is one that has everything it must have now that the primary is at
    /// `position`.
    fn read_replica(&self, position: u64, caller: &CancellationToken) -> Option<Box<dyn Connection>>;

    /// A write transaction, when it is this one's turn.
    fn write(&self) -> StoreResult<Box<dyn Connection>>;

    /// Counts the times that this database may have become another one, with less in it: what a process remembers of
    /// an earlier failover epoch may be outdated. A server that fails over to a standby can lose what it
    /// acknowledged last.
    fn failover_epoch(&self) -> u64;

    /// Whether other machines may be using it too.
    fn is_shared(&self) -> bool;
}

/// The first row of a result, made into something.
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

/// All rows of a result, each made into something.
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

/// Runs a change and insists on how many rows it touches.
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

/// Adds rows and insists on how many come in.
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
    Err(StoreError::Damaged(format!("{added} of {expected} rows came into {}", table.name)))
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
