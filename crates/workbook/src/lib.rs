//! A streaming `.xlsx` writer: rows go in, bytes come out in order, and nothing but the open chunk of rows is held.
//! It knows columns and cells. It may not know orders, databases or clocks: the one time in a file is a parameter.
//!
//! The path of a row, top to bottom:
//!
//! 1. [`RowWriter`] formats cells as XML (`cell`, `escape`, `calendar`);
//! 2. [`ChunkEncoder`] turns up to [`CHUNK_ROWS`] rows into a [`Chunk`]: one byte-aligned piece of a deflate stream
//!    and its CRC (`chunk`, `deflate`, `huffman`). It is pure, so chunks can be made on any thread;
//! 3. [`Sheet`] and [`Workbook`] put chunks in order into sheets (`workbook`, `parts`, `sheet_name`);
//! 4. the zip container takes them as they come, without seeking (`zip`).
//!
//! ```
//! use tollbook_workbook::{Column, ColumnKind, Properties, Workbook};
//!
//! # fn main() -> Result<(), tollbook_workbook::Error> {
//! let properties = Properties { title: "Orders".into(), creator: "Tollbook".into(), created_unix_s: 1_700_000_000 };
//! let mut workbook = Workbook::new(Vec::new(), &properties)?;
//! let columns = [Column::new("Order", 20, ColumnKind::Text), Column::new("Amount", 14, ColumnKind::Decimal)];
//! let mut sheet = workbook.sheet("Paid", &columns)?;
//! sheet.rows(&[("A-1", 420), ("A-2", 99)], |&(number, cents), row| {
//!     row.text(number);
//!     row.decimal(cents, 2);
//! })?;
//! let (file, summary) = workbook.finish()?;
//! assert_eq!((summary.rows, summary.bytes), (2, file.len() as u64));
//! # Ok(())
//! # }
//! ```

mod calendar;
mod cell;
mod chunk;
mod column;
mod deflate;
mod error;
mod escape;
mod huffman;
mod parts;
mod row;
mod sheet_name;
mod workbook;
mod zip;

pub use cell::Fragment;
pub use chunk::{CHUNK_ROWS, Chunk, ChunkEncoder};
pub use column::{Column, ColumnKind};
pub use error::{Error, TextTooLong};
pub use row::RowWriter;
pub use workbook::{Properties, Sheet, Summary, Workbook};

/// Rows of one sheet, the header row included (Excel specifications and limits, "worksheet size").
pub const MAX_SHEET_ROWS: u32 = 1_048_576;

/// Columns of one sheet (Excel specifications and limits, "worksheet size").
pub const MAX_COLUMNS: usize = 16_384;

/// UTF-16 units that one cell holds (Excel specifications and limits, "total number of characters that a cell can
/// contain").
pub const MAX_CELL_UNITS: usize = 32_767;
