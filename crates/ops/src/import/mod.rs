//! Imports of files into the store: orders that were billed elsewhere, and usage records.

pub mod orders;
pub mod usage;
