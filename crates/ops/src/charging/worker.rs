//! What the server does by itself: closes hours that are due, pays arrears once a local day, prices what had no price,
//! forgets old identities. Of several servers exactly one does each piece of work.

use tollbook_domain::time::hour_of;
use tollbook_store::{Due, DueHour, Hold, StoreError, StoreResult};

use super::account_tx::AccountTx;
use super::arrears::{ArrearsPaid, ZeroAmount, pay_arrears};
use super::context::Charging;
use super::hour_close::{Closed, HOLD_S, close_hour};
use super::repricing::{needs_repricing, reprice};

/// Hours that are looked at together.
const HOURS_AT_ONCE: i64 = 100;
/// Identities that are forgotten in one transaction.
const FORGOTTEN_AT_ONCE: i64 = 2_000;
/// Names of settings.
const ARREARS_DAY: &str = "arrears day";
const FORGOTTEN_HOUR: &str = "forgotten hour";

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// Hours that were closed, and their orders.
    pub closed: Closed,
    /// Arrears that were paid.
    pub arrears: ArrearsPaid,
    /// Records that have a price now.
    pub priced: u64,
    /// Identities that are not kept any more.
    pub forgotten: u64,
}

impl Settled {
    /// Adds what another round did.
    pub fn add(&mut self, other: &Self) {
        self.closed.add(other.closed);
        self.arrears.add(other.arrears);
        self.priced += other.priced;
        self.forgotten += other.forgotten;
    }

    /// Whether there was nothing to do.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// One round of the server's own work. `worker` is a name that no other process has.
///
/// # Errors
/// Those of the store; what was done is done, and the next round goes on.
pub fn tick(charging: &Charging<'_>, worker: &str, now_s: i64) -> StoreResult<Settled> {
    let round = Round { charging, worker, now_s };
    Ok(Settled {
        priced: round.price()?,
        closed: round.close(Due::By(now_s))?,
        arrears: round.pay_daily()?,
        forgotten: round.forget()?,
    })
}

/// Everything that can be settled now: closes each hour that has ended, whether or not more of it is being gathered, and
/// pays arrears of every company.
///
/// # Errors
/// Those of the store; what was done is done, and doing it again goes on.
pub fn settle_all(charging: &Charging<'_>, worker: &str, now_s: i64) -> StoreResult<Settled> {
    let round = Round { charging, worker, now_s };
    let priced = reprice(charging, now_s)?;
    let closed = round.close(Due::EndedBy(now_s.saturating_sub(charging.config.charging.grace_s)))?;
    let mut arrears = ArrearsPaid::default();
    for company in charging.store.snapshot()?.companies()? {
        arrears.add(pay_arrears(charging, company.company_id, ZeroAmount::Skip, now_s)?);
    }
    Ok(Settled { priced, closed, arrears, forgotten: 0 })
}

/// Hours that are over and that somebody holds: an import that goes on, a server that is closing them, or one who died over
/// them, which tells when the hold is over.
///
/// # Errors
/// Those of the store.
pub fn held_hours(charging: &Charging<'_>, now_s: i64) -> StoreResult<usize> {
    let ended = Due::EndedBy(now_s.saturating_sub(charging.config.charging.grace_s));
    // As seen from a time at which no hold lasts any more.
    Ok(charging.store.snapshot()?.due_hours(ended, i64::MAX, HOURS_AT_ONCE)?.len())
}

struct Round<'a> {
    charging: &'a Charging<'a>,
    worker: &'a str,
    now_s: i64,
}

