//! The parts in which a database is verified, and what a walk over one part hands to the next. Data alone: nothing here
//! reads a database.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::time::Duration;

use tollbook_domain::Status;
use tollbook_domain::account::{AccountKind, Cause, PerKind, Posting};
use tollbook_domain::time::civil_of_day;

use crate::sql::driver::table::Table;

/// A part of a database that is verified by itself.
#[derive(Clone, Debug)]
pub struct VerificationPart(pub(crate) Part);

impl VerificationPart {
    /// What is compared, in one word: a label of metrics.
    pub const fn kind(&self) -> &'static str {
        self.0.kind()
    }

    /// The company whose rows are compared; `None` if they belong to no company.
    pub const fn company_id(&self) -> Option<i64> {
        self.0.company_id()
    }
}

/// How large the parts of a verification are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartSizes {
    /// Most orders, ledger entries and usage records of a company that is verified at once.
    pub company_rows: i64,
    /// Orders of a day that are recounted at once; the hours of a larger day are recounted one by one.
    pub day_orders: i64,
    /// Orders of an hour that are recounted. A larger hour is skipped.
    pub hour_orders: i64,
    /// Usage records of a day that are recounted. A larger day is skipped.
    pub day_records: i64,
    /// Longest time that the check of the storage of a table, or of the whole file, may take. With more, the rows of the table
    /// are read some at a time.
    pub storage_time: Duration,
}

impl Default for PartSizes {
    fn default() -> Self {
        Self {
            company_rows: 2_000,
            day_orders: 20_000,
            hour_orders: 200_000,
            day_records: 200_000,
            storage_time: Duration::from_millis(500),
        }
    }
}

/// The kinds of parts; see [`VerificationPart::kind`].
pub const VERIFICATION_KINDS: [&str; 10] = [
    "accounts", "company", "digests", "exports", "lines", "numbers", "orders", "rollups", "storage", "usage",
];

/// For people: what is compared, and where.
impl std::fmt::Display for VerificationPart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// Result of the verification of a part.
#[derive(Clone, Debug, Default)]
pub struct VerifiedPart {
    /// One line of text per difference.
    pub differences: Vec<String>,
    /// Parts that are to be verified as well, because this one was divided or continues.
    pub follow_ups: Vec<VerificationPart>,
    /// Whether it was too large to be verified.
    pub is_skipped: bool,
}

/// A UTC day in text.
pub(crate) fn day_name(day: i64) -> String {
    let (year, month, day) = civil_of_day(day);
    format!("{year:04}-{month:02}-{day:02}")
}

/// A UTC hour in text.
pub(crate) fn hour_name(hour: i64) -> String {
    format!("{}T{:02}", day_name(hour.div_euclid(24)), hour.rem_euclid(24))
}

/// A UTC month in text.
pub(crate) fn month_name(month: i64) -> String {
    format!("{:04}-{:02}", month.div_euclid(12), month.rem_euclid(12) + 1)
}

/// Bucket, line and sequence number of an order that was made from usage.
pub(crate) type UsageOrderKey = [i64; 3];

/// A part of a database.
#[derive(Clone, Debug)]
pub(crate) enum Part {
    /// The storage of everything.
    Storage,
    /// The storage of a table.
    Table(&'static Table),
    /// The rows of a large table.
    Rows(RowWalk),
    /// The rows of a table with a digest, of a company or, with 0, of the deployment.
    Digest { table: &'static Table, company_id: i64 },
    /// Everything of a small company.
    Company(i64),
    /// Orders that begin on a day.
    Day { company_id: i64, status: Status, day: i64 },
    /// Orders that begin in an hour of a large day.
    Hour { company_id: i64, status: Status, hour: i64 },
    /// Sums of a month against those of its days and hours.
    Month { company_id: i64, status: Status, month: i64 },
    /// The number of orders.
    OrderCount(i64),
    /// Usage records of a day.
    UsageDay { company_id: i64, day: i64 },
    /// Hours with usage that is not ordered yet.
    OpenHours(i64),
    /// Orders that were made from usage, after a key.
    UsageOrders { company_id: i64, after: UsageOrderKey },
    /// The ledger from an entry on.
    Ledger { company_id: i64, walk: Box<LedgerWalk> },
    /// Settlements after that of an order.
    Settlements { company_id: i64, after: String },
    /// Lines from a number on.
    Lines { company_id: i64, from: i64 },
    /// Numbers of orders after one of them.
    Numbers { company_id: i64, after: String },
    /// Export jobs and files.
    Exports(i64),
}

impl Part {
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Storage | Self::Table(_) | Self::Rows(_) => "storage",
            Self::Digest { .. } => "digests",
            Self::Company(_) => "company",
            Self::Day { .. } | Self::Hour { .. } => "orders",
            Self::Month { .. } | Self::OrderCount(_) => "rollups",
            Self::UsageDay { .. } | Self::OpenHours(_) | Self::UsageOrders { .. } => "usage",
            Self::Ledger { .. } | Self::Settlements { .. } => "accounts",
            Self::Lines { .. } => "lines",
            Self::Numbers { .. } => "numbers",
            Self::Exports(_) => "exports",
        }
    }

