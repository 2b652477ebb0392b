//! Exports: the rows of one snapshot become a file in the spool, then an object in the object store, then a link.
//!
//! No export holds its rows in memory, and no snapshot is held while bytes leave the machine. HTTP, API keys and
//! configuration files do not belong here: everything is passed in as plain values.

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
pub use document::{Document, SummaryQueries};
pub use error::ExportError;
pub use exporter::{ExportRequest, ExportRequestError, Exporter, ExporterParts, WaitPolicy};
pub use file::{ExportedFile, Link, from_text, to_text};
pub use format::{FocusVersion, Format, UnknownFormat};
pub use limits::ExportLimits;
pub use progress::Progress;
pub use time_zone::Zone;
pub use write::export;
