//! `ListPaidOrders` and `ListUnpaidOrders`: one page and the exact total, read from one snapshot.

use tollbook_export::fields::{ORDER_ITEM_DETAIL, OrderField, UNPAID_ORDER_ITEM};
use tollbook_export::presentation::Presentation;

use super::call::Call;
use super::query::{PAID, StatusChoice, UNPAID};
use crate::answer::{Answer, Rows};
use crate::failure::log_and_refuse;
use crate::ret_code::Refusal;

pub(super) fn paid(call: Call<'_>) -> Result<Answer, Refusal> {
    list(call, &PAID, ORDER_ITEM_DETAIL)
}

pub(super) fn unpaid(call: Call<'_>) -> Result<Answer, Refusal> {
    list(call, &UNPAID, UNPAID_ORDER_ITEM)
}

fn list(call: Call<'_>, choice: &StatusChoice, fields: &'static [OrderField]) -> Result<Answer, Refusal> {
    call.require(&["StartTime", "EndTime", "Page", "PageSize"])?;
    let query = call.query(choice, None)?;
    let paging = call.paging()?;
    let mut snapshot = call.snapshot.for_orders()?;
    let snapshot = snapshot.as_mut();
    let page = snapshot.page(&query, paging.offset(), paging.page_size).map_err(log_and_refuse)?;
    let presentation =
        Presentation::read(snapshot, call.company, &call.brand.display(), call.service.catalogue())
            .map_err(log_and_refuse)?;
    let mut views = presentation.lines(snapshot.lines(query.company_id).map_err(log_and_refuse)?);
    let mut orders = Rows::new(page.orders.len());
    for stored in &page.orders {
        // Never `None`: a snapshot has the line of each of its orders.
        views.show(stored, |row| orders.push(fields, |field| (field.value)(row))).ok_or(Refusal::Internal)?;
    }
    let answer = Answer::new()
        .with("Page", &paging.page)?
        .with("PageSize", &paging.page_size)?
        .with("Total", &page.total)?;
    Ok(answer.with_rows("Orders", orders))
}
