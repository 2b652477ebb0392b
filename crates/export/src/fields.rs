//! The published objects as tables: name, type, meaning and value of every field, in column order.
//!
//! One table feeds the JSON answer, the workbook's columns, the reference page and the `OpenAPI` document, so they
//! cannot disagree. Source: docs/ORDERS.md, "Fields".

use tollbook_domain::catalogue::{LineTexts, quantity_display};
use tollbook_domain::money::{AMOUNT_PLACES, UNIT_PRICE_PLACES};
use tollbook_domain::summary::SummaryRow;
use tollbook_domain::{AccountKind, Amount, Line, Measures, Order, Status};

/// The value of one field of one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell<'a> {
    /// A text.
    Text(&'a str),
    /// A text made for this row.
    Made(String),
    /// A whole number.
    Integer(i128),
    /// An exact decimal: `mantissa × 10^-places`.
    Decimal {
        /// All digits.
        mantissa: i128,
        /// Decimal places in the mantissa.
        places: u32,
    },
    /// Unix seconds; absent is 0, or "" where the field is a text.
    Time(Option<i64>),
}

/// What a field is on the wire and in a workbook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// A string; a text cell.
    Text,
    /// An integer; a number cell.
    Integer,
    /// A decimal as a string; a number cell.
    Decimal,
    /// Unix seconds as an integer, 0 when absent; a date cell.
    Time,
    /// Unix seconds as a string, "" when absent; a date cell.
    TextTime,
}

/// One field of an object, with a function of type `F` that reads its value.
#[derive(Clone, Copy, Debug)]
pub struct Field<F: 'static> {
    /// Exact spelling.
    pub name: &'static str,
    /// Type.
    pub kind: FieldKind,
    /// Whether all orders of a line share the value.
    pub of_line: bool,
    /// Meaning, for the reference page.
    pub meaning: &'static str,
    /// Reads the value.
    pub value: F,
}

/// An order as a person or a program is shown it.
#[derive(Clone, Copy, Debug)]
pub struct OrderRow<'a> {
    /// Tenant.
    pub company_id: i64,
    /// Its name.
    pub company_name: &'a str,
    /// Who sells to it.
    pub provider: &'a str,
    /// Its line.
    pub line: &'a Line,
    /// The line's display texts.
    pub texts: &'a LineTexts,
    /// Of the line's organization.
    pub organization_name: &'a str,
    /// The `ProjectId` of the line's organization.
    pub project_id: &'a str,
    /// Its numbers.
    pub order: &'a Order,
    /// `StatusDisplay`.
    pub status: &'a str,
}

/// A summary row with its display texts.
#[derive(Clone, Copy, Debug)]
pub struct SummaryView<'a> {
    /// Key and sums.
    pub row: &'a SummaryRow,
    /// `PricingUnitName`.
    pub unit: &'a str,
    /// Base units of the pricing unit.
    pub base_units: i64,
    /// `OrderTypeDisplay`.
    pub order_type: &'a str,
    /// `StatusDisplay`.
    pub status: &'a str,
}

/// A field of an order object.
pub type OrderField = Field<for<'r> fn(&OrderRow<'r>) -> Cell<'r>>;
/// A field of a summary object.
pub type SummaryField = Field<for<'r> fn(&SummaryView<'r>) -> Cell<'r>>;

fn integer<'a>(value: impl Into<i128>) -> Cell<'a> {
    Cell::Integer(value.into())
}

fn amount<'a>(value: Amount) -> Cell<'a> {
    Cell::Decimal { mantissa: value.steps().into(), places: AMOUNT_PLACES }
}

fn sum<'a>(mantissa: i128) -> Cell<'a> {
    Cell::Decimal { mantissa, places: AMOUNT_PLACES }
}

fn price<'a>(value: tollbook_domain::UnitPrice) -> Cell<'a> {
    Cell::Decimal { mantissa: value.steps().into(), places: UNIT_PRICE_PLACES }
}

