//! The content of a price list: its prices, and what was changed or omitted.

use tollbook_domain::price_list::PriceListDescription;
use tollbook_domain::{Price, UnitPrice};

/// The prices of a file, and what of it could not be kept as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceList {
    /// What the list is. Its prices have its name.
    pub list: PriceListDescription,
    /// In the order of the file.
    pub prices: Vec<Price>,
    /// Prices that had more than 12 places. Always empty for our own files, where this is an error.
    pub rounded: Vec<RoundedPrice>,
    /// Models, or parts of them, that gave no price.
    pub omitted: Vec<OmittedModel>,
    /// Kinds of price that could not be read, in the order of their names. Always empty for our own files, where this is
    /// an error.
    pub unread: Vec<UnreadKind>,
}

/// A price that was rounded to 12 places, half away from zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoundedPrice {
    /// The provider of the model.
    pub provider: String,
    /// The model's id in the book.
    pub model_id: String,
    /// The SKU of the price.
    pub sku: String,
    /// The price for one pricing unit as the file states it.
    pub stated: String,
    /// The rounded price.
    pub kept: UnitPrice,
}

/// A model, or a part of it, that gave no price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OmittedModel {
    /// The provider of the model; may be empty.
    pub provider: String,
    /// The model's id in the file.
    pub model_id: String,
    /// Lowercase, no full stop.
    pub reason: String,
}

/// A kind of price that could not be read, and the models that state it. Usage that counts it has no price from this
/// list; it is not charged at the price of another kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadKind {
    /// Its name in the file.
    pub kind: String,
    /// The models, in the order of the file.
    pub models: Vec<PublishedModel>,
}

/// A model of a published list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedModel {
    /// Its provider.
    pub provider: String,
    /// Its id in the file.
    pub model_id: String,
}
