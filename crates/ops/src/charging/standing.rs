//! Whether a company may go on using what it pays for: what gateways ask before they serve.

use tollbook_domain::account::{AccountKind, PerKind};
use tollbook_domain::{LineFilter, OrderQuery, Status, StatusSet, TimeRange};
use tollbook_store::StoreResult;

use super::context::Charging;

/// How a company stands at one moment. Amounts are in 10⁻⁸ currency units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The company's.
    pub currency: String,
    /// Since when it owes something: when the oldest of its unpaid orders was made. `None`: it owes nothing.
    pub arrears_since_s: Option<i64>,
    /// What it owes.
    pub arrears: i128,
    /// How many orders that is.
    pub arrears_orders: i64,
    /// Balances by kind.
    pub balances: PerKind<i64>,
    /// How far credit may be used.
    pub credit_limit: i64,
    /// What could be spent on some order: unexpired grants, cash, credit that is left.
    pub available: i128,
    /// What open hours would come to.
    pub pending: i128,
}

/// How a company stands; `None` if there is no such company.
///
/// # Errors
/// Those of the store.
pub fn standing(charging: &Charging<'_>, company_id: i64, now_s: i64) -> StoreResult<Option<Standing>> {
    let mut snapshot = charging.store.snapshot()?;
    let Some(company) = snapshot.company(company_id)? else { return Ok(None) };
    let query = OrderQuery {
        company_id,
        range: TimeRange::everything(),
        statuses: StatusSet::of(&[Status::Unpaid]),
        lines: LineFilter::default(),
        order_numbers: Vec::new(),
    };
    let owed = snapshot.sums(&query)?.into_iter().next().map(|(_, measures)| measures).unwrap_or_default();
    let oldest = snapshot.arrears(company_id, 0, 1)?;
    let since = |order: &tollbook_domain::Order| order.create_time_s.unwrap_or(order.end_time_s);
    let pending = snapshot.pending(&query, charging.catalogue)?;
    let account = snapshot.books(company_id)?.account;
    Ok(Some(Standing {
        currency: company.currency,
        arrears_since_s: oldest.iter().map(|stored| since(&stored.order)).min(),
        arrears: owed.total,
        arrears_orders: owed.orders,
        balances: account.balances,
        credit_limit: account.credit_limit,
        available: account.available(&AccountKind::ALL, now_s),
        pending,
    }))
}