macro_rules! order_fields {
    ($($constant:ident $name:literal $kind:ident $of_line:literal $meaning:literal $value:expr;)*) => {
        $(const $constant: OrderField =
            Field { name: $name, kind: FieldKind::$kind, of_line: $of_line, meaning: $meaning, value: $value };)*
    };
}

order_fields! {
    REGION "Region" Text true "Region of use" |r| Cell::Text(&r.line.region);
    REGION_DISPLAY "RegionDisplay" Text true "Name of the region" |r| Cell::Text(&r.texts.region);
    PRODUCT_CODE "ProductCode" Text true "Product: `modelverse` or `sandbox`" |r| Cell::Text(&r.line.product_code);
    PRODUCT_CODE_DISPLAY "ProductCodeDisplay" Text true "Name of the product" |r| Cell::Text(&r.texts.product);
    ORDER_NO "OrderNo" Text false "Order number; the arrears number while the order is unpaid" |r| Cell::Text(&r.order.number);
    SOURCE_ORDER_NO "SourceOrderNo" Text false "Number of the order that fell into arrears" |r| Cell::Text(source_order_no(r.order));
    COMPANY_ID "CompanyID" Integer true "Company" |r| integer(r.company_id);
    ORGANIZATION_ID "OrganizationID" Integer true "Organization (project) within the company" |r| integer(r.line.organization_id);
    ORGANIZATION_NAME "OrganizationName" Text true "Name of the organization" |r| Cell::Text(r.organization_name);
    USER_EMAIL "UserEmail" Text true "Who used it; empty when not known" |r| Cell::Text(&r.line.user_email);
    CHARGE_TYPE "ChargeType" Integer true "Way of charging" |r| integer(r.line.charge_type);
    CHARGE_TYPE_DISPLAY "ChargeTypeDisplay" Text true "Name of the way of charging" |r| Cell::Text(&r.texts.charge_type);
    CHANNEL "Channel" Integer true "Sales channel" |r| integer(r.line.channel);
    CURRENCY "Currency" Text true "`CNY` or `USD`" |r| Cell::Text(&r.line.currency);
    CURRENCY_DISPLAY "CurrencyDisplay" Text true "Name of the currency" |r| Cell::Text(&r.texts.currency);
    RESOURCE_ID "ResourceID" Text true "Inference API key or sandbox" |r| Cell::Text(&r.line.resource_id);
    RESOURCE_TYPE "ResourceType" Integer true "Type of the resource; 0 when not stated" |r| integer(r.line.resource_type);
    RESOURCE_TYPE_DISPLAY "ResourceTypeDisplay" Text true "Name of the type of the resource" |r| Cell::Text(&r.texts.resource_type);
    MODEL_ID "ModelID" Text true "Model" |r| Cell::Text(&r.line.model_id);
    MODEL_NAME "ModelName" Text true "Name of the model" |r| Cell::Text(&r.line.model_name);
    ORDER_TYPE "OrderType" Integer true "Kind of order" |r| integer(r.line.order_type);
    ORDER_TYPE_DISPLAY "OrderTypeDisplay" Text true "Name of the kind of order" |r| Cell::Text(&r.texts.order_type);
    PRICING_SKU "PricingSKU" Text true "What was counted" |r| Cell::Text(&r.line.pricing_sku);
    PRICING_ITEM_ID "PricingItemID" Integer true "Item of the price list; 0 when not stated" |r| integer(r.line.pricing_item_id);
    QUANTITY "Quantity" Integer false "Quantity in base units (tokens, images, seconds)" |r| integer(r.order.quantity);
    QUANTITY_DISPLAY "QuantityDisplay" Text false "Quantity in pricing units, with the unit's name" |r| Cell::Made(r.texts.quantity(r.order.quantity.into()));
    PRICING_UNIT "PricingUnit" Integer true "Pricing unit" |r| integer(r.line.pricing_unit);
    PRICING_UNIT_DISPLAY "PricingUnitDisplay" Text true "Name of the pricing unit" |r| Cell::Text(&r.texts.pricing_unit);
    LIST_PRICE "ListPrice" Decimal true "Price of one pricing unit before discount" |r| price(r.line.list_price);
    DISCOUNT_PRICE "DiscountPrice" Decimal true "Price of one pricing unit that is charged" |r| price(r.line.discount_price);
    ORDER_TOTAL_PRICE "OrderTotalPrice" Decimal false "`DiscountPrice` × quantity in pricing units, 8 places, half away from zero" |r| amount(r.order.total);
    ORIGINAL_PRICE "OriginalPrice" Decimal false "`ListPrice` × quantity in pricing units, 8 places, half away from zero" |r| amount(r.order.original);
    STATUS "Status" Integer false "1 unpaid, 2 paid, 3 revoked" |r| integer(r.order.status.number());
    STATUS_DISPLAY "StatusDisplay" Text false "Name of the status" |r| Cell::Text(r.status);
    START_TIME "StartTime" Time false "Start of the billed time" |r| Cell::Time(Some(r.order.start_time_s));
    END_TIME "EndTime" Time false "End of the billed time" |r| Cell::Time(Some(r.order.end_time_s));
    PAID_TIME "PaidTime" Time false "When it was paid; 0 when it is not" |r| Cell::Time(r.order.paid_time_s);
    STAR_CARD_ACCOUNT "StarCardAccount" Decimal false "Paid from star cards" |r| amount(r.order.deductions.get(AccountKind::StarCard));
    COUPON "Coupon" Decimal false "Paid from coupons" |r| amount(r.order.deductions.get(AccountKind::Coupon));
    BONUS_ACCOUNT "BonusAccount" Decimal false "Paid from the bonus account" |r| amount(r.order.deductions.get(AccountKind::Bonus));
    CASH_ACCOUNT "CashAccount" Decimal false "Paid from the cash account" |r| amount(r.order.deductions.get(AccountKind::Cash));
    CREDIT_ACCOUNT "CreditAccount" Decimal false "Paid from the credit line" |r| amount(r.order.deductions.get(AccountKind::Credit));
    UNPAID_ORDER_NO "UnpaidOrderNo" Text false "Arrears number of an order that was unpaid before; else empty" |r| Cell::Text(unpaid_order_no(r.order));
    CREATE_TIME "CreateTime" TextTime false "When the unpaid order was made; empty when not known" |r| Cell::Time(r.order.create_time_s);
    REVOCATION_TIME "RevocationTime" TextTime false "When it was revoked; empty when it is not" |r| Cell::Time(r.order.revocation_time_s);
}

