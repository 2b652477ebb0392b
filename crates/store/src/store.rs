//! The store as a whole: how it is opened for reading and writing. What can be read and written is in the traits of each
//! room (`orders`, `usage`, `accounts`, `corrections`, `prices`, `tenants`, `exports`, `leases`, `maintenance`).

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::accounts::{AccountReads, AccountWrites};
use crate::corrections::{CorrectionReads, CorrectionWrites};
use crate::error::StoreResult;
use crate::exports::{ExportReads, ExportWrites};
use crate::leases::Leases;
use crate::maintenance::{Retention, Verify};
use crate::orders::{OrderLists, OrderLookup, OrderSums, OrderTransitions, OrderWrites};
use crate::prices::{PriceReads, PriceWrites};
use crate::tenants::{
    OperatorKeyReads, OperatorKeyWrites, SettingReads, SettingWrites, TenantReads, TenantWrites,
};
use crate::usage::{HourClosing, UnchargedReads, UnchargedWrites, UsageReads, UsageWrites};

/// Settings of a store; the defaults are right for production.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreOptions {
    /// A company with more orders than this has its rollups by line as well (ARCHITECTURE.md, "Data"). Smaller ones are
    /// counted from their orders.
    pub tile_threshold: i64,
    /// A reader's statement that returns nothing for this long is cancelled. On a server, writers' statements too: that
    /// bounds how long one waits for another.
    pub statement_timeout: Duration,
    /// Maximum connections to each database server, primary and replica.
    pub connections: usize,
    /// Timeout of connecting to a server, and of waiting for a free connection.
    pub connect_timeout: Duration,
    /// How far behind the primary a read replica may be and still answer.
    pub replica_staleness: Duration,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            tile_threshold: 20_000,
            statement_timeout: Duration::from_secs(60),
            connections: 20,
            connect_timeout: Duration::from_secs(5),
            replica_staleness: Duration::from_secs(2),
        }
    }
}

/// A database of tenants and orders. Held as `Arc<dyn Store>`. Every call may block: call it from a thread that may wait,
/// outside of any asynchronous runtime.
pub trait Store: Send + Sync {
    /// A consistent view: everything read through it is of one moment. It reads nothing until it is used, and ends when
    /// it is dropped. It must not be held while bytes are sent to another machine.
    fn snapshot(&self) -> StoreResult<Box<dyn Snapshot>> {
        self.snapshot_for(&CancellationToken::new())
    }

    /// The same for a caller that may cancel: once `caller` is cancelled, the running statement is stopped and fails with
    /// [`StoreError::Cancelled`](crate::StoreError::Cancelled).
    fn snapshot_for(&self, caller: &CancellationToken) -> StoreResult<Box<dyn Snapshot>>;

    /// The snapshot from which to read lists, sums and exports once `snapshot` has shown that the caller may: one of a
    /// read replica, if there is one that has everything which this process wrote and everything that was written until
    /// [`StoreOptions::replica_staleness`] ago; otherwise `snapshot` itself.
    fn replica_or(
        &self,
        snapshot: Box<dyn Snapshot>,
        caller: &CancellationToken,
    ) -> StoreResult<Box<dyn Snapshot>>;

    /// Whether other machines may use the same database, so that what all of them must know belongs in it.
    fn is_shared(&self) -> bool;

    /// Begins a write transaction; waits while other writers hold the lock. Dropped without [`Transaction::commit`], it
    /// changes nothing.
    fn begin(&self) -> StoreResult<Box<dyn Transaction>>;
}

/// Reads of one moment.
pub trait Snapshot:
    OrderLists
    + OrderSums
    + OrderLookup
    + UsageReads
    + UnchargedReads
    + AccountReads
    + CorrectionReads
    + PriceReads
    + TenantReads
    + OperatorKeyReads
    + SettingReads
    + ExportReads
    + Verify
    + Send
{
    /// The position in the database's log up to which everything is durable; `None` if the database has no log that
    /// replicas follow.
    fn position(&mut self) -> StoreResult<Option<u64>>;
}

/// A write transaction, all or nothing. It sees its own writes.
pub trait Transaction:
    Snapshot
    + OrderWrites
    + OrderTransitions
    + UsageWrites
    + UnchargedWrites
    + HourClosing
    + AccountWrites
    + CorrectionWrites
    + PriceWrites
    + TenantWrites
    + OperatorKeyWrites
    + SettingWrites
    + ExportWrites
    + Leases
    + Retention
{
    /// Whether another writer waits for this one to finish: a long job then makes its batches smaller.
    fn another_writer_waits(&mut self) -> StoreResult<bool>;

    /// Makes everything durable.
    fn commit(self: Box<Self>) -> StoreResult<()>;
}
