//! `GetExportJob`: what became of an export that was asked for with `Async`.

use tollbook_export::ExportedFile;
use tollbook_store::{ExportJob, ExportState};

use super::delivery::{DATA, Data};
use super::{Call, Member, MemberShape, Parameter, ParameterShape, integer};
use crate::answer::Answer;
use crate::gateway::log_and_refuse;
use crate::ret_code::Refusal;

pub(super) const PARAMETERS: &[Parameter] = &[Parameter {
    name: "JobId",
    shape: ParameterShape::Text,
    required: true,
    extension: true,
    meaning: "What the download action answered",
}];

pub(super) const RESPONSE: &[Member] = &[
    Member { name: "JobId", shape: MemberShape::Text, meaning: "The job", always: true },
    Member {
        name: "State",
        shape: MemberShape::Text,
        meaning: "`Waiting`, `Running`, `Done`, `Failed`, or `Expired` when the file is not kept any more",
        always: true,
    },
    integer("RowsWritten", "Rows of the file so far"),
    integer("RowsTotal", "Rows that the file will have; 0 before that is known"),
    integer("Progress", "Per cent of the rows; 100 only when the file can be downloaded"),
    integer("CreateTime", "When it was asked for, Unix seconds"),
    Member { name: "Reason", shape: MemberShape::Text, meaning: "Why it failed; else empty", always: true },
    DATA,
];

pub(super) fn run(call: Call<'_>) -> Result<Answer, Refusal> {
    call.require(&["JobId"])?;
    let job_id = call.parameters.text("JobId")?.unwrap_or_default();
    let Call { gateway, key, brand, mut snapshot, now_s, .. } = call;
    let job = snapshot.snapshot.export_job(key.company_id, &job_id).map_err(log_and_refuse)?;
    // A key that is bound to organizations must not see what another key could ask for.
    let visible = |job: &ExportJob| key.organization_ids.is_empty() || job.asked.public_key == key.public_key;
    let job = job.filter(visible).ok_or_else(|| Refusal::not_available("JobId", "there is no such job"))?;
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
            // The last sign of life was given before the end, or none at all.
            (written, total) = (file.rows, file.rows);
            if file.stored_s > gateway.kept_since_s(now_s) {
                data = Some(Data::of(gateway, brand, file)?);
                "Done"
            } else {
                "Expired"
            }
        }
    };
    let progress = match state {
        "Done" => 100,
        // Stored or not, a file that is all written is not yet one that can be downloaded.
        _ if total > 0 => (written.saturating_mul(100) / total).clamp(0, 99),
        _ => 0,
    };
    let answer = Answer::new()
        .with("JobId", &job_id)?
        .with("State", &state)?
        .with("RowsWritten", &written)?
        .with("RowsTotal", &total)?
        .with("Progress", &progress)?
        .with("CreateTime", &job.asked.made_s)?
        .with("Reason", &reason)?;
    match data {
        Some(data) => answer.with("Data", &data),
        None => Ok(answer),
    }
}
