//! Orders: lists, sums, look-ups and changes, with the rollups that answer them.

pub(crate) mod adding;
pub(crate) mod line_rows;
pub(crate) mod lookup;
pub(crate) mod pages;
pub(crate) mod periods;
pub(crate) mod rollups;
pub(crate) mod rows;
pub(crate) mod sums;
pub(crate) mod transitions;
