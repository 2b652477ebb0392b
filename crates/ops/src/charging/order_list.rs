//! Orders of all companies, for the operator: filtered, or by any of their numbers.

use std::cmp::Reverse;
use std::sync::Arc;

use tollbook_domain::tenant::Company;
use tollbook_domain::{Line, LineFilter, OrderQuery, Status, StatusSet, TimeRange};
use tollbook_store::{Snapshot, Store, StoreError, StoredOrder};

use super::error::ChargingError;

/// Which orders are listed.
#[derive(Clone, Debug)]
pub struct OrderSelection {
    /// Only those of this company.
    pub company_id: Option<i64>,
    /// Only those that began in this range.
    pub range: TimeRange,
    /// Only those of these statuses; empty: all.
    pub statuses: Vec<Status>,
    /// Only those of these lines.
    pub lines: LineFilter,
    /// Only those that have one of these numbers, as order, source or arrears number; empty: all.
    pub numbers: Vec<String>,
}

/// An order of the list.
#[derive(Clone, Debug)]
pub struct ListedOrder {
    /// Its company.
    pub company: Arc<Company>,
    /// The order.
    pub order: StoredOrder,
    /// Its line.
    pub line: Arc<Line>,
    /// When, Unix seconds, and why it was revoked or refunded.
    pub revocation: Option<(i64, String)>,
}

/// Lists orders, the newest first, and says how many match. At most `limit` are listed.
///
/// # Errors
/// The company does not exist, or the store fails.
pub fn list_orders(
    store: &dyn Store,
    selection: &OrderSelection,
    limit: usize,
) -> Result<(Vec<ListedOrder>, i64), ChargingError> {
    let mut snapshot = store.snapshot()?;
    let companies = match selection.company_id {
        Some(company_id) => {
            vec![snapshot.company(company_id)?.ok_or(ChargingError::UnknownCompany(company_id))?]
        }
        None => snapshot.companies()?,
    };
    let (mut found, mut all) = (Vec::new(), 0);
    for company in companies {
        all += of_company(snapshot.as_mut(), &Arc::new(company), selection, limit, &mut found)?;
        found.sort_by(|a, b| {
            let place = |listed: &ListedOrder| Reverse(listed.order.order.start_time_s);
            place(a).cmp(&place(b)).then_with(|| a.company.company_id.cmp(&b.company.company_id))
        });
        found.truncate(limit);
    }
    for listed in &mut found {
        if listed.order.order.status == Status::Revoked {
            let number = listed.order.order.source_number().to_owned();
            listed.revocation = snapshot.revocation(listed.company.company_id, &number)?;
        }
    }
    Ok((found, all))
}

fn of_company(
    snapshot: &mut dyn Snapshot,
    company: &Arc<Company>,
    selection: &OrderSelection,
    limit: usize,
    found: &mut Vec<ListedOrder>,
) -> Result<i64, ChargingError> {
    let OrderSelection { range, statuses, lines, numbers, .. } = selection;
    let statuses = if statuses.is_empty() { &Status::ALL[..] } else { statuses };
    let query = OrderQuery {
        company_id: company.company_id,
        range: *range,
        statuses: StatusSet::of(statuses),
        lines: lines.clone(),
        order_numbers: numbers.clone(),
    };
    let page = snapshot.page(&query, 0, i64::try_from(limit).unwrap_or(i64::MAX))?;
    if page.orders.is_empty() {
        return Ok(page.total);
    }
    let known = snapshot.lines(company.company_id)?;
    for order in page.orders {
        // Left out, it would be in the total and in no row.
        let line = known.get(order.line_no).cloned();
        let line = line.ok_or_else(|| StoreError::Damaged("an order names no line".into()))?;
        found.push(ListedOrder { company: Arc::clone(company), order, line, revocation: None });
    }
    Ok(page.total)
}
