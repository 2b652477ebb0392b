//! What the download actions share: the format of the file, the choice between waiting for it and a background job, and
//! the description of the file in an answer.

use serde::Serialize;
use tollbook_domain::money::format_amount_sum;
use tollbook_export::exporter::jobs::{self, NewJob};
use tollbook_export::{
    Document, ExportRequest, ExportedFile, Format, Separator, UnknownFormat, UnknownSeparator, WaitPolicy,
};
use tollbook_ops::Brand;

use super::call::Call;
use super::shape::{Described, Meaning, Member, MemberShape, Parameter, ParameterShape};
use crate::answer::Answer;
use crate::failure::{log_and_refuse, no_summary, refusal_for_export, refusal_for_failed_export};
use crate::ret_code::Refusal;
use crate::service::Service;

pub(super) const FORMAT: Parameter = Parameter {
    name: "Format",
    shape: ParameterShape::Text,
    required: false,
    extension: true,
    meaning: Meaning::Computed(describe_format),
};

pub(super) const SEPARATOR: Parameter = Parameter {
    name: "Separator",
    shape: ParameterShape::Text,
    required: false,
    extension: true,
    meaning: Meaning::Text(
        "What separates the cells of `csv` and `csv.gz`: `comma` (the default), `semicolon` (decimals then have a comma), \
         `semicolon-named` (the same after a line `sep=;`), `tab`",
    ),
};

pub(super) const ASYNC: Parameter = Parameter {
    name: "Async",
    shape: ParameterShape::Flag,
    required: false,
    extension: true,
    meaning: Meaning::Text(
        "`true`: answer at once with a `JobId`; `GetExportJob` returns the state of the job",
    ),
};

fn describe_format() -> String {
    let names = |has_summary| {
        let formats = Format::all().filter(|format| format.has_summary() == has_summary);
        let name =
            |format| format!("`{format}`{}", if format == Format::default() { " (the default)" } else { "" });
        formats.map(name).collect::<Vec<_>>().join(", ")
    };
    format!("Format of the file: {}, and for orders {}", names(true), names(false))
}

pub(super) const RESPONSE: &[Member] = &[
    DATA,
    Member {
        name: "JobId",
        shape: MemberShape::Text,
        meaning: "With `Async`, instead of `Data`: the parameter of `GetExportJob`",
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

/// The member `Data` of an answer.
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
    pub(super) fn of(
        service: &Service,
        brand: &Brand,
        host: Option<&str>,
        file: ExportedFile,
    ) -> Result<Self, Refusal> {
        let link = service.link(brand, host, &file);
        let download_url = link.map_err(|error| refusal_for_failed_export(&error))?;
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

/// Answers a download: with the file, or with the id of the job that makes it.
pub(super) fn deliver(call: Call<'_>, document: Document) -> Result<Answer, Refusal> {
    let request = export_request(&call, document)?;
    if call.parameters.flag("Async")? == Some(true) {
        return submit(call, &request);
    }
    let Call { service, brand, host, snapshot, .. } = call;
    let (caller, snapshot) = (snapshot.caller, snapshot.snapshot);
    let file = service.exporter().file(snapshot, request, WaitPolicy::Request, caller, &mut |_| true);
    let file = file.map_err(|error| refusal_for_export(&error))?;
    Answer::new().with("Data", &Data::of(service, brand, host, file)?)
}

fn submit(call: Call<'_>, request: &ExportRequest) -> Result<Answer, Refusal> {
    let Call { service, parameters, key, mut snapshot, now_s, .. } = call;
    let digest = service.exporter().digest(snapshot.snapshot.as_mut(), request).map_err(log_and_refuse)?;
    let store = snapshot.store;
    drop(snapshot);
    let job = NewJob {
        company_id: key.company_id,
        public_key: &key.public_key,
        request: &parameters.to_json(),
        digest: &digest,
        now_s,
        kept_since_s: service.kept_since_s(now_s),
        max_unfinished: service.config().exports.jobs_per_company,
    };
    match jobs::submit(store, service.deployment().objects.as_ref(), &job).map_err(log_and_refuse)? {
        Some(job_id) => {
            service.notify_job_submitted();
            Answer::new().with("JobId", &job_id)
        }
        None => Err(Refusal::TooManyExports("too many exports of the company are waiting; ask again later")),
    }
}

/// The export that a checked request asks for.
pub(crate) fn export_request(call: &Call<'_>, document: Document) -> Result<ExportRequest, Refusal> {
    let format = match call.parameters.text("Format")? {
        None => Format::default(),
        Some(name) => name
            .parse()
            .map_err(|error: UnknownFormat| Refusal::not_available("Format", error.to_string()))?,
    };
    if matches!(document, Document::Summary(_)) && !format.has_summary() {
        return Err(no_summary(format));
    }
    let separator = separator(call, format)?;
    let (company, display) = (call.company.clone(), call.brand.display());
    Ok(ExportRequest { company, display, document, format, separator })
}

/// The separator that a request asks for. A format without one refuses it, instead of passing it over.
fn separator(call: &Call<'_>, format: Format) -> Result<Separator, Refusal> {
    let Some(name) = call.parameters.text("Separator")? else { return Ok(Separator::default()) };
    let separator = name
        .parse()
        .map_err(|error: UnknownSeparator| Refusal::not_available("Separator", error.to_string()))?;
    if separator != Separator::default() && !format.has_separator() {
        let reason = format!("{format} has no separator; Format must be csv or csv.gz");
        return Err(Refusal::not_available("Separator", reason));
    }
    Ok(separator)
}
