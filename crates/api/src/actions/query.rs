//! From the parameters that actions share to the one query value that list, count, sum, summary and export all take.

use tollbook_domain::time::{DAY_S, MAX_TIME_S};
use tollbook_domain::{LineFilter, OrderQuery, Status, StatusSet, TimeRange};

use super::Call;
use crate::ret_code::Refusal;

/// What the paid actions show, and may be asked to show.
pub(super) const PAID: Choice =
    Choice { usual: &[Status::Paid], allowed: &[Status::Paid, Status::Revoked], reason: "must be 2 or 3" };
/// What the unpaid actions show, and may be asked to show.
pub(super) const UNPAID: Choice = Choice {
    usual: &[Status::Unpaid],
    allowed: &[Status::Unpaid, Status::Revoked],
    reason: "must be 1 or 3",
};
/// The order summary has a sheet for each.
pub(super) const EITHER: Choice = Choice { usual: &[], allowed: &Status::ALL, reason: "must be 1, 2 or 3" };
/// `GetOrderAmount` splits by status itself.
pub(super) const FIXED: Choice = Choice {
    usual: &[Status::Paid, Status::Unpaid],
    allowed: &[],
    reason: "is not a parameter of this action",
};

/// Which statuses an action shows when none are asked for, and which may be asked for.
pub(super) struct Choice {
    usual: &'static [Status],
    allowed: &'static [Status],
    reason: &'static str,
}

impl Choice {
    pub(super) fn usual(&self) -> StatusSet {
        StatusSet::of(self.usual)
    }

    pub(super) fn allowed(&self) -> StatusSet {
        StatusSet::of(self.allowed)
    }
}

/// `Page` and `PageSize`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Paging {
    pub(super) page: i64,
    pub(super) page_size: i64,
}

impl Paging {
    /// Orders before the page.
    pub(super) fn offset(self) -> i64 {
        (self.page - 1) * self.page_size
    }
}

impl Call<'_> {
    /// The range and all filters. `max_span_s` bounds the range where an action has such a bound.
    pub(super) fn query(&self, choice: &Choice, max_span_s: Option<i64>) -> Result<OrderQuery, Refusal> {
        let query = OrderQuery {
            company_id: self.company.company_id,
            range: self.range(max_span_s)?,
            lines: self.line_filter()?,
            order_numbers: self.parameters.texts("OrderNos")?,
            statuses: StatusSet::default(),
        };
        Ok(OrderQuery { statuses: self.statuses(choice)?, ..query })
    }

    /// Says of all missing required parameters at once.
    pub(super) fn require(&self, names: &[&'static str]) -> Result<(), Refusal> {
        self.parameters.required(names)
    }

    fn range(&self, max_span_s: Option<i64>) -> Result<TimeRange, Refusal> {
        let time = |name| {
            let time_s = self.parameters.integer(name)?.unwrap_or(0);
            if (0..=MAX_TIME_S).contains(&time_s) {
                return Ok(time_s);
            }
            Err(Refusal::not_available(name, format!("must be between 0 and {MAX_TIME_S}")))
        };
        let (start_s, end_s) = (time("StartTime")?, time("EndTime")?);
        let range = TimeRange::new(start_s, end_s)
            .ok_or_else(|| Refusal::not_available("EndTime", "must be greater than StartTime"))?;
        match max_span_s {
            Some(max_span_s) if range.span_s() > max_span_s => {
                let reason = format!("must be at most {} days after StartTime", max_span_s / DAY_S);
                Err(Refusal::not_available("EndTime", reason))
            }
            _ => Ok(range),
        }
    }

    pub(super) fn paging(&self) -> Result<Paging, Refusal> {
        let page = self.parameters.integer("Page")?.unwrap_or(0);
        if page < 1 {
            return Err(Refusal::not_available("Page", "must be at least 1"));
        }
        let page_size = self.parameters.integer("PageSize")?.unwrap_or(0);
        if !(10..=100).contains(&page_size) {
            return Err(Refusal::not_available("PageSize", "must be between 10 and 100"));
        }
        if page.checked_mul(page_size).is_none() {
            return Err(Refusal::not_available("Page", "times PageSize is too large"));
        }
        Ok(Paging { page, page_size })
    }

    fn line_filter(&self) -> Result<LineFilter, Refusal> {
        let parameters = &self.parameters;
        Ok(LineFilter::default()
            .resource_ids(parameters.texts("ResourceIds")?)
            .model_ids(parameters.texts("ModelIds")?)
            .pricing_units(parameters.integers("PricingUnits")?)
            .pricing_skus(parameters.texts("PricingSkus")?)
            .product_codes(self.product_codes()?)
            .order_types(parameters.integers("OrderTypes")?)
            .charge_types(parameters.integers("ChargeTypes")?)
            .regions(parameters.texts("Regions")?)
            .organization_ids(parameters.integers("OrganizationIds")?)
            .visible_organizations(self.key.visible_organizations()))
    }

    fn product_codes(&self) -> Result<Vec<String>, Refusal> {
        let codes = self.parameters.texts("ProductCodes")?;
        codes.iter().try_for_each(|code| self.check_product_code("ProductCodes", code))?;
        Ok(codes)
    }

    pub(super) fn check_product_code(&self, name: &str, code: &str) -> Result<(), Refusal> {
        let catalogue = self.gateway.catalogue();
        if catalogue.has_product(code) {
            return Ok(());
        }
        let codes: Vec<&str> = catalogue.product_codes().collect();
        Err(Refusal::not_available(name, format!("must be one of {}", codes.join(", "))))
    }

    fn statuses(&self, choice: &Choice) -> Result<StatusSet, Refusal> {
        let numbers = self.parameters.integers("Statuses")?;
        if numbers.is_empty() {
            return Ok(choice.usual());
        }
        let asked: Option<Vec<Status>> = numbers
            .iter()
            .map(|number| Status::from_number(*number).filter(|status| choice.allowed.contains(status)))
            .collect();
        asked
            .map(|statuses| StatusSet::of(&statuses))
            .ok_or_else(|| Refusal::not_available("Statuses", choice.reason))
    }
}