/// A paid order has no source number beside its own; a refunded one, which the unpaid list shows too, is its own source.
fn source_order_no(order: &Order) -> &str {
    if order.status == Status::Paid { "" } else { order.source_number() }
}

/// Only beside a number O: an order that is shown by its number U has that one already.
fn unpaid_order_no(order: &Order) -> &str {
    if order.status == Status::Paid || order.is_refunded() { order.arrears_number() } else { "" }
}

/// `OrderItemDetail`: an order of the paid list.
pub const ORDER_ITEM_DETAIL: &[OrderField] = &[
    REGION,
    REGION_DISPLAY,
    PRODUCT_CODE,
    PRODUCT_CODE_DISPLAY,
    ORDER_NO,
    COMPANY_ID,
    ORGANIZATION_ID,
    ORGANIZATION_NAME,
    USER_EMAIL,
    CHARGE_TYPE,
    CHARGE_TYPE_DISPLAY,
    CHANNEL,
    CURRENCY,
    CURRENCY_DISPLAY,
    RESOURCE_ID,
    RESOURCE_TYPE,
    RESOURCE_TYPE_DISPLAY,
    MODEL_ID,
    MODEL_NAME,
    ORDER_TYPE,
    ORDER_TYPE_DISPLAY,
    PRICING_SKU,
    PRICING_ITEM_ID,
    QUANTITY,
    QUANTITY_DISPLAY,
    PRICING_UNIT,
    PRICING_UNIT_DISPLAY,
    LIST_PRICE,
    DISCOUNT_PRICE,
    ORDER_TOTAL_PRICE,
    ORIGINAL_PRICE,
    STATUS,
    STATUS_DISPLAY,
    START_TIME,
    END_TIME,
    PAID_TIME,
    STAR_CARD_ACCOUNT,
    COUPON,
    BONUS_ACCOUNT,
    CASH_ACCOUNT,
    CREDIT_ACCOUNT,
    UNPAID_ORDER_NO,
];

