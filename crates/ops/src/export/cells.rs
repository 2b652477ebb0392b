//! The cells of a workbook that all orders of a line share, made once.

use tollbook_store::LineNo;
use tollbook_workbook::{Fragment, RowWriter};

use crate::by_line::ByLine;
use crate::fields::{Cell, OrderField, OrderRow};
use crate::time_zone::Offsets;

/// Lines whose ready-made cells are kept at a time, a kilobyte or two each.
const CACHED_LINES: usize = 8_192;

/// Ready-made cells. Neighbouring cells that all orders of a line share are one piece, so that a row is a few pieces and
/// what differs between them.
pub(super) struct ReadyCells<'f> {
    runs: Vec<Run<'f>>,
    /// One piece for each run: `None` where cells differ from order to order.
    lines: ByLine<Vec<Option<Fragment>>>,
}

/// Neighbouring fields, all of the line or none of them.
struct Run<'f> {
    of_line: bool,
    fields: &'f [OrderField],
}

impl<'f> ReadyCells<'f> {
    pub(super) fn new(fields: &'f [OrderField]) -> Self {
        let runs = fields.chunk_by(|one, next| one.of_line == next.of_line);
        let runs = runs.map(|fields| Run { of_line: fields.iter().all(|field| field.of_line), fields });
        Self { runs: runs.collect(), lines: ByLine::at_most(CACHED_LINES) }
    }

    /// Writes the cells of an order.
    pub(super) fn write(
        &mut self,
        line_no: LineNo,
        row: &OrderRow<'_>,
        writer: &mut RowWriter<'_>,
        offsets: &mut Offsets<'_>,
    ) {
        let runs = &self.runs;
        let pieces = self.lines.get_or_make(line_no, || runs.iter().map(|run| run.piece(row)).collect());
        for (run, piece) in runs.iter().zip(pieces) {
            match piece {
                Some(piece) => writer.fragment(piece),
                None => run.fields.iter().for_each(|field| write_cell(writer, (field.value)(row), offsets)),
            }
        }
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
