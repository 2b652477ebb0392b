//! What the SQL of this crate needs from a database driver: the seam behind which each database sits.
//!
//! Statements are written once, with `$1` placeholders; `dialect` names the few places where texts differ.

use crate::error::{StoreError, StoreResult};

/// A value bound to a statement.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'a> {
    Null,
    Int(i64),
    Text(&'a str),
    Blob(&'a [u8]),
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(value)
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(value: &'a [u8]) -> Self {
        Self::Blob(value)
    }
}

impl From<Option<i64>> for Value<'_> {
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
}

/// Whether to read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    More,
    Enough,
}

pub(crate) type EachRow<'a> = &'a mut dyn FnMut(&dyn Row) -> StoreResult<Flow>;

/// The texts in which databases differ.
pub(crate) struct Dialect {
    /// Type of texts; they compare by bytes.
    pub(crate) text: &'static str,
    /// Type of byte strings.
    pub(crate) blob: &'static str,
    /// What makes a table lie in the order of its primary key.
    pub(crate) clustered: &'static str,
    /// What makes a SELECT lock its rows until the transaction ends.
    pub(crate) for_update: &'static str,
}

impl Dialect {
    /// A statement with its tokens replaced.
    pub(crate) fn render(&self, template: &str) -> String {
        template
            .replace("{text}", self.text)
            .replace("{blob}", self.blob)
            .replace("{clustered}", self.clustered)
            .replace("{for_update}", self.for_update)
    }
}

/// A connection inside a transaction. Dropped before `commit`, the transaction is rolled back.
pub(crate) trait Connection: Send {
    fn dialect(&self) -> &'static Dialect;

    /// Runs a statement and hands each row over, until there is no more or `each` has enough.
    fn query(&mut self, sql: &str, values: &[Value<'_>], each: EachRow<'_>) -> StoreResult<()>;

    /// Runs a statement that changes rows and says how many.
    fn execute(&mut self, sql: &str, values: &[Value<'_>]) -> StoreResult<u64>;

    /// Runs several statements separated by semicolons.
    fn execute_script(&mut self, sql: &str) -> StoreResult<()>;

    /// Whether another writer is waiting for this transaction to end.
    fn another_writer_waits(&self) -> bool;

    /// Makes the transaction durable.
    fn commit(&mut self) -> StoreResult<()>;
}

/// A database that hands out connections.
pub(crate) trait Database: Send + Sync {
    /// A read transaction of one moment.
    fn read(&self) -> StoreResult<Box<dyn Connection>>;

    /// A write transaction, when it is this one's turn.
    fn write(&self) -> StoreResult<Box<dyn Connection>>;
}

/// The first row of a result, made into something.
pub(crate) fn first<T>(
    connection: &mut dyn Connection,
    sql: &str,
    values: &[Value<'_>],
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
    values: &[Value<'_>],
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
    values: &[Value<'_>],
) -> StoreResult<()> {
    let actual = connection.execute(sql, values)?;
    if actual == expected {
        return Ok(());
    }
    Err(StoreError::Damaged(format!("a statement changed {actual} rows instead of {expected}")))
}
