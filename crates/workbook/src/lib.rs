//! A streaming `.xlsx` writer: rows are written as they arrive, and only the open chunk of rows is in memory. It knows
//! columns and cells, and must not know orders, databases or clocks: the only time in a file is a parameter.
//!
//! The path of a row:
//!
//! 1. [`RowWriter`] formats cells as XML (`reference`, `cell`, `fragment`, `time_cells`, `escape`, `calendar`).
//! 2. [`ChunkEncoder`] encodes up to [`CHUNK_ROWS`] rows as a [`Chunk`]: one byte-aligned piece of a deflate stream and
//!    its CRC (`chunk`, `deflate`, `row_runs`, `block_codes`, `huffman`, `bits`). It is pure, so any thread can encode chunks.
//! 3. [`Sheet`] and [`Workbook`] append chunks to sheets in order (`workbook`, `parts`, `sheet_name`).
//! 4. The zip container writes them without seeking (`zip`).
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

mod bits;
mod block_codes;
mod calendar;
mod cell;
mod chunk;
mod column;
mod deflate;
mod error;
mod escape;
mod fragment;
mod huffman;
mod limits;
mod parts;
mod planned_sheet;
mod properties;
mod reference;
mod renumber;
mod row;
mod row_runs;
mod sheet_name;
mod sheet_options;
mod time_cells;
mod workbook;
mod zip;

pub use cell::is_written_as_text;
pub use chunk::{CHUNK_ROWS, Chunk, ChunkEncoder};
pub use column::{Column, ColumnKind};
pub use error::{Error, TextTooLong};
pub use fragment::{Cells, Fragment, FragmentPool};
pub use limits::{MAX_CELL_UNITS, MAX_COLUMNS, MAX_SHEET_ROWS};
pub use planned_sheet::PlannedSheet;
pub use properties::Properties;
pub use row::RowWriter;
pub use sheet_options::SheetOptions;
pub use workbook::{Sheet, Summary, Workbook};
