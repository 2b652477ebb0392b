//! What paying unpaid orders would do, without doing it.

use std::collections::HashSet;

use tollbook_domain::{Deductions, Line};
use tollbook_store::{Snapshot, StoreResult, StoredOrder};

use super::account_tx::account_with_ended;
use super::context::Charging;
use super::paying::{PayReason, Payable, payable};

/// What would become of one order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreviewedPayment {
    /// The requested number U.
    pub number: String,
    /// The order; `None` if it is not found.
    pub order: Option<StoredOrder>,
    /// What it would be paid from; nothing if it is paid already.
    pub result: Result<Deductions, PayReason>,
}

/// What [`pay_unpaid`](super::pay_unpaid) would do with the same numbers, if nothing changed in between.
///
/// # Errors
/// Those of the store.
pub fn preview_payment(
    charging: &Charging<'_>,
    snapshot: &mut dyn Snapshot,
    company_id: i64,
    numbers: &[String],
    may_see: &dyn Fn(&Line) -> bool,
    now_s: i64,
) -> StoreResult<Vec<PreviewedPayment>> {
    let mut account = account_with_ended(snapshot, company_id, now_s)?.account;
    account.expire(now_s);
    let mut distinct = HashSet::new();
    let numbers: Vec<&str> =
        numbers.iter().map(String::as_str).filter(|number| distinct.insert(*number)).collect();
    let orders = snapshot.orders_by_numbers(company_id, &numbers)?;
    let lines = snapshot.lines(company_id)?;
    let kinds = charging.config.charging.arrears_sequence();
    let mut previews = Vec::with_capacity(numbers.len());
    for (number, order) in numbers.into_iter().zip(orders) {
        let (order, result) = match payable(&lines, number, order, may_see) {
            Ok(Payable::Paid(stored)) => (Some(stored), Ok(Deductions::default())),
            Ok(Payable::Unpaid(stored, line)) => {
                let order = &stored.order;
                let hour_s = order.start_time_s;
                let paid = account.pay(order.total, &line, order.source_number(), &kinds, hour_s, now_s);
                let result = paid.map(|paid| paid.deductions).ok_or(PayReason::InsufficientBalance);
                (Some(stored), result)
            }
            Err(reason) => (None, Err(reason)),
        };
        previews.push(PreviewedPayment { number: number.to_owned(), order, result });
    }
    Ok(previews)
}
