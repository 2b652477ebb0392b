//! Replays the month of the demo hour by hour, by the operations of a server and its operator. If the process is
//! killed, the next start continues from the last stored progress and ends with the same result.

use tollbook_domain::filter::{LineFilter, OrderQuery, StatusSet};
use tollbook_domain::time::{DAY_S, HOUR_S};
use tollbook_domain::{Status, TimeRange, Usage};
use tollbook_store::{StoreResult, StoredOrder, Transaction};

use super::error::QuickstartError;
use super::progress::DemoProgress;
use crate::charging::{
    Charging, Mode, Rater, UsageResult, ZeroAmount, adjust, close_hour, deposit, pay_arrears,
    pay_company_daily, reverse, revoke, set_credit_limit,
};
use crate::clock::{Clock as _, SystemClock};
use crate::demo::{DemoEvent, DemoOperation, DemoUsage};
use crate::maintenance::leases::{AcquiredTaskLease, HourLeases};

/// Holder of the leases on open hours, which keep a running server from closing them. It is the same for every start,
/// so that a later start continues with the hours of an earlier one.
const HOLDER: &str = "quickstart";
/// Length of the leases on hours, in seconds, from the real time of a start.
const HOUR_LEASE_S: i64 = HOUR_S;
/// The second of an hour at which the daily run begins.
const DAILY_AFTER_S: i64 = 4;
/// Maximum number of unpaid orders from which those to revoke are selected.
const REVOCABLE_ORDERS: i64 = 200;

/// The replay of a month.
///
/// Work after the last stored progress is repeated by the next start and must change nothing then. This holds for
/// usage, which has ids; for closing hours; and for paying arrears, as long as no money is deposited. Progress is
/// therefore stored before and after each operation that deposits money or selects orders.
pub(super) struct Replay<'a, 'p> {
    charging: Charging<'a>,
    lease: AcquiredTaskLease<'a>,
    hour_leases: HourLeases<'a>,
    pub(super) demo: DemoProgress,
    /// The real time of this start.
    now_s: i64,
    progress: &'p mut dyn FnMut(usize, usize),
    pub(super) orders_added: usize,
    hours: usize,
}

impl<'a, 'p> Replay<'a, 'p> {
    pub(super) fn new(
        charging: Charging<'a>,
        lease: AcquiredTaskLease<'a>,
        demo: DemoProgress,
        now_s: i64,
        progress: &'p mut dyn FnMut(usize, usize),
    ) -> Self {
        let hour_leases = HourLeases::new(charging.store, HOLDER, HOUR_LEASE_S, now_s);
        Self { charging, lease, hour_leases, demo, now_s, progress, orders_added: 0, hours: 0 }
    }

    /// Continues to the end of the month.
    pub(super) fn run(&mut self) -> Result<(), QuickstartError> {
        let charging = self.charging;
        let month = self.demo.month();
        let usage = month.usage(charging.catalogue, self.demo.created_s);
        let events = month.events(&usage);
        let DemoUsage { hours, .. } = usage;
        self.hours = hours.len();
        let mut rater = Rater::new(charging, charging.config.charging.limits_of_files());
        let first = self.demo.hour;
        for (hour, arriving) in hours.into_iter().enumerate().skip(first) {
            if hour.is_multiple_of(24) && hour > first {
                self.store_progress(hour, false)?;
            }
            let start_s = month.start_s + HOUR_S * i64::try_from(hour).unwrap_or(0);
            let next_s = start_s + HOUR_S;
            if !(hour == self.demo.hour && self.demo.settled) {
                self.pay_daily(start_s)?;
                self.close(start_s)?;
            }
            let is_due = |event: &&DemoEvent| event.at_s < next_s && event.at_s <= self.demo.created_s;
            let due: Vec<&DemoEvent> = events.iter().skip(self.demo.events).take_while(is_due).collect();
            for event in due {
                self.store_progress(hour, true)?;
                self.perform(event)?;
                self.demo.events += 1;
                self.store_progress(hour, true)?;
            }
            self.accept(&mut rater, arriving, (next_s - 1).min(self.demo.created_s))?;
            self.demo.hour = hour + 1;
            self.demo.settled = false;
        }
        Ok(())
    }

    /// Renews the lease and reports the progress. Called between two transactions.
    fn step(&mut self) -> Result<(), QuickstartError> {
        if !self.lease.renew_if_due(SystemClock.now_s())? {
            return Err(QuickstartError::LeaseLost);
        }
        (self.progress)(self.demo.hour, self.hours);
        Ok(())
    }

    fn store_progress(&mut self, hour: usize, settled: bool) -> Result<(), QuickstartError> {
        (self.demo.hour, self.demo.settled) = (hour, settled);
        let mut transaction = self.charging.store.begin()?;
        self.demo.write(transaction.as_mut())?;
        transaction.commit()?;
        self.step()
    }

    fn accept(
        &mut self,
        rater: &mut Rater<'a>,
        arriving: Vec<Usage>,
        now_s: i64,
    ) -> Result<(), QuickstartError> {
        let lease = self.hour_leases.lease(self.now_s);
        for result in rater.accept(arriving, now_s, Some(lease))? {
            if let UsageResult::Refused(reason) | UsageResult::Postponed(reason) = result {
                return Err(QuickstartError::Refused(reason));
            }
        }
        self.step()
    }

