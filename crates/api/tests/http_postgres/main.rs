//! The API as its clients meet it, over PostgreSQL: every module of `tests/http` over again, and what only a database
//! server can do, alone or with several of ours: hold locks, be shared, go away and have replicas.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod backend;
#[path = "../http/bad_bodies.rs"]
mod bad_bodies;
#[path = "../http/bad_input.rs"]
mod bad_input;
#[path = "../http/brands.rs"]
mod brands;
#[path = "../http/charging_orders.rs"]
mod charging_orders;
#[path = "../http/charging_paying.rs"]
mod charging_paying;
#[path = "../http/charging_standing.rs"]
mod charging_standing;
#[path = "../http/charging_usage.rs"]
mod charging_usage;
#[path = "../http/client.rs"]
mod client;
#[path = "../http/described.rs"]
mod described;
#[path = "../http/downloads.rs"]
mod downloads;
#[path = "../http/export_jobs.rs"]
mod export_jobs;
#[path = "../http/exports.rs"]
mod exports;
#[path = "../http/failures.rs"]
mod failures;
#[path = "../http/faulty.rs"]
mod faulty;
#[path = "../http/isolation.rs"]
mod isolation;
#[path = "../http/leaving.rs"]
mod leaving;
mod locked;
#[path = "../http/log.rs"]
mod log;
#[path = "../http/made.rs"]
mod made;
#[path = "../http/model.rs"]
mod model;
#[path = "../http/numbers.rs"]
mod numbers;
#[path = "../http/order_of_checks.rs"]
mod order_of_checks;
mod outages;
mod replicas;
#[path = "../http/reporter.rs"]
mod reporter;
#[path = "../http/server.rs"]
mod server;
#[path = "../http/shapes.rs"]
mod shapes;
mod sharing;
#[path = "../http/statuses.rs"]
mod statuses;
#[path = "../http/us3_hosts.rs"]
mod us3_hosts;
#[path = "../http/workbook.rs"]
mod workbook;
