//! Pruning of settled orders, leases, the continuous self-check, and the check that servers share one object store.

pub mod leases;
pub mod prune;
pub mod self_check;
pub mod shared_objects;
