//! The store: snapshots and transactions. The traits of each module declare the reads and writes
//! (`orders`, `usage`, `accounts`, `corrections`, `prices`, `tenants`, `exports`, `webhooks`,
//! `leases`, `maintenance`).

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::accounts::{AccountReads, AccountWrites};
use crate::audit::{AuditReads, AuditWrites, ChainHead};
use crate::corrections::{CorrectionReads, CorrectionWrites};
use crate::deployment::{DeploymentReads, DeploymentWrites};
use crate::error::StoreResult;
use crate::exports::{ExportReads, ExportWrites};
use crate::leases::Leases;
use crate::maintenance::{Retention, Verify};
use crate::nonces::NonceWrites;
use crate::orders::{OrderLists, OrderLookup, OrderSums, OrderTransitions, OrderWrites};
use crate::prices::{PriceReads, PriceWrites};
use crate::sealed_keys::SealedKeyWrites;
use crate::tenants::{
    OperatorKeyReads, OperatorKeyWrites, OwnerReads, OwnerWrites, SettingReads, SettingWrites, TenantReads,
    TenantWrites,
};
use crate::usage::{HourClosing, UnchargedReads, UnchargedWrites, UsageReads, UsageWrites};
use crate::usage_records::{RecordReads, RecordWrites};
use crate::users::{UserReads, UserWrites};
use crate::webhooks::{WebhookReads, WebhookWrites};

/// Settings of a store. The defaults are suitable for production.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreOptions {
    /// A company with more orders than this also has rollups by line (ARCHITECTURE.md, "Data"). For smaller companies,
    /// the orders are read instead.
    pub tile_threshold: i64,
    /// A reader's statement that returns no row for this long is cancelled. On a database server, this also applies to
    /// writers' statements, and a writer that sends no statement for this long loses its connection and so its locks.
    pub statement_timeout: Duration,
    /// How long a writer waits for another one. On a database server, it also bounds every other wait for a lock.
    pub lock_timeout: Duration,
    /// What this process is called in messages to writers of other processes that wait for it. Without secrets.
    pub program: String,
    /// Maximum connections to each database server, primary and replica.
    pub connections: usize,
    /// Timeout for connecting to a server, and for waiting for a free connection.
    pub connect_timeout: Duration,
    /// How far a read replica may be behind the primary and still be used.
    pub replica_staleness: Duration,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            tile_threshold: 20_000,
            statement_timeout: Duration::from_secs(60),
            lock_timeout: Duration::from_secs(10),
            program: "tollbook".to_owned(),
            connections: 20,
            connect_timeout: Duration::from_secs(5),
            replica_staleness: Duration::from_secs(2),
        }
    }
}

/// A database of tenants and orders, used as `Arc<dyn Store>`. Every call may block, so call it from a thread outside
/// of any asynchronous runtime.
pub trait Store: Send + Sync {
    /// A consistent view of the database at one point in time, which is chosen by the first read. The view ends when it
    /// is dropped. It must not be held while bytes are sent to another machine.
    fn snapshot(&self) -> StoreResult<Box<dyn Snapshot>> {
        self.snapshot_for(&CancellationToken::new())
    }

    /// The same with cancellation: if `caller` is cancelled, the running statement is cancelled and fails with
    /// [`StoreError::Cancelled`](crate::StoreError::Cancelled).
    fn snapshot_for(&self, caller: &CancellationToken) -> StoreResult<Box<dyn Snapshot>>;

    /// A snapshot to verify the database in: it reads what is stored, not what this process has kept of earlier reads.
    ///
    /// # Errors
    /// As [`Store::snapshot_for`].
    fn verification_snapshot(&self, caller: &CancellationToken) -> StoreResult<Box<dyn Snapshot>> {
        self.snapshot_for(caller)
    }

    /// The snapshot from which to read lists, sums and exports after the caller was authorized with `snapshot`. If a
    /// read replica has replayed all writes of this process and all writes older than
    /// [`StoreOptions::replica_staleness`], it is a snapshot of the replica; otherwise it is `snapshot` itself.
    fn replica_or(
        &self,
        snapshot: Box<dyn Snapshot>,
        caller: &CancellationToken,
    ) -> StoreResult<Box<dyn Snapshot>>;

    /// The connections of this process to each database server, for monitoring.
    fn connections(&self) -> Vec<ConnectionUse> {
        Vec::new()
    }

