//! The columns of FOCUS 1.0, 1.2, 1.3 and 1.4 and their values: one table for all versions and both file formats. Types and nulls
//! are those of the specification's "Content Constraints".

use tollbook_domain::catalogue::LineTexts;
use tollbook_domain::money::{AMOUNT_PLACES, UNIT_PRICE_PLACES, divide_rounded};
use tollbook_domain::{Amount, AmountRule, Order, Status, UnitPrice};

use super::sku::{self, Category};
use crate::fields::FieldKind::{self, Text, Time};
use crate::fields::Scope::{PerLine, PerRow};
use crate::fields::{AMOUNT, Cell, OrderField, OrderRow, UNIT_PRICE};
use crate::format::FocusVersion::{self, V1_0, V1_2, V1_3, V1_4};
use crate::parquet::ColumnSchema;

/// Decimal places of `PricingQuantity`. Seconds in hours are a repeating decimal and are rounded half away from zero.
const QUANTITY_PLACES: u32 = 12;
const QUANTITY: FieldKind = FieldKind::Decimal { places: QUANTITY_PLACES };

/// Decimal places of `ConsumedQuantity`, which is whole: the specification's type is Decimal, and readers of text
/// recognize decimals by their point.
const WHOLE_PLACES: u32 = 2;
const WHOLE: FieldKind = FieldKind::Decimal { places: WHOLE_PLACES };

/// A column of the specification, or one of ours with the prefix `x_`.
pub(super) struct FocusColumn {
    pub(super) field: OrderField,
    nullable: bool,
    versions: Versions,
}

/// The first and the last supported version that have a column.
type Versions = [FocusVersion; 2];

const FROM_1_0: Versions = [V1_0, V1_4];
const FROM_1_2: Versions = [V1_2, V1_4];
const FROM_1_3: Versions = [V1_3, V1_4];
const FROM_1_4: Versions = [V1_4, V1_4];
const UNTIL_1_3: Versions = [V1_0, V1_3];

impl FocusColumn {
    /// Whether a version has the column.
    pub(super) fn is_in(&self, version: FocusVersion) -> bool {
        let [since, until] = self.versions;
        since <= version && version <= until
    }

    pub(super) fn schema(&self) -> ColumnSchema {
        ColumnSchema { name: self.field.name, kind: self.field.kind, nullable: self.nullable, narrow: false }
    }
}

macro_rules! focus_columns {
    ($($versions:expr, $name:literal, $kind:expr, $nullable:expr, $scope:expr, $value:expr;)*) => {
        &[$(FocusColumn {
            field: OrderField { name: $name, kind: $kind, scope: $scope, meaning: "", value: $value },
            nullable: $nullable,
            versions: $versions,
        }),*]
    };
}

/// Null, in a column of any type.
const NULL: Cell<'static> = Cell::Text("");
/// Whether a column may be null.
const NULLABLE: bool = true;
const REQUIRED: bool = false;

