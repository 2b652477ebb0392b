//! The database file: opening it, its settings, and the connections to it.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock, PoisonError};
use std::time::Duration;

use rusqlite::OpenFlags;
use tokio_util::sync::CancellationToken;

use super::failure::{of_io, of_sqlite};
use super::lock_files::{QUEUE, SERVER, WRITER, open_beside};
use super::private_files::make_private;
use super::transaction::{Pool, SqliteTransaction, StatementDeadline, give_back};
use super::writer_lock::WriterQueue;
use crate::error::{StoreError, StoreResult};
use crate::sql::driver::connection::{Connection, Database};
use crate::sql::store::OpenDatabase;
use crate::store::{ConnectionUse, Store, StoreOptions};

/// "Toll" in ASCII: marks the file as a Tollbook database (`PRAGMA application_id`).
const APPLICATION_ID: i64 = 0x546f_6c6c;
/// Pages of the write-ahead log at which the writer runs a checkpoint. A separate checkpoint thread starved
/// (docs/OPERATIONS.md, "SQLite").
const CHECKPOINT_PAGES: i64 = 8_000;
/// Prepared statements kept for each connection.
const STATEMENTS_CACHED: usize = 64;
/// Suffixes of the files beside the database file; each is appended to its name.
pub const COMPANION_SUFFIXES: [&str; 5] = ["-wal", "-shm", QUEUE, WRITER, SERVER];

/// Opens the database file. Creates it if it is absent, and migrates it if its schema is older.
///
/// # Errors
/// [`StoreError::NotOurs`] if the file is not a Tollbook database, [`StoreError::SchemaTooNew`] if a newer program
/// migrated it, [`StoreError::Unavailable`] if it cannot be opened.
pub fn open_sqlite(path: &Path, options: &StoreOptions) -> StoreResult<Arc<dyn Store>> {
    connect_sqlite(path, options)?.into_store(options)
}

/// Connects to the database file without reading its schema. Creates it if it is absent.
///
/// # Errors
/// [`StoreError::NotOurs`] and [`StoreError::Unavailable`], as [`open_sqlite`].
pub fn connect_sqlite(path: &Path, options: &StoreOptions) -> StoreResult<OpenDatabase> {
    Ok(OpenDatabase(Box::new(Sqlite::open(path, options)?)))
}

/// Keeps servers from starting on a database file until it is dropped.
#[derive(Debug)]
pub struct ServersExcluded(#[expect(dead_code, reason = "the lock lasts as long as the file is open")] File);

/// Keeps servers from starting on a database file; `None` if one runs. The file itself need not exist.
///
/// # Errors
/// [`StoreError::Unavailable`] if the lock file cannot be opened.
pub fn exclude_servers(path: &Path) -> StoreResult<Option<ServersExcluded>> {
    let file = open_beside(path, SERVER).map_err(of_io)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(ServersExcluded(file))),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(of_io(error)),
    }
}

struct Sqlite {
    path: PathBuf,
    statement_timeout: Duration,
    lock_timeout: Duration,
    readers: Arc<Pool>,
    writers: Arc<Pool>,
    queue: Arc<WriterQueue>,
    /// The lock file of servers, locked, if this process is one.
    server: OnceLock<File>,
}

