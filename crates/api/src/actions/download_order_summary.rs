//! `DownloadOrderSummary`: both summaries as one workbook with two sheets.

use tollbook_domain::OrderQuery;
use tollbook_export::{Document, SummaryQueries};

use super::Call;
use super::delivery::download;
use super::query::{EITHER, PAID, UNPAID};
use crate::answer::Answer;
use crate::ret_code::Refusal;

pub(super) fn run(call: Call<'_>) -> Result<Answer, Refusal> {
    let document = document(&call)?;
    download(call, document)
}

pub(super) fn document(call: &Call<'_>) -> Result<Document, Refusal> {
    call.require(&["StartTime", "EndTime"])?;
    let asked = call.query(&EITHER, None)?;
    // With `Statuses`, each sheet takes the values that it can show; without, its own.
    let sheet = |choice: &super::query::Choice| {
        let unasked = asked.statuses.iter().next().is_none();
        let statuses = if unasked { choice.usual() } else { asked.statuses.and(choice.allowed()) };
        OrderQuery { statuses, ..asked.clone() }
    };
    let queries = SummaryQueries { paid: sheet(&PAID), unpaid: sheet(&UNPAID) };
    Ok(Document::Summary(Box::new(queries)))
}
