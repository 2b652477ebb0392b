//! Pruning of settled orders, leases, and the check that servers share one object store.

pub mod leases;
pub mod prune;
pub mod shared_objects;
