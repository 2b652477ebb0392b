//! Verification: computes derived data again and compares it with what is stored.

mod charging;
mod corrections;
mod exports;
mod orders;
mod report;
