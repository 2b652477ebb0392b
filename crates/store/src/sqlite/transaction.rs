//! A transaction on a connection to the database file.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{ErrorCode, ToSql};
use tokio_util::sync::CancellationToken;

use super::failure::of_sqlite;
use super::writer_lock::WriterLock;
use crate::error::{StoreError, StoreResult};
use crate::sql::driver::connection::{Connection, EachRow, EachRowOf, Flow, Row, SqlValue, SqlValues};
use crate::sql::driver::dialect::Dialect;
use crate::sql::driver::table::Table;

/// Idle connections kept in a pool.
const MAX_IDLE: usize = 16;
/// Instructions of SQLite's virtual machine between two checks of the deadline; they take some tenths of a millisecond.
const INSTRUCTIONS_PER_CHECK: i32 = 20_000;

const DIALECT: Dialect = Dialect {
    text: "TEXT",
    blob: "BLOB",
    empty_blob: "x''",
    clustered: "WITHOUT ROWID",
    // A writer locks the whole database.
    for_update: "",
    queue: "",
    hot_update_storage: "",
    append_only_storage: "",
    tuning: &[],
    async_commit: "",
    schema_lock: "",
};

/// Idle connections.
pub(super) type Pool = Mutex<Vec<rusqlite::Connection>>;

/// Returns a connection to its pool, or closes it if the pool is full.
pub(super) fn give_back(pool: &Pool, connection: rusqlite::Connection) {
    let mut idle = pool.lock().unwrap_or_else(PoisonError::into_inner);
    if idle.len() < MAX_IDLE {
        idle.push(connection);
    }
}

/// Interrupts a reader's statement if its caller cancels, or if it returns no row within the timeout.
#[derive(Clone)]
pub(super) struct StatementDeadline {
    caller: CancellationToken,
    timeout: Duration,
    since: Arc<Mutex<Instant>>,
}

impl StatementDeadline {
    pub(super) fn new(caller: CancellationToken, timeout: Duration) -> Self {
        Self { caller, timeout, since: Arc::new(Mutex::new(Instant::now())) }
    }

    /// Restarts the timeout, because a statement begins or has returned a row.
    fn renew(&self) {
        *self.since.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn has_passed(&self) -> bool {
        let since = *self.since.lock().unwrap_or_else(PoisonError::into_inner);
        self.caller.is_cancelled() || since.elapsed() > self.timeout
    }

    /// Installs the check of the deadline on the connection.
    pub(super) fn watch(&self, connection: &mut rusqlite::Connection) -> StoreResult<()> {
        let deadline = self.clone();
        connection
            .progress_handler(INSTRUCTIONS_PER_CHECK, Some(move || deadline.has_passed()))
            .map_err(of_sqlite)
    }

    /// Why a statement was interrupted.
    fn reason(&self) -> StoreError {
        if self.caller.is_cancelled() { StoreError::Cancelled } else { StoreError::TooLong(self.timeout) }
    }
}

/// A read or write transaction. If it is dropped before `commit`, it is rolled back. Its connection returns to the
/// pool.
pub(super) struct SqliteTransaction {
    /// `None` only during `drop`.
    connection: Option<rusqlite::Connection>,
    home: Arc<Pool>,
    lock: Option<WriterLock>,
    /// `None` for writers: the size of their batches limits their statements.
    deadline: Option<StatementDeadline>,
    open: bool,
}

impl SqliteTransaction {
    /// A read transaction that has begun on a connection of `home`.
    pub(super) fn reading(
        connection: rusqlite::Connection,
        home: Arc<Pool>,
        deadline: StatementDeadline,
    ) -> Self {
        Self { connection: Some(connection), home, lock: None, deadline: Some(deadline), open: true }
    }

    /// A write transaction that has begun on a connection of `home`.
    pub(super) fn writing(connection: rusqlite::Connection, home: Arc<Pool>, lock: WriterLock) -> Self {
        Self { connection: Some(connection), home, lock: Some(lock), deadline: None, open: true }
    }

    fn prepare(&self, sql: &str) -> StoreResult<rusqlite::CachedStatement<'_>> {
        #[cfg(debug_assertions)]
        assert_eq!(crate::sql::driver::tenancy::violation(sql), None, "{sql}");
        self.connection()?.prepare_cached(&placeholders(sql)).map_err(of_sqlite)
    }

    fn renew(&self) {
        if let Some(deadline) = &self.deadline {
            deadline.renew();
        }
    }

