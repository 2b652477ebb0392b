//! A store on whose transactions an actor is stated, so that no operation has to pass it on.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tollbook_store::{
    Actor, ConnectionUse, DeploymentGuard, RequestClaim, Snapshot, Store, StoreResult, Transaction,
};

use crate::clock::Clock;

/// A store as an actor uses it: what its transactions do is recorded as the actor's. Of two around each other, the outer
/// one's actor counts.
pub struct ActingStore {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    actor: Actor,
    claim: Option<RequestClaim>,
}

impl ActingStore {
    /// The store as `actor` uses it.
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, actor: Actor) -> Self {
        Self { store, clock, actor, claim: None }
    }

    /// The store for one request that must be done once: its first transaction that records an act claims it. What the
    /// request does must be that transaction.
    #[must_use]
    pub fn claiming(self, claim: RequestClaim) -> Self {
        Self { claim: Some(claim), ..self }
    }

    /// Who acts.
    pub const fn actor(&self) -> &Actor {
        &self.actor
    }
}

impl Store for ActingStore {
    fn snapshot_for(&self, caller: &CancellationToken) -> StoreResult<Box<dyn Snapshot>> {
        self.store.snapshot_for(caller)
    }

    fn replica_or(
        &self,
        snapshot: Box<dyn Snapshot>,
        caller: &CancellationToken,
    ) -> StoreResult<Box<dyn Snapshot>> {
        self.store.replica_or(snapshot, caller)
    }

    fn verification_snapshot(&self, caller: &CancellationToken) -> StoreResult<Box<dyn Snapshot>> {
        self.store.verification_snapshot(caller)
    }

    fn connections(&self) -> Vec<ConnectionUse> {
        self.store.connections()
    }

    fn replica_lag_bytes(&self) -> StoreResult<Option<u64>> {
        self.store.replica_lag_bytes()
    }

    fn is_shared(&self) -> bool {
        self.store.is_shared()
    }

    fn set_guard(&self, guard: Arc<dyn DeploymentGuard>) {
        self.store.set_guard(guard);
    }

    fn announce_server(&self) -> StoreResult<()> {
        self.store.announce_server()
    }

    fn begin(&self) -> StoreResult<Box<dyn Transaction>> {
        let mut transaction = self.store.begin()?;
        transaction.set_actor(self.actor.clone(), self.clock.now_s());
        if let Some(claim) = &self.claim {
            transaction.claim_request(claim.clone());
        }
        Ok(transaction)
    }
}
