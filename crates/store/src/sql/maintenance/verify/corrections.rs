//! Verification of corrections of accounts and of grants that ended: each reversal and adjustment is what the ledger says,
//! and nothing else in the ledger is one.

use std::collections::{BTreeMap, HashSet};

use tollbook_domain::account::Cause;

use super::report::Report;
use crate::accounts::{AccountReads, LedgerRange};
use crate::corrections::{Correction, CorrectionKind, CorrectionReads};
use crate::error::StoreResult;
use crate::sql::driver::connection::{Flow, all};
use crate::sql::session::Session;
use crate::verification::Corrected;

/// Corrections that are read at a time.
const CORRECTIONS_PER_READ: i64 = 1_000;

impl Session {
    /// Compares what grants had left at their end with their expiry entries, and that the end of each grant with
    /// something remaining is noted.
    pub(crate) fn verify_ended_grants(
        &mut self,
        company_id: i64,
        ledger: &Corrected,
        report: &mut Report,
    ) -> StoreResult<()> {
        let sql = "SELECT ends_at FROM grant_end WHERE company_id = $1";
        let noted: HashSet<i64> =
            all(self.connection.as_mut(), sql, &[company_id.into()], |row| row.int(0))?.into_iter().collect();
        let sql = "SELECT grant_id, remaining, expired, expires FROM account_grant WHERE company_id = $1 \
                   ORDER BY grant_id";
        self.connection.query(sql, &[company_id.into()], &mut |row| {
            let (grant_id, remaining, expired) = (row.int(0)?, row.int(1)?, row.int(2)?);
            let end_s = row.optional_int(3)?;
            let (sum, first_s) = ledger.expired.get(&grant_id).copied().unwrap_or((0, i64::MAX));
            // What ended is dated at the end or, if it came back by a refund, later.
            let is_dated = end_s.map_or(sum == 0, |end_s| first_s >= end_s);
            if -sum != i128::from(expired) || expired < 0 || !is_dated {
                report.differ(|| {
                    format!("company {company_id}: grant {grant_id}: its end differs from the ledger")
                });
            }
            if remaining > 0 && end_s.is_some_and(|end_s| !noted.contains(&end_s)) {
                report.differ(|| format!("company {company_id}: grant {grant_id}: its end is not noted"));
            }
            Ok(Flow::More)
        })
    }

    /// Compares reversals and adjustments with the ledger and with the deposits that were reversed.
    pub(crate) fn verify_corrections(
        &mut self,
        company_id: i64,
        mut ledger: Corrected,
        report: &mut Report,
    ) -> StoreResult<()> {
        let mut reversed: BTreeMap<String, i128> = BTreeMap::new();
        let mut after: Option<(i64, String)> = None;
        loop {
            let from = after.as_ref().map(|(time_s, key)| (*time_s, key.as_str()));
            let corrections = self.corrections(company_id, from, CORRECTIONS_PER_READ)?;
            let Some(last) = corrections.last() else { break };
            after = Some((last.time_s, last.key.clone()));
            for correction in &corrections {
                let cause = match correction.kind {
                    CorrectionKind::Reverse => Cause::Reversal,
                    CorrectionKind::Adjust => Cause::Correction,
                    CorrectionKind::Void | CorrectionKind::Replace | CorrectionKind::Rerate => continue,
                };
                let sum = ledger.by_key.remove(&(cause, correction.key.clone()));
                if sum.is_none() || sum != self.sum_of_correction(company_id, correction, cause)? {
                    let key = &correction.key;
                    report.differ(|| {
                        format!("company {company_id}: correction {key:?}: differs from the ledger")
                    });
                }
                if cause == Cause::Reversal {
                    *reversed.entry(correction.reference.clone()).or_default() -= sum.unwrap_or(0);
                }
            }
        }
        for (cause, key) in ledger.by_key.keys() {
            let name = cause.name();
            report.differ(|| {
                format!(
                    "company {company_id}: the {name} {key:?} of the ledger is no correction that was made"
                )
            });
        }
        let sql =
            "SELECT deposit_key, reversed, amount FROM deposit WHERE company_id = $1 ORDER BY deposit_key";
        self.connection.query(sql, &[company_id.into()], &mut |row| {
            let (key, noted) = (row.text(0)?, row.int(1)?);
            let sum = reversed.remove(key).unwrap_or(0);
            if i128::from(noted) != sum || noted > row.int(2)? {
                report.differ(|| {
                    format!("company {company_id}: deposit {key:?}: {noted} noted as taken back, {sum} were")
                });
            }
            Ok(Flow::More)
        })?;
        for key in reversed.keys() {
            report.differ(|| {
                format!("company {company_id}: the deposit {key:?} was taken back and is not noted")
            });
        }
        Ok(())
    }

    /// What a correction has moved by the entries that it names; `None` if they are not its own.
    fn sum_of_correction(
        &mut self,
        company_id: i64,
        correction: &Correction,
        cause: Cause,
    ) -> StoreResult<Option<i128>> {
        let Some(range) = LedgerRange::from_text(&correction.result) else { return Ok(None) };
        let entries = self.ledger(company_id, range)?;
        let mut sum = 0;
        for kept in &entries {
            let entry = &kept.entry;
            if entry.cause == cause {
                sum += i128::from(entry.amount);
            }
            // What ended before, and repays credit, has entries of other causes.
            let is_own = entry.reference == correction.key || entry.cause == Cause::Expiry;
            if !is_own || entry.time_s != correction.time_s {
                return Ok(None);
            }
        }
        let is_whole = i64::try_from(entries.len()) == Ok(range.count);
        Ok(is_whole.then_some(sum))
    }
}
