//! What keeps a deployment in order: pruning settled orders, and sharing one object store between servers.

pub mod prune;
pub mod shared_objects;
