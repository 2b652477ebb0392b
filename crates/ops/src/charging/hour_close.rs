//! Closing an hour: each line's usage becomes one order, rounded once, paid at once or owed. In transactions of bounded
//! size, so that nobody waits long for their turn.

use tollbook_domain::rating::SUPPLEMENTARY_ORDER;
use tollbook_domain::time::{DAY_S, HOUR_S, civil_of_day, day_of};
use tollbook_domain::{Amount, Bucket, Line, NewOrder, Order, Status};
use tollbook_store::{DueHour, Hold, OpenUsage, Outcome, StoreError, StoreResult, Transaction, UsageOrder};

use super::account_tx::AccountTx;
use super::context::Charging;

/// Orders of one transaction, and fewer when another writer waits.
const BATCH_ORDERS: i64 = 2_000;
const COURTEOUS_BATCH_ORDERS: i64 = 500;
/// Numbers that are passed over when one is taken, by an order that came from elsewhere.
const NUMBERS_SKIPPED: i64 = 100_000;
/// How long an hour is held from one transaction to the next, in seconds. Whoever dies over it keeps it open for so long.
pub(super) const HOLD_S: i64 = 8;

/// What closing did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Closed {
    /// Hours.
    pub hours: u64,
    /// Orders that were paid at once.
    pub paid: u64,
    /// Orders that are owed.
    pub unpaid: u64,
}

impl Closed {
    pub(super) fn add(&mut self, other: Self) {
        self.hours += other.hours;
        self.paid += other.paid;
        self.unpaid += other.unpaid;
    }
}

/// Closes an hour that `holder` holds, as long as it does. Interrupted, what is left stays open and is closed by whoever comes next; what
/// became orders is not touched again.
///
/// # Errors
/// Those of the store.
pub fn close_hour(charging: &Charging<'_>, hour: &DueHour, holder: &str, now_s: i64) -> StoreResult<Closed> {
    let token = charging.token()?;
    let mut closed = Closed::default();
    let mut limit = BATCH_ORDERS;
    loop {
        let mut transaction = charging.store.begin()?;
        if limit == BATCH_ORDERS && transaction.another_writer_waits()? {
            limit = COURTEOUS_BATCH_ORDERS;
        }
        let batch = Batch { charging, hour, holder, token: &token, now_s, limit };
        match batch.close(transaction.as_mut())? {
            Made::Nothing => {
                // An hour of which nothing is left is not due any more.
                transaction.commit()?;
                return Ok(closed);
            }
            Made::Orders { paid, unpaid } => {
                limit =
                    if transaction.another_writer_waits()? { COURTEOUS_BATCH_ORDERS } else { BATCH_ORDERS };
                transaction.commit()?;
                closed.hours = 1;
                closed.paid += paid;
                closed.unpaid += unpaid;
            }
            Made::TakenNumber => {
                // Nothing of it is kept but that the next numbers are others.
                drop(transaction);
                skip_numbers(charging, hour.company_id, now_s)?;
            }
        }
    }
}

fn skip_numbers(charging: &Charging<'_>, company_id: i64, now_s: i64) -> StoreResult<()> {
    let mut transaction = charging.store.begin()?;
    let mut till = AccountTx::open(transaction.as_mut(), company_id, now_s)?;
    till.books.serial += NUMBERS_SKIPPED;
    till.close(transaction.as_mut())?;
    transaction.commit()
}

/// What one transaction made.
enum Made {
    Nothing,
    Orders { paid: u64, unpaid: u64 },
    TakenNumber,
}

struct Batch<'a> {
    charging: &'a Charging<'a>,
    hour: &'a DueHour,
    holder: &'a str,
    token: &'a str,
    now_s: i64,
    limit: i64,
}

impl Batch<'_> {
    fn close(&self, transaction: &mut dyn Transaction) -> StoreResult<Made> {
        let (company_id, bucket) = (self.hour.company_id, self.hour.bucket);
        let mut till = AccountTx::open(transaction, company_id, self.now_s)?;
        // After the company is locked, as whoever adds usage to the hour does it. An import may have taken the hour over,
        // or another server, for which this one was dead: then it is theirs.
        let hold = Hold { holder: self.holder, until_s: self.now_s.saturating_add(HOLD_S) };
        if !transaction.hold_hour(self.hour, self.now_s, &hold)? {
            return Ok(Made::Nothing);
        }
        let taken = transaction.take_open_usage(company_id, bucket, self.limit, self.charging.catalogue)?;
        if taken.is_empty() {
            return Ok(Made::Nothing);
        }
        let mut orders = Vec::with_capacity(taken.len());
        let mut made_of = Vec::with_capacity(taken.len());
        let mut unpaid = 0;
        for usage in &taken {
            let new = self.order(usage, &mut till)?;
            unpaid += u64::from(new.order.status == Status::Unpaid);
            made_of.push(UsageOrder {
                bucket_start_s: bucket.start_s,
                line_no: usage.line_no,
                place: usage.orders,
                source_number: new.order.source_number().to_owned(),
                quantity: usage.quantity,
                records: usage.records,
            });
            orders.push(new);
        }
        for outcome in transaction.add_orders(&orders)? {
            match outcome {
                Outcome::Added => {}
                Outcome::Present | Outcome::Conflict => return Ok(Made::TakenNumber),
                Outcome::Pruned => {
                    return Err(StoreError::Damaged("an open hour lies where orders were pruned".into()));
                }
            }
        }
        transaction.add_usage_orders(company_id, &made_of)?;
        till.close(transaction)?;
        Ok(Made::Orders { paid: orders.len() as u64 - unpaid, unpaid })
    }

    /// One order, paid if there is enough for it.
    fn order(&self, usage: &OpenUsage, till: &mut AccountTx) -> StoreResult<NewOrder> {
        let Bucket { start_s, end_s } = self.hour.bucket;
        let mut line = Line::clone(&usage.line);
        if usage.orders > 0 {
            line.order_type = SUPPLEMENTARY_ORDER;
        }
        let units = self.charging.catalogue.base_units(line.pricing_unit);
        let amount = |price: tollbook_domain::UnitPrice| -> StoreResult<Amount> {
            let charged = units.and_then(|units| price.charge(usage.quantity, units).ok());
            // What comes in is checked against what an order can hold.
            charged.ok_or_else(|| StoreError::Damaged("open usage has no amount".into()))
        };
        let (total, original) = (amount(line.discount_price)?, amount(line.list_price)?);
        let number = self.number('O', start_s, till);
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
            deductions: tollbook_domain::Deductions::default(),
            create_time_s: None,
            paid_time_s: Some(self.now_s),
            revocation_time_s: None,
        };
        if let Some(deductions) = till.pay(total, &line, &order.number, sequence) {
            order.deductions = deductions;
        } else {
            let arrears = self.number('U', self.now_s, till);
            order.counterpart = std::mem::replace(&mut order.number, arrears);
            order.status = Status::Unpaid;
            order.paid_time_s = None;
            order.create_time_s = Some(self.now_s);
        }
        Ok(NewOrder { company_id: self.hour.company_id, line, order })
    }

    /// Rises with time and within the company, so that what is made together is filed together.
    fn number(&self, kind: char, time_s: i64, till: &mut AccountTx) -> String {
        let (year, month, day) = civil_of_day(day_of(time_s));
        let hour = time_s.rem_euclid(DAY_S) / HOUR_S;
        let (token, number) = (self.token, till.next_number());
        format!("{kind}{year:04}{month:02}{day:02}{hour:02}{token}{number:010}")
    }
}
