//! Exports: the files that were written, and the jobs that write files in the background. Requests, results and file
//! locations are opaque texts of the export service.

use crate::error::StoreResult;

/// Maximum bytes of [`ExportFile::file`].
pub const LONGEST_FILE: usize = 4 << 10;
/// Maximum bytes of [`NewExportJob::job_id`].
pub const LONGEST_JOB_ID: usize = 64;

/// An export in the object store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportFile {
    /// When the file was stored, Unix seconds.
    pub stored_s: i64,
    /// Its size in bytes.
    pub bytes: i64,
    /// The file, in the encoding of the export service; at most [`LONGEST_FILE`] bytes.
    pub file: String,
}

/// An export to be written in the background.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewExportJob {
    /// The company.
    pub company_id: i64,
    /// Identifies the job within its company; at most [`LONGEST_JOB_ID`] bytes.
    pub job_id: String,
    /// The API key of the request.
    pub public_key: String,
    /// When it was requested, Unix seconds.
    pub created_s: i64,
    /// The request, in the encoding of the export service.
    pub request: String,
}

/// State of an export job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExportState {
    /// No server has a lease on it.
    Waiting,
    /// A server has a lease on it, which may have expired.
    Running,
    /// The file was written.
    Done,
    /// The export failed permanently.
    Failed,
}

impl ExportState {
    /// Whether the state is final.
    pub fn has_ended(self) -> bool {
        matches!(self, Self::Done | Self::Failed)
    }

    pub(crate) fn number(self) -> i64 {
        match self {
            Self::Waiting => 0,
            Self::Running => 1,
            Self::Done => 2,
            Self::Failed => 3,
        }
    }

    pub(crate) fn from_number(number: i64) -> Option<Self> {
        [Self::Waiting, Self::Running, Self::Done, Self::Failed]
            .into_iter()
            .find(|state| state.number() == number)
    }
}

/// An export job as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportJob {
    /// The job as it was submitted.
    pub submitted: NewExportJob,
    /// Its state.
    pub state: ExportState,
    /// The holder of its lease; empty unless it is running.
    pub lease_holder: String,
    /// When the lease expires, Unix seconds; 0 unless it is running.
    pub lease_until_s: i64,
    /// Orders that the current attempt has written.
    pub rows_done: i64,
    /// Orders to write; 0 until the number is known.
    pub rows_total: i64,
    /// The result, in the encoding of the export service; empty until the job has ended.
    pub outcome: String,
    /// When the job ended, Unix seconds.
    pub ended_s: Option<i64>,
    /// Number of attempts that were started.
    pub attempts: i64,
}

/// An export job that a server may run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueExportJob {
    /// The company.
    pub company_id: i64,
    /// The job's id in the company.
    pub job_id: String,
    /// Number of jobs of the company that run.
    pub running: i64,
}

/// Reads of exports.
pub trait ExportReads {
    /// The export with this digest.
    fn export_file(&mut self, company_id: i64, digest: &[u8; 32]) -> StoreResult<Option<ExportFile>>;

    /// An export job by its id.
    fn export_job(&mut self, company_id: i64, job_id: &str) -> StoreResult<Option<ExportJob>>;

    /// The newest export jobs of a company.
    fn export_jobs(&mut self, company_id: i64, limit: i64) -> StoreResult<Vec<ExportJob>>;

    /// Number of export jobs of a company that are waiting or running.
    fn unfinished_export_jobs(&mut self, company_id: i64) -> StoreResult<i64>;

    /// The oldest job of each company that is waiting or whose lease has expired; those of the companies with the fewest
    /// running jobs first, then the oldest.
    fn due_export_jobs(&mut self, now_s: i64, limit: i64) -> StoreResult<Vec<DueExportJob>>;

    /// Size of a company's recorded files.
    fn export_bytes(&mut self, company_id: i64) -> StoreResult<i64>;

    /// Size of the recorded files of each company that has any, the most first.
    fn all_export_bytes(&mut self) -> StoreResult<Vec<(i64, i64)>>;
}

/// Changes of exports.
pub trait ExportWrites {
    /// Records the file of the export with this digest; replaces an older record.
    ///
    /// # Errors
    /// [`StoreError::Refused`](crate::StoreError::Refused) if the text has more than [`LONGEST_FILE`] bytes.
    fn put_export_file(&mut self, company_id: i64, digest: &[u8; 32], file: &ExportFile) -> StoreResult<()>;

    /// Deletes the record of the company's oldest file other than `except`, and returns it.
    fn take_oldest_export_file(
        &mut self,
        company_id: i64,
        except: &[u8; 32],
    ) -> StoreResult<Option<ExportFile>>;

    /// Deletes the records of up to `limit` files of all companies that were stored before a time, oldest first.
    /// Returns their number.
    fn expire_export_files(&mut self, before_s: i64, limit: i64) -> StoreResult<u64>;

    /// Adds an export job in the state [`ExportState::Waiting`].
    ///
    /// # Errors
    /// [`StoreError::Exists`](crate::StoreError::Exists) if the company has a job with this id,
    /// [`StoreError::Refused`](crate::StoreError::Refused) if the id has more than [`LONGEST_JOB_ID`] bytes.
    fn add_export_job(&mut self, job: &NewExportJob) -> StoreResult<()>;

    /// Records how many orders the attempt of a holder has written, and how many it has to write. `false` if the lease
    /// belongs to another holder.
    fn note_export_progress(
        &mut self,
        company_id: i64,
        job_id: &str,
        holder: &str,
        rows_done: i64,
        rows_total: i64,
    ) -> StoreResult<bool>;

    /// Ends an export job as done or failed. `false` if its lease belongs to another holder.
    ///
    /// # Errors
    /// [`StoreError::Refused`](crate::StoreError::Refused) if the state is not final.
    fn end_export_job(
        &mut self,
        company_id: i64,
        job_id: &str,
        holder: &str,
        state: ExportState,
        outcome: &str,
        now_s: i64,
    ) -> StoreResult<bool>;

    /// Deletes up to `limit` export jobs of all companies that ended before a time, oldest first. Returns their number.
    fn expire_export_jobs(&mut self, ended_before_s: i64, limit: i64) -> StoreResult<u64>;
}
