//! External merge sort of fixed-size records: sorted runs are written to one temporary file and merged at the end.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

/// A record of a fixed number of bytes.
pub(super) trait FixedSize: Copy + Ord {
    /// The number of bytes.
    const BYTES: usize;

    /// Appends the record's bytes.
    fn write(&self, out: &mut Vec<u8>);

    /// Reads the bytes that [`Self::write`] appended.
    fn read(bytes: &[u8]) -> Self;
}

/// Maximum size of the read buffers of a merge, all runs together.
const MERGE_BYTES: usize = 16 << 20;
/// Minimum size of the read buffer of a run, so that reads are few. With more than 4,096 runs, the buffers exceed
/// [`MERGE_BYTES`].
const MIN_RUN_BUFFER_BYTES: usize = 4 << 10;

/// Collects records in any order.
pub(super) struct Sorter<R> {
    spool_dir: PathBuf,
    limit: usize,
    pending: Vec<R>,
    spool: Option<File>,
    /// Records in each run.
    runs: Vec<usize>,
}

impl<R: FixedSize> Sorter<R> {
    /// Holds up to `limit` records in memory. More are written to a temporary file in `spool_dir`, which has no name
    /// and is deleted when it is closed.
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
            // Freed, because the merge needs memory for its buffers.
            self.pending = Vec::new();
        }
        Ok(Sorted { records: self.pending, spool: self.spool, runs: self.runs })
    }
}

/// Sorted records, which can be read repeatedly.
pub(super) struct Sorted<R> {
    records: Vec<R>,
    spool: Option<File>,
    runs: Vec<usize>,
}

impl<R: FixedSize> Sorted<R> {
    /// Iterates over the records in ascending order.
    pub(super) fn merge(&mut self) -> io::Result<Merge<'_, R>> {
        let Some(spool) = &mut self.spool else {
            return Ok(Merge::Memory(self.records.iter()));
        };
        let buffer = (MERGE_BYTES / self.runs.len().max(1)).max(MIN_RUN_BUFFER_BYTES);
        let mut runs = RunMerge { spool, unread: Vec::new(), next_records: BinaryHeap::new() };
        let mut offset = 0;
        for length in &self.runs {
            let end = offset + (length * R::BYTES) as u64;
            let mut run = Run { offset, end, buffer_records: buffer / R::BYTES, buffer: Vec::new(), used: 0 };
            offset = end;
            if let Some(head) = run.next::<R>(runs.spool)? {
                runs.next_records.push(Reverse((head, runs.unread.len())));
            }
            runs.unread.push(run);
        }
        Ok(Merge::Runs(runs))
    }
}

/// An iteration over sorted records.
pub(super) enum Merge<'a, R> {
    /// All records are in memory.
    Memory(std::slice::Iter<'a, R>),
    /// The records are in sorted runs in the temporary file.
    Runs(RunMerge<'a, R>),
}

impl<R: FixedSize> Merge<'_, R> {
    /// The next record; `None` after the last.
    pub(super) fn next(&mut self) -> io::Result<Option<R>> {
        match self {
            Self::Memory(records) => Ok(records.next().copied()),
            Self::Runs(runs) => runs.next(),
        }
    }
}

/// The runs of a merge and the next record of each.
pub(super) struct RunMerge<'a, R> {
    spool: &'a mut File,
    unread: Vec<Run>,
    next_records: BinaryHeap<Reverse<(R, usize)>>,
}

impl<R: FixedSize> RunMerge<'_, R> {
    fn next(&mut self) -> io::Result<Option<R>> {
        let Some(mut head) = self.next_records.peek_mut() else {
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

/// The unread part of a run: its beginning in a buffer, the rest in the file.
struct Run {
    /// Offset of the first byte that is not in the buffer.
    offset: u64,
    /// Offset of the end of the run.
    end: u64,
    /// Capacity of the buffer, in records.
    buffer_records: usize,
    buffer: Vec<u8>,
    /// Bytes of the buffer that were read.
    used: usize,
}

impl Run {
    fn next<R: FixedSize>(&mut self, spool: &mut File) -> io::Result<Option<R>> {
        if self.used == self.buffer.len() {
            let length = ((self.buffer_records * R::BYTES) as u64).min(self.end - self.offset);
            self.buffer.clear();
            self.used = 0;
            spool.seek(SeekFrom::Start(self.offset))?;
            let read = spool.take(length).read_to_end(&mut self.buffer)? as u64;
            if read < length {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.offset += length;
        }
        if self.buffer.is_empty() {
            return Ok(None);
        }
        let record = R::read(&self.buffer[self.used..self.used + R::BYTES]);
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
        fn the_number_of_runs_does_not_change_the_result(
            records in proptest::collection::vec(0u64..50, 0..200),
            limit in 1usize..250,
        ) {
            let mut expected = records.clone();
            expected.sort_unstable();
            let twice = sorted(limit, &records);
            prop_assert_eq!(&twice[0], &expected);
            prop_assert_eq!(&twice[1], &expected, "the second iteration");
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
    fn a_missing_spool_directory_is_an_error() {
        let mut sorter = Sorter::new("/nonexistent/spool".into(), 1);
        sorter.push(1).unwrap();
        assert!(sorter.push(2).is_err());
    }
}
