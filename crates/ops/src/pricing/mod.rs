//! Operations on the price book: importing a list, the order of the lists, removing prices, usage without a price.

mod at_risk;
mod discounts;
mod explanation;
mod import;
mod known;
mod lists;
mod unpriced;

pub use at_risk::{AtRisk, at_risk};
pub use discounts::{DiscountSet, remove_discount, set_discount};
pub use explanation::{PriceExplained, PriceQuestion, explain_price};
pub use import::{
    HiddenPrice, PriceImport, PriceImported, PricePreview, PricingError, import_prices, preview_prices,
};
pub use known::{knows_model, knows_product};
pub use lists::{PriceListSummary, order_lists, price_lists, remove_prices};
pub use unpriced::{NearPrice, UnpricedGroup, UnpricedSummary, list_uncharged, summarize_unpriced};
