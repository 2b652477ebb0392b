//! `DownloadListPaidOrders` and `DownloadListUnpaidOrders`: the whole list as a workbook.

use serde::Serialize;
use tollbook_ops::export::Document;

use super::Call;
use super::query::{PAID, UNPAID};
use crate::answer::Answer;
use crate::description::Described;
use crate::ret_code::Refusal;

pub(super) fn paid(call: Call<'_>) -> Result<Answer, Refusal> {
    call.require(&["StartTime", "EndTime"])?;
    let query = call.query(&PAID, None)?;
    download(call, &Document::PaidOrders(query))
}

pub(super) fn unpaid(call: Call<'_>) -> Result<Answer, Refusal> {
    call.require(&["StartTime", "EndTime"])?;
    let query = call.query(&UNPAID, None)?;
    download(call, &Document::UnpaidOrders(query))
}

pub(super) fn describe_data() -> Vec<Described> {
    vec![
        Described { name: "DownloadURL", json_type: "string", meaning: "Presigned; works until it expires" },
        Described { name: "FileName", json_type: "string", meaning: "Kind and range" },
        Described { name: "FileSize", json_type: "integer", meaning: "Bytes, exact" },
    ]
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Data {
    #[serde(rename = "DownloadURL")]
    download_url: String,
    file_name: String,
    file_size: u64,
}

/// Builds the file and answers with its link.
pub(super) fn download(call: Call<'_>, document: &Document) -> Result<Answer, Refusal> {
    let gateway = call.gateway;
    let (file, download_url) = gateway.export(call, document)?;
    Answer::new().with("Data", &Data { download_url, file_name: file.file_name, file_size: file.bytes })
}
