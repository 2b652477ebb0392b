//! The cells of times that were written before. The orders of an hour have the same start and the same end.

use crate::cell;
use crate::fragment::new_id;

/// Cells that are kept. Few times are current at once; each has one slot.
const SLOTS: usize = 64;

/// Room for the body of a time; that of a text in any year is shorter.
const BODY_BYTES: usize = 64;

/// The cells of some times.
#[derive(Debug)]
pub(crate) struct TimeCells {
    slots: Vec<TimeCell>,
    scratch: Vec<u8>,
}

/// The body of the cell of a time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TimeCell {
    local_s: i64,
    body: [u8; BODY_BYTES],
    len: usize,
    /// The number of the body; 0 if there is none.
    pub(crate) id: u64,
}

impl TimeCells {
    pub(crate) fn new() -> Self {
        let empty = TimeCell { local_s: 0, body: [0; BODY_BYTES], len: 0, id: 0 };
        Self { slots: vec![empty; SLOTS], scratch: Vec::new() }
    }

    /// The cell of a local time in seconds.
    #[inline]
    pub(crate) fn of(&mut self, local_s: i64) -> TimeCell {
        // The highest bits of the product depend on all bits of the time (D. Knuth, "Sorting and Searching", 6.4).
        let mixed =
            local_s.cast_unsigned().wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (u64::BITS - SLOTS.ilog2());
        let slot = &mut self.slots[usize::try_from(mixed).unwrap_or(0) % SLOTS];
        if slot.id == 0 || slot.local_s != local_s {
            self.scratch.clear();
            cell::push_date_time(&mut self.scratch, local_s);
            let mut body = [0; BODY_BYTES];
            for (byte, written) in body.iter_mut().zip(&self.scratch) {
                *byte = *written;
            }
            *slot = TimeCell { local_s, body, len: self.scratch.len().min(BODY_BYTES), id: new_id() };
        }
        *slot
    }
}

impl TimeCell {
    /// Appends the body. A copy of a fixed size, of which the end is dropped, takes a few instructions.
    #[inline]
    pub(crate) fn push(&self, out: &mut Vec<u8>) {
        let end = out.len() + self.len;
        out.extend_from_slice(&self.body);
        out.truncate(end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_those_of_their_times_whatever_was_kept() {
        let mut cells = TimeCells::new();
        let times = (0..200).map(|hour| hour * 3_600).chain([i64::MIN, i64::MAX, -1, 253_402_300_800]);
        let times: Vec<i64> = times.collect();
        let mut seen = std::collections::HashMap::new();
        for &local_s in times.iter().chain(&times).chain(times.iter().rev()) {
            let cell = cells.of(local_s);
            let (mut written, mut expected) = (b"x".to_vec(), b"x".to_vec());
            cell.push(&mut written);
            cell::push_date_time(&mut expected, local_s);
            assert_eq!(written, expected, "{local_s}");
            let body = seen.entry(cell.id).or_insert_with(|| expected.clone());
            assert_eq!(*body, expected, "a number belongs to one body");
        }
    }
}
