//! Sorting more fixed-size records than memory should hold: sorted runs in one temporary file, merged at the end.
//! What the records mean is not known here.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

/// A record of a fixed number of bytes.
pub(super) trait FixedSize: Copy + Ord {
    /// How many.
    const BYTES: usize;

    /// Appends the record's bytes.
    fn write(&self, out: &mut Vec<u8>);

    /// The record of the bytes that [`Self::write`] appended.
    fn read(bytes: &[u8]) -> Self;
}

/// What a merge holds of all runs together.
const MERGE_BYTES: usize = 16 << 20;
/// What it holds at least of each, so that reads stay few: thousands of runs need a little more than the above.
const MIN_RUN_BUFFER_BYTES: usize = 4 << 10;

/// Takes records in any order.
pub(super) struct Sorter<R> {
    spool_dir: PathBuf,
    limit: usize,
    pending: Vec<R>,
    spool: Option<File>,
    /// Records in each run.
    runs: Vec<usize>,
}

impl<R: FixedSize> Sorter<R> {
    /// Holds up to `limit` records in memory; more are spooled in a temporary file in `spool_dir`, which has no name
    /// and is gone with the sorter.
    pub(super) fn new(spool_dir: PathBuf, limit: usize) -> Self {
        Self { spool_dir, limit: limit.max(1), pending: Vec::new(), spool: None, runs: Vec::new() }
    }

    pub(super) fn push(&mut self, record: R) -> io::Result<()> {
        if self.pending.len() == self.limit {
            self.spill()?;
        }
        self.pending.push(record);
        Ok(())
    }

    fn spill(&mut self) -> io::Result<()> {
        if self.spool.is_none() {
            self.spool = Some(tempfile::tempfile_in(&self.spool_dir)?);
        }
        self.pending.sort_unstable();
        let mut out = Vec::with_capacity(MIN_RUN_BUFFER_BYTES * 64);
        if let Some(spool) = &mut self.spool {
            for records in self.pending.chunks(4_096) {
                out.clear();
                for record in records {
                    record.write(&mut out);
                }
                spool.write_all(&out)?;
            }
        }
        self.runs.push(self.pending.len());
        self.pending.clear();
        Ok(())
    }

    /// All records, sorted.
    pub(super) fn finish(mut self) -> io::Result<Sorted<R>> {
        if self.runs.is_empty() {
            self.pending.sort_unstable();
        } else {
            self.spill()?;
            // The merge needs the memory now.
            self.pending = Vec::new();
        }
        Ok(Sorted { records: self.pending, spool: self.spool, runs: self.runs })
    }
}

/// Sorted records, to be read any number of times.
pub(super) struct Sorted<R> {
    records: Vec<R>,
    spool: Option<File>,
    runs: Vec<usize>,
}

impl<R: FixedSize> Sorted<R> {
    /// Reads them from the smallest on.
    pub(super) fn merge(&mut self) -> io::Result<Merge<'_, R>> {
        let Some(spool) = &mut self.spool else {
            return Ok(Merge::Memory(self.records.iter()));
        };
        let buffer = (MERGE_BYTES / self.runs.len().max(1)).max(MIN_RUN_BUFFER_BYTES);
        let mut runs = Runs { spool, unread: Vec::new(), heads: BinaryHeap::new() };
        let mut at = 0;
        for length in &self.runs {
            let end = at + (length * R::BYTES) as u64;
            let mut run = Run { at, end, records: buffer / R::BYTES, bytes: Vec::new(), used: 0 };
            at = end;
            if let Some(head) = run.next::<R>(runs.spool)? {
                runs.heads.push(Reverse((head, runs.unread.len())));
            }
            runs.unread.push(run);
        }
        Ok(Merge::Runs(runs))
    }
}

/// Gives sorted records one by one.
pub(super) enum Merge<'a, R> {
    /// They fitted in memory.
    Memory(std::slice::Iter<'a, R>),
    /// They did not.
    Runs(Runs<'a, R>),
}

impl<R: FixedSize> Merge<'_, R> {
    /// The next record; `None` behind the last.
    pub(super) fn next(&mut self) -> io::Result<Option<R>> {
        match self {
            Self::Memory(records) => Ok(records.next().copied()),
            Self::Runs(runs) => runs.next(),
        }
    }
}

/// The runs of a merge and the first record of each.
pub(super) struct Runs<'a, R> {
    spool: &'a mut File,
    unread: Vec<Run>,
    heads: BinaryHeap<Reverse<(R, usize)>>,
}

impl<R: FixedSize> Runs<'_, R> {
    fn next(&mut self) -> io::Result<Option<R>> {
        let Some(mut head) = self.heads.peek_mut() else {
            return Ok(None);
        };
        let Reverse((record, run)) = *head;
        if let Some(next) = self.unread[run].next(self.spool)? {
            *head = Reverse((next, run));
        } else {
            PeekMut::pop(head);
        }
        Ok(Some(record))
    }
}

/// What is unread of a run: a part in memory, the rest in the file.
struct Run {
    at: u64,
    end: u64,
    records: usize,
    bytes: Vec<u8>,
    used: usize,
}

impl Run {
    fn next<R: FixedSize>(&mut self, spool: &mut File) -> io::Result<Option<R>> {
        if self.used == self.bytes.len() {
            let length = ((self.records * R::BYTES) as u64).min(self.end - self.at);
            self.bytes.clear();
            self.used = 0;
            spool.seek(SeekFrom::Start(self.at))?;
            let read = spool.take(length).read_to_end(&mut self.bytes)? as u64;
            if read < length {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.at += length;
        }
        if self.bytes.is_empty() {
            return Ok(None);
        }
        let record = R::read(&self.bytes[self.used..self.used + R::BYTES]);
        self.used += R::BYTES;
        Ok(Some(record))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    impl FixedSize for u64 {
        const BYTES: usize = 8;

        fn write(&self, out: &mut Vec<u8>) {
            out.extend(self.to_le_bytes());
        }

        fn read(bytes: &[u8]) -> Self {
            Self::from_le_bytes(bytes.try_into().unwrap())
        }
    }

    fn sorted(limit: usize, records: &[u64]) -> [Vec<u64>; 2] {
        let dir = tempfile::tempdir().unwrap();
        let mut sorter = Sorter::new(dir.path().to_owned(), limit);
        for record in records {
            sorter.push(*record).unwrap();
        }
        let mut sorted = sorter.finish().unwrap();
        std::array::from_fn(|_| {
            let mut merge = sorted.merge().unwrap();
            std::iter::from_fn(|| merge.next().unwrap()).collect()
        })
    }

    proptest! {
        #[test]
        fn runs_make_no_difference(records in proptest::collection::vec(0u64..50, 0..200), limit in 1usize..250) {
            let mut expected = records.clone();
            expected.sort_unstable();
            let twice = sorted(limit, &records);
            prop_assert_eq!(&twice[0], &expected);
            prop_assert_eq!(&twice[1], &expected, "the second reading");
        }
    }

    #[test]
    fn buffers_are_filled_more_than_once() {
        let records: Vec<u64> = (0..400_000u64).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
        let mut expected = records.clone();
        expected.sort_unstable();
        assert_eq!(sorted(90, &records)[1], expected);
    }

    #[test]
    fn a_spool_directory_that_is_not_there_is_an_error() {
        let mut sorter = Sorter::new("/nonexistent/spool".into(), 1);
        sorter.push(1).unwrap();
        assert!(sorter.push(2).is_err());
    }
}
