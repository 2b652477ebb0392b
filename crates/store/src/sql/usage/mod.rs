//! Usage: accepted records, open hours, and the hours that become orders.

pub(crate) mod accepting;
pub(crate) mod closing;
pub(crate) mod correcting;
pub(crate) mod identities;
pub(crate) mod open_hours;
pub(crate) mod pending;
pub(crate) mod records;
pub(crate) mod rows;
pub(crate) mod uncharged;
