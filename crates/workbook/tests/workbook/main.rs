//! Tests of the files that this crate writes, with several readers.

#![expect(clippy::unwrap_used, reason = "a failure fails the test")]

mod calamine;
mod libreoffice;
mod output_errors;
mod python;
mod samples;
