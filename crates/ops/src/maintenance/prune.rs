//! `tollbook database prune`: deletes settled orders that begin before a date, in batches between which other writers
//! run.

use jiff::civil::Date;
use serde_json::{Value, json};
use tollbook_domain::{LineFilter, OrderQuery, Status, StatusSet, TimeRange};
use tollbook_store::{Store, StoreError};

use crate::audit::{ActKind, record};

/// Maximum number of orders that one transaction deletes.
const BATCH_ORDERS: usize = 5_000;

/// Why pruning failed.
#[derive(Debug, thiserror::Error)]
pub enum PruneError {
    /// The text is not a date.
    #[error("--before: \"{0}\" is not a date; it must be like 2026-01-31")]
    NotADate(String),
    /// The date is in the future, so that current orders would be refused.
    #[error("--before: {0} is not in the past: orders that begin before it would be refused")]
    NotPast(String),
    /// The database failed.
    #[error("{error}; {pruned} orders pruned; re-run the command to finish")]
    Store {
        /// The error.
        error: StoreError,
        /// Orders that were deleted before the failure.
        pruned: u64,
    },
}

/// A date such as `2026-01-31`.
///
/// # Errors
/// [`PruneError::NotADate`].
pub fn parse_date(text: &str) -> Result<Date, PruneError> {
    // The parser accepts other formats too, and ignores a time.
    let date = text.parse::<Date>().ok().filter(|date| date.to_string() == text && date.year() >= 1970);
    date.ok_or_else(|| PruneError::NotADate(text.to_owned()))
}

/// The day before which orders are deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cutoff {
    /// The date.
    pub date: Date,
    /// Its first second.
    pub start_s: i64,
}

/// Result of pruning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pruned {
    /// Number of companies.
    pub companies: usize,
    /// Deleted orders.
    pub orders: u64,
}

/// The number of paid and revoked orders that begin before a day, of all companies: at most so many are deleted.
///
/// # Errors
/// The day is not in the past, or the store fails.
pub fn count(store: &dyn Store, cutoff: &Cutoff, now_s: i64) -> Result<Pruned, PruneError> {
    check_past(cutoff, now_s)?;
    let failed = |error| PruneError::Store { error, pruned: 0 };
    let mut snapshot = store.snapshot().map_err(failed)?;
    let companies = snapshot.companies().map_err(failed)?;
    let mut orders = 0;
    let Some(range) = TimeRange::new(0, cutoff.start_s) else {
        return Ok(Pruned { companies: companies.len(), orders });
    };
    for company in &companies {
        let query = OrderQuery {
            company_id: company.company_id,
            range,
            statuses: StatusSet::of(&[Status::Paid, Status::Revoked]),
            lines: LineFilter::default(),
            order_numbers: Vec::new(),
        };
        orders += u64::try_from(snapshot.count(&query).map_err(failed)?).unwrap_or(0);
    }
    Ok(Pruned { companies: companies.len(), orders })
}

fn check_past(cutoff: &Cutoff, now_s: i64) -> Result<(), PruneError> {
    if cutoff.start_s > now_s {
        return Err(PruneError::NotPast(cutoff.date.to_string()));
    }
    Ok(())
}

/// Deletes the paid and revoked orders of every company that begin before a day. Unpaid orders stay. If a company
/// has an open hour before the date, its orders from that hour on stay too. Afterwards, orders and usage from before
/// the date are refused, because it is unknown whether they were stored before.
///
/// # Errors
/// The day is not in the past, or the store fails. Orders that were deleted before the failure stay deleted; repeating the
/// operation deletes the rest.
pub fn prune(
    store: &dyn Store,
    cutoff: &Cutoff,
    now_s: i64,
    progress: &mut dyn FnMut(u64),
) -> Result<Pruned, PruneError> {
    check_past(cutoff, now_s)?;
    let before_s = cutoff.start_s;
    let mut pruned = 0;
    let mut run = || {
        let companies = store.snapshot()?.companies()?;
        for company in &companies {
            loop {
                let mut transaction = store.begin()?;
                let deleted = transaction.prune(company.company_id, before_s, BATCH_ORDERS)?;
                if deleted > 0 {
                    let before = json!({"Before": cutoff.date.to_string(), "Orders": deleted});
                    let kind = ActKind::DatabasePrune;
                    record(transaction.as_mut(), kind, company.company_id, &before, &Value::Null);
                }
                transaction.commit()?;
                pruned += deleted as u64;
                progress(pruned);
                if deleted < BATCH_ORDERS {
                    break;
                }
            }
        }
        Ok(companies.len())
    };
    match run() {
        Ok(companies) => Ok(Pruned { companies, orders: pruned }),
        Err(error) => Err(PruneError::Store { error, pruned }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_complete() {
        assert_eq!(parse_date("1970-01-02").unwrap(), Date::constant(1970, 1, 2));
        for text in ["", "2026", "2026-1-31", "2026-02-30", "2026-01-31T00:00", "1969-12-31", "+026-01-01"] {
            let refused = parse_date(text).unwrap_err().to_string();
            assert!(refused.contains("must be like 2026-01-31"), "{text}: {refused}");
        }
    }
}
