//! Paying unpaid orders: `StartPayUnpaidOrders`, and the function that it shares with deposits and the daily run.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::json;
use tollbook_domain::account::AccountKind;
use tollbook_domain::money::format_amount_sum;
use tollbook_domain::{Line, Order, Status};
use tollbook_store::{Lines, OrderTransition, StoreResult, StoredOrder, Transaction};

use super::account_tx::{AccountTx, audited_balances};
use super::context::Charging;
use crate::audit::{ActKind, record};

/// Orders that one entry of the audit log names.
pub(super) const MAX_AUDITED_ORDERS: usize = 100;

/// Why an order was not paid; the names are published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayReason {
    /// `ORDER_NOT_FOUND`
    NotFound,
    /// `ORDER_REVOKED`
    Revoked,
    /// `INSUFFICIENT_BALANCE`
    InsufficientBalance,
}

impl PayReason {
    /// Its name in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotFound => "ORDER_NOT_FOUND",
            Self::Revoked => "ORDER_REVOKED",
            Self::InsufficientBalance => "INSUFFICIENT_BALANCE",
        }
    }
}

/// Result of paying one order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// The requested number U.
    pub number: String,
    /// `Ok` if the order is paid, now or earlier.
    pub result: Result<(), PayReason>,
}

/// Pays unpaid orders by their numbers U, in the given sequence and in one transaction, each in full or not at all.
/// Repeated numbers count once. Paying a paid order moves nothing. Orders that `may_see` rejects are not found.
///
/// # Errors
/// Those of the store; nothing was paid then.
pub fn pay_unpaid(
    charging: &Charging<'_>,
    company_id: i64,
    numbers: &[String],
    may_see: &dyn Fn(&Line) -> bool,
    now_s: i64,
) -> StoreResult<Vec<Payment>> {
    let mut transaction = charging.store.begin()?;
    let mut account_tx = AccountTx::open(transaction.as_mut(), company_id, now_s)?;
    let before = json!({"Balances": audited_balances(&account_tx.state.account)});
    let mut distinct = HashSet::new();
    let numbers: Vec<&str> =
        numbers.iter().map(String::as_str).filter(|number| distinct.insert(*number)).collect();
    let orders = transaction.orders_by_numbers(company_id, &numbers)?;
    let mut payments = OrderPayments::new(charging, company_id);
    let mut results = Vec::with_capacity(numbers.len());
    for (number, order) in numbers.into_iter().zip(orders) {
        let result = payments.pay(transaction.as_mut(), &mut account_tx, number, order, may_see)?;
        results.push(Payment { number: number.to_owned(), result });
    }
    let paid: Vec<&str> = payments
        .transitions
        .iter()
        .take(MAX_AUDITED_ORDERS)
        .map(|paid| paid.before.order.number.as_str())
        .collect();
    let total: i128 =
        payments.transitions.iter().map(|paid| i128::from(paid.before.order.total.steps())).sum();
    let after = json!({
        "Orders": payments.transitions.len(),
        "Total": format_amount_sum(total),
        "OrderNos": paid,
        "Balances": audited_balances(&account_tx.state.account),
    });
    if payments.write(transaction.as_mut(), account_tx)? > 0 {
        record(transaction.as_mut(), ActKind::OrdersPay, company_id, &before, &after);
        transaction.commit()?;
    }
    Ok(results)
}

/// An order that is to be paid.
pub(super) enum Payable {
    /// It is unpaid.
    Unpaid(StoredOrder, Arc<Line>),
    /// It was paid before, so nothing moves.
    Paid(StoredOrder),
}

/// The order of a number U, if it may be paid by a caller who sees what `may_see` accepts.
pub(super) fn payable(
    lines: &Lines,
    number: &str,
    order: Option<StoredOrder>,
    may_see: &dyn Fn(&Line) -> bool,
) -> Result<Payable, PayReason> {
    let stored = order.filter(|stored| stored.order.arrears_number() == number).ok_or(PayReason::NotFound)?;
    let line = lines.get(stored.line_no).filter(|line| may_see(line)).ok_or(PayReason::NotFound)?;
    match stored.order.status {
        Status::Paid => Ok(Payable::Paid(stored)),
        Status::Revoked => Err(PayReason::Revoked),
        Status::Unpaid => {
            let line = Arc::clone(line);
            Ok(Payable::Unpaid(stored, line))
        }
    }
}

/// The orders that one transaction pays.
pub(super) struct OrderPayments {
    company_id: i64,
    kinds: Vec<AccountKind>,
    transitions: Vec<OrderTransition>,
}

impl OrderPayments {
    pub(super) fn new(charging: &Charging<'_>, company_id: i64) -> Self {
        let kinds = charging.config.charging.arrears_sequence();
        Self { company_id, kinds, transitions: Vec::new() }
    }

    /// Pays one order, which must have been read after the company was locked.
    pub(super) fn pay(
        &mut self,
        transaction: &mut dyn Transaction,
        account_tx: &mut AccountTx,
        number: &str,
        order: Option<StoredOrder>,
        may_see: &dyn Fn(&Line) -> bool,
    ) -> StoreResult<Result<(), PayReason>> {
        let lines = transaction.lines(self.company_id)?;
        let (before, line) = match payable(&lines, number, order, may_see) {
            Ok(Payable::Unpaid(before, line)) => (before, line),
            Ok(Payable::Paid(_)) => return Ok(Ok(())),
            Err(reason) => return Ok(Err(reason)),
        };
        let source_number = before.order.counterpart.clone();
        let Some(deductions) =
            account_tx.pay(before.order.total, &line, &source_number, &self.kinds, before.order.start_time_s)
        else {
            return Ok(Err(PayReason::InsufficientBalance));
        };
        let after = Order {
            number: source_number,
            counterpart: before.order.number.clone(),
            status: Status::Paid,
            deductions,
            paid_time_s: Some(account_tx.now_s()),
            ..before.order.clone()
        };
        self.transitions.push(OrderTransition { before, after });
        Ok(Ok(()))
    }

    /// Writes the paid orders and the accounts; returns the number of orders.
    pub(super) fn write(
        self,
        transaction: &mut dyn Transaction,
        mut account_tx: AccountTx,
    ) -> StoreResult<usize> {
        if !self.transitions.is_empty() {
            transaction.transition_orders(self.company_id, &self.transitions)?;
            account_tx.note_changed(transaction, &self.transitions)?;
            account_tx.write(transaction)?;
        }
        Ok(self.transitions.len())
    }
}
