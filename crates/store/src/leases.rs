//! Leases: the exclusive right to work on something until a time. A holder renews its lease while it works. If it
//! crashes, the lease expires, and another holder can acquire it. An expired lease that no other holder has acquired can
//! still be renewed.

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

/// Changes of leases.
pub trait Leases {
    /// Acquires a lease that is free, has expired at `now_s` or, except on an export job, belongs to the holder. If
    /// several transactions try at once, one succeeds. `false` if another holder has it, or if there is nothing to
    /// lease.
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
