//! The operator's commands. Each opens the database itself, and works while servers run.

pub(crate) mod accounts;
pub(crate) mod connect;
mod context;
pub(crate) mod corrections;
pub(crate) mod database;
pub(crate) mod explain;
mod guide;
pub(crate) mod import;
mod log;
mod new_api;
mod object_store;
pub(crate) mod operator_keys;
mod price_book;
mod price_import;
mod price_values;
pub(crate) mod prices;
mod progress;
pub(crate) mod revoke;
pub(crate) mod serve;
pub(crate) mod settle;
pub(crate) mod tenants;
pub(crate) mod truth;
mod unpriced;
pub(crate) mod usage;
pub(crate) mod utc_offset;
pub(crate) mod verify;
