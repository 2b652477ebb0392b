//! The export worker: builds the files of background jobs, one at a time. It holds a lease on its job and renews it
//! with each heartbeat, so a job of a crashed server is taken over. When the server stops, its job is released.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use tollbook_domain::User;
use tollbook_domain::tenant::{ApiKey, Permission};
use tollbook_export::exporter::jobs::{self, LEASE_S, MAX_ATTEMPTS};
use tollbook_export::{ExportError, ExportRequest, ExportRequestError, ExportedFile, Progress, WaitPolicy};
use tollbook_ops::tasks::{Task, note_progress};
use tollbook_ops::{random, webhooks};
use tollbook_store::{
    DueExportJob, ExportState, Lease, LeaseKey, NewExportJob, Snapshot, StoreError, StoreResult,
};
use tracing::Span;
use tracing::field::Empty;

use crate::actions::{Action, AuthorizedSnapshot, Call, export_request};
use crate::background::Worker;
use crate::failure::{log_and_refuse, refusal_for_export};
use crate::parameters::Parameters;
use crate::ret_code::Refusal;
use crate::service::Service;
use crate::wire::decode;

/// How often the store is asked for jobs of other servers. Jobs submitted to this server start at once.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// Time between two heartbeats; a lease lasts several times as long.
const HEARTBEAT: Duration = Duration::from_secs(2);
/// How often records of exports that have expired are deleted.
const EXPIRE_INTERVAL: Duration = Duration::from_secs(600);
/// Most companies among which the next job is chosen.
const MAX_COMPANIES: i64 = 1_000;
/// Characters that tell the name of this process from every other one.
const NAME_CHARACTERS: usize = 16;

/// Runs jobs until `stop` is cancelled.
pub(crate) async fn export_jobs(service: Arc<Service>, task: Arc<Task>, stop: CancellationToken) {
    let holder: Arc<str> = format!("server {}", random::token(NAME_CHARACTERS)).into();
    let state: Arc<Mutex<WorkerState>> = Arc::default();
    let round = {
        let (service, stop) = (Arc::clone(&service), stop.clone());
        move || -> StoreResult<()> {
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            run_due_jobs(&service, &holder, &mut state.rotation, &stop)?;
            if state.expired.is_none_or(|last| last.elapsed() >= EXPIRE_INTERVAL) {
                state.expired = Some(Instant::now());
                expire_records(&service)?;
            }
            Ok(())
        }
    };
    let worker = Worker { task, interval: POLL_INTERVAL };
    worker.run(stop, || service.job_submitted(), round).await;
}

/// What a worker remembers between two rounds.
#[derive(Default)]
struct WorkerState {
    rotation: CompanyRotation,
    /// When records of expired exports were last deleted.
    expired: Option<Instant>,
}

/// The companies in the order in which this server last ran a job of theirs, the latest last.
#[derive(Default)]
struct CompanyRotation(Vec<i64>);

impl CompanyRotation {
    /// The job to run: of the companies with the fewest running jobs on all servers, that of the company which this server
    /// has not served for the longest time, and of those that it never served the oldest job.
    fn next(&mut self, due: Vec<DueExportJob>) -> Option<DueExportJob> {
        // Companies without due jobs are dropped, so the list stays short.
        self.0.retain(|served| due.iter().any(|job| job.company_id == *served));
        let last_served = |company_id: i64| self.0.iter().position(|served| *served == company_id);
        let next = due.into_iter().min_by_key(|job| (job.running, last_served(job.company_id)))?;
        self.0.retain(|served| *served != next.company_id);
        self.0.push(next.company_id);
        Some(next)
    }
}

/// Runs one job after the other until none is due.
fn run_due_jobs(
    service: &Service,
    holder: &str,
    rotation: &mut CompanyRotation,
    stop: &CancellationToken,
) -> StoreResult<()> {
    let store = service.store();
    while !stop.is_cancelled() {
        note_progress();
        let now_s = service.now_s();
        let due = store.snapshot()?.due_export_jobs(now_s, MAX_COMPANIES)?;
        let Some(DueExportJob { company_id, job_id, .. }) = rotation.next(due) else { return Ok(()) };
        let mut transaction = store.begin()?;
        let is_leased = transaction.acquire(
            LeaseKey::ExportJob { company_id, job_id: &job_id },
            &Lease { holder, until_s: now_s + LEASE_S },
            now_s,
        )?;
        transaction.commit()?;
        if is_leased {
            // At the level of errors, so that it is there whatever the log is filtered by.
            let span = tracing::error_span!("job", company_id, job_id, action = Empty);
            let job = LeasedJob { service, holder, company_id, job_id: &job_id, stop };
            span.in_scope(|| job.run())?;
        }
    }
    Ok(())
}

