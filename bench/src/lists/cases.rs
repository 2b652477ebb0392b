//! The requests that are measured: each as a query of the store and as parameters of the API.

use tollbook_domain::time::DAY_S;
use tollbook_domain::{LineFilter, OrderQuery, Status, StatusSet, TimeRange};

use crate::Result;
use crate::site::{self, Site};

/// Orders on a page.
pub(crate) const PAGE_SIZE: i64 = 100;
/// Models of the filter; [`tollbook_ops::demo::BenchOrders`] has twelve.
pub(crate) const MODELS: [&str; 3] = ["bench-model-01", "bench-model-05", "bench-model-08"];
/// Region of the filter, where four of five resources are.
pub(crate) const REGION: &str = "cn-wlcb";
/// Of the site's four organizations, these many first ones are in the filter.
pub(crate) const ORGANIZATIONS: usize = 2;
/// 2025-06-01T00:00:00Z and the month after it.
pub(crate) const JUNE_S: i64 = 1_748_736_000;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Question {
    /// The first page and the Total.
    FirstPage,
    /// The page in the middle of the list and the Total.
    MiddlePage,
    /// `GetOrderAmount`.
    Amount,
    /// `ListPaidOrderSummary`.
    Summary,
}

/// One request.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) ask: Question,
    pub(super) range: TimeRange,
    pub(super) filtered: bool,
    /// Whether the range is whole months, so that one rollup has the Total.
    pub(super) whole_months: bool,
}

pub(super) fn all() -> Result<Vec<Case>> {
    let year = site::year()?;
    let june = site::range(JUNE_S, JUNE_S + 30 * DAY_S)?;
    let ragged = ragged(year)?;
    let case = |name, ask, range: TimeRange, filtered| Case {
        name,
        ask,
        range,
        filtered,
        whole_months: range != ragged,
    };
    Ok(vec![
        case("page 1, month", Question::FirstPage, june, false),
        case("page 1, year", Question::FirstPage, year, false),
        case("page 1, ragged year", Question::FirstPage, ragged, false),
        case("middle page, year", Question::MiddlePage, year, false),
        case("page 1, month, filters", Question::FirstPage, june, true),
        case("page 1, year, filters", Question::FirstPage, year, true),
        case("page 1, ragged year, filters", Question::FirstPage, ragged, true),
        case("middle page, year, filters", Question::MiddlePage, year, true),
        case("amount, year", Question::Amount, year, false),
        case("amount, ragged year", Question::Amount, ragged, false),
        case("amount, ragged year, filters", Question::Amount, ragged, true),
        case("summary, year", Question::Summary, year, false),
        case("summary, ragged year", Question::Summary, ragged, false),
        case("summary, ragged year, filters", Question::Summary, ragged, true),
    ])
}

/// Most of a range, not even whole hours.
pub(crate) fn ragged(range: TimeRange) -> Result<TimeRange> {
    site::range(range.start_s() + 19_063, range.end_s() - 13_267)
}

/// The organizations of the filter.
pub(super) fn organizations(site: &Site) -> Vec<i64> {
    site.organization_ids.iter().copied().take(ORGANIZATIONS).collect()
}

impl Case {
    /// Name of the action that answers it.
    pub(super) fn action(&self) -> &'static str {
        match self.ask {
            Question::FirstPage | Question::MiddlePage => "ListPaidOrders",
            Question::Amount => "GetOrderAmount",
            Question::Summary => "ListPaidOrderSummary",
        }
    }

    pub(super) fn is_list(&self) -> bool {
        matches!(self.ask, Question::FirstPage | Question::MiddlePage)
    }

    /// As the store takes it.
    pub(super) fn query(&self, site: &Site) -> OrderQuery {
        let statuses = match self.ask {
            Question::Amount => StatusSet::of(&[Status::Paid, Status::Unpaid]),
            Question::FirstPage | Question::MiddlePage | Question::Summary => StatusSet::of(&[Status::Paid]),
        };
        let mut lines = LineFilter::default();
        if self.filtered {
            lines = lines
                .model_ids(MODELS.map(ToOwned::to_owned).to_vec())
                .regions(vec![REGION.to_owned()])
                .organization_ids(organizations(site));
        }
        OrderQuery {
            company_id: site.company.company_id,
            range: self.range,
            statuses,
            lines,
            order_numbers: Vec::new(),
        }
    }

    /// As the API takes it; `page` counts from 1.
    pub(super) fn parameters(&self, site: &Site, page: i64) -> Vec<(String, String)> {
        let mut parameters = vec![
            ("StartTime".to_owned(), self.range.start_s().to_string()),
            ("EndTime".to_owned(), self.range.end_s().to_string()),
        ];
        if self.is_list() {
            parameters.push(("Page".to_owned(), page.to_string()));
            parameters.push(("PageSize".to_owned(), PAGE_SIZE.to_string()));
        }
        if self.filtered {
            for (index, model) in MODELS.iter().enumerate() {
                parameters.push((format!("ModelIds.{index}"), (*model).to_owned()));
            }
            parameters.push(("Regions.0".to_owned(), REGION.to_owned()));
            for (index, organization) in organizations(site).iter().enumerate() {
                parameters.push((format!("OrganizationIds.{index}"), organization.to_string()));
            }
        }
        parameters
    }
}
