//! Columns of FOCUS that describe the SKU of an order, derived from its line: category, service, price key, units.

use tollbook_domain::Line;
use tollbook_domain::catalogue::pricing_unit;

use crate::fields::OrderRow;

/// The charge categories that orders have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Category {
    /// Charged by what is used.
    Usage,
    /// Charged for a period, used or not.
    Purchase,
}

/// The `ChargeType`s that recur every period, used or not: yearly, monthly, daily (docs/ORDERS.md, "Catalogue numbers").
const PERIODIC: [i64; 3] = [1, 2, 4];

/// `ChargeCategory`.
pub(super) fn category(line: &Line) -> Category {
    if PERIODIC.contains(&line.charge_type) { Category::Purchase } else { Category::Usage }
}

/// `ChargeFrequency`. A purchase must not be "Usage-Based".
pub(super) fn frequency(line: &Line) -> &'static str {
    match category(line) {
        Category::Usage => "Usage-Based",
        Category::Purchase => "Recurring",
    }
}

/// `ServiceCategory` and `ServiceSubcategory`.
pub(super) fn service(line: &Line) -> [&'static str; 2] {
    match line.product_code.as_str() {
        "modelverse" => ["AI and Machine Learning", "Generative AI"],
        "sandbox" => ["Compute", "Other (Compute)"],
        _ => ["Other", "Other (Other)"],
    }
}

/// `SkuId`: product, model if there is one, and `PricingSKU`.
pub(super) fn sku_id(line: &Line) -> String {
    let parts = [line.product_code.as_str(), &line.model_id, &line.pricing_sku];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/")
}

/// `SkuPriceId`: the SKU with the pricing unit and the price list item. It excludes amounts, discounts and accounts, so it
/// stays the same when a price changes.
pub(super) fn sku_price_id(line: &Line) -> String {
    let unit = format!("{}/unit-{}", sku_id(line), line.pricing_unit);
    match line.pricing_item_id {
        0 => unit,
        item => format!("{unit}/item-{item}"),
    }
}

/// Built-in pricing units by number: the names of the unit and of its base unit in the specification's "Unit Format". A
/// catalogue cannot change these.
const UNITS: [(i64, &str, &str); 21] = [
    (pricing_unit::TOKEN, "Tokens", "Tokens"),
    (pricing_unit::K_TOKENS, "1000 Tokens", "Tokens"),
    (pricing_unit::M_TOKENS, "1000000 Tokens", "Tokens"),
    (pricing_unit::SECOND, "Seconds", "Seconds"),
    (pricing_unit::MINUTE, "Minutes", "Seconds"),
    (pricing_unit::HOUR, "Hours", "Seconds"),
    (pricing_unit::PIXEL, "Pixels", "Pixels"),
    (pricing_unit::M_PIXELS, "1000000 Pixels", "Pixels"),
    (pricing_unit::CHARACTER, "Characters", "Characters"),
    (pricing_unit::TEN_K_CHARACTERS, "10000 Characters", "Characters"),
    (pricing_unit::M_CHARACTERS, "1000000 Characters", "Characters"),
    (pricing_unit::UTF8_BYTE, "Bytes", "Bytes"),
    (pricing_unit::TEN_K_UTF8_BYTES, "10000 Bytes", "Bytes"),
    (pricing_unit::M_UTF8_BYTES, "1000000 Bytes", "Bytes"),
    (pricing_unit::IMAGE, "Images", "Images"),
    (pricing_unit::REQUEST, "Requests", "Requests"),
    (pricing_unit::ITEM, "Items", "Items"),
    (pricing_unit::PAGE, "Pages", "Pages"),
    (pricing_unit::VCPU_SECOND, "vCPU-Seconds", "vCPU-Seconds"),
    (pricing_unit::GB_SECOND, "GB-Seconds", "GB-Seconds"),
    (pricing_unit::GB_HOUR, "GB-Hours", "GB-Seconds"),
];

/// `PricingUnit`; the catalogue's name for a unit that the operator defined.
pub(super) fn pricing_unit_name<'a>(row: &OrderRow<'a>) -> &'a str {
    let built_in = UNITS.iter().find(|(number, ..)| *number == row.line.pricing_unit);
    built_in.map_or(row.texts.pricing_unit.as_str(), |(_, pricing, _)| pricing)
}

