//! Closing an hour: the usage of each line becomes one order, rounded once, and paid at once or left unpaid. Transactions
//! have bounded size, so that other writers wait for a short time only.

use tollbook_domain::rating::SUPPLEMENTARY_ORDER;
use tollbook_domain::time::{DAY_S, HOUR_S, civil_of_day, day_of};
use tollbook_domain::{Bucket, Deductions, Line, NewOrder, Order, OrderAmounts, Status};
use tollbook_store::{DueHour, OpenUsage, Outcome, StoreError, StoreResult, Transaction, UsageOrder};

use super::account_tx::AccountTx;
use super::context::Charging;
use crate::maintenance::leases::{HourLeases, WORKER_LEASE_S};

/// Orders of one transaction.
const BATCH_ORDERS: i64 = 2_000;
/// Orders of one transaction while another writer waits.
const CONTENDED_BATCH_ORDERS: i64 = 500;
/// Serial numbers that are skipped if a number belongs to an imported order already.
const SKIPPED_SERIALS: i64 = 100_000;

/// Counts of closed hours and their orders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Closed {
    /// Closed hours with at least one order.
    pub hours: u64,
    /// Orders that were paid at once.
    pub paid: u64,
    /// Orders that are unpaid.
    pub unpaid: u64,
}

impl Closed {
    pub(crate) fn add(&mut self, other: Self) {
        self.hours += other.hours;
        self.paid += other.paid;
        self.unpaid += other.unpaid;
    }
}

/// Closes an hour that `holder` has leased, as long as it has the lease. If it is interrupted, usage without an order
/// stays open and is closed by the next call; existing orders do not change.
///
/// # Errors
/// Those of the store.
pub fn close_hour(charging: &Charging<'_>, hour: &DueHour, holder: &str, now_s: i64) -> StoreResult<Closed> {
    let span = tracing::info_span!("close_hour", company_id = hour.company_id, bucket = hour.bucket.start_s);
    let _entered = span.enter();
    let token = charging.token()?;
    let leases = HourLeases::new(charging.store, holder, WORKER_LEASE_S, now_s);
    let mut closed = Closed::default();
    let mut limit = BATCH_ORDERS;
    loop {
        crate::tasks::note_progress();
        let mut transaction = charging.store.begin()?;
        if limit == BATCH_ORDERS && transaction.another_writer_waits()? {
            limit = CONTENDED_BATCH_ORDERS;
        }
        let batch = ClosingBatch { charging, hour, leases: &leases, token: &token, now_s, limit };
        match batch.close(transaction.as_mut())? {
            BatchResult::Nothing => {
                // An hour without open usage is not due.
                transaction.commit()?;
                return Ok(closed);
            }
            BatchResult::Orders { paid, unpaid } => {
                limit =
                    if transaction.another_writer_waits()? { CONTENDED_BATCH_ORDERS } else { BATCH_ORDERS };
                transaction.commit()?;
                closed.hours = 1;
                closed.paid += paid;
                closed.unpaid += unpaid;
            }
            BatchResult::NumberTaken => {
                // The transaction is dropped; the next attempt uses other numbers.
                drop(transaction);
                skip_serials(charging, hour.company_id, now_s)?;
            }
        }
    }
}

pub(super) fn skip_serials(charging: &Charging<'_>, company_id: i64, now_s: i64) -> StoreResult<()> {
    let mut transaction = charging.store.begin()?;
    let mut account_tx = AccountTx::open(transaction.as_mut(), company_id, now_s)?;
    account_tx.state.serial += SKIPPED_SERIALS;
    account_tx.write(transaction.as_mut())?;
    transaction.commit()
}

/// Result of one transaction.
enum BatchResult {
    /// The hour has no open usage, or another holder has leased it.
    Nothing,
    /// Orders were added.
    Orders { paid: u64, unpaid: u64 },
    /// An imported order has one of the numbers.
    NumberTaken,
}

/// The work of one transaction.
struct ClosingBatch<'a> {
    charging: &'a Charging<'a>,
    hour: &'a DueHour,
    leases: &'a HourLeases<'a>,
    token: &'a str,
    now_s: i64,
    limit: i64,
}

