//! The published objects as tables: name, type, meaning and value of every field, in column order.
//!
//! One row states a field once. The rows feed the JSON answers, every export format, the reference page and the `OpenAPI`
//! document, so they cannot disagree. Source: docs/ORDERS.md, "Fields".

use tollbook_domain::catalogue::{LineTexts, quantity_display};
use tollbook_domain::money::{AMOUNT_PLACES, UNIT_PRICE_PLACES};
use tollbook_domain::summary::SummaryRow;
use tollbook_domain::{AccountKind, Amount, HourOffsets, Line, Measures, Order, Status, UnitPrice};

use FieldKind::{Integer, Text, TextTime, Time, WideInteger};
use Scope::{PerLine, PerRow};
use ShownIn::{Both, Paid, Unpaid};

/// The value of one field of one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell<'a> {
    /// A borrowed text.
    Text(&'a str),
    /// A text composed for this row.
    OwnedText(String),
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

impl Cell<'_> {
    /// An amount of money.
    pub(crate) fn amount(amount: Amount) -> Self {
        Self::amount_sum(amount.steps().into())
    }

    /// A sum of amounts, in their smallest steps.
    fn amount_sum(steps: i128) -> Self {
        Self::Decimal { mantissa: steps, places: AMOUNT_PLACES }
    }

    /// The price of one pricing unit.
    pub(crate) fn unit_price(price: UnitPrice) -> Self {
        Self::Decimal { mantissa: price.steps().into(), places: UNIT_PRICE_PLACES }
    }

    fn integer(number: impl Into<i128>) -> Self {
        Self::Integer(number.into())
    }
}

/// The type of a field in JSON, workbooks, CSV and Parquet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// A string; a text cell.
    Text,
    /// An integer of at most 64 bits; a number cell.
    Integer,
    /// An integer that may exceed 64 bits, such as a sum of them; a number cell.
    WideInteger,
    /// A decimal as a string; a number cell.
    Decimal {
        /// Decimal places of its column in Parquet.
        places: u32,
    },
    /// Unix seconds as an integer, 0 when absent; a date cell.
    Time,
    /// Unix seconds as a string, "" when absent; a date cell.
    TextTime,
}

impl FieldKind {
    /// Whether cells are dates.
    pub fn is_time(self) -> bool {
        matches!(self, Time | TextTime)
    }
}

/// The kind of amounts of money and their sums.
pub(crate) const AMOUNT: FieldKind = FieldKind::Decimal { places: AMOUNT_PLACES };
/// The kind of prices of one pricing unit.
pub(crate) const UNIT_PRICE: FieldKind = FieldKind::Decimal { places: UNIT_PRICE_PLACES };

/// Which rows share a value. Writers format the shared values once for each line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All orders of a line have the same value.
    PerLine,
    /// Each row has its own value.
    PerRow,
}

/// Which of the two objects of a table contain a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ShownIn {
    Both,
    Paid,
    Unpaid,
}

/// One field of an object, with a function of type `F` that reads its value.
#[derive(Clone, Copy, Debug)]
pub struct Field<F: 'static> {
    /// Exact spelling.
    pub name: &'static str,
    /// Type.
    pub kind: FieldKind,
    /// Which rows share the value.
    pub scope: Scope,
    /// Meaning, for the reference page; empty for columns of FOCUS, which have a specification.
    pub meaning: &'static str,
    /// Reads the value.
    pub value: F,
}

/// An order with its display texts.
#[derive(Clone, Copy, Debug)]
pub struct OrderRow<'a> {
    /// The company that owns the order.
    pub company_id: i64,
    /// Name of the company.
    pub company_name: &'a str,
    /// Name of the seller.
    pub provider: &'a str,
    /// Line of the order.
    pub line: &'a Line,
    /// Display texts of the line.
    pub texts: &'a LineTexts,
    /// `ProjectId` of the line's organization. Most rows need neither it nor `line`, and the memory of a line is rarely in
    /// the processor's cache: what they refer to is read when it is shown.
    pub project_id: &'a String,
    /// Numbers, times and amounts.
    pub order: &'a Order,
    /// `StatusDisplay`.
    pub status: &'a str,
    /// The deployment's offsets from UTC, which define billing periods.
    pub offsets: &'a HourOffsets,
}