    pub(crate) const fn company_id(&self) -> Option<i64> {
        match self {
            Self::Storage | Self::Table(_) | Self::Rows(_) | Self::Digest { company_id: 0, .. } => None,
            Self::Company(company_id)
            | Self::OrderCount(company_id)
            | Self::OpenHours(company_id)
            | Self::Exports(company_id)
            | Self::Digest { company_id, .. }
            | Self::Day { company_id, .. }
            | Self::Hour { company_id, .. }
            | Self::Month { company_id, .. }
            | Self::UsageDay { company_id, .. }
            | Self::UsageOrders { company_id, .. }
            | Self::Ledger { company_id, .. }
            | Self::Settlements { company_id, .. }
            | Self::Lines { company_id, .. }
            | Self::Numbers { company_id, .. } => Some(*company_id),
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(company_id) = self.company_id() {
            write!(f, "company {company_id}: ")?;
        }
        match self {
            Self::Storage => f.write_str("the storage"),
            Self::Table(table) => write!(f, "the storage of {}", table.name),
            Self::Rows(walk) => write!(f, "the rows of {}", walk.table.name),
            Self::Digest { table, .. } => write!(f, "the digest of {}", table.name),
            Self::Company(_) => f.write_str("all of it"),
            Self::Day { status, day, .. } => {
                write!(f, "orders of {}, status {}", day_name(*day), status.number())
            }
            Self::Hour { status, hour, .. } => {
                write!(f, "orders of {}, status {}", hour_name(*hour), status.number())
            }
            Self::Month { status, month, .. } => {
                write!(f, "rollups of {}, status {}", month_name(*month), status.number())
            }
            Self::OrderCount(_) => f.write_str("the number of orders"),
            Self::UsageDay { day, .. } => write!(f, "usage of {}", day_name(*day)),
            Self::OpenHours(_) => f.write_str("open hours"),
            Self::UsageOrders { .. } => f.write_str("orders of usage"),
            Self::Ledger { .. } => f.write_str("the ledger"),
            Self::Settlements { .. } => f.write_str("settlements"),
            Self::Lines { .. } => f.write_str("lines"),
            Self::Numbers { .. } => f.write_str("numbers of orders"),
            Self::Exports(_) => f.write_str("exports"),
        }
    }
}

/// A value of a key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum KeyValue {
    Int(i64),
    Text(String),
    Blob(Vec<u8>),
}

/// How far a walk over a table has come.
#[derive(Clone, Debug)]
pub(crate) struct RowWalk {
    pub(crate) table: &'static Table,
    /// The company whose rows are read; 0 for a table of the deployment.
    pub(crate) company_id: i64,
    /// The key of the last row that was read, without the company.
    pub(crate) after: Vec<KeyValue>,
}

impl RowWalk {
    /// A walk over a table. Rows of companies are read company by company.
    pub(crate) const fn over(table: &'static Table) -> Self {
        Self { table, company_id: 0, after: Vec::new() }
    }
}

/// What the entries of a ledger say, up to one of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct LedgerWalk {
    /// Number of the next entry.
    pub(crate) next: i64,
    pub(crate) balances: PerKind<i128>,
    /// What deductions and refunds sum to.
    pub(crate) net: PerKind<i128>,
    pub(crate) grants: HashMap<i64, i128>,
    pub(crate) corrected: Corrected,
    pub(crate) deposits: i64,
}

/// What the ledger says of corrections and of grants that ended.
#[derive(Clone, Debug, Default)]
pub(crate) struct Corrected {
    /// The sum of the entries of each reversal and of each adjustment, by cause and key.
    pub(crate) by_key: BTreeMap<(Cause, String), i128>,
    /// Of each grant that ended: the sum of its expiry entries and the first date of one.
    pub(crate) expired: HashMap<i64, (i128, i64)>,
    /// The cause of the last entry that used credit.
    last_use_of_credit: Option<Cause>,
}

impl Corrected {
    /// Adds an entry of the ledger.
    pub(crate) fn add(&mut self, entry: &Posting) {
        if matches!(entry.cause, Cause::Reversal | Cause::Correction) {
            *self.by_key.entry((entry.cause, entry.reference.clone())).or_default() +=
                i128::from(entry.amount);
        }
        if entry.cause == Cause::Expiry {
            let of_grant = self.expired.entry(entry.grant_id).or_insert((0, entry.time_s));
            of_grant.0 += i128::from(entry.amount);
            of_grant.1 = of_grant.1.min(entry.time_s);
        }
        if entry.kind == AccountKind::Credit && entry.amount < 0 && entry.cause != Cause::Adjustment {
            self.last_use_of_credit = Some(entry.cause);
        }
    }

    /// Whether credit may be used beyond its limit: nothing has used it since a deposit that was spent was reversed.
    pub(crate) fn owes_a_reversal(&self) -> bool {
        self.last_use_of_credit == Some(Cause::Reversal)
    }
}
