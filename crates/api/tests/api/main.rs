//! All integration tests of the API, in one executable, because linking takes most of the build time.
//!
//! `wire`, `signature`, `strict_signature`, `parameters` and `ret_code` test the library; `tls` connections. `http` tests servers, each case on SQLite and on
//! PostgreSQL; `postgres` tests properties of a database server; `objects` tests object stores. Tests in a module
//! `postgres` need the programs of PostgreSQL.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue fails")]

mod http;
mod objects;
mod parameters;
mod postgres;
mod ret_code;
mod signature;
mod strict_signature;
mod tls;
mod wire;