/// A summary row with its display texts.
#[derive(Clone, Copy, Debug)]
pub struct SummaryView<'a> {
    /// Key and sums.
    pub row: &'a SummaryRow,
    /// `RegionDisplay`.
    pub region: &'a str,
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

/// A table of fields, one row each. Row order is column order in both objects of the table.
macro_rules! fields {
    ($($name:literal, $kind:expr, $scope:expr, $shown_in:expr, $meaning:literal, $value:expr;)*) => {
        &[$((
            $shown_in,
            Field { name: $name, kind: $kind, scope: $scope, meaning: $meaning, value: $value },
        )),*]
    };
}

/// `OrderItemDetail` of the paid list and `UnpaidOrderItem` of the unpaid list.
const ORDER_FIELDS: &[(ShownIn, OrderField)] = fields! {
    // name, kind, scope, shown in, meaning, value
    "Region", Text, PerLine, Both, "Region of use", |r| Cell::Text(&r.line.region);
    "RegionDisplay", Text, PerLine, Both, "Name of the region", |r| Cell::Text(&r.texts.region);
    "ProductCode", Text, PerLine, Both, "Product: `modelverse`, `sandbox` or `starcard`", |r| Cell::Text(&r.line.product_code);
    "ProductCodeDisplay", Text, PerLine, Both, "Name of the product", |r| Cell::Text(&r.texts.product);
    "OrderNo", Text, PerRow, Both, "Order number; the arrears number while the order is unpaid", |r| Cell::Text(&r.order.number);
    "SourceOrderNo", Text, PerRow, Unpaid, "Number of the order that fell into arrears", |r| Cell::Text(source_order_no(r.order));
    "CompanyID", Integer, PerLine, Both, "Company", |r| Cell::integer(r.company_id);
    "OrganizationID", Integer, PerLine, Both, "Organization (project) within the company", |r| Cell::integer(r.line.organization_id);
    "OrganizationName", Text, PerLine, Both, "Name of the organization, as it was billed", |r| Cell::Text(&r.line.organization_name);
    "UserEmail", Text, PerLine, Both, "Who used it; empty when not known", |r| Cell::Text(&r.line.user_email);
    "ChargeType", Integer, PerLine, Both, "Way of charging", |r| Cell::integer(r.line.charge_type);
    "ChargeTypeDisplay", Text, PerLine, Both, "Name of the way of charging", |r| Cell::Text(&r.texts.charge_type);
    "Channel", Integer, PerLine, Both, "Sales channel", |r| Cell::integer(r.line.channel);
    "Currency", Text, PerLine, Both, "`CNY` or `USD`", |r| Cell::Text(&r.line.currency);
    "CurrencyDisplay", Text, PerLine, Both, "Name of the currency", |r| Cell::Text(&r.texts.currency);
    "ResourceID", Text, PerLine, Both, "Inference API key or sandbox", |r| Cell::Text(&r.line.resource_id);
    "ResourceName", Text, PerLine, Both, "What a person calls it; the `ResourceID` if it has no name", |r| Cell::Text(r.line.shown_resource_name());
    "ResourceType", Integer, PerLine, Both, "Type of the resource; 0 when not stated", |r| Cell::integer(r.line.resource_type);
    "ResourceTypeDisplay", Text, PerLine, Both, "Name of the type of the resource", |r| Cell::Text(&r.texts.resource_type);
    "ModelID", Text, PerLine, Both, "Model", |r| Cell::Text(&r.line.model_id);
    "ModelName", Text, PerLine, Both, "Name of the model", |r| Cell::Text(&r.line.model_name);
    "OrderType", Integer, PerLine, Both, "Kind of order", |r| Cell::integer(r.line.order_type);
    "OrderTypeDisplay", Text, PerLine, Both, "Name of the kind of order", |r| Cell::Text(&r.texts.order_type);
    "PricingSKU", Text, PerLine, Both, "What was counted", |r| Cell::Text(&r.line.pricing_sku);
    "PricingItemID", Integer, PerLine, Paid, "Item of the price list; 0 when not stated", |r| Cell::integer(r.line.pricing_item_id);
    "Quantity", Integer, PerRow, Both, "Quantity in base units (tokens, images, seconds)", |r| Cell::integer(r.order.quantity);
    "QuantityDisplay", Text, PerRow, Both, "Quantity in pricing units, with the unit's name", |r| Cell::OwnedText(r.texts.quantity(r.order.quantity.into()));
    "PricingUnit", Integer, PerLine, Both, "Pricing unit", |r| Cell::integer(r.line.pricing_unit);
    "PricingUnitDisplay", Text, PerLine, Both, "Name of the pricing unit", |r| Cell::Text(&r.texts.pricing_unit);
    "ListPrice", UNIT_PRICE, PerLine, Both, "Price of one pricing unit before discount", |r| Cell::unit_price(r.line.list_price);
    "DiscountPrice", UNIT_PRICE, PerLine, Both, "Price of one pricing unit that is charged", |r| Cell::unit_price(r.line.discount_price);
    "OrderTotalPrice", AMOUNT, PerRow, Both, "`DiscountPrice` × quantity in pricing units, 8 places, half away from zero", |r| Cell::amount(r.order.total);
    "OriginalPrice", AMOUNT, PerRow, Both, "`ListPrice` × quantity in pricing units, 8 places, half away from zero", |r| Cell::amount(r.order.original);
    "Status", Integer, PerRow, Both, "1 unpaid, 2 paid, 3 revoked", |r| Cell::integer(r.order.status.number());
    "StatusDisplay", Text, PerRow, Both, "Name of the status", |r| Cell::Text(r.status);
    "CreateTime", TextTime, PerRow, Unpaid, "When the unpaid order was made; empty when not known", |r| Cell::Time(r.order.create_time_s);
    "StartTime", Time, PerRow, Both, "Start of the billed time", |r| Cell::Time(Some(r.order.start_time_s));
    "EndTime", Time, PerRow, Both, "End of the billed time", |r| Cell::Time(Some(r.order.end_time_s));
    "PaidTime", Time, PerRow, Both, "When it was paid; 0 when it is not", |r| Cell::Time(r.order.paid_time_s);
    "StarCardAccount", AMOUNT, PerRow, Paid, "Paid from star cards", |r| Cell::amount(r.order.deductions.get(AccountKind::StarCard));
    "Coupon", AMOUNT, PerRow, Paid, "Paid from coupons", |r| Cell::amount(r.order.deductions.get(AccountKind::Coupon));
    "BonusAccount", AMOUNT, PerRow, Paid, "Paid from the bonus account", |r| Cell::amount(r.order.deductions.get(AccountKind::Bonus));
    "CashAccount", AMOUNT, PerRow, Paid, "Paid from the cash account", |r| Cell::amount(r.order.deductions.get(AccountKind::Cash));
    "CreditAccount", AMOUNT, PerRow, Paid, "Paid from the credit line", |r| Cell::amount(r.order.deductions.get(AccountKind::Credit));
    "UnpaidOrderNo", Text, PerRow, Paid, "Arrears number of an order that was unpaid before; else empty", |r| Cell::Text(unpaid_order_no(r.order));
    "RevocationTime", TextTime, PerRow, Unpaid, "When it was revoked; empty when it is not", |r| Cell::Time(r.order.revocation_time_s);
    "ReplacesOrderNo", Text, PerRow, Both, "Number of the corrected order that this one replaces; else empty", |r| Cell::Text(&r.order.replaces);
    "ReplacedByOrderNo", Text, PerRow, Both, "Number of the order that replaces this one after a correction; else empty", |r| Cell::Text(&r.order.replaced_by);
};

