//! A company's standing: what it owes and can spend. Gateways read it to decide whether to serve the company.

use tollbook_domain::account::{AccountKind, Grant, PerKind};
use tollbook_domain::tenant::Company;
use tollbook_domain::{Catalogue, LineFilter, Order, OrderQuery, Status, StatusSet, TimeRange};
use tollbook_store::{Snapshot, StoreResult};

use super::context::Charging;

/// The standing of a company at one moment. Amounts are in 10⁻⁸ currency units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Currency of the company.
    pub currency: String,
    /// When the oldest of its unpaid orders was created, Unix seconds; `None`: it has no arrears.
    pub arrears_since_s: Option<i64>,
    /// Sum of its unpaid orders.
    pub arrears: i128,
    /// Number of its unpaid orders.
    pub arrears_orders: i64,
    /// Balances by account kind. A grant that has ended is in none.
    pub balances: PerKind<i64>,
    /// The grants that have something left and have not ended.
    pub grants: Vec<Grant>,
    /// Credit limit.
    pub credit_limit: i64,
    /// How much more credit is used than the limit allows: a deposit that was spent was reversed.
    pub over_limit: i128,
    /// Maximum amount that an order could be paid with: unexpired grants, cash, and unused credit.
    pub available: i128,
    /// Sum of the orders that open hours would become.
    pub pending: i128,
}

impl Standing {
    /// Whether the company owes: unpaid orders, or credit beyond its limit.
    pub const fn is_in_arrears(&self) -> bool {
        self.arrears_orders > 0 || self.over_limit > 0
    }
}

/// All unpaid orders of a company.
pub fn arrears_query(company_id: i64) -> OrderQuery {
    OrderQuery {
        company_id,
        range: TimeRange::everything(),
        statuses: StatusSet::of(&[Status::Unpaid]),
        lines: LineFilter::default(),
        order_numbers: Vec::new(),
    }
}

/// The standing of a company; `None` if it does not exist.
///
/// # Errors
/// Those of the store.
pub fn standing(charging: &Charging<'_>, company_id: i64, now_s: i64) -> StoreResult<Option<Standing>> {
    let mut snapshot = charging.store.snapshot()?;
    let Some(company) = snapshot.company(company_id)? else { return Ok(None) };
    standing_in(snapshot.as_mut(), &company, charging.catalogue, now_s).map(Some)
}

/// The standing of a company in a snapshot.
///
/// # Errors
/// Those of the store.
pub fn standing_in(
    snapshot: &mut dyn Snapshot,
    company: &Company,
    catalogue: &Catalogue,
    now_s: i64,
) -> StoreResult<Standing> {
    let company_id = company.company_id;
    let query = arrears_query(company_id);
    let unpaid = snapshot.sums(&query)?.into_iter().next().map(|(_, measures)| measures).unwrap_or_default();
    let oldest = snapshot.arrears(company_id, 0, 1)?;
    let since = |order: &Order| order.create_time_s.unwrap_or(order.end_time_s);
    let pending = snapshot.pending(&query, catalogue)?;
    let mut account = snapshot.account_state(company_id)?.account;
    // Written with the next change of the accounts.
    account.expire(now_s);
    let available = account.available(&AccountKind::ALL, now_s);
    let over_limit = account.over_limit();
    account.grants.retain(|grant| grant.remaining > 0);
    Ok(Standing {
        currency: company.currency.clone(),
        arrears_since_s: oldest.iter().map(|stored| since(&stored.order)).min(),
        arrears: unpaid.total,
        arrears_orders: unpaid.orders,
        balances: account.balances,
        grants: account.grants,
        credit_limit: account.credit_limit,
        over_limit,
        available,
        pending,
    })
}
