//! The exporter, and exports in every format, read by independent readers. Tests in the module `python` need the Python
//! environments of `cargo xtask test`.
#![expect(clippy::unwrap_used, reason = "clippy does not recognize functions that only tests call")]

mod exporter;
mod fixture;
mod formats;
mod python;
