//! A transaction on a PostgreSQL connection.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::future::{join, try_join_all};
use futures_util::{SinkExt as _, TryStreamExt as _};
use tokio_postgres::{Client, RowStream, Statement};
use tokio_util::sync::CancellationToken;

use super::connection::{PgConnection, StatementDeadline, Work, WorkError};
use super::dialect::DIALECT;
use super::pool::Pool;
use super::replica::Replica;
use super::storage::{self, FirstColumn};
use super::values::{Bound, COPY_HEADER, COPY_TRAILER, PostgresRow, copy_row};
use crate::error::{StoreError, StoreResult};
use crate::sql::driver::connection::{Connection, EachRow, EachRowOf, Flow, SqlValue, SqlValues, first};
use crate::sql::driver::dialect::Dialect;
use crate::sql::driver::table::Table;
use crate::store::StoreOptions;

/// Begins a read transaction. Its first statement takes the snapshot.
pub(super) const READING: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
/// Begins a write transaction. Each statement sees everything that was committed before it, so after waiting for a lock
/// it sees the writes of the previous holder.
pub(super) const WRITING: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";

/// The longest statement of a writer, in statement timeouts. That of the client restarts with each piece of progress.
const LONGEST_STATEMENT: u128 = 10;

/// Begins a write transaction that the server bounds: it ends the wait for a lock, and it ends a transaction whose process
/// sends nothing, between statements or within one, because that process may have been stopped while others wait for its
/// locks.
pub(super) fn writing(options: &StoreOptions) -> Arc<str> {
    let (lock, idle) = (options.lock_timeout.as_millis(), options.statement_timeout.as_millis());
    let statement = idle * LONGEST_STATEMENT;
    format!(
        "{WRITING}; SET LOCAL lock_timeout = {lock}; \
         SET LOCAL idle_in_transaction_session_timeout = {idle}; SET LOCAL statement_timeout = {statement}"
    )
    .into()
}

/// The transaction that has been writing for the longest time: with it, others wait.
const OLDEST_WRITER: &str = "SELECT pid, application_name, coalesce(host(client_addr), 'this machine'), \
     coalesce(state, ''), extract(epoch FROM clock_timestamp() - xact_start)::bigint FROM pg_stat_activity \
     WHERE datname = current_database() AND pid <> pg_backend_pid() AND (backend_xid IS NOT NULL \
     OR pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted)) ORDER BY xact_start LIMIT 1";

/// How long finding out who has a lock may take.
const HOLDER_TIMEOUT: Duration = Duration::from_secs(1);
/// Statements that are sent at once; their results are buffered until all have arrived.
const PIPELINED: usize = 64;
/// Longest time for one statement of a check of storage.
const LONGEST_CHECK: Duration = Duration::from_secs(86_400);
/// Bytes of COPY data per message.
const COPY_BYTES: usize = 128 << 10;

pub(super) struct PostgresTransaction {
    /// `None` only during `drop`.
    link: Option<PgConnection>,
    home: Arc<Pool>,
    deadline: StatementDeadline,
    /// The BEGIN statement; sent with the first statement.
    begin: Option<Arc<str>>,
    open: bool,
    /// Records the position of the commit.
    replica: Option<Arc<Replica>>,
}

impl PostgresTransaction {
    pub(super) fn new(
        link: PgConnection,
        home: Arc<Pool>,
        deadline: StatementDeadline,
        begin: Arc<str>,
    ) -> Self {
        Self { link: Some(link), home, deadline, begin: Some(begin), open: true, replica: None }
    }

    /// Makes `commit` record its position, so that the replica is read only after it has replayed it.
    pub(super) fn noting_writes_for(mut self, replica: Arc<Replica>) -> Self {
        self.replica = Some(replica);
        self
    }

