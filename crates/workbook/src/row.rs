//! The cells of one row, in the order of the columns.

use crate::cell::{self, Fragment, Style};
use crate::column::Layout;
use crate::error::Error;

/// Writes the cells of one row from left to right.
///
/// Its methods do not fail. The first fault of a row, such as a text that is too long or an excess cell, is returned by
/// [`Sheet::rows`](crate::Sheet::rows) or [`ChunkEncoder::row`](crate::ChunkEncoder::row).
#[derive(Debug)]
pub struct RowWriter<'a> {
    layout: &'a Layout,
    xml: &'a mut Vec<u8>,
    /// The end of each cell of the row in `xml`.
    ends: &'a mut Vec<usize>,
    fault: Option<Error>,
}

impl<'a> RowWriter<'a> {
    pub(crate) fn new(layout: &'a Layout, xml: &'a mut Vec<u8>, ends: &'a mut Vec<usize>) -> Self {
        ends.clear();
        xml.extend_from_slice(b"<row>");
        Self { layout, xml, ends, fault: None }
    }

    /// Ends the row. Returns its first fault.
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

    /// A text cell; an empty text is an empty cell. The text is never a formula, whatever it begins with, and is read
    /// back unchanged, including control characters. More than [`MAX_CELL_UNITS`](crate::MAX_CELL_UNITS) is a fault.
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

    /// Cells encoded before.
    #[inline]
    pub fn fragment(&mut self, fragment: &Fragment) {
        self.ends.extend(fragment.ends_from(self.xml.len()));
        self.xml.extend_from_slice(fragment.xml());
    }

    /// A whole number. With more than 15 digits, which spreadsheets round, it is a text cell with all its digits.
    #[inline]
    pub fn integer(&mut self, value: impl Into<i128>) {
        cell::push_integer(self.xml, value.into());
        self.ends.push(self.xml.len());
    }

    /// The exact decimal `mantissa × 10^-scale` without trailing zeros. With more than 15 significant digits it is a
    /// text cell with all its digits and at least two decimals (`10000000000000000.00`).
    #[inline]
    pub fn decimal(&mut self, mantissa: i128, scale: u8) {
        cell::push_decimal(self.xml, mantissa, scale);
        self.ends.push(self.xml.len());
    }

    /// A time in Unix seconds, shown in local time, `utc_offset_s` seconds ahead of UTC. Outside 1900-03-01 to
    /// 9999-12-31, where spreadsheets have no common calendar, it is a text cell `yyyy-mm-dd hh:mm:ss`.
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
