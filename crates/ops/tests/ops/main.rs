//! Tests of operations that need a database.
#![expect(clippy::unwrap_used, reason = "clippy does not recognize helper functions of tests")]

mod charging;
mod import_orders;
mod new_api;
mod webhooks;
