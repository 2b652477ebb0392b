//! Exports in the background: asked for, taken by whichever server comes first, and taken by another one when that
//! dies over it. What the request says is its own text, which the API reads again when the job is taken.

use sha2::{Digest as _, Sha256};
use tollbook_store::{ExportState, NewExportJob, Store, StoreError};

use super::cache::Digest;
use crate::file::from_text;

/// How long a job is its taker's without a sign of life, in seconds. Who takes it gives one every few seconds.
pub const HOLD_S: i64 = 20;

/// How often a job is begun before it is given up. Enough to sit out ten minutes without an object store, an attempt each
/// [`HOLD_S`]; a job that kills its server must not kill them for ever.
pub const MOST_ATTEMPTS: i64 = 30;

/// Jobs that are forgotten in one transaction.
const FORGOTTEN_AT_ONCE: i64 = 500;

/// Names of one request that are tried: as often as it can have been asked for anew after its file was gone.
const NAMES: u32 = 1_000;

/// A checked request for an export in the background.
#[derive(Clone, Copy, Debug)]
pub struct NewJob<'a> {
    /// Whose orders.
    pub company_id: i64,
    /// The key that asked.
    pub public_key: &'a str,
    /// The request, to be read again.
    pub request: &'a str,
    /// What the file would contain now.
    pub digest: &'a Digest,
    /// The time, Unix seconds.
    pub now_s: i64,
    /// A file stored before this is not handed out any more.
    pub kept_since_s: i64,
    /// Most unfinished jobs of the company.
    pub most: i64,
}

/// Records a job and tells its id; `None` if the company has too many that are not finished. The same request of the
/// same key, with nothing changed since, is the same job, so that a request can be sent again.
///
/// # Errors
/// Those of the store.
pub fn submit(store: &dyn Store, job: &NewJob<'_>) -> Result<Option<String>, StoreError> {
    let mut transaction = store.begin()?;
    for number in 0..NAMES {
        let job_id = name(job, number);
        let is_usable = match transaction.export_job(job.company_id, &job_id)? {
            None => {
                if transaction.unfinished_export_jobs(job.company_id)? >= job.most {
                    return Ok(None);
                }
                let added = transaction.add_export_job(&NewExportJob {
                    company_id: job.company_id,
                    job_id: job_id.clone(),
                    public_key: job.public_key.to_owned(),
                    made_s: job.now_s,
                    request: job.request.to_owned(),
                });
                match added {
                    Ok(()) => transaction.commit()?,
                    // The same request came to another server at the same time.
                    Err(StoreError::Exists(_)) => {}
                    Err(error) => return Err(error),
                }
                return Ok(Some(job_id));
            }
            Some(known) => match known.state {
                ExportState::Waiting | ExportState::Running => true,
                ExportState::Done => from_text(&known.outcome)?.stored_s > job.kept_since_s,
                ExportState::Failed => false,
            },
        };
        if is_usable {
            return Ok(Some(job_id));
        }
    }
    Ok(None)
}

/// An id that nobody guesses who does not know what the orders are, and that a repeated request has again.
fn name(job: &NewJob<'_>, number: u32) -> String {
    let mut hash = Sha256::new();
    hash.update(job.digest);
    hash.update(number.to_le_bytes());
    hash.update(job.public_key);
    format!("export-{}", &hex::encode(hash.finalize())[..32])
}

/// Forgets files and jobs whose file is not kept any more. Tells how many records that were.
///
/// # Errors
/// Those of the store; what was forgotten is forgotten.
pub fn forget(store: &dyn Store, before_s: i64) -> Result<u64, StoreError> {
    let mut forgotten = 0;
    loop {
        let mut transaction = store.begin()?;
        let files = transaction.forget_export_files(before_s, FORGOTTEN_AT_ONCE)?;
        let jobs = transaction.forget_export_jobs(before_s, FORGOTTEN_AT_ONCE)?;
        transaction.commit()?;
        forgotten += files + jobs;
        if files + jobs == 0 {
            return Ok(forgotten);
        }
    }
}
