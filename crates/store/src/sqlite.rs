//! SQLite behind the store: connections, settings, taking turns among writers, and its errors in our words.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{ErrorCode, OpenFlags, ToSql};
use tokio_util::sync::CancellationToken;

use crate::error::{StoreError, StoreResult};
use crate::sql::connection::{
    Connection, Database, Dialect, EachRow, EachRowOf, Flow, Row, SqlValue, SqlValues,
};
use crate::sql::copying::OpenDatabase;
use crate::sql::schema::Table;
use crate::{Store, StoreOptions};

/// "Toll" in ASCII: marks the file as ours (`PRAGMA application_id`).
const APPLICATION_ID: i64 = 0x546f_6c6c;
/// How long a statement waits for another process's lock before it gives up.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);
/// The writer itself checkpoints the log at this many pages; a separate checkpoint thread starved (docs/OPERATIONS.md, "SQLite").
const CHECKPOINT_PAGES: i64 = 8_000;
/// Idle connections kept for the next reader.
const IDLE_READERS: usize = 16;
const STATEMENTS_CACHED: usize = 64;
/// Instructions of SQLite's machine between two looks at whether a statement is to go on; some tenths of a
/// millisecond.
const INSTRUCTIONS_BETWEEN_LOOKS: i32 = 20_000;

const DIALECT: Dialect = Dialect {
    text: "TEXT",
    blob: "BLOB",
    empty_blob: "x''",
    clustered: "WITHOUT ROWID",
    // A writer holds the whole database.
    for_update: "",
    queue: "",
    hot_update_storage: "",
    append_only_storage: "",
    tuning: &[],
    async_commit: "",
    schema_lock: "",
};

/// Opens the database file, creating and migrating it where that is needed.
///
/// # Errors
/// [`StoreError::NotOurs`] for a file that is something else, [`StoreError::SchemaTooNew`] for one of a newer
/// program, [`StoreError::Unavailable`] when it cannot be opened.
pub fn open_sqlite(path: &Path, options: &StoreOptions) -> StoreResult<Arc<dyn Store>> {
    connect_sqlite(path, options)?.into_store(options)
}

/// The database file, created where it is absent, without looking into it.
///
/// # Errors
/// [`StoreError::NotOurs`] and [`StoreError::Unavailable`], as [`open_sqlite`].
pub fn connect_sqlite(path: &Path, options: &StoreOptions) -> StoreResult<OpenDatabase> {
    Ok(OpenDatabase(Box::new(Sqlite::open(path, options.statement_timeout)?)))
}

struct Sqlite {
    path: PathBuf,
    statement_timeout: Duration,
    readers: Arc<Pool>,
    writers: Arc<Pool>,
}

type Pool = Mutex<Vec<rusqlite::Connection>>;

impl Sqlite {
    fn open(path: &Path, statement_timeout: Duration) -> StoreResult<Self> {
        let (readers, writers) = (Arc::default(), Arc::default());
        let sqlite = Self { path: path.to_owned(), statement_timeout, readers, writers };
        let connection = sqlite.connect()?;
        let pragma =
            |name: &str| connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0));
        if pragma("application_id").map_err(of_sqlite)? != APPLICATION_ID {
            let tables: i64 = connection
                .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
                .map_err(of_sqlite)?;
            // Asked last: whoever makes the file at this moment marks it before its first table.
            let application_id = pragma("application_id").map_err(of_sqlite)?;
            if application_id != APPLICATION_ID && (application_id != 0 || tables > 0) {
                return Err(StoreError::NotOurs(format!("{} is another program's", path.display())));
            }
            // Of several that begin at once, one makes the file: while it changes to a log, SQLite tells the others that
            // it is busy without letting them wait.
            let _turn = Turn::take(path)?;
            if pragma("application_id").map_err(of_sqlite)? != APPLICATION_ID {
                // A larger page suits rows of 100 to 200 bytes that are read in stretches.
                connection
                    .execute_batch(&format!(
                        "PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; \
                         PRAGMA application_id = {APPLICATION_ID};"
                    ))
                    .map_err(of_sqlite)?;
            }
        }
        sqlite.give_back_reader(connection);
        Ok(sqlite)
    }

    fn connect(&self) -> StoreResult<rusqlite::Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_EXRESCODE;
        let connection = rusqlite::Connection::open_with_flags(&self.path, flags).map_err(of_sqlite)?;
        connection.busy_timeout(BUSY_TIMEOUT).map_err(of_sqlite)?;
        connection
            .execute_batch(&format!(
                "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}; \
                 PRAGMA temp_store = MEMORY; PRAGMA cache_size = -4096;"
            ))
            .map_err(of_sqlite)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
        Ok(connection)
    }

    fn take(&self, pool: &Pool) -> StoreResult<rusqlite::Connection> {
        let idle = pool.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.map_or_else(|| self.connect(), Ok)
    }

    fn give_back_reader(&self, connection: rusqlite::Connection) {
        give_back(&self.readers, connection);
    }
}

