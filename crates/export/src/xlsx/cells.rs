//! The cells of a workbook that all orders of a line share, made once.

use std::collections::HashSet;
use std::mem::size_of_val;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tollbook_store::LineNo;
use tollbook_workbook::{Fragment, RowWriter};

use crate::fields::{Cell, OrderField, OrderRow};
use crate::time_zone::Offsets;

/// Most cells of a piece. Longer ones would be fewer to copy, but nearly each line would have its own, and all of them
/// together be more than a processor's caches hold.
const PIECE_CELLS: usize = 4;

/// Bytes of cells that are kept. Those of lines beyond are written each time.
const MOST_BYTES: usize = 32 << 20;

/// Ready-made cells, shared by all encoders of an export. Neighbouring cells that all orders of a line share are one
/// piece; lines are combinations of few values, so that most pieces serve many lines.
pub(super) struct ReadyCells<'f> {
    runs: Vec<Run<'f>>,
    /// By line.
    lines: Vec<OnceLock<Pieces>>,
    made: Mutex<Made>,
}

/// One for each run: `None` where cells differ from order to order.
type Pieces = Box<[Option<Arc<Fragment>>]>;

/// Neighbouring fields, all of the line or none of them.
struct Run<'f> {
    of_line: bool,
    fields: &'f [OrderField],
}

/// All pieces, each once, and what they and the lines take.
#[derive(Default)]
struct Made {
    pieces: HashSet<Arc<Fragment>>,
    bytes: usize,
}

impl<'f> ReadyCells<'f> {
    /// For the first `lines` lines of a company.
    pub(super) fn new(fields: &'f [OrderField], lines: usize) -> Self {
        let runs = fields.chunk_by(|one, next| one.of_line == next.of_line).flat_map(|fields| {
            let of_line = fields.iter().all(|field| field.of_line);
            let longest = if of_line { PIECE_CELLS } else { fields.len() };
            fields.chunks(longest).map(move |fields| Run { of_line, fields })
        });
        Self {
            runs: runs.collect(),
            lines: (0..lines).map(|_| OnceLock::new()).collect(),
            made: Mutex::default(),
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
        // Of a line that is not kept there are no pieces, and every run is written out.
        for (run, piece) in self.runs.iter().zip(pieces.chain(std::iter::repeat(None))) {
            match piece {
                Some(piece) => writer.fragment(piece),
                None => run.fields.iter().for_each(|field| write_cell(writer, (field.value)(row), offsets)),
            }
        }
    }

    fn pieces(&self, line_no: LineNo, row: &OrderRow<'_>) -> Option<&Pieces> {
        let line = self.lines.get(line_no as usize)?;
        match line.get() {
            Some(pieces) => Some(pieces),
            None => self.make(row).map(|made| line.get_or_init(|| made)),
        }
    }

    /// The pieces of a line, unless there are too many already.
    fn make(&self, row: &OrderRow<'_>) -> Option<Pieces> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if made.bytes >= MOST_BYTES {
            return None;
        }
        let pieces: Pieces =
            self.runs.iter().map(|run| run.piece(row).map(|piece| made.share(piece))).collect();
        made.bytes += size_of_val(pieces.as_ref());
        Some(pieces)
    }
}

impl Made {
    fn share(&mut self, piece: Fragment) -> Arc<Fragment> {
        if let Some(known) = self.pieces.get(&piece) {
            return Arc::clone(known);
        }
        self.bytes += piece.size();
        let piece = Arc::new(piece);
        self.pieces.insert(Arc::clone(&piece));
        piece
    }
}

impl Run<'_> {
    /// The cells as one piece, if all orders of the line share them. A text too long for a cell has none; written as an
    /// ordinary cell it is refused with its column.
    fn piece(&self, row: &OrderRow<'_>) -> Option<Fragment> {
        if !self.of_line {
            return None;
        }
        let cells: Option<Vec<Fragment>> =
            self.fields.iter().map(|field| fragment((field.value)(row))).collect();
        cells.map(|cells| Fragment::joined(&cells))
    }
}

fn fragment(cell: Cell<'_>) -> Option<Fragment> {
    match cell {
        Cell::Text(text) => Fragment::text(text).ok(),
        Cell::Made(text) => Fragment::text(&text).ok(),
        Cell::Integer(number) => Some(Fragment::integer(number)),
        Cell::Decimal { mantissa, places } => Some(Fragment::decimal(mantissa, scale_of(places))),
        // Its place in the time zone is the row's.
        Cell::Time(_) => None,
    }
}

fn scale_of(places: u32) -> u8 {
    u8::try_from(places).expect("money has a few places")
}

/// Writes a cell of any kind.
pub(super) fn write_cell(writer: &mut RowWriter<'_>, cell: Cell<'_>, offsets: &mut Offsets<'_>) {
    match cell {
        Cell::Text(text) => writer.text(text),
        Cell::Made(text) => writer.text(&text),
        Cell::Integer(number) => writer.integer(number),
        Cell::Decimal { mantissa, places } => writer.decimal(mantissa, scale_of(places)),
        Cell::Time(Some(unix_s)) => writer.date_time(unix_s, offsets.offset_s(unix_s)),
        Cell::Time(None) => writer.empty(),
    }
}