/// `UnpaidOrderItem`: an order of the unpaid list.
pub const UNPAID_ORDER_ITEM: &[OrderField] = &[
    REGION,
    REGION_DISPLAY,
    PRODUCT_CODE,
    PRODUCT_CODE_DISPLAY,
    ORDER_NO,
    SOURCE_ORDER_NO,
    COMPANY_ID,
    ORGANIZATION_ID,
    ORGANIZATION_NAME,
    USER_EMAIL,
    CHARGE_TYPE,
    CHARGE_TYPE_DISPLAY,
    CHANNEL,
    CURRENCY,
    CURRENCY_DISPLAY,
    RESOURCE_ID,
    RESOURCE_TYPE,
    RESOURCE_TYPE_DISPLAY,
    MODEL_ID,
    MODEL_NAME,
    ORDER_TYPE,
    ORDER_TYPE_DISPLAY,
    PRICING_SKU,
    QUANTITY,
    QUANTITY_DISPLAY,
    PRICING_UNIT,
    PRICING_UNIT_DISPLAY,
    LIST_PRICE,
    DISCOUNT_PRICE,
    ORDER_TOTAL_PRICE,
    ORIGINAL_PRICE,
    STATUS,
    STATUS_DISPLAY,
    CREATE_TIME,
    START_TIME,
    END_TIME,
    PAID_TIME,
    REVOCATION_TIME,
];

macro_rules! summary_fields {
    ($($constant:ident $name:literal $kind:ident $meaning:literal $value:expr;)*) => {
        $(const $constant: SummaryField =
            Field { name: $name, kind: FieldKind::$kind, of_line: false, meaning: $meaning, value: $value };)*
    };
}

summary_fields! {
    S_RESOURCE_ID "ResourceId" Text "Inference API key or sandbox" |v| Cell::Text(&v.row.key.resource_id);
    S_PRICING_SKU "PricingSKU" Text "What was counted" |v| Cell::Text(&v.row.key.pricing_sku);
    S_MODEL_ID "ModelID" Text "Model" |v| Cell::Text(&v.row.key.model_id);
    S_MODEL_NAME "ModelName" Text "Name of the model, the newest one given" |v| Cell::Text(&v.row.model_name);
    S_PRICING_UNIT "PricingUnit" Integer "Pricing unit" |v| integer(v.row.key.pricing_unit);
    S_PRICING_UNIT_NAME "PricingUnitName" Text "Name of the pricing unit" |v| Cell::Text(v.unit);
    S_ORDER_TYPE "OrderType" Integer "Kind of order" |v| integer(v.row.key.order_type);
    S_ORDER_TYPE_DISPLAY "OrderTypeDisplay" Text "Name of the kind of order" |v| Cell::Text(v.order_type);
    S_CHARGE_TYPE "ChargeType" Integer "Way of charging" |v| integer(v.row.key.charge_type);
    S_STATUS "Status" Integer "1 unpaid, 2 paid, 3 revoked" |v| integer(v.row.key.status.number());
    S_STATUS_DISPLAY "StatusDisplay" Text "Name of the status" |v| Cell::Text(v.status);
    S_LIST_PRICE "ListPrice" Decimal "Price of one pricing unit before discount" |v| price(v.row.key.list_price);
    S_DISCOUNT_PRICE "DiscountPrice" Decimal "Price of one pricing unit that is charged" |v| price(v.row.key.discount_price);
    S_SUM_QUANTITY "SumQuantity" Integer "Sum of the quantities in base units" |v| integer(v.row.measures.quantity);
    S_SUM_QUANTITY_DISPLAY "SumQuantityDisplay" Text "Sum of the quantities in pricing units, with the unit's name" |v| Cell::Made(quantity_display(v.row.measures.quantity, v.base_units, v.unit));
    S_SUM_ORDER_PRICE "SumOrderPrice" Decimal "Sum of `OrderTotalPrice`" |v| sum(v.row.measures.total);
    S_SUM_ORIGINAL_PRICE "SumOriginalPrice" Decimal "Sum of `OriginalPrice`" |v| sum(v.row.measures.original);
    S_SUM_STAR_CARD_ACCOUNT "SumStarCardAccount" Decimal "Paid from star cards" |v| sum(v.row.measures.deductions.get(AccountKind::StarCard));
    S_SUM_COUPON "SumCoupon" Decimal "Paid from coupons" |v| sum(v.row.measures.deductions.get(AccountKind::Coupon));
    S_SUM_BONUS_ACCOUNT "SumBonusAccount" Decimal "Paid from the bonus account" |v| sum(v.row.measures.deductions.get(AccountKind::Bonus));
    S_SUM_CASH_ACCOUNT "SumCashAccount" Decimal "Paid from the cash account" |v| sum(v.row.measures.deductions.get(AccountKind::Cash));
    S_CURRENCY "Currency" Text "`CNY` or `USD`" |v| Cell::Text(&v.row.key.currency);
    S_ORDER_COUNT "OrderCount" Integer "Number of orders" |v| integer(v.row.measures.orders);
    S_SUM_CREDIT_ACCOUNT "SumCreditAccount" Decimal "Paid from the credit line" |v| sum(v.row.measures.deductions.get(AccountKind::Credit));
}

