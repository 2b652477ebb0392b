//! Equipment of tests and benchmarks in several crates: throw-away PostgreSQL servers, Python scripts, order files and the
//! folder of real data. Nothing else may use this crate.
//!
//! A PostgreSQL server has a folder of its own, and is stopped and deleted when the test process ends, however it ends.
//!
//! It runs the programs that PostgreSQL comes with and has no client library, so that it can judge one. It needs
//! PostgreSQL 15 or newer and Linux (`/proc` says which processes belong to a server). What is missing is a panic: a
//! skipped test would not be noticed.

mod cluster;
mod database;
pub mod order_file;
mod programs;
mod python;
mod replica;
mod shared_data;
#[cfg(feature = "us3")]
mod us3_host;
mod watchdog;

pub use cluster::Cluster;
pub use database::Database;
pub use python::Python;
pub use shared_data::shared_data;
#[cfg(feature = "us3")]
pub use us3_host::Us3Host;