/// In the order of the specification, which is alphabetical; our columns follow.
pub(super) const COLUMNS: &[FocusColumn] = focus_columns! {
    // versions, column, kind, nullable, scope, value
    FROM_1_3, "AllocatedMethodDetails", Text, NULLABLE, PerLine, |_| NULL;
    FROM_1_3, "AllocatedMethodId", Text, NULLABLE, PerLine, |_| NULL;
    FROM_1_3, "AllocatedResourceId", Text, NULLABLE, PerLine, |_| NULL;
    FROM_1_3, "AllocatedResourceName", Text, NULLABLE, PerLine, |_| NULL;
    FROM_1_3, "AllocatedTags", Text, NULLABLE, PerLine, |_| NULL;
    FROM_1_0, "AvailabilityZone", Text, NULLABLE, PerLine, |_| NULL;
    FROM_1_0, "BilledCost", AMOUNT, REQUIRED, PerRow, |r| Cell::amount(owed(r.order));
    FROM_1_0, "BillingAccountId", Text, REQUIRED, PerLine, |r| Cell::OwnedText(format!("company-{}", r.company_id));
    FROM_1_0, "BillingAccountName", Text, NULLABLE, PerLine, |r| Cell::Text(r.company_name);
    FROM_1_2, "BillingAccountType", Text, NULLABLE, PerLine, |_| Cell::Text("Company");
    FROM_1_0, "BillingCurrency", Text, REQUIRED, PerLine, |r| Cell::Text(&r.line.currency);
    FROM_1_0, "BillingPeriodEnd", Time, REQUIRED, PerRow, |r| Cell::Time(Some(r.offsets.month_start(r.order.start_time_s, 1)));
    FROM_1_0, "BillingPeriodStart", Time, REQUIRED, PerRow, |r| Cell::Time(Some(r.offsets.month_start(r.order.start_time_s, 0)));
    FROM_1_2, "CapacityReservationId", Text, NULLABLE, PerLine, |_| NULL;
    FROM_1_2, "CapacityReservationStatus", Text, NULLABLE, PerLine, |_| NULL;
    FROM_1_0, "ChargeCategory", Text, REQUIRED, PerLine, |r| charge_category(r);
    FROM_1_0, "ChargeClass", Text, NULLABLE, PerLine, |_| NULL;
    FROM_1_0, "ChargeDescription", Text, NULLABLE, PerLine, |r| Cell::OwnedText(sku::description(r));
    FROM_1_0, "ChargeFrequency", Text, REQUIRED, PerLine, |r| Cell::Text(sku::frequency(r.line));
    FROM_1_0, "ChargePeriodEnd", Time, REQUIRED, PerRow, |r| Cell::Time(Some(r.order.end_time_s));
    FROM_1_0, "ChargePeriodStart", Time, REQUIRED, PerRow, |r| Cell::Time(Some(r.order.start_time_s));
    FROM_1_0, "CommitmentDiscountCategory", Text, NULLABLE, PerLine, |_| NULL;
    FROM_1_0, "CommitmentDiscountId", Text, NULLABLE, PerLine, |_| NULL;
    FROM_1_0, "CommitmentDiscountName", Text, NULLABLE, PerLine, |_| NULL;
    FROM_1_2, "CommitmentDiscountQuantity", QUANTITY, NULLABLE, PerLine, |_| NULL;
    FROM_1_0, "CommitmentDiscountStatus", Text, NULLABLE, PerLine, |_| NULL;
    FROM_1_0, "CommitmentDiscountType", Text, NULLABLE, PerLine, |_| NULL;
    FROM_1_2, "CommitmentDiscountUnit", Text, NULLABLE, PerLine, |_| NULL;
    FROM_1_4, "CommitmentProgramEligibilityDetails", Text, NULLABLE, PerLine, |_| NULL;
    FROM_1_0, "ConsumedQuantity", WHOLE, NULLABLE, PerRow, |r| consumed_quantity(r);
    FROM_1_0, "ConsumedUnit", Text, NULLABLE, PerLine, |r| consumed_unit(r);
    FROM_1_3, "ContractApplied", Text, NULLABLE, PerLine, |_| NULL;
    FROM_1_0, "ContractedCost", AMOUNT, REQUIRED, PerRow, |r| at_price(r, r.line.discount_price, r.order.total);
    FROM_1_0, "ContractedUnitPrice", UNIT_PRICE, NULLABLE, PerLine, |r| Cell::unit_price(r.line.discount_price);
    FROM_1_0, "EffectiveCost", AMOUNT, REQUIRED, PerRow, |r| Cell::amount(owed(r.order));
    FROM_1_3, "HostProviderName", Text, REQUIRED, PerLine, |r| Cell::Text(r.provider);
    FROM_1_4, "InvoiceDetailId", Text, NULLABLE, PerLine, |_| NULL;
    FROM_1_2, "InvoiceId", Text, NULLABLE, PerLine, |_| NULL;
    FROM_1_0, "InvoiceIssuerName", Text, REQUIRED, PerLine, |r| Cell::Text(r.provider);
    FROM_1_0, "ListCost", AMOUNT, REQUIRED, PerRow, |r| at_price(r, r.line.list_price, r.order.original);
    FROM_1_0, "ListUnitPrice", UNIT_PRICE, NULLABLE, PerLine, |r| Cell::unit_price(r.line.list_price);
    FROM_1_0, "PricingCategory", Text, NULLABLE, PerLine, |_| Cell::Text("Standard");
    FROM_1_2, "PricingCurrency", Text, NULLABLE, PerLine, |r| Cell::Text(&r.line.currency);
    FROM_1_2, "PricingCurrencyContractedUnitPrice", UNIT_PRICE, NULLABLE, PerLine, |r| Cell::unit_price(r.line.discount_price);
    FROM_1_2, "PricingCurrencyEffectiveCost", AMOUNT, NULLABLE, PerRow, |r| Cell::amount(owed(r.order));
    FROM_1_2, "PricingCurrencyListUnitPrice", UNIT_PRICE, NULLABLE, PerLine, |r| Cell::unit_price(r.line.list_price);
    FROM_1_0, "PricingQuantity", QUANTITY, NULLABLE, PerRow, |r| pricing_quantity(r.order.quantity, r.texts);
    FROM_1_0, "PricingUnit", Text, NULLABLE, PerLine, |r| Cell::Text(sku::pricing_unit_name(r));
    UNTIL_1_3, "ProviderName", Text, REQUIRED, PerLine, |r| Cell::Text(r.provider);
    UNTIL_1_3, "PublisherName", Text, REQUIRED, PerLine, |r| Cell::Text(r.provider);
    FROM_1_0, "RegionId", Text, NULLABLE, PerLine, |r| Cell::Text(&r.line.region);
    FROM_1_0, "RegionName", Text, NULLABLE, PerLine, |r| Cell::Text(&r.texts.region);
    FROM_1_0, "ResourceId", Text, NULLABLE, PerLine, |r| Cell::Text(&r.line.resource_id);
    FROM_1_0, "ResourceName", Text, NULLABLE, PerLine, |r| resource_name(r);
    FROM_1_0, "ResourceType", Text, NULLABLE, PerLine, |r| resource_type(r);
    FROM_1_0, "ServiceCategory", Text, REQUIRED, PerLine, |r| Cell::Text(sku::service(r.line)[0]);
    FROM_1_0, "ServiceName", Text, REQUIRED, PerLine, |r| Cell::Text(&r.texts.product);
    FROM_1_3, "ServiceProviderName", Text, REQUIRED, PerLine, |r| Cell::Text(r.provider);
    FROM_1_2, "ServiceSubcategory", Text, REQUIRED, PerLine, |r| Cell::Text(sku::service(r.line)[1]);
    FROM_1_0, "SkuId", Text, NULLABLE, PerLine, |r| Cell::OwnedText(sku::sku_id(r.line));
    FROM_1_2, "SkuMeter", Text, NULLABLE, PerLine, |r| Cell::Text(&r.line.pricing_sku);
    FROM_1_2, "SkuPriceDetails", Text, NULLABLE, PerLine, |_| NULL;
    FROM_1_0, "SkuPriceId", Text, NULLABLE, PerLine, |r| Cell::OwnedText(sku::sku_price_id(r.line));
    FROM_1_0, "SubAccountId", Text, NULLABLE, PerLine, |r| Cell::Text(r.project_id);
    FROM_1_0, "SubAccountName", Text, NULLABLE, PerLine, |r| Cell::Text(sub_account_name(r));
    FROM_1_2, "SubAccountType", Text, NULLABLE, PerLine, |_| Cell::Text("Project");
    FROM_1_0, "Tags", Text, NULLABLE, PerLine, |r| tags(r);
    FROM_1_0, "x_OrderNo", Text, REQUIRED, PerRow, |r| Cell::Text(&r.order.number);
    FROM_1_0, "x_OrderStatus", Text, REQUIRED, PerRow, |r| Cell::Text(order_status(r.order));
    FROM_1_0, "x_OrderType", Text, REQUIRED, PerLine, |r| Cell::Text(&r.texts.order_type);
};

