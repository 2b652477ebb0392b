//! Leases: the exclusive right to work on open hours, or on a task of the deployment, until a time. A holder renews its
//! leases while it works. If it crashes, they expire, and another process can acquire them.

use std::collections::BTreeSet;
use std::time::Duration;

use tollbook_store::{DueHour, Hold, Store, StoreResult, Transaction};

use crate::clock::Clock;
use crate::random;

/// Length of the leases of workers, in seconds. If a worker crashes, its hour stays open until the lease expires.
pub(crate) const WORKER_LEASE_S: i64 = 8;
/// A lease is renewed after this fraction of its length.
const RENEWALS_PER_LENGTH: i64 = 4;
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// Characters of the random part of a holder name.
const HOLDER_CHARACTERS: usize = 12;

/// A name for a holder of leases that no other process has.
pub fn holder_name(role: &str) -> String {
    format!("{role} {}", random::token_lower(HOLDER_CHARACTERS))
}

/// The leases of one holder on hours with open usage. While an hour is leased, only its holder closes it.
pub(crate) struct HourLeases<'a> {
    store: &'a dyn Store,
    holder: &'a str,
    length_s: i64,
    renewed_s: i64,
}

impl<'a> HourLeases<'a> {
    pub(crate) const fn new(store: &'a dyn Store, holder: &'a str, length_s: i64, now_s: i64) -> Self {
        Self { store, holder, length_s, renewed_s: now_s }
    }

    pub(crate) const fn holder(&self) -> &'a str {
        self.holder
    }

    /// A lease that begins now.
    pub(crate) const fn lease(&self, now_s: i64) -> Hold<'a> {
        Hold { holder: self.holder, until_s: now_s.saturating_add(self.length_s) }
    }

    /// Leases an hour, or renews its lease; `false` if another holder has it or it is closed.
    pub(crate) fn acquire(&self, hour: &DueHour, now_s: i64) -> StoreResult<bool> {
        let mut transaction = self.store.begin()?;
        let is_acquired = self.acquire_in(transaction.as_mut(), hour, now_s)?;
        if is_acquired {
            transaction.commit()?;
        }
        Ok(is_acquired)
    }

    /// [`Self::acquire`] within a larger transaction.
    pub(crate) fn acquire_in(
        &self,
        transaction: &mut dyn Transaction,
        hour: &DueHour,
        now_s: i64,
    ) -> StoreResult<bool> {
        transaction.hold_hour(hour, now_s, &self.lease(now_s))
    }

    /// The leased hours.
    pub(crate) fn hours(&self) -> StoreResult<Vec<DueHour>> {
        self.store.snapshot()?.held_hours(self.holder)
    }

    /// Renews all leases if a quarter of their length has passed since the last renewal.
    pub(crate) fn renew_if_due(&mut self, now_s: i64) -> StoreResult<()> {
        if now_s < self.renewed_s.saturating_add(self.length_s / RENEWALS_PER_LENGTH) {
            return Ok(());
        }
        let companies: BTreeSet<i64> = self.hours()?.iter().map(|hour| hour.company_id).collect();
        for company_id in companies {
            // The company is locked first, as by every transaction that adds usage to its hours.
            let mut transaction = self.store.begin()?;
            transaction.lock_company(company_id)?;
            transaction.renew_holds(company_id, &self.lease(now_s))?;
            transaction.commit()?;
        }
        self.renewed_s = now_s;
        Ok(())
    }

    /// Ends the lease on an hour.
    pub(crate) fn release(&self, hour: &DueHour) -> StoreResult<()> {
        let mut transaction = self.store.begin()?;
        self.release_in(transaction.as_mut(), hour)?;
        transaction.commit()
    }

    /// [`Self::release`] within a larger transaction.
    pub(crate) fn release_in(&self, transaction: &mut dyn Transaction, hour: &DueHour) -> StoreResult<()> {
        transaction.release_hour(hour, self.holder)
    }
}