    fn run<T>(
        &mut self,
        work: impl AsyncFnOnce(Work<'_>, Option<Arc<str>>) -> Result<T, WorkError>,
    ) -> StoreResult<T> {
        let link =
            self.link.as_mut().ok_or_else(|| StoreError::Database("the connection is closed".into()))?;
        if !link.is_usable() {
            return Err(StoreError::Unavailable("the connection was lost".into()));
        }
        let begin = self.begin.take();
        let result = link.run(&self.deadline, async |desk| work(desk, begin).await);
        result.map_err(|error| match error {
            StoreError::Locked { waited, .. } => StoreError::Locked { waited, holder: self.oldest_writer() },
            other => other,
        })
    }

    /// The writer that others wait for, for messages. It is asked for on another connection, because this transaction has
    /// failed.
    fn oldest_writer(&self) -> String {
        let deadline = StatementDeadline { caller: CancellationToken::new(), timeout: HOLDER_TIMEOUT };
        let found = self.home.take().and_then(|mut link| {
            let row = link.run(&deadline, async |desk| Ok(desk.client.query_opt(OLDEST_WRITER, &[]).await?));
            self.home.give_back(link);
            row
        });
        let Ok(Some(row)) = found else { return "it has ended meanwhile, or it is not known".to_owned() };
        let text = |column| row.try_get::<_, String>(column).unwrap_or_default();
        let (id, since_s) =
            (row.try_get::<_, i32>(0).unwrap_or_default(), row.try_get::<_, i64>(4).unwrap_or_default());
        format!(
            "session {id} of {} from {}, {} since {since_s} s: `SELECT pg_terminate_backend({id})` ends it",
            text(1),
            text(2),
            text(3)
        )
    }

    /// Runs a command without values or rows.
    fn command(&mut self, sql: &str) -> StoreResult<()> {
        self.run(async |desk, begin| {
            start(&desk, begin).await?;
            Ok(desk.client.batch_execute(sql).await?)
        })
    }
}

impl FirstColumn for PostgresTransaction {
    fn first_column(&mut self, sql: &str) -> StoreResult<Vec<Option<String>>> {
        self.run(async |desk, begin| {
            start(&desk, begin).await?;
            let messages = desk.client.simple_query(sql).await?;
            let rows = messages.into_iter().filter_map(|message| match message {
                tokio_postgres::SimpleQueryMessage::Row(row) => Some(row.get(0).map(ToOwned::to_owned)),
                _ => None,
            });
            Ok(rows.collect())
        })
    }
}

async fn start(desk: &Work<'_>, begin: Option<Arc<str>>) -> Result<(), tokio_postgres::Error> {
    match begin {
        Some(begin) => desk.client.batch_execute(&begin).await,
        None => Ok(()),
    }
}

async fn rows_of(
    client: &Client,
    statement: &Statement,
    values: &[SqlValue<'_>],
) -> Result<RowStream, tokio_postgres::Error> {
    client.query_raw(statement, values.iter().map(Bound)).await
}

impl Connection for PostgresTransaction {
    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }

    fn query(&mut self, sql: &str, values: &[SqlValue<'_>], each: EachRow<'_>) -> StoreResult<()> {
        self.run(async |mut desk, begin| {
            let statement = desk.prepare(sql).await?;
            let rows = match begin {
                // Both are sent before either result is received.
                Some(begin) => {
                    let begun = desk.client.batch_execute(&begin);
                    let (begun, rows) = join(begun, rows_of(desk.client, &statement, values)).await;
                    begun?;
                    rows?
                }
                None => rows_of(desk.client, &statement, values).await?,
            };
            let mut rows = pin!(rows);
            while let Some(row) = rows.try_next().await? {
                desk.progress.set(true);
                if each(&PostgresRow(&row))? == Flow::Enough {
                    break;
                }
            }
            Ok(())
        })
    }

    fn query_each(&mut self, sql: &str, sets: &[SqlValues<'_>], each: EachRowOf<'_>) -> StoreResult<()> {
        if sets.is_empty() {
            return Ok(());
        }
        self.run(async |mut desk, begin| {
            start(&desk, begin).await?;
            let statement = desk.prepare(sql).await?;
            for (chunk, sets) in sets.chunks(PIPELINED).enumerate() {
                let answers = sets.iter().map(async |values| {
                    let rows = rows_of(desk.client, &statement, values).await?;
                    rows.try_collect::<Vec<_>>().await
                });
                for (index, rows) in try_join_all(answers).await?.into_iter().enumerate() {
                    for row in rows {
                        each(chunk * PIPELINED + index, &PostgresRow(&row))?;
                    }
                }
                desk.progress.set(true);
            }
            Ok(())
        })
    }

    fn execute(&mut self, sql: &str, values: &[SqlValue<'_>]) -> StoreResult<u64> {
        self.run(async |mut desk, begin| {
            start(&desk, begin).await?;
            let statement = desk.prepare(sql).await?;
            Ok(desk.client.execute_raw(&statement, values.iter().map(Bound)).await?)
        })
    }

    fn execute_each(&mut self, sql: &str, sets: &[SqlValues<'_>]) -> StoreResult<u64> {
        if sets.is_empty() {
            return Ok(0);
        }
        self.run(async |mut desk, begin| {
            start(&desk, begin).await?;
            let statement = desk.prepare(sql).await?;
            let mut changed = 0;
            for sets in sets.chunks(PIPELINED) {
                let answers =
                    sets.iter().map(|values| desk.client.execute_raw(&statement, values.iter().map(Bound)));
                changed += try_join_all(answers).await?.into_iter().sum::<u64>();
                desk.progress.set(true);
            }
            Ok(changed)
        })
    }

    fn insert_all(
        &mut self,
        table: &Table,
        rows: &mut dyn Iterator<Item = SqlValues<'_>>,
    ) -> StoreResult<u64> {
        let sql = format!("COPY {} ({}) FROM STDIN (FORMAT binary)", table.name, table.column_list());
        self.run(async |mut desk, begin| {
            start(&desk, begin).await?;
            let statement = desk.prepare(&sql).await?;
            let mut sink = pin!(desk.client.copy_in::<_, Bytes>(&statement).await?);
            let mut data = BytesMut::with_capacity(COPY_BYTES * 2);
            data.extend_from_slice(COPY_HEADER);
            for values in rows {
                copy_row(&values, &mut data)?;
                if data.len() >= COPY_BYTES {
                    sink.send(data.split().freeze()).await?;
                    desk.progress.set(true);
                }
            }
            data.extend_from_slice(COPY_TRAILER);
            sink.send(data.freeze()).await?;
            Ok(sink.finish().await?)
        })
    }

    fn check_storage(&mut self, tables: &[&Table], limit: usize) -> StoreResult<Vec<String>> {
        // A statement that reads a large table and its index returns nothing for long.
        let timeout = std::mem::replace(&mut self.deadline.timeout, LONGEST_CHECK);
        let found = storage::check(self, tables, limit);
        self.deadline.timeout = timeout;
        found
    }

    fn check_part(
        &mut self,
        table: Option<&Table>,
        limit: usize,
        _: Duration,
    ) -> StoreResult<Option<Vec<String>>> {
        storage::check_part(self, table, limit)
    }

    fn execute_script(&mut self, sql: &str) -> StoreResult<()> {
        self.command(sql)
    }

    fn another_writer_waits(&mut self) -> StoreResult<bool> {
        // A session that waits for a company lock of this transaction, or for a row that it has locked, waits for the
        // end of the transaction.
        let sql = "SELECT count(*) FROM pg_locks mine JOIN pg_locks waiting ON waiting.locktype = mine.locktype \
                   WHERE mine.pid = pg_backend_pid() AND mine.granted AND NOT waiting.granted \
                   AND (waiting.transactionid = mine.transactionid OR (mine.locktype = 'advisory' \
                   AND (waiting.database, waiting.classid, waiting.objid, waiting.objsubid) \
                   = (mine.database, mine.classid, mine.objid, mine.objsubid)))";
        Ok(first(self, sql, &[], |row| row.int(0))?.unwrap_or(0) > 0)
    }

    fn position(&mut self) -> StoreResult<Option<u64>> {
        let sql = "SELECT (pg_current_wal_flush_lsn() - '0/0'::pg_lsn)::bigint";
        let position = first(self, sql, &[], |row| row.int(0))?;
        Ok(position.and_then(|position| u64::try_from(position).ok()))
    }

    fn clock_s(&mut self) -> StoreResult<Option<i64>> {
        let sql = "SELECT floor(date_part('epoch', clock_timestamp()))::bigint";
        first(self, sql, &[], |row| row.int(0))
    }

    fn commit(&mut self) -> StoreResult<()> {
        if self.begin.is_some() {
            self.open = false;
            return Ok(());
        }
        self.command("COMMIT")?;
        self.open = false;
        if let Some(replica) = self.replica.clone() {
            // The transaction is committed even if reading the position fails.
            replica.note_write(self.position().ok().flatten());
        }
        Ok(())
    }
}

impl Drop for PostgresTransaction {
    fn drop(&mut self) {
        // If no transaction is open, there is nothing to roll back.
        if self.open && self.begin.is_none() && self.link.as_ref().is_some_and(PgConnection::is_usable) {
            // The caller may have cancelled; the rollback must run, because the connection is reused.
            self.deadline.caller = CancellationToken::new();
            if self.command("ROLLBACK").is_err() {
                tracing::debug!("rollback failed; closing the connection ends the transaction");
            }
        }
        if let Some(link) = self.link.take() {
            self.home.give_back(link);
        }
    }
}