/// The amount that was paid or is owed. It is zero for a revoked order: it was never due, or was refunded.
fn owed(order: &Order) -> Amount {
    match order.status {
        Status::Paid | Status::Unpaid => order.total,
        Status::Revoked => Amount::ZERO,
    }
}

/// Unit price × pricing quantity, which the specification requires of `ContractedCost` and `ListCost`. It is the amount of
/// the order if that is exact; rounding up and other differences of what was billed are in `BilledCost` only.
fn at_price(row: &OrderRow<'_>, price: UnitPrice, amount: Amount) -> Cell<'static> {
    match row.line.amount_rule {
        AmountRule::Exact => Cell::amount(amount),
        AmountRule::CentUp | AmountRule::AsBilled => {
            // The product of two 64-bit numbers, which may be larger than an amount.
            let product = i128::from(price.steps()) * i128::from(row.order.quantity);
            let divisor = i128::from(row.texts.base_units) * 10_i128.pow(UNIT_PRICE_PLACES - AMOUNT_PLACES);
            Cell::Decimal { mantissa: divide_rounded(product, divisor), places: AMOUNT_PLACES }
        }
    }
}

fn charge_category(row: &OrderRow<'_>) -> Cell<'static> {
    Cell::Text(match sku::category(row.line) {
        Category::Usage => "Usage",
        Category::Purchase => "Purchase",
    })
}

/// `ConsumedQuantity` in base units; null for a purchase, which consumes nothing.
fn consumed_quantity(row: &OrderRow<'_>) -> Cell<'static> {
    match sku::category(row.line) {
        Category::Usage => {
            let mantissa = i128::from(row.order.quantity) * 10_i128.pow(WHOLE_PLACES);
            Cell::Decimal { mantissa, places: WHOLE_PLACES }
        }
        Category::Purchase => NULL,
    }
}

fn consumed_unit<'a>(row: &OrderRow<'a>) -> Cell<'a> {
    match sku::category(row.line) {
        Category::Usage => Cell::Text(sku::consumed_unit(row)),
        Category::Purchase => NULL,
    }
}

/// `PricingQuantity` in pricing units.
fn pricing_quantity(quantity: i64, texts: &LineTexts) -> Cell<'static> {
    // At most 19 + 12 digits: fits 128 bits.
    let scaled = i128::from(quantity) * 10_i128.pow(QUANTITY_PLACES);
    Cell::Decimal { mantissa: divide_rounded(scaled, texts.base_units.into()), places: QUANTITY_PLACES }
}