/// A lease on a task that one process of the deployment does at a time. It is stored as the setting `lease TASK`, with
/// the time at which it expires and its holder.
pub(crate) struct TaskLease<'a> {
    store: &'a dyn Store,
    setting: String,
    holder: &'a str,
    length_s: i64,
    renewed_s: i64,
}

impl<'a> TaskLease<'a> {
    /// The lease of `holder` on a task, not acquired yet.
    pub(crate) fn new(store: &'a dyn Store, task: &str, holder: &'a str, length_s: i64) -> Self {
        Self { store, setting: format!("lease {task}"), holder, length_s, renewed_s: i64::MIN }
    }

    /// Acquires or renews the lease; `false` while another holder has it.
    pub(crate) fn acquire(&mut self, now_s: i64) -> StoreResult<bool> {
        let own = self.holder;
        self.set(now_s, |until_s, holder| holder == own || until_s <= now_s)
    }

    /// Polls until the lease is acquired. `on_wait` is called if another holder has it.
    pub(crate) fn wait(
        mut self,
        clock: &dyn Clock,
        on_wait: impl FnOnce(),
    ) -> StoreResult<AcquiredTaskLease<'a>> {
        let mut on_wait = Some(on_wait);
        while !self.acquire(clock.now_s())? {
            if let Some(on_wait) = on_wait.take() {
                on_wait();
            }
            std::thread::sleep(POLL_INTERVAL);
        }
        Ok(AcquiredTaskLease(self))
    }

    /// Writes the lease if none is stored or `may_replace` accepts the stored one, given as its end and its holder.
    fn set(&mut self, now_s: i64, may_replace: impl FnOnce(i64, &str) -> bool) -> StoreResult<bool> {
        let mut transaction = self.store.begin()?;
        transaction.hold(&self.setting)?;
        let stored = transaction.setting(&self.setting)?.unwrap_or_default();
        if parse(&stored).is_some_and(|(until_s, holder)| !may_replace(until_s, holder)) {
            return Ok(false);
        }
        let until_s = now_s.saturating_add(self.length_s);
        transaction.set_setting(&self.setting, &format!("{until_s} {}", self.holder))?;
        transaction.commit()?;
        self.renewed_s = now_s;
        Ok(true)
    }
}

/// An acquired lease on a task, released when dropped.
pub(crate) struct AcquiredTaskLease<'a>(TaskLease<'a>);

impl AcquiredTaskLease<'_> {
    /// Renews the lease if a quarter of its length has passed since the last renewal; `false` if another holder has
    /// acquired it after it expired.
    pub(crate) fn renew_if_due(&mut self, now_s: i64) -> StoreResult<bool> {
        let lease = &mut self.0;
        if now_s < lease.renewed_s.saturating_add(lease.length_s / RENEWALS_PER_LENGTH) {
            return Ok(true);
        }
        let own = lease.holder;
        lease.set(now_s, |_, holder| holder == own)
    }

    fn release(&self) -> StoreResult<()> {
        let TaskLease { store, setting, holder, .. } = &self.0;
        let mut transaction = store.begin()?;
        transaction.hold(setting)?;
        let stored = transaction.setting(setting)?.unwrap_or_default();
        if parse(&stored).is_some_and(|(_, stored_holder)| stored_holder == *holder) {
            transaction.set_setting(setting, "")?;
            transaction.commit()?;
        }
        Ok(())
    }
}

impl Drop for AcquiredTaskLease<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.release() {
            let lease = self.0.setting.as_str();
            tracing::warn!(%error, lease, "releasing a lease failed; it will expire");
        }
    }
}

/// The end and the holder of a stored lease; `None` for a released one.
fn parse(stored: &str) -> Option<(i64, &str)> {
    let (until_s, holder) = stored.split_once(' ')?;
    Some((until_s.parse().ok()?, holder))
}
