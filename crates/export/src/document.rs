//! The documents that can be exported, and the names of their files.

use tollbook_domain::time::{DAY_S, civil_of_day};
use tollbook_domain::{OrderQuery, TimeRange};

use crate::presentation::Presentation;

/// The content of an export.
#[derive(Clone, Debug)]
pub enum Document {
    /// Every matching order, with the columns of the paid list.
    PaidOrders(OrderQuery),
    /// Every matching order, with the columns of the unpaid list.
    UnpaidOrders(OrderQuery),
    /// Both summaries; one sheet each in a workbook.
    Summary(Box<SummaryQueries>),
}

/// The queries of the two summaries.
#[derive(Clone, Debug)]
pub struct SummaryQueries {
    /// Query of the first sheet.
    pub paid: OrderQuery,
    /// Query of the second sheet.
    pub unpaid: OrderQuery,
}

impl Document {
    /// The company whose orders are exported.
    pub fn company_id(&self) -> i64 {
        match self {
            Self::PaidOrders(query) | Self::UnpaidOrders(query) => query.company_id,
            Self::Summary(queries) => queries.paid.company_id,
        }
    }

    /// The queries of the document. Every order in the file matches one of them.
    pub(crate) fn queries(&self) -> Vec<&OrderQuery> {
        match self {
            Self::PaidOrders(query) | Self::UnpaidOrders(query) => vec![query],
            Self::Summary(queries) => vec![&queries.paid, &queries.unpaid],
        }
    }

    /// The kind of document, as file names and metadata show it.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::PaidOrders(_) => "paid-orders",
            Self::UnpaidOrders(_) => "unpaid-orders",
            Self::Summary(_) => "order-summary",
        }
    }

    /// File name without extension: kind and time range.
    pub(crate) fn stem(&self, presentation: &Presentation) -> String {
        let range = match self {
            Self::PaidOrders(query) | Self::UnpaidOrders(query) => query.range,
            Self::Summary(queries) => queries.paid.range,
        };
        let (from, to) = range_names(range, presentation);
        format!("{}_{from}_{to}", self.kind())
    }
}

/// First and last day if the range is whole days in the brand's time zone; otherwise its start and end times.
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