fn give_back(pool: &Pool, connection: rusqlite::Connection) {
    let mut idle = pool.lock().unwrap_or_else(PoisonError::into_inner);
    if idle.len() < IDLE_READERS {
        idle.push(connection);
    }
}

impl Database for Sqlite {
    fn read(&self, caller: &CancellationToken) -> StoreResult<Box<dyn Connection>> {
        let mut connection = self.take(&self.readers)?;
        // Deferred: the snapshot is taken by the first statement that reads.
        connection.execute_batch("BEGIN").map_err(of_sqlite)?;
        let patience = Patience::new(caller.clone(), self.statement_timeout);
        patience.watch(&mut connection)?;
        Ok(Box::new(SqliteTransaction {
            connection: Some(connection),
            home: Arc::clone(&self.readers),
            turn: None,
            patience: Some(patience),
            open: true,
        }))
    }

    fn write(&self) -> StoreResult<Box<dyn Connection>> {
        let turn = Turn::take(&self.path)?;
        let connection = self.take(&self.writers)?;
        // The writer touches many leaves; it gets a larger cache than the readers.
        connection.execute_batch("PRAGMA cache_size = -65536; BEGIN IMMEDIATE").map_err(of_sqlite)?;
        Ok(Box::new(SqliteTransaction {
            connection: Some(connection),
            home: Arc::clone(&self.writers),
            turn: Some(turn),
            patience: None,
            open: true,
        }))
    }

    fn has_replica(&self) -> bool {
        false
    }

    fn read_replica(&self, _: u64, _: &CancellationToken) -> Option<Box<dyn Connection>> {
        None
    }

    fn failover_epoch(&self) -> u64 {
        0
    }

    fn is_shared(&self) -> bool {
        false
    }
}

/// How long a reader's statement may go on: until its caller leaves, or until nothing has come of it for too long.
#[derive(Clone)]
struct Patience {
    caller: CancellationToken,
    timeout: Duration,
    since: Arc<Mutex<Instant>>,
}

impl Patience {
    fn new(caller: CancellationToken, timeout: Duration) -> Self {
        Self { caller, timeout, since: Arc::new(Mutex::new(Instant::now())) }
    }

    /// The statement begins, or a row has come.
    fn renew(&self) {
        *self.since.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn is_over(&self) -> bool {
        let since = *self.since.lock().unwrap_or_else(PoisonError::into_inner);
        self.caller.is_cancelled() || since.elapsed() > self.timeout
    }

    fn watch(&self, connection: &mut rusqlite::Connection) -> StoreResult<()> {
        let patience = self.clone();
        connection
            .progress_handler(INSTRUCTIONS_BETWEEN_LOOKS, Some(move || patience.is_over()))
            .map_err(of_sqlite)
    }

    /// Why a statement was interrupted.
    fn reason(&self) -> StoreError {
        if self.caller.is_cancelled() { StoreError::Cancelled } else { StoreError::TooLong(self.timeout) }
    }
}

/// A writer's turn. SQLite lets whoever asks at the right moment write next, so that a long job which begins a
/// new transaction at once starves all others. Here writers queue: each waits at the door, and the one at the
/// door is next as soon as the room is free. File locks, so that it holds between processes too, and is let go
/// by the system when a process dies.
struct Turn {
    door: File,
    _room: File,
}

impl Turn {
    fn take(database: &Path) -> StoreResult<Self> {
        let open = |suffix: &str| {
            let mut name = database.as_os_str().to_owned();
            name.push(suffix);
            File::options().create(true).truncate(false).write(true).open(PathBuf::from(name))
        };
        let take = || {
            let (door, room) = (open("-door")?, open("-room")?);
            door.lock()?;
            room.lock()?;
            door.unlock()?;
            Ok(Self { door, _room: room })
        };
        take().map_err(of_io)
    }

