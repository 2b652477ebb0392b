//! Usage files and events (`docs/USAGE_FILES.md`): JSON Lines, CSV and CloudEvents to usage records, one by one in
//! bounded memory. Whether companies exist and which records are accepted is checked elsewhere.

mod adapters;
mod builder;
mod columns;
mod event;
pub mod litellm;
mod mapping;
pub mod openmeter;
pub mod otlp;
mod reader;
mod record;
#[cfg(test)]
mod tests;
mod time;
mod usage_file;

pub use crate::text::RecordFileError;
pub use event::{BatchError, RefusedEvent, parse_batch, parse_event};
pub use mapping::{Mapped, Mapping, UnknownCounts};
pub use reader::{Unmapped, UsageReader};
pub use record::parse_record;
pub use usage_file::{UsageFile, UsageFileError};
