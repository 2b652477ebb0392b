//! `tollbook usage import`: files of usage records into the store. Unlike order files they are not checked whole first:
//! each record's fate is its own, the good ones are in, and doing it again adds nothing twice.
//!
//! Reading and rating overlap with storing. The hours that an import touches are held, so that nobody closes them half;
//! at its end it closes those that are over.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use tollbook_domain::Usage;
use tollbook_store::{Hold, StoreError};

use crate::charging::{Charging, Closed, Rater, UsageResult, close_hour};
use crate::clock::Clock;
use crate::random;
use tollbook_formats::usage::{RecordFileError, UsageFile};

/// Records that are handed on together.
const BATCH_RECORDS: usize = 2_000;
/// Batches that wait between the one who reads and the one who stores.
const WAITING: usize = 2;
/// How long touched hours are held, and after how long they are held longer, in seconds. Whoever dies over an import
/// keeps them open for so long.
const HOLD_S: i64 = 20;
const RENEW_S: i64 = 5;

/// A record that was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedRecord {
    /// As the file was named.
    pub file: String,
    /// Where it begins.
    pub line: u64,
    /// Why.
    pub reason: String,
}

/// What became of the records of one file, or of all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsageCounts {
    /// Records in the file.
    pub read: u64,
    /// Added to open hours.
    pub charged: u64,
    /// Cost nothing.
    pub free: u64,
    /// Have no price yet.
    pub unpriced: u64,
    /// Were there already.
    pub duplicate: u64,
    /// Were not taken.
    pub refused: u64,
    /// Were passed over by the mapping.
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

    /// In the store now for the first time.
    pub const fn accepted(&self) -> u64 {
        self.charged + self.free + self.unpriced
    }
}

/// What an import did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsageReport {
    /// Of each file, as it was named.
    pub files: Vec<(String, UsageCounts)>,
    /// The first refused records; all are counted.
    pub refused: Vec<RefusedRecord>,
    /// The hours that were closed at its end.
    pub closed: Closed,
}

impl UsageReport {
    /// Over all files.
    pub fn total(&self) -> UsageCounts {
        let mut total = UsageCounts::default();
        self.files.iter().for_each(|(_, counts)| total.add(counts));
        total
    }
}

/// Why an import did not come to its end. What was accepted before is stored; doing it again completes it.
#[derive(Debug, thiserror::Error)]
pub enum UsageImportError {
    /// A file cannot be read on.
    #[error(transparent)]
    Broken(#[from] RecordFileError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Whoever watches stopped it.
    #[error("stopped")]
    Stopped,
}

/// Refused records that a report names; all are counted.
const MAX_REFUSED: usize = 100;

/// How far it is: bytes read of all bytes, and records that are stored.
pub type UsageProgress<'a> = &'a mut dyn FnMut(u64, u64, u64) -> ControlFlow<()>;

struct Batch {
    file: usize,
    records: Vec<(u64, Result<Usage, String>)>,
    /// With the last batch of a file: how many records the mapping passed over.
    skipped: u64,
}

/// Imports files in their order.
///
/// # Errors
/// A file that cannot be read to its end, or the database. The report of what was done until then comes with it.
pub fn import_usage(
    charging: &Charging<'_>,
    clock: &dyn Clock,
    files: &[UsageFile],
    progress: UsageProgress<'_>,
) -> (UsageReport, Result<(), UsageImportError>) {
    let holder = format!("import {}", random::token_lower(12));
    let mut report = UsageReport {
        files: files.iter().map(|file| (file.name().to_owned(), UsageCounts::default())).collect(),
        ..UsageReport::default()
    };
    let import = Import { charging, clock, files, holder: &holder };
    let stored = import.store_all(&mut report, progress);
    // Also after a failure: what is in is complete as far as it goes.
    let closed = import.close(&mut report);
    (report, stored.and(closed))
}

struct Import<'a> {
    charging: &'a Charging<'a>,
    clock: &'a dyn Clock,
    files: &'a [UsageFile],
    holder: &'a str,
}

