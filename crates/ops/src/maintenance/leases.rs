//! Leases: the exclusive right to work on open hours, or on a task of the deployment, until a time. A holder renews its
//! leases while it works. If it crashes, they expire, and another process can acquire them.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use tollbook_store::{DueHour, Lease, LeaseKey, Store, StoreResult, Transaction};

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

/// Whether a quarter of a lease's length has passed since its last renewal, or the clock was set back since: the lease may
/// then end at a time that is not believed.
const fn is_renewal_due(now_s: i64, renewed_s: i64, length_s: i64) -> bool {
    now_s < renewed_s || now_s >= renewed_s.saturating_add(length_s / RENEWALS_PER_LENGTH)
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
    pub(crate) const fn lease(&self, now_s: i64) -> Lease<'a> {
        Lease { holder: self.holder, until_s: now_s.saturating_add(self.length_s) }
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
        transaction.acquire(hour.lease_key(), &self.lease(now_s), now_s)
    }

    /// The leased hours.
    pub(crate) fn hours(&self) -> StoreResult<Vec<DueHour>> {
        self.store.snapshot()?.leased_hours(self.holder)
    }

    /// Renews all leases if a quarter of their length has passed since the last renewal.
    pub(crate) fn renew_if_due(&mut self, now_s: i64) -> StoreResult<()> {
        if !is_renewal_due(now_s, self.renewed_s, self.length_s) {
            return Ok(());
        }
        let companies: BTreeSet<i64> = self.hours()?.iter().map(|hour| hour.company_id).collect();
        for company_id in companies {
            // The company is locked first, as by every transaction that adds usage to its hours.
            let mut transaction = self.store.begin()?;
            transaction.lock_company(company_id)?;
            transaction.renew_hours(company_id, &self.lease(now_s))?;
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
        transaction.release(hour.lease_key(), self.holder)?;
        Ok(())
    }
}

/// A lease on a task that one process of the deployment does at a time.
pub(crate) struct TaskLease<'a> {
    store: &'a dyn Store,
    task: &'a str,
    holder: &'a str,
    length_s: i64,
    renewed_s: i64,
}

impl<'a> TaskLease<'a> {
    /// The lease of `holder` on a task, not acquired yet.
    pub(crate) const fn new(store: &'a dyn Store, task: &'a str, holder: &'a str, length_s: i64) -> Self {
        Self { store, task, holder, length_s, renewed_s: i64::MIN }
    }

    /// Acquires or renews the lease; `false` while another holder has it.
    pub(crate) fn acquire(&mut self, now_s: i64) -> StoreResult<bool> {
        let mut transaction = self.store.begin()?;
        let is_acquired = self.acquire_in(transaction.as_mut(), now_s, now_s)?;
        if is_acquired {
            transaction.commit()?;
        }
        Ok(is_acquired)
    }

    /// Acquires a lease that is free, belongs to the holder, or expires at `expired_s` or earlier.
    fn acquire_in(
        &mut self,
        transaction: &mut dyn Transaction,
        now_s: i64,
        expired_s: i64,
    ) -> StoreResult<bool> {
        let is_acquired = transaction.acquire(LeaseKey::Task(self.task), &self.lease(now_s), expired_s)?;
        if is_acquired {
            self.renewed_s = now_s;
        }
        Ok(is_acquired)
    }

    /// Polls until the lease is acquired. `on_wait` is called if another holder has it.
    ///
    /// The holder may be on a machine with another time. Its lease counts as expired when it was not renewed for the
    /// length of a lease, measured here.
    pub(crate) fn wait(
        mut self,
        clock: &dyn Clock,
        on_wait: impl FnOnce(),
    ) -> StoreResult<AcquiredTaskLease<'a>> {
        let length = Duration::from_secs(self.length_s.unsigned_abs());
        let mut on_wait = Some(on_wait);
        let mut observed = ObservedLease::default();
        loop {
            let mut transaction = self.store.begin()?;
            let current = transaction.task_lease(self.task)?;
            let expired_s = match &current {
                Some((_, until_s)) if observed.is_unchanged_for(length, current.as_ref(), Instant::now()) => {
                    *until_s
                }
                _ => i64::MIN,
            };
            if self.acquire_in(transaction.as_mut(), clock.now_s(), expired_s)? {
                transaction.commit()?;
                return Ok(AcquiredTaskLease(self));
            }
            drop(transaction);
            if let Some(on_wait) = on_wait.take() {
                on_wait();
            }
            std::thread::sleep(POLL_INTERVAL);
        }
    }

    const fn lease(&self, now_s: i64) -> Lease<'a> {
        Lease { holder: self.holder, until_s: now_s.saturating_add(self.length_s) }
    }
}

