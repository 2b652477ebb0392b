//! LiteLLM's published list (`model_prices_and_context_window.json` of GitHub BerriAI/litellm): models by name, US dollars
//! for a single unit. A price that LiteLLM's program takes for free if it is missing is no price here.

mod kinds;
mod model;
mod off_peak;
mod reader;
#[cfg(test)]
mod tests;
mod tiers;

pub(super) use reader::{is_list, read_list};
