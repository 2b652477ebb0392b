//! Bytes to domain values: order files, usage records and their mappings, price lists, catalogue files.
//!
//! Depends on `tollbook-domain` alone. No database, clock or HTTP may be used here.

pub mod catalogue;
pub mod orders;
pub mod owners;
pub mod prices;
pub mod text;
pub mod toml;
pub mod usage;

pub use toml::FileError;
