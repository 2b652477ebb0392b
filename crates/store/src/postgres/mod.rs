//! PostgreSQL behind the store: connections, transactions, read replicas, and its errors in our words.

mod distribute;
mod failure;
mod link;
mod pool;
mod replica;
mod transaction;
mod url;
mod values;

use std::sync::Arc;

pub use distribute::{Distribution, distribute};
use tokio_util::sync::CancellationToken;

use crate::error::StoreResult;
use crate::sql::connection::{Connection, Database, Dialect};
use crate::sql::copying::OpenDatabase;
use crate::{Store, StoreOptions};
use link::Patience;
use pool::Pool;
use replica::Replica;
use transaction::{PostgresTransaction, READING, WRITING};

static DIALECT: Dialect = Dialect {
    // Numbers and names are compared by bytes, whatever the database's language.
    text: "TEXT COLLATE \"C\"",
    blob: "BYTEA",
    empty_blob: "''::bytea",
    clustered: "",
    for_update: "FOR UPDATE",
    // "Toll" in the upper half. The row's lock is what keeps writers apart; this one only makes them queue.
    queue: "SELECT pg_advisory_xact_lock((1416588396::bigint << 32) | $1)",
    // Room for the next version of a row on its page, and a vacuum that comes often: each batch of orders changes the
    // same few rows again.
    hot_update_storage: "WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 500)",
    // Counting a ragged edge reads the index alone, as far as a vacuum has seen the rows.
    append_only_storage: "WITH (autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_vacuum_scale_factor = 0.02, \
               autovacuum_analyze_scale_factor = 0.02)",
    tuning: &[
        // Packed already; compressing them again costs more than it saves.
        "ALTER TABLE rollup ALTER COLUMN sums SET STORAGE EXTERNAL; \
         ALTER TABLE tile_count ALTER COLUMN counts SET STORAGE EXTERNAL; \
         ALTER TABLE tile_sum ALTER COLUMN sums SET STORAGE EXTERNAL;",
    ],
    async_commit: "SET LOCAL synchronous_commit = off",
    // Held until the migration is committed.
    schema_lock: "SELECT pg_advisory_xact_lock(-1416588396)",
};

/// Opens a database on a PostgreSQL server, creating and migrating the tables where that is needed. `read_url` names a
/// streaming replica of it.
///
/// # Errors
/// [`StoreError::Url`](crate::StoreError::Url) for a URL that means nothing,
/// [`StoreError::Unavailable`](crate::StoreError::Unavailable) when the server cannot be reached,
/// [`StoreError::Refused`](crate::StoreError::Refused) when it does not let us in, and the errors of a schema that is
/// not ours.
pub fn open_postgres(
    url: &str,
    read_url: Option<&str>,
    options: &StoreOptions,
) -> StoreResult<Arc<dyn Store>> {
    connect_postgres(url, read_url, options)?.into_store(options)
}

/// The database of a URL, without looking into it.
///
/// # Errors
/// [`StoreError::Url`](crate::StoreError::Url).
pub fn connect_postgres(
    url: &str,
    read_url: Option<&str>,
    options: &StoreOptions,
) -> StoreResult<OpenDatabase> {
    let primary = Pool::new(url::parse(url)?, options);
    let replica = match read_url {
        Some(url) => Some(Arc::new(Replica::new(Pool::new(url::parse(url)?, options), options))),
        None => None,
    };
    Ok(OpenDatabase(Box::new(Postgres { primary, replica, options: options.clone() })))
}

struct Postgres {
    primary: Arc<Pool>,
    replica: Option<Arc<Replica>>,
    options: StoreOptions,
}

impl Postgres {
    fn patience(&self, caller: &CancellationToken) -> Patience {
        Patience { caller: caller.clone(), timeout: self.options.statement_timeout }
    }
}

impl Database for Postgres {
    fn read(&self, caller: &CancellationToken) -> StoreResult<Box<dyn Connection>> {
        let (home, patience) = (Arc::clone(&self.primary), self.patience(caller));
        Ok(Box::new(PostgresTransaction::new(self.primary.take()?, home, patience, READING)))
    }

    fn has_replica(&self) -> bool {
        self.replica.is_some()
    }

    fn read_replica(&self, position: u64, caller: &CancellationToken) -> Option<Box<dyn Connection>> {
        let replica = self.replica.as_ref()?;
        let link = replica.link(position, &self.patience(caller))?;
        let (home, patience) = (Arc::clone(replica.pool()), self.patience(caller));
        Some(Box::new(PostgresTransaction::new(link, home, patience, READING)))
    }

    fn write(&self) -> StoreResult<Box<dyn Connection>> {
        let (home, patience) = (Arc::clone(&self.primary), self.patience(&CancellationToken::new()));
        let transaction = PostgresTransaction::new(self.primary.take()?, home, patience, WRITING);
        Ok(match &self.replica {
            Some(replica) => Box::new(transaction.noting_writes_for(Arc::clone(replica))),
            None => Box::new(transaction),
        })
    }

    fn failover_epoch(&self) -> u64 {
        let of_replica = self.replica.as_ref().map_or(0, |replica| replica.pool().failover_epoch());
        self.primary.failover_epoch() + of_replica
    }

    fn is_shared(&self) -> bool {
        true
    }
}
