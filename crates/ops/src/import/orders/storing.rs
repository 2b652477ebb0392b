//! The store phase of an import: reads the files again and writes their orders in transactions of bounded size.

use std::collections::BTreeMap;
use std::sync::mpsc::Receiver;

use serde_json::{Value, json};
use tollbook_store::{Outcome, StoreError};

use super::batch_reader::{BatchReader, ParsedBatch};
use super::checking::{CONFLICTS_WITH_STORED, CheckResult, PRUNED};
use super::context::{ImportContext, MAX_BATCH_ORDERS};
use super::position::RecordPosition;
use super::report::{Failure, Phase, Progress, ReportBuilder};
use crate::audit::{ActKind, record};
use crate::tenancy::directory::TenantDirectory;

/// Orders in a transaction while another writer waits. Rollup rows are written once per transaction, so that smaller
/// transactions reduce throughput; larger ones delay the other writer.
const CONTENDED_BATCH_ORDERS: usize = 1_000;

impl ImportContext<'_> {
    pub(super) fn store(
        &self,
        checked: CheckResult,
        tenants: &mut TenantDirectory,
        report: &mut ReportBuilder,
        progress: &mut dyn Progress,
    ) -> Result<(), Failure> {
        let CheckResult { mut excluded, has_new_orders } = checked;
        if !has_new_orders {
            for file in report.files() {
                file.present = file.read - file.invalid;
            }
            return Ok(());
        }
        let reader = BatchReader {
            store: self.store,
            files: self.files,
            catalogue: self.catalogue,
            tenants,
            config: self.config,
            as_billed: self.options.as_billed,
            batch_records: self.options.batch_orders.clamp(1, MAX_BATCH_ORDERS),
            excluded: Some(&mut excluded),
            spool_dir: &self.options.spool_dir,
        };
        reader.run(|batches| self.store_batches(batches, report, progress))?;
        let changed =
            report.files().iter().find(|file| file.read != file.added + file.present + file.invalid);
        match changed {
            Some(file) => Err(Failure::Changed { file: file.file.clone() }),
            None => Ok(()),
        }
    }

    fn store_batches(
        &self,
        batches: Receiver<ParsedBatch>,
        report: &mut ReportBuilder,
        progress: &mut dyn Progress,
    ) -> Result<(), Failure> {
        let mut orders = 0;
        let mut contended = false;
        for batch in batches {
            // The check found every invalid record, so that the file has changed since.
            if let Some((position, _)) = batch.refused.first() {
                return Err(Failure::Changed { file: report.file(*position).file.clone() });
            }
            let mut start = 0;
            while start < batch.orders.len() {
                start += self.store_part(&batch, start, &mut contended, report)?;
                self.report_progress(progress, Phase::Storing, batch.bytes_read, orders + start as u64)?;
            }
            orders += batch.orders.len() as u64;
        }
        Ok(())
    }

    /// Stores orders of a batch, from index `start` on, in one transaction, and returns their number. `contended`:
    /// whether another writer waited at the end of the last transaction.
    fn store_part(
        &self,
        batch: &ParsedBatch,
        start: usize,
        contended: &mut bool,
        report: &mut ReportBuilder,
    ) -> Result<usize, Failure> {
        let mut transaction = self.store.begin()?;
        let remaining = batch.orders.len() - start;
        // In SQLite, writers wait before a transaction begins; in PostgreSQL, when both write the same company.
        let is_small = *contended || transaction.another_writer_waits()?;
        let size = if is_small { remaining.min(CONTENDED_BATCH_ORDERS) } else { remaining };
        let outcomes = transaction.add_orders(&batch.orders[start..start + size])?;
        *contended = transaction.another_writer_waits()?;
        if outcomes.len() != size {
            return Err(StoreError::Database("not every order was written".to_owned()).into());
        }
        let outcomes: Vec<(RecordPosition, Outcome)> =
            batch.positions[start..start + size].iter().copied().zip(outcomes).collect();
        let refused = outcomes.iter().find_map(|(position, outcome)| Some((*position, refusal(*outcome)?)));
        if let (Some((position, reason)), false) = (refused, self.options.skip_invalid) {
            // Another writer has caused the conflict since the check. Dropping the transaction rolls it back.
            return Err(Failure::ConcurrentConflict(report.error(position, reason.to_owned())));
        }
        let mut added: BTreeMap<i64, (u64, RecordPosition)> = BTreeMap::new();
        for (order, (position, outcome)) in batch.orders[start..].iter().zip(&outcomes) {
            if *outcome == Outcome::Added {
                added.entry(order.company_id).or_insert((0, *position)).0 += 1;
            }
        }
        for (company_id, (orders, position)) in &added {
            let after = json!({
                "Orders": orders,
                "File": report.file(*position).file,
                "AsBilled": self.options.as_billed,
                "SkipInvalid": self.options.skip_invalid,
            });
            record(transaction.as_mut(), ActKind::OrdersImport, *company_id, &Value::Null, &after);
        }
        if !added.is_empty() {
            transaction.commit()?;
        }
        for (position, outcome) in outcomes {
            match outcome {
                Outcome::Added => report.file(position).added += 1,
                Outcome::Present => report.file(position).present += 1,
                Outcome::Conflict => report.refuse(position, |_| CONFLICTS_WITH_STORED.to_owned()),
                Outcome::Pruned => report.refuse(position, |_| PRUNED.to_owned()),
            }
        }
        Ok(size)
    }
}

/// Why an order was not stored.
fn refusal(outcome: Outcome) -> Option<&'static str> {
    match outcome {
        Outcome::Added | Outcome::Present => None,
        Outcome::Conflict => Some(CONFLICTS_WITH_STORED),
        Outcome::Pruned => Some(PRUNED),
    }
}
