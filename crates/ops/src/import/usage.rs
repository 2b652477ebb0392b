//! `tollbook usage import`: stores usage records from files. Unlike order files, they are not checked completely first:
//! each record has its own result, and repeating the import stores nothing twice.
//!
//! Reading and rating overlap with storing. The hours of the records are leased, so that no other process closes them
//! early; at the end, the import closes those that have ended.

use std::ops::ControlFlow;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use tollbook_domain::Usage;
use tollbook_formats::usage::{RecordFileError, Unmapped, UsageFile};
use tollbook_store::{Store, StoreError};

use crate::charging::{Charging, Closed, PartlyMatched, Rater, UsageResult, close_hour};
use crate::clock::Clock;
use crate::maintenance::leases::{HourLeases, holder_name};
use crate::webhooks::import_refused;

pub use crate::reasons::{Reasons, reason_class};

/// Records that are read and stored together.
const BATCH_RECORDS: usize = 2_000;
/// Batches between the reading and the storing thread.
const QUEUED_BATCHES: usize = 2;
/// Length of the leases on hours, in seconds. If an import crashes, its hours stay open until the leases expire.
const LEASE_S: i64 = 20;
/// Maximum number of refused records in a report.
const MAX_REFUSED: usize = 100;

/// A record that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedRecord {
    /// The file, as it was named.
    pub file: String,
    /// The line on which the record begins.
    pub line: u64,
    /// The reason.
    pub reason: String,
}

/// Counts of the records of one file, or of all files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsageCounts {
    /// Records in the file.
    pub read: u64,
    /// Records that were added to open hours.
    pub charged: u64,
    /// Records that cost nothing.
    pub free: u64,
    /// Records without a price.
    pub unpriced: u64,
    /// Records that were stored before.
    pub duplicate: u64,
    /// Refused records.
    pub refused: u64,
    /// Records that the mapping skipped.
    pub skipped: u64,
}

impl UsageCounts {
    fn add(&mut self, other: &Self) {
        self.read += other.read;
        self.charged += other.charged;
        self.free += other.free;
        self.unpriced += other.unpriced;
        self.duplicate += other.duplicate;
        self.refused += other.refused;
        self.skipped += other.skipped;
    }

    /// Records that this import stored.
    pub const fn accepted(&self) -> u64 {
        self.charged + self.free + self.unpriced
    }
}

/// Report of an import.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsageReport {
    /// Name and counts of each file.
    pub files: Vec<(String, UsageCounts)>,
    /// The first refused records; the counts include all of them.
    pub refused: Vec<RefusedRecord>,
    /// Number of refused records by reason.
    pub refusals: Reasons,
    /// Number of records without a price by reason.
    pub unpriced: Reasons,
    /// Skipped records by rule, and counts that the mapping does not account for, by name.
    pub unmapped: Unmapped,
    /// Models that are charged at prices which match only a part of their names.
    pub partly_matched: Vec<PartlyMatched>,
    /// Stored records that are older than gateways may report, and the time of the oldest one.
    pub old: u64,
    /// Its time, Unix seconds.
    pub oldest_s: Option<i64>,
    /// The hours that were closed at the end of the import.
    pub closed: Closed,
}

impl UsageReport {
    /// The counts of all files together.
    pub fn total(&self) -> UsageCounts {
        let mut total = UsageCounts::default();
        self.files.iter().for_each(|(_, counts)| total.add(counts));
        total
    }
}

/// Why an import did not finish. Accepted records are stored; repeating the import stores the rest.
#[derive(Debug, thiserror::Error)]
pub enum UsageImportError {
    /// A file cannot be read to its end.
    #[error(transparent)]
    Broken(#[from] RecordFileError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The progress callback stopped the import.
    #[error("stopped")]
    Stopped,
}

/// Called with the bytes read, the bytes of all files, and the stored records; may stop the import.
pub type UsageProgress<'a> = &'a mut dyn FnMut(u64, u64, u64) -> ControlFlow<()>;

struct RecordBatch {
    file: usize,
    /// Records or reasons for refusal, with the line on which each begins.
    records: Vec<(u64, Result<Usage, String>)>,
    /// In the last batch of a file: what the mapping did not turn into usage.
    unmapped: Unmapped,
}

/// Imports files in the given order.
///
/// # Errors
/// A file cannot be read to its end, the store fails, or `progress` stopped the import. The report covers the work until
/// then.
pub fn import_usage(
    charging: &Charging<'_>,
    clock: &dyn Clock,
    files: &[UsageFile],
    progress: UsageProgress<'_>,
) -> (UsageReport, Result<(), UsageImportError>) {
    let holder = holder_name("import");
    let span = tracing::info_span!("import_usage", holder);
    let _entered = span.enter();
    let mut report = UsageReport {
        files: files.iter().map(|file| (file.name().to_owned(), UsageCounts::default())).collect(),
        ..UsageReport::default()
    };
    let leases = HourLeases::new(charging.store, &holder, LEASE_S, clock.now_s());
    let mut import = UsageImport { charging, clock, files, leases };
    let stored = import.store_all(&mut report, progress);
    // Also after an error: hours with the records stored so far can be closed.
    let closed = import.close(&mut report);
    record_refused(charging.store, &report, clock.now_s());
    (report, stored.and(closed))
}

/// Writes the event about refused records. They are reported in any case.
fn record_refused(store: &dyn Store, report: &UsageReport, now_s: i64) {
    let total = report.total();
    if total.refused == 0 {
        return;
    }
    let files: Vec<&str> = report.files.iter().map(|(name, _)| name.as_str()).collect();
    let reasons: Vec<String> = report
        .refusals
        .by_frequency()
        .iter()
        .map(|(reason, records)| format!("{reason} ({records} records)"))
        .collect();
    let recorded = import_refused(store, "usage", &files, (total.read, total.refused), &reasons, now_s);
    if let Err(error) = recorded {
        tracing::warn!(%error, "the webhook about refused records was not recorded");
    }
}

struct UsageImport<'a> {
    charging: &'a Charging<'a>,
    clock: &'a dyn Clock,
    files: &'a [UsageFile],
    leases: HourLeases<'a>,
}

