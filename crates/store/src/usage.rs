//! Usage: accepted records, open hours that are not ordered yet, and records that are not charged.

use std::sync::Arc;

use tollbook_domain::rating::Rated;
use tollbook_domain::{Bucket, Catalogue, Line, OrderQuery, Usage};

use crate::error::StoreResult;
use crate::leases::{Lease, LeaseKey};
use crate::lines::LineNo;

/// A usage record with its charges, ready to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RatedUsage {
    /// The record.
    pub usage: Usage,
    /// Its rating.
    pub rated: Rated,
    /// The hour that contains its time.
    pub bucket: Bucket,
    /// Distinguishes it from another record of the same identity: of the content without the time.
    pub(crate) digest: [u8; 16],
}

impl RatedUsage {
    /// Computes the digest of the record here, so that it is not computed while a lock is held.
    pub fn new(usage: Usage, rated: Rated, bucket: Bucket) -> Self {
        let digest = digest_of(&usage.content());
        Self { usage, rated, bucket, digest }
    }
}

/// The first half of a SHA-256.
pub(crate) fn digest_of(content: &[u8]) -> [u8; 16] {
    use sha2::Digest as _;
    let hash: [u8; 32] = sha2::Sha256::digest(content).into();
    let mut digest = [0; 16];
    digest.copy_from_slice(&hash[..16]);
    digest
}

/// The time and the rules under which usage is accepted.
#[derive(Clone, Copy, Debug)]
pub struct IntakeContext<'a> {
    /// The time, Unix seconds.
    pub now_s: i64,
    /// An hour is closed this many seconds after its end.
    pub grace_s: i64,
    /// Late usage of an hour that has ended is collected for this many seconds, so that it becomes one order.
    pub gather_s: i64,
    /// Acquired on the hour of every record, even if another holder has it: for an import that will close these hours.
    pub lease: Option<Lease<'a>>,
    /// The catalogue, for the sizes of pricing units.
    pub catalogue: &'a Catalogue,
}

/// Result of storing a usage record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsageOutcome {
    /// The record was stored as rated.
    Accepted,
    /// A record with its identity and its content, except for the time, was in the store already.
    Duplicate,
    /// A record with its identity and other content is in the store. Nothing was written for it.
    Conflict,
    /// Identities of hours within 24 hours of it have expired, so that it is unknown whether it was in the store.
    Expired,
    /// Orders of its hour have been pruned.
    Pruned,
    /// The hour of its line would exceed the maximum of an order.
    TooLarge,
}

/// An hour with usage that is not ordered yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueHour {
    /// The company.
    pub company_id: i64,
    /// The hour.
    pub bucket: Bucket,
    /// When the hour is to be closed, Unix seconds.
    pub due_s: i64,
}

impl DueHour {
    /// The key of its lease.
    pub fn lease_key(&self) -> LeaseKey<'static> {
        LeaseKey::Hour { company_id: self.company_id, bucket_start_s: self.bucket.start_s }
    }
}

/// Which hours to list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HourFilter {
    /// Those that are due at this time, Unix seconds.
    DueBy(i64),
    /// Those that ended by this time, even if late usage is still collected.
    EndedBy(i64),
    /// Those that are due at `by_s`, and those that are over but due later than any usage that arrives now would be: their
    /// usage arrived while the clock was wrong, and would otherwise not be charged until that time comes.
    DueOrMisdated {
        /// Unix seconds.
        by_s: i64,
        /// How long after its end an hour is closed, in seconds.
        grace_s: i64,
        /// How long late usage is collected, in seconds.
        gather_s: i64,
    },
}

/// Usage of one line and hour, removed from the open hour to become an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenUsage {
    /// Number of the line; its order type is that of ordinary orders.
    pub line_no: LineNo,
    /// The line.
    pub line: Arc<Line>,
    /// Base units.
    pub quantity: i64,
    /// Number of records.
    pub records: i64,
    /// Number of orders that this line and hour already have.
    pub orders: i64,
    /// How many transactions had taken usage out of open hours of the company before this one.
    pub close_no: i64,
}

