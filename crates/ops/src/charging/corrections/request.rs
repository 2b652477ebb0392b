//! What a correction of usage is asked with, and what it returns.

use std::fmt::Write as _;

use serde_json::{Value, json};
use tollbook_domain::{Amount, Status};
use tollbook_store::{Correction, CorrectionKind, StoreError};

use crate::charging::error::ChargingError;
use crate::tenancy::{NameError, checked_name};

/// Replaced orders that a result names.
const MAX_ORDERS: usize = 100;

/// A correction: whose, by which key, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorrectionRequest {
    /// The company.
    pub company_id: i64,
    /// Its key within the company: a repetition changes nothing.
    pub key: String,
    /// Why it is made.
    pub reason: String,
    /// Whether it is only shown: everything is computed, and nothing is changed.
    pub dry_run: bool,
}

impl CorrectionRequest {
    /// Checks key and reason.
    pub(super) fn check(&self) -> Result<(), NameError> {
        checked_name("the key", &self.key)?;
        checked_name("the reason", &self.reason)?;
        Ok(())
    }

    /// The correction as it is stored.
    pub(super) fn correction(
        &self,
        kind: CorrectionKind,
        digest: [u8; 16],
        now_s: i64,
        result: String,
    ) -> Correction {
        let (key, reason) = (self.key.clone(), self.reason.clone());
        Correction { key, kind, digest, time_s: now_s, reason, reference: String::new(), result }
    }
}

/// A usage record of a company, by its id and, if they are stated, its source and time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageName {
    /// The source; `None`: any.
    pub source: Option<String>,
    /// The id.
    pub id: String,
    /// The time, Unix seconds; `None`: any. Records of one source and id may be 24 hours or more apart.
    pub time_s: Option<i64>,
}

impl UsageName {
    /// Whether a time is the stated one, or none is stated.
    pub(super) fn is_at(&self, time_s: i64) -> bool {
        self.time_s.is_none_or(|stated| stated == time_s)
    }
}

/// An order that a correction refunded or revoked, or a new one that replaces none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrderReplacement {
    /// Number O of the order that was refunded or revoked; empty if there was none.
    pub before: String,
    /// Its total.
    pub before_total: Amount,
    /// Number O of the order that replaces it; empty if nothing is left of it.
    pub after: String,
    /// Total of that order.
    pub after_total: Amount,
    /// Whether that order was paid at once.
    pub after_status: Option<Status>,
}

/// What a correction of usage did, or would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Corrected {
    /// Whether it was made before, so that nothing was changed now.
    pub is_repeated: bool,
    /// Records that were changed.
    pub records: u64,
    /// Records that were so already.
    pub unchanged: u64,
    /// How many orders were refunded or revoked.
    pub replaced: u64,
    /// How many orders were made.
    pub made: u64,
    /// The first orders that were replaced or made.
    pub orders: Vec<OrderReplacement>,
}

impl Corrected {
    /// Adds what one transaction did.
    pub(super) fn add(&mut self, orders: Vec<OrderReplacement>, replaced: u64, made: u64, records: u64) {
        self.records += records;
        self.replaced += replaced;
        self.made += made;
        let left = MAX_ORDERS.saturating_sub(self.orders.len());
        self.orders.extend(orders.into_iter().take(left));
    }

    /// What the audit log says of it: what was before, and after.
    pub(super) fn audited(&self, key: &str, kind: CorrectionKind) -> (Value, Value) {
        let orders = |of: &dyn Fn(&OrderReplacement) -> (&str, Amount)| -> Value {
            let named = self.orders.iter().map(of).filter(|(number, _)| !number.is_empty());
            named.map(|(number, total)| json!({"OrderNo": number, "Total": total.to_string()})).collect()
        };
        let before = json!({"Orders": orders(&|order| (&order.before, order.before_total))});
        let after = json!({
            "Key": key,
            "Kind": kind.name(),
            "Records": self.records,
            "Unchanged": self.unchanged,
            "OrdersReplaced": self.replaced,
            "OrdersMade": self.made,
            "Orders": orders(&|order| (&order.after, order.after_total)),
        });
        (before, after)
    }

    /// The text that is stored with the correction: counts in the first line, then an order a line.
    pub(super) fn to_text(&self) -> String {
        let Self { is_repeated: _, records, unchanged, replaced, made, orders } = self;
        let mut text = format!("{records} {unchanged} {replaced} {made}");
        for order in orders {
            let status = order.after_status.map_or(0, Status::number);
            let (before, after) = (&order.before, &order.after);
            let (before_total, after_total) = (order.before_total.steps(), order.after_total.steps());
            // Writing to a text cannot fail.
            let _ = write!(text, "\n{before}\t{before_total}\t{after}\t{after_total}\t{status}");
        }
        text
    }

    /// The result of a correction that was made before.
    pub(super) fn from_text(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let counts: Vec<u64> = lines.next()?.split(' ').map(str::parse).collect::<Result<_, _>>().ok()?;
        let [records, unchanged, replaced, made] = counts[..] else { return None };
        let mut orders = Vec::new();
        for line in lines {
            let [before, before_total, after, after_total, status] = line.split('\t').collect::<Vec<_>>()[..]
            else {
                return None;
            };
            let amount = |text: &str| text.parse().ok().map(Amount::from_steps);
            let status: i64 = status.parse().ok()?;
            orders.push(OrderReplacement {
                before: before.to_owned(),
                before_total: amount(before_total)?,
                after: after.to_owned(),
                after_total: amount(after_total)?,
                after_status: Status::ALL.into_iter().find(|known| known.number() == status),
            });
        }
        Some(Self { is_repeated: true, records, unchanged, replaced, made, orders })
    }