/// `OrderSummaryItem` of `ListPaidOrderSummary`.
pub const PAID_SUMMARY_ITEM: &[SummaryField] = &[
    S_RESOURCE_ID,
    S_PRICING_SKU,
    S_MODEL_ID,
    S_MODEL_NAME,
    S_PRICING_UNIT,
    S_PRICING_UNIT_NAME,
    S_ORDER_TYPE,
    S_ORDER_TYPE_DISPLAY,
    S_CHARGE_TYPE,
    S_STATUS,
    S_STATUS_DISPLAY,
    S_LIST_PRICE,
    S_DISCOUNT_PRICE,
    S_SUM_QUANTITY,
    S_SUM_QUANTITY_DISPLAY,
    S_SUM_ORDER_PRICE,
    S_SUM_ORIGINAL_PRICE,
    S_SUM_STAR_CARD_ACCOUNT,
    S_SUM_COUPON,
    S_SUM_BONUS_ACCOUNT,
    S_SUM_CASH_ACCOUNT,
    S_CURRENCY,
    S_ORDER_COUNT,
    S_SUM_CREDIT_ACCOUNT,
];

/// `OrderSummaryItem` of `ListUnpaidOrderSummary`: nothing was deducted for these.
pub const UNPAID_SUMMARY_ITEM: &[SummaryField] = &[
    S_RESOURCE_ID,
    S_PRICING_SKU,
    S_MODEL_ID,
    S_MODEL_NAME,
    S_PRICING_UNIT,
    S_PRICING_UNIT_NAME,
    S_ORDER_TYPE,
    S_ORDER_TYPE_DISPLAY,
    S_CHARGE_TYPE,
    S_STATUS,
    S_STATUS_DISPLAY,
    S_LIST_PRICE,
    S_DISCOUNT_PRICE,
    S_SUM_QUANTITY,
    S_SUM_QUANTITY_DISPLAY,
    S_SUM_ORDER_PRICE,
    S_SUM_ORIGINAL_PRICE,
    S_CURRENCY,
    S_ORDER_COUNT,
    S_SUM_CREDIT_ACCOUNT,
];

