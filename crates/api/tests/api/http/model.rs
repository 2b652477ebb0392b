//! The expected content of every answer, computed naively from the orders: a vector, a loop, `i128`.
//!
//! This module must not call the code that produces the answers. It uses only the names of the catalogue.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use tollbook_domain::catalogue::NameKind;
use tollbook_domain::{AccountKind, Catalogue, Language, NewOrder, Status};

/// The columns of docs/ORDERS.md, "Fields", with their types: s string, i integer, m money as a string, t Unix seconds
/// as an integer, x Unix seconds as a string.
pub(crate) const PAID_COLUMNS: &str = "Region s, RegionDisplay s, ProductCode s, ProductCodeDisplay s, OrderNo s, \
    CompanyID i, OrganizationID i, OrganizationName s, UserEmail s, ChargeType i, ChargeTypeDisplay s, Channel i, \
    Currency s, CurrencyDisplay s, ResourceID s, ResourceName s, ResourceType i, ResourceTypeDisplay s, \
    ModelID s, ModelName s, OrderType i, OrderTypeDisplay s, PricingSKU s, PricingItemID i, Quantity i, QuantityDisplay s, PricingUnit i, \
    PricingUnitDisplay s, ListPrice m, DiscountPrice m, OrderTotalPrice m, OriginalPrice m, Status i, \
    StatusDisplay s, StartTime t, EndTime t, PaidTime t, StarCardAccount m, Coupon m, BonusAccount m, CashAccount m, \
    CreditAccount m, UnpaidOrderNo s, ReplacesOrderNo s, ReplacedByOrderNo s";
pub(crate) const UNPAID_COLUMNS: &str = "Region s, RegionDisplay s, ProductCode s, ProductCodeDisplay s, OrderNo s, \
    SourceOrderNo s, CompanyID i, OrganizationID i, OrganizationName s, UserEmail s, ChargeType i, \
    ChargeTypeDisplay s, Channel i, Currency s, CurrencyDisplay s, ResourceID s, ResourceName s, \
    ResourceType i, ResourceTypeDisplay s, ModelID s, ModelName s, OrderType i, OrderTypeDisplay s, PricingSKU s, Quantity i, \
    QuantityDisplay s, PricingUnit i, PricingUnitDisplay s, ListPrice m, DiscountPrice m, OrderTotalPrice m, \
    OriginalPrice m, Status i, StatusDisplay s, CreateTime x, StartTime t, EndTime t, PaidTime t, RevocationTime x, \
    ReplacesOrderNo s, ReplacedByOrderNo s";
pub(crate) const SUMMARY_COLUMNS: &str = "ResourceId s, ResourceName s, Region s, RegionDisplay s, PricingSkuId i, \
    PricingSKU s, ModelID s, ModelName s, PricingUnit i, PricingUnitName s, OrderType i, OrderTypeDisplay s, \
    ChargeType i, Status i, StatusDisplay s, ListPrice m, DiscountPrice m, SumQuantity i, SumQuantityDisplay s, \
    SumOrderPrice m, SumOriginalPrice m, SumStarCardAccount m, SumCoupon m, SumBonusAccount m, SumCashAccount m, \
    Currency s, OrderCount i, SumCreditAccount m";

/// The names and types in such a list.
pub(crate) fn columns(text: &str) -> Vec<(&str, char)> {
    text.split(", ")
        .map(|column| column.split_once(' ').unwrap())
        .map(|(name, kind)| (name, kind.chars().next().unwrap()))
        .collect()
}

/// The filters of a request, as the texts that are sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    pub(crate) start_s: i64,
    pub(crate) end_s: i64,
    pub(crate) lists: BTreeMap<&'static str, BTreeSet<String>>,
}

impl Filter {
    pub(crate) fn range(start_s: i64, end_s: i64) -> Self {
        Self { start_s, end_s, lists: BTreeMap::new() }
    }

    /// `StartTime=…&EndTime=…` and the lists.
    pub(crate) fn parameters(&self) -> String {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("StartTime", &self.start_s.to_string());
        form.append_pair("EndTime", &self.end_s.to_string());
        for (name, values) in &self.lists {
            for (index, value) in values.iter().enumerate() {
                form.append_pair(&format!("{name}.{index}"), value);
            }
        }
        form.finish()
    }

