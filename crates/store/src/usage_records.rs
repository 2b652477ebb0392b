//! Stored usage records: which there are, in which orders they are, and how a correction changes them.

use std::sync::Arc;

use tollbook_domain::{Bucket, Line, Usage};

use crate::error::StoreResult;
use crate::lines::LineNo;
use crate::usage::{IntakeContext, RatedUsage, UsageOrder, UsageOutcome};

/// Key of a usage record within its company. Records of one source and id in one UTC day are one record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordKey {
    /// UTC day of its time.
    pub day: i64,
    /// Its source.
    pub source: String,
    /// Its id.
    pub id: String,
}

impl RecordKey {
    /// The key of a record.
    pub fn of(usage: &Usage) -> Self {
        Self { day: usage.day(), source: usage.source.clone(), id: usage.id.clone() }
    }
}

/// The source, if it is stated, and the id of a record.
pub type RecordName<'n> = (Option<&'n str>, &'n str);

/// Where a usage record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordState {
    /// In open hours or orders.
    Charged,
    /// On the list of free usage.
    Free,
    /// On the list of usage without a price.
    Unpriced,
    /// Taken out by a correction.
    Voided,
}

/// Why a record cannot be corrected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordLock {
    /// Orders of its hour were pruned.
    Pruned,
    /// Identities of its day have expired.
    Expired,
    /// A version of the program stored it that did not keep all of it.
    EarlierVersion,
}

/// What a record adds to a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredCharge {
    /// The line; its order type is that of ordinary orders.
    pub line_no: LineNo,
    /// Base units.
    pub quantity: i64,
    /// 0, or one more than the sequence number of the order of line and hour that it is in.
    pub pin: i64,
}

/// A usage record as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRecord {
    /// Its key.
    pub key: RecordKey,
    /// Unix seconds.
    pub time_s: i64,
    /// Where it is.
    pub state: RecordState,
    /// Start of its bucket, Unix seconds.
    pub bucket_start_s: i64,
    /// What it adds to lines. A voided record keeps what it added.
    pub charges: Vec<StoredCharge>,
    /// [`OpenUsage::close_no`](crate::OpenUsage::close_no) when it was accepted.
    pub close_no: i64,
    /// The whole record; `None` if not all of it was kept.
    pub usage: Option<Usage>,
    /// Why it cannot be corrected, if it cannot.
    pub lock: Option<RecordLock>,
}

impl StoredRecord {
    /// The order that a charge of it is in, among the orders of usage of its company; `None` if it is in the open hour.
    /// `orders` are in the order of their sequence numbers.
    pub fn order_of<'o>(&self, charge: &StoredCharge, orders: &'o [UsageOrder]) -> Option<&'o UsageOrder> {
        orders.iter().find(|order| {
            (order.bucket_start_s, order.line_no) == (self.bucket_start_s, charge.line_no)
                && match charge.pin {
                    0 => order.close_no >= self.close_no,
                    pin => order.sequence_no == pin - 1,
                }
        })
    }
}

/// An hour with usage records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsageHour {
    /// UTC hour, counted from 1970.
    pub hour: i64,
    /// How many records it has.
    pub records: i64,
    /// Whether its identities have expired.
    pub is_expired: bool,
}

/// Reads of stored usage records and the orders that they are in.
pub trait RecordReads {
    /// For each name all records that have its id and source, or its id and any source; oldest first.
    fn find_records(
        &mut self,
        company_id: i64,
        names: &[RecordName<'_>],
    ) -> StoreResult<Vec<Vec<StoredRecord>>>;

    /// The records of these keys, in the order of the keys.
    fn records_by_keys(
        &mut self,
        company_id: i64,
        keys: &[RecordKey],
    ) -> StoreResult<Vec<Option<StoredRecord>>>;

    /// Records of a UTC day with times in `[from_s, to_s)`, by source and id, after the source and id of `after`; reads up
    /// to `limit` records. Returns also the last source and id that were read; `None` if there are no more.
    fn records_of_day(
        &mut self,
        company_id: i64,
        range: &DayRange,
        after: Option<&RecordKey>,
        limit: i64,
    ) -> StoreResult<(Vec<StoredRecord>, Option<RecordKey>)>;

    /// The hours from `first` to `last` that have records.
    fn usage_hours(&mut self, company_id: i64, first: i64, last: i64) -> StoreResult<Vec<UsageHour>>;

    /// The orders of usage of these buckets and lines, by bucket, line and sequence number.
    fn usage_orders(&mut self, company_id: i64, places: &[(i64, LineNo)]) -> StoreResult<Vec<UsageOrder>>;

    /// The order of usage of a number O in a bucket.
    fn usage_order_by_number(
        &mut self,
        company_id: i64,
        bucket_start_s: i64,
        source_number: &str,
    ) -> StoreResult<Option<UsageOrder>>;
}

/// Records of one UTC day whose times are in a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayRange {
    /// The day, counted from 1970.
    pub day: i64,
    /// First time, Unix seconds.
    pub from_s: i64,
    /// The time after the last one, Unix seconds.
    pub to_s: i64,
}

/// A change of the open usage of a line and hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenChange {
    /// The hour.
    pub bucket: Bucket,
    /// The line.
    pub line_no: LineNo,
    /// Added base units; negative: taken out.
    pub quantity: i64,
    /// Added records; negative: taken out.
    pub records: i64,
}

/// The new content of a stored record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordChange {
    /// The record as it is stored.
    pub before: StoredRecord,
    /// What it becomes: `None`, voided; otherwise the record with the identity of `before`, and what it adds to lines.
    pub after: Option<(RatedUsage, Vec<StoredCharge>)>,
}

/// Changes of stored usage records. The company must be locked since before the records were read.
pub trait RecordWrites {
    /// The numbers of lines; lines that are new are added.
    fn line_numbers(&mut self, company_id: i64, lines: &[Arc<Line>]) -> StoreResult<Vec<LineNo>>;

    /// Changes open usage, and the hours that are due with it. Returns `Accepted`; `TooLarge` if an order could not hold a
    /// sum, or `Pruned` if usage is added to an hour whose orders were pruned: the transaction must not be committed then.
    fn change_open_usage(
        &mut self,
        company_id: i64,
        changes: &[OpenChange],
        context: &IntakeContext<'_>,
    ) -> StoreResult<UsageOutcome>;

    /// Changes number, quantity and records of orders of usage.
    fn change_usage_orders(&mut self, company_id: i64, orders: &[UsageOrder]) -> StoreResult<()>;

    /// Changes stored records, and the lists of records that are not charged with them.
    fn change_records(&mut self, company_id: i64, changes: &[RecordChange], now_s: i64) -> StoreResult<()>;
}
