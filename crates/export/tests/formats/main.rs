//! Exports in every format, read back by readers that are not ours: each is the list and its sums, byte for byte the
//! same however many threads made it.
#![expect(clippy::unwrap_used, reason = "clippy takes helpers of tests for something else")]

mod csv;
mod focus;
mod focus_specification;
mod parquet;
mod place;
mod python;