impl Sqlite {
    fn open(path: &Path, options: &StoreOptions) -> StoreResult<Self> {
        let StoreOptions { statement_timeout, lock_timeout, .. } = *options;
        let (readers, writers) = (Arc::default(), Arc::default());
        let queue = WriterQueue::new(path, &options.program, lock_timeout);
        let sqlite = Self {
            path: path.to_owned(),
            statement_timeout,
            lock_timeout,
            readers,
            writers,
            queue,
            server: OnceLock::new(),
        };
        make_private(path, &COMPANION_SUFFIXES, &[QUEUE, WRITER, SERVER])?;
        let connection = sqlite.connect()?;
        let pragma =
            |name: &str| connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0));
        if pragma("application_id").map_err(of_sqlite)? != APPLICATION_ID {
            let tables: i64 = connection
                .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
                .map_err(of_sqlite)?;
            // Read the id again after the tables: a process that creates the file sets the id before it creates a
            // table.
            let application_id = pragma("application_id").map_err(of_sqlite)?;
            if application_id != APPLICATION_ID && (application_id != 0 || tables > 0) {
                return Err(StoreError::NotOurs(format!("{} belongs to another program", path.display())));
            }
            // If several processes start at once, one creates the file: while the journal mode changes, SQLite returns
            // SQLITE_BUSY to the others immediately.
            let _lock = sqlite.queue.acquire()?;
            if pragma("application_id").map_err(of_sqlite)? != APPLICATION_ID {
                // Rows have 100 to 200 bytes and are read in ranges, which is faster with a larger page.
                connection
                    .execute_batch(&format!(
                        "PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; \
                         PRAGMA application_id = {APPLICATION_ID};"
                    ))
                    .map_err(of_sqlite)?;
            }
        }
        give_back(&sqlite.readers, connection);
        Ok(sqlite)
    }

    fn connect(&self) -> StoreResult<rusqlite::Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_EXRESCODE;
        let connection = rusqlite::Connection::open_with_flags(&self.path, flags).map_err(of_sqlite)?;
        // Writers queue before; SQLite's own locks are waited for if another program writes, or if a process recovers the
        // log.
        connection.busy_timeout(self.lock_timeout).map_err(of_sqlite)?;
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
}

impl Database for Sqlite {
    fn read(&self, caller: &CancellationToken) -> StoreResult<Box<dyn Connection>> {
        let mut connection = self.take(&self.readers)?;
        // Deferred: the first read takes the snapshot.
        connection.execute_batch("BEGIN").map_err(of_sqlite)?;
        let deadline = StatementDeadline::new(caller.clone(), self.statement_timeout);
        deadline.watch(&mut connection)?;
        Ok(Box::new(SqliteTransaction::reading(connection, Arc::clone(&self.readers), deadline)))
    }

    fn read_afresh(&self, caller: &CancellationToken) -> StoreResult<Box<dyn Connection>> {
        // A connection of the pool has pages in its cache. This one is closed at its end, as the pool of its own.
        let mut connection = self.connect()?;
        connection.execute_batch("BEGIN").map_err(of_sqlite)?;
        let deadline = StatementDeadline::new(caller.clone(), self.statement_timeout);
        deadline.watch(&mut connection)?;
        Ok(Box::new(SqliteTransaction::reading(connection, Arc::default(), deadline)))
    }

    fn write(&self) -> StoreResult<Box<dyn Connection>> {
        let lock = self.queue.acquire()?;
        let connection = self.take(&self.writers)?;
        // A writer changes many pages, so its cache is larger than a reader's.
        connection.execute_batch("PRAGMA cache_size = -65536; BEGIN IMMEDIATE").map_err(of_sqlite)?;
        Ok(Box::new(SqliteTransaction::writing(connection, Arc::clone(&self.writers), lock)))
    }

    fn connections(&self) -> Vec<ConnectionUse> {
        // Each transaction holds a reference to the pool that its connection returns to.
        let in_use = |pool: &Arc<Pool>| Arc::strong_count(pool).saturating_sub(1);
        let waiting = self.queue.waiting();
        vec![
            ConnectionUse { name: "readers", in_use: in_use(&self.readers), waiting: 0, limit: None },
            ConnectionUse { name: "writers", in_use: in_use(&self.writers), waiting, limit: Some(1) },
        ]
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

    fn announce_server(&self) -> StoreResult<()> {
        let file = open_beside(&self.path, SERVER).map_err(of_io)?;
        // Servers share the lock; a copy needs it alone.
        match file.try_lock_shared() {
            Ok(()) => {
                let _ = self.server.set(file);
                Ok(())
            }
            Err(TryLockError::WouldBlock) => {
                Err(StoreError::Unavailable("the database is being copied to another place".into()))
            }
            Err(TryLockError::Error(error)) => Err(of_io(error)),
        }
    }

    fn other_user(&self) -> StoreResult<Option<String>> {
        let file = open_beside(&self.path, SERVER).map_err(of_io)?;
        match file.try_lock() {
            Ok(()) => Ok(None),
            Err(TryLockError::WouldBlock) => Ok(Some("a server".into())),
            Err(TryLockError::Error(error)) => Err(of_io(error)),
        }
    }
}