    fn wants(&self, new: &NewOrder) -> bool {
        let NewOrder { line, order, .. } = new;
        self.start_s <= order.start_time_s
            && order.start_time_s < self.end_s
            && self.lists.iter().filter(|(_, values)| !values.is_empty()).all(|(name, values)| match *name {
                "ResourceIds" => values.contains(&line.resource_id),
                "ModelIds" => values.contains(&line.model_id),
                "PricingUnits" => values.contains(&line.pricing_unit.to_string()),
                "PricingSkus" => values.contains(&line.pricing_sku),
                "ProductCodes" => values.contains(&line.product_code),
                "OrderTypes" => values.contains(&line.order_type.to_string()),
                "ChargeTypes" => values.contains(&line.charge_type.to_string()),
                "Regions" => values.contains(&line.region),
                "OrganizationIds" => values.contains(&line.organization_id.to_string()),
                "OrderNos" => values.contains(&order.number) || values.contains(&order.counterpart),
                name => panic!("unknown filter {name}"),
            })
    }

    /// The matching orders of these statuses, newest first, then by displayed number in descending order.
    pub(crate) fn matching<'o>(&self, orders: &'o [NewOrder], statuses: &[Status]) -> Vec<&'o NewOrder> {
        let mut found: Vec<&NewOrder> =
            orders.iter().filter(|new| statuses.contains(&new.order.status) && self.wants(new)).collect();
        found.sort_by_key(|new| (Reverse(new.order.start_time_s), Reverse(new.order.number.as_bytes())));
        found
    }
}

/// How orders are displayed: the names in one language.
pub(crate) struct Shown {
    pub(crate) catalogue: Catalogue,
    pub(crate) language: Language,
    pub(crate) organizations: BTreeMap<i64, String>,
}

impl Shown {
    pub(crate) fn in_english(organizations: BTreeMap<i64, String>) -> Self {
        Self { catalogue: Catalogue::built_in(), language: Language::English, organizations }
    }

    pub(crate) fn name(&self, kind: NameKind, key: impl ToString) -> String {
        self.catalogue.text(kind, &key.to_string(), self.language)
    }

    fn quantity(&self, quantity: i128, unit: i64) -> String {
        let base = i128::from(self.catalogue.base_units(unit).unwrap());
        let rounded = (quantity * 100_000_000 * 2 + base) / (base * 2);
        format!("{} {}", decimal(rounded, 8, 0), self.name(NameKind::PricingUnit, unit))
    }

    /// The members that both order objects have.
    fn item(&self, new: &NewOrder) -> Map<String, Value> {
        let NewOrder { company_id, line, order } = new;
        let resource_type = match line.resource_type {
            0 => String::new(),
            stated => self.name(NameKind::ResourceType, stated),
        };
        let Value::Object(item) = json!({
            "Region": line.region,
            "RegionDisplay": self.name(NameKind::Region, &line.region),
            "ProductCode": line.product_code,
            "ProductCodeDisplay": self.name(NameKind::Product, &line.product_code),
            "OrderNo": order.number,
            "CompanyID": company_id,
            "OrganizationID": line.organization_id,
            "OrganizationName": line.organization_name,
            "UserEmail": line.user_email,
            "ChargeType": line.charge_type,
            "ChargeTypeDisplay": self.name(NameKind::ChargeType, line.charge_type),
            "Channel": line.channel,
            "Currency": line.currency,
            "CurrencyDisplay": self.name(NameKind::Currency, &line.currency),
            "ResourceID": line.resource_id,
            "ResourceName": if line.resource_name.is_empty() { &line.resource_id } else { &line.resource_name },
            "ResourceType": line.resource_type,
            "ResourceTypeDisplay": resource_type,
            "ModelID": line.model_id,
            "ModelName": line.model_name,
            "OrderType": line.order_type,
            "OrderTypeDisplay": self.name(NameKind::OrderType, line.order_type),
            "PricingSKU": line.pricing_sku,
            "Quantity": order.quantity,
            "QuantityDisplay": self.quantity(order.quantity.into(), line.pricing_unit),
            "PricingUnit": line.pricing_unit,
            "PricingUnitDisplay": self.name(NameKind::PricingUnit, line.pricing_unit),
            "ListPrice": decimal(line.list_price.steps().into(), 12, 2),
            "DiscountPrice": decimal(line.discount_price.steps().into(), 12, 2),
            "OrderTotalPrice": amount(order.total.steps()),
            "OriginalPrice": amount(order.original.steps()),
            "Status": order.status.number(),
            "StatusDisplay": self.name(NameKind::Status, order.status.number()),
            "StartTime": order.start_time_s,
            "EndTime": order.end_time_s,
            "PaidTime": order.paid_time_s.unwrap_or(0),
            "ReplacesOrderNo": order.replaces,
            "ReplacedByOrderNo": order.replaced_by,
        }) else {
            unreachable!("the literal is an object")
        };
        item
    }

