//! Filters and queries as values: list, count, sum, summary and export all take the same [`OrderQuery`], so they cannot
//! disagree. The filters by attributes of lines are one table.

use std::collections::BTreeMap;

use crate::line::Line;
use crate::status::Status;
use crate::time::TimeRange;

/// A set of order statuses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StatusSet {
    unpaid: bool,
    paid: bool,
    revoked: bool,
}

impl StatusSet {
    /// The set of these statuses.
    pub fn of(statuses: &[Status]) -> Self {
        Self {
            unpaid: statuses.contains(&Status::Unpaid),
            paid: statuses.contains(&Status::Paid),
            revoked: statuses.contains(&Status::Revoked),
        }
    }

    /// Whether a status is in the set.
    pub const fn contains(self, status: Status) -> bool {
        match status {
            Status::Unpaid => self.unpaid,
            Status::Paid => self.paid,
            Status::Revoked => self.revoked,
        }
    }

    /// The statuses in the set, by number.
    pub fn iter(self) -> impl Iterator<Item = Status> {
        Status::ALL.into_iter().filter(move |status| self.contains(*status))
    }

    /// The intersection of two sets.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            unpaid: self.unpaid && other.unpaid,
            paid: self.paid && other.paid,
            revoked: self.revoked && other.revoked,
        }
    }
}

/// The attribute of a line that a filter compares.
#[derive(Clone, Copy)]
pub enum LineAttribute {
    /// A text.
    Text(fn(&Line) -> &str),
    /// A number.
    Number(fn(&Line) -> i64),
}

/// Values that a filter allows.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Allowed {
    Texts(Vec<String>),
    Numbers(Vec<i64>),
}

/// Declares the filters: parameter of the API, method of [`LineFilter`], type of the values, meaning of the parameter, and
/// attribute of the line.
macro_rules! line_filters {
    ($($name:ident $method:ident $type:ident $meaning:literal $attribute:expr;)*) => {
        /// A filter by an attribute of lines. The order is that of the parameters of the API.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum FilterField { $(#[doc = $meaning] $name,)* }

        impl FilterField {
            /// All filters.
            pub const ALL: [Self; [$(stringify!($name),)*].len()] = [$(Self::$name,)*];

            /// The parameter of the API.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// Meaning of the parameter, for references.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => $meaning,)* }
            }

            /// The attribute that is compared.
            pub const fn attribute(self) -> LineAttribute {
                match self { $(Self::$name => LineAttribute::$type($attribute),)* }
            }
        }

        impl LineFilter {
            $(
                #[doc = concat!("Allows these values of `", stringify!($name), "`; an empty list is no filter.")]
                #[must_use]
                pub fn $method(self, values: line_filters!(@values $type)) -> Self {
                    line_filters!(@set $type)(self, FilterField::$name, values)
                }
            )*
        }
    };
    (@values Text) => { Vec<String> };
    (@values Number) => { Vec<i64> };
    (@set Text) => { Self::with_texts };
    (@set Number) => { Self::with_numbers };
}

line_filters! {
    ResourceIds resource_ids Text "`ResourceID` of the orders" |line| &line.resource_id;
    ModelIds model_ids Text "`ModelID` of the orders" |line| &line.model_id;
    PricingUnits pricing_units Number "`PricingUnit` of the orders" |line| line.pricing_unit;
    PricingSkus pricing_skus Text "`PricingSKU` of the orders" |line| &line.pricing_sku;
    ProductCodes product_codes Text "`ProductCode` of the orders: `modelverse`, `sandbox`" |line| &line.product_code;
    OrderTypes order_types Number "`OrderType` of the orders" |line| line.order_type;
    ChargeTypes charge_types Number "`ChargeType` of the orders" |line| line.charge_type;
    Regions regions Text "`Region` of the orders" |line| &line.region;
    OrganizationIds organization_ids Number "`OrganizationID` of the orders; those that the key is not bound to match nothing" |line| line.organization_id;
}

/// The part of a query that selects lines: a line must pass every filter, and passes a filter if its attribute is one of
/// the allowed values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineFilter {
    /// The filters that are set. Values are sorted, so that a line is matched by binary search.
    allowed: BTreeMap<FilterField, Allowed>,
    /// Organizations that the caller's key is bound to; `None` for a key of the whole company.
    visible_organizations: Option<Vec<i64>>,
}

fn sorted<T: Ord>(mut list: Vec<T>) -> Vec<T> {
    list.sort_unstable();
    list.dedup();
    list
}

impl LineFilter {
    /// Allows these values of a text attribute; an empty list is no filter.
    ///
    /// # Panics
    /// If the attribute of the filter is a number.
    #[must_use]
    pub fn with_texts(self, field: FilterField, values: Vec<String>) -> Self {
        assert!(matches!(field.attribute(), LineAttribute::Text(_)), "{} takes numbers", field.name());
        let is_empty = values.is_empty();
        self.with(field, is_empty, Allowed::Texts(sorted(values)))
    }

    /// Allows these values of a number attribute; an empty list is no filter.
    ///
    /// # Panics
    /// If the attribute of the filter is a text.
    #[must_use]
    pub fn with_numbers(self, field: FilterField, values: Vec<i64>) -> Self {
        assert!(matches!(field.attribute(), LineAttribute::Number(_)), "{} takes texts", field.name());
        let is_empty = values.is_empty();
        self.with(field, is_empty, Allowed::Numbers(sorted(values)))
    }