    fn failure(&self, error: rusqlite::Error) -> StoreError {
        match (&self.deadline, error.sqlite_error_code()) {
            (Some(deadline), Some(ErrorCode::OperationInterrupted)) => deadline.reason(),
            _ => of_sqlite(error),
        }
    }

    fn connection(&self) -> StoreResult<&rusqlite::Connection> {
        self.connection.as_ref().ok_or_else(|| StoreError::Database("the connection is closed".into()))
    }
}

impl Connection for SqliteTransaction {
    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }

    fn query(&mut self, sql: &str, values: &[SqlValue<'_>], each: EachRow<'_>) -> StoreResult<()> {
        let mut statement = self.prepare(sql)?;
        self.renew();
        let failed = |error| self.failure(error);
        let mut rows = statement.query(bound(values)).map_err(failed)?;
        let mut read = 0u64;
        while let Some(row) = rows.next().map_err(failed)? {
            if each(&SqliteRow(row))? == Flow::Enough {
                break;
            }
            // Reading the clock costs as much as reading a row, so it is read once per 1024 rows.
            read += 1;
            if read.is_multiple_of(1_024) {
                self.renew();
            }
        }
        Ok(())
    }

    fn query_each(&mut self, sql: &str, sets: &[SqlValues<'_>], each: EachRowOf<'_>) -> StoreResult<()> {
        let mut statement = self.prepare(sql)?;
        self.renew();
        let failed = |error| self.failure(error);
        for (index, values) in sets.iter().enumerate() {
            let mut rows = statement.query(bound(values)).map_err(failed)?;
            while let Some(row) = rows.next().map_err(failed)? {
                each(index, &SqliteRow(row))?;
            }
        }
        Ok(())
    }

    fn execute(&mut self, sql: &str, values: &[SqlValue<'_>]) -> StoreResult<u64> {
        let changed = self.prepare(sql)?.execute(bound(values)).map_err(of_sqlite)?;
        Ok(changed as u64)
    }

    fn execute_each(&mut self, sql: &str, sets: &[SqlValues<'_>]) -> StoreResult<u64> {
        let mut statement = self.prepare(sql)?;
        let mut changed = 0;
        for values in sets {
            changed += statement.execute(bound(values)).map_err(of_sqlite)? as u64;
        }
        Ok(changed)
    }

    fn insert_all(
        &mut self,
        table: &Table,
        rows: &mut dyn Iterator<Item = SqlValues<'_>>,
    ) -> StoreResult<u64> {
        let places: Vec<String> = (1..=table.columns.len()).map(|place| format!("${place}")).collect();
        let (name, columns) = (table.name, table.column_list());
        let sql = format!("INSERT INTO {name} ({columns}) VALUES ({})", places.join(", "));
        let mut statement = self.prepare(&sql)?;
        let mut added = 0;
        for values in rows {
            added += statement.execute(bound(&values)).map_err(of_sqlite)? as u64;
        }
        Ok(added)
    }

    fn check_storage(&mut self, _: &[&Table], limit: usize) -> StoreResult<Vec<String>> {
        let Some(mut connection) = self.connection.take() else {
            return Err(StoreError::Database("the connection is closed".into()));
        };
        // The check of a large file returns no row for longer than any statement may run.
        let unwatched = connection.progress_handler(0, None::<fn() -> bool>).map_err(of_sqlite);
        let check = format!("integrity_check({limit})");
        let found = unwatched.and_then(|()| integrity(&connection, &check).map_err(of_sqlite));
        let watched = self.deadline.as_ref().map_or(Ok(()), |deadline| {
            deadline.renew();
            deadline.watch(&mut connection)
        });
        self.connection = Some(connection);
        watched?;
        found
    }

    fn check_part(
        &mut self,
        table: Option<&Table>,
        limit: usize,
        most: Duration,
    ) -> StoreResult<Option<Vec<String>>> {
        if most.is_zero() {
            return Ok(None);
        }
        let Some(mut connection) = self.connection.take() else {
            return Err(StoreError::Database("the connection is closed".into()));
        };
        let caller = self.deadline.as_ref().map(|deadline| deadline.caller.clone()).unwrap_or_default();
        let check = table.map_or_else(
            || format!("integrity_check({limit})"),
            // With the name of a table, the check is of it and of its indexes.
            |table| format!("integrity_check({})", table.name),
        );
        let begin = Instant::now();
        let is_stopped = {
            let caller = caller.clone();
            move || caller.is_cancelled() || begin.elapsed() > most
        };
        let found = connection
            .progress_handler(INSTRUCTIONS_PER_CHECK, Some(is_stopped))
            .and_then(|()| integrity(&connection, &check));
        let watched = self.deadline.as_ref().map_or(Ok(()), |deadline| {
            deadline.renew();
            deadline.watch(&mut connection)
        });
        self.connection = Some(connection);
        watched?;
        match found {
            Ok(mut found) => {
                found.truncate(limit);
                Ok(Some(found))
            }
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => {
                if caller.is_cancelled() { Err(StoreError::Cancelled) } else { Ok(None) }
            }
            Err(error) => Err(of_sqlite(error)),
        }
    }

    fn execute_script(&mut self, sql: &str) -> StoreResult<()> {
        self.connection()?.execute_batch(sql).map_err(of_sqlite)
    }

    fn another_writer_waits(&mut self) -> StoreResult<bool> {
        Ok(self.lock.as_ref().is_some_and(WriterLock::is_awaited))
    }

    fn position(&mut self) -> StoreResult<Option<u64>> {
        Ok(None)
    }

    fn clock_s(&mut self) -> StoreResult<Option<i64>> {
        Ok(None)
    }

    fn commit(&mut self) -> StoreResult<()> {
        self.connection()?.execute_batch("COMMIT").map_err(of_sqlite)?;
        self.open = false;
        self.lock = None;
        Ok(())
    }
}

impl Drop for SqliteTransaction {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        // A cancelled caller must interrupt neither the rollback nor the next user of the connection.
        if self.deadline.is_some() && connection.progress_handler(0, None::<fn() -> bool>).is_err() {
            return;
        }
        // If the rollback fails, the connection is closed, which also rolls back.
        if !self.open || connection.is_autocommit() || connection.execute_batch("ROLLBACK").is_ok() {
            give_back(&self.home, connection);
        }
    }
}

/// What one of SQLite's checks finds, indexes included; empty if it finds nothing.
fn integrity(connection: &rusqlite::Connection, check: &str) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare(&format!("PRAGMA {check}"))?;
    let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
    let mut found = Vec::new();
    for row in rows {
        // The first line of a damaged file can be a heading.
        found.extend(row?.lines().map(str::to_owned).filter(|line| line != "ok"));
    }
    Ok(found)
}

/// SQLite's placeholders are `?1`, `?2`, ….
fn placeholders(sql: &str) -> String {
    sql.replace('$', "?")
}

fn bound<'a>(values: &'a [SqlValue<'a>]) -> rusqlite::ParamsFromIter<impl Iterator<Item = Bound<'a>>> {
    rusqlite::params_from_iter(values.iter().map(Bound))
}

struct Bound<'a>(&'a SqlValue<'a>);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            SqlValue::Null => ValueRef::Null,
            SqlValue::Int(value) => ValueRef::Integer(*value),
            SqlValue::Text(value) => ValueRef::Text(value.as_bytes()),
            SqlValue::Blob(value) => ValueRef::Blob(value),
        }))
    }
}

