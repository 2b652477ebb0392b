//! Fixtures for tests and benchmarks of several crates: temporary PostgreSQL servers, Python scripts, order files, the
//! examples of the documents, and the folder of real data. Only tests and benchmarks may use this crate.
//!
//! A PostgreSQL server has its own folder. It is stopped and deleted when the test process ends, even if it is killed.
//!
//! The crate runs PostgreSQL's own programs and uses no client library, so that it can test one. It needs PostgreSQL 15
//! or newer, and Linux, whose `/proc` shows which processes belong to a server. If a requirement is missing, it panics,
//! because a skipped test would not be noticed.

mod cluster;
mod database;
pub mod documents;
mod mariadb;
pub mod order_file;
mod programs;
mod python;
mod replica;
mod shared_data;
#[cfg(feature = "stores")]
pub mod stores;
mod watchdog;

pub use cluster::Cluster;
pub use database::Database;
pub use mariadb::MariaDb;
pub use python::Python;
pub use shared_data::{note_skipped, shared_data};