    /// The result of a known correction, which has the same request if the digests are equal.
    pub(super) fn of_known(known: &Correction, digest: [u8; 16]) -> Result<Self, CorrectionError> {
        if known.digest != digest {
            return Err(CorrectionError::OtherCorrection(known.key.clone()));
        }
        Self::from_text(&known.result).ok_or_else(|| {
            StoreError::Damaged(format!("the result of correction {:?} cannot be read", known.key)).into()
        })
    }
}

/// Stands before the result of a correction of several transactions until the last one.
const UNFINISHED: &str = "unfinished\n";

/// What a correction of several transactions has done. It is stored by each of them, so that what an interrupted run did
/// is counted by the run that completes it.
#[derive(Debug)]
pub(super) struct Progress {
    /// Whether nothing is left to do.
    pub(super) is_finished: bool,
    /// What was done so far.
    pub(super) corrected: Corrected,
}

impl Progress {
    /// The progress of a stored correction.
    pub(super) fn of(correction: &Correction) -> Result<Self, CorrectionError> {
        let text = &correction.result;
        let part = text.strip_prefix(UNFINISHED);
        // Until schema 14, the result of a correction was empty until it was complete.
        let corrected = match part.unwrap_or(text) {
            "" => Some(Corrected { is_repeated: true, ..Corrected::default() }),
            text => Corrected::from_text(text),
        };
        let corrected = corrected.ok_or_else(|| {
            StoreError::Damaged(format!("the result of correction {:?} cannot be read", correction.key))
        })?;
        Ok(Self { is_finished: part.is_none() && !text.is_empty(), corrected })
    }

    /// The text that is stored with the correction.
    pub(super) fn to_text(&self) -> String {
        let text = self.corrected.to_text();
        if self.is_finished { text } else { format!("{UNFINISHED}{text}") }
    }
}

/// Why a usage record is not corrected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordRefusal {
    /// Source of the record; empty if none is stated.
    pub source: String,
    /// Its id.
    pub id: String,
    /// The reason.
    pub reason: String,
}

/// Why a correction of usage was refused or failed. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum CorrectionError {
    /// The key belongs to a correction with other content.
    #[error("the key {0:?} belongs to another correction")]
    OtherCorrection(String),
    /// The request names nothing to correct.
    #[error("there is no usage record to correct")]
    Empty,
    /// The range of times is empty.
    #[error("the end of the range must be later than its beginning")]
    EmptyRange,
    /// Records cannot be corrected.
    #[error("{}", refusal_text(.0))]
    Refused(Vec<RecordRefusal>),
    /// As for other operations of charging.
    #[error(transparent)]
    Charging(#[from] ChargingError),
}

impl CorrectionError {
    /// The error of the store, if it is one; all others are refusals.
    pub const fn store_error(&self) -> Option<&StoreError> {
        match self {
            Self::Charging(ChargingError::Store(error)) => Some(error),
            _ => None,
        }
    }
}

impl From<StoreError> for CorrectionError {
    fn from(error: StoreError) -> Self {
        Self::Charging(error.into())
    }
}

impl From<NameError> for CorrectionError {
    fn from(error: NameError) -> Self {
        Self::Charging(error.into())
    }
}

fn refusal_text(refusals: &[RecordRefusal]) -> String {
    let texts: Vec<String> = refusals
        .iter()
        .take(10)
        .map(|refusal| match refusal.source.as_str() {
            "" => format!("record {:?}: {}", refusal.id, refusal.reason),
            source => format!("record {:?} of source {source:?}: {}", refusal.id, refusal.reason),
        })
        .collect();
    let more = refusals.len().saturating_sub(texts.len());
    let mut text = texts.join("; ");
    if more > 0 {
        let _ = write!(text, "; and {more} more");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_is_read_as_written() {
        let order = OrderReplacement {
            before: "O1".into(),
            before_total: Amount::from_steps(7),
            after: String::new(),
            after_total: Amount::from_steps(0),
            after_status: None,
        };
        let second =
            OrderReplacement { after: "O2".into(), after_status: Some(Status::Unpaid), ..order.clone() };
        let mut corrected = Corrected { unchanged: 3, ..Corrected::default() };
        corrected.add(vec![order, second], 2, 1, 4);
        let read = Corrected::from_text(&corrected.to_text()).unwrap();
        assert_eq!((read.replaced, read.made), (2, 1));
        assert_eq!(read, Corrected { is_repeated: true, ..corrected });
        for is_finished in [false, true] {
            let progress = Progress { is_finished, corrected: read.clone() };
            let stored = |result: String| Correction {
                key: "k".into(),
                kind: tollbook_store::CorrectionKind::Rerate,
                digest: [0; 16],
                time_s: 0,
                reason: String::new(),
                reference: String::new(),
                result,
            };
            let of_text = Progress::of(&stored(progress.to_text())).unwrap();
            assert_eq!((of_text.is_finished, &of_text.corrected), (is_finished, &read));
            let begun = Progress::of(&stored(String::new())).unwrap();
            assert_eq!((begun.is_finished, begun.corrected.records), (false, 0));
            assert!(Progress::of(&stored("unfinished\n1 2".into())).is_err());
        }
        assert_eq!(Corrected::from_text("1 2"), None);
        assert_eq!(Corrected::from_text("1 2 3 4\nO1"), None);
    }
}
