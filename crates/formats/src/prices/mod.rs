//! Reading price lists into the prices of the book: the published lists genai-prices and LiteLLM (`.json`) and our own
//! files (`.toml`, docs/PRICES.md). Nothing is stored here.

mod civil;
mod exceptions;
mod genai_prices;
mod intervals;
mod list;
mod litellm;
mod model_matcher;
mod node;
mod own_file;
mod published;
mod read;
mod repeated_members;
mod unit_price;

pub use list::{OmittedModel, PriceList, PublishedModel, RoundedPrice, UnreadKind};
pub use own_file::write;
pub use read::{parse, read};
