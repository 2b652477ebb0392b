//! Operations on the price book: importing a list, the order of the lists, removing prices.

mod import;
mod lists;

pub use import::{HiddenPrice, PriceImport, PriceImported, PricingError, import_prices};
pub use lists::{PriceListSummary, order_lists, price_lists, remove_prices};
