//! The bare client: one connection of `tokio_postgres` with the server's own settings, driven by the calling thread, and
//! prepared statements on the store's tables.

use std::hint::black_box;

use tokio::runtime::{Builder, Runtime};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, NoTls, Row, Statement};

use crate::result::Result;

/// Columns of an order that the store reads.
pub(super) const COLUMNS: &str = "status, start_time, order_no, line_no, end_time, quantity, total, original, \
     star_card, coupon, bonus, cash, credit, counterpart_no, create_time, paid_time, revocation_time";

/// A connection of the bare client.
pub(crate) struct Bare {
    runtime: Runtime,
    client: Client,
}

/// A prepared statement with its values.
#[derive(Clone)]
pub(super) struct Query {
    pub(super) statement: Statement,
    pub(super) values: Vec<i64>,
}

impl Query {
    pub(super) async fn rows(&self, client: &Client) -> Result<Vec<Row>> {
        let values: Vec<&(dyn ToSql + Sync)> =
            self.values.iter().map(|value| value as &(dyn ToSql + Sync)).collect();
        Ok(client.query(&self.statement, &values).await?)
    }

    /// The number in the first column of the single row.
    pub(super) async fn number(&self, client: &Client) -> Result<i64> {
        match &self.rows(client).await?[..] {
            [row] => Ok(row.try_get(0)?),
            rows => Err(format!("{} rows instead of one", rows.len()).into()),
        }
    }
}

impl Bare {
    pub(crate) fn connect(url: &str) -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (client, connection) = runtime.block_on(tokio_postgres::connect(url, NoTls))?;
        runtime.spawn(async move {
            if let Err(error) = connection.await {
                eprintln!("the bare connection ended: {error}");
            }
        });
        Ok(Self { runtime, client })
    }

    /// Runs work on the connection.
    pub(crate) fn work<T>(&self, work: impl AsyncFnOnce(&Client) -> Result<T>) -> Result<T> {
        self.runtime.block_on(work(&self.client))
    }

    pub(super) fn prepare(&self, sql: &str, values: &[i64]) -> Result<Query> {
        let statement = self.work(async |client| Ok(client.prepare(sql).await?))?;
        Ok(Query { statement, values: values.to_vec() })
    }

    pub(super) fn rows(&self, query: &Query) -> Result<Vec<Row>> {
        self.work(async |client| query.rows(client).await)
    }

    pub(super) fn number(&self, query: &Query) -> Result<i64> {
        self.work(async |client| query.number(client).await)
    }

    /// Runs a command.
    pub(crate) fn command(&self, sql: &str) -> Result {
        self.work(async |client| Ok(client.batch_execute(sql).await?))
    }

    /// The first column of the first row, as text.
    pub(super) fn text(&self, sql: &str) -> Result<String> {
        let messages = self.work(async |client| Ok(client.simple_query(sql).await?))?;
        let text = messages.iter().find_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0),
            _ => None,
        });
        Ok(text.ok_or_else(|| format!("no answer to {sql}"))?.to_owned())
    }

    /// The first column of the first row, as a number.
    pub(super) fn integer(&self, sql: &str) -> Result<i64> {
        Ok(self.text(sql)?.parse()?)
    }

    /// Bytes of write-ahead log that the server has written.
    pub(super) fn log_position(&self) -> Result<i64> {
        self.integer("SELECT (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint")
    }

    /// Writes all changes to disk, so that they do not burden the next measurement. If the user lacks the privilege, it is
    /// skipped.
    pub(super) fn checkpoint(&self) {
        if let Err(error) = self.command("CHECKPOINT") {
            eprintln!("no checkpoint: {error}");
        }
    }
}

/// Reads every value of a row of [`COLUMNS`]; returns the order number and the total price.
pub(super) fn read_order(row: &Row) -> Result<(&str, i64)> {
    let number = row.try_get::<_, &str>(2)?;
    let total = row.try_get::<_, i64>(6)?;
    for column in [0, 1, 3, 4, 5, 7, 8, 9, 10, 11, 12] {
        black_box(row.try_get::<_, i64>(column)?);
    }
    black_box(row.try_get::<_, &str>(13)?);
    for column in [14, 15, 16] {
        black_box(row.try_get::<_, Option<i64>>(column)?);
    }
    Ok((number, total))
}
