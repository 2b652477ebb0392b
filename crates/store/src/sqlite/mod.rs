//! SQLite behind the store.

mod database;
mod failure;
mod transaction;
mod writer_lock;

pub use database::{COMPANION_SUFFIXES, connect_sqlite, open_sqlite};
