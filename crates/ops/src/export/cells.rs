//! The cells of a workbook that all orders of a line share, made once.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use tollbook_store::LineNo;
use tollbook_workbook::{Fragment, RowWriter};

use crate::fields::{Cell, OrderField, OrderRow};
use crate::time_zone::Offsets;

/// Bytes of cells that are kept; a line takes a kilobyte or two. The cells of lines beyond are written each time.
const MOST_BYTES: usize = 32 << 20;

/// Ready-made cells, shared by all encoders of an export. Neighbouring cells that all orders of a line share are one
/// piece, so that a row is a few pieces and what differs between them.
pub(super) struct ReadyCells<'f> {
    runs: Vec<Run<'f>>,
    /// By line: one piece for each run, `None` where cells differ from order to order.
    lines: Vec<OnceLock<Vec<Option<Fragment>>>>,
    bytes: AtomicUsize,
}

/// Neighbouring fields, all of the line or none of them.
struct Run<'f> {
    of_line: bool,
    fields: &'f [OrderField],
}

impl<'f> ReadyCells<'f> {
    /// For the first `lines` lines of a company.
    pub(super) fn new(fields: &'f [OrderField], lines: usize) -> Self {
        let runs = fields.chunk_by(|one, next| one.of_line == next.of_line);
        let runs = runs.map(|fields| Run { of_line: fields.iter().all(|field| field.of_line), fields });
        Self {
            runs: runs.collect(),
            lines: (0..lines).map(|_| OnceLock::new()).collect(),
            bytes: AtomicUsize::new(0),
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
        let pieces = self.pieces(line_no, row).into_iter().flatten().map(Option::as_ref);
        // Of a line that is not kept there are no pieces, and every run is written out.
        for (run, piece) in self.runs.iter().zip(pieces.chain(std::iter::repeat(None))) {
            match piece {
                Some(piece) => writer.fragment(piece),
                None => run.fields.iter().for_each(|field| write_cell(writer, (field.value)(row), offsets)),
            }
        }
    }

    fn pieces(&self, line_no: LineNo, row: &OrderRow<'_>) -> Option<&Vec<Option<Fragment>>> {
        let line = self.lines.get(line_no as usize)?;
        if line.get().is_none() {
            // A few more, if several encoders come to the bound at once.
            if self.bytes.load(Ordering::Relaxed) >= MOST_BYTES {
                return None;
            }
            let made: Vec<_> = self.runs.iter().map(|run| run.piece(row)).collect();
            let bytes = made.iter().flatten().map(Fragment::size).sum();
            self.bytes.fetch_add(bytes, Ordering::Relaxed);
            return Some(line.get_or_init(|| made));
        }
        line.get()
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
