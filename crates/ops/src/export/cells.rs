//! The cells of a workbook that all orders of a line share, made once.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use tollbook_store::LineNo;
use tollbook_workbook::{Fragment, RowWriter};

use crate::fields::{Cell, OrderField, OrderRow};
use crate::time_zone::Offsets;

/// Lines whose ready-made cells are kept at a time, some 400 bytes each beside the cells themselves.
const CACHED_LINES: usize = 32_768;

/// Ready-made cells. Lines are combinations of few values: a cell is made once per value of its field, and lines point
/// to it.
pub(super) struct ReadyCells<'f> {
    fields: &'f [OrderField],
    /// By field and value.
    values: HashMap<(&'static str, Value), Arc<Fragment>>,
    /// By line; one entry per field, `None` for those that differ from order to order.
    lines: HashMap<LineNo, Vec<Option<Arc<Fragment>>>>,
}

/// A cell's value as a key.
#[derive(PartialEq, Eq, Hash)]
enum Value {
    Text(String),
    Integer(i128),
    Decimal(i128, u32),
}

impl Value {
    fn of(cell: Cell<'_>) -> Option<Self> {
        match cell {
            Cell::Text(text) => Some(Self::Text(text.to_owned())),
            Cell::Made(text) => Some(Self::Text(text)),
            Cell::Integer(number) => Some(Self::Integer(number)),
            Cell::Decimal { mantissa, places } => Some(Self::Decimal(mantissa, places)),
            Cell::Time(_) => None,
        }
    }

    /// The ready-made cell. A text too long for a cell has none; written as an ordinary cell it is refused with its
    /// column.
    fn fragment(&self) -> Option<Fragment> {
        match self {
            Self::Text(text) => Fragment::text(text).ok(),
            Self::Integer(number) => Some(Fragment::integer(*number)),
            Self::Decimal(mantissa, places) => Some(Fragment::decimal(*mantissa, scale_of(*places))),
        }
    }
}

impl<'f> ReadyCells<'f> {
    pub(super) fn new(fields: &'f [OrderField]) -> Self {
        Self { fields, values: HashMap::new(), lines: HashMap::new() }
    }

    /// Writes the cells of an order.
    pub(super) fn write(
        &mut self,
        line_no: LineNo,
        row: &OrderRow<'_>,
        writer: &mut RowWriter<'_>,
        offsets: &mut Offsets<'_>,
    ) {
        let fields = self.fields;
        for (field, cell) in fields.iter().zip(self.of(line_no, row)) {
            match cell {
                Some(fragment) => writer.fragment(fragment),
                None => write_cell(writer, (field.value)(row), offsets),
            }
        }
    }

    fn of(&mut self, line_no: LineNo, row: &OrderRow<'_>) -> &[Option<Arc<Fragment>>] {
        if self.lines.len() >= CACHED_LINES && !self.lines.contains_key(&line_no) {
            self.lines.clear();
            self.values.clear();
        }
        let values = &mut self.values;
        self.lines
            .entry(line_no)
            .or_insert_with(|| self.fields.iter().map(|field| shared_cell(field, row, values)).collect())
    }
}

/// The ready-made cell of a field, unless the field differs from order to order.
fn shared_cell(
    field: &OrderField,
    row: &OrderRow<'_>,
    values: &mut HashMap<(&'static str, Value), Arc<Fragment>>,
) -> Option<Arc<Fragment>> {
    if !field.of_line {
        return None;
    }
    let value = Value::of((field.value)(row))?;
    match values.entry((field.name, value)) {
        Entry::Occupied(entry) => Some(Arc::clone(entry.get())),
        Entry::Vacant(entry) => {
            let fragment = entry.key().1.fragment()?;
            Some(Arc::clone(entry.insert(Arc::new(fragment))))
        }
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
