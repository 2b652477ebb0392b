//! Verification: computes derived data again and compares it with what is stored.

mod charging;
mod exports;
mod orders;
mod report;
