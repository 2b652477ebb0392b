//! The columns of a sheet and their cell styles. The style table is in `parts`; its indices must agree.

use crate::cell::{self, Style};
use crate::error::{Error, TextTooLong};
use crate::limits::MAX_COLUMNS;
use crate::reference::{Head, ROW_END, RowDigits};
use crate::sheet_options::SheetOptions;

/// The kind of a column's values, which determines the style of the column. Single cells may be
/// of another kind, e.g. an amount with too many digits (see [`RowWriter::decimal`](crate::RowWriter::decimal)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// Names, order numbers, ids.
    Text,
    /// Whole numbers that are codes or numbers of something, shown without separators.
    Integer,
    /// Whole numbers that count something, shown with separators.
    Count,
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
            Self::Count => Style::Count,
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
    pub(crate) options: SheetOptions,
    /// The beginning of the cells of each column.
    pub(crate) heads: Vec<Head>,
    /// The beginning of a row.
    pub(crate) row_head: Head,
    /// The complete XML of the header row, which continuation sheets repeat.
    pub(crate) header_row: Vec<u8>,
    /// Rows of a part of the sheet below its header.
    pub(crate) part_rows: u32,
}

impl Layout {
    /// `sheet_rows` is the limit on rows of one sheet, the header row included.
    pub(crate) fn new(columns: &[Column], options: &SheetOptions, sheet_rows: u32) -> Result<Self, Error> {
        if columns.is_empty() || columns.len() > MAX_COLUMNS {
            return Err(Error::ColumnCount { found: columns.len() });
        }
        let heads: Vec<Head> = (1..=columns.len()).map(Head::of_column).collect();
        let digits = RowDigits::of(1);
        let mut header_row = Vec::new();
        let row_head = Head::of_row();
        row_head.push(&mut header_row, digits);
        header_row.extend_from_slice(b"\">");
        let style = if options.is_table { Style::Header } else { Style::Title };
        for (column, head) in columns.iter().zip(&heads).filter(|(column, _)| !column.header.is_empty()) {
            head.push(&mut header_row, digits);
            cell::push_text(&mut header_row, &column.header, style)
                .map_err(|source: TextTooLong| Error::Cell { column: column.header.clone(), source })?;
        }
        header_row.extend_from_slice(ROW_END);
        let (columns, options) = (columns.to_vec(), options.clone());
        Ok(Self { columns, options, heads, row_head, header_row, part_rows: sheet_rows - 1 })
    }
}
