//! The API as its clients meet it: a real server on a real socket, signed requests, exact answers (docs/WIRE.md, docs/ORDERS.md).
//!
//! `backend`, `server`, `client`, `faulty`, `log`, `made`, `model`, `reporter` and `workbook` are the instruments; every
//! other module is tests. All but `backend` are also run on PostgreSQL, by `tests/http_postgres`: a new module belongs into both lists.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod backend;
mod bad_bodies;
mod bad_input;
mod brands;
mod charging_orders;
mod charging_paying;
mod charging_standing;
mod charging_usage;
mod client;
mod described;
mod downloads;
mod export_jobs;
mod exports;
mod failures;
mod faulty;
mod isolation;
mod leaving;
mod log;
mod made;
mod model;
mod numbers;
mod order_of_checks;
mod reporter;
mod server;
mod shapes;
mod statuses;
mod us3_hosts;
mod workbook;
