//! Prices, discounts, and the UTC offsets that define billing hours.

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

/// Reads of the price book.
pub trait PriceReads {
    /// All prices, in the order of the price book.
    fn prices(&mut self) -> StoreResult<Vec<Price>>;

    /// All discounts.
    fn discounts(&mut self) -> StoreResult<Vec<Discount>>;

    /// Number of changes of prices and discounts.
    fn price_version(&mut self) -> StoreResult<i64>;

    /// The deployment's offsets from UTC, which define billing hours.
    fn hour_offsets(&mut self) -> StoreResult<HourOffsets>;
}

/// Changes of the price book.
pub trait PriceWrites {
    /// Adds prices to the price book, or replaces those for the same model, SKU, condition and time.
    fn put_prices(&mut self, prices: &[Price]) -> StoreResult<PutPrices>;

    /// Sets a discount, or removes it if its factor is [`Discount::NONE`].
    fn set_discount(&mut self, discount: &Discount) -> StoreResult<()>;

    /// Sets the deployment's offsets from UTC.
    fn set_hour_offsets(&mut self, offsets: &HourOffsets) -> StoreResult<()>;
}