/// `OrderSummaryItem` of `ListPaidOrderSummary` and of `ListUnpaidOrderSummary`.
const SUMMARY_FIELDS: &[(ShownIn, SummaryField)] = fields! {
    // name, kind, scope, shown in, meaning, value
    "ResourceId", Text, PerRow, Both, "Inference API key or sandbox", |v| Cell::Text(&v.row.key.resource_id);
    "ResourceName", Text, PerRow, Both, "What a person calls it, the newest name given; the `ResourceId` if it has none", |v| Cell::Text(&v.row.resource_name);
    "Region", Text, PerRow, Both, "Region of use", |v| Cell::Text(&v.row.key.region);
    "RegionDisplay", Text, PerRow, Both, "Name of the region", |v| Cell::Text(v.region);
    "PricingSkuId", Integer, PerRow, Both, "`PricingItemID` of the orders: item of the price list; 0 when not stated", |v| Cell::integer(v.row.key.pricing_item_id);
    "PricingSKU", Text, PerRow, Both, "What was counted", |v| Cell::Text(&v.row.key.pricing_sku);
    "ModelID", Text, PerRow, Both, "Model", |v| Cell::Text(&v.row.key.model_id);
    "ModelName", Text, PerRow, Both, "Name of the model, the newest one given", |v| Cell::Text(&v.row.model_name);
    "PricingUnit", Integer, PerRow, Both, "Pricing unit", |v| Cell::integer(v.row.key.pricing_unit);
    "PricingUnitName", Text, PerRow, Both, "Name of the pricing unit", |v| Cell::Text(v.unit);
    "OrderType", Integer, PerRow, Both, "Kind of order", |v| Cell::integer(v.row.key.order_type);
    "OrderTypeDisplay", Text, PerRow, Both, "Name of the kind of order", |v| Cell::Text(v.order_type);
    "ChargeType", Integer, PerRow, Both, "Way of charging", |v| Cell::integer(v.row.key.charge_type);
    "Status", Integer, PerRow, Both, "1 unpaid, 2 paid, 3 revoked", |v| Cell::integer(v.row.key.status.number());
    "StatusDisplay", Text, PerRow, Both, "Name of the status", |v| Cell::Text(v.status);
    "ListPrice", UNIT_PRICE, PerRow, Both, "Price of one pricing unit before discount", |v| Cell::unit_price(v.row.key.list_price);
    "DiscountPrice", UNIT_PRICE, PerRow, Both, "Price of one pricing unit that is charged", |v| Cell::unit_price(v.row.key.discount_price);
    "SumQuantity", WideInteger, PerRow, Both, "Sum of the quantities in base units", |v| Cell::integer(v.row.measures.quantity);
    "SumQuantityDisplay", Text, PerRow, Both, "Sum of the quantities in pricing units, with the unit's name", |v| Cell::OwnedText(quantity_display(v.row.measures.quantity, v.base_units, v.unit));
    "SumOrderPrice", AMOUNT, PerRow, Both, "Sum of `OrderTotalPrice`", |v| Cell::amount_sum(v.row.measures.total);
    "SumOriginalPrice", AMOUNT, PerRow, Both, "Sum of `OriginalPrice`", |v| Cell::amount_sum(v.row.measures.original);
    "SumStarCardAccount", AMOUNT, PerRow, Both, "Paid from star cards", |v| Cell::amount_sum(v.row.measures.deductions.get(AccountKind::StarCard));
    "SumCoupon", AMOUNT, PerRow, Both, "Paid from coupons", |v| Cell::amount_sum(v.row.measures.deductions.get(AccountKind::Coupon));
    "SumBonusAccount", AMOUNT, PerRow, Both, "Paid from the bonus account", |v| Cell::amount_sum(v.row.measures.deductions.get(AccountKind::Bonus));
    "SumCashAccount", AMOUNT, PerRow, Both, "Paid from the cash account", |v| Cell::amount_sum(v.row.measures.deductions.get(AccountKind::Cash));
    "Currency", Text, PerRow, Both, "`CNY` or `USD`", |v| Cell::Text(&v.row.key.currency);
    "OrderCount", Integer, PerRow, Both, "Number of orders", |v| Cell::integer(v.row.measures.orders);
    "SumCreditAccount", AMOUNT, PerRow, Both, "Paid from the credit line", |v| Cell::amount_sum(v.row.measures.deductions.get(AccountKind::Credit));
};

