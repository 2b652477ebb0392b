//! Files of records (`docs/ORDER_FILES.md`, "Format"): JSON Lines or CSV, plain or compressed, from a path or a stream.
//! They are read record by record in bounded memory; the modules of each kind of file know what a record means. And the
//! compressed bodies of HTTP requests.

mod csv;
mod error;
mod expand;
mod input;
pub(crate) mod json;
mod json_lines;
mod lines;
mod record_file;
mod records;
mod source;
mod stored_text;

pub(crate) use csv::CsvReader;
pub use error::{LineError, RecordFileError};
pub(crate) use error::{StreamError, shorten};
pub use expand::{ContentEncoding, ExpandError, expand};
pub use input::{Input, OpenError};
pub use record_file::RecordFile;
pub(crate) use records::Records;
pub use source::{Compression, Format, format_of_name};
pub(crate) use stored_text::check_text;