/// `SubAccountName`: the name that the order was billed under. An order without one has its `SubAccountId`, because the
/// name must not be null next to it.
fn sub_account_name<'a>(row: &OrderRow<'a>) -> &'a str {
    if row.line.organization_name.is_empty() { row.project_id } else { &row.line.organization_name }
}

/// `ResourceName`: null if the resource has no name, or if `ResourceId` is null.
fn resource_name<'a>(row: &OrderRow<'a>) -> Cell<'a> {
    if row.line.resource_id.is_empty() { NULL } else { Cell::Text(&row.line.resource_name) }
}

/// `ResourceType`: null if and only if `ResourceId` is null. A resource without a stated type has its product's name.
fn resource_type<'a>(row: &OrderRow<'a>) -> Cell<'a> {
    if row.line.resource_id.is_empty() {
        return NULL;
    }
    match row.texts.resource_type.as_str() {
        "" => Cell::Text(&row.texts.product),
        stated => Cell::Text(stated),
    }
}

/// `Tags`: provider-defined tags, which must have a prefix.
fn tags<'a>(row: &OrderRow<'a>) -> Cell<'a> {
    let line = row.line;
    let tags = [
        ("tollbook/model_id", &line.model_id),
        ("tollbook/model_name", &line.model_name),
        ("tollbook/user_email", &line.user_email),
    ];
    let tags: serde_json::Map<String, serde_json::Value> = tags
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(key, value)| (key.to_owned(), value.as_str().into()))
        .collect();
    if tags.is_empty() { NULL } else { Cell::OwnedText(serde_json::Value::Object(tags).to_string()) }
}

/// `x_OrderStatus`. Distinguishes a refunded order from one that was never paid.
fn order_status(order: &Order) -> &'static str {
    match order.status {
        Status::Paid => "Paid",
        Status::Unpaid => "Unpaid",
        Status::Revoked if order.is_refunded() => "Refunded",
        Status::Revoked => "Revoked",
    }
}
