//! The API over HTTP: a server on a socket, signed requests, and exact answers (docs/WIRE.md, docs/ORDERS.md).
//!
//! `backend`, `browser`, `client`, `faulty`, `log`, `model`, `reporter`, `sample_orders`, `server` and `workbook` are fixtures.
//! The other modules are tests, which `on_each_backend!` runs on each database.

mod accounts;
pub(crate) mod backend;
mod bad_bodies;
mod bad_input;
mod brands;
mod browser;
mod charging_corrections;
mod charging_orders;
mod charging_paying;
mod charging_standing;
mod charging_usage;
pub(crate) mod client;
mod console;
mod console_acts;
mod console_attacks;
mod console_numbers;
mod console_webhooks;
mod described;
mod disconnects;
mod downloads;
mod export_jobs;
mod exports;
mod failures;
pub(crate) mod faulty;
mod faulty_store;
mod gateways;
mod isolation;
mod keys;
mod limits;
mod log;
mod model;
mod numbers;
mod operator_api;
mod operator_outside;
mod order_of_checks;
mod published_requests;
mod reporter;
pub(crate) mod sample_orders;
pub(crate) mod server;
mod shapes;
mod spans;
mod statuses;
mod strict;
mod us3_hosts;
mod warnings;
pub(crate) mod workbook;
