//! Reads order files on a separate thread, so that parsing overlaps with the work of the store. Batches arrive in the
//! order of files and lines, through a bounded channel.

use std::panic::resume_unwind;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use tollbook_domain::{AmountRule, Catalogue, NewOrder, Rounding};
use tollbook_formats::orders::{OrderFile, ReadError};
use tollbook_store::{Store, StoreResult};

use super::conflicts::ExcludedRecord;
use super::external_sort::{Merge, Sorted};
use super::position::RecordPosition;
use super::report::Failure;
use crate::config::Config;
use crate::tenancy::directory::TenantDirectory;

/// Capacity of the channel. With the batches that are being read and consumed, four are in memory.
const QUEUED_BATCHES: usize = 2;

/// Records that were read together.
#[derive(Default)]
pub(super) struct ParsedBatch {
    /// The position of each order.
    pub(super) positions: Vec<RecordPosition>,
    /// Orders that obey all rules for a single order.
    pub(super) orders: Vec<NewOrder>,
    /// Invalid records, with the reason.
    pub(super) refused: Vec<(RecordPosition, String)>,
    /// Bytes of the files read so far.
    pub(super) bytes_read: u64,
}

/// Reads the records of all files.
pub(super) struct BatchReader<'a> {
    pub(super) store: &'a dyn Store,
    pub(super) files: &'a [OrderFile],
    pub(super) catalogue: &'a Catalogue,
    pub(super) tenants: &'a mut TenantDirectory,
    pub(super) config: &'a Config,
    /// [`Options::as_billed`](super::context::Options::as_billed).
    pub(super) as_billed: bool,
    /// Records in a batch.
    pub(super) batch_records: usize,
    /// Records to skip.
    pub(super) excluded: Option<&'a mut Sorted<ExcludedRecord>>,
    pub(super) spool_dir: &'a Path,
}

impl BatchReader<'_> {
    /// Reads all files while `consume` receives the batches. If `consume` fails, reading stops. If reading fails,
    /// `consume` receives the batches before the failure.
    pub(super) fn run<T>(
        self,
        consume: impl FnOnce(Receiver<ParsedBatch>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        std::thread::scope(|scope| {
            let (sender, batches) = sync_channel(QUEUED_BATCHES);
            let reader = scope.spawn(move || self.read(&sender));
            let consumed = consume(batches);
            let read = reader.join().unwrap_or_else(|panic| resume_unwind(panic));
            let value = consumed?;
            read?;
            Ok(value)
        })
    }

    fn read(mut self, sender: &SyncSender<ParsedBatch>) -> Result<(), Failure> {
        let spool_error = |error| Failure::Spool { spool_dir: self.spool_dir.to_owned(), error };
        let mut exclusions = match self.excluded.take() {
            Some(excluded) => Exclusions::new(excluded).map_err(spool_error)?,
            None => Exclusions { merge: None, next: None },
        };
        let bytes_read = Arc::new(AtomicU64::new(0));
        let mut batch = ParsedBatch::default();
        for (index, file) in self.files.iter().enumerate() {
            for record in file.orders(self.catalogue, Arc::clone(&bytes_read)).map_err(Failure::Broken)? {
                let (line, record) = match record {
                    Ok((line, order)) => (line, Ok(order)),
                    Err(ReadError::Line(error)) => (error.line, Err(error.reason)),
                    Err(ReadError::File(broken)) => return Err(Failure::Broken(broken)),
                };
                let position = RecordPosition::new(index, line);
                if exclusions.contains(position).map_err(spool_error)? {
                    continue;
                }
                match record {
                    Ok(mut order) => match self.complete(&mut order)? {
                        None => {
                            batch.positions.push(position);
                            batch.orders.push(order);
                        }
                        Some(reason) => batch.refused.push((position, reason)),
                    },
                    Err(reason) => batch.refused.push((position, reason)),
                }
                if batch.orders.len() + batch.refused.len() >= self.batch_records {
                    batch.bytes_read = bytes_read.load(Ordering::Relaxed);
                    if sender.send(std::mem::take(&mut batch)).is_err() {
                        // The consumer has stopped and reports why.
                        return Ok(());
                    }
                }
            }
        }
        batch.bytes_read = bytes_read.load(Ordering::Relaxed);
        // Sent even if it is empty: it reports that all bytes are read.
        let _ = sender.send(batch);
        Ok(())
    }

    /// Sets the name of an order's organization. Returns why the order cannot be stored for its company; `None` if the
    /// company exists, has the organization, is billed in the currency of the order, and may have such amounts. A company
    /// that is in memory is not read again.
    fn complete(&mut self, order: &mut NewOrder) -> StoreResult<Option<String>> {
        let company_id = order.company_id;
        let Some(tenant) = self.tenants.get_or_load(self.store, company_id)? else {
            return Ok(Some(format!("CompanyID: {company_id} does not exist")));
        };
        let line = &mut order.line;
        let Some(name) = tenant.organizations.get(&line.organization_id) else {
            let organization = line.organization_id;
            return Ok(Some(format!(
                "OrganizationID: {organization} does not exist in company {company_id}"
            )));
        };
        if tenant.company.currency != line.currency {
            return Ok(Some(format!("Currency: must be {}, the company's", tenant.company.currency)));
        }
        line.organization_name.clone_from(name);
        let rounding = self.config.brand_of(&tenant.company).rounding;
        let is_acceptable = match line.amount_rule {
            AmountRule::Exact => true,
            AmountRule::CentUp => self.as_billed || rounding == Rounding::CentUp,
            AmountRule::AsBilled => self.as_billed,
        };
        let checked = if is_acceptable {
            order.check_deductions()
        } else {
            order.check_amounts(rounding, self.catalogue)
        };
        Ok(checked.err().map(|refused| refused.to_string()))
    }
}

/// The records to skip, read in step with the files: both are in the same order.
struct Exclusions<'a> {
    merge: Option<Merge<'a, ExcludedRecord>>,
    next: Option<ExcludedRecord>,
}

impl<'a> Exclusions<'a> {
    fn new(excluded: &'a mut Sorted<ExcludedRecord>) -> std::io::Result<Self> {
        let mut merge = excluded.merge()?;
        let next = merge.next()?;
        Ok(Self { merge: Some(merge), next })
    }

    /// Whether a record is excluded. Positions must be queried in ascending order.
    fn contains(&mut self, position: RecordPosition) -> std::io::Result<bool> {
        while let (Some(next), Some(merge)) = (&self.next, &mut self.merge)
            && next.position < position
        {
            self.next = merge.next()?;
        }
        Ok(self.next.is_some_and(|next| next.position == position))
    }
}
