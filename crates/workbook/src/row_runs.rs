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
}

/// Adds the next row of `buffer`, which is after `above`; its number has `changed` other digits at its end.
///
/// The heads of cells are known to be equal but for these digits, so that only bodies are compared, each with the one
/// above. A run of equal bytes ends where digits or bodies differ, and where a cell is that was not there above.
#[inline]
pub(crate) fn divide(sink: &mut impl Sink, buffer: &[u8], row: &RowSpan, above: &RowSpan, changed: usize) {
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
        let digits = cell.body - changed;
        sink.run(buffer, run.start, digits, run.distance);
        sink.literals(&buffer[digits..cell.body]);
        run = Run { start: cell.body, distance: cell.body - over.body };
        let (body, body_over) = (&buffer[cell.body..cell.end], &buffer[over.body..over.end]);
        if body == body_over {
            continue;
        }
        let same = common_prefix(body, body_over);
        let tail = common_suffix(&body[same..], &body_over[same..]);
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

/// The length of the common prefix of two slices.
#[inline]
fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    // Blocks first: testing them for equality takes a few vector instructions.
    const BLOCK: usize = 64;
    let blocks = a.as_chunks::<BLOCK>().0.iter().zip(b.as_chunks::<BLOCK>().0);
    let mut same = blocks.take_while(|(x, y)| x == y).count() * BLOCK;
    let words = a[same..].chunks_exact(8).zip(b[same..].chunks_exact(8));
    for (x, y) in words {
        let difference = word(x) ^ word(y);
        if difference != 0 {
            return same + difference.trailing_zeros() as usize / 8;
        }
        same += 8;
    }
    same + a[same..].iter().zip(&b[same..]).take_while(|(x, y)| x == y).count()
}

/// The length of the common suffix of two slices.
#[inline]
fn common_suffix(a: &[u8], b: &[u8]) -> usize {
    let words = a.rchunks_exact(8).zip(b.rchunks_exact(8));
    let mut same = 0;
    for (x, y) in words {
        let difference = word(x) ^ word(y);
        if difference != 0 {
            return same + difference.leading_zeros() as usize / 8;
        }
        same += 8;
    }
    let (a, b) = (&a[..a.len() - same], &b[..b.len() - same]);
    same + a.iter().rev().zip(b.iter().rev()).take_while(|(x, y)| x == y).count()
}

#[inline]
fn word(bytes: &[u8]) -> u64 {
    bytes.first_chunk().copied().map_or(0, u64::from_le_bytes)
}
