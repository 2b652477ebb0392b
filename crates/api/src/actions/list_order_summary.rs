//! `ListPaidOrderSummary` and `ListUnpaidOrderSummary`: sums per resource, SKU, model, unit, type and price.

use tollbook_export::fields::{ORDER_SUMMARY_ITEM, SummaryField};
use tollbook_export::presentation::{Presentation, summary};

use super::call::Call;
use super::query::{PAID, StatusChoice, UNPAID};
use crate::answer::{Answer, Rows};
use crate::failure::log_and_refuse;
use crate::ret_code::Refusal;

pub(super) fn paid(call: Call<'_>) -> Result<Answer, Refusal> {
    summarize(call, &PAID, ORDER_SUMMARY_ITEM)
}

pub(super) fn unpaid(call: Call<'_>) -> Result<Answer, Refusal> {
    summarize(call, &UNPAID, ORDER_SUMMARY_ITEM)
}

fn summarize(
    call: Call<'_>,
    choice: &StatusChoice,
    fields: &'static [SummaryField],
) -> Result<Answer, Refusal> {
    call.require(&["StartTime", "EndTime"])?;
    let query = call.query(choice, None)?;
    let mut snapshot = call.snapshot.for_orders()?;
    let snapshot = snapshot.as_mut();
    let rows = summary(snapshot, &query).map_err(log_and_refuse)?;
    let presentation =
        Presentation::read(snapshot, call.company, &call.brand.display(), call.service.catalogue())
            .map_err(log_and_refuse)?;
    let mut summaries = Rows::new(rows.len());
    for row in &rows {
        presentation.show_summary(row, |view| summaries.push(fields, |field| (field.value)(view)));
    }
    Ok(Answer::new().with_rows("Summaries", summaries))
}
