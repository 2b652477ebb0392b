//! Our own price files (docs/PRICES.md, examples/prices.toml). Every mistake is an error: a price that is not
//! understood is money that is not charged.

mod duplicate_prices;
mod fields;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

pub(super) use reader::parse;
pub use writer::write;
