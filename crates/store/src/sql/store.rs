//! The store on a SQL database, and the preparation of the database.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::error::{StoreError, StoreResult};
use crate::lines::LineCache;
use crate::sql::driver::connection::{Connection, Database};
use crate::sql::driver::schema;
use crate::sql::session::Session;
use crate::sql::settings::COPY_MARK;
use crate::store::{Snapshot, Store, StoreOptions, Transaction};
use crate::tenants::SettingReads;

/// Maximum number of lines in the cache of a process, over all companies. A line takes about 400 bytes.
const CACHED_LINES: usize = 100_000;

/// A store on a SQL database.
pub(crate) struct SqlStore {
    database: Box<dyn Database>,
    lines: Arc<LineCache>,
    options: StoreOptions,
}

impl SqlStore {
    /// A store on a database whose schema is up to date.
    fn new(database: Box<dyn Database>, options: StoreOptions) -> Self {
        Self { database, lines: Arc::new(LineCache::new(CACHED_LINES)), options }
    }

    fn session(&self, connection: Box<dyn Connection>) -> Session {
        // The epoch is read after the connection is made. In the other order, a connection made after a failover could
        // have the epoch from before it.
        let failover_epoch = self.database.failover_epoch();
        Session::new(connection, failover_epoch, Arc::clone(&self.lines), self.options.clone())
    }
}

impl Store for SqlStore {
    fn snapshot_for(&self, caller: &CancellationToken) -> StoreResult<Box<dyn Snapshot>> {
        Ok(Box::new(self.session(self.database.read(caller)?)))
    }

    fn replica_or(
        &self,
        mut snapshot: Box<dyn Snapshot>,
        caller: &CancellationToken,
    ) -> StoreResult<Box<dyn Snapshot>> {
        if !self.database.has_replica() {
            return Ok(snapshot);
        }
        let replica = match snapshot.position()? {
            Some(position) => self.database.read_replica(position, caller),
            None => None,
        };
        match replica {
            Some(connection) => Ok(Box::new(self.session(connection))),
            None => Ok(snapshot),
        }
    }

    fn is_shared(&self) -> bool {
        self.database.is_shared()
    }

    fn begin(&self) -> StoreResult<Box<dyn Transaction>> {
        Ok(Box::new(self.session(self.database.write()?)))
    }
}

/// A database whose schema has not been read yet.
pub struct OpenDatabase(pub(crate) Box<dyn Database>);

impl OpenDatabase {
    /// Creates or migrates its tables, and checks that they are complete.
    ///
    /// # Errors
    /// The database cannot be reached, or its schema is not Tollbook's, newer than this program, or incomplete.
    pub fn prepare(&self) -> StoreResult<()> {
        schema::migrate(self.0.as_ref())?;
        refuse_unfinished(self.0.read(&CancellationToken::new())?)
    }

    /// Prepares the database and returns a store on it.
    ///
    /// # Errors
    /// As [`OpenDatabase::prepare`].
    pub fn into_store(self, options: &StoreOptions) -> StoreResult<Arc<dyn Store>> {
        self.prepare()?;
        Ok(Arc::new(SqlStore::new(self.0, options.clone())))
    }
}

fn refuse_unfinished(connection: Box<dyn Connection>) -> StoreResult<()> {
    match Session::without_cache(connection).setting(COPY_MARK)? {
        Some(_) => Err(StoreError::Unfinished),
        None => Ok(()),
    }
}