struct SqliteRow<'a>(&'a rusqlite::Row<'a>);

fn wrong_type() -> StoreError {
    StoreError::Damaged("a column has a value of the wrong type".into())
}

impl Row for SqliteRow<'_> {
    fn int(&self, column: usize) -> StoreResult<i64> {
        self.optional_int(column)?.ok_or_else(wrong_type)
    }

    fn optional_int(&self, column: usize) -> StoreResult<Option<i64>> {
        match self.0.get_ref(column).map_err(of_sqlite)? {
            ValueRef::Integer(value) => Ok(Some(value)),
            ValueRef::Null => Ok(None),
            ValueRef::Real(_) | ValueRef::Text(_) | ValueRef::Blob(_) => Err(wrong_type()),
        }
    }

    fn text(&self, column: usize) -> StoreResult<&str> {
        self.0.get_ref(column).map_err(of_sqlite)?.as_str().map_err(|_| wrong_type())
    }

    fn optional_text(&self, column: usize) -> StoreResult<Option<&str>> {
        self.0.get_ref(column).map_err(of_sqlite)?.as_str_or_null().map_err(|_| wrong_type())
    }

    fn blob(&self, column: usize) -> StoreResult<&[u8]> {
        self.0.get_ref(column).map_err(of_sqlite)?.as_blob().map_err(|_| wrong_type())
    }
}
