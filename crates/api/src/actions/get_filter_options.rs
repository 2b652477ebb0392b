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
        Described::new("Name", "string", "Display name"),
        Described::new("Value", value_type, "Value of the filter"),
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

/// The values of one filter that occur.
pub(crate) struct Choices {
    pub(crate) field: FilterField,
    /// Values of the parameter, each with its name; sorted by name, then by value.
    pub(crate) options: Vec<(String, String)>,
}

/// The values of every filter that occur in lines, for people to choose from.
pub(crate) fn choices(lines: &[&Line], presentation: &Presentation) -> Vec<Choices> {
    let lists = LISTS.into_iter().filter_map(|list| match list.values {
        Values::Dimensions => None,
        Values::Occurring(field, names) => Some((field, names)),
    });
    lists
        .map(|(field, names)| {
            let options = match occurring(field, names, lines, presentation) {
                Occurring::Texts(options) => {
                    options.into_iter().map(|option| (option.value.to_owned(), option.name)).collect()
                }
                Occurring::Numbers(options) => {
                    options.into_iter().map(|option| (option.value.to_string(), option.name)).collect()
                }
            };
            Choices { field, options }
        })
        .collect()
}

/// The display name of a line's value of a filter.
pub(crate) fn name_of(field: FilterField, line: &Line, presentation: &Presentation) -> String {
    let named = LISTS.iter().find_map(|list| match list.values {
        Values::Occurring(of, names) if of == field => Some(names),
        Values::Dimensions | Values::Occurring(..) => None,
    });
    let names = named.unwrap_or(Names::Value);
    match field.attribute() {
        LineAttribute::Text(value) => name_of_text(names, line, value(line), presentation),
        LineAttribute::Number(value) => name_of_number(names, value(line), presentation),
    }
}

/// The options of one filter.
enum Occurring<'l> {
    Texts(Vec<FilterOption<&'l str>>),
    Numbers(Vec<FilterOption<i64>>),
}

fn occurring<'l>(
    field: FilterField,
    names: Names,
    lines: &[&'l Line],
    presentation: &Presentation,
) -> Occurring<'l> {
    match field.attribute() {
        LineAttribute::Text(value) => {
            // An empty text cannot be filtered by, so it is no option (a sandbox has no model).
            let occurring = lines.iter().filter(|line| !value(line).is_empty());
            Occurring::Texts(options(
                occurring.map(|line| (value(line), name_of_text(names, line, value(line), presentation))),
            ))
        }
        LineAttribute::Number(value) => Occurring::Numbers(options(
            lines.iter().map(|line| (value(line), name_of_number(names, value(line), presentation))),
        )),
    }
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
            Values::Occurring(field, names) => match occurring(field, names, &lines, &presentation) {
                Occurring::Texts(options) => answer.with(member, &options)?,
                Occurring::Numbers(options) => answer.with(member, &options)?,
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
