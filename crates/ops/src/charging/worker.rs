//! The worker of the server: ends grants, closes due hours, pays arrears once a local day, reprices usage, and expires
//! old usage identities. Leases ensure that exactly one of several servers does each piece of work.

use std::collections::BTreeSet;

use tollbook_domain::time::hour_of;
use tollbook_store::{HourFilter, Store, StoreError, StoreResult};

use super::account_tx::{AccountTx, account_with_ended};
use super::arrears::{ArrearsPaid, ZeroAmount, pay_arrears};
use super::confirmed_time::is_time_confirmed;
use super::context::Charging;
use super::grant_ends::end_all_grants;
use super::hour_close::{Closed, close_hour};
use super::repricing::{needs_repricing, reprice};
use crate::maintenance::leases::{HourLeases, TaskLease, WORKER_LEASE_S};
use crate::tasks::note_progress;

/// Due hours that are read together.
const READ_HOURS: i64 = 100;
/// How much later than any late usage an hour may be due, in seconds, before its due time counts as that of a wrong clock:
/// clocks of servers may differ.
const CLOCK_DIFFERENCE_S: i64 = 600;
/// Identities that are deleted in one transaction.
const EXPIRED_PER_TRANSACTION: i64 = 2_000;
/// Name of the setting with the last local day whose arrears run is complete.
const ARREARS_DAY: &str = "arrears day";
/// Name of the setting with the last hour in which identities were expired.
const EXPIRY_HOUR: &str = "forgotten hour";
/// Names of leases, as they are stored.
const REPRICING: &str = "repricing";
const DAILY_ARREARS: &str = "arrears";
const IDENTITY_EXPIRY: &str = "forgetting";

/// Counts of one or more rounds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// Closed hours and their orders.
    pub closed: Closed,
    /// Paid arrears.
    pub arrears: ArrearsPaid,
    /// Records that were without a price and are charged now.
    pub priced: u64,
    /// Deleted usage identities.
    pub expired_identities: u64,
    /// Grants that ended with something left.
    pub ended_grants: u64,
}

impl Settled {
    /// Adds the counts of another round.
    pub fn add(&mut self, other: &Self) {
        self.closed.add(other.closed);
        self.arrears.add(other.arrears);
        self.priced += other.priced;
        self.expired_identities += other.expired_identities;
        self.ended_grants += other.ended_grants;
    }

    /// Whether there was nothing to do.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// One round of the worker: does the work that is due. `worker` is a holder name that no other process has.
///
/// # Errors
/// Those of the store; finished work stays done, and the next round continues.
pub fn settle_due(charging: &Charging<'_>, worker: &str, now_s: i64) -> StoreResult<Settled> {
    let span = tracing::info_span!("settle_round", worker);
    let _entered = span.enter();
    let round = Round { charging, worker, now_s };
    // A company whose grants cannot be ended does not keep hours open.
    let ended_grants = end_all_grants(charging, now_s);
    Ok(Settled {
        priced: round.reprice()?,
        closed: round.close(round.due_hours())?,
        arrears: round.pay_daily()?,
        expired_identities: round.expire_identities()?,
        ended_grants: ended_grants?,
    })
}

/// Settles everything that can be settled now: closes every ended hour, also if late usage of it is still being
/// collected, and pays the arrears of every company.
///
/// # Errors
/// Those of the store; finished work stays done, and the next call continues.
pub fn settle_all(charging: &Charging<'_>, worker: &str, now_s: i64) -> StoreResult<Settled> {
    let span = tracing::info_span!("settle_round", worker);
    let _entered = span.enter();
    let round = Round { charging, worker, now_s };
    let ended_grants = end_all_grants(charging, now_s);
    let priced = reprice(charging, now_s)?;
    let closed = round.close(HourFilter::EndedBy(now_s.saturating_sub(charging.config.charging.grace_s)))?;
    let mut arrears = ArrearsPaid::default();
    for company in charging.store.snapshot()?.companies()? {
        arrears.add(pay_arrears(charging, company.company_id, ZeroAmount::Skip, now_s)?);
    }
    Ok(Settled { priced, closed, arrears, expired_identities: 0, ended_grants: ended_grants? })
}

/// The number of ended hours that are still leased: by an import, by a server that is closing them, or by a process that
/// crashed and whose lease has not expired yet.
///
/// # Errors
/// Those of the store.
pub fn leased_hours(charging: &Charging<'_>, now_s: i64) -> StoreResult<usize> {
    let ended = HourFilter::EndedBy(now_s.saturating_sub(charging.config.charging.grace_s));
    // At the end of time every lease has expired, so that leased hours are listed too.
    Ok(charging.store.snapshot()?.due_hours(ended, i64::MAX, READ_HOURS)?.len())
}

struct Round<'a> {
    charging: &'a Charging<'a>,
    worker: &'a str,
    now_s: i64,
}

