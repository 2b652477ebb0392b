//! Uploads a finished spool file to a remote store, in one request or in parallel parts, and removes what a failed
//! upload leaves. The protocols define the requests.

use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Mutex, PoisonError};

use super::client::Client;
use super::journal::Journal;
use super::protocol::Upload;
use super::transport::{Caller, Piece};
use crate::error::ObjectStoreError;
use crate::key::ObjectKey;
use crate::spool::{FinishedSpool, Stored};
use crate::store::{Cancelled, PutOptions};

impl Client {
    /// Uploads the file. The journal exists from before the first request until nothing can be left of a failure.
    pub(super) fn upload(
        &self,
        key: &ObjectKey,
        spool: &FinishedSpool,
        options: &PutOptions,
        cancelled: Cancelled<'_>,
    ) -> Result<Stored, ObjectStoreError> {
        if cancelled() {
            return Err(ObjectStoreError::Cancelled);
        }
        let mut journal = self.open_journal(key)?;
        let limit = self.tuning.upload_timeout;
        let sent = if spool.stored.len <= self.protocol.whole_bytes() {
            self.protocol.put(&self.http.caller_until(limit, cancelled), key, spool, options)
        } else {
            self.upload_in_parts(key, spool, options, cancelled, &mut journal)
        };
        match sent {
            Ok(()) => {
                self.close_journal(journal);
                Ok(spool.stored.clone())
            }
            Err(error) => {
                self.undo(journal);
                Err(error)
            }
        }
    }

    fn upload_in_parts(
        &self,
        key: &ObjectKey,
        spool: &FinishedSpool,
        options: &PutOptions,
        cancelled: Cancelled<'_>,
        journal: &mut Journal,
    ) -> Result<(), ObjectStoreError> {
        let limit = self.tuning.upload_timeout;
        let is_over = AtomicBool::new(false);
        let is_cancelled = || cancelled() || is_over.load(Ordering::Relaxed);
        let caller = self.http.caller_until(limit, &is_cancelled);
        // An attempt whose reply is lost may have begun an upload whose id is unknown. It has no parts, and the sweep
        // ends it if the store lists it.
        let upload = self.protocol.begin(&caller, key, spool.stored.len, options)?;
        journal.record(&upload.id)?;
        let parts = self.send_parts(&caller, key, spool, &upload, &is_over)?;
        if cancelled() {
            return Err(ObjectStoreError::Cancelled);
        }
        let finished = self.protocol.finish(&caller, key, &upload, &parts, spool);
        match &finished {
            // An attempt whose reply was lost may have finished the upload, which the store then no longer knows. Keys
            // are used once, so an object of this size is this file.
            Err(ObjectStoreError::Remote(error))
                if error.status().is_some()
                    && !error.is_transient()
                    && matches!(self.protocol.len_of(&caller, key), Ok(Some(len)) if len == spool.stored.len) =>
            {
                Ok(())
            }
            _ => finished,
        }
    }

    /// Uploads all parts and returns the protocol's result for each, in order. Sets `is_over` when a part fails, so
    /// that the other threads stop.
    fn send_parts(
        &self,
        caller: &Caller<'_>,
        key: &ObjectKey,
        spool: &FinishedSpool,
        upload: &Upload,
        is_over: &AtomicBool,
    ) -> Result<Vec<String>, ObjectStoreError> {
        let len = spool.stored.len;
        let count = part_count(len, upload.part_bytes)?;
        let next = AtomicU16::new(0);
        let sent = Mutex::new(vec![String::new(); usize::from(count)]);
        let first_error = Mutex::new(None);
        let send = || {
            while !is_over.load(Ordering::Relaxed) {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    break;
                }
                let offset = u64::from(number) * upload.part_bytes;
                let piece =
                    Piece { path: spool.file.path(), offset, len: upload.part_bytes.min(len - offset) };
                match self.protocol.put_part(caller, key, upload, number, &piece) {
                    Ok(part) => {
                        sent.lock().unwrap_or_else(PoisonError::into_inner)[usize::from(number)] = part;
                    }
                    Err(error) => {
                        first_error.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                        is_over.store(true, Ordering::Relaxed);
                    }
                }
            }
        };
        std::thread::scope(|scope| {
            let threads = self.tuning.upload_threads.clamp(1, MAX_THREADS).min(usize::from(count));
            for _ in 1..threads {
                scope.spawn(send);
            }
            send();
        });
        match first_error.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(error) => Err(error),
            None => Ok(sent.into_inner().unwrap_or_else(PoisonError::into_inner)),
        }
    }

    /// Removes the remains of a failed upload. If that fails, the journal is kept.
    fn undo(&self, journal: Journal) {
        let caller = self.http.caller();
        match self.clean_up(&caller, journal.entry(), true) {
            Ok(()) => self.close_journal(journal),
            Err(error) => {
                tracing::error!(%error, key = journal.entry().key, "cannot clean up a failed upload; will retry");
                self.abandon_journal(journal);
            }
        }
    }
}

/// Limit on the threads of an upload. Each increments the counter once past the last part, which cannot overflow it.
const MAX_THREADS: usize = 64;

/// Limit of S3 on the parts of an upload; at US3's part size it allows 40 GB.
const MAX_PARTS: u64 = 10_000;

fn part_count(len: u64, part_bytes: u64) -> Result<u16, ObjectStoreError> {
    let count = len.div_ceil(part_bytes.max(1));
    u16::try_from(count).ok().filter(|_| count <= MAX_PARTS).ok_or_else(|| {
        let error = format!("{len} bytes are more than {MAX_PARTS} parts of {part_bytes} bytes");
        ObjectStoreError::io("upload", std::path::Path::new("the spool file"))(std::io::Error::other(error))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_the_file() {
        // length, part, count
        let table =
            [(1, 8, Some(1)), (8, 8, Some(1)), (9, 8, Some(2)), (80_000, 8, Some(10_000)), (80_001, 8, None)];
        for (len, part, count) in table {
            assert_eq!(part_count(len, part).ok(), count, "{len} {part}");
        }
    }
}
