//! Taking orders back, by the operator and with a reason: an unpaid one is revoked, a paid one is refunded whole.

use tollbook_domain::account::Posting;
use tollbook_domain::{Deductions, Order, Status};
use tollbook_store::{OrderTransition, StoredOrder, Transaction};

use super::account_tx::AccountTx;
use super::accounts::require_company;
use super::context::Charging;
use super::error::{ChargingError, checked_text};

/// What became of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revocation {
    /// It was owed and is not any more.
    Revoked,
    /// It was paid; what was deducted is back where it came from.
    Refunded,
    /// It was taken back before; nothing was moved now.
    Already,
    /// No order of the company has the number.
    NotFound,
    /// It is history: it was not paid from the accounts here, so nothing can go back to them.
    NotSettledHere,
}

impl Revocation {
    /// Whether the order is taken back now.
    pub const fn is_done(self) -> bool {
        match self {
            Self::Revoked | Self::Refunded | Self::Already => true,
            Self::NotFound | Self::NotSettledHere => false,
        }
    }
}

/// One number and what became of its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revoked {
    /// As it was asked for: any of the order's numbers.
    pub number: String,
    /// What became of it.
    pub outcome: Revocation,
}

/// Takes orders back, each for itself, in one transaction.
///
/// # Errors
/// The company does not exist, the reason is not a text, an account cannot hold what comes back, or the store fails; then
/// nothing has changed.
pub fn revoke(
    charging: &Charging<'_>,
    company_id: i64,
    numbers: &[String],
    reason: &str,
    now_s: i64,
) -> Result<Vec<Revoked>, ChargingError> {
    checked_text("the reason", reason)?;
    let mut transaction = charging.store.begin()?;
    require_company(transaction.as_mut(), company_id)?;
    let mut till = AccountTx::open(transaction.as_mut(), company_id, now_s)?;
    let asked: Vec<&str> = numbers.iter().map(String::as_str).collect();
    let orders = transaction.orders_by_numbers(company_id, &asked)?;
    let mut changes: Vec<OrderTransition> = Vec::new();
    let mut revoked = Vec::with_capacity(numbers.len());
    for (number, order) in numbers.iter().zip(orders) {
        let outcome = match order {
            None => Revocation::NotFound,
            // Both numbers of one order may be named.
            Some(stored) if changes.iter().any(|change| change.before == stored) => Revocation::Already,
            Some(stored) => {
                let (outcome, after) =
                    refund_or_revoke(transaction.as_mut(), &mut till, company_id, &stored)?;
                changes.extend(after.map(|after| OrderTransition { before: stored, after }));
                outcome
            }
        };
        revoked.push(Revoked { number: number.clone(), outcome });
    }
    if !changes.is_empty() {
        transaction.transition_orders(company_id, &changes)?;
        for change in &changes {
            transaction.add_revocation(company_id, change.before.order.source_number(), now_s, reason)?;
        }
        till.close(transaction.as_mut())?;
        transaction.commit()?;
    }
    Ok(revoked)
}

fn refund_or_revoke(
    transaction: &mut dyn Transaction,
    till: &mut AccountTx,
    company_id: i64,
    stored: &StoredOrder,
) -> Result<(Revocation, Option<Order>), ChargingError> {
    let order = &stored.order;
    let revoked = Order {
        status: Status::Revoked,
        deductions: Deductions::default(),
        revocation_time_s: Some(till.now_s()),
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
                .map(|kept| kept.entry)
                .collect();
            let grant_ids: Vec<i64> =
                deducted.iter().map(|entry| entry.grant_id).filter(|grant_id| *grant_id > 0).collect();
            let grants = transaction.grants(company_id, &grant_ids)?;
            let given_back = till.refund(&deducted, &grants)?;
            till.note(given_back);
            Ok((Revocation::Refunded, Some(revoked)))
        }
    }
}
