//! Background export jobs. A server leases a job to run it; if it crashes, the lease expires and another server takes the
//! job. A job stores the text of its request, which the API parses again when the job runs.

use sha2::{Digest as _, Sha256};
use tollbook_objects::ObjectStore;
use tollbook_store::{ExportState, NewExportJob, Store, StoreError};

use super::cache::Digest;
use crate::file::ExportedFile;

/// Duration of a lease on a job, in seconds. The server that runs the job renews the lease every few seconds.
pub const LEASE_S: i64 = 20;

/// Attempts before a job fails. With one attempt every [`LEASE_S`] they outlast an object store outage of ten minutes; the
/// bound stops a job that crashes its server.
pub const MAX_ATTEMPTS: i64 = 30;

/// Most records of each type that one transaction deletes.
const EXPIRED_AT_ONCE: i64 = 500;

/// Most job ids of one request. Each failed or expired job of the same request uses up one.
const MAX_IDS: u32 = 1_000;

/// A checked request for an export in the background.
#[derive(Clone, Copy, Debug)]
pub struct NewJob<'a> {
    /// The company whose orders are exported.
    pub company_id: i64,
    /// The API key that made the request.
    pub public_key: &'a str,
    /// The text of the request.
    pub request: &'a str,
    /// Identifies the content that the file would have now.
    pub digest: &'a Digest,
    /// The current time, Unix seconds.
    pub now_s: i64,
    /// Files stored at or before this time are not returned again, Unix seconds.
    pub kept_since_s: i64,
    /// Most unfinished jobs of the company.
    pub max_unfinished: i64,
}

/// Records a job and returns its id, or `None` if the company has too many unfinished jobs. A repeated request of the same
/// key gets the same job as long as the content of the file is the same, so requests can be retried.
///
/// # Errors
/// Those of the store.
pub fn submit(
    store: &dyn Store,
    objects: &dyn ObjectStore,
    job: &NewJob<'_>,
) -> Result<Option<String>, StoreError> {
    let mut transaction = store.begin()?;
    for number in 0..MAX_IDS {
        let job_id = job_id(job, number);
        let is_usable = match transaction.export_job(job.company_id, &job_id)? {
            None => {
                if transaction.unfinished_export_jobs(job.company_id)? >= job.max_unfinished {
                    return Ok(None);
                }
                let added = transaction.add_export_job(&NewExportJob {
                    company_id: job.company_id,
                    job_id: job_id.clone(),
                    public_key: job.public_key.to_owned(),
                    created_s: job.now_s,
                    request: job.request.to_owned(),
                });
                match added {
                    Ok(()) => transaction.commit()?,
                    // Another server recorded the same request at the same time.
                    Err(StoreError::Exists(_)) => {}
                    Err(error) => return Err(error),
                }
                return Ok(Some(job_id));
            }
            Some(known) => match known.state {
                ExportState::Waiting | ExportState::Running => true,
                ExportState::Done => {
                    let file = ExportedFile::from_record(&known.outcome)?;
                    file.stored_s > job.kept_since_s && !file.is_deleted(objects)
                }
                ExportState::Failed => false,
            },
        };
        if is_usable {
            return Ok(Some(job_id));
        }
    }
    Ok(None)
}

/// The id of a job. A repeated request has the same id; it cannot be guessed without knowing the orders.
fn job_id(job: &NewJob<'_>, number: u32) -> String {
    let mut hash = Sha256::new();
    hash.update(job.digest);
    hash.update(number.to_le_bytes());
    hash.update(job.public_key);
    format!("export-{}", &hex::encode(hash.finalize())[..32])
}

/// Deletes the records of files and jobs that expired before a time. Returns the number of records deleted.
///
/// # Errors
/// Those of the store. Records deleted before the error stay deleted.
pub fn expire(store: &dyn Store, before_s: i64) -> Result<u64, StoreError> {
    let mut expired = 0;
    loop {
        let mut transaction = store.begin()?;
        let files = transaction.expire_export_files(before_s, EXPIRED_AT_ONCE)?;
        let jobs = transaction.expire_export_jobs(before_s, EXPIRED_AT_ONCE)?;
        transaction.commit()?;
        expired += files + jobs;
        if files + jobs == 0 {
            return Ok(expired);
        }
    }
}
