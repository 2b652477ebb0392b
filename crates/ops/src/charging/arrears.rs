//! Paying arrears: oldest first, skipping orders that cannot be paid. It happens after a deposit, in the daily run, and
//! by command.

use tollbook_domain::{Line, Status};
use tollbook_store::{StoreResult, StoredOrder};

use super::account_tx::{AccountTx, account_with_ended};
use super::context::Charging;
use super::paying::OrderPayments;

/// Unpaid orders that are read together.
const READ_ORDERS: i64 = 5_000;
/// Orders that one transaction tries to pay.
const BATCH_ORDERS: usize = 500;

/// Whether unpaid orders with an amount of zero are paid too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ZeroAmount {
    /// They are paid, as after a deposit.
    Pay,
    /// They stay unpaid, as in the daily run, which changes only what money is spent on.
    Skip,
}

/// Counts of paid arrears.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ArrearsPaid {
    /// Paid orders.
    pub orders: u64,
    /// Companies with at least one paid order.
    pub companies: u64,
}

impl ArrearsPaid {
    pub(crate) fn add(&mut self, other: Self) {
        self.orders += other.orders;
        self.companies += other.companies;
    }
}

/// Pays the arrears of a company, oldest by start time, then by number O. An order that cannot be paid is skipped. The
/// work is done in several transactions; after an interruption, paid orders stay paid and the next call continues.
///
/// # Errors
/// Those of the store.
pub fn pay_arrears(
    charging: &Charging<'_>,
    company_id: i64,
    zero_amount: ZeroAmount,
    now_s: i64,
) -> StoreResult<ArrearsPaid> {
    let kinds = charging.config.charging.arrears_sequence();
    let mut from_s = 0;
    let mut paid = 0;
    loop {
        crate::tasks::note_progress();
        let mut snapshot = charging.store.snapshot()?;
        let orders = snapshot.arrears(company_id, from_s, READ_ORDERS)?;
        let spendable =
            account_with_ended(snapshot.as_mut(), company_id, now_s)?.account.spendable(&kinds, now_s);
        drop(snapshot);
        let Some(last) = orders.last() else { break };
        from_s = last.order.start_time_s + 1;
        // What can be spent only decreases while orders are paid, so that an order above it need not be tried.
        let can_be_tried = |stored: &&StoredOrder| {
            let total = i128::from(stored.order.total.steps());
            total <= spendable && (total > 0 || zero_amount == ZeroAmount::Pay)
        };
        let candidates: Vec<&StoredOrder> = orders.iter().filter(can_be_tried).collect();
        for batch in candidates.chunks(BATCH_ORDERS) {
            paid += pay_batch(charging, company_id, batch, now_s)?;
        }
    }
    Ok(ArrearsPaid { orders: paid, companies: u64::from(paid > 0) })
}

fn pay_batch(
    charging: &Charging<'_>,
    company_id: i64,
    batch: &[&StoredOrder],
    now_s: i64,
) -> StoreResult<u64> {
    let mut transaction = charging.store.begin()?;
    let mut account_tx = AccountTx::open(transaction.as_mut(), company_id, now_s)?;
    let numbers: Vec<&str> = batch.iter().map(|stored| stored.order.number.as_str()).collect();
    let orders = transaction.orders_by_numbers(company_id, &numbers)?;
    let mut payments = OrderPayments::new(charging, company_id);
    let everything = |_: &Line| true;
    for (number, order) in numbers.into_iter().zip(orders) {
        // Another transaction may have paid it since it was read.
        let unpaid = order.filter(|stored| stored.order.status == Status::Unpaid);
        let _ = payments.pay(transaction.as_mut(), &mut account_tx, number, unpaid, &everything)?;
    }
    let paid = payments.write(transaction.as_mut(), account_tx)?;
    if paid > 0 {
        transaction.commit()?;
    }
    Ok(paid as u64)
}
