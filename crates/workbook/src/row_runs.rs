//! Divides a row of cells into runs that repeat the row above and literals. A general encoder searches for repetition;
//! here it is known to be in the row above, cell by cell.

/// The position of a cell in a buffer.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct CellSpan {
    pub(crate) start: usize,
    /// The end of the cell's head, whose last bytes are the number of its row.
    pub(crate) body: usize,
    /// The end of the cell, and its start if the cell is not there.
    pub(crate) end: usize,
    /// Cells with the same number other than 0 have the same body.
    pub(crate) body_id: u64,
}

impl CellSpan {
    fn is_absent(self) -> bool {
        self.start == self.end
    }

    /// Moves it `by` bytes to the front.
    pub(crate) fn move_back(&mut self, by: usize) {
        self.start -= by;
        self.body -= by;
        self.end -= by;
    }
}

/// The position of a row and its cells in a buffer. The first cell begins at the start of the row.
#[derive(Debug, Default, Clone)]
pub(crate) struct RowSpan {
    /// In order and adjacent.
    pub(crate) cells: Vec<CellSpan>,
    /// The end of the cells; the rest of a row is the same in every row.
    pub(crate) cells_end: usize,
    pub(crate) end: usize,
}

impl RowSpan {
    pub(crate) fn start(&self) -> usize {
        self.cells.first().map_or(self.cells_end, |cell| cell.start)
    }
}

/// Bytes that equal those `distance` bytes before them, from `start` on.
#[derive(Debug, Clone, Copy)]
struct Run {
    start: usize,
    distance: usize,
}

/// What rows are divided into.
pub(crate) trait Sink {
    /// Adds bytes.
    fn literals(&mut self, bytes: &[u8]);

    /// Adds the bytes from `start` to `end`, which equal those `distance` bytes before them.
    fn run(&mut self, buffer: &[u8], start: usize, end: usize, distance: usize);

    /// Announces the digits of the next row's number that differ from the row above.
    fn set_digits(&mut self, digits: &[u8]);

    /// Adds a [run](Self::run), then the digits.
    fn run_and_digits(&mut self, buffer: &[u8], start: usize, end: usize, distance: usize);
}

/// Adds the next row of `buffer`, which is after `above`; its number has `changed` other digits at its end.
///
/// The heads of cells are known to be equal but for these digits, so that only bodies are compared, each with the one
/// above. A run of equal bytes ends where digits or bodies differ, and where a cell is that was not there above.
#[inline]
pub(crate) fn divide(sink: &mut impl Sink, buffer: &[u8], row: &RowSpan, above: &RowSpan, changed: usize) {
    if let Some(first) = row.cells.first() {
        sink.set_digits(&buffer[first.body - changed..first.body]);
    }
    let mut run = Run { start: row.start(), distance: 0 };
    for (cell, over) in row.cells.iter().zip(&above.cells) {
        if cell.is_absent() {
            continue;
        }
        let distance = cell.start - over.start;
        if distance != run.distance || over.is_absent() {
            sink.run(buffer, run.start, cell.start, run.distance);
            run = Run { start: cell.start, distance };
        }
        if over.is_absent() {
            sink.literals(&buffer[cell.start..cell.end]);
            run = Run { start: cell.end, distance: cell.end - over.end };
            continue;
        }
        sink.run_and_digits(buffer, run.start, cell.body - changed, run.distance);
        run = Run { start: cell.body, distance: cell.body - over.body };
        if cell.body_id == over.body_id && cell.body_id != 0 {
            continue;
        }
        let (body, body_over) = (&buffer[cell.body..cell.end], &buffer[over.body..over.end]);
        let same = common_prefix(body, body_over);
        if same == body.len() && same == body_over.len() {
            continue;
        }
        let tail = common_suffix(body, body_over).min(body.len().min(body_over.len()) - same);
        sink.run(buffer, run.start, cell.body + same, run.distance);
        sink.literals(&buffer[cell.body + same..cell.end - tail]);
        run = Run { start: cell.end - tail, distance: cell.end - over.end };
    }
    let distance = row.cells_end - above.cells_end;
    if distance != run.distance {
        sink.run(buffer, run.start, row.cells_end, run.distance);
        run = Run { start: row.cells_end, distance };
    }
    sink.run(buffer, run.start, row.end, run.distance);
}

/// Bytes that are compared at once.
const WORD: usize = 16;

/// The length of the common prefix of two slices.
#[inline]
fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    let shorter = a.len().min(b.len());
    let (a, b) = (&a[..shorter], &b[..shorter]);
    let mut same = 0;
    for (x, y) in a.as_chunks().0.iter().zip(b.as_chunks().0) {
        let difference = u128::from_le_bytes(*x) ^ u128::from_le_bytes(*y);
        if difference != 0 {
            return same + difference.trailing_zeros() as usize / 8;
        }
        same += WORD;
    }
    // The rest is shorter than a word: the last word overlaps bytes that are known to be equal.
    match (a.last_chunk(), b.last_chunk()) {
        (Some(x), Some(y)) => {
            let difference = u128::from_le_bytes(*x) ^ u128::from_le_bytes(*y);
            shorter - WORD + difference.trailing_zeros() as usize / 8
        }
        _ => a.iter().zip(b).take_while(|(x, y)| x == y).count(),
    }
}

/// The length of the common suffix of two slices.
#[inline]
fn common_suffix(a: &[u8], b: &[u8]) -> usize {
    let shorter = a.len().min(b.len());
    let (a, b) = (&a[a.len() - shorter..], &b[b.len() - shorter..]);
    let mut same = 0;
    for (x, y) in a.as_rchunks().1.iter().rev().zip(b.as_rchunks().1.iter().rev()) {
        let difference = u128::from_le_bytes(*x) ^ u128::from_le_bytes(*y);
        if difference != 0 {
            return same + difference.leading_zeros() as usize / 8;
        }
        same += WORD;
    }
    // The rest is shorter than a word: the first word overlaps bytes that are known to be equal.
    match (a.first_chunk(), b.first_chunk()) {
        (Some(x), Some(y)) => {
            let difference = u128::from_le_bytes(*x) ^ u128::from_le_bytes(*y);
            shorter - WORD + difference.leading_zeros() as usize / 8
        }
        _ => a.iter().rev().zip(b.iter().rev()).take_while(|(x, y)| x == y).count(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn common_ends_are_those_found_byte_by_byte(a in "[ab]{0,70}", b in "[ab]{0,70}", start in "[ab]{0,40}", end in "[ab]{0,40}") {
            for (a, b) in [(a.clone(), b.clone()), (format!("{start}{a}{end}"), format!("{start}{b}{end}"))] {
                let (a, b) = (a.as_bytes(), b.as_bytes());
                let prefix = a.iter().zip(b).take_while(|(x, y)| x == y).count();
                let suffix = a.iter().rev().zip(b.iter().rev()).take_while(|(x, y)| x == y).count();
                prop_assert_eq!(common_prefix(a, b), prefix);
                prop_assert_eq!(common_suffix(a, b), suffix);
            }
        }
    }
}
