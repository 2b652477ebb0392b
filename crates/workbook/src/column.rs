//! The columns of a sheet and their cell styles. The style table is in `parts`; its indices must agree.

use crate::cell::{self, Style};
use crate::error::{Error, TextTooLong};
use crate::limits::MAX_COLUMNS;

/// The kind of a column's values, which determines the style of the column and of its empty cells. Single cells may be
/// of another kind, e.g. an amount with too many digits (see [`RowWriter::decimal`](crate::RowWriter::decimal)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// Names, order numbers, ids.
    Text,
    /// Whole numbers, shown without separators.
    Integer,
    /// Amounts and prices, shown with at least two decimals.
    Decimal,
    /// Times, shown as `yyyy-mm-dd hh:mm:ss`.
    DateTime,
}

impl ColumnKind {
    pub(crate) fn style(self) -> Style {
        match self {
            Self::Text => Style::Text,
            Self::Integer => Style::Integer,
            Self::Decimal => Style::Decimal,
            Self::DateTime => Style::DateTime,
        }
    }
}

/// One column of a sheet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// The text of the header row.
    pub header: String,
    /// Width in characters of the default font, at most 255 (ECMA-376 part 1, 18.3.1.13 `col`).
    pub width: u8,
    /// The kind of its values.
    pub kind: ColumnKind,
}

impl Column {
    /// A column; `width` is in characters.
    pub fn new(header: impl Into<String>, width: u8, kind: ColumnKind) -> Self {
        Self { header: header.into(), width, kind }
    }
}

/// The precomputed XML of a sheet's columns, shared by all encoders of the sheet.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) columns: Vec<Column>,
    /// The empty cell of each column.
    pub(crate) empty: Vec<&'static [u8]>,
    /// The complete XML of the header row, which continuation sheets repeat.
    pub(crate) header_row: Vec<u8>,
}

impl Layout {
    pub(crate) fn new(columns: &[Column]) -> Result<Self, Error> {
        if columns.is_empty() || columns.len() > MAX_COLUMNS {
            return Err(Error::ColumnCount { found: columns.len() });
        }
        let mut header_row = b"<row>".to_vec();
        for column in columns {
            cell::push_text(&mut header_row, &column.header, Style::Header)
                .map_err(|source: TextTooLong| Error::Cell { column: column.header.clone(), source })?;
        }
        header_row.extend_from_slice(b"</row>");
        Ok(Self {
            empty: columns.iter().map(|column| cell::empty(column.kind.style())).collect(),
            columns: columns.to_vec(),
            header_row,
        })
    }
}
