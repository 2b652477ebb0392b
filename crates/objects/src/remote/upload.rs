//! Bringing a finished spool file into a remote store: in one request or in parts, several at a time, and leaving
//! nothing behind when that fails. What is said on the wire is the protocols'.

use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Mutex, PoisonError};

use super::RemoteStore;
use super::http::{Caller, Piece};
use super::journal::Journal;
use super::protocol::Upload;
use crate::key::ObjectKey;
use crate::spool::FinishedSpool;
use crate::store::{Cancelled, ObjectStoreError, PutOptions, Stored};

impl RemoteStore {
    /// Brings the file into the store. The journal is there from before the first request until nothing can be left
    /// of a failure.
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
        let is_unwanted = || cancelled() || is_over.load(Ordering::Relaxed);
        let caller = self.http.caller_until(limit, &is_unwanted);
        // An attempt whose answer is lost may have begun an upload that nobody knows the id of. It holds no parts, and
        // the sweep ends it where the store lists it.
        let upload = self.protocol.begin(&caller, key, spool.stored.len, options)?;
        journal.note(&upload.id)?;
        let parts = self.send_parts(&caller, key, spool, &upload, &is_over)?;
        if cancelled() {
            return Err(ObjectStoreError::Cancelled);
        }
        let finished = self.protocol.finish(&caller, key, &upload, &parts, spool);
        match &finished {
            // An attempt whose answer was lost may have finished it, and then the upload is not known any more. Keys are
            // used once: what is there is this file.
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

    /// Sends all parts; answers what the protocol said of each, in order. Sets `is_over` at the first that fails, so
    /// that the others stop.
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
                    Ok(said) => {
                        sent.lock().unwrap_or_else(PoisonError::into_inner)[usize::from(number)] = said;
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

    /// Removes what a failed upload may have left. What cannot be removed now stays in the journal.
    fn undo(&self, journal: Journal) {
        let caller = self.http.caller();
        match self.clean_up(&caller, journal.entry(), true) {
            Ok(()) => self.close_journal(journal),
            Err(error) => {
                tracing::error!(%error, key = journal.entry().key, "a failed upload is cleaned up later");
                self.abandon_journal(journal);
            }
        }
    }
}

/// Threads beyond this many only wait for each other's network. Each counts once past the last part, which is far from
/// where the counter would begin anew.
const MAX_THREADS: usize = 64;

/// The most parts that S3 takes, and with them 40 GB of US3's.
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
