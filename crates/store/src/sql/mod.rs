//! The implementation of the store's traits in SQL, shared by all database drivers.

pub(crate) mod accounts;
pub(crate) mod corrections;
mod deployment;
mod deployment_state;
pub(crate) mod digests;
pub(crate) mod driver;
pub(crate) mod exports;
pub(crate) mod leases;
pub(crate) mod maintenance;
pub(crate) mod operator_keys;
pub(crate) mod orders;
pub(crate) mod owners;
pub(crate) mod prices;
pub(crate) mod session;
pub(crate) mod setting_names;
pub(crate) mod settings;
pub(crate) mod store;
pub(crate) mod tenants;
pub(crate) mod usage;
pub(crate) mod users;
