//! `GetExportJob`: the state of an export that was asked for with `Async`.

use tollbook_export::ExportedFile;
use tollbook_store::{ExportJob, ExportState};

use super::call::Call;
use super::delivery::{DATA, Data};
use super::shape::{Meaning, Member, Parameter, ParameterShape, integer, text};
use crate::answer::Answer;
use crate::failure::log_and_refuse;
use crate::ret_code::Refusal;

pub(super) const PARAMETERS: &[Parameter] = &[Parameter {
    name: "JobId",
    shape: ParameterShape::Text,
    required: true,
    extension: true,
    meaning: Meaning::Text("The `JobId` that the download action returned"),
}];

pub(super) const RESPONSE: &[Member] = &[
    text("JobId", "The job"),
    text("State", "`Waiting`, `Running`, `Done`, `Failed`, or `Expired` when the file is deleted"),
    integer("RowsWritten", "Rows of the file so far"),
    integer("RowsTotal", "Rows of the whole file; 0 while that is unknown"),
    integer("Progress", "Per cent of the rows; 100 only when the file can be downloaded"),
    integer("CreateTime", "Time of the request, Unix seconds"),
    text("Reason", "Why the export failed; else empty"),
    DATA,
];

pub(super) fn run(call: Call<'_>) -> Result<Answer, Refusal> {
    call.require(&["JobId"])?;
    let job_id = call.parameters.text("JobId")?.unwrap_or_default();
    let Call { service, key, brand, host, mut snapshot, now_s, .. } = call;
    let job = snapshot.snapshot.export_job(key.company_id, &job_id).map_err(log_and_refuse)?;
    // A key that is bound to organizations must not see exports of other organizations.
    let is_visible =
        |job: &ExportJob| key.organization_ids.is_empty() || job.submitted.public_key == key.public_key;
    let job =
        job.filter(is_visible).ok_or_else(|| Refusal::not_available("JobId", "there is no such job"))?;
    drop(snapshot);
    let (mut data, mut reason) = (None, String::new());
    let (mut written, mut total) = (job.rows_done, job.rows_total);
    let state = match job.state {
        ExportState::Waiting => "Waiting",
        ExportState::Running => "Running",
        ExportState::Failed => {
            reason.clone_from(&job.outcome);
            "Failed"
        }
        ExportState::Done => {
            let file = ExportedFile::from_record(&job.outcome).map_err(log_and_refuse)?;
            // The last heartbeat was before the end, or there was none.
            (written, total) = (file.rows, file.rows);
            if file.stored_s > service.kept_since_s(now_s)
                && !file.is_deleted(service.deployment().objects.as_ref())
            {
                data = Some(Data::of(service, brand, host, file)?);
                "Done"
            } else {
                "Expired"
            }
        }
    };
    let progress = match state {
        "Done" => 100,
        // A file with all its rows cannot be downloaded before it is stored.
        _ if total > 0 => (written.saturating_mul(100) / total).clamp(0, 99),
        _ => 0,
    };
    let answer = Answer::new()
        .with("JobId", &job_id)?
        .with("State", &state)?
        .with("RowsWritten", &written)?
        .with("RowsTotal", &total)?
        .with("Progress", &progress)?
        .with("CreateTime", &job.submitted.created_s)?
        .with("Reason", &reason)?;
    match data {
        Some(data) => answer.with("Data", &data),
        None => Ok(answer),
    }
}