/// An order that was created from usage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageOrder {
    /// Start of its bucket, Unix seconds.
    pub bucket_start_s: i64,
    /// [`OpenUsage::line_no`].
    pub line_no: LineNo,
    /// [`OpenUsage::orders`]: 0 for the first order of the line and hour.
    pub sequence_no: i64,
    /// Its number O.
    pub source_number: String,
    /// Base units.
    pub quantity: i64,
    /// Number of records.
    pub records: i64,
    /// [`OpenUsage::close_no`]. A record that was accepted with a number up to this one, and with a greater number than
    /// that of the order before, is in this order.
    pub close_no: i64,
}

/// A usage record that was not charged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnchargedUsage {
    /// The record.
    pub usage: Usage,
    /// Why it has no price; empty if it is free.
    pub reason: String,
}

/// The two lists of usage that is not charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uncharged {
    /// It costs nothing.
    Free,
    /// It has no price.
    Unpriced,
}

/// Key after which a list of records continues: hour, source and id.
pub type UnchargedKey = (i64, String, String);

/// Usage that is not ordered yet.
pub trait UsageReads {
    /// Hours of all companies with usage that is not ordered yet and on which there is no lease at `now_s`, oldest
    /// first.
    fn due_hours(&mut self, filter: HourFilter, now_s: i64, limit: i64) -> StoreResult<Vec<DueHour>>;

    /// Hours on which a holder has a lease, including expired ones.
    fn leased_hours(&mut self, holder: &str) -> StoreResult<Vec<DueHour>>;

    /// The total amount of the open hours that match a query's range, filters and key, in 10⁻⁸ currency units. Each
    /// line is rounded as its order would be. Open hours have no order number, so a query for numbers returns 0.
    fn pending(&mut self, query: &OrderQuery, catalogue: &Catalogue) -> StoreResult<i128>;
}

/// Accepting usage.
pub trait UsageWrites {
    /// Stores usage records of one company and returns the result for each. Charged records are added to the open hours
    /// of their lines in the same transaction.
    fn add_usage(
        &mut self,
        company_id: i64,
        records: &[RatedUsage],
        context: &IntakeContext<'_>,
    ) -> StoreResult<Vec<UsageOutcome>>;

    /// Whether the store has ever accepted usage.
    fn has_usage(&mut self) -> StoreResult<bool>;
}

/// Listing usage that was not charged.
pub trait UnchargedReads {
    /// Usage of a company that was not charged, by hour, source and id.
    fn uncharged_usage(
        &mut self,
        company_id: i64,
        uncharged: Uncharged,
        after: Option<&UnchargedKey>,
        limit: i64,
    ) -> StoreResult<Vec<UnchargedUsage>>;
}

/// Charging usage that had no price.
pub trait UnchargedWrites {
    /// Charges records that had no price and now have one: removes them from the list and stores them as
    /// [`UsageWrites::add_usage`] would. Skips records that are not on the list. Returns how many were charged.
    fn price_usage(
        &mut self,
        company_id: i64,
        records: &[RatedUsage],
        context: &IntakeContext<'_>,
    ) -> StoreResult<usize>;
}

/// Closing hours.
pub trait HourClosing {
    /// Removes the usage of up to `limit` lines from an open hour, by line number. The caller must add its orders in
    /// the same transaction. If no usage remains, the hour is no longer due.
    fn take_open_usage(
        &mut self,
        company_id: i64,
        bucket: Bucket,
        limit: i64,
        catalogue: &Catalogue,
    ) -> StoreResult<Vec<OpenUsage>>;

    /// Records which orders were created from usage.
    fn add_usage_orders(&mut self, company_id: i64, orders: &[UsageOrder]) -> StoreResult<()>;
}
