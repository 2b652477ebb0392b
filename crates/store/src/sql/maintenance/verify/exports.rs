//! Verification of export jobs and of the sizes of export files.

use super::report::Report;
use crate::error::StoreResult;
use crate::exports::{ExportJob, ExportReads as _, ExportState};
use crate::sql::driver::connection::all;
use crate::sql::exports::{JOB_COLUMNS, read_job};
use crate::sql::session::Session;

/// Whether the columns of a job agree with its state.
fn is_sound(job: &ExportJob) -> bool {
    let is_leased = !job.lease_holder.is_empty();
    match job.state {
        ExportState::Waiting => !is_leased && job.lease_until_s == 0 && job.ended_s.is_none(),
        ExportState::Running => is_leased && job.attempts > 0 && job.ended_s.is_none(),
        ExportState::Done | ExportState::Failed => !is_leased && job.attempts > 0 && job.ended_s.is_some(),
    }
}

impl Session {
    /// Checks that the columns of every job agree with its state, and that the recorded size of all files is theirs.
    pub(crate) fn verify_exports(&mut self, company_id: i64, report: &mut Report) -> StoreResult<()> {
        let sql = format!("SELECT {JOB_COLUMNS} FROM export_job WHERE company_id = $1 ORDER BY job_id");
        for job in all(self.connection.as_mut(), &sql, &[company_id.into()], read_job)? {
            if !is_sound(&job) {
                let job_id = job.submitted.job_id;
                report.differ(|| {
                    format!("company {company_id}: export job {job_id} is not what its state says")
                });
            }
        }
        let sql = "SELECT bytes FROM export_file WHERE company_id = $1";
        let sizes = all(self.connection.as_mut(), sql, &[company_id.into()], |row| row.int(0))?;
        let (counted, kept) = (sizes.iter().sum::<i64>(), self.export_bytes(company_id)?);
        if counted != kept {
            report.differ(|| {
                format!(
                    "company {company_id}: its export files have {counted} bytes, export_space says {kept}"
                )
            });
        }
        Ok(())
    }
}