/// `ConsumedUnit`. The base unit of a unit that the operator defined has no name.
pub(super) fn consumed_unit<'a>(row: &OrderRow<'a>) -> &'a str {
    match UNITS.iter().find(|(number, ..)| *number == row.line.pricing_unit) {
        Some((_, _, base)) => base,
        None if row.texts.base_units == 1 => row.texts.pricing_unit.as_str(),
        None => "Units",
    }
}

/// `ChargeDescription`: product, model and `PricingSKU`, with the kind of order.
pub(super) fn description(row: &OrderRow<'_>) -> String {
    let line = row.line;
    let model = if line.model_name.is_empty() { &line.model_id } else { &line.model_name };
    let parts = [row.texts.product.as_str(), model, &line.pricing_sku];
    let subject = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    format!("{subject} ({})", row.texts.order_type)
}

#[cfg(test)]
mod tests {
    use tollbook_domain::{AmountRule, Catalogue, Language, UnitPrice};

    use super::*;

    fn line() -> Line {
        Line {
            organization_id: 1,
            organization_name: String::new(),
            user_email: String::new(),
            resource_id: "key".into(),
            resource_name: String::new(),
            resource_type: 1,
            model_id: "qwen/max".into(),
            model_name: String::new(),
            pricing_sku: "input".into(),
            pricing_item_id: 0,
            pricing_unit: pricing_unit::K_TOKENS,
            product_code: "modelverse".into(),
            region: "cn-wlcb".into(),
            charge_type: 102,
            order_type: 102,
            channel: 1,
            currency: "CNY".into(),
            list_price: UnitPrice::from_steps(1),
            discount_price: UnitPrice::from_steps(1),
            amount_rule: AmountRule::Exact,
        }
    }

    #[test]
    fn units_match_the_catalogue() {
        let catalogue = Catalogue::built_in();
        for (number, pricing, base) in UNITS {
            let base_units = catalogue.base_units(number).unwrap();
            // Hours and minutes have names; other multiples have the number before the base unit.
            let expected = match (base_units, base) {
                (1, _) => base.to_owned(),
                (60, "Seconds") => "Minutes".to_owned(),
                (3_600, "Seconds") => "Hours".to_owned(),
                (3_600, "GB-Seconds") => "GB-Hours".to_owned(),
                (multiple, _) => format!("{multiple} {base}"),
            };
            assert_eq!(pricing, expected, "{number}");
        }
        let built_in = catalogue.keys(tollbook_domain::catalogue::NameKind::PricingUnit).count();
        assert_eq!(built_in, UNITS.len());
        for number in PERIODIC {
            let name =
                catalogue.number(tollbook_domain::catalogue::NameKind::ChargeType, number, Language::English);
            assert!(["Yearly", "Monthly", "Daily"].contains(&name.as_str()), "{name}");
        }
    }

    #[test]
    fn a_price_key_does_not_depend_on_the_price() {
        let (mut changed, line) = (line(), line());
        changed.discount_price = UnitPrice::from_steps(7);
        changed.list_price = UnitPrice::from_steps(9);
        changed.organization_id = 2;
        assert_eq!(sku_price_id(&line), "modelverse/qwen/max/input/unit-11");
        assert_eq!(sku_price_id(&changed), sku_price_id(&line));
        changed.pricing_item_id = 30;
        assert_eq!(sku_price_id(&changed), "modelverse/qwen/max/input/unit-11/item-30");
        let sandbox = Line { product_code: "sandbox".into(), model_id: String::new(), ..line };
        assert_eq!(sku_id(&sandbox), "sandbox/input");
    }

    #[test]
    fn categories_and_frequencies() {
        let table = [
            // OrderType, ChargeType, is a purchase, frequency
            (102, 102, false, "Usage-Based"),
            (301, 102, false, "Usage-Based"),
            (102, 5, false, "Usage-Based"),
            (102, 3, false, "Usage-Based"),
            (102, 99, false, "Usage-Based"),
            (102, 1, true, "Recurring"),
            (301, 2, true, "Recurring"),
            (102, 4, true, "Recurring"),
        ];
        for (order_type, charge_type, is_purchase, expected) in table {
            let line = Line { order_type, charge_type, ..line() };
            assert_eq!(category(&line) == Category::Purchase, is_purchase, "{order_type}");
            assert_eq!(frequency(&line), expected, "{order_type} {charge_type}");
        }
    }
}
