//! Exported files, read by independent readers: each file has the rows and sums of the list, and its bytes do not
//! depend on the number of threads.

mod clock_changes;
mod csv;
mod focus;
mod focus_specification;
mod parquet;
mod workbook;
