//! `DownloadOrderSummary`: both summaries as one workbook with two sheets.

use tollbook_domain::OrderQuery;
use tollbook_export::{Document, SummaryQueries};

use super::call::Call;
use super::query::{ANY, PAID, StatusChoice, UNPAID};
use crate::ret_code::Refusal;

pub(super) fn document(call: &Call<'_>) -> Result<Document, Refusal> {
    call.require(&["StartTime", "EndTime"])?;
    let query = call.query(&ANY, None)?;
    // Of the values of `Statuses`, each sheet takes those that it can show; without `Statuses`, its own.
    let sheet = |choice: &StatusChoice| {
        let is_default = query.statuses.iter().next().is_none();
        let statuses = if is_default { choice.usual() } else { query.statuses.and(choice.allowed()) };
        OrderQuery { statuses, ..query.clone() }
    };
    let queries = SummaryQueries { paid: sheet(&PAID), unpaid: sheet(&UNPAID) };
    Ok(Document::Summary(Box::new(queries)))
}