    /// How far the read replica is behind the primary, for monitoring; `None` if none is configured.
    ///
    /// # Errors
    /// The primary or the replica does not answer.
    fn replica_lag_bytes(&self) -> StoreResult<Option<u64>> {
        Ok(None)
    }

    /// Whether other machines may use the same database, so that state shared by all of them must be stored in it.
    fn is_shared(&self) -> bool;

    /// Makes every later transaction of this store ask the guard first. A store without a guard writes unasked. Only the
    /// first guard is kept.
    fn set_guard(&self, guard: Arc<dyn DeploymentGuard>);

    /// Announces that a server runs on this database, until this store is dropped: a copy of the database is refused
    /// meanwhile. Connections to a database server are seen there, without this.
    fn announce_server(&self) -> StoreResult<()>;

    /// Begins a write transaction; waits while another writer holds the lock, up to [`StoreOptions::lock_timeout`], then
    /// fails with [`StoreError::Locked`](crate::StoreError::Locked). If the transaction is dropped without
    /// [`Transaction::commit`], it is rolled back.
    ///
    /// # Errors
    /// [`StoreError::Moved`](crate::StoreError::Moved) if the database was moved,
    /// [`StoreError::OtherSettings`](crate::StoreError::OtherSettings) if the guard refuses.
    fn begin(&self) -> StoreResult<Box<dyn Transaction>>;
}

/// The connections of a process to a database server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionUse {
    /// `readers` and `writers` of a file; `primary` or `replica` of servers.
    pub name: &'static str,
    /// Connections that are used by transactions now.
    pub in_use: usize,
    /// Transactions that wait for a connection or for the writer's lock.
    pub waiting: usize,
    /// Most connections; `None` if there is no limit.
    pub limit: Option<usize>,
}

/// A consistent view of the database at one point in time.
pub trait Snapshot:
    OrderLists
    + OrderSums
    + OrderLookup
    + UsageReads
    + UnchargedReads
    + RecordReads
    + AccountReads
    + CorrectionReads
    + PriceReads
    + TenantReads
    + OperatorKeyReads
    + OwnerReads
    + UserReads
    + SettingReads
    + DeploymentReads
    + AuditReads
    + ExportReads
    + WebhookReads
    + Verify
    + Send
{
    /// The position in the write-ahead log up to which all records are durable; `None` if the database does not support
    /// replicas.
    fn position(&mut self) -> StoreResult<Option<u64>>;

    /// The time of the database server's clock, Unix seconds: a second opinion on the time. `None` if the database has no
    /// clock of its own.
    fn database_clock_s(&mut self) -> StoreResult<Option<i64>>;
}

/// An atomic write transaction. It sees its own writes.
pub trait Transaction:
    Snapshot
    + OrderWrites
    + OrderTransitions
    + UsageWrites
    + UnchargedWrites
    + RecordWrites
    + HourClosing
    + AccountWrites
    + CorrectionWrites
    + PriceWrites
    + TenantWrites
    + NonceWrites
    + SealedKeyWrites
    + OperatorKeyWrites
    + OwnerWrites
    + UserWrites
    + SettingWrites
    + DeploymentWrites
    + AuditWrites
    + ExportWrites
    + WebhookWrites
    + Leases
    + Retention
{
    /// Whether another writer waits for this transaction to end. If so, a long job makes its batches smaller.
    fn another_writer_waits(&mut self) -> StoreResult<bool>;

    /// Commits the transaction: all its writes become visible and durable.
    fn commit(self: Box<Self>) -> StoreResult<()>;
}

/// Decides whether this process may write to a database, and remembers the numbers of its commits outside of it. See
/// [`Store::set_guard`].
pub trait DeploymentGuard: Send + Sync {
    /// Checks that this process may write, and stores what the deployment does not have yet. It is called in the first
    /// transaction of this process, and again in the next one after the settings have changed.
    ///
    /// # Errors
    /// [`StoreError::OtherSettings`](crate::StoreError::OtherSettings) if it must not.
    fn check(&self, transaction: &mut dyn Transaction) -> StoreResult<()>;

    /// Whether the transaction that is about to commit is to raise the mark. Of concurrent callers one gets `true`.
    fn is_mark_due(&self) -> bool;

    /// Remembers a mark whose transaction has committed.
    fn keep_mark(&self, deployment_id: &str, mark_no: i64);

    /// Remembers the ends of chains of the audit log whose entries have been committed.
    fn keep_audit(&self, deployment_id: &str, heads: &[ChainHead]) {
        let _ = (deployment_id, heads);
    }
}
