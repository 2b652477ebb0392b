//! `ListPaidOrderSummary` and `ListUnpaidOrderSummary`: sums per resource, SKU, model, unit, type and price.

use serde_json::value::{RawValue, to_raw_value};
use tollbook_ops::fields::{PAID_SUMMARY_ITEM, SummaryField, UNPAID_SUMMARY_ITEM};
use tollbook_ops::presentation::{Presentation, summary};

use super::Call;
use super::query::{Choice, PAID, UNPAID};
use crate::answer::{Answer, Object};
use crate::gateway::refuse;
use crate::ret_code::Refusal;

pub(super) fn paid(call: Call<'_>) -> Result<Answer, Refusal> {
    summarize(call, &PAID, PAID_SUMMARY_ITEM)
}

pub(super) fn unpaid(call: Call<'_>) -> Result<Answer, Refusal> {
    summarize(call, &UNPAID, UNPAID_SUMMARY_ITEM)
}

fn summarize(
    mut call: Call<'_>,
    choice: &Choice,
    fields: &'static [SummaryField],
) -> Result<Answer, Refusal> {
    call.require(&["StartTime", "EndTime"])?;
    let query = call.query(choice, None)?;
    let snapshot = call.snapshot.as_mut();
    let rows = summary(snapshot, &query).map_err(refuse)?;
    let presentation =
        Presentation::read(snapshot, call.company, call.brand, call.gateway.catalogue()).map_err(refuse)?;
    let summaries: Result<Vec<Box<RawValue>>, _> = rows
        .iter()
        .map(|row| {
            presentation.show_summary(row, |view| {
                to_raw_value(&Object { fields, row: *view, value: |field, view| (field.value)(view) })
            })
        })
        .collect();
    Answer::new().with("Summaries", &summaries.map_err(|_| Refusal::Internal)?)
}
