//! Reading price lists into the prices of the book: the published genai-prices list (`.json`) and our own files
//! (`.toml`, docs/PRICES.md). Nothing is stored here.

mod civil;
mod genai_prices;
mod intervals;
mod list;
mod model_matcher;
mod own_file;
mod read;
mod unit_price;

pub use list::{OmittedModel, PriceList, RoundedPrice};
pub use own_file::write;
pub use read::read;