    /// `OrderItemDetail`.
    pub(crate) fn paid(&self, new: &NewOrder) -> Value {
        let (order, deductions) = (&new.order, &new.order.deductions);
        let mut item = self.item(new);
        let arrears = if order.status == Status::Paid || was_paid(new) { &*order.counterpart } else { "" };
        for (name, value) in [
            ("PricingItemID", json!(new.line.pricing_item_id)),
            ("StarCardAccount", json!(amount(deductions.get(AccountKind::StarCard).steps()))),
            ("Coupon", json!(amount(deductions.get(AccountKind::Coupon).steps()))),
            ("BonusAccount", json!(amount(deductions.get(AccountKind::Bonus).steps()))),
            ("CashAccount", json!(amount(deductions.get(AccountKind::Cash).steps()))),
            ("CreditAccount", json!(amount(deductions.get(AccountKind::Credit).steps()))),
            ("UnpaidOrderNo", json!(arrears)),
        ] {
            item.insert(name.to_owned(), value);
        }
        Value::Object(item)
    }

    /// `UnpaidOrderItem`.
    pub(crate) fn unpaid(&self, new: &NewOrder) -> Value {
        let order = &new.order;
        let mut item = self.item(new);
        let text = |time_s: Option<i64>| json!(time_s.map_or(String::new(), |time_s| time_s.to_string()));
        for (name, value) in [
            ("SourceOrderNo", json!(if was_paid(new) { &order.number } else { &order.counterpart })),
            ("CreateTime", text(order.create_time_s)),
            ("RevocationTime", text(order.revocation_time_s)),
        ] {
            item.insert(name.to_owned(), value);
        }
        Value::Object(item)
    }

    /// The rows of a summary of these orders.
    pub(crate) fn summary(&self, orders: &[&NewOrder]) -> Vec<Value> {
        let mut groups: BTreeMap<_, ([&str; 2], Sums)> = BTreeMap::new();
        // Oldest first, so that the newest names replace older ones.
        for new in orders.iter().rev() {
            let (line, order) = (&new.line, &new.order);
            let key = (
                (&line.resource_id, &line.pricing_sku, &line.model_id),
                (line.pricing_unit, line.order_type, line.charge_type, order.status.number()),
                (line.list_price.steps(), line.discount_price.steps(), &line.currency),
                (&line.region, line.pricing_item_id),
            );
            let group = groups.entry(key).or_default();
            for (name, newer) in group.0.iter_mut().zip([&line.resource_name, &line.model_name]) {
                if !newer.is_empty() {
                    *name = newer;
                }
            }
            group.1.add(new);
        }
        let mut rows: Vec<_> = groups.into_iter().collect();
        rows.sort_by_key(|(_, (_, sums))| Reverse(sums.total));
        rows.into_iter()
            .map(|((texts, numbers, prices, (region, item)), ([resource_name, model_name], sums))| {
                json!({
                    "ResourceId": texts.0,
                    "ResourceName": if resource_name.is_empty() { texts.0 } else { resource_name },
                    "Region": region,
                    "RegionDisplay": self.name(NameKind::Region, region),
                    "PricingSkuId": item,
                    "PricingSKU": texts.1,
                    "ModelID": texts.2,
                    "ModelName": model_name,
                    "PricingUnit": numbers.0,
                    "PricingUnitName": self.name(NameKind::PricingUnit, numbers.0),
                    "OrderType": numbers.1,
                    "OrderTypeDisplay": self.name(NameKind::OrderType, numbers.1),
                    "ChargeType": numbers.2,
                    "Status": numbers.3,
                    "StatusDisplay": self.name(NameKind::Status, numbers.3),
                    "ListPrice": decimal(prices.0.into(), 12, 2),
                    "DiscountPrice": decimal(prices.1.into(), 12, 2),
                    "SumQuantity": sums.quantity,
                    "SumQuantityDisplay": self.quantity(sums.quantity, numbers.0),
                    "SumOrderPrice": decimal(sums.total, 8, 2),
                    "SumOriginalPrice": decimal(sums.original, 8, 2),
                    "SumStarCardAccount": decimal(sums.star_card, 8, 2),
                    "SumCoupon": decimal(sums.coupon, 8, 2),
                    "SumBonusAccount": decimal(sums.bonus, 8, 2),
                    "SumCashAccount": decimal(sums.cash, 8, 2),
                    "Currency": prices.2,
                    "OrderCount": sums.orders,
                    "SumCreditAccount": decimal(sums.credit, 8, 2),
                })
            })
            .collect()
    }
}