impl ClosingBatch<'_> {
    fn close(&self, transaction: &mut dyn Transaction) -> StoreResult<BatchResult> {
        let (company_id, bucket) = (self.hour.company_id, self.hour.bucket);
        let mut account_tx = AccountTx::open(transaction, company_id, self.now_s)?;
        // Checked after the company is locked, as by every transaction that adds usage to the hour. An import may have
        // leased the hour since, or another server, after this lease expired.
        if !self.leases.acquire_in(transaction, self.hour, self.now_s)? {
            return Ok(BatchResult::Nothing);
        }
        let open = transaction.take_open_usage(company_id, bucket, self.limit, self.charging.catalogue)?;
        if open.is_empty() {
            return Ok(BatchResult::Nothing);
        }
        let mut orders = Vec::with_capacity(open.len());
        let mut usage_orders = Vec::with_capacity(open.len());
        let mut unpaid = 0;
        let maker =
            OrderMaker { charging: self.charging, company_id, bucket, token: self.token, now_s: self.now_s };
        for usage in &open {
            let new = maker.order(usage, &mut account_tx)?;
            unpaid += u64::from(new.order.status == Status::Unpaid);
            usage_orders.push(UsageOrder {
                bucket_start_s: bucket.start_s,
                line_no: usage.line_no,
                sequence_no: usage.orders,
                source_number: new.order.source_number().to_owned(),
                quantity: usage.quantity,
                records: usage.records,
                close_no: usage.close_no,
            });
            orders.push(new);
        }
        if !add_made_orders(transaction, &orders)? {
            return Ok(BatchResult::NumberTaken);
        }
        transaction.add_usage_orders(company_id, &usage_orders)?;
        account_tx.note_made(&orders);
        account_tx.write(transaction)?;
        Ok(BatchResult::Orders { paid: orders.len() as u64 - unpaid, unpaid })
    }
}

/// Adds orders that were made of usage. `false` if an imported order has one of the numbers: the transaction must be
/// dropped, and the next one uses other numbers.
pub(super) fn add_made_orders(transaction: &mut dyn Transaction, orders: &[NewOrder]) -> StoreResult<bool> {
    for outcome in transaction.add_orders(orders)? {
        match outcome {
            Outcome::Added => {}
            Outcome::Present | Outcome::Conflict => return Ok(false),
            Outcome::Pruned => {
                return Err(StoreError::Damaged("usage is in the time of pruned orders".into()));
            }
        }
    }
    Ok(true)
}

/// Makes orders of the usage of one hour.
pub(super) struct OrderMaker<'a> {
    pub(super) charging: &'a Charging<'a>,
    pub(super) company_id: i64,
    pub(super) bucket: Bucket,
    /// [`Charging::token`].
    pub(super) token: &'a str,
    pub(super) now_s: i64,
}

impl OrderMaker<'_> {
    /// The order of a line's usage: paid if the accounts cover it, otherwise unpaid.
    pub(super) fn order(&self, usage: &OpenUsage, account_tx: &mut AccountTx) -> StoreResult<NewOrder> {
        let Bucket { start_s, end_s } = self.bucket;
        let mut line = Line::clone(&usage.line);
        if usage.orders > 0 {
            line.order_type = SUPPLEMENTARY_ORDER;
        }
        let units = self.charging.catalogue.base_units(line.pricing_unit);
        // Incoming usage is checked against the maximum amount of an order.
        let OrderAmounts { total, original } = units
            .and_then(|units| line.amounts(usage.quantity, units))
            .ok_or_else(|| StoreError::Damaged("open usage has no amount".into()))?;
        let number = self.number('O', start_s, account_tx);
        let sequence = &self.charging.config.charging.sequence;
        let mut order = Order {
            number,
            counterpart: String::new(),
            status: Status::Paid,
            start_time_s: start_s,
            end_time_s: end_s,
            quantity: usage.quantity,
            total,
            original,
            deductions: Deductions::default(),
            create_time_s: None,
            paid_time_s: Some(self.now_s),
            revocation_time_s: None,
            replaces: String::new(),
            replaced_by: String::new(),
        };
        if let Some(deductions) = account_tx.pay(total, &line, &order.number, sequence, start_s) {
            order.deductions = deductions;
        } else {
            let arrears = self.number('U', self.now_s, account_tx);
            order.counterpart = std::mem::replace(&mut order.number, arrears);
            order.status = Status::Unpaid;
            order.paid_time_s = None;
            order.create_time_s = Some(self.now_s);
        }
        Ok(NewOrder { company_id: self.company_id, line, order })
    }

    /// An order number. Numbers ascend with time and within the company, so that orders of one hour are adjacent in
    /// indexes.
    fn number(&self, kind: char, time_s: i64, account_tx: &mut AccountTx) -> String {
        let (year, month, day) = civil_of_day(day_of(time_s));
        let hour = time_s.rem_euclid(DAY_S) / HOUR_S;
        let (token, serial) = (self.token, account_tx.next_serial());
        format!("{kind}{year:04}{month:02}{day:02}{hour:02}{token}{serial:010}")
    }
}
