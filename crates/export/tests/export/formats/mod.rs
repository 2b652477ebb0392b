//! Exported files, read back by independent readers: each file shows the list and its sums, and has the same bytes for any
//! number of threads.

mod csv;
mod focus;
mod focus_specification;
mod parquet;
