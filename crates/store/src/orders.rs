//! Orders: their lists, sums and changes. All reads take the same [`OrderQuery`] and agree with each other exactly.

use std::sync::Arc;

use tollbook_domain::{Measures, NewOrder, Order, OrderQuery, Status};

use crate::error::StoreResult;
use crate::lines::{LineNo, Lines};

/// An order as it is stored: its numbers, and the line of its company that it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredOrder {
    /// Index into the company's [`Lines`].
    pub line_no: LineNo,
    /// The order.
    pub order: Order,
}

/// One page of a list, with the exact number of all orders that match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Orders that match, on all pages.
    pub total: i64,
    /// Newest start time first, then the shown number descending by bytes (docs/ORDERS.md, "Paging").
    pub orders: Vec<StoredOrder>,
}

/// Receives the rows of a scan; an error ends it. It is called while a statement runs: it must use neither the store nor
/// an asynchronous runtime.
pub type EachOrder<'a> = &'a mut dyn FnMut(&StoredOrder) -> StoreResult<()>;

/// Result of adding one order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The order was added.
    Added,
    /// The very same order was in the store already.
    Present,
    /// One of its numbers belongs to an order with other content. Nothing was written for it.
    Conflict,
    /// It begins before the time up to which orders were pruned, so that it is unknown whether it was in the store.
    /// Nothing was written for it.
    Pruned,
}

/// A change of an order's status: it becomes paid, revoked or refunded. Its line, its time and its numbers stay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderTransition {
    /// The order as it is stored.
    pub before: StoredOrder,
    /// The order after the change.
    pub after: Order,
}

/// Lists of orders.
pub trait OrderLists {
    /// The company's lines, oldest first.
    fn lines(&mut self, company_id: i64) -> StoreResult<Arc<Lines>>;

    /// The exact number of matching orders.
    fn count(&mut self, query: &OrderQuery) -> StoreResult<i64>;

    /// Matching orders number `offset` to `offset + limit`, counted from the newest, and the number of all that match.
    fn page(&mut self, query: &OrderQuery, offset: i64, limit: i64) -> StoreResult<Page>;

    /// Passes every matching order to `each` in list order, without holding them all in memory.
    fn scan(&mut self, query: &OrderQuery, each: EachOrder<'_>) -> StoreResult<()>;

    /// Unpaid orders that start at `from_s` or later, oldest first, those of one start time by number O. Returns `limit`
    /// orders or more: all orders of the last one's start time are included.
    fn arrears(&mut self, company_id: i64, from_s: i64, limit: i64) -> StoreResult<Vec<StoredOrder>>;
}

/// Sums over orders.
pub trait OrderSums {
    /// Sums over the matching orders, one per wanted status (also when zero).
    fn sums(&mut self, query: &OrderQuery) -> StoreResult<Vec<(Status, Measures)>>;

    /// Sums per status and line, by status and line; lines without matching orders may be absent.
    fn sums_by_line(&mut self, query: &OrderQuery) -> StoreResult<Vec<(Status, LineNo, Measures)>>;
}

/// Orders by number.
pub trait OrderLookup {
    /// The order that has this number, as its order number or as its arrears or source number.
    fn order_by_number(&mut self, company_id: i64, number: &str) -> StoreResult<Option<StoredOrder>>;

    /// The orders that have these numbers, each as its order number or as its arrears or source number, in the order of
    /// the numbers.
    fn orders_by_numbers(
        &mut self,
        company_id: i64,
        numbers: &[&str],
    ) -> StoreResult<Vec<Option<StoredOrder>>>;

    /// The results that [`OrderWrites::add_orders`] would return, without writing.
    fn classify_orders(&mut self, orders: &[NewOrder]) -> StoreResult<Vec<Outcome>>;

    /// Counts the transactions that changed what an order read of the company can show: orders that were added, paid,
    /// revoked, refunded or pruned. Two snapshots of a company with the same number see the same orders; 0 for a company
    /// that has none. Usage, money and new lines alone do not count. In a transaction that changed orders it is the number
    /// that is valid after its commit. It belongs to the database: a copy continues from the number of its source, and
    /// a server that lost transactions in a failover may give a number again, so a cache outside of the database must
    /// not rely on it alone.
    fn orders_version(&mut self, company_id: i64) -> StoreResult<i64>;
}

/// Adding orders.
pub trait OrderWrites {
    /// Until this transaction ends, no other transaction writes orders, usage or accounts of the company.
    fn lock_company(&mut self, company_id: i64) -> StoreResult<()>;

    /// Adds orders with their lines, rollups and tiles, and returns the result for each. The orders obey
    /// [`NewOrder::check`], and their company exists.
    fn add_orders(&mut self, orders: &[NewOrder]) -> StoreResult<Vec<Outcome>>;
}

/// Changing the status of orders.
pub trait OrderTransitions {
    /// Makes orders paid, revoked or refunded, and changes rollups with them. The company must be locked since before the
    /// orders were read.
    fn transition_orders(&mut self, company_id: i64, changes: &[OrderTransition]) -> StoreResult<()>;
}
