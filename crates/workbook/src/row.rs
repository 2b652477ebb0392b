//! The cells of one row, in the order of the columns. Nothing is compressed or written out here.

use crate::cell::{self, Fragment, Style};
use crate::column::Layout;
use crate::error::Error;

/// Takes the cells of one row from left to right.
///
/// Calls do not fail one by one. The first fault of a row, a text too long or a cell too many, is reported by the call
/// that took the row: [`Sheet::rows`](crate::Sheet::rows) or [`ChunkEncoder::row`](crate::ChunkEncoder::row).
#[derive(Debug)]
pub struct RowWriter<'a> {
    layout: &'a Layout,
    xml: &'a mut Vec<u8>,
    /// Where each cell of the row ends in `xml`.
    ends: &'a mut Vec<usize>,
    fault: Option<Error>,
}

impl<'a> RowWriter<'a> {
    pub(crate) fn new(layout: &'a Layout, xml: &'a mut Vec<u8>, ends: &'a mut Vec<usize>) -> Self {
        ends.clear();
        xml.extend_from_slice(b"<row>");
        Self { layout, xml, ends, fault: None }
    }

    /// Closes the row, or says what was wrong with it.
    pub(crate) fn finish(mut self) -> Result<(), Error> {
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        let (found, expected) = (self.ends.len(), self.layout.columns.len());
        if found != expected {
            return Err(Error::CellCount { expected, found });
        }
        self.xml.extend_from_slice(b"</row>");
        Ok(())
    }

    /// A text cell; the empty text is an empty cell. The text is never a formula, whatever it starts with, and reads
    /// back as it is, control characters included. More than [`MAX_CELL_UNITS`](crate::MAX_CELL_UNITS) is a fault.
    #[inline]
    pub fn text(&mut self, text: &str) {
        if let Err(source) = cell::push_text(self.xml, text, Style::Text)
            && self.fault.is_none()
        {
            let column = self.layout.columns.get(self.ends.len()).map(|column| column.header.clone());
            self.fault = Some(Error::Cell { column: column.unwrap_or_default(), source });
        }
        self.ends.push(self.xml.len());
    }

    /// Ready-made cells.
    #[inline]
    pub fn fragment(&mut self, fragment: &Fragment) {
        self.ends.extend(fragment.ends_from(self.xml.len()));
        self.xml.extend_from_slice(fragment.xml());
    }

    /// A whole number. With more than 15 digits, which no spreadsheet keeps, it is a text cell with all its digits.
    #[inline]
    pub fn integer(&mut self, value: impl Into<i128>) {
        cell::push_integer(self.xml, value.into());
        self.ends.push(self.xml.len());
    }

    /// The exact decimal `mantissa × 10^-scale`, zeros at the end of the decimals left out. With more than 15 digits
    /// from the first that is not zero to the last decimal, it is a text cell with all its digits and at least two
    /// decimals (`10000000000000000.00`).
    #[inline]
    pub fn decimal(&mut self, mantissa: i128, scale: u8) {
        cell::push_decimal(self.xml, mantissa, scale);
        self.ends.push(self.xml.len());
    }

    /// A moment, in Unix seconds, shown in the time zone that is `utc_offset_s` seconds east of UTC at that moment.
    /// Outside 1900-03-01 to 9999-12-31, where spreadsheets have no or no common calendar, it is a text cell
    /// `yyyy-mm-dd hh:mm:ss`.
    #[inline]
    pub fn date_time(&mut self, unix_s: i64, utc_offset_s: i32) {
        cell::push_date_time(self.xml, unix_s, utc_offset_s);
        self.ends.push(self.xml.len());
    }

    /// An empty cell.
    #[inline]
    pub fn empty(&mut self) {
        self.xml.extend_from_slice(self.layout.empty.get(self.ends.len()).copied().unwrap_or_default());
        self.ends.push(self.xml.len());
    }
}
