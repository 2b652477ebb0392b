//! A store that calls a function before each transaction begins, which may fail instead.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tollbook_store::{DeploymentGuard, Snapshot, Store, StoreResult, Transaction};

use super::fixture::Fixture;

type Call<'a> = Box<dyn Fn() -> StoreResult<()> + Send + Sync + 'a>;

pub(crate) struct BeforeBegin<'a> {
    store: Arc<dyn Store>,
    call: Call<'a>,
}

impl<'a> BeforeBegin<'a> {
    pub(crate) fn new(fixture: &Fixture, call: impl Fn() -> StoreResult<()> + Send + Sync + 'a) -> Self {
        Self { store: Arc::clone(&fixture.store), call: Box::new(call) }
    }
}

impl Store for BeforeBegin<'_> {
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
        (self.call)()?;
        self.store.begin()
    }
}