    /// Closes the hours that a server would close shortly after the start of an hour.
    fn close(&mut self, start_s: i64) -> Result<(), QuickstartError> {
        let jitter_s = 5 + start_s.div_euclid(HOUR_S).rem_euclid(17);
        let now_s = start_s + self.charging.config.charging.grace_s + jitter_s;
        if now_s > self.demo.created_s {
            return Ok(());
        }
        let company_id = self.demo.company_id;
        let is_due = |due_s: i64, of: i64| of == company_id && due_s <= now_s;
        for hour in self.hour_leases.hours()?.into_iter().filter(|hour| is_due(hour.due_s, hour.company_id)) {
            let closed = close_hour(&self.charging, &hour, HOLDER, now_s)?;
            self.orders_added += usize::try_from(closed.paid + closed.unpaid).unwrap_or(0);
            self.step()?;
        }
        Ok(())
    }

    /// Pays arrears if the daily run is due in the hour.
    fn pay_daily(&mut self, start_s: i64) -> Result<(), QuickstartError> {
        let now_s = start_s + DAILY_AFTER_S;
        let Some(at_s) = self.charging.config.charging.arrears_at_s else { return Ok(()) };
        let offsets = self.charging.store.snapshot()?.hour_offsets()?;
        let since_s = (offsets.time_of_day(now_s) - at_s).rem_euclid(DAY_S);
        if since_s < HOUR_S && now_s <= self.demo.created_s {
            pay_company_daily(&self.charging, self.demo.company_id, now_s)?;
            self.step()?;
        }
        Ok(())
    }

    fn perform(&mut self, event: &DemoEvent) -> Result<(), QuickstartError> {
        let (charging, company_id, at_s) = (self.charging, self.demo.company_id, event.at_s);
        match &event.operation {
            DemoOperation::CreditLimit(limit) => set_credit_limit(&charging, company_id, *limit, at_s)?,
            DemoOperation::Deposit(money, pays_arrears) => {
                deposit(&charging, company_id, money, false, at_s)?;
                self.step()?;
                if *pays_arrears && charging.config.charging.deposit_pays_arrears {
                    pay_arrears(&charging, company_id, ZeroAmount::Pay, at_s)?;
                }
            }
            DemoOperation::Reverse(request) => {
                reverse(&charging, company_id, request, Mode::Apply, at_s)?;
            }
            DemoOperation::Adjust(request) => {
                adjust(&charging, company_id, request, Mode::Apply, at_s)?;
            }
            DemoOperation::Revoke(count, reason) => {
                let unpaid = charging.store.snapshot()?.arrears(company_id, 0, REVOCABLE_ORDERS)?;
                let picked = unpaid.iter().step_by((unpaid.len() / count).max(1)).take(*count);
                self.refund_or_revoke(picked.map(number).collect(), reason, at_s)?;
            }
            DemoOperation::Refund(count, model, reason) => {
                let paid = self.orders(Status::Paid, model, at_s - DAY_S, at_s)?;
                self.refund_or_revoke(paid.iter().take(*count).map(number).collect(), reason, at_s)?;
            }
        }
        self.step()
    }

    /// Revokes orders in one transaction, unless an earlier start has revoked them.
    fn refund_or_revoke(&self, numbers: Vec<String>, reason: &str, at_s: i64) -> Result<(), QuickstartError> {
        let revoked = self.orders(Status::Revoked, "", self.demo.start_s, at_s)?;
        if !revoked.iter().any(|stored| stored.order.revocation_time_s == Some(at_s)) {
            revoke(&self.charging, self.demo.company_id, &numbers, reason, at_s)?;
        }
        Ok(())
    }

    /// Orders of a time range and a model, newest first; of all models if `model` is empty.
    fn orders(&self, status: Status, model: &str, from_s: i64, to_s: i64) -> StoreResult<Vec<StoredOrder>> {
        let Some(range) = TimeRange::new(from_s.max(0), to_s) else { return Ok(Vec::new()) };
        let query = OrderQuery {
            company_id: self.demo.company_id,
            range,
            statuses: StatusSet::of(&[status]),
            lines: LineFilter::default(),
            order_numbers: Vec::new(),
        };
        let mut snapshot = self.charging.store.snapshot()?;
        let lines = snapshot.lines(self.demo.company_id)?;
        let mut orders = Vec::new();
        snapshot.scan(&query, &mut |stored| {
            let matches =
                model.is_empty() || lines.get(stored.line_no).is_some_and(|line| line.model_id == model);
            if matches {
                orders.push(stored.clone());
            }
            Ok(())
        })?;
        Ok(orders)
    }

    /// Releases the leases on open hours, in the transaction that completes the demo.
    pub(super) fn release_hours(&self, transaction: &mut dyn Transaction) -> StoreResult<()> {
        for hour in transaction.leased_hours(HOLDER)? {
            if hour.company_id == self.demo.company_id {
                self.hour_leases.release_in(transaction, &hour)?;
            }
        }
        Ok(())
    }
}

fn number(stored: &StoredOrder) -> String {
    stored.order.number.clone()
}
