//! Revoking orders: an unpaid order is revoked, a paid one is refunded in full. The operator gives a reason.

use serde_json::{Value, json};
use tollbook_domain::account::Posting;
use tollbook_domain::{Deductions, Order, Status};
use tollbook_store::{OrderTransition, StoreResult, StoredOrder, Transaction};

use super::account_tx::{AccountTx, audited_balances};
use super::accounts::require_company;
use super::context::Charging;
use super::error::ChargingError;
use super::paying::MAX_AUDITED_ORDERS;
use crate::audit::{ActKind, record_with_reason};
use crate::tenancy::checked_name;

/// Outcome of revoking one order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revocation {
    /// The order was unpaid and is now revoked.
    Revoked,
    /// The order was paid; its deductions were returned to the accounts they were made from.
    Refunded,
    /// The order was revoked or refunded before; nothing was moved.
    Already,
    /// No order of the company has the number.
    NotFound,
    /// The order was imported as paid. It was not paid from accounts of this deployment, so nothing can be returned.
    NotSettledHere,
}

impl Revocation {
    /// Its name in answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Revoked => "REVOKED",
            Self::Refunded => "REFUNDED",
            Self::Already => "ALREADY_REVOKED",
            Self::NotFound => "ORDER_NOT_FOUND",
            Self::NotSettledHere => "NOT_SETTLED_HERE",
        }
    }

    /// Whether the order is revoked or refunded now.
    pub const fn is_done(self) -> bool {
        match self {
            Self::Revoked | Self::Refunded | Self::Already => true,
            Self::NotFound | Self::NotSettledHere => false,
        }
    }
}

/// A requested number and the outcome of its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revoked {
    /// The requested number: any number of the order.
    pub number: String,
    /// The outcome.
    pub outcome: Revocation,
}

/// Revokes or refunds orders in one transaction. The outcome of each order is independent of the others.
///
/// # Errors
/// The company does not exist, the reason breaks the rule for names, a refund would exceed the range of an account, or
/// the store fails. Nothing was changed then.
pub fn revoke(
    charging: &Charging<'_>,
    company_id: i64,
    numbers: &[String],
    reason: &str,
    now_s: i64,
) -> Result<Vec<Revoked>, ChargingError> {
    checked_name("the reason", reason)?;
    let mut transaction = charging.store.begin()?;
    require_company(transaction.as_mut(), company_id)?;
    let mut account_tx = AccountTx::open(transaction.as_mut(), company_id, now_s)?;
    let before = audited_balances(&account_tx.state.account);
    let requested: Vec<&str> = numbers.iter().map(String::as_str).collect();
    let orders = transaction.orders_by_numbers(company_id, &requested)?;
    let mut transitions: Vec<OrderTransition> = Vec::new();
    let mut revoked = Vec::with_capacity(numbers.len());
    for (number, order) in numbers.iter().zip(orders) {
        let outcome = match order {
            None => Revocation::NotFound,
            // Both numbers of one order may be requested.
            Some(stored) if transitions.iter().any(|known| known.before == stored) => Revocation::Already,
            Some(stored) => {
                let (outcome, after) =
                    refund_or_revoke(transaction.as_mut(), &mut account_tx, company_id, &stored)?;
                transitions.extend(after.map(|after| OrderTransition { before: stored, after }));
                outcome
            }
        };
        revoked.push(Revoked { number: number.clone(), outcome });
    }
    if !transitions.is_empty() {
        write_revoked(transaction.as_mut(), company_id, &transitions, reason, now_s)?;
        let orders: Vec<Value> = transitions
            .iter()
            .take(MAX_AUDITED_ORDERS)
            .map(|OrderTransition { before, .. }| {
                let order = &before.order;
                json!({"OrderNo": order.number, "Status": order.status.number(), "Total": order.total.to_string()})
            })
            .collect();
        account_tx.note_changed(transaction.as_mut(), &transitions)?;
        let balances = audited_balances(&account_tx.state.account);
        let before = json!({"Orders": transitions.len(), "First": orders, "Balances": before});
        let results: Vec<Value> = revoked
            .iter()
            .take(MAX_AUDITED_ORDERS)
            .map(|one: &Revoked| {
                let outcome = one.outcome;
                json!({"OrderNo": one.number, "Success": outcome.is_done(), "Result": outcome.name()})
            })
            .collect();
        let failed = revoked.iter().filter(|one: &&Revoked| !one.outcome.is_done()).count();
        let after = json!({"Results": results, "FailureCount": failed, "Balances": balances});
        account_tx.write(transaction.as_mut())?;
        record_with_reason(transaction.as_mut(), ActKind::OrdersRevoke, company_id, &before, &after, reason);
        transaction.commit()?;
    }
    Ok(revoked)
}

/// Writes orders that were revoked or refunded, with the reason.
pub(super) fn write_revoked(
    transaction: &mut dyn Transaction,
    company_id: i64,
    transitions: &[OrderTransition],
    reason: &str,
    now_s: i64,
) -> StoreResult<()> {
    transaction.transition_orders(company_id, transitions)?;
    for transition in transitions {
        let source_number = transition.before.order.source_number();
        transaction.add_revocation(company_id, source_number, now_s, reason)?;
    }
    Ok(())
}

/// The outcome for an order, and the order as it becomes if it changes.
pub(super) fn refund_or_revoke(
    transaction: &mut dyn Transaction,
    account_tx: &mut AccountTx,
    company_id: i64,
    stored: &StoredOrder,
) -> Result<(Revocation, Option<Order>), ChargingError> {
    let order = &stored.order;
    let revoked = Order {
        status: Status::Revoked,
        deductions: Deductions::default(),
        revocation_time_s: Some(account_tx.now_s()),
        ..order.clone()
    };
    match order.status {
        Status::Revoked => Ok((Revocation::Already, None)),
        Status::Unpaid => Ok((Revocation::Revoked, Some(revoked))),
        Status::Paid => {
            let Some(settlement) = transaction.settlement(company_id, order.source_number())? else {
                return Ok((Revocation::NotSettledHere, None));
            };
            let deducted: Vec<Posting> = transaction
                .ledger(company_id, settlement.entries)?
                .into_iter()
                .map(|ledger_entry| ledger_entry.entry)
                .collect();
            let grant_ids: Vec<i64> =
                deducted.iter().map(|posting| posting.grant_id).filter(|grant_id| *grant_id > 0).collect();
            let grants = transaction.grants(company_id, &grant_ids)?;
            let refunded = account_tx.refund(&deducted, &grants)?;
            account_tx.record(refunded);
            Ok((Revocation::Refunded, Some(revoked)))
        }
    }
}
