//! Errors of writing a workbook.

use std::io;

use crate::limits::{MAX_CELL_UNITS, MAX_COLUMNS};

/// A text that does not fit in a cell. It is not truncated, because a truncated text would be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a text of {units} utf-16 units does not fit in a cell, which holds {MAX_CELL_UNITS}")]
pub struct TextTooLong {
    /// Length of the text in UTF-16 units.
    pub units: usize,
}

/// A workbook cannot be written. After any error the file is incomplete and [`Workbook::finish`] fails.
///
/// [`Workbook::finish`]: crate::Workbook::finish
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The output failed. Its error is unchanged, so a full disk is `ErrorKind::StorageFull`.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The text of a [`Fragment`](crate::Fragment::text) is too long.
    #[error(transparent)]
    Text(#[from] TextTooLong),
    /// A text of a row, or a header, is too long for a cell.
    #[error("column {column:?}: {source}")]
    Cell {
        /// The header of the column.
        column: String,
        /// The length of the text.
        source: TextTooLong,
    },
    /// A row has more or fewer cells than the sheet has columns.
    #[error("a row has {found} cells, but the sheet has {expected} columns")]
    CellCount {
        /// Columns of the sheet.
        expected: usize,
        /// Cells of the row.
        found: usize,
    },
    /// A sheet has no columns, or more than Excel allows.
    #[error("a sheet has {found} columns, but must have between 1 and {MAX_COLUMNS}")]
    ColumnCount {
        /// Number of columns.
        found: usize,
    },
    /// A row was written to an encoder that already holds [`CHUNK_ROWS`](crate::CHUNK_ROWS).
    #[error("the chunk is full")]
    ChunkFull,
    /// The XML of one chunk is too large for any sheet.
    #[error("a chunk of {bytes} bytes is too large for a sheet")]
    ChunkTooLarge {
        /// Size of the chunk's XML in bytes.
        bytes: u64,
    },
    /// A chunk was appended to a sheet other than the one whose encoder made it.
    #[error("the chunk was encoded for another sheet")]
    ForeignChunk,
    /// A sheet has more or fewer rows than were stated when it was started.
    #[error("the sheet has {found} rows, but {stated} were stated")]
    RowCount {
        /// Rows that were stated.
        stated: u64,
        /// Rows that were written.
        found: u64,
    },
    /// A sheet needs more parts than were planned, because it reached 4 GiB, or is not the one that was planned. The file
    /// must be written again without a plan.
    #[error("the sheets are not those that were planned")]
    Unplanned,
    /// The workbook has no sheet, which is not allowed (ECMA-376 part 1, 18.2.20 `sheets`).
    #[error("the workbook has no sheet")]
    NoSheet,
    /// An earlier call failed, so the file is unusable.
    #[error("an earlier error left the workbook incomplete")]
    Incomplete,
}
