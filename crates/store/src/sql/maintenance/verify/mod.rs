//! Verification: computes derived data again and compares it with what is stored.

mod charging;
mod corrections;
mod deployment;
mod exports;
pub(crate) mod lines;
mod orders;
mod report;
