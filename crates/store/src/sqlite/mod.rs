//! SQLite behind the store.

mod database;
mod failure;
mod transaction;
mod writer_lock;

pub use database::{connect_sqlite, open_sqlite};