/// `OrderItemDetail`: an order of the paid list.
pub const ORDER_ITEM_DETAIL: &[OrderField] = &select::<_, { count(ORDER_FIELDS, Paid) }>(ORDER_FIELDS, Paid);

/// `UnpaidOrderItem`: an order of the unpaid list.
pub const UNPAID_ORDER_ITEM: &[OrderField] =
    &select::<_, { count(ORDER_FIELDS, Unpaid) }>(ORDER_FIELDS, Unpaid);

/// `OrderSummaryItem` of both summaries. In the unpaid one every deduction is 0.
pub const ORDER_SUMMARY_ITEM: &[SummaryField] =
    &select::<_, { count(SUMMARY_FIELDS, Both) }>(SUMMARY_FIELDS, Both);

impl ShownIn {
    const fn includes(self, object: Self) -> bool {
        matches!((self, object), (Both, _) | (Paid, Paid) | (Unpaid, Unpaid))
    }
}

const fn count<F: Copy>(table: &[(ShownIn, Field<F>)], object: ShownIn) -> usize {
    let (mut row, mut found) = (0, 0);
    while row < table.len() {
        if table[row].0.includes(object) {
            found += 1;
        }
        row += 1;
    }
    found
}

/// The fields of one object, of which there are `N`.
const fn select<F: Copy, const N: usize>(table: &[(ShownIn, Field<F>)], object: ShownIn) -> [Field<F>; N] {
    let mut selected = [table[0].1; N];
    let (mut row, mut found) = (0, 0);
    while row < table.len() {
        if table[row].0.includes(object) {
            selected[found] = table[row].1;
            found += 1;
        }
        row += 1;
    }
    selected
}

