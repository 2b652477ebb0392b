//! The cells of a workbook, and a cache of those that all orders of a line share.

use std::mem::size_of_val;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tollbook_store::LineNo;
use tollbook_workbook::{Cells, Fragment, FragmentPool, RowWriter};

use crate::fields::{Cell, OrderField, OrderRow, Scope, runs_of_one_scope};
use crate::time_zone::{LocalTime, Offsets};

/// Most cells of a piece. Longer pieces would need fewer copies, but nearly every line would need its own, and together
/// they would exceed the processor's caches.
const MAX_PIECE_CELLS: usize = 4;

/// Most bytes of the cache. The cells of further lines are written each time.
const MAX_BYTES: usize = 32 << 20;

/// A cache of encoded cells for all encoders of an export. Neighbouring cells that all orders of a line share are one
/// piece. Lines are combinations of few values, so most pieces serve many lines.
pub(super) struct SharedCells<'f> {
    runs: Vec<Run<'f>>,
    /// By line.
    lines: Vec<SharedLine>,
    pool: Mutex<PiecePool>,
}

/// The cells that the orders of one line share.
#[derive(Default)]
struct SharedLine {
    /// Set by the first order. Most lines of a short export have one order, for which pieces would be made in vain.
    is_seen: AtomicBool,
    pieces: OnceLock<Pieces>,
}

/// One for each run; `None` if its cells differ from order to order.
type Pieces = Box<[Option<Arc<Fragment>>]>;

/// Neighbouring fields of one scope.
struct Run<'f> {
    scope: Scope,
    fields: &'f [OrderField],
}

/// Every distinct piece, and the bytes of the lines.
#[derive(Default)]
struct PiecePool {
    pieces: FragmentPool,
    line_bytes: usize,
}

impl<'f> SharedCells<'f> {
    /// An empty cache for the first `lines` lines of a company.
    pub(super) fn new(fields: &'f [OrderField], lines: usize) -> Self {
        let runs = runs_of_one_scope(fields).flat_map(|(scope, fields)| {
            let longest = match scope {
                Scope::PerLine => MAX_PIECE_CELLS,
                Scope::PerRow => fields.len(),
            };
            fields.chunks(longest).map(move |fields| Run { scope, fields })
        });
        Self {
            runs: runs.collect(),
            lines: (0..lines).map(|_| SharedLine::default()).collect(),
            pool: Mutex::default(),
        }
    }

    /// Writes the cells of an order.
    pub(super) fn write(
        &self,
        line_no: LineNo,
        row: &OrderRow<'_>,
        writer: &mut RowWriter<'_>,
        offsets: &mut Offsets<'_>,
    ) {
        let pieces = self.pieces(line_no, row).into_iter().flatten().map(Option::as_deref);
        // A line without pieces has all its runs written.
        for (run, piece) in self.runs.iter().zip(pieces.chain(std::iter::repeat(None))) {
            match piece {
                Some(piece) => writer.fragment(piece),
                None => run.fields.iter().for_each(|field| write_cell(writer, (field.value)(row), offsets)),
            }
        }
    }

    fn pieces(&self, line_no: LineNo, row: &OrderRow<'_>) -> Option<&Pieces> {
        let line = self.lines.get(line_no as usize)?;
        match line.pieces.get() {
            Some(pieces) => Some(pieces),
            None if !line.is_seen.swap(true, Ordering::Relaxed) => None,
            None => self.make_pieces(row).map(|pieces| line.pieces.get_or_init(|| pieces)),
        }
    }

    /// The pieces of a line, unless the cache is full.
    fn make_pieces(&self, row: &OrderRow<'_>) -> Option<Pieces> {
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        if pool.pieces.bytes() + pool.line_bytes >= MAX_BYTES {
            return None;
        }
        let pieces: Pieces = self.runs.iter().map(|run| run.piece(row, &mut pool.pieces)).collect();
        pool.line_bytes += size_of_val(pieces.as_ref());
        Some(pieces)
    }
}

impl Run<'_> {
    /// The cells as one piece, if all orders of the line share them. None if a text is too long for a cell; when it is
    /// written as an ordinary cell, the error names its column.
    fn piece(&self, row: &OrderRow<'_>, pool: &mut FragmentPool) -> Option<Arc<Fragment>> {
        if self.scope == Scope::PerRow {
            return None;
        }
        let cells = |cells: &mut Cells| {
            self.fields.iter().try_for_each(|field| push_cell(cells, (field.value)(row)).ok_or(()))
        };
        pool.share(cells).ok()
    }
}

/// Adds a cell, unless it cannot be shared.
fn push_cell(cells: &mut Cells, cell: Cell<'_>) -> Option<()> {
    match cell {
        Cell::Text(text) => cells.text(text).ok()?,
        Cell::OwnedText(text) => cells.text(&text).ok()?,
        Cell::Integer(number) => cells.integer(number),
        Cell::Decimal { mantissa, places } => cells.decimal(mantissa, scale_of(places)),
        // The offset of the time zone differs from row to row.
        Cell::Time(_) => return None,
    }
    Some(())
}

fn scale_of(places: u32) -> u8 {
    u8::try_from(places).expect("a decimal has few places")
}

/// Writes a cell.
pub(super) fn write_cell(writer: &mut RowWriter<'_>, cell: Cell<'_>, offsets: &mut Offsets<'_>) {
    match cell {
        Cell::Text(text) => writer.text(text),
        Cell::OwnedText(text) => writer.text(&text),
        Cell::Integer(number) => writer.integer(number),
        Cell::Decimal { mantissa, places } => writer.decimal(mantissa, scale_of(places)),
        Cell::Time(Some(unix_s)) => match offsets.local(unix_s) {
            // A date cell has no offset, so the two times that the clocks show alike would be equal.
            local @ LocalTime { is_repeated: true, .. } => {
                let mut text = String::new();
                local.push_text(&mut text, unix_s);
                writer.text(&text);
            }
            LocalTime { offset_s, .. } => writer.date_time(unix_s, offset_s),
        },
        Cell::Time(None) => writer.empty(),
    }
}
