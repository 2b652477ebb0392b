//! Prices, discounts, and the UTC offsets that define billing hours.

use tollbook_domain::price_list::PriceListDescription;
use tollbook_domain::{Discount, HourOffsets, Price};

use crate::error::StoreResult;

/// Result of writing a price list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PutPrices {
    /// New prices.
    pub added: usize,
    /// Prices that replaced a price for the same model, SKU, condition and time.
    pub changed: usize,
    /// Prices that already existed.
    pub unchanged: usize,
}

/// Which prices of a list are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PriceSelection<'s> {
    /// Name of the list.
    pub list: &'s str,
    /// Only those of a model.
    pub model_id: Option<&'s str>,
    /// Only those of a SKU.
    pub sku: Option<&'s str>,
}

/// Reads of the price book.
pub trait PriceReads {
    /// The price book: its lists in the order in which they hold, each in its own order.
    fn prices(&mut self) -> StoreResult<Vec<Price>>;

    /// The price lists in the order in which they hold: the operator's own, then the published ones.
    fn price_lists(&mut self) -> StoreResult<Vec<PriceListDescription>>;

    /// All discounts.
    fn discounts(&mut self) -> StoreResult<Vec<Discount>>;

    /// Number of changes of prices and discounts.
    fn price_version(&mut self) -> StoreResult<i64>;

    /// The deployment's offsets from UTC, which define billing hours.
    fn hour_offsets(&mut self) -> StoreResult<HourOffsets>;
}

/// Changes of the price book.
pub trait PriceWrites {
    /// Adds a price list behind the others, or changes the conversion of one. Returns the list that has the name, also in
    /// other case, and differs in name, kind or format; then nothing is changed.
    fn put_price_list(&mut self, list: &PriceListDescription) -> StoreResult<Option<PriceListDescription>>;

    /// Sets the order of the price lists, the first first. Lists that are not named keep their order behind them. Own
    /// lists hold before published ones in any order.
    fn set_price_list_order(&mut self, names: &[&str]) -> StoreResult<()>;

    /// Removes prices of a list. If all of them are meant, its description is removed too. Returns the number of prices
    /// removed.
    fn remove_prices(&mut self, selection: PriceSelection<'_>) -> StoreResult<usize>;

    /// Ends prices of a list at a time, Unix seconds, and removes those that begin later. Prices that end earlier stay.
    /// Returns the number of prices ended and of those removed.
    fn end_prices(&mut self, selection: PriceSelection<'_>, until_s: i64) -> StoreResult<(usize, usize)>;

    /// Adds prices to their lists, or replaces those of the list for the same model, SKU, condition, service tier and time.
    /// A list that is not known is added as one of the operator's own.
    fn put_prices(&mut self, prices: &[Price]) -> StoreResult<PutPrices>;

    /// Sets a discount. The factor [`Discount::NONE`] removes it, unless it then exempts from a broader discount.
    fn set_discount(&mut self, discount: &Discount) -> StoreResult<()>;

    /// Removes a discount, so that a broader one holds again; `false` if there is none.
    fn remove_discount(&mut self, company_id: i64, model_id: &str, sku: &str) -> StoreResult<bool>;

    /// Sets the deployment's offsets from UTC.
    fn set_hour_offsets(&mut self, offsets: &HourOffsets) -> StoreResult<()>;
}
