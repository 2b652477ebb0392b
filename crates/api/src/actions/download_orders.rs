//! `DownloadListPaidOrders` and `DownloadListUnpaidOrders`: all orders of the list as a file.

use tollbook_export::Document;

use super::call::Call;
use super::query::{PAID, UNPAID};
use crate::ret_code::Refusal;

pub(super) fn paid(call: &Call<'_>) -> Result<Document, Refusal> {
    call.require(&["StartTime", "EndTime"])?;
    Ok(Document::PaidOrders(call.query(&PAID, None)?))
}

pub(super) fn unpaid(call: &Call<'_>) -> Result<Document, Refusal> {
    call.require(&["StartTime", "EndTime"])?;
    Ok(Document::UnpaidOrders(call.query(&UNPAID, None)?))
}
