//! `GetFilterOptions`: the values of each filter that occur in the lines of the company's orders.

use std::collections::BTreeMap;

use serde::Serialize;
use tollbook_domain::catalogue::NameKind;
use tollbook_domain::filter::{FilterField, LineAttribute};
use tollbook_domain::{Line, LineFilter};
use tollbook_export::presentation::Presentation;

use super::call::Call;
use super::shape::{Described, Member, list};
use crate::answer::Answer;
use crate::failure::log_and_refuse;
use crate::ret_code::Refusal;

/// The dimensions by which a bill can be broken down (docs/ORDERS.md, "Filter options").
const DIMENSIONS: [&str; 5] = ["project", "resource", "model", "sku", "region"];

/// A member of the answer.
struct OptionList {
    member: &'static str,
    meaning: &'static str,
    values: Values,
}

/// The values that a member lists.
#[derive(Clone, Copy)]
enum Values {
    /// [`DIMENSIONS`].
    Dimensions,
    /// Those of a filter that occur, and their display names.
    Occurring(FilterField, Names),
}

/// The display names of values.
#[derive(Clone, Copy)]
enum Names {
    /// The values themselves.
    Value,
    /// From the catalogue.
    Catalogue(NameKind),
    /// The line's name of its model. If there are several, that of the newest line.
    Model,
    /// Names of organizations.
    Organization,
}

impl OptionList {
    const fn new(member: &'static str, meaning: &'static str, field: FilterField, names: Names) -> Self {
        Self { member, meaning, values: Values::Occurring(field, names) }
    }

    const fn described(&self) -> Member {
        let is_text = match self.values {
            Values::Dimensions => true,
            Values::Occurring(field, _) => matches!(field.attribute(), LineAttribute::Text(_)),
        };
        if is_text {
            list(self.member, "TextOption", || describe("string"), self.meaning)
        } else {
            list(self.member, "NumberOption", || describe("integer"), self.meaning)
        }
    }
}

/// The members of the answer, in its order.
const LISTS: [OptionList; 9] = [
    OptionList::new("ResourceIds", "Values of `ResourceIds`", FilterField::ResourceIds, Names::Value),
    OptionList::new("Models", "Values of `ModelIds`", FilterField::ModelIds, Names::Model),
    OptionList {
        member: "Dimensions",
        meaning: "The dimensions by which a bill can be broken down",
        values: Values::Dimensions,
    },
    OptionList::new(
        "Regions",
        "Values of `Regions`",
        FilterField::Regions,
        Names::Catalogue(NameKind::Region),
    ),
    OptionList::new(
        "ProductCodes",
        "Values of `ProductCodes`",
        FilterField::ProductCodes,
        Names::Catalogue(NameKind::Product),
    ),
    OptionList::new(
        "PricingSKUs",
        "Values of `PricingSkus`",
        FilterField::PricingSkus,
        Names::Catalogue(NameKind::PricingSku),
    ),
    OptionList::new(
        "PricingUnits",
        "Values of `PricingUnits`",
        FilterField::PricingUnits,
        Names::Catalogue(NameKind::PricingUnit),
    ),
    OptionList::new(
        "OrderTypes",
        "Values of `OrderTypes`",
        FilterField::OrderTypes,
        Names::Catalogue(NameKind::OrderType),
    ),
    OptionList::new(
        "Projects",
        "Organizations: values of `OrganizationIds`",
        FilterField::OrganizationIds,
        Names::Organization,
    ),
];

pub(super) const RESPONSE: &[Member] = &{
    let mut members = [LISTS[0].described(); LISTS.len()];
    let mut place = 0;
    while place < LISTS.len() {
        members[place] = LISTS[place].described();
        place += 1;
    }
    members
};

fn describe(value_type: &'static str) -> Vec<Described> {
    vec![
        Described { name: "Name", json_type: "string", meaning: "Display name" },
        Described { name: "Value", json_type: value_type, meaning: "Value of the filter" },
    ]
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "PascalCase")]
struct FilterOption<V> {
    name: String,
    value: V,
}

/// One entry per value, sorted by name, then by value.
fn options<V: Ord>(named: impl Iterator<Item = (V, String)>) -> Vec<FilterOption<V>> {
    let values: BTreeMap<V, String> = named.collect();
    let mut options: Vec<FilterOption<V>> =
        values.into_iter().map(|(value, name)| FilterOption { name, value }).collect();
    options.sort();
    options
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
        Presentation::read(snapshot, call.company, &call.brand.display(), call.service.catalogue())
            .map_err(log_and_refuse)?;
    // In order of age, oldest first.
    let lines: Vec<&Line> = lines.iter().map(AsRef::as_ref).filter(|line| filter.matches(line)).collect();
    let mut answer = Answer::new();
    for OptionList { member, values, .. } in LISTS {
        answer = match values {
            Values::Dimensions => {
                let name =
                    |key: &str| presentation.catalogue.text(NameKind::Dimension, key, presentation.language);
                answer.with(member, &options(DIMENSIONS.iter().map(|key| (*key, name(key)))))?
            }
            Values::Occurring(field, names) => match field.attribute() {
                LineAttribute::Text(value) => {
                    // An empty text cannot be filtered by, so it is no option (a sandbox has no model).
                    let occurring = lines.iter().filter(|line| !value(line).is_empty());
                    let named = occurring
                        .map(|line| (value(line), name_of_text(names, line, value(line), &presentation)));
                    answer.with(member, &options(named))?
                }
                LineAttribute::Number(value) => {
                    let named = lines
                        .iter()
                        .map(|line| (value(line), name_of_number(names, value(line), &presentation)));
                    answer.with(member, &options(named))?
                }
            },
        };
    }
    Ok(answer)
}

fn name_of_text(names: Names, line: &Line, value: &str, presentation: &Presentation) -> String {
    match names {
        Names::Catalogue(kind) => presentation.catalogue.text(kind, value, presentation.language),
        Names::Model if !line.model_name.is_empty() => line.model_name.clone(),
        Names::Model | Names::Value | Names::Organization => value.to_owned(),
    }
}

fn name_of_number(names: Names, value: i64, presentation: &Presentation) -> String {
    match names {
        Names::Catalogue(kind) => presentation.catalogue.number(kind, value, presentation.language),
        Names::Organization => presentation.organization(value),
        Names::Model | Names::Value => value.to_string(),
    }
}
