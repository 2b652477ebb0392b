//! Pruning of settled orders, leases, the continuous self-check, the check that servers share one object store, recounts, and restored backups.

pub mod leases;
pub mod prune;
pub mod recount;
pub mod restore;
pub mod self_check;
pub mod shared_objects;
