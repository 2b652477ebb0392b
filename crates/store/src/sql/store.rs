//! The store on a SQL database, and the preparation of the database.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};

use tokio_util::sync::CancellationToken;

use crate::deployment::{DeploymentReads, DeploymentState};
use crate::error::{StoreError, StoreResult};
use crate::lines::LineCache;
use crate::sql::deployment_state;
use crate::sql::digests;
use crate::sql::driver::connection::{Connection, Database, all};
use crate::sql::driver::schema;
use crate::sql::maintenance::verify::lines::note_old_lines;
use crate::sql::session::Session;
use crate::sql::setting_names::COPY_MARK;
use crate::store::{ConnectionUse, DeploymentGuard, Snapshot, Store, StoreOptions, Transaction};
use crate::tenants::SettingReads;

/// Maximum number of lines in the cache of a process, over all companies. A line takes about 400 bytes.
const CACHED_LINES: usize = 100_000;

/// A store on a SQL database.
pub(crate) struct SqlStore {
    database: Box<dyn Database>,
    lines: Arc<LineCache>,
    options: StoreOptions,
    guard: OnceLock<Arc<dyn DeploymentGuard>>,
    /// The version of the settings that the guard has accepted.
    accepted_settings: AtomicI64,
}

impl SqlStore {
    /// A store on a database whose schema is up to date.
    fn new(database: Box<dyn Database>, options: StoreOptions) -> Self {
        Self {
            database,
            lines: Arc::new(LineCache::new(CACHED_LINES)),
            options,
            guard: OnceLock::new(),
            accepted_settings: AtomicI64::new(i64::MIN),
        }
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

    fn verification_snapshot(&self, caller: &CancellationToken) -> StoreResult<Box<dyn Snapshot>> {
        Ok(Box::new(self.session(self.database.read_afresh(caller)?)))
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

    fn connections(&self) -> Vec<ConnectionUse> {
        self.database.connections()
    }

    fn replica_lag_bytes(&self) -> StoreResult<Option<u64>> {
        if !self.database.has_replica() {
            return Ok(None);
        }
        let Some(position) = self.snapshot()?.position()? else { return Ok(None) };
        let replayed = self.database.replayed_position()?;
        Ok(replayed.map(|replayed| position.saturating_sub(replayed)))
    }

    fn is_shared(&self) -> bool {
        self.database.is_shared()
    }

    fn begin(&self) -> StoreResult<Box<dyn Transaction>> {
        let mut session = self.session(self.database.write()?);
        let (state, found) = deployment_state::read_with_version(session.connection.as_mut())?;
        // A newer program has migrated the database while this process ran: it may keep rules that this one does not know.
        let known = schema::known_version();
        if found > known {
            return Err(StoreError::SchemaTooNew { found, known });
        }
        refuse_moved(&state)?;
        let Some(guard) = self.guard.get() else { return Ok(Box::new(session)) };
        if state.settings_version != self.accepted_settings.load(Ordering::Acquire) {
            guard.check(&mut session)?;
            session.write_acts()?;
            session.write_digests()?;
            let accepted = session.deployment_state()?.settings_version;
            // In a transaction of its own: all writers share the row of the state, which must be locked last.
            session.connection.commit()?;
            self.accepted_settings.store(accepted, Ordering::Release);
            session = self.session(self.database.write()?);
        }
        session.guard = Some(Arc::clone(guard));
        Ok(Box::new(session))
    }

    fn set_guard(&self, guard: Arc<dyn DeploymentGuard>) {
        // The first one is kept.
        let _ = self.guard.set(guard);
    }

    fn announce_server(&self) -> StoreResult<()> {
        self.database.announce_server()
    }
}

fn refuse_moved(state: &DeploymentState) -> StoreResult<()> {
    match &state.moved {
        Some(moved) => Err(StoreError::Moved { to: moved.to.clone(), is_done: moved.is_done }),
        None => Ok(()),
    }
}

/// A database whose schema has not been read yet.
pub struct OpenDatabase(pub(crate) Box<dyn Database>);

impl OpenDatabase {
    /// What else uses the database now: servers of an SQLite file; on a database server, every other Tollbook process
    /// that is connected to the database. `None` if there is nothing.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub fn other_user(&self) -> StoreResult<Option<String>> {
        self.0.other_user()
    }

    /// Creates or migrates its tables, and checks that they are complete.
    ///
    /// # Errors
    /// The database cannot be reached, or its schema is not Tollbook's, newer than this program, or incomplete.
    pub fn prepare(&self) -> StoreResult<()> {
        migrate(self.0.as_ref())?;
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

/// The schema version that last changed a table with a digest.
pub(crate) const WITH_DIGESTS: i64 = 18;

/// Migrates a database to this program's schema.
pub(crate) fn migrate(database: &dyn Database) -> StoreResult<()> {
    schema::migrate(database, complete)
}

/// Writes what later changes keep up to date, into a database whose schema was `found`.
pub(crate) fn complete(connection: &mut dyn Connection, found: i64) -> StoreResult<()> {
    if found >= WITH_DIGESTS {
        return Ok(());
    }
    let sql = "SELECT company_id FROM company ORDER BY company_id";
    let companies = all(connection, sql, &[], |row| row.int(0))?;
    digests::write_all(connection, &companies)?;
    companies.into_iter().try_for_each(|company_id| note_old_lines(connection, company_id))
}

fn refuse_unfinished(connection: Box<dyn Connection>) -> StoreResult<()> {
    match Session::without_cache(connection).setting(COPY_MARK)? {
        Some(_) => Err(StoreError::Unfinished),
        None => Ok(()),
    }
}
