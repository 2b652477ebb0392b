//! Living through the demo's month: hour by hour, usage comes in, hours are closed, money is paid in and orders are taken
//! back, by the operations that a server and its operator use, at the times of the month.
//!
//! Killed at any moment, it goes on from the last record of its progress and ends the same. What is done again from there
//! changes nothing: usage is known by its ids, closed hours are not open any more, and arrears that could not be paid
//! cannot be paid as long as no money comes in. Whatever brings money, or chooses orders, is therefore recorded before
//! it and after it.

use tollbook_domain::filter::{LineFilter, OrderQuery, StatusSet};
use tollbook_domain::time::{DAY_S, HOUR_S};
use tollbook_domain::{Status, TimeRange};
use tollbook_store::{DueHour, Hold, StoreResult, StoredOrder};

use super::lease::Lease;
use super::{QuickstartError, Recorded};
use crate::charging::{
    Charging, Rater, UsageResult, ZeroAmount, close_hour, deposit, pay_arrears, pay_company_daily, revoke,
    set_credit_limit,
};
use crate::demo::{Act, DemoUsage, Event};

/// Who holds the open hours while the month is made: a server that runs meanwhile leaves them alone.
const HOLDER: &str = "quickstart";
/// How long, from each start on.
const HELD_S: i64 = HOUR_S;
/// The second of an hour in which the daily run begins.
const DAILY_AFTER_S: i64 = 4;
/// Unpaid orders among which some are revoked.
const ARREARS_LOOKED_AT: i64 = 200;

pub(super) struct Month<'a, 'p> {
    pub(super) charging: Charging<'a>,
    pub(super) lease: Lease<'a>,
    pub(super) recorded: Recorded,
    /// The real time of this start.
    pub(super) now_s: i64,
    pub(super) progress: &'p mut dyn FnMut(usize, usize),
    pub(super) orders_added: usize,
    pub(super) hours: usize,
}

