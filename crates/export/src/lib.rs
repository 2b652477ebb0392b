//! Exports: writes the rows of one snapshot to a spool file, stores the file in the object store, and makes a link to it.
//!
//! No export holds its rows in memory, and no snapshot stays open while a file is uploaded. HTTP, API keys and
//! configuration files do not belong here: callers pass plain values.

mod build;
mod csv;
mod document;
mod error;
pub mod exporter;
pub mod fields;
mod file;
mod focus;
mod format;
mod limits;
mod line_cache;
mod parquet;
mod pipeline;
pub mod presentation;
mod priority;
mod progress;
pub mod time_zone;
mod write;
mod xlsx;

pub use build::Build;
pub use csv::push_text as push_csv_text;
pub use document::{Document, SummaryQueries};
pub use error::ExportError;
pub use exporter::{ExportRequest, ExportRequestError, Exporter, ExporterParts, WaitPolicy};
pub use file::{ExportedFile, Link};
pub use format::{FocusVersion, Format, Separator, UnknownFormat, UnknownSeparator};
pub use limits::ExportLimits;
pub use priority::lower_priority;
pub use progress::Progress;
pub use time_zone::Zone;
pub use write::export;
