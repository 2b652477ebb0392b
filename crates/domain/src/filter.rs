//! What a request asks for, as one value: list, count, sum, summary and export all take the same [`OrderQuery`],
//! so they cannot disagree. The store translates it once.

use crate::order::{Line, Status};
use crate::time::TimeRange;

/// Which of the three statuses are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StatusSet {
    unpaid: bool,
    paid: bool,
    revoked: bool,
}

impl StatusSet {
    /// A set of these.
    pub fn of(statuses: &[Status]) -> Self {
        Self {
            unpaid: statuses.contains(&Status::Unpaid),
            paid: statuses.contains(&Status::Paid),
            revoked: statuses.contains(&Status::Revoked),
        }
    }

    /// Whether a status is wanted.
    pub const fn contains(self, status: Status) -> bool {
        match status {
            Status::Unpaid => self.unpaid,
            Status::Paid => self.paid,
            Status::Revoked => self.revoked,
        }
    }

    /// The wanted ones, by number.
    pub fn iter(self) -> impl Iterator<Item = Status> {
        Status::ALL.into_iter().filter(move |status| self.contains(*status))
    }

    /// Those in both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            unpaid: self.unpaid && other.unpaid,
            paid: self.paid && other.paid,
            revoked: self.revoked && other.revoked,
        }
    }
}

/// The part of a filter that lines answer: AND over the fields, OR inside a list, an empty list is no filter.
///
/// Lists are kept sorted so that matching a line is a binary search.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineFilter {
    resource_ids: Vec<String>,
    model_ids: Vec<String>,
    pricing_units: Vec<i64>,
    pricing_skus: Vec<String>,
    product_codes: Vec<String>,
    order_types: Vec<i64>,
    charge_types: Vec<i64>,
    regions: Vec<String>,
    organization_ids: Vec<i64>,
    /// Organizations that the caller's key is bound to; `None` for a key of the whole company.
    visible_organizations: Option<Vec<i64>>,
}

fn sorted<T: Ord>(mut list: Vec<T>) -> Vec<T> {
    list.sort_unstable();
    list.dedup();
    list
}

macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident: $of:ty),* $(,)?) => {
        $(
            $(#[$doc])*
            #[must_use]
            pub fn $name(mut self, values: Vec<$of>) -> Self {
                self.$name = sorted(values);
                self
            }
        )*
    };
}

impl LineFilter {
    setters! {
        /// `ResourceIds.N`.
        resource_ids: String,
        /// `ModelIds.N`.
        model_ids: String,
        /// `PricingUnits.N`.
        pricing_units: i64,
        /// `PricingSkus.N`.
        pricing_skus: String,
        /// `ProductCodes.N`.
        product_codes: String,
        /// `OrderTypes.N`.
        order_types: i64,
        /// `ChargeTypes.N`.
        charge_types: i64,
        /// `Regions.N`.
        regions: String,
        /// `OrganizationIds.N`.
        organization_ids: i64,
    }

    /// Narrows to the organizations that a key is bound to; `None` for a key of the whole company.
    #[must_use]
    pub fn visible_organizations(mut self, bound: Option<Vec<i64>>) -> Self {
        self.visible_organizations = bound.map(sorted);
        self
    }

    /// Whether every line matches, so that totals need not look at lines at all.
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it asks for order types, of which a line's later orders have another one than its first.
    pub fn names_order_types(&self) -> bool {
        !self.order_types.is_empty()
    }

    /// The lists that narrow, by the names of their parameters, each sorted; `VisibleOrganizations` are those that the
    /// caller's key is bound to.
    pub fn lists(&self) -> Vec<(&'static str, Vec<String>)> {
        let texts = |list: &[i64]| list.iter().map(i64::to_string).collect::<Vec<_>>();
        let visible = self.visible_organizations.as_ref().map(|list| ("VisibleOrganizations", texts(list)));
        let lists = [
            ("ResourceIds", self.resource_ids.clone()),
            ("ModelIds", self.model_ids.clone()),
            ("PricingUnits", texts(&self.pricing_units)),
            ("PricingSkus", self.pricing_skus.clone()),
            ("ProductCodes", self.product_codes.clone()),
            ("OrderTypes", texts(&self.order_types)),
            ("ChargeTypes", texts(&self.charge_types)),
            ("Regions", self.regions.clone()),
            ("OrganizationIds", texts(&self.organization_ids)),
        ];
        lists.into_iter().filter(|(_, values)| !values.is_empty()).chain(visible).collect()
    }

    /// Whether orders of a line are wanted.
    pub fn matches(&self, line: &Line) -> bool {
        fn text(list: &[String], value: &str) -> bool {
            list.is_empty() || list.binary_search_by(|entry| entry.as_str().cmp(value)).is_ok()
        }
        fn number(list: &[i64], value: i64) -> bool {
            list.is_empty() || list.binary_search(&value).is_ok()
        }
        // A bound key with no organization at all sees nothing, unlike an empty filter list.
        self.visible_organizations.as_ref().is_none_or(|ids| ids.binary_search(&line.organization_id).is_ok())
            && number(&self.organization_ids, line.organization_id)
            && number(&self.pricing_units, line.pricing_unit)
            && number(&self.order_types, line.order_type)
            && number(&self.charge_types, line.charge_type)
            && text(&self.product_codes, &line.product_code)
            && text(&self.regions, &line.region)
            && text(&self.pricing_skus, &line.pricing_sku)
            && text(&self.model_ids, &line.model_id)
            && text(&self.resource_ids, &line.resource_id)
    }
}

/// Everything that decides which orders a request is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderQuery {
    /// The tenant; there is no query across tenants.
    pub company_id: i64,
    /// Over the orders' start times.
    pub range: TimeRange,
    /// Which statuses.
    pub statuses: StatusSet,
    /// Which lines.
    pub lines: LineFilter,
    /// `OrderNos.N`: either number of an order; empty is no filter.
    pub order_numbers: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::tests::paid;

    #[test]
    fn fields_are_anded_and_lists_ored() {
        let line = paid().line;
        let texts = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        let filter = LineFilter::default();
        assert!(filter.is_everything());
        assert!(filter.matches(&line));
        let filter = filter.model_ids(texts(&["z", "m"])).pricing_units(vec![3, 2]);
        assert!(filter.matches(&line));
        assert!(!filter.is_everything());
        assert_eq!(filter.lists(), [("ModelIds", texts(&["m", "z"])), ("PricingUnits", texts(&["2", "3"]))]);
        assert!(!filter.clone().regions(texts(&["us-ca"])).matches(&line));
        assert!(!LineFilter::default().organization_ids(vec![2]).matches(&line));
    }

    #[test]
    fn a_bound_key_sees_its_organizations_only() {
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
}
