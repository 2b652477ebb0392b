//! `GetFilterOptions`: what there is to choose from, read off the lines of the company's orders.

use std::collections::BTreeMap;

use serde::Serialize;
use tollbook_domain::catalogue::NameKind;
use tollbook_domain::{Line, LineFilter};
use tollbook_export::presentation::Presentation;

use super::{Call, Member, MemberShape};
use crate::answer::Answer;
use crate::description::Described;
use crate::gateway::log_and_refuse;
use crate::ret_code::Refusal;

/// The ways a bill can be cut (docs/ORDERS.md, "Filter options").
const DIMENSIONS: [&str; 5] = ["project", "resource", "model", "sku", "region"];

const fn texts(name: &'static str, meaning: &'static str) -> Member {
    Member { name, shape: MemberShape::List("TextOption", || describe("string")), meaning, always: true }
}

const fn numbers(name: &'static str, meaning: &'static str) -> Member {
    Member { name, shape: MemberShape::List("NumberOption", || describe("integer")), meaning, always: true }
}

fn describe(value_type: &'static str) -> Vec<Described> {
    vec![
        Described { name: "Name", json_type: "string", meaning: "For people" },
        Described { name: "Value", json_type: value_type, meaning: "For filters" },
    ]
}

pub(super) const RESPONSE: &[Member] = &[
    texts("ResourceIds", "Values of `ResourceIds`"),
    texts("Models", "Values of `ModelIds`"),
    texts("Dimensions", "The ways a bill can be cut"),
    texts("Regions", "Values of `Regions`"),
    texts("ProductCodes", "Values of `ProductCodes`"),
    texts("PricingSKUs", "Values of `PricingSkus`"),
    numbers("PricingUnits", "Values of `PricingUnits`"),
    numbers("OrderTypes", "Values of `OrderTypes`"),
    numbers("Projects", "Organizations: values of `OrganizationIds`"),
];

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Choice<V> {
    name: String,
    value: V,
}

/// One entry per value, sorted by name, then by value.
fn choices<V: Ord>(values: BTreeMap<V, String>) -> Vec<Choice<V>> {
    let mut choices: Vec<Choice<V>> =
        values.into_iter().map(|(value, name)| Choice { name, value }).collect();
    choices.sort();
    choices
}

pub(super) fn run(call: Call<'_>) -> Result<Answer, Refusal> {
    let product = call.parameters.text("ProductCode")?.filter(|code| !code.is_empty());
    if let Some(code) = &product {
        call.check_product_code("ProductCode", code)?;
    }
    let filter = LineFilter::default()
        .product_codes(product.into_iter().collect())
        .visible_organizations(call.key.visible_organizations());
    let company_id = call.company.company_id;
    let mut snapshot = call.snapshot.for_orders()?;
    let snapshot = snapshot.as_mut();
    let lines = snapshot.lines(company_id).map_err(log_and_refuse)?;
    let presentation =
        Presentation::read(snapshot, call.company, &call.brand.display(), call.gateway.catalogue())
            .map_err(log_and_refuse)?;
    let lines: Vec<&Line> = lines.iter().map(AsRef::as_ref).filter(|line| filter.matches(line)).collect();
    let language = presentation.language;
    let catalogue = &presentation.catalogue;
    let named = |kind, key: &str| catalogue.text(kind, key, language);
    // An empty text is no filter, so it is no choice either (a sandbox has no model).
    let texts = |value: fn(&Line) -> &str, name: &dyn Fn(&Line) -> String| {
        let occurring = lines.iter().filter(|line| !value(line).is_empty());
        choices(occurring.map(|line| (value(line).to_owned(), name(line))).collect())
    };
    let numbers = |value: fn(&Line) -> i64, name: &dyn Fn(i64) -> String| {
        choices(lines.iter().map(|line| (value(line), name(value(line)))).collect())
    };
    let model_name = |line: &Line| match line.model_name.as_str() {
        "" => line.model_id.clone(),
        name => name.to_owned(),
    };
    let dimensions =
        DIMENSIONS.iter().map(|key| ((*key).to_owned(), named(NameKind::Dimension, key))).collect();
    Answer::new()
        .with("ResourceIds", &texts(|line| &line.resource_id, &|line| line.resource_id.clone()))?
        // Of several names of one model, the newest line's holds: lines come oldest first.
        .with("Models", &texts(|line| &line.model_id, &model_name))?
        .with("Dimensions", &choices::<String>(dimensions))?
        .with("Regions", &texts(|line| &line.region, &|line| named(NameKind::Region, &line.region)))?
        .with(
            "ProductCodes",
            &texts(|line| &line.product_code, &|line| named(NameKind::Product, &line.product_code)),
        )?
        .with(
            "PricingSKUs",
            &texts(|line| &line.pricing_sku, &|line| named(NameKind::PricingSku, &line.pricing_sku)),
        )?
        .with(
            "PricingUnits",
            &numbers(|line| line.pricing_unit, &|unit| {
                catalogue.number(NameKind::PricingUnit, unit, language)
            }),
        )?
        .with(
            "OrderTypes",
            &numbers(|line| line.order_type, &|kind| catalogue.number(NameKind::OrderType, kind, language)),
        )?
        .with("Projects", &numbers(|line| line.organization_id, &|id| presentation.organization(id)))
}
