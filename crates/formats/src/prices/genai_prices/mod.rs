//! The published genai-prices list of GitHub pydantic/genai-prices (`prices/data.json`, `prices/new_data/v2/data.json`):
//! US dollars, mostly per million tokens. Rules that the list leaves to the publisher's program become explicit prices,
//! so that the book needs no such rule.

mod conditions;
mod kinds;
mod price_set;
mod reader;
#[cfg(test)]
mod tests;

pub(super) use reader::read_list;
