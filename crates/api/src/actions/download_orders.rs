//! `DownloadListPaidOrders` and `DownloadListUnpaidOrders`: the whole list as a file.

use tollbook_export::Document;

use super::Call;
use super::delivery::download;
use super::query::{PAID, UNPAID};
use crate::answer::Answer;
use crate::ret_code::Refusal;

pub(super) fn paid(call: Call<'_>) -> Result<Answer, Refusal> {
    let document = paid_document(&call)?;
    download(call, document)
}

pub(super) fn unpaid(call: Call<'_>) -> Result<Answer, Refusal> {
    let document = unpaid_document(&call)?;
    download(call, document)
}

pub(super) fn paid_document(call: &Call<'_>) -> Result<Document, Refusal> {
    call.require(&["StartTime", "EndTime"])?;
    Ok(Document::PaidOrders(call.query(&PAID, None)?))
}

pub(super) fn unpaid_document(call: &Call<'_>) -> Result<Document, Refusal> {
    call.require(&["StartTime", "EndTime"])?;
    Ok(Document::UnpaidOrders(call.query(&UNPAID, None)?))
}
