//! The API as its clients meet it: a real server on a real socket, signed requests, exact answers (spec/api.md).
//!
//! `server`, `client`, `made`, `model` and `workbook` are the instruments; every other module is tests.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod bad_bodies;
mod bad_input;
mod brands;
mod client;
mod described;
mod downloads;
mod failures;
mod faulty;
mod isolation;
mod made;
mod model;
mod numbers;
mod order_of_checks;
mod server;
mod shapes;
mod statuses;
mod workbook;
