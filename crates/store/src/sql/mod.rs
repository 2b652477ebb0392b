//! The implementation of the store's traits in SQL, shared by all database drivers.

pub(crate) mod accounts;
pub(crate) mod audit;
pub(crate) mod audit_chain;
pub(crate) mod corrections;
mod deployment;
mod deployment_state;
pub(crate) mod digests;
pub(crate) mod driver;
pub(crate) mod exports;
pub(crate) mod leases;
pub(crate) mod maintenance;
mod nonces;
pub(crate) mod operator_keys;
pub(crate) mod orders;
pub(crate) mod owners;
pub(crate) mod prices;
mod sealed_keys;
pub(crate) mod session;
pub(crate) mod setting_names;
pub(crate) mod settings;
pub(crate) mod store;
pub(crate) mod tenants;
#[cfg(test)]
mod upgrade_tests;
pub(crate) mod usage;
pub(crate) mod users;
mod webhooks;
