//! A PostgreSQL database, with a read replica if one is configured.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::connection::StatementDeadline;
use super::pool::Pool;
use super::replica::Replica;
use super::transaction::{PostgresTransaction, READING, writing};
use super::url;
use crate::error::StoreResult;
use crate::sql::driver::connection::{Connection, Database, first};
use crate::sql::store::OpenDatabase;
use crate::store::{ConnectionUse, Store, StoreOptions};

/// Opens a database on a PostgreSQL server. Creates the tables if they are absent, and migrates them if the schema is
/// older. `read_url` is the URL of a streaming replica.
///
/// # Errors
/// [`StoreError::Url`](crate::StoreError::Url) if a URL is invalid,
/// [`StoreError::Unavailable`](crate::StoreError::Unavailable) if the server cannot be reached,
/// [`StoreError::Refused`](crate::StoreError::Refused) if it refuses the connection,
/// [`StoreError::NotOurs`](crate::StoreError::NotOurs) if the database has other tables, and
/// [`StoreError::SchemaTooNew`](crate::StoreError::SchemaTooNew) if a newer program migrated it.
pub fn open_postgres(
    url: &str,
    read_url: Option<&str>,
    options: &StoreOptions,
) -> StoreResult<Arc<dyn Store>> {
    connect_postgres(url, read_url, options)?.into_store(options)
}

/// The database of a URL. Does not connect to the server.
///
/// # Errors
/// [`StoreError::Url`](crate::StoreError::Url) if a URL is invalid.
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
    let (begin_reading, begin_writing) = (READING.into(), writing(options));
    Ok(OpenDatabase(Box::new(Postgres {
        primary,
        replica,
        options: options.clone(),
        begin_reading,
        begin_writing,
    })))
}

struct Postgres {
    primary: Arc<Pool>,
    replica: Option<Arc<Replica>>,
    options: StoreOptions,
    begin_reading: Arc<str>,
    begin_writing: Arc<str>,
}

impl Postgres {
    fn deadline(&self, caller: &CancellationToken) -> StatementDeadline {
        StatementDeadline { caller: caller.clone(), timeout: self.options.statement_timeout }
    }
}

impl Database for Postgres {
    fn read(&self, caller: &CancellationToken) -> StoreResult<Box<dyn Connection>> {
        let (home, deadline) = (Arc::clone(&self.primary), self.deadline(caller));
        let begin = Arc::clone(&self.begin_reading);
        Ok(Box::new(PostgresTransaction::new(self.primary.take()?, home, deadline, begin)))
    }

    fn has_replica(&self) -> bool {
        self.replica.is_some()
    }

    fn read_replica(&self, position: u64, caller: &CancellationToken) -> Option<Box<dyn Connection>> {
        let replica = self.replica.as_ref()?;
        let link = replica.link(position, &self.deadline(caller))?;
        let (home, deadline) = (Arc::clone(replica.pool()), self.deadline(caller));
        let begin = Arc::clone(&self.begin_reading);
        Some(Box::new(PostgresTransaction::new(link, home, deadline, begin)))
    }

    fn replayed_position(&self) -> StoreResult<Option<u64>> {
        let deadline = self.deadline(&CancellationToken::new());
        self.replica.as_ref().map(|replica| replica.replayed_position(&deadline)).transpose()
    }

    fn connections(&self) -> Vec<ConnectionUse> {
        let mut pools = vec![self.primary.in_use("primary")];
        pools.extend(self.replica.as_ref().map(|replica| replica.pool().in_use("replica")));
        pools
    }

    fn write(&self) -> StoreResult<Box<dyn Connection>> {
        let (home, deadline) = (Arc::clone(&self.primary), self.deadline(&CancellationToken::new()));
        let begin = Arc::clone(&self.begin_writing);
        let transaction = PostgresTransaction::new(self.primary.take()?, home, deadline, begin);
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

    fn announce_server(&self) -> StoreResult<()> {
        // Its connections are seen by `other_user`.
        Ok(())
    }

    fn other_user(&self) -> StoreResult<Option<String>> {
        let sql = "SELECT coalesce(host(client_addr), 'this machine'), pid::bigint FROM pg_stat_activity \
                   WHERE datname = current_database() AND pid <> pg_backend_pid() \
                   AND application_name = current_setting('application_name') ORDER BY backend_start LIMIT 1";
        let mut connection = self.read(&CancellationToken::new())?;
        first(connection.as_mut(), sql, &[], |row| {
            Ok(format!(
                "a Tollbook process (server process {}, connected from {})",
                row.int(1)?,
                row.text(0)?
            ))
        })
    }
}
