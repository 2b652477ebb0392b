//! The columns of FOCUS 1.0 and 1.2 with what each is made of: one table for both versions and both kinds of file.
//! Types and nulls are those of the specification's "Content Constraints".

use tollbook_domain::catalogue::LineTexts;
use tollbook_domain::money::{AMOUNT_PLACES, UNIT_PRICE_PLACES, divide_rounded};
use tollbook_domain::time::{DAY_S, day_of, first_day_of_month, month_of_day};
use tollbook_domain::{Amount, Order, Status, UnitPrice};

use super::sku::{self, Category};
use crate::fields::{Cell, FieldKind, OrderField, OrderRow};
use crate::format::FocusVersion::{self, V1_0, V1_2};
use crate::parquet::{Form, Shape};

/// Decimal places of `PricingQuantity`: seconds in hours do not end, and are rounded half away from zero.
const QUANTITY_PLACES: u32 = 12;
/// Decimal places of `ConsumedQuantity`, which is whole: the specification's type is Decimal, and readers of text tell
/// decimals by their point.
const WHOLE_PLACES: u32 = 2;

/// A column of the specification, or of our own with its prefix `x_`.
pub(super) struct FocusColumn {
    pub(super) field: OrderField,
    form: Form,
    nullable: bool,
    /// The first of our versions that has it.
    pub(super) since: FocusVersion,
}

impl FocusColumn {
    pub(super) fn shape(&self) -> Shape {
        Shape { name: self.field.name, form: self.form, nullable: self.nullable }
    }
}

macro_rules! form {
    (Text) => {
        (FieldKind::Text, Form::Text)
    };
    (Amount) => {
        (FieldKind::Decimal, Form::Decimal(AMOUNT_PLACES))
    };
    (Price) => {
        (FieldKind::Decimal, Form::Decimal(UNIT_PRICE_PLACES))
    };
    (Quantity) => {
        (FieldKind::Decimal, Form::Decimal(QUANTITY_PLACES))
    };
    (Whole) => {
        (FieldKind::Decimal, Form::Decimal(WHOLE_PLACES))
    };
    (Time) => {
        (FieldKind::Time, Form::Time)
    };
}

macro_rules! focus_columns {
    ($($since:ident $name:literal $form:ident $nullable:ident $of_line:ident $value:expr;)*) => {
        /// In the order of the specification, which is that of the alphabet; ours behind it.
        pub(super) const COLUMNS: &[FocusColumn] = &[$(FocusColumn {
            field: OrderField {
                name: $name,
                kind: form!($form).0,
                of_line: $of_line,
                meaning: "",
                value: $value,
            },
            form: form!($form).1,
            nullable: $nullable,
            since: $since,
        }),*];
    };
}

/// Nothing, in a column of any type.
const NULL: Cell<'static> = Cell::Text("");

