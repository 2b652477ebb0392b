//! The interface of database drivers: connections, the dialect, and the schema with its migrations.

pub(crate) mod connection;
pub(crate) mod dialect;
pub(crate) mod schema;
pub(crate) mod table;
#[cfg(any(test, debug_assertions))]
pub(crate) mod tenancy;
