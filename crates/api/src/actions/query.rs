//! Turns the parameters that actions share into the one query value that list, count, sum, summary and export all take.

use tollbook_domain::filter::{FilterField, LineAttribute};
use tollbook_domain::time::{DAY_S, MAX_TIME_S};
use tollbook_domain::{LineFilter, OrderQuery, Status, StatusSet, TimeRange};

use super::call::Call;
use crate::ret_code::Refusal;

/// Statuses of the paid actions.
pub(crate) const PAID: StatusChoice = StatusChoice {
    usual: &[Status::Paid],
    allowed: &[Status::Paid, Status::Revoked],
    reason: "must be 2 or 3",
};
/// Statuses of the unpaid actions.
pub(crate) const UNPAID: StatusChoice = StatusChoice {
    usual: &[Status::Unpaid],
    allowed: &[Status::Unpaid, Status::Revoked],
    reason: "must be 1 or 3",
};
/// Statuses of the order summary, which has a sheet for each of the above.
pub(crate) const ANY: StatusChoice =
    StatusChoice { usual: &[], allowed: &Status::ALL, reason: "must be 1, 2 or 3" };
/// Statuses of `GetOrderAmount`, which splits the totals by status.
pub(crate) const FIXED: StatusChoice = StatusChoice {
    usual: &[Status::Paid, Status::Unpaid],
    allowed: &[],
    reason: "is not a parameter of this action",
};

/// The statuses that an action shows.
pub(crate) struct StatusChoice {
    /// Shown without the parameter `Statuses`.
    pub(crate) usual: &'static [Status],
    /// Allowed values of `Statuses`.
    pub(crate) allowed: &'static [Status],
    /// The reason of the refusal of other values.
    pub(crate) reason: &'static str,
}

impl StatusChoice {
    pub(crate) fn usual(&self) -> StatusSet {
        StatusSet::of(self.usual)
    }

    pub(crate) fn allowed(&self) -> StatusSet {
        StatusSet::of(self.allowed)
    }
}

/// `Page` and `PageSize`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Paging {
    pub(crate) page: i64,
    pub(crate) page_size: i64,
}

impl Paging {
    /// Number of orders before the page.
    pub(crate) fn offset(self) -> i64 {
        (self.page - 1) * self.page_size
    }
}

impl Call<'_> {
    /// The query of range, filters and statuses. `max_span_s` is the action's bound of the range, in seconds.
    pub(crate) fn query(
        &self,
        choice: &StatusChoice,
        max_span_s: Option<i64>,
    ) -> Result<OrderQuery, Refusal> {
        let query = OrderQuery {
            company_id: self.company.company_id,
            range: self.range(max_span_s)?,
            lines: self.line_filter()?,
            order_numbers: self.parameters.texts("OrderNos")?,
            statuses: StatusSet::default(),
        };
        Ok(OrderQuery { statuses: self.statuses(choice)?, ..query })
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

    pub(crate) fn paging(&self) -> Result<Paging, Refusal> {
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
        let mut filter = LineFilter::default().visible_organizations(self.key.visible_organizations());
        for field in FilterField::ALL {
            let name = field.name();
            filter = match field.attribute() {
                LineAttribute::Text(_) => {
                    let values = self.parameters.texts(name)?;
                    if field == FilterField::ProductCodes {
                        values.iter().try_for_each(|code| self.check_product_code(name, code))?;
                    }
                    filter.with_texts(field, values)
                }
                LineAttribute::Number(_) => filter.with_numbers(field, self.parameters.integers(name)?),
            };
        }
        Ok(filter)
    }

    /// Refuses the code of a product that is not in the catalogue.
    pub(crate) fn check_product_code(&self, name: &str, code: &str) -> Result<(), Refusal> {
        let catalogue = self.service.catalogue();
        if catalogue.has_product(code) {
            return Ok(());
        }
        let codes: Vec<&str> = catalogue.product_codes().collect();
        Err(Refusal::not_available(name, format!("must be one of {}", codes.join(", "))))
    }

    fn statuses(&self, choice: &StatusChoice) -> Result<StatusSet, Refusal> {
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
