//! Reads complete files from disk: order files in every format and compression, and the published price list.
#![expect(clippy::unwrap_used, reason = "clippy does not recognize helper functions of tests")]

mod order_files;
mod provider_names;
mod published_prices;
mod usage_cases;