fn expire_records(service: &Service) -> StoreResult<()> {
    let Some(now_s) = service.certain_now_s() else { return Ok(()) };
    let before_s = service.kept_since_s(now_s);
    let records = jobs::expire(service.store(), before_s)?;
    if records > 0 {
        tracing::info!(records, "deleted records of expired exports");
    }
    Ok(())
}

/// A job that this server holds a lease on.
struct LeasedJob<'a> {
    service: &'a Service,
    holder: &'a str,
    company_id: i64,
    job_id: &'a str,
    stop: &'a CancellationToken,
}

impl LeasedJob<'_> {
    fn run(&self) -> StoreResult<()> {
        match self.build() {
            Ok(Some(outcome)) => self.finish(ExportState::Done, &outcome),
            Ok(None) => Ok(()),
            Err(refusal) => {
                tracing::warn!(%refusal, "export job failed");
                let message = refusal.message();
                self.finish(ExportState::Failed, refusal.reason().unwrap_or(&message))
            }
        }
    }

    /// The stored file as text; `None` if the job was released or lost.
    fn build(&self) -> Result<Option<String>, Refusal> {
        let Self { service, stop, .. } = self;
        let snapshot = service.store().snapshot_for(stop).map_err(log_and_refuse);
        let job = snapshot.and_then(|mut snapshot| {
            let job = snapshot.export_job(self.company_id, self.job_id).map_err(log_and_refuse)?;
            Ok((job, snapshot))
        });
        let (job, snapshot) = match job {
            Ok((Some(job), snapshot)) => (job, snapshot),
            Ok((None, _)) => return Ok(None),
            Err(refusal) => return self.release_or(refusal),
        };
        if job.attempts > MAX_ATTEMPTS {
            tracing::error!(attempts = job.attempts, "export job abandoned");
            return Err(Refusal::ExportUnavailable(format!("given up after {MAX_ATTEMPTS} attempts")));
        }
        let request = match request_of(service, &job.submitted, stop) {
            Ok(request) => request,
            Err(refusal) => return self.release_or(refusal),
        };
        let mut heartbeat = Heartbeat { last: Instant::now(), lease_lost: false };
        let built = service.exporter().file(snapshot, request, WaitPolicy::Job, stop, &mut |progress| {
            heartbeat.beat(self, progress);
            !heartbeat.lease_lost
        });
        match built {
            Ok(file) => Ok(Some(file.to_record())),
            Err(ExportRequestError::Cancelled) if heartbeat.lease_lost => Ok(None),
            Err(error) if is_transient(&error) => self.release_or(refusal_for_export(&error)),
            Err(error) => Err(refusal_for_export(&error)),
        }
    }

    /// After a transient failure, lets another server, or this one later, try again.
    fn release_or(&self, refusal: Refusal) -> Result<Option<String>, Refusal> {
        if refusal.code() != Refusal::ServiceUnavailable.code() {
            return Err(refusal);
        }
        if !self.stop.is_cancelled() {
            // The next attempt begins when the lease expires, so that an outage is not met with constant retries.
            return Ok(None);
        }
        let released = self.service.store().begin().and_then(|mut transaction| {
            transaction.release(
                LeaseKey::ExportJob { company_id: self.company_id, job_id: self.job_id },
                self.holder,
            )?;
            transaction.commit()
        });
        if let Err(error) = released {
            tracing::warn!(%error, "export job could not be released; its lease will expire");
        }
        Ok(None)
    }

    fn finish(&self, state: ExportState, outcome: &str) -> StoreResult<()> {
        self.service.metrics().export_job_ended(state == ExportState::Done);
        let mut transaction = self.service.store().begin()?;
        let now_s = self.service.now_s();
        let has_ended =
            transaction.end_export_job(self.company_id, self.job_id, self.holder, state, outcome, now_s)?;
        if has_ended && state == ExportState::Done {
            let file = ExportedFile::from_record(outcome)?;
            webhooks::export_ready(transaction.as_mut(), self.company_id, self.job_id, &file, now_s)?;
        }
        transaction.commit()
    }
}