    fn with(mut self, field: FilterField, is_empty: bool, allowed: Allowed) -> Self {
        if is_empty {
            self.allowed.remove(&field);
        } else {
            self.allowed.insert(field, allowed);
        }
        self
    }

    /// Restricts to the organizations that a key is bound to; `None` for a key of the whole company.
    #[must_use]
    pub fn visible_organizations(mut self, bound: Option<Vec<i64>>) -> Self {
        self.visible_organizations = bound.map(sorted);
        self
    }

    /// Whether every line matches, so that totals need no lines.
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it filters by order type. The later orders of a line and hour have another order type than the first.
    pub fn names_order_types(&self) -> bool {
        self.allowed.contains_key(&FilterField::OrderTypes)
    }

    /// The filters that are set, as name of the parameter and sorted values. `VisibleOrganizations` are the organizations
    /// that the caller's key is bound to.
    pub fn lists(&self) -> Vec<(&'static str, Vec<String>)> {
        let texts = |list: &[i64]| list.iter().map(i64::to_string).collect::<Vec<_>>();
        let visible = self.visible_organizations.as_ref().map(|list| ("VisibleOrganizations", texts(list)));
        let lists = self.allowed.iter().map(|(field, allowed)| {
            let values = match allowed {
                Allowed::Texts(list) => list.clone(),
                Allowed::Numbers(list) => texts(list),
            };
            (field.name(), values)
        });
        lists.chain(visible).collect()
    }

    /// Whether a line passes every filter.
    pub fn matches(&self, line: &Line) -> bool {
        // A key that is bound to an empty list of organizations sees nothing, whereas an empty filter is no filter.
        let is_visible = |ids: &Vec<i64>| ids.binary_search(&line.organization_id).is_ok();
        self.visible_organizations.as_ref().is_none_or(is_visible)
            && self.allowed.iter().all(|(field, allowed)| match (field.attribute(), allowed) {
                (LineAttribute::Text(text), Allowed::Texts(list)) => {
                    list.binary_search_by(|value| value.as_str().cmp(text(line))).is_ok()
                }
                (LineAttribute::Number(number), Allowed::Numbers(list)) => {
                    list.binary_search(&number(line)).is_ok()
                }
                // `with_texts` and `with_numbers` admit no values of the other type.
                (LineAttribute::Text(_), Allowed::Numbers(_))
                | (LineAttribute::Number(_), Allowed::Texts(_)) => false,
            })
    }
}

/// Selection of orders: everything that decides which orders a request reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderQuery {
    /// The company; no query reads several.
    pub company_id: i64,
    /// Range of the orders' start times.
    pub range: TimeRange,
    /// Statuses.
    pub statuses: StatusSet,
    /// Filter by line.
    pub lines: LineFilter,
    /// `OrderNos`: either number of an order; an empty list is no filter.
    pub order_numbers: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::tests::paid;

    #[test]
    fn filters_are_anded_and_their_values_ored() {
        let line = paid().line;
        let texts = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        let filter = LineFilter::default();
        assert!(filter.is_everything());
        assert!(filter.matches(&line));
        let filter = filter.model_ids(texts(&["z", "m"])).pricing_units(vec![12, 11]);
        assert!(filter.matches(&line));
        assert!(!filter.is_everything());
        assert_eq!(
            filter.lists(),
            [("ModelIds", texts(&["m", "z"])), ("PricingUnits", texts(&["11", "12"]))]
        );
        assert!(!filter.clone().regions(texts(&["us-ca"])).matches(&line));
        assert!(!LineFilter::default().organization_ids(vec![2]).matches(&line));
    }

    #[test]
    fn a_bound_key_sees_its_own_organizations_only() {
        let line = paid().line;
        assert!(LineFilter::default().visible_organizations(Some(vec![1])).matches(&line));
        assert!(!LineFilter::default().visible_organizations(Some(vec![2])).matches(&line));
        assert!(!LineFilter::default().visible_organizations(Some(vec![])).matches(&line));
        assert!(!LineFilter::default().visible_organizations(Some(vec![])).is_everything());
        assert_eq!(
            LineFilter::default().visible_organizations(Some(vec![])).lists(),
            [("VisibleOrganizations", vec![])]
        );
        let outside = LineFilter::default().visible_organizations(Some(vec![2])).organization_ids(vec![1]);
        assert!(!outside.matches(&line));
    }

    #[test]
    fn every_filter_compares_its_own_attribute() {
        let line = paid().line;
        for field in FilterField::ALL {
            let (same, other) = match field.attribute() {
                LineAttribute::Text(text) => {
                    let with = |value: &str| LineFilter::default().with_texts(field, vec![value.to_owned()]);
                    (with(text(&line)), with("other"))
                }
                LineAttribute::Number(number) => {
                    let with = |value| LineFilter::default().with_numbers(field, vec![value]);
                    (with(number(&line)), with(-1))
                }
            };
            assert!(same.matches(&line) && !other.matches(&line), "{}", field.name());
            assert_eq!(same.lists().len(), 1);
            assert_eq!(same.lists()[0].0, field.name());
        }
        let cleared = LineFilter::default().model_ids(vec!["m".into()]).model_ids(Vec::new());
        assert!(cleared.is_everything());
    }
}