/// `SourceOrderNo`. A paid order has no source beside itself; a refunded order, which the unpaid list shows too, is its
/// own source.
fn source_order_no(order: &Order) -> &str {
    if order.status == Status::Paid { "" } else { order.source_number() }
}

/// `UnpaidOrderNo`, only beside a number O: an order that is shown by its number U already shows that one.
fn unpaid_order_no(order: &Order) -> &str {
    if order.status == Status::Paid || order.is_refunded() { order.arrears_number() } else { "" }
}

/// Splits fields into runs of neighbours with one scope.
pub(crate) fn runs_of_one_scope(fields: &[OrderField]) -> impl Iterator<Item = (Scope, &[OrderField])> {
    let runs = fields.chunk_by(|field, next| field.scope == next.scope);
    runs.filter_map(|run| run.first().map(|field| (field.scope, run)))
}

/// A sum of amounts, in their smallest steps.
pub(crate) fn amount_sum(steps: i128) -> Cell<'static> {
    Cell::amount_sum(steps)
}

/// The sum of every amount of orders, by the field that it is a sum of, in column order.
pub(crate) fn amount_sums(measures: &Measures) -> impl Iterator<Item = (&'static str, Cell<'static>)> {
    let prices = [("OrderTotalPrice", measures.total), ("OriginalPrice", measures.original)];
    let deductions = AccountKind::ALL.map(|kind| (kind.order_field(), measures.deductions.get(kind)));
    prices.into_iter().chain(deductions).map(|(name, sum)| (name, Cell::amount_sum(sum)))
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
             ResourceID, ResourceName, ResourceType, ResourceTypeDisplay, ModelID, ModelName, OrderType, \
             OrderTypeDisplay, PricingSKU, PricingItemID, Quantity, QuantityDisplay, PricingUnit, PricingUnitDisplay, ListPrice, \
             DiscountPrice, OrderTotalPrice, OriginalPrice, Status, StatusDisplay, StartTime, EndTime, PaidTime, \
             StarCardAccount, Coupon, BonusAccount, CashAccount, CreditAccount, UnpaidOrderNo, ReplacesOrderNo, \
             ReplacedByOrderNo"
        );
        let unpaid = names(ORDER_ITEM_DETAIL)
            .split_once(", StartTime")
            .map(|(head, _)| head.replace("OrderNo, CompanyID", "OrderNo, SourceOrderNo, CompanyID"))
            .unwrap()
            .replace(", PricingItemID", "");
        assert_eq!(
            names(UNPAID_ORDER_ITEM),
            format!(
                "{unpaid}, CreateTime, StartTime, EndTime, PaidTime, RevocationTime, ReplacesOrderNo, ReplacedByOrderNo"
            )
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
            replaces: String::new(),
            replaced_by: String::new(),
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
    fn every_amount_of_an_order_has_a_sum() {
        let amounts = ORDER_FIELDS.iter().map(|(_, field)| field).filter(|field| field.kind == AMOUNT);
        let measures = Measures::default();
        let sums = amount_sums(&measures).map(|(name, _)| name);
        assert_eq!(amounts.map(|field| field.name).collect::<Vec<_>>(), sums.collect::<Vec<_>>());
    }

    #[test]
    fn every_column_has_a_header_in_both_languages() {
        let catalogue = tollbook_domain::Catalogue::built_in();
        let names = ORDER_ITEM_DETAIL.iter().chain(UNPAID_ORDER_ITEM).map(|field| field.name);
        for name in names.chain(ORDER_SUMMARY_ITEM.iter().map(|field| field.name)) {
            let header = catalogue.names(tollbook_domain::catalogue::NameKind::Column, name);
            assert!(header.is_some(), "{name}");
        }
    }
}