    /// Whether somebody stands at the door.
    fn is_awaited(&self) -> bool {
        match self.door.try_lock() {
            Ok(()) => self.door.unlock().is_err(),
            Err(_) => true,
        }
    }
}

struct SqliteTransaction {
    /// `None` only while dropping.
    connection: Option<rusqlite::Connection>,
    home: Arc<Pool>,
    turn: Option<Turn>,
    /// Writers have none: what they do is bounded by their batches.
    patience: Option<Patience>,
    open: bool,
}

impl SqliteTransaction {
    fn prepare(&self, sql: &str) -> StoreResult<rusqlite::CachedStatement<'_>> {
        #[cfg(debug_assertions)]
        assert_eq!(crate::sql::tenancy::violation(sql), None, "{sql}");
        self.connection()?.prepare_cached(&placeholders(sql)).map_err(of_sqlite)
    }

    fn renew(&self) {
        if let Some(patience) = &self.patience {
            patience.renew();
        }
    }

    fn failure(&self, error: rusqlite::Error) -> StoreError {
        match (&self.patience, error.sqlite_error_code()) {
            (Some(patience), Some(ErrorCode::OperationInterrupted)) => patience.reason(),
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
            // Looking at the clock costs as much as reading a row; a thousand rows never take long.
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

    fn execute_script(&mut self, sql: &str) -> StoreResult<()> {
        self.connection()?.execute_batch(sql).map_err(of_sqlite)
    }

    fn another_writer_waits(&mut self) -> StoreResult<bool> {
        Ok(self.turn.as_ref().is_some_and(Turn::is_awaited))
    }

    fn position(&mut self) -> StoreResult<Option<u64>> {
        Ok(None)
    }

    fn commit(&mut self) -> StoreResult<()> {
        self.connection()?.execute_batch("COMMIT").map_err(of_sqlite)?;
        self.open = false;
        self.turn = None;
        Ok(())
    }
}

impl Drop for SqliteTransaction {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        // Whoever left must not interrupt the one who has the connection next; nor the rolling back.
        if self.patience.is_some() && connection.progress_handler(0, None::<fn() -> bool>).is_err() {
            return;
        }
        // A connection that cannot even roll back is closed, which rolls back as well.
        if !self.open || connection.is_autocommit() || connection.execute_batch("ROLLBACK").is_ok() {
            give_back(&self.home, connection);
        }
    }
}

/// SQLite numbers its placeholders with `?`.
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
    StoreError::Damaged("a column has a value of another type".into())
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

    fn blob(&self, column: usize) -> StoreResult<&[u8]> {
        self.0.get_ref(column).map_err(of_sqlite)?.as_blob().map_err(|_| wrong_type())
    }
}

fn of_io(error: std::io::Error) -> StoreError {
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => StoreError::Full,
        _ => StoreError::Unavailable(error.to_string()),
    }
}

fn of_sqlite(error: rusqlite::Error) -> StoreError {
    let text = error.to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreError::Full,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            StoreError::Unavailable("another process holds the database for too long".into())
        }
        Some(
            ErrorCode::CannotOpen
            | ErrorCode::SystemIoFailure
            | ErrorCode::PermissionDenied
            | ErrorCode::ReadOnly,
        ) => StoreError::Unavailable(text),
        Some(ErrorCode::NotADatabase) => StoreError::NotOurs(text),
        Some(ErrorCode::DatabaseCorrupt) => StoreError::Damaged(text),
        _ => StoreError::Database(text),
    }
}
