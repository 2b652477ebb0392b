//! The event when a company's balance falls below the amount that was set for it.

use serde_json::json;
use tollbook_domain::account::{Account, AccountKind};
use tollbook_domain::money::format_amount_sum;
use tollbook_store::{StoreResult, Transaction};

use crate::webhooks::{EventKind, Subscribers};

/// What is left in all accounts, and of the credit limit, in 10⁻⁸ currency units. A grant counts until its end is booked,
/// so that its end is a change of this.
pub(super) fn balance(account: &Account) -> i128 {
    let balances = AccountKind::ALL.into_iter().map(|kind| i128::from(account.balances.get(kind)));
    balances.sum::<i128>() + i128::from(account.credit_limit)
}

/// Writes the event if a balance that was not low is low now. The transaction holds the company's lock.
pub(super) fn record_if_low(
    transaction: &mut dyn Transaction,
    subscribers: &Subscribers,
    company_id: i64,
    (before, after): (i128, i128),
    now_s: i64,
) -> StoreResult<()> {
    if after >= before || !subscribers.wants(EventKind::BalanceLow) {
        return Ok(());
    }
    let Some(amount) = transaction.low_balance(company_id)? else { return Ok(()) };
    if before < i128::from(amount) || after >= i128::from(amount) {
        return Ok(());
    }
    record_low(transaction, subscribers, company_id, (after, amount), now_s)
}

/// Writes the event.
pub(super) fn record_low(
    transaction: &mut dyn Transaction,
    subscribers: &Subscribers,
    company_id: i64,
    (balance, amount): (i128, i64),
    now_s: i64,
) -> StoreResult<()> {
    let currency = transaction.company(company_id)?.map(|company| company.currency).unwrap_or_default();
    let data = json!({
        "CompanyID": company_id,
        "Currency": currency,
        "Balance": format_amount_sum(balance),
        "LowBalance": format_amount_sum(amount.into()),
    });
    subscribers.record(transaction, EventKind::BalanceLow, &data, now_s)
}
