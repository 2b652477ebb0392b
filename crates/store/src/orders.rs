//! Orders: lists, sums and changes. All reads take the same [`OrderQuery`]; their results are consistent with each
//! other.

use std::sync::Arc;

use tollbook_domain::{Measures, NewOrder, Order, OrderQuery, Status};

use crate::error::StoreResult;
use crate::lines::{LineNo, Lines};

/// An order as it is stored, with the line of its company that it belongs to.
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
    /// Number of matching orders on all pages.
    pub total: i64,
    /// The orders, newest start time first, then by shown number, descending by bytes (docs/ORDERS.md, "Paging").
    pub orders: Vec<StoredOrder>,
}

/// Receives the orders of a scan. If it returns an error, the scan ends. It is called while a statement runs, so it
/// must use neither the store nor an asynchronous runtime.
pub type EachOrder<'a> = &'a mut dyn FnMut(&StoredOrder) -> StoreResult<()>;

/// Result of adding one order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The order was added.
    Added,
    /// An identical order is already stored.
    Present,
    /// One of its numbers belongs to an order with different content. Nothing was written.
    Conflict,
    /// The order begins before the time up to which orders were pruned, so it is unknown whether it was stored. Nothing
    /// was written.
    Pruned,
}

/// A change of an order's status to paid, revoked or refunded. Its line, times and numbers do not change.
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

    /// Up to `limit` matching orders after the first `offset` ones, newest first, and the number of all matching
    /// orders.
    fn page(&mut self, query: &OrderQuery, offset: i64, limit: i64) -> StoreResult<Page>;

    /// Passes every matching order to `each` in list order, without holding them all in memory.
    fn scan(&mut self, query: &OrderQuery, each: EachOrder<'_>) -> StoreResult<()>;

    /// Unpaid orders that start at `from_s` or later, by start time and number O. Returns more than `limit` orders if
    /// several start at the time of the last one: all of them are included.
    fn arrears(&mut self, company_id: i64, from_s: i64, limit: i64) -> StoreResult<Vec<StoredOrder>>;
}

/// Sums over orders.
pub trait OrderSums {
    /// Sums over the matching orders, one per status of the query, including zero sums.
    fn sums(&mut self, query: &OrderQuery) -> StoreResult<Vec<(Status, Measures)>>;

    /// Sums per status and line, ordered by status and line. Lines without matching orders may be absent.
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

    /// The results that [`OrderWrites::add_orders`] would return. Writes nothing.
    fn classify_orders(&mut self, orders: &[NewOrder]) -> StoreResult<Vec<Outcome>>;

    /// Number of transactions that changed orders of the company: added, paid, revoked, refunded or pruned them. Two
    /// snapshots of a company with the same number see the same orders; 0 if the company has none. Usage, account
    /// changes and new lines alone do not increment it. In a transaction that changed orders, it is the number after
    /// the commit. It is stored in the database: a copy continues from the number of its source, and after a failover
    /// that lost transactions, a number may occur again. A cache outside of the database must not rely on it alone.
    fn orders_version(&mut self, company_id: i64) -> StoreResult<i64>;
}

/// Adding orders.
pub trait OrderWrites {
    /// Locks a company: until this transaction ends, no other transaction writes its orders, usage or accounts.
    fn lock_company(&mut self, company_id: i64) -> StoreResult<()>;

    /// Adds orders with their lines, rollups and tiles, and returns the result for each. The orders must
    /// pass [`NewOrder::check`], and their company must exist.
    fn add_orders(&mut self, orders: &[NewOrder]) -> StoreResult<Vec<Outcome>>;
}

/// Changing the status of orders.
pub trait OrderTransitions {
    /// Sets orders to paid, revoked or refunded, and updates rollups. The company must have been locked before the
    /// orders were read.
    fn transition_orders(&mut self, company_id: i64, changes: &[OrderTransition]) -> StoreResult<()>;
}