impl Import<'_> {
    fn store_all(
        &self,
        report: &mut UsageReport,
        progress: UsageProgress<'_>,
    ) -> Result<(), UsageImportError> {
        let bytes_read = Arc::new(AtomicU64::new(0));
        let bytes_total = self.files.iter().map(UsageFile::bytes).sum();
        std::thread::scope(|scope| {
            let (sender, batches) = sync_channel(WAITING);
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
        &self,
        batches: Receiver<Batch>,
        report: &mut UsageReport,
        progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<(), UsageImportError> {
        let mut rater = Rater::new(*self.charging, self.charging.config.charging.limits_of_files());
        let mut stored = 0;
        let mut renewed_s = self.clock.now_s();
        for batch in batches {
            let now_s = self.clock.now_s();
            if now_s >= renewed_s + RENEW_S {
                self.hold_longer(now_s)?;
                renewed_s = now_s;
            }
            let hold = Hold { holder: self.holder, until_s: now_s.saturating_add(HOLD_S) };
            let (name, counts) = &mut report.files[batch.file];
            counts.skipped += batch.skipped;
            counts.read += batch.records.len() as u64;
            let mut refuse = |line, reason, refused: &mut u64| {
                *refused += 1;
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
            for (line, pricing_state) in lines.into_iter().zip(rater.accept(records, now_s, Some(hold))?) {
                match pricing_state {
                    UsageResult::Charged => counts.charged += 1,
                    UsageResult::Free => counts.free += 1,
                    UsageResult::Unpriced(_) => counts.unpriced += 1,
                    UsageResult::Duplicate => counts.duplicate += 1,
                    UsageResult::Refused(reason) => refuse(line, reason, &mut counts.refused),
                }
                stored += 1;
            }
            if progress(stored).is_break() {
                return Err(UsageImportError::Stopped);
            }
        }
        Ok(())
    }

    /// A company in each transaction, locked, as by whoever adds usage to its hours.
    fn hold_longer(&self, now_s: i64) -> Result<(), StoreError> {
        let hold = Hold { holder: self.holder, until_s: now_s.saturating_add(HOLD_S) };
        let hours = self.charging.store.snapshot()?.held_hours(self.holder)?;
        let companies: BTreeSet<i64> = hours.iter().map(|hour| hour.company_id).collect();
        for company_id in companies {
            let mut transaction = self.charging.store.begin()?;
            transaction.lock_company(company_id)?;
            transaction.renew_holds(company_id, &hold)?;
            transaction.commit()?;
        }
        Ok(())
    }

    /// Closes the touched hours that are over, and lets go of the others.
    fn close(&self, report: &mut UsageReport) -> Result<(), UsageImportError> {
        let grace_s = self.charging.config.charging.grace_s;
        let mut renewed_s = self.clock.now_s();
        for hour in self.charging.store.snapshot()?.held_hours(self.holder)? {
            let now_s = self.clock.now_s();
            if now_s >= renewed_s + RENEW_S {
                self.hold_longer(now_s)?;
                renewed_s = now_s;
            }
            if hour.bucket.end_s.saturating_add(grace_s) <= now_s {
                let closed = close_hour(self.charging, &hour, self.holder, now_s)?;
                report.closed.hours += closed.hours;
                report.closed.paid += closed.paid;
                report.closed.unpaid += closed.unpaid;
            } else {
                let mut transaction = self.charging.store.begin()?;
                transaction.release_hour(&hour, self.holder)?;
                transaction.commit()?;
            }
        }
        Ok(())
    }
}

fn read_all(
    files: &[UsageFile],
    bytes_read: &Arc<AtomicU64>,
    sender: &SyncSender<Batch>,
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
                if sender.send(Batch { file, records: full, skipped: 0 }).is_err() {
                    // Nobody wants more; why, the one who stores says.
                    return Ok(());
                }
            }
        }
        if sender.send(Batch { file, records, skipped: reader.skipped() }).is_err() {
            return Ok(());
        }
        if let Some(error) = broken {
            return Err(error);
        }
    }
    Ok(())
}
