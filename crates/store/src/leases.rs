//! Leases: the exclusive right to work on something until a time. A holder renews its lease while it works. If it
//! crashes, the lease expires, and another holder can acquire it. An expired lease that no other holder has acquired can
//! still be renewed.
//!
//! Times are those of the holders' clocks. A lease that ends later than the longest lease of its kind would was written by
//! a clock that was wrong, and counts as expired: without this rule, seconds of a clock that is a month ahead would stop the
//! work for a month.

use crate::error::StoreResult;

/// A lease that is acquired or renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease<'a> {
    /// Name of the holder.
    pub holder: &'a str,
    /// When it expires, Unix seconds.
    pub until_s: i64,
}

/// The row that a lease is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseKey<'a> {
    /// An hour with usage that is not ordered yet. A holder may acquire its own lease again. Unless its company is locked,
    /// a transaction acquires one hour only: two transactions that lock several rows could deadlock.
    Hour {
        /// The company.
        company_id: i64,
        /// Start of the hour's bucket, Unix seconds.
        bucket_start_s: i64,
    },
    /// An export job. To acquire it starts an attempt: the job runs, its progress is 0 and its attempts are counted. To
    /// release it lets the job wait again. A holder is the name of one attempt and cannot acquire its own lease again.
    ExportJob {
        /// The company.
        company_id: i64,
        /// The job.
        job_id: &'a str,
    },
    /// A task of the deployment. A holder may acquire its own lease again.
    Task(&'a str),
}

impl LeaseKey<'_> {
    /// A lease that ends at this time or later is not believed at `now_s`. Holders whose clocks differ by less than ten
    /// minutes respect each other's leases.
    pub(crate) const fn unbelievable_from_s(self, now_s: i64) -> i64 {
        // At the beginning of time no lease has expired, for whatever reason.
        if now_s == i64::MIN {
            return i64::MAX;
        }
        let longest_s = match self {
            Self::Hour { .. } => LONGEST_HOUR_LEASE_S,
            Self::ExportJob { .. } | Self::Task(_) => LONGEST_LEASE_S,
        };
        now_s.saturating_add(longest_s)
    }
}

/// The longest lease on an hour, in seconds, and how far clocks may differ. The quickstart leases hours for an hour.
const LONGEST_HOUR_LEASE_S: i64 = 3_600 + 600;
/// The same of other leases, which last for 65 seconds at most.
const LONGEST_LEASE_S: i64 = 65 + 600;

/// Changes of leases.
pub trait Leases {
    /// Acquires a lease that is free, has expired at `now_s`, cannot be right at `now_s` or, except on an export job,
    /// belongs to the holder. If several transactions try at once, one succeeds. `false` if another holder has it, or if
    /// there is nothing to lease. If `now_s` is `i64::MIN`, no lease has expired.
    fn acquire(&mut self, key: LeaseKey<'_>, lease: &Lease<'_>, now_s: i64) -> StoreResult<bool>;

    /// Sets the time at which a lease of the holder expires. `false` if another holder has it.
    fn renew(&mut self, key: LeaseKey<'_>, lease: &Lease<'_>) -> StoreResult<bool>;

    /// The same for the leases of a holder on all hours of a company, which must be locked.
    fn renew_hours(&mut self, company_id: i64, lease: &Lease<'_>) -> StoreResult<()>;

    /// The holder of the lease on a task, and when it expires; `None` if it is released.
    fn task_lease(&mut self, task: &str) -> StoreResult<Option<(String, i64)>>;

    /// Ends a lease of a holder. `false` if another holder has it.
    fn release(&mut self, key: LeaseKey<'_>, holder: &str) -> StoreResult<bool>;
}