focus_columns! {
    // since, column, type, may be null, of the line, value
    V1_0 "AvailabilityZone" Text true true |_| NULL;
    V1_0 "BilledCost" Amount false false |r| amount(owed(r.order));
    V1_0 "BillingAccountId" Text false true |r| Cell::Made(format!("company-{}", r.company_id));
    V1_0 "BillingAccountName" Text true true |r| Cell::Text(r.company_name);
    V1_2 "BillingAccountType" Text true true |_| Cell::Text("Company");
    V1_0 "BillingCurrency" Text false true |r| Cell::Text(&r.line.currency);
    V1_0 "BillingPeriodEnd" Time false false |r| Cell::Time(Some(month_s(r.order.start_time_s, 1)));
    V1_0 "BillingPeriodStart" Time false false |r| Cell::Time(Some(month_s(r.order.start_time_s, 0)));
    V1_2 "CapacityReservationId" Text true true |_| NULL;
    V1_2 "CapacityReservationStatus" Text true true |_| NULL;
    V1_0 "ChargeCategory" Text false true |r| charge_category(r);
    V1_0 "ChargeClass" Text true true |_| NULL;
    V1_0 "ChargeDescription" Text true true |r| Cell::Made(sku::description(r));
    V1_0 "ChargeFrequency" Text false true |r| Cell::Text(sku::frequency(r.line));
    V1_0 "ChargePeriodEnd" Time false false |r| Cell::Time(Some(r.order.end_time_s));
    V1_0 "ChargePeriodStart" Time false false |r| Cell::Time(Some(r.order.start_time_s));
    V1_0 "CommitmentDiscountCategory" Text true true |_| NULL;
    V1_0 "CommitmentDiscountId" Text true true |_| NULL;
    V1_0 "CommitmentDiscountName" Text true true |_| NULL;
    V1_2 "CommitmentDiscountQuantity" Quantity true true |_| NULL;
    V1_0 "CommitmentDiscountStatus" Text true true |_| NULL;
    V1_0 "CommitmentDiscountType" Text true true |_| NULL;
    V1_2 "CommitmentDiscountUnit" Text true true |_| NULL;
    V1_0 "ConsumedQuantity" Whole true false |r| consumed_quantity(r);
    V1_0 "ConsumedUnit" Text true true |r| consumed_unit(r);
    V1_0 "ContractedCost" Amount false false |r| amount(r.order.total);
    V1_0 "ContractedUnitPrice" Price true true |r| price(r.line.discount_price);
    V1_0 "EffectiveCost" Amount false false |r| amount(owed(r.order));
    V1_2 "InvoiceId" Text true true |_| NULL;
    V1_0 "InvoiceIssuerName" Text false true |r| Cell::Text(r.provider);
    V1_0 "ListCost" Amount false false |r| amount(r.order.original);
    V1_0 "ListUnitPrice" Price true true |r| price(r.line.list_price);
    V1_0 "PricingCategory" Text true true |_| Cell::Text("Standard");
    V1_2 "PricingCurrency" Text true true |r| Cell::Text(&r.line.currency);
    V1_2 "PricingCurrencyContractedUnitPrice" Price true true |r| price(r.line.discount_price);
    V1_2 "PricingCurrencyEffectiveCost" Amount true false |r| amount(owed(r.order));
    V1_2 "PricingCurrencyListUnitPrice" Price true true |r| price(r.line.list_price);
    V1_0 "PricingQuantity" Quantity true false |r| pricing_quantity(r.order.quantity, r.texts);
    V1_0 "PricingUnit" Text true true |r| Cell::Text(sku::pricing_unit(r));
    V1_0 "ProviderName" Text false true |r| Cell::Text(r.provider);
    V1_0 "PublisherName" Text false true |r| Cell::Text(r.provider);
    V1_0 "RegionId" Text true true |r| Cell::Text(&r.line.region);
    V1_0 "RegionName" Text true true |r| Cell::Text(&r.texts.region);
    V1_0 "ResourceId" Text true true |r| Cell::Text(&r.line.resource_id);
    V1_0 "ResourceName" Text true true |_| NULL;
    V1_0 "ResourceType" Text true true |r| resource_type(r);
    V1_0 "ServiceCategory" Text false true |r| Cell::Text(sku::service(r.line)[0]);
    V1_0 "ServiceName" Text false true |r| Cell::Text(&r.texts.product);
    V1_2 "ServiceSubcategory" Text false true |r| Cell::Text(sku::service(r.line)[1]);
    V1_0 "SkuId" Text true true |r| Cell::Made(sku::sku_id(r.line));
    V1_2 "SkuMeter" Text true true |r| Cell::Text(&r.line.pricing_sku);
    V1_2 "SkuPriceDetails" Text true true |_| NULL;
    V1_0 "SkuPriceId" Text true true |r| Cell::Made(sku::sku_price_id(r.line));
    V1_0 "SubAccountId" Text true true |r| Cell::Text(r.project_id);
    V1_0 "SubAccountName" Text true true |r| Cell::Text(r.organization_name);
    V1_2 "SubAccountType" Text true true |_| Cell::Text("Project");
    V1_0 "Tags" Text true true |r| tags(r);
    V1_0 "x_OrderNo" Text false false |r| Cell::Text(&r.order.number);
    V1_0 "x_OrderStatus" Text false false |r| Cell::Text(order_status(r.order));
    V1_0 "x_OrderType" Text false true |r| Cell::Text(&r.texts.order_type);
}

fn amount(value: Amount) -> Cell<'static> {
    Cell::Decimal { mantissa: value.steps().into(), places: AMOUNT_PLACES }
}

fn price(value: UnitPrice) -> Cell<'static> {
    Cell::Decimal { mantissa: value.steps().into(), places: UNIT_PRICE_PLACES }
}

/// What was paid or is owed. A withdrawn order is neither: it was never due, or its money came back.
fn owed(order: &Order) -> Amount {
    match order.status {
        Status::Paid | Status::Unpaid => order.total,
        Status::Revoked => Amount::ZERO,
    }
}

/// The start of a UTC month, so many months after the one of a time.
fn month_s(unix_s: i64, months: i64) -> i64 {
    first_day_of_month(month_of_day(day_of(unix_s)) + months) * DAY_S
}

fn charge_category(row: &OrderRow<'_>) -> Cell<'static> {
    Cell::Text(match sku::category(row.line) {
        Category::Usage => "Usage",
        Category::Purchase => "Purchase",
    })
}

/// In base units; a purchase consumes nothing.
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

/// In pricing units.
fn pricing_quantity(quantity: i64, texts: &LineTexts) -> Cell<'static> {
    // At most 19 digits and 12 more.
    let scaled = i128::from(quantity) * 10_i128.pow(QUANTITY_PLACES);
    Cell::Decimal { mantissa: divide_rounded(scaled, texts.base_units.into()), places: QUANTITY_PLACES }
}

/// Null together with the resource, and not without it: a resource whose type is not stated is its product's.
fn resource_type<'a>(row: &OrderRow<'a>) -> Cell<'a> {
    if row.line.resource_id.is_empty() {
        return NULL;
    }
    match row.texts.resource_type.as_str() {
        "" => Cell::Text(&row.texts.product),
        stated => Cell::Text(stated),
    }
}

/// Provider-defined tags, which must have a prefix.
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
    if tags.is_empty() { NULL } else { Cell::Made(serde_json::Value::Object(tags).to_string()) }
}

/// `x_OrderStatus`. A refunded order is told from one that never was paid.
fn order_status(order: &Order) -> &'static str {
    match order.status {
        Status::Paid => "Paid",
        Status::Unpaid => "Unpaid",
        Status::Revoked if order.is_refunded() => "Refunded",
        Status::Revoked => "Revoked",
    }
}