/// The answer of `GetOrderAmount` without its envelope.
pub(crate) fn order_amount(paid: &[&NewOrder], unpaid: &[&NewOrder]) -> Value {
    let (paid, unpaid) = (Sums::of(paid), Sums::of(unpaid));
    json!({
        "Currency": "CNY",
        "TotalOrderAmount": decimal(paid.total + unpaid.total, 8, 2),
        "PaidAmount": decimal(paid.total, 8, 2),
        "UnpaidAmount": decimal(unpaid.total, 8, 2),
        "CashAmount": decimal(paid.cash, 8, 2),
        "BonusAmount": decimal(paid.bonus, 8, 2),
        "CouponAmount": decimal(paid.coupon, 8, 2),
        "StarCardAmount": decimal(paid.star_card, 8, 2),
        "CreditAmount": decimal(paid.credit, 8, 2),
        "OrderCount": paid.orders + unpaid.orders,
        "PaidCount": paid.orders,
        "UnpaidCount": unpaid.orders,
        // The orders of the tests are not made from usage.
        "PendingAmount": "0.00",
    })
}

/// Whether the order was ever paid: a refunded order keeps its number that begins with O.
fn was_paid(new: &NewOrder) -> bool {
    new.order.status == Status::Revoked && new.order.paid_time_s.is_some()
}

#[derive(Default)]
struct Sums {
    orders: i128,
    quantity: i128,
    total: i128,
    original: i128,
    star_card: i128,
    coupon: i128,
    bonus: i128,
    cash: i128,
    credit: i128,
}

impl Sums {
    fn of(orders: &[&NewOrder]) -> Self {
        let mut sums = Self::default();
        orders.iter().for_each(|new| sums.add(new));
        sums
    }

    fn add(&mut self, new: &NewOrder) {
        let order = &new.order;
        self.orders += 1;
        self.quantity += i128::from(order.quantity);
        self.total += i128::from(order.total.steps());
        self.original += i128::from(order.original.steps());
        self.star_card += i128::from(order.deductions.get(AccountKind::StarCard).steps());
        self.coupon += i128::from(order.deductions.get(AccountKind::Coupon).steps());
        self.bonus += i128::from(order.deductions.get(AccountKind::Bonus).steps());
        self.cash += i128::from(order.deductions.get(AccountKind::Cash).steps());
        self.credit += i128::from(order.deductions.get(AccountKind::Credit).steps());
    }
}

fn amount(steps: i64) -> String {
    decimal(steps.into(), 8, 2)
}

/// A number that is not negative, in plain notation with at least `least` decimal places.
fn decimal(steps: i128, places: u32, least: usize) -> String {
    let one = 10_i128.pow(places);
    let mut text = format!("{}.{:0>width$}", steps / one, steps % one, width = places as usize);
    while text.ends_with('0') && text.len() - text.find('.').unwrap() - 1 > least {
        text.pop();
    }
    text.trim_end_matches('.').to_owned()
}
