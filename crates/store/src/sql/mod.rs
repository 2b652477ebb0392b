//! The one implementation of the store's traits, over any database that speaks the SQL of this folder.

pub(crate) mod connection;
pub(crate) mod copying;
mod order_rows;
mod pages;
mod periods;
mod prune;
mod rollups;
pub(crate) mod schema;
mod sums;
#[cfg(any(test, debug_assertions))]
pub(crate) mod tenancy;
mod tenants;
mod verify;
mod writes;

use std::collections::HashMap;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tollbook_domain::tenant::{ApiKey, Company, Organization};
use tollbook_domain::{Catalogue, Measures, NewOrder, OrderQuery, Status};

use crate::error::StoreResult;
use crate::lines::{LineCache, LineNo, Lines};
use crate::{
    EachOrder, Outcome, Page, Snapshot, Store, StoreOptions, StoredOrder, Transaction, Verification,
};
use connection::{Connection, Database};

/// How many lines a process keeps in memory over all companies, some 400 bytes each.
const CACHED_LINES: usize = 100_000;

/// A store on a SQL database.
pub(crate) struct SqlStore {
    database: Box<dyn Database>,
    lines: Arc<LineCache>,
    options: StoreOptions,
}

impl SqlStore {
    /// A store on a database that has our schema.
    fn new(database: Box<dyn Database>, options: StoreOptions) -> Self {
        Self { database, lines: Arc::new(LineCache::new(CACHED_LINES)), options }
    }

    fn session(&self, connection: Box<dyn Connection>) -> Session {
        // Asked after the connection was made: whoever has one to a later database knows of the change.
        let generation = self.database.generation();
        Session {
            connection,
            generation,
            cache: Arc::clone(&self.lines),
            options: self.options.clone(),
            companies: HashMap::new(),
        }
    }
}

impl Store for SqlStore {
    fn snapshot_for(&self, caller: &CancellationToken) -> StoreResult<Box<dyn Snapshot>> {
        Ok(Box::new(self.session(self.database.read(caller)?)))
    }

    fn offload(
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

/// One transaction, reading or writing, with what it has learnt about companies.
struct Session {
    connection: Box<dyn Connection>,
    /// Of the database, for what the cache may tell and be told.
    generation: u64,
    cache: Arc<LineCache>,
    options: StoreOptions,
    companies: HashMap<i64, CompanyView>,
}

/// A company's state as this transaction sees it.
#[derive(Clone)]
struct CompanyView {
    lines: Arc<Lines>,
    order_count: i64,
    tiled: bool,
    /// No order that begins before this is taken any more.
    pruned_before_s: i64,
    /// Whether no other transaction may write orders of the company until this one ends.
    locked: bool,
}

impl Snapshot for Session {
    fn api_key(&mut self, public_key: &str) -> StoreResult<Option<ApiKey>> {
        tenants::api_key(self.connection.as_mut(), public_key)
    }

    fn api_keys(&mut self, company_id: Option<i64>) -> StoreResult<Vec<ApiKey>> {
        tenants::api_keys(self.connection.as_mut(), company_id)
    }

    fn company(&mut self, company_id: i64) -> StoreResult<Option<Company>> {
        tenants::company(self.connection.as_mut(), company_id)
    }

    fn companies(&mut self) -> StoreResult<Vec<Company>> {
        tenants::companies(self.connection.as_mut())
    }

    fn organizations(&mut self, company_id: i64) -> StoreResult<Vec<Organization>> {
        tenants::organizations(self.connection.as_mut(), company_id)
    }

    fn setting(&mut self, name: &str) -> StoreResult<Option<String>> {
        tenants::setting(self.connection.as_mut(), name)
    }

    fn position(&mut self) -> StoreResult<Option<u64>> {
        self.connection.position()
    }

    fn lines(&mut self, company_id: i64) -> StoreResult<Arc<Lines>> {
        Ok(self.view(company_id)?.lines)
    }

    fn count(&mut self, query: &OrderQuery) -> StoreResult<i64> {
        Ok(self.read_page(query, 0, 0)?.total)
    }

    fn page(&mut self, query: &OrderQuery, offset: i64, limit: i64) -> StoreResult<Page> {
        self.read_page(query, offset, limit)
    }

    fn sums(&mut self, query: &OrderQuery) -> StoreResult<Vec<(Status, Measures)>> {
        self.read_sums(query)
    }

    fn sums_by_line(&mut self, query: &OrderQuery) -> StoreResult<Vec<(Status, LineNo, Measures)>> {
        self.read_sums_by_line(query)
    }

    fn scan(&mut self, query: &OrderQuery, each: EachOrder<'_>) -> StoreResult<()> {
        self.read_all(query, each)
    }

    fn order_by_number(&mut self, company_id: i64, number: &str) -> StoreResult<Option<StoredOrder>> {
        Ok(order_rows::by_numbers(self.connection.as_mut(), company_id, &[number])?.pop())
    }

    fn classify_orders(&mut self, orders: &[NewOrder]) -> StoreResult<Vec<Outcome>> {
        self.classify(orders)
    }

    fn verify(&mut self, company_id: i64, catalogue: &Catalogue, limit: usize) -> StoreResult<Verification> {
        self.recount(company_id, catalogue, limit)
    }
}

impl Transaction for Session {
    fn add_company(&mut self, name: &str, currency: &str, brand: &str) -> StoreResult<Company> {
        tenants::add_company(self.connection.as_mut(), name, currency, brand)
    }

    fn add_organization(
        &mut self,
        company_id: i64,
        project_id: &str,
        name: &str,
    ) -> StoreResult<Organization> {
        tenants::add_organization(self.connection.as_mut(), company_id, project_id, name)
    }

    fn add_api_key(&mut self, key: &ApiKey) -> StoreResult<()> {
        tenants::add_api_key(self.connection.as_mut(), key)
    }

    fn disable_api_key(&mut self, public_key: &str) -> StoreResult<bool> {
        tenants::disable_api_key(self.connection.as_mut(), public_key)
    }

    fn set_setting(&mut self, name: &str, value: &str) -> StoreResult<()> {
        tenants::set_setting(self.connection.as_mut(), name, value)
    }

    fn add_orders(&mut self, orders: &[NewOrder]) -> StoreResult<Vec<Outcome>> {
        self.write_orders(orders)
    }

    fn prune(&mut self, company_id: i64, before_s: i64, limit: usize) -> StoreResult<usize> {
        self.prune_orders(company_id, before_s, limit)
    }

    fn another_writer_waits(&mut self) -> StoreResult<bool> {
        self.connection.another_writer_waits()
    }

    fn hold(&mut self, name: &str) -> StoreResult<()> {
        tenants::hold(self.connection.as_mut(), name)
    }

    fn count_request(&mut self, key: &ApiKey, now_s: i64) -> StoreResult<i64> {
        tenants::count_request(self.connection.as_mut(), key, now_s)
    }

    fn commit(mut self: Box<Self>) -> StoreResult<()> {
        self.connection.commit()
    }
}