impl Round<'_> {
    fn due_hours(&self) -> HourFilter {
        let charging = &self.charging.config.charging;
        let gather_s = charging.gather_s.saturating_add(CLOCK_DIFFERENCE_S);
        HourFilter::DueOrMisdated { by_s: self.now_s, grace_s: charging.grace_s, gather_s }
    }

    /// Closes due hours. An hour that cannot be closed does not stop the others; it is tried again after its lease
    /// expires. The first error is returned at the end.
    fn close(&self, hours: HourFilter) -> StoreResult<Closed> {
        let Self { charging, worker, now_s } = *self;
        let leases = HourLeases::new(charging.store, worker, WORKER_LEASE_S, now_s);
        let mut closed = Closed::default();
        let mut first_error = None;
        // Companies that another writer has locked for too long: each further hour of theirs would be waited for as well.
        let mut locked = BTreeSet::new();
        loop {
            let due = charging.store.snapshot()?.due_hours(hours, now_s, READ_HOURS)?;
            let mut acquired = 0;
            for hour in due {
                note_progress();
                if locked.contains(&hour.company_id) {
                    continue;
                }
                let result = leases.acquire(&hour, now_s).and_then(|is_acquired| {
                    if !is_acquired {
                        return Ok(Closed::default());
                    }
                    acquired += 1;
                    close_hour(charging, &hour, worker, now_s)
                });
                match result {
                    Ok(of_hour) => closed.add(of_hour),
                    Err(error) if charging.is_outage(&error) => return Err(error),
                    Err(error) => {
                        let (company_id, bucket) = (hour.company_id, hour.bucket.start_s);
                        tracing::error!(%error, company_id, bucket, "closing an hour failed; will retry");
                        if matches!(error, StoreError::Locked { .. }) {
                            locked.insert(company_id);
                        }
                        first_error = first_error.or(Some(error));
                    }
                }
            }
            // The remaining hours are leased by other holders.
            if acquired == 0 {
                return first_error.map_or(Ok(closed), Err);
            }
        }
    }

    fn lease<'t>(&'t self, task: &'t str) -> TaskLease<'t> {
        TaskLease::new(self.charging.store, task, self.worker, WORKER_LEASE_S)
    }

    fn reprice(&self) -> StoreResult<u64> {
        if !needs_repricing(self.charging)? || !self.lease(REPRICING).acquire(self.now_s)? {
            return Ok(0);
        }
        reprice(self.charging, self.now_s)
    }

    /// Pays arrears once on each local day.
    fn pay_daily(&self) -> StoreResult<ArrearsPaid> {
        let Self { charging, now_s, .. } = *self;
        let mut paid = ArrearsPaid::default();
        let Some(at_s) = charging.config.charging.arrears_at_s else { return Ok(paid) };
        let mut snapshot = charging.store.snapshot()?;
        let offsets = snapshot.hour_offsets()?;
        let day = offsets.local_day(now_s);
        let complete = snapshot.setting(ARREARS_DAY)?.and_then(|text| text.parse::<i64>().ok());
        if offsets.time_of_day(now_s) < at_s || complete.is_some_and(|done| is_run_complete(done, day)) {
            return Ok(paid);
        }
        if let Some(done) = complete.filter(|done| *done > day) {
            let days_ahead = done.saturating_sub(day);
            tracing::warn!(
                days_ahead,
                "the daily run is marked as complete for a later day; the mark is ignored"
            );
        }
        let companies = snapshot.companies()?;
        drop(snapshot);
        let mut lease = self.lease(DAILY_ARREARS);
        for company in companies {
            note_progress();
            // Renewed for each company, so that the lease lasts as long as the run.
            if !lease.acquire(now_s)? {
                return Ok(paid);
            }
            paid.add(pay_company(charging, company.company_id, day, now_s)?);
        }
        set(charging.store, ARREARS_DAY, &day.to_string())?;
        Ok(paid)
    }

    /// Deletes usage identities that are older than the identity window, once an hour, if the time is believed.
    fn expire_identities(&self) -> StoreResult<u64> {
        let Self { charging, now_s, .. } = *self;
        let hour = hour_of(now_s).to_string();
        let mut snapshot = charging.store.snapshot()?;
        if snapshot.setting(EXPIRY_HOUR)?.as_deref() == Some(hour.as_str())
            || !self.lease(IDENTITY_EXPIRY).acquire(now_s)?
        {
            return Ok(0);
        }
        let companies = snapshot.companies()?;
        drop(snapshot);
        if !is_time_confirmed(charging.store, now_s)? {
            return set(charging.store, EXPIRY_HOUR, &hour).map(|()| 0);
        }
        let before_s = now_s.saturating_sub(charging.config.charging.identity_window_s);
        let mut expired = 0;
        for company in companies {
            loop {
                note_progress();
                let mut transaction = charging.store.begin()?;
                let batch =
                    transaction.expire_identities(company.company_id, before_s, EXPIRED_PER_TRANSACTION)?;
                if batch == 0 {
                    break;
                }
                transaction.commit()?;
                expired += batch as u64;
            }
        }
        set(charging.store, EXPIRY_HOUR, &hour)?;
        Ok(expired)
    }
}