/// The sums of the amounts of orders, by the fields that they are sums of, in their order.
pub fn amount_sums(measures: &Measures) -> [(&'static str, Cell<'static>); 7] {
    [
        (ORDER_TOTAL_PRICE.name, sum(measures.total)),
        (ORIGINAL_PRICE.name, sum(measures.original)),
        (STAR_CARD_ACCOUNT.name, sum(measures.deductions.get(AccountKind::StarCard))),
        (COUPON.name, sum(measures.deductions.get(AccountKind::Coupon))),
        (BONUS_ACCOUNT.name, sum(measures.deductions.get(AccountKind::Bonus))),
        (CASH_ACCOUNT.name, sum(measures.deductions.get(AccountKind::Cash))),
        (CREDIT_ACCOUNT.name, sum(measures.deductions.get(AccountKind::Credit))),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_objects_have_the_published_fields_in_column_order() {
        let names =
            |fields: &[OrderField]| fields.iter().map(|field| field.name).collect::<Vec<_>>().join(", ");
        // Copied from docs/ORDERS.md, "Fields".
        assert_eq!(
            names(ORDER_ITEM_DETAIL),
            "Region, RegionDisplay, ProductCode, ProductCodeDisplay, OrderNo, CompanyID, OrganizationID, \
             OrganizationName, UserEmail, ChargeType, ChargeTypeDisplay, Channel, Currency, CurrencyDisplay, \
             ResourceID, ResourceType, ResourceTypeDisplay, ModelID, ModelName, OrderType, OrderTypeDisplay, \
             PricingSKU, PricingItemID, Quantity, QuantityDisplay, PricingUnit, PricingUnitDisplay, ListPrice, \
             DiscountPrice, OrderTotalPrice, OriginalPrice, Status, StatusDisplay, StartTime, EndTime, PaidTime, \
             StarCardAccount, Coupon, BonusAccount, CashAccount, CreditAccount, UnpaidOrderNo"
        );
        let unpaid = names(ORDER_ITEM_DETAIL)
            .split_once(", StartTime")
            .map(|(head, _)| head.replace("OrderNo, CompanyID", "OrderNo, SourceOrderNo, CompanyID"))
            .unwrap()
            .replace(", PricingItemID", "");
        assert_eq!(
            names(UNPAID_ORDER_ITEM),
            format!("{unpaid}, CreateTime, StartTime, EndTime, PaidTime, RevocationTime")
        );
    }

    #[test]
    fn each_list_has_the_numbers_of_every_kind_of_order() {
        let order = |status, number: &str, counterpart: &str, paid_time_s| Order {
            number: number.to_owned(),
            counterpart: counterpart.to_owned(),
            status,
            start_time_s: 0,
            end_time_s: 3_600,
            quantity: 0,
            total: Amount::ZERO,
            original: Amount::ZERO,
            deductions: tollbook_domain::Deductions::default(),
            create_time_s: None,
            paid_time_s,
            revocation_time_s: None,
        };
        let table = [
            // order, SourceOrderNo beside its number, UnpaidOrderNo beside its number
            (order(Status::Paid, "O1", "", Some(1)), "", ""),
            (order(Status::Paid, "O1", "U1", Some(1)), "", "U1"),
            (order(Status::Unpaid, "U1", "O1", None), "O1", ""),
            (order(Status::Revoked, "U1", "O1", None), "O1", ""),
            (order(Status::Revoked, "O1", "", Some(1)), "O1", ""),
            (order(Status::Revoked, "O1", "U1", Some(1)), "O1", "U1"),
        ];
        for (order, source, unpaid) in table {
            assert_eq!((source_order_no(&order), unpaid_order_no(&order)), (source, unpaid), "{order:?}");
        }
    }

    #[test]
    fn every_column_has_a_header_in_both_languages() {
        let catalogue = tollbook_domain::Catalogue::built_in();
        let names = ORDER_ITEM_DETAIL.iter().chain(UNPAID_ORDER_ITEM).map(|field| field.name);
        for name in names.chain(PAID_SUMMARY_ITEM.iter().map(|field| field.name)) {
            let header = catalogue.names(tollbook_domain::catalogue::NameKind::Column, name);
            assert!(header.is_some(), "{name}");
        }
    }
}
