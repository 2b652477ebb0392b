//! The cells of one row, in the order of the columns.

use crate::cell::{self, Style};
use crate::column::Layout;
use crate::error::Error;
use crate::fragment::Fragment;
use crate::reference::{ROW_END, RowDigits};
use crate::row_runs::CellSpan;
use crate::time_cells::TimeCells;

/// Writes the cells of one row from left to right.
///
/// Its methods do not fail. The first fault of a row, such as a text that is too long or an excess cell, is returned by
/// [`Sheet::rows`](crate::Sheet::rows) or [`ChunkEncoder::row`](crate::ChunkEncoder::row).
#[derive(Debug)]
pub struct RowWriter<'a> {
    layout: &'a Layout,
    digits: RowDigits,
    xml: &'a mut Vec<u8>,
    /// The start tag of the row, then each cell.
    cells: &'a mut Vec<CellSpan>,
    times: &'a mut TimeCells,
    fault: Option<Error>,
}

impl<'a> RowWriter<'a> {
    pub(crate) fn new(
        layout: &'a Layout,
        digits: RowDigits,
        xml: &'a mut Vec<u8>,
        cells: &'a mut Vec<CellSpan>,
        times: &'a mut TimeCells,
    ) -> Self {
        cells.clear();
        let start = xml.len();
        layout.row_head.push(xml, digits);
        let body = xml.len();
        xml.extend_from_slice(b"\">");
        cells.push(CellSpan { start, body, end: xml.len(), body_id: 0 });
        Self { layout, digits, xml, cells, times, fault: None }
    }

    /// Ends the row. Returns its first fault.
    pub(crate) fn finish(mut self) -> Result<(), Error> {
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        let (found, expected) = (self.column(), self.layout.columns.len());
        if found != expected {
            return Err(Error::CellCount { expected, found });
        }
        self.xml.extend_from_slice(ROW_END);
        Ok(())
    }

    /// The number of cells written, which is the index of the next column.
    fn column(&self) -> usize {
        self.cells.len() - 1
    }

    /// Writes the reference of the next cell and its body.
    #[inline]
    fn cell<T>(&mut self, push: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        self.numbered_cell(0, push)
    }

    /// [`cell`](Self::cell) with the number of its body.
    #[inline]
    fn numbered_cell<T>(&mut self, body_id: u64, push: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        let start = self.xml.len();
        // An excess cell has no column; the row is a fault.
        if let Some(head) = self.layout.heads.get(self.column()) {
            head.push(self.xml, self.digits);
        }
        let body = self.xml.len();
        let pushed = push(self.xml);
        self.cells.push(CellSpan { start, body, end: self.xml.len(), body_id });
        pushed
    }

    /// A text cell; an empty text is an empty cell. The text is never a formula, whatever it begins with, and is read
    /// back unchanged, including control characters. More than [`MAX_CELL_UNITS`](crate::MAX_CELL_UNITS) is a fault.
    #[inline]
    pub fn text(&mut self, text: &str) {
        if text.is_empty() {
            return self.empty();
        }
        self.styled_text(text, Style::Text);
    }

    fn styled_text(&mut self, text: &str, style: Style) {
        if let Err(source) = self.cell(|xml| cell::push_text(xml, text, style))
            && self.fault.is_none()
        {
            let column = self.layout.columns.get(self.column() - 1).map(|column| column.header.clone());
            self.fault = Some(Error::Cell { column: column.unwrap_or_default(), source });
        }
    }

    /// Cells encoded before.
    #[inline]
    pub fn fragment(&mut self, fragment: &Fragment) {
        for body in fragment.cells() {
            if body.is_empty() {
                self.empty();
            } else {
                self.numbered_cell(body.id, |xml| body.push(xml));
            }
        }
    }

    /// A whole number, shown without separators. With more than 15 digits, which spreadsheets round, it is a text cell with all its digits.
    #[inline]
    pub fn integer(&mut self, value: impl Into<i128>) {
        let value = value.into();
        self.cell(|xml| cell::push_integer(xml, value, Style::Integer));
    }

    /// A whole number that counts something, shown with separators.
    pub fn count(&mut self, value: impl Into<i128>) {
        let value = value.into();
        self.cell(|xml| cell::push_integer(xml, value, Style::Count));
    }

    /// A text in bold, such as a heading.
    pub fn bold_text(&mut self, text: &str) {
        if text.is_empty() { self.empty() } else { self.styled_text(text, Style::Header) }
    }

    /// A text in bold above numbers.
    pub fn right_text(&mut self, text: &str) {
        if text.is_empty() { self.empty() } else { self.styled_text(text, Style::RightHeader) }
    }

    /// A text in the row of a total, which has a line above it.
    pub fn total_text(&mut self, text: &str) {
        if text.is_empty() {
            self.cell(|xml| xml.extend_from_slice(cell::EMPTY_TOTAL));
        } else {
            self.styled_text(text, Style::TotalText);
        }
    }

    /// [`count`](Self::count) in the row of a total.
    pub fn total_count(&mut self, value: impl Into<i128>) {
        let value = value.into();
        self.cell(|xml| cell::push_integer(xml, value, Style::TotalCount));
    }

    /// [`decimal`](Self::decimal) in the row of a total.
    pub fn total_decimal(&mut self, mantissa: i128, scale: u8) {
        self.cell(|xml| cell::push_decimal(xml, mantissa, scale, Style::TotalDecimal));
    }

    /// The exact decimal `mantissa × 10^-scale` without trailing zeros. With more than 15 significant digits it is a
    /// text cell with all its digits and at least two decimals (`10000000000000000.00`).
    #[inline]
    pub fn decimal(&mut self, mantissa: i128, scale: u8) {
        self.cell(|xml| cell::push_decimal(xml, mantissa, scale, Style::Decimal));
    }

    /// A time in Unix seconds, shown in local time, `utc_offset_s` seconds ahead of UTC. Outside 1900-03-01 to
    /// 9999-12-31, where spreadsheets have no common calendar, it is a text cell `yyyy-mm-dd hh:mm:ss`.
    #[inline]
    pub fn date_time(&mut self, unix_s: i64, utc_offset_s: i32) {
        let cell = self.times.of(unix_s.saturating_add(i64::from(utc_offset_s)));
        self.numbered_cell(cell.id, |xml| cell.push(xml));
    }

    /// An empty cell: nothing is written, and the column's format holds.
    #[inline]
    pub fn empty(&mut self) {
        let at = self.xml.len();
        self.cells.push(CellSpan { start: at, body: at, end: at, body_id: 0 });
    }

    /// A cell by its body, as another chunk has it.
    pub(crate) fn raw(&mut self, body: &[u8]) {
        self.cell(|xml| xml.extend_from_slice(body));
    }

    /// Empty cells up to the column with this index.
    pub(crate) fn fill_to(&mut self, column: usize) {
        while self.column() < column {
            self.empty();
        }
    }

    /// Empty cells up to the end of the row.
    pub(crate) fn fill(&mut self) {
        self.fill_to(self.layout.columns.len());
    }
}