/// The lease of another holder, as last read.
#[derive(Default)]
struct ObservedLease {
    lease: Option<(String, i64)>,
    since: Option<Instant>,
}

impl ObservedLease {
    /// Whether the lease that is read now was already read this long ago.
    fn is_unchanged_for(&mut self, length: Duration, lease: Option<&(String, i64)>, now: Instant) -> bool {
        if self.lease.as_ref() != lease {
            self.lease = lease.cloned();
            self.since = None;
        }
        now.duration_since(*self.since.get_or_insert(now)) >= length
    }
}

/// An acquired lease on a task, released when dropped.
pub(crate) struct AcquiredTaskLease<'a>(TaskLease<'a>);

impl AcquiredTaskLease<'_> {
    /// Renews the lease if a quarter of its length has passed since the last renewal; `false` if another holder has
    /// acquired it after it expired.
    pub(crate) fn renew_if_due(&mut self, now_s: i64) -> StoreResult<bool> {
        let lease = &mut self.0;
        if !is_renewal_due(now_s, lease.renewed_s, lease.length_s) {
            return Ok(true);
        }
        let mut transaction = lease.store.begin()?;
        let is_renewed = transaction.renew(LeaseKey::Task(lease.task), &lease.lease(now_s))?;
        transaction.commit()?;
        lease.renewed_s = now_s;
        Ok(is_renewed)
    }

    fn release(&self) -> StoreResult<()> {
        let mut transaction = self.0.store.begin()?;
        transaction.release(LeaseKey::Task(self.0.task), self.0.holder)?;
        transaction.commit()
    }
}

impl Drop for AcquiredTaskLease<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.release() {
            tracing::warn!(%error, task = self.0.task, "releasing a lease failed; it will expire");
        }
    }
}

#[cfg(test)]
mod tests {
    use tollbook_store::{StoreOptions, open_sqlite};

    use super::*;
    use crate::clock::SystemClock;

    const TASK: &str = "task";

    #[test]
    fn a_lease_expires_when_it_is_not_renewed() {
        let length = Duration::from_secs(10);
        let start = Instant::now();
        let mut observed = ObservedLease::default();
        let mut is_unchanged_at = |seconds, holder: &str, until_s| {
            let lease = Some((holder.to_owned(), until_s));
            observed.is_unchanged_for(length, lease.as_ref(), start + Duration::from_secs(seconds))
        };
        assert!(!is_unchanged_at(0, "a", 5));
        assert!(!is_unchanged_at(9, "a", 5));
        assert!(!is_unchanged_at(10, "a", 6), "renewed");
        assert!(!is_unchanged_at(19, "a", 6));
        assert!(!is_unchanged_at(20, "b", 6), "acquired by another holder");
        assert!(is_unchanged_at(30, "b", 6));
    }

    #[test]
    fn a_lease_is_renewed_when_the_clock_is_set_back() {
        for (now_s, is_due) in [(100, false), (104, false), (105, true), (99, true), (-1_000_000, true)] {
            assert_eq!(is_renewal_due(now_s, 100, 20), is_due, "{now_s}");
        }
        assert!(is_renewal_due(0, i64::MIN, 20));
    }

    #[test]
    fn waiting_compares_no_clocks() {
        let directory = tempfile::tempdir().unwrap();
        let store = open_sqlite(&directory.path().join("tollbook.db"), &StoreOptions::default()).unwrap();
        // The clock of a crashed holder was a day ahead, that of a working one is a day behind.
        let day_s = 86_400;
        let mut crashed = TaskLease::new(store.as_ref(), TASK, "crashed", 1);
        assert!(crashed.acquire(SystemClock.now_s() + day_s).unwrap());
        let mut waited = false;
        let lease =
            TaskLease::new(store.as_ref(), TASK, "next", 1).wait(&SystemClock, || waited = true).unwrap();
        assert!(waited);
        drop(lease);
        let mut behind = TaskLease::new(store.as_ref(), TASK, "behind", 1);
        assert!(behind.acquire(SystemClock.now_s() - day_s).unwrap());
        let mut behind = AcquiredTaskLease(behind);
        let mut is_renewed = false;
        let on_wait = || is_renewed = behind.renew_if_due(SystemClock.now_s() - day_s + 1).unwrap();
        let lease = TaskLease::new(store.as_ref(), TASK, "next", 1).wait(&SystemClock, on_wait).unwrap();
        assert!(is_renewed, "the lease of the working holder was not taken over at once");
        drop(lease);
    }
}