/// The export that a job's request asks for, if its key may still ask for it.
fn request_of(
    service: &Service,
    job: &NewExportJob,
    stop: &CancellationToken,
) -> Result<ExportRequest, Refusal> {
    let json = job.request.as_bytes();
    let request = decode("POST", None, Some("application/json"), json, &service.body_limits())?;
    let store = service.store();
    let mut snapshot = store.snapshot_for(stop).map_err(log_and_refuse)?;
    let key = key_of(snapshot.as_mut(), job, service.now_s())?;
    let company = snapshot.company(job.company_id).map_err(log_and_refuse)?.ok_or(Refusal::Internal)?;
    let call = Call {
        service,
        parameters: Parameters::new(&request),
        key: &key,
        company: &company,
        brand: service.brand_of(&company),
        host: None,
        address: None,
        snapshot: AuthorizedSnapshot { store, caller: stop, snapshot },
        now_s: service.now_s(),
    };
    let name = call.parameters.envelope("Action")?.unwrap_or_default();
    Span::current().record("action", name);
    let document = Action::find(name).and_then(|action| action.document(&call));
    export_request(&call, document.ok_or_else(|| Refusal::ActionNotFound(name.to_owned()))??)
}

fn key_of(snapshot: &mut dyn Snapshot, job: &NewExportJob, now_s: i64) -> Result<ApiKey, Refusal> {
    let key = match User::id_of_key(&job.public_key) {
        // The job was submitted in the console.
        Some(user_id) => {
            let user = snapshot.user(user_id).map_err(log_and_refuse)?;
            user.filter(|user| !user.disabled).and_then(|user| user.as_key())
        }
        None => snapshot.api_key(&job.public_key).map_err(log_and_refuse)?,
    };
    let key = key.filter(|key| {
        key.is_usable(now_s) && key.allows(Permission::Export) && key.company_id == job.company_id
    });
    key.ok_or(Refusal::PermissionDenied)
}

/// Whether a later attempt may succeed.
fn is_transient(error: &ExportRequestError) -> bool {
    match error {
        ExportRequestError::Cancelled
        | ExportRequestError::QueueFull
        | ExportRequestError::QueueTimeout(_)
        | ExportRequestError::DeadlineExceeded(_) => true,
        ExportRequestError::Failed(error) => match error.as_ref() {
            ExportError::Store(error) => {
                matches!(
                    error,
                    StoreError::Unavailable(_)
                        | StoreError::Locked { .. }
                        | StoreError::Cancelled
                        | StoreError::TooLong(_)
                )
            }
            ExportError::Objects(_) | ExportError::File(_) | ExportError::Workbook(_) => true,
            ExportError::Key(_) | ExportError::NoSummary(_) | ExportError::Panicked => false,
        },
    }
}

/// Renews the lease of a job while its file is built.
struct Heartbeat {
    last: Instant,
    /// The lease expired and another server has the job.
    lease_lost: bool,
}

impl Heartbeat {
    fn beat(&mut self, job: &LeasedJob<'_>, progress: &Progress) {
        note_progress();
        if self.last.elapsed() < HEARTBEAT {
            return;
        }
        self.last = Instant::now();
        let until_s = job.service.now_s() + LEASE_S;
        let (done, total) = progress.rows();
        let renewed = job.service.store().begin().and_then(|mut transaction| {
            let key = LeaseKey::ExportJob { company_id: job.company_id, job_id: job.job_id };
            let renewed = transaction.renew(key, &Lease { holder: job.holder, until_s })?
                && transaction.note_export_progress(job.company_id, job.job_id, job.holder, done, total)?;
            transaction.commit()?;
            Ok(renewed)
        });
        match renewed {
            Ok(renewed) => self.lease_lost = !renewed,
            // The lease outlasts several missed heartbeats.
            Err(error) => tracing::warn!(%error, "export job heartbeat failed"),
        }
    }
}
