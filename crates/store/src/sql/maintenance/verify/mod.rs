//! Verification: computes derived data again and compares it with what is stored.

mod accounts;
mod company;
mod corrections;
mod deployment;
mod exports;
pub(crate) mod lines;
mod orders;
mod parts;
mod report;
mod rows;
mod sums;
mod usage;
