//! The requests that are measured, each as a query of the store and as parameters of the API.

use tollbook_domain::time::DAY_S;
use tollbook_domain::{LineFilter, OrderQuery, Status, StatusSet, TimeRange};

use crate::fixture::{self, Fixture};
use crate::result::Result;

/// Orders per page.
pub(crate) const PAGE_SIZE: i64 = 100;
/// Models of the filter; [`tollbook_ops::demo::BenchOrders`] has twelve.
pub(crate) const MODELS: [&str; 3] = ["bench-model-01", "bench-model-05", "bench-model-08"];
/// Region of the filter; four of five resources are in it.
pub(crate) const REGION: &str = "cn-wlcb";
/// Number of the fixture's four organizations that are in the filter.
pub(crate) const ORGANIZATIONS: usize = 2;
/// 2025-06-01T00:00:00Z, the start of the measured month.
pub(crate) const JUNE_S: i64 = 1_748_736_000;

/// Kind of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequestKind {
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
    pub(super) kind: RequestKind,
    pub(super) range: TimeRange,
    pub(super) filtered: bool,
    /// Whether the range is whole months, so that one rollup has the Total.
    pub(super) whole_months: bool,
}

pub(super) fn all() -> Result<Vec<Case>> {
    let year = fixture::year()?;
    let june = fixture::range(JUNE_S, JUNE_S + 30 * DAY_S)?;
    let ragged = ragged(year)?;
    let case = |name, kind, range: TimeRange, filtered| Case {
        name,
        kind,
        range,
        filtered,
        whole_months: range != ragged,
    };
    Ok(vec![
        case("page 1, month", RequestKind::FirstPage, june, false),
        case("page 1, year", RequestKind::FirstPage, year, false),
        case("page 1, ragged year", RequestKind::FirstPage, ragged, false),
        case("middle page, year", RequestKind::MiddlePage, year, false),
        case("page 1, month, filters", RequestKind::FirstPage, june, true),
        case("page 1, year, filters", RequestKind::FirstPage, year, true),
        case("page 1, ragged year, filters", RequestKind::FirstPage, ragged, true),
        case("middle page, year, filters", RequestKind::MiddlePage, year, true),
        case("amount, year", RequestKind::Amount, year, false),
        case("amount, ragged year", RequestKind::Amount, ragged, false),
        case("amount, ragged year, filters", RequestKind::Amount, ragged, true),
        case("summary, year", RequestKind::Summary, year, false),
        case("summary, ragged year", RequestKind::Summary, ragged, false),
        case("summary, ragged year, filters", RequestKind::Summary, ragged, true),
    ])
}

/// Most of a range, with ends that are not whole hours.
pub(crate) fn ragged(range: TimeRange) -> Result<TimeRange> {
    fixture::range(range.start_s() + 19_063, range.end_s() - 13_267)
}

/// The organizations of the filter.
pub(super) fn organizations(fixture: &Fixture) -> Vec<i64> {
    fixture.organization_ids.iter().copied().take(ORGANIZATIONS).collect()
}

impl Case {
    /// The action of the API.
    pub(super) fn action(&self) -> &'static str {
        match self.kind {
            RequestKind::FirstPage | RequestKind::MiddlePage => "ListPaidOrders",
            RequestKind::Amount => "GetOrderAmount",
            RequestKind::Summary => "ListPaidOrderSummary",
        }
    }

    pub(super) fn is_list(&self) -> bool {
        matches!(self.kind, RequestKind::FirstPage | RequestKind::MiddlePage)
    }

    /// The query of the store.
    pub(super) fn query(&self, fixture: &Fixture) -> OrderQuery {
        let statuses = match self.kind {
            RequestKind::Amount => StatusSet::of(&[Status::Paid, Status::Unpaid]),
            RequestKind::FirstPage | RequestKind::MiddlePage | RequestKind::Summary => {
                StatusSet::of(&[Status::Paid])
            }
        };
        let mut lines = LineFilter::default();
        if self.filtered {
            lines = lines
                .model_ids(MODELS.map(ToOwned::to_owned).to_vec())
                .regions(vec![REGION.to_owned()])
                .organization_ids(organizations(fixture));
        }
        OrderQuery {
            company_id: fixture.company.company_id,
            range: self.range,
            statuses,
            lines,
            order_numbers: Vec::new(),
        }
    }

    /// The parameters of the API; pages are counted from 1.
    pub(super) fn parameters(&self, fixture: &Fixture, page: i64) -> Vec<(String, String)> {
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
            for (index, organization) in organizations(fixture).iter().enumerate() {
                parameters.push((format!("OrganizationIds.{index}"), organization.to_string()));
            }
        }
        parameters
    }
}
