//! The operator's commands: each opens the database itself and works while servers run.

pub(crate) mod accounts;
pub(crate) mod database;
pub(crate) mod import;
mod object_store;
pub(crate) mod prices;
mod progress;
pub(crate) mod serve;
pub(crate) mod settling;
mod site;
pub(crate) mod tenants;
pub(crate) mod usage;
pub(crate) mod verify;
