//! The check phase of an import: reads every record of every file and checks it by itself, against the other records,
//! and against the store. It writes nothing to the store.

use std::sync::mpsc::Receiver;

use tollbook_domain::NewOrder;
use tollbook_store::{Outcome, Snapshot, StoreError, StoreResult};

use super::batch_reader::{BatchReader, ParsedBatch};
use super::conflicts::{ConflictFinder, ExcludedRecord, ExclusionReason};
use super::context::{ImportContext, MAX_BATCH_ORDERS};
use super::external_sort::{Sorted, Sorter};
use super::position::RecordPosition;
use super::report::{Failure, Phase, Progress, ReportBuilder};
use crate::tenancy::directory::TenantDirectory;

/// The result of the check phase.
pub(super) struct CheckResult {
    /// Records that must not be stored: conflicting ones and, if invalid records are skipped, invalid ones.
    pub(super) excluded: Sorted<ExcludedRecord>,
    /// Whether there is an order that is not stored.
    pub(super) has_new_orders: bool,
}

impl ImportContext<'_> {
    pub(super) fn check(
        &self,
        tenants: &mut TenantDirectory,
        report: &mut ReportBuilder,
        progress: &mut dyn Progress,
    ) -> Result<CheckResult, Failure> {
        let mut checker = Checker {
            conflicts: ConflictFinder::new(self.sorter()),
            excluded: self.sorter(),
            has_new_orders: false,
            records: 0,
        };
        let reader = BatchReader {
            store: self.store,
            files: self.files,
            catalogue: self.catalogue,
            tenants,
            config: self.config,
            as_billed: self.options.as_billed,
            batch_records: MAX_BATCH_ORDERS,
            excluded: None,
            spool_dir: &self.options.spool_dir,
        };
        reader.run(|batches| checker.check_batches(self, batches, report, progress))?;
        checker.finish(self, report)
    }
}

struct Checker {
    conflicts: ConflictFinder,
    excluded: Sorter<ExcludedRecord>,
    has_new_orders: bool,
    records: u64,
}

impl Checker {
    fn check_batches(
        &mut self,
        context: &ImportContext<'_>,
        batches: Receiver<ParsedBatch>,
        report: &mut ReportBuilder,
        progress: &mut dyn Progress,
    ) -> Result<(), Failure> {
        for batch in batches {
            let bytes_read = batch.bytes_read;
            self.check_batch(context, batch, report)?;
            context.report_progress(progress, Phase::Checking, bytes_read, self.records)?;
        }
        Ok(())
    }

    fn check_batch(
        &mut self,
        context: &ImportContext<'_>,
        batch: ParsedBatch,
        report: &mut ReportBuilder,
    ) -> Result<(), Failure> {
        self.records += (batch.orders.len() + batch.refused.len()) as u64;
        for (position, reason) in batch.refused {
            report.file(position).read += 1;
            self.refuse(context, report, position, reason)?;
        }
        if batch.orders.is_empty() {
            return Ok(());
        }
        // Each batch has its own snapshot, because SQLite cannot shorten its write-ahead log past an open snapshot.
        let mut snapshot = context.store.snapshot()?;
        let outcomes = classify(snapshot.as_mut(), &batch.orders)?;
        for ((order, position), outcome) in batch.orders.iter().zip(batch.positions).zip(outcomes) {
            report.file(position).read += 1;
            if outcome == Outcome::Pruned {
                self.refuse(context, report, position, PRUNED.to_owned())?;
                continue;
            }
            self.has_new_orders |= outcome == Outcome::Added;
            // The conflict may be with an earlier order of the batch. If the order is classified alone, a conflict is
            // with the store, so that the result does not depend on the borders of batches.
            let in_conflict = outcome == Outcome::Conflict
                && classify(snapshot.as_mut(), std::slice::from_ref(order))? == [Outcome::Conflict];
            self.conflicts.push(position, order, in_conflict).map_err(|error| context.spool_error(error))?;
        }
        Ok(())
    }

    /// Refuses a record for a reason that does not depend on other records.
    fn refuse(
        &mut self,
        context: &ImportContext<'_>,
        report: &mut ReportBuilder,
        position: RecordPosition,
        reason: String,
    ) -> Result<(), Failure> {
        report.refuse(position, |_| reason);
        if context.options.skip_invalid {
            let record = ExcludedRecord { position, reason: ExclusionReason::Invalid };
            self.excluded.push(record).map_err(|error| context.spool_error(error))?;
        }
        Ok(())
    }

    /// Compares the records with each other and counts those that conflict.
    fn finish(
        mut self,
        context: &ImportContext<'_>,
        report: &mut ReportBuilder,
    ) -> Result<CheckResult, Failure> {
        let spool_error = |error| context.spool_error(error);
        self.conflicts.finish(&mut self.excluded).map_err(spool_error)?;
        let mut excluded = self.excluded.finish().map_err(spool_error)?;
        let mut merge = excluded.merge().map_err(spool_error)?;
        let mut last = None;
        while let Some(ExcludedRecord { position, reason }) = merge.next().map_err(spool_error)? {
            // A record whose two numbers both conflict is counted once.
            if last.replace(position) == Some(position) {
                continue;
            }
            match reason {
                ExclusionReason::Invalid => {}
                ExclusionReason::EarlierRecord(earlier) => report.refuse(position, |report| {
                    let earlier = report.describe(earlier, position);
                    format!("OrderNo: an order on {earlier} has the same number but other content")
                }),
                ExclusionReason::StoredOrder => {
                    report.refuse(position, |_| CONFLICTS_WITH_STORED.to_owned());
                }
            }
        }
        drop(merge);
        Ok(CheckResult { excluded, has_new_orders: self.has_new_orders })
    }
}

fn classify(snapshot: &mut dyn Snapshot, orders: &[NewOrder]) -> StoreResult<Vec<Outcome>> {
    let outcomes = snapshot.classify_orders(orders)?;
    if outcomes.len() == orders.len() {
        Ok(outcomes)
    } else {
        Err(StoreError::Database("not every order was classified".to_owned()))
    }
}

/// Reason of a record that conflicts with a stored order.
pub(super) const CONFLICTS_WITH_STORED: &str =
    "OrderNo: a stored order has the same number but other content";
/// Reason of a record from a time whose orders were pruned. Whether the order was stored is unknown.
pub(super) const PRUNED: &str = "StartTime: orders of that time were pruned, and no more are accepted";
