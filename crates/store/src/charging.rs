//! What the store takes and gives around usage, settlement and accounts: plain values, no statements.

use std::sync::Arc;

use tollbook_domain::account::{Account, Cause, Deposit, Posting};
use tollbook_domain::rating::Rated;
use tollbook_domain::{Bucket, Catalogue, Line, Order, Usage};

use crate::StoredOrder;
use crate::lines::LineNo;

/// A usage record with what it is charged for, ready to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RatedUsage {
    /// The record.
    pub usage: Usage,
    /// What becomes of it.
    pub rated: Rated,
    /// Where its time lies.
    pub bucket: Bucket,
    /// Tells it from another one of the same identity.
    pub(crate) digest: [u8; 16],
}

impl RatedUsage {
    /// Takes the digest of the record, which need not be done while others wait.
    pub fn new(usage: Usage, rated: Rated, bucket: Bucket) -> Self {
        use sha2::Digest as _;
        let hash: [u8; 32] = sha2::Sha256::digest(usage.content()).into();
        let mut digest = [0; 16];
        digest.copy_from_slice(&hash[..16]);
        Self { usage, rated, bucket, digest }
    }
}

/// When and how usage comes in.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// The time, Unix seconds.
    pub now_s: i64,
    /// How long after its end an hour is closed.
    pub grace_s: i64,
    /// How long usage of an hour that is over is gathered, so that what comes late together becomes one order.
    pub gather_s: i64,
    /// Who will close the hours that this touches, until when at the latest: an import that goes on.
    pub hold: Option<Hold<'a>>,
    /// For the sizes of pricing units.
    pub catalogue: &'a Catalogue,
}

/// Keeps hours from being closed by others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hold<'a> {
    /// Name of the one who holds.
    pub holder: &'a str,
    /// Unix seconds; afterwards the holder is taken for dead.
    pub until_s: i64,
}

/// What became of a usage record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsageOutcome {
    /// It is stored, where its rating says.
    Accepted,
    /// The very same record was there already.
    Duplicate,
    /// Another record has its identity. Nothing was written for it.
    Conflict,
    /// The identities of its hour are not kept any more, so that nobody can tell whether it was there.
    Forgotten,
    /// Orders of its hour have been pruned.
    Pruned,
    /// The hour of its line would come to more than an order can hold.
    TooLarge,
}

/// An hour with usage that is not ordered yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueHour {
    /// Whose.
    pub company_id: i64,
    /// Which.
    pub bucket: Bucket,
    /// When it is to be closed.
    pub due_s: i64,
}

/// Which hours to list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Those that the server closes by now.
    By(i64),
    /// Those that ended by then, whether or not more is being gathered.
    EndedBy(i64),
}

/// A line's usage of one hour, taken out to become an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenUsage {
    /// Of the line whose orders are ordinary ones.
    pub line_no: LineNo,
    /// That line.
    pub line: Arc<Line>,
    /// Base units.
    pub quantity: i64,
    /// Records.
    pub records: i64,
    /// How many orders this line and hour have already.
    pub orders: i64,
}

/// An order that was made of usage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageOrder {
    /// Start of its bucket.
    pub bucket_start_s: i64,
    /// [`OpenUsage::line_no`].
    pub line_no: LineNo,
    /// [`OpenUsage::orders`].
    pub place: i64,
    /// Its number O.
    pub source_number: String,
    /// Base units.
    pub quantity: i64,
    /// Records.
    pub records: i64,
}

/// A company's accounts with the counters that go with them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountState {
    /// The accounts.
    pub account: Account,
    /// Ledger entries so far.
    pub entries: i64,
    /// Order and arrears numbers given so far.
    pub serial: i64,
    /// The last local day whose arrears run is done, days since 1970-01-01.
    pub arrears_day: i64,
}

/// A ledger entry as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerEntry {
    /// Counts from 0 within the company.
    pub entry_no: i64,
    /// When, Unix seconds.
    pub time_s: i64,
    /// What.
    pub entry: Posting,
}

impl LedgerEntry {
    /// Whether it took money for an order.
    pub fn is_deduction(&self) -> bool {
        self.entry.cause == Cause::Deduction
    }
}

/// A stretch of a company's ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LedgerRange {
    /// Number of the first entry.
    pub first: i64,
    /// How many.
    pub count: i64,
}

/// A deposit as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredDeposit {
    /// What came in.
    pub deposit: Deposit,
    /// Its ledger entries.
    pub entries: LedgerRange,
}

/// That an order was paid from the accounts here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// Number O.
    pub source_number: String,
    /// Its deductions.
    pub entries: LedgerRange,
}

/// An order that becomes another one: paid, revoked or refunded. Its line, its time and its numbers stay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderTransition {
    /// As it is stored.
    pub before: StoredOrder,
    /// What it becomes.
    pub after: Order,
}

/// A usage record that was not charged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnchargedUsage {
    /// The record.
    pub usage: Usage,
    /// Why, for one without a price; empty for a free one.
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

/// Where a list of records goes on: after this hour, source and id.
pub type UnchargedKey = (i64, String, String);

/// A key of the operator's own programs. What it is, only its owner knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorKey {
    /// SHA-256 of the key.
    pub digest: [u8; 32],
    /// For people.
    pub name: String,
    /// When it was made, Unix seconds.
    pub created_s: i64,
    /// A disabled key is unknown.
    pub disabled: bool,
}

/// What became of a price list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PutPrices {
    /// New ones.
    pub added: usize,
    /// Those that replaced one for the same model, SKU, condition and time.
    pub changed: usize,
    /// Those that were there.
    pub unchanged: usize,
}
