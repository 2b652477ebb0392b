//! Maintenance of a whole database: copy, retention, verification.

pub(crate) mod copy;
pub(crate) mod prune;
pub(crate) mod verify;
