//! Paying arrears with what there is: oldest first, passing over what cannot be paid. After a deposit, by the daily run,
//! and by hand.

use tollbook_domain::{Line, Status};
use tollbook_store::{StoreResult, StoredOrder};

use super::account_tx::AccountTx;
use super::context::Charging;
use super::paying::Paying;

/// Orders that are looked at before the next ones are read.
const READ_AT_ONCE: i64 = 5_000;
/// Orders that are tried in one transaction.
const BATCH_ORDERS: usize = 500;

/// Whether arrears of nothing are paid too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ZeroAmount {
    /// After a deposit.
    Pay,
    /// By the daily run, which touches only what money can be spent on.
    Skip,
}

/// What was paid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ArrearsPaid {
    /// Orders.
    pub orders: u64,
    /// Companies of which something was paid.
    pub companies: u64,
}

impl ArrearsPaid {
    pub(crate) fn add(&mut self, other: Self) {
        self.orders += other.orders;
        self.companies += other.companies;
    }
}

/// Pays a company's arrears, oldest by start time, then by number O; one that cannot be paid is passed over. In several
/// transactions: interrupted, what was paid is paid, and doing it again goes on.
///
/// # Errors
/// Those of the store.
pub fn pay_arrears(
    charging: &Charging<'_>,
    company_id: i64,
    zeros: ZeroAmount,
    now_s: i64,
) -> StoreResult<ArrearsPaid> {
    let kinds = charging.config.charging.arrears_sequence();
    let mut from_s = 0;
    let mut paid = 0;
    loop {
        let mut snapshot = charging.store.snapshot()?;
        let orders = snapshot.arrears(company_id, from_s, READ_AT_ONCE)?;
        let available = snapshot.books(company_id)?.account.available(&kinds, now_s);
        drop(snapshot);
        let Some(last) = orders.last() else { break };
        from_s = last.order.start_time_s + 1;
        let can_be_tried = |stored: &&StoredOrder| {
            let total = i128::from(stored.order.total.steps());
            total <= available && (total > 0 || zeros == ZeroAmount::Pay)
        };
        // What is left is less with each order that is paid: whatever costs more than all of it need not be tried.
        let tried: Vec<&StoredOrder> = orders.iter().filter(can_be_tried).collect();
        for batch in tried.chunks(BATCH_ORDERS) {
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
    let mut till = AccountTx::open(transaction.as_mut(), company_id, now_s)?;
    let numbers: Vec<&str> = batch.iter().map(|stored| stored.order.number.as_str()).collect();
    let orders = transaction.orders_by_numbers(company_id, &numbers)?;
    let mut paying = Paying::new(charging, company_id);
    let everything = |_: &Line| true;
    for (number, order) in numbers.into_iter().zip(orders) {
        // Others may have paid it since it was read.
        let owed = order.filter(|stored| stored.order.status == Status::Unpaid);
        let _ = paying.pay(transaction.as_mut(), &mut till, number, owed, &everything)?;
    }
    let paid = paying.finish(transaction.as_mut(), till)?;
    if paid > 0 {
        transaction.commit()?;
    }
    Ok(paid as u64)
}
