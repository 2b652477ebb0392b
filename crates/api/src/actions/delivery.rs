//! What the three download actions share: the form of the file, whether to wait for it, and what is said of it.

use serde::Serialize;
use tollbook_domain::money::format_amount_sum;
use tollbook_export::exporter::jobs::{self, NewJob};
use tollbook_export::{
    Document, ExportError, ExportRequest, ExportRequestError, ExportedFile, Format, WaitPolicy,
};
use tollbook_ops::Brand;

use super::{Call, Member, MemberShape, Parameter, ParameterShape, download_order_summary, download_orders};
use crate::answer::Answer;
use crate::description::Described;
use crate::gateway::{Gateway, log_and_refuse, refusal_for};
use crate::ret_code::Refusal;

/// What the download actions take beside range and filters.
pub(super) const FORMAT: Parameter = Parameter {
    name: "Format",
    shape: ParameterShape::Text,
    required: false,
    extension: true,
    meaning: "What the file is: `xlsx` (the default), `csv`, `csv.gz`, `parquet`, and for orders `focus`, \
              `focus.parquet`, `focus-1.2`, `focus-1.2.parquet`",
};
pub(super) const ASYNC: Parameter = Parameter {
    name: "Async",
    shape: ParameterShape::Flag,
    required: false,
    extension: true,
    meaning: "`true`: answer at once with a `JobId`; `GetExportJob` tells what becomes of it",
};

pub(super) const RESPONSE: &[Member] = &[
    DATA,
    Member {
        name: "JobId",
        shape: MemberShape::Text,
        meaning: "Instead of `Data`, when asked with `Async`: what `GetExportJob` is asked for",
        always: false,
    },
];

pub(super) const DATA: Member = Member {
    name: "Data",
    shape: MemberShape::Object("DownloadFileData", describe_data),
    meaning: "The file",
    always: false,
};

fn describe_data() -> Vec<Described> {
    vec![
        Described { name: "DownloadURL", json_type: "string", meaning: "Presigned; works until it expires" },
        Described { name: "FileName", json_type: "string", meaning: "Kind and range" },
        Described { name: "FileSize", json_type: "integer", meaning: "Bytes, exact" },
        Described {
            name: "RowCount",
            json_type: "integer",
            meaning: "Orders in the file; of a summary its rows on both sheets",
        },
        Described { name: "Sha256", json_type: "string", meaning: "Of the file, 64 hexadecimal digits" },
        Described {
            name: "TotalPrice",
            json_type: "string",
            meaning: "Sum of `OrderTotalPrice` of the orders",
        },
    ]
}

/// `Data` of an answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Data {
    #[serde(rename = "DownloadURL")]
    download_url: String,
    file_name: String,
    file_size: u64,
    row_count: i64,
    sha256: String,
    total_price: String,
}

impl Data {
    pub(super) fn of(gateway: &Gateway, brand: &Brand, file: ExportedFile) -> Result<Self, Refusal> {
        let download_url = gateway.link(brand, &file).map_err(|error| failed(&error))?;
        Ok(Self {
            download_url,
            file_size: file.bytes,
            row_count: file.rows,
            sha256: hex::encode(file.sha256),
            total_price: format_amount_sum(file.total),
            file_name: file.file_name,
        })
    }
}

/// Delivers the document, or the id of the job that makes it.
pub(super) fn download(call: Call<'_>, document: Document) -> Result<Answer, Refusal> {
    let request = export_request(&call, document)?;
    if call.parameters.flag("Async")? == Some(true) {
        return submit(call, &request);
    }
    let Call { gateway, brand, snapshot, .. } = call;
    let (caller, snapshot) = (snapshot.caller, snapshot.snapshot);
    let file = gateway.exporter().file(snapshot, request, WaitPolicy::Request, caller, &mut |_| true);
    let file = file.map_err(|error| refusal_for_export(&error))?;
    Answer::new().with("Data", &Data::of(gateway, brand, file)?)
}

fn submit(call: Call<'_>, request: &ExportRequest) -> Result<Answer, Refusal> {
    let Call { gateway, parameters, key, mut snapshot, now_s, .. } = call;
    let digest = gateway.exporter().digest(snapshot.snapshot.as_mut(), request).map_err(log_and_refuse)?;
    let store = snapshot.store;
    drop(snapshot);
    let job = NewJob {
        company_id: key.company_id,
        public_key: &key.public_key,
        request: &parameters.to_json(),
        digest: &digest,
        now_s,
        kept_since_s: gateway.kept_since_s(now_s),
        max_unfinished: gateway.deployment().config.exports.jobs_per_company,
    };
    match jobs::submit(store, &job).map_err(log_and_refuse)? {
        Some(job_id) => {
            gateway.job_is_due();
            Answer::new().with("JobId", &job_id)
        }
        None => Err(Refusal::TooManyExports("too many exports of the company are waiting; ask again later")),
    }
}

/// What a checked request asks for.
fn export_request(call: &Call<'_>, document: Document) -> Result<ExportRequest, Refusal> {
    let format = match call.parameters.text("Format")? {
        None => Format::default(),
        Some(name) => name.parse().map_err(|error: tollbook_export::UnknownFormat| {
            Refusal::not_available("Format", error.to_string())
        })?,
    };
    if matches!(document, Document::Summary(_)) && !format.has_summary() {
        return Err(no_summary(format));
    }
    Ok(ExportRequest { company: call.company.clone(), display: call.brand.display(), document, format })
}

/// What the request of a job asks for, as it was checked when it was made.
pub(crate) fn export_request_of_job(call: &Call<'_>) -> Result<ExportRequest, Refusal> {
    let document = match call.parameters.envelope("Action")? {
        Some("DownloadListPaidOrders") => download_orders::paid_document(call)?,
        Some("DownloadListUnpaidOrders") => download_orders::unpaid_document(call)?,
        Some("DownloadOrderSummary") => download_order_summary::document(call)?,
        other => return Err(Refusal::ActionNotFound(other.unwrap_or_default().to_owned())),
    };
    export_request(call, document)
}

fn no_summary(format: Format) -> Refusal {
    Refusal::not_available(
        "Format",
        format!("{format} has no summaries; must be xlsx, csv, csv.gz or parquet"),
    )
}

/// What a caller is told; the log has the rest already.
pub(crate) fn refusal_for_export(error: &ExportRequestError) -> Refusal {
    match error {
        ExportRequestError::QueueFull => {
            Refusal::TooManyExports("too many exports are waiting; ask again, or with Async=true")
        }
        ExportRequestError::QueueTimeout(_) | ExportRequestError::DeadlineExceeded(_) => {
            Refusal::ExportUnavailable(format!("{error}; ask again, or with Async=true"))
        }
        ExportRequestError::Cancelled => Refusal::ServiceUnavailable,
        ExportRequestError::Failed(error) => failed(error),
    }
}

fn failed(error: &ExportError) -> Refusal {
    match error {
        ExportError::Store(error) => refusal_for(error),
        ExportError::Workbook(_) | ExportError::File(_) => {
            Refusal::ExportUnavailable("the file cannot be written now".into())
        }
        ExportError::Objects(_) => Refusal::ExportUnavailable("the file cannot be stored now".into()),
        ExportError::NoSummary(format) => no_summary(*format),
        ExportError::Key(_) | ExportError::Panicked => Refusal::Internal,
    }
}