impl Round<'_> {
    /// Closes what is due. An hour that cannot be closed keeps no other one open: the first failure is told at the end,
    /// and the hour is tried again once its hold is over.
    fn close(&self, due: Due) -> StoreResult<Closed> {
        let Self { charging, worker, now_s } = *self;
        let mut closed = Closed::default();
        let mut failed = None;
        loop {
            let hours = charging.store.snapshot()?.due_hours(due, now_s, HOURS_AT_ONCE)?;
            let mut took = 0;
            for hour in &hours {
                if self.hold(hour)? {
                    took += 1;
                    match close_hour(charging, hour, worker, now_s) {
                        Ok(of_hour) => closed.add(of_hour),
                        Err(error @ StoreError::Unavailable(_)) => return Err(error),
                        Err(error) => failed = failed.or(Some(error)),
                    }
                }
            }
            // What others hold is theirs.
            if took == 0 {
                return failed.map_or(Ok(closed), Err);
            }
        }
    }

    fn hold(&self, hour: &DueHour) -> StoreResult<bool> {
        let mut transaction = self.charging.store.begin()?;
        let hold = Hold { holder: self.worker, until_s: self.now_s.saturating_add(HOLD_S) };
        if !transaction.hold_hour(hour, self.now_s, &hold)? {
            return Ok(false);
        }
        transaction.commit()?;
        Ok(true)
    }

    /// Takes a piece of work that one process does at a time, or goes on with it; `false` while another one has it. Who
    /// dies over it loses it after a while.
    fn lease(&self, work: &str) -> StoreResult<bool> {
        let name = format!("lease {work}");
        let mut transaction = self.charging.store.begin()?;
        transaction.hold(&name)?;
        if let Some(lease) = transaction.setting(&name)?
            && let Some((until_s, worker)) = lease.split_once(' ')
            && worker != self.worker
            && until_s.parse::<i64>().is_ok_and(|until_s| until_s > self.now_s)
        {
            return Ok(false);
        }
        let until_s = self.now_s.saturating_add(HOLD_S);
        transaction.set_setting(&name, &format!("{until_s} {}", self.worker))?;
        transaction.commit()?;
        Ok(true)
    }

    fn price(&self) -> StoreResult<u64> {
        if !needs_repricing(self.charging)? || !self.lease("repricing")? {
            return Ok(0);
        }
        reprice(self.charging, self.now_s)
    }

    /// Pays arrears once on each local day, of companies that have something to spend.
    fn pay_daily(&self) -> StoreResult<ArrearsPaid> {
        let Self { charging, now_s, .. } = *self;
        let mut paid = ArrearsPaid::default();
        let Some(at_s) = charging.config.charging.arrears_at_s else { return Ok(paid) };
        let mut snapshot = charging.store.snapshot()?;
        let offsets = snapshot.hour_offsets()?;
        let day = offsets.local_day(now_s);
        let done = snapshot.setting(ARREARS_DAY)?.and_then(|text| text.parse::<i64>().ok());
        if offsets.time_of_day(now_s) < at_s || done >= Some(day) {
            return Ok(paid);
        }
        let companies = snapshot.companies()?;
        drop(snapshot);
        for company in companies {
            // Asked for each company, so that it lasts as long as the run.
            if !self.lease("arrears")? {
                return Ok(paid);
            }
            paid.add(pay_company(charging, company.company_id, day, now_s)?);
        }
        let mut transaction = charging.store.begin()?;
        transaction.set_setting(ARREARS_DAY, &day.to_string())?;
        transaction.commit()?;
        Ok(paid)
    }

    /// Forgets identities that are older than they are kept, once an hour.
    fn forget(&self) -> StoreResult<u64> {
        let Self { charging, now_s, .. } = *self;
        let hour = hour_of(now_s).to_string();
        let mut snapshot = charging.store.snapshot()?;
        if snapshot.setting(FORGOTTEN_HOUR)?.as_deref() == Some(hour.as_str()) || !self.lease("forgetting")? {
            return Ok(0);
        }
        let companies = snapshot.companies()?;
        drop(snapshot);
        let before_s = now_s.saturating_sub(charging.config.charging.identity_window_s);
        let mut forgotten = 0;
        for company in companies {
            loop {
                let mut transaction = charging.store.begin()?;
                let some = transaction.forget_usage(company.company_id, before_s, FORGOTTEN_AT_ONCE)?;
                if some == 0 {
                    break;
                }
                transaction.commit()?;
                forgotten += some as u64;
            }
        }
        let mut transaction = charging.store.begin()?;
        transaction.set_setting(FORGOTTEN_HOUR, &hour)?;
        transaction.commit()?;
        Ok(forgotten)
    }
}

/// The daily run for one company alone: nothing before its time of the local day, or when the day's run is done.
///
/// # Errors
/// Those of the store; what was paid is paid, and doing it again goes on.
pub(crate) fn pay_company_daily(
    charging: &Charging<'_>,
    company_id: i64,
    now_s: i64,
) -> StoreResult<ArrearsPaid> {
    let offsets = charging.store.snapshot()?.hour_offsets()?;
    match charging.config.charging.arrears_at_s {
        Some(at_s) if offsets.time_of_day(now_s) >= at_s => {
            pay_company(charging, company_id, offsets.local_day(now_s), now_s)
        }
        Some(_) | None => Ok(ArrearsPaid::default()),
    }
}

fn pay_company(charging: &Charging<'_>, company_id: i64, day: i64, now_s: i64) -> StoreResult<ArrearsPaid> {
    let kinds = charging.config.charging.arrears_sequence();
    let mut snapshot = charging.store.snapshot()?;
    let books = snapshot.books(company_id)?;
    let can_spend = books.account.available(&kinds, now_s) > 0;
    let owes = can_spend && !snapshot.arrears(company_id, 0, 1)?.is_empty();
    drop(snapshot);
    if books.arrears_day >= day || !owes {
        return Ok(ArrearsPaid::default());
    }
    let paid = pay_arrears(charging, company_id, ZeroAmount::Skip, now_s)?;
    // Marked when it is done: a run that was interrupted goes on.
    let mut transaction = charging.store.begin()?;
    let mut till = AccountTx::open(transaction.as_mut(), company_id, now_s)?;
    till.books.arrears_day = day;
    till.close(transaction.as_mut())?;
    transaction.commit()?;
    Ok(paid)
}
