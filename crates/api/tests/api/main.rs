//! All tests of the API from the outside, as one executable: linking is most of the time of a build.
//!
//! `wire`, `signature`, `parameters` and `ret_code` test the library; `http` tests servers, each case on SQLite and on
//! PostgreSQL; `postgres` tests what only a database server can do; `objects` tests object stores. Tests in a module
//! `postgres` need the programs of PostgreSQL.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue fails")]

mod http;
mod objects;
mod parameters;
mod postgres;
mod ret_code;
mod signature;
mod wire;
