//! Leases: the exclusive right to work on open hours, or on a task of the deployment, until a time. A holder renews its
//! leases while it works. If it crashes, they expire, and another process can acquire them.

use std::collections::BTreeSet;
use std::time::Duration;

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
        if now_s < self.renewed_s.saturating_add(self.length_s / RENEWALS_PER_LENGTH) {
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
        let is_acquired = transaction.acquire(LeaseKey::Task(self.task), &self.lease(now_s), now_s)?;
        if is_acquired {
            transaction.commit()?;
            self.renewed_s = now_s;
        }
        Ok(is_acquired)
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

    const fn lease(&self, now_s: i64) -> Lease<'a> {
        Lease { holder: self.holder, until_s: now_s.saturating_add(self.length_s) }
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
