//! Reading order files (`docs/ORDER_FILES.md`) order by order in bounded memory. The import checks whether companies
//! and organizations exist.

mod csv;
mod field;
mod json;
mod order_file;
mod reader;
mod record;

pub use crate::text::{Compression, Format, LineError, RecordFileError, format_of_name};
pub use order_file::OrderFile;
pub use reader::{OrderReader, ReadError};
