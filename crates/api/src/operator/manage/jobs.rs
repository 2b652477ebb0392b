//! Background exports of a company.

use serde_json::{Value, json};
use tollbook_store::{ExportJob, ExportState};

use super::call::Call;
use super::failed::Failed;

/// Jobs in one answer, unless fewer are asked for.
const JOBS: usize = 100;

fn shown(job: &ExportJob) -> Value {
    let state = match job.state {
        ExportState::Waiting => "Waiting",
        ExportState::Running => "Running",
        ExportState::Done => "Done",
        ExportState::Failed => "Failed",
    };
    let request: Value = serde_json::from_str(&job.submitted.request).unwrap_or(Value::Null);
    json!({
        "JobID": job.submitted.job_id,
        "PublicKey": job.submitted.public_key,
        "Created": job.submitted.created_s,
        "State": state,
        "Attempts": job.attempts,
        "RowsDone": job.rows_done,
        "RowsTotal": job.rows_total,
        "Ended": job.ended_s,
        "Request": request,
    })
}

pub(super) fn list(call: &Call<'_>) -> Result<Value, Failed> {
    let limit = call.values.limit("Limit", JOBS);
    let wanted = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
    let mut jobs = call.snapshot_of_company()?.export_jobs(call.company(), wanted)?;
    let has_more = jobs.len() > limit;
    jobs.truncate(limit);
    Ok(json!({"Jobs": jobs.iter().map(shown).collect::<Vec<_>>(), "HasMore": has_more}))
}

pub(super) fn show(call: &Call<'_>) -> Result<Value, Failed> {
    let job_id = call.values.text_or_empty("job");
    let job = call.snapshot_of_company()?.export_job(call.company(), job_id)?;
    job.as_ref().map(shown).ok_or_else(|| Failed::not_found("job", format!("there is no job {job_id:?}")))
}
