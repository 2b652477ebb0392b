//! A throw-away PostgreSQL for tests: a server of our own in a folder of its own, stopped and deleted when the test
//! process ends, however it ends. Only tests and benchmarks use this crate.
//!
//! It runs the programs that PostgreSQL comes with and has no client library, so that it can judge one. It needs
//! PostgreSQL 15 or newer and Linux (`/proc` says which processes belong to a server). What is missing is a panic: a
//! test that skips is a test that nobody runs.

mod cluster;
mod database;
mod programs;
mod replica;
mod watchdog;

pub use cluster::Cluster;
pub use database::Database;