fn set(store: &dyn Store, setting: &str, value: &str) -> StoreResult<()> {
    let mut transaction = store.begin()?;
    transaction.set_setting(setting, value)?;
    transaction.commit()
}

/// Whether a mark says that the run of a local day is complete. Clocks of servers and a change of the offset may put the mark
/// one day ahead; one that is further ahead is of a clock that was wrong, and no run would happen until that day.
const fn is_run_complete(marked_day: i64, day: i64) -> bool {
    marked_day == day || marked_day == day.saturating_add(1)
}

/// The daily arrears run of one company; does nothing before the time of the run, or if the day's run is complete.
///
/// # Errors
/// Those of the store; paid orders stay paid, and the next call continues.
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

/// Pays the arrears of a company that has arrears and something to spend, unless the day's run is complete.
fn pay_company(charging: &Charging<'_>, company_id: i64, day: i64, now_s: i64) -> StoreResult<ArrearsPaid> {
    let span = tracing::info_span!("pay_arrears", company_id);
    let _entered = span.enter();
    let kinds = charging.config.charging.arrears_sequence();
    let mut snapshot = charging.store.snapshot()?;
    let state = account_with_ended(snapshot.as_mut(), company_id, now_s)?;
    let can_spend = state.account.spendable(&kinds, now_s) > 0;
    let has_arrears = can_spend && !snapshot.arrears(company_id, 0, 1)?.is_empty();
    drop(snapshot);
    if is_run_complete(state.arrears_day, day) || !has_arrears {
        return Ok(ArrearsPaid::default());
    }
    let paid = pay_arrears(charging, company_id, ZeroAmount::Skip, now_s)?;
    // Set after the payments, so that an interrupted run is continued.
    let mut transaction = charging.store.begin()?;
    let mut account_tx = AccountTx::open(transaction.as_mut(), company_id, now_s)?;
    account_tx.state.arrears_day = day;
    account_tx.write(transaction.as_mut())?;
    transaction.commit()?;
    Ok(paid)
}
