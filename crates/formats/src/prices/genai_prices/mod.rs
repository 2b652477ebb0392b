//! The published genai-prices list (`prices/data.json` of GitHub pydantic/genai-prices): US dollars, mostly per million
//! tokens. Rules that the list leaves to the publisher's program become explicit prices, so that the book needs no such
//! rule.

mod conditions;
mod exceptions;
mod node;
mod price_set;
mod reader;
#[cfg(test)]
mod tests;

pub(super) use reader::parse;
