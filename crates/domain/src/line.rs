//! A line: everything of an order that is not a number of this one order (docs/ORDERS.md, "Orders and lines"). Orders
//! repeat lines, so filters and display texts are resolved once per line.

use crate::money::UnitPrice;

/// One distinct combination of the attributes that orders of a company repeat.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Line {
    /// Organization within the company.
    pub organization_id: i64,
    /// Email address of the user; may be empty.
    pub user_email: String,
    /// Inference API key or sandbox that was used.
    pub resource_id: String,
    /// Number of the resource type; 0 if not stated.
    pub resource_type: i64,
    /// Model; empty for a sandbox, which has none.
    pub model_id: String,
    /// Display name of the model; may be empty.
    pub model_name: String,
    /// SKU that was counted: input, output, …
    pub pricing_sku: String,
    /// Item of the price list; 0 if not stated.
    pub pricing_item_id: i64,
    /// Number of the pricing unit in the catalogue.
    pub pricing_unit: i64,
    /// `modelverse`, `sandbox`, or another product of the catalogue.
    pub product_code: String,
    /// Region of the usage.
    pub region: String,
    /// Number of the charge type, for example pay-as-you-go.
    pub charge_type: i64,
    /// Number of the order type.
    pub order_type: i64,
    /// Sales channel; each brand has one.
    pub channel: i64,
    /// Currency of the company: `CNY` or `USD`.
    pub currency: String,
    /// Price of one pricing unit before discount.
    pub list_price: UnitPrice,
    /// Price of one pricing unit that is charged.
    pub discount_price: UnitPrice,
}
