//! Paying what is owed: `StartPayUnpaidOrders`, and the one function that it, deposits and the daily run share.

use std::collections::HashSet;

use tollbook_domain::account::AccountKind;
use tollbook_domain::{Line, Order, Status};
use tollbook_store::{OrderTransition, StoreResult, StoredOrder, Transaction};

use super::account_tx::AccountTx;
use super::context::Charging;

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
    /// As the API says it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotFound => "ORDER_NOT_FOUND",
            Self::Revoked => "ORDER_REVOKED",
            Self::InsufficientBalance => "INSUFFICIENT_BALANCE",
        }
    }
}

/// What became of one number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// U, as it was asked for.
    pub number: String,
    /// Paid now or before; or why not.
    pub result: Result<(), PayReason>,
}

/// Pays unpaid orders by their numbers U, one by one in this sequence, each wholly or not at all, in one transaction.
/// Repeated numbers count once. Paying what is paid already moves nothing.
///
/// # Errors
/// Those of the store; then nothing was paid.
pub fn pay_unpaid(
    charging: &Charging<'_>,
    company_id: i64,
    numbers: &[String],
    may_see: &dyn Fn(&Line) -> bool,
    now_s: i64,
) -> StoreResult<Vec<Payment>> {
    let mut transaction = charging.store.begin()?;
    let mut till = AccountTx::open(transaction.as_mut(), company_id, now_s)?;
    let mut asked = HashSet::new();
    let numbers: Vec<&str> =
        numbers.iter().map(String::as_str).filter(|number| asked.insert(*number)).collect();
    let orders = transaction.orders_by_numbers(company_id, &numbers)?;
    let mut paying = Paying::new(charging, company_id);
    let mut payments = Vec::with_capacity(numbers.len());
    for (number, order) in numbers.into_iter().zip(orders) {
        let result = paying.pay(transaction.as_mut(), &mut till, number, order, may_see)?;
        payments.push(Payment { number: number.to_owned(), result });
    }
    if paying.finish(transaction.as_mut(), till)? > 0 {
        transaction.commit()?;
    }
    Ok(payments)
}

/// Orders that are paid in one transaction.
pub(super) struct Paying {
    company_id: i64,
    kinds: Vec<AccountKind>,
    changes: Vec<OrderTransition>,
}

impl Paying {
    pub(super) fn new(charging: &Charging<'_>, company_id: i64) -> Self {
        let kinds = charging.config.charging.arrears_sequence();
        Self { company_id, kinds, changes: Vec::new() }
    }

    /// Pays one order, read after the company was locked.
    pub(super) fn pay(
        &mut self,
        transaction: &mut dyn Transaction,
        till: &mut AccountTx,
        number: &str,
        order: Option<StoredOrder>,
        may_see: &dyn Fn(&Line) -> bool,
    ) -> StoreResult<Result<(), PayReason>> {
        let Some(before) = order.filter(|stored| stored.order.arrears_number() == number) else {
            return Ok(Err(PayReason::NotFound));
        };
        let lines = transaction.lines(self.company_id)?;
        let Some(line) = lines.get(before.line_no).filter(|line| may_see(line)) else {
            return Ok(Err(PayReason::NotFound));
        };
        match before.order.status {
            Status::Paid => return Ok(Ok(())),
            Status::Revoked => return Ok(Err(PayReason::Revoked)),
            Status::Unpaid => {}
        }
        let source_number = before.order.counterpart.clone();
        let Some(deductions) = till.pay(before.order.total, line, &source_number, &self.kinds) else {
            return Ok(Err(PayReason::InsufficientBalance));
        };
        let after = Order {
            number: source_number,
            counterpart: before.order.number.clone(),
            status: Status::Paid,
            deductions,
            paid_time_s: Some(till.now_s()),
            ..before.order.clone()
        };
        self.changes.push(OrderTransition { before, after });
        Ok(Ok(()))
    }

    /// Writes what was paid; how many.
    pub(super) fn finish(self, transaction: &mut dyn Transaction, till: AccountTx) -> StoreResult<usize> {
        if !self.changes.is_empty() {
            transaction.transition_orders(self.company_id, &self.changes)?;
            till.close(transaction)?;
        }
        Ok(self.changes.len())
    }
}