impl UsageImport<'_> {
    fn store_all(
        &mut self,
        report: &mut UsageReport,
        progress: UsageProgress<'_>,
    ) -> Result<(), UsageImportError> {
        let bytes_read = Arc::new(AtomicU64::new(0));
        let bytes_total = self.files.iter().map(UsageFile::bytes).sum();
        std::thread::scope(|scope| {
            let (sender, batches) = sync_channel(QUEUED_BATCHES);
            let of_reader = Arc::clone(&bytes_read);
            let files = self.files;
            let reader = scope.spawn(move || read_all(files, &of_reader, &sender));
            let mut storing = |stored| progress(bytes_read.load(Ordering::Relaxed), bytes_total, stored);
            let stored = self.store_batches(batches, report, &mut storing);
            let read = reader.join().unwrap_or_else(|panic| resume_unwind(panic));
            stored.and(read.map_err(UsageImportError::from))
        })
    }

    fn store_batches(
        &mut self,
        batches: Receiver<RecordBatch>,
        report: &mut UsageReport,
        progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<(), UsageImportError> {
        let mut rater = Rater::new(*self.charging, self.charging.config.charging.limits_of_imports());
        let mut stored = 0;
        for batch in batches {
            let now_s = self.clock.now_s();
            self.leases.renew_if_due(now_s)?;
            let (name, counts) = &mut report.files[batch.file];
            rater.audit_as_file(name);
            counts.skipped += batch.unmapped.skipped_records();
            report.unmapped.add(&batch.unmapped);
            counts.read += batch.records.len() as u64;
            let mut refuse = |line, reason: String, refused: &mut u64| {
                *refused += 1;
                report.refusals.add(&reason);
                if report.refused.len() < MAX_REFUSED {
                    report.refused.push(RefusedRecord { file: name.clone(), line, reason });
                }
            };
            let (mut lines, mut records) = (Vec::new(), Vec::new());
            for (line, record) in batch.records {
                match record {
                    Ok(usage) => {
                        lines.push(line);
                        records.push(usage);
                    }
                    Err(reason) => refuse(line, reason, &mut counts.refused),
                }
            }
            let times: Vec<i64> = records.iter().map(|usage: &Usage| usage.time_s).collect();
            let old_s = now_s.saturating_sub(self.charging.config.charging.past_s);
            let results = rater.accept(records, now_s, Some(self.leases.lease(now_s)))?;
            for ((line, time_s), result) in lines.into_iter().zip(times).zip(results) {
                let is_stored = !matches!(result, UsageResult::Duplicate | UsageResult::Refused(_));
                if is_stored && time_s < old_s {
                    report.old += 1;
                    report.oldest_s = Some(report.oldest_s.map_or(time_s, |oldest_s| oldest_s.min(time_s)));
                }
                match result {
                    UsageResult::Charged => counts.charged += 1,
                    UsageResult::Free => counts.free += 1,
                    UsageResult::Unpriced(reason) => {
                        counts.unpriced += 1;
                        report.unpriced.add(&reason);
                    }
                    UsageResult::Duplicate => counts.duplicate += 1,
                    UsageResult::Refused(reason) | UsageResult::Postponed(reason) => {
                        refuse(line, reason, &mut counts.refused);
                    }
                }
                stored += 1;
            }
            if report.partly_matched.len() != rater.partly_matched().len() {
                report.partly_matched = rater.partly_matched().cloned().collect();
            }
            if progress(stored).is_break() {
                return Err(UsageImportError::Stopped);
            }
        }
        Ok(())
    }

    /// Closes the leased hours that have ended, and releases the others.
    fn close(&mut self, report: &mut UsageReport) -> Result<(), UsageImportError> {
        let grace_s = self.charging.config.charging.grace_s;
        for hour in self.leases.hours()? {
            let now_s = self.clock.now_s();
            self.leases.renew_if_due(now_s)?;
            if hour.bucket.end_s.saturating_add(grace_s) <= now_s {
                report.closed.add(close_hour(self.charging, &hour, self.leases.holder(), now_s)?);
            } else {
                self.leases.release(&hour)?;
            }
        }
        Ok(())
    }
}

fn read_all(
    files: &[UsageFile],
    bytes_read: &Arc<AtomicU64>,
    sender: &SyncSender<RecordBatch>,
) -> Result<(), RecordFileError> {
    for (file, of_file) in files.iter().enumerate() {
        let mut reader = of_file.records(Arc::clone(bytes_read))?;
        let mut records = Vec::with_capacity(BATCH_RECORDS);
        let mut broken = None;
        for record in reader.by_ref() {
            match record {
                Ok(record) => records.push(record),
                Err(error) => broken = Some(error),
            }
            if records.len() == BATCH_RECORDS {
                let full = std::mem::replace(&mut records, Vec::with_capacity(BATCH_RECORDS));
                if sender.send(RecordBatch { file, records: full, unmapped: Unmapped::default() }).is_err() {
                    // The storing thread has ended and reports why.
                    return Ok(());
                }
            }
        }
        if sender.send(RecordBatch { file, records, unmapped: reader.unmapped().clone() }).is_err() {
            return Ok(());
        }
        if let Some(error) = broken {
            return Err(error);
        }
    }
    Ok(())
}