impl<'a> Month<'a, '_> {
    /// Goes on to the end.
    pub(super) fn live(&mut self) -> Result<(), QuickstartError> {
        let charging = self.charging;
        let month = self.recorded.month();
        let usage = month.usage(charging.catalogue, self.recorded.made_s);
        let events = month.events(&usage);
        let DemoUsage { hours, .. } = usage;
        self.hours = hours.len();
        let mut rater = Rater::new(charging, charging.config.charging.limits_of_files());
        let first = self.recorded.hour;
        for (hour, arriving) in hours.into_iter().enumerate().skip(first) {
            if hour.is_multiple_of(24) && hour > first {
                self.record(hour, false)?;
            }
            let start_s = month.start_s + HOUR_S * i64::try_from(hour).unwrap_or(0);
            let next_s = start_s + HOUR_S;
            if !(hour == self.recorded.hour && self.recorded.settled) {
                self.pay_daily(start_s)?;
                self.close(start_s)?;
            }
            let due = |event: &&Event| event.at_s < next_s && event.at_s <= self.recorded.made_s;
            let due: Vec<&Event> = events.iter().skip(self.recorded.events).take_while(due).collect();
            for event in due {
                self.record(hour, true)?;
                self.act(event)?;
                self.recorded.events += 1;
                self.record(hour, true)?;
            }
            self.accept(&mut rater, arriving, (next_s - 1).min(self.recorded.made_s))?;
            self.recorded.hour = hour + 1;
            self.recorded.settled = false;
        }
        Ok(())
    }

    /// Between two transactions: someone may watch, and the lease goes on.
    fn step(&mut self) -> Result<(), QuickstartError> {
        if !self.lease.keep()? {
            return Err(QuickstartError::Taken);
        }
        (self.progress)(self.recorded.hour, self.hours);
        Ok(())
    }

    fn record(&mut self, hour: usize, settled: bool) -> Result<(), QuickstartError> {
        (self.recorded.hour, self.recorded.settled) = (hour, settled);
        let mut transaction = self.charging.store.begin()?;
        self.recorded.write(transaction.as_mut())?;
        transaction.commit()?;
        self.step()
    }

    fn accept(
        &mut self,
        rater: &mut Rater<'a>,
        arriving: Vec<tollbook_domain::Usage>,
        now_s: i64,
    ) -> Result<(), QuickstartError> {
        let hold = Hold { holder: HOLDER, until_s: self.now_s.saturating_add(HELD_S) };
        for pricing_state in rater.accept(arriving, now_s, Some(hold))? {
            if let UsageResult::Refused(reason) = pricing_state {
                return Err(QuickstartError::Refused(reason));
            }
        }
        self.step()
    }

    /// Closes the hours that a server would close soon after the beginning of this one.
    fn close(&mut self, start_s: i64) -> Result<(), QuickstartError> {
        let jitter_s = 5 + start_s.div_euclid(HOUR_S).rem_euclid(17);
        let now_s = start_s + self.charging.config.charging.grace_s + jitter_s;
        if now_s > self.recorded.made_s {
            return Ok(());
        }
        for hour in self.held_hours()?.into_iter().filter(|hour| hour.due_s <= now_s) {
            let closed = close_hour(&self.charging, &hour, HOLDER, now_s)?;
            self.orders_added += usize::try_from(closed.paid + closed.unpaid).unwrap_or(0);
            self.step()?;
        }
        Ok(())
    }

    fn held_hours(&self) -> StoreResult<Vec<DueHour>> {
        let mut held = self.charging.store.begin()?.held_hours(HOLDER)?;
        held.retain(|hour| hour.company_id == self.recorded.company_id);
        Ok(held)
    }

    /// The daily run, in the hour in which it is due.
    fn pay_daily(&mut self, start_s: i64) -> Result<(), QuickstartError> {
        let now_s = start_s + DAILY_AFTER_S;
        let Some(at_s) = self.charging.config.charging.arrears_at_s else { return Ok(()) };
        let offsets = self.charging.store.snapshot()?.hour_offsets()?;
        let since_s = (offsets.time_of_day(now_s) - at_s).rem_euclid(DAY_S);
        if since_s < HOUR_S && now_s <= self.recorded.made_s {
            pay_company_daily(&self.charging, self.recorded.company_id, now_s)?;
            self.step()?;
        }
        Ok(())
    }

    fn act(&mut self, event: &Event) -> Result<(), QuickstartError> {
        let (charging, company_id, at_s) = (self.charging, self.recorded.company_id, event.at_s);
        match &event.act {
            Act::CreditLimit(limit) => set_credit_limit(&charging, company_id, *limit, at_s)?,
            Act::Deposit(paid_in, pays_arrears) => {
                deposit(&charging, company_id, paid_in, false, at_s)?;
                self.step()?;
                if *pays_arrears && charging.config.charging.deposit_pays_arrears {
                    pay_arrears(&charging, company_id, ZeroAmount::Pay, at_s)?;
                }
            }
            Act::Revoke(count, reason) => {
                let owed = charging.store.snapshot()?.arrears(company_id, 0, ARREARS_LOOKED_AT)?;
                let picked = owed.iter().step_by((owed.len() / count).max(1)).take(*count);
                self.refund_or_revoke(picked.map(number).collect(), reason, at_s)?;
            }
            Act::Refund(count, model, reason) => {
                let paid = self.orders(Status::Paid, model, at_s - DAY_S, at_s)?;
                self.refund_or_revoke(paid.iter().take(*count).map(number).collect(), reason, at_s)?;
            }
        }
        self.step()
    }

    /// All in one transaction, unless that was done already.
    fn refund_or_revoke(&self, numbers: Vec<String>, reason: &str, at_s: i64) -> Result<(), QuickstartError> {
        let revoked = self.orders(Status::Revoked, "", self.recorded.start_s, at_s)?;
        if !revoked.iter().any(|stored| stored.order.revocation_time_s == Some(at_s)) {
            revoke(&self.charging, self.recorded.company_id, &numbers, reason, at_s)?;
        }
        Ok(())
    }

    /// Orders of a time and a model, newest first; all models if it has no name.
    fn orders(&self, status: Status, model: &str, from_s: i64, to_s: i64) -> StoreResult<Vec<StoredOrder>> {
        let Some(range) = TimeRange::new(from_s.max(0), to_s) else { return Ok(Vec::new()) };
        let query = OrderQuery {
            company_id: self.recorded.company_id,
            range,
            statuses: StatusSet::of(&[status]),
            lines: LineFilter::default(),
            order_numbers: Vec::new(),
        };
        let mut snapshot = self.charging.store.snapshot()?;
        let lines = snapshot.lines(self.recorded.company_id)?;
        let mut orders = Vec::new();
        snapshot.scan(&query, &mut |stored| {
            let is_wanted =
                model.is_empty() || lines.get(stored.line_no).is_some_and(|line| line.model_id == model);
            if is_wanted {
                orders.push(stored.clone());
            }
            Ok(())
        })?;
        Ok(orders)
    }

    /// Lets go of the hours that are still open, in the transaction that completes the demo.
    pub(super) fn release(
        transaction: &mut dyn tollbook_store::Transaction,
        company_id: i64,
    ) -> StoreResult<()> {
        for hour in transaction.held_hours(HOLDER)? {
            if hour.company_id == company_id {
                transaction.release_hour(&hour, HOLDER)?;
            }
        }
        Ok(())
    }
}

fn number(stored: &StoredOrder) -> String {
    stored.order.number.clone()
}
