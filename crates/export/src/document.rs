//! What can be exported, in which form, and what the file is called.

use tollbook_domain::time::{DAY_S, civil_of_day};
use tollbook_domain::{OrderQuery, TimeRange};

use crate::presentation::Presentation;

/// What to export.
#[derive(Clone, Debug)]
pub enum Document {
    /// Every matching order with the columns of the paid list.
    PaidOrders(OrderQuery),
    /// Every matching order with the columns of the unpaid list.
    UnpaidOrders(OrderQuery),
    /// Both summaries, a sheet each.
    Summary(Box<SummaryQueries>),
}

/// What the two sheets of the summary workbook ask for.
#[derive(Clone, Debug)]
pub struct SummaryQueries {
    /// Of the first sheet.
    pub paid: OrderQuery,
    /// Of the second sheet.
    pub unpaid: OrderQuery,
}

impl Document {
    /// The company whose orders it shows.
    pub fn company_id(&self) -> i64 {
        match self {
            Self::PaidOrders(query) | Self::UnpaidOrders(query) => query.company_id,
            Self::Summary(queries) => queries.paid.company_id,
        }
    }

    /// Every order in the file matches one of them.
    pub(crate) fn queries(&self) -> Vec<&OrderQuery> {
        match self {
            Self::PaidOrders(query) | Self::UnpaidOrders(query) => vec![query],
            Self::Summary(queries) => vec![&queries.paid, &queries.unpaid],
        }
    }

    /// What it is called in names.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::PaidOrders(_) => "paid-orders",
            Self::UnpaidOrders(_) => "unpaid-orders",
            Self::Summary(_) => "order-summary",
        }
    }

    /// Kind and range, without what follows the dot.
    pub(crate) fn stem(&self, presentation: &Presentation) -> String {
        let range = match self {
            Self::PaidOrders(query) | Self::UnpaidOrders(query) => query.range,
            Self::Summary(queries) => queries.paid.range,
        };
        let (from, to) = range_names(range, presentation);
        format!("{}_{from}_{to}", self.kind())
    }
}

/// First and last day of a range of whole days in the brand's time zone, else the times themselves.
fn range_names(range: TimeRange, presentation: &Presentation) -> (String, String) {
    let local = |unix_s: i64| unix_s.saturating_add(i64::from(presentation.zone.offset_s(unix_s)));
    let (start_s, end_s) = (local(range.start_s()), local(range.end_s()));
    let day = |local_s: i64| {
        let (year, month, day) = civil_of_day(local_s.div_euclid(DAY_S));
        format!("{year:04}-{month:02}-{day:02}")
    };
    if start_s.rem_euclid(DAY_S) == 0 && end_s.rem_euclid(DAY_S) == 0 {
        return (day(start_s), day(end_s - 1));
    }
    let time = |local_s: i64| {
        let second = local_s.rem_euclid(DAY_S);
        format!("{}T{:02}{:02}{:02}", day(local_s), second / 3_600, second % 3_600 / 60, second % 60)
    };
    (time(start_s), time(end_s))
}
