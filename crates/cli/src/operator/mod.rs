//! The operator's commands: each opens the database itself and works while servers run.

pub(crate) mod database;
pub(crate) mod import;
pub(crate) mod serve;
pub(crate) mod tenants;
pub(crate) mod verify;
