//! The SQLite implementation of the store's database driver.

mod database;
mod failure;
mod lock_files;
mod private_files;
mod transaction;
mod writer_lock;

pub use database::{COMPANION_SUFFIXES, ServersExcluded, connect_sqlite, exclude_servers, open_sqlite};
