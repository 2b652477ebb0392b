//! Exports in the background: this server takes one job at a time, also those of servers that have died, and gives a
//! sign of life while it works. When the server stops, a job that is under way goes back to the others.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tollbook_export::exporter::jobs::{self, LEASE_S, MAX_ATTEMPTS};
use tollbook_export::{ExportError, ExportRequestError, Progress, WaitPolicy};
use tollbook_ops::random;
use tollbook_store::{ExportState, StoreError, StoreResult};

use crate::actions::delivery::refusal_for_export;
use crate::gateway::{Gateway, log_and_refuse};
use crate::ret_code::Refusal;
use crate::server::App;

/// How often jobs of other servers are looked for; those that are made here are heard of at once.
const EVERY: Duration = Duration::from_secs(1);
/// How often a sign of life is given; several times within the hold.
const SIGN_EVERY: Duration = Duration::from_secs(2);
/// How often records of exports that are not kept any more are forgotten.
const FORGET_EVERY: Duration = Duration::from_secs(600);
/// Characters of the name that tells this process from every other one.
const NAME_CHARACTERS: usize = 16;

/// Goes on until it is told to stop.
pub(crate) async fn export_jobs(app: Arc<App>, stop: CancellationToken) {
    let holder: Arc<str> = format!("server {}", random::token(NAME_CHARACTERS)).into();
    let mut every = tokio::time::interval(EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut fails = false;
    let mut forgotten: Option<Instant> = None;
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = app.gateway.jobs_made() => {}
            _ = every.tick() => {}
        }
        let forgets = forgotten.is_none_or(|last| last.elapsed() >= FORGET_EVERY);
        if forgets {
            forgotten = Some(Instant::now());
        }
        let (app, holder, stop) = (Arc::clone(&app), Arc::clone(&holder), stop.clone());
        let round = move || {
            work(&app.gateway, &holder, &stop)?;
            if forgets { forget(&app.gateway) } else { Ok(()) }
        };
        let error = match tokio::task::spawn_blocking(round).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(error) => Some(error.to_string()),
        };
        match &error {
            // An outage is one line in the log, not one a second.
            Some(error) if !fails => tracing::error!(%error, "jobs cannot be worked at; it is tried again"),
            None if fails => tracing::info!("jobs are worked at again"),
            Some(_) | None => {}
        }
        fails = error.is_some();
    }
}

/// Works at one job after the other until none is due.
fn work(gateway: &Gateway, holder: &str, stop: &CancellationToken) -> StoreResult<()> {
    let store = gateway.deployment().store.as_ref();
    while !stop.is_cancelled() {
        let now_s = gateway.deployment().clock.now_s();
        let due = store.snapshot()?.due_export_jobs(now_s, 1)?;
        let Some((company_id, job_id)) = due.into_iter().next() else { return Ok(()) };
        let mut transaction = store.begin()?;
        let taken = transaction.hold_export_job(company_id, &job_id, holder, now_s, now_s + LEASE_S)?;
        transaction.commit()?;
        if taken {
            Held { gateway, holder, company_id, job_id: &job_id, stop }.work()?;
        }
    }
    Ok(())
}

fn forget(gateway: &Gateway) -> StoreResult<()> {
    let deployment = gateway.deployment();
    let before_s = gateway.kept_since_s(deployment.clock.now_s());
    let records = jobs::expire(deployment.store.as_ref(), before_s)?;
    if records > 0 {
        tracing::info!(records, "forgot old exports");
    }
    Ok(())
}

/// A job that this server has taken.
struct Held<'a> {
    gateway: &'a Gateway,
    holder: &'a str,
    company_id: i64,
    job_id: &'a str,
    stop: &'a CancellationToken,
}

impl Held<'_> {
    fn work(&self) -> StoreResult<()> {
        match self.build() {
            Ok(Some(outcome)) => self.end(ExportState::Done, &outcome),
            // It is not this server's any more.
            Ok(None) => Ok(()),
            Err(refusal) => {
                tracing::warn!(company_id = self.company_id, job_id = self.job_id, %refusal, "an export job failed");
                let message = refusal.message();
                self.end(ExportState::Failed, refusal.reason().unwrap_or(&message))
            }
        }
    }

    /// The file as text; `None` when the job has been given back or taken away.
    fn build(&self) -> Result<Option<String>, Refusal> {
        let Self { gateway, stop, .. } = self;
        let store = gateway.deployment().store.as_ref();
        let snapshot = store.snapshot_for(stop).map_err(log_and_refuse);
        let job = snapshot.and_then(|mut snapshot| {
            let job = snapshot.export_job(self.company_id, self.job_id).map_err(log_and_refuse)?;
            Ok((job, snapshot))
        });
        let (job, snapshot) = match job {
            Ok((Some(job), snapshot)) => (job, snapshot),
            Ok((None, _)) => return Ok(None),
            Err(refusal) => return self.give_back_or(refusal),
        };
        if job.attempts > MAX_ATTEMPTS {
            tracing::error!(job_id = self.job_id, attempts = job.attempts, "an export job is given up");
            return Err(Refusal::ExportUnavailable(format!("given up after {MAX_ATTEMPTS} attempts")));
        }
        let ask = match gateway.export_request_of_job(&job.asked, stop) {
            Ok(ask) => ask,
            Err(refusal) => return self.give_back_or(refusal),
        };
        let mut signs = Signs { last: Instant::now(), lost: false };
        let built = gateway.exporter().file(snapshot, ask, WaitPolicy::Job, stop, &mut |progress| {
            signs.give(self, progress);
            !signs.lost
        });
        match built {
            Ok(file) => Ok(Some(file.to_record())),
            Err(ExportRequestError::Cancelled) if signs.lost => Ok(None),
            Err(error) if is_passing(&error) => self.give_back_or(refusal_for_export(&error)),
            Err(error) => Err(refusal_for_export(&error)),
        }
    }

    /// Lets others, or this server a moment later, try again.
    fn give_back_or(&self, refusal: Refusal) -> Result<Option<String>, Refusal> {
        if refusal.code() != Refusal::ServiceUnavailable.code() {
            return Err(refusal);
        }
        if !self.stop.is_cancelled() {
            // The hold runs out by itself, and until then nobody hammers what does not answer.
            return Ok(None);
        }
        let store = self.gateway.deployment().store.as_ref();
        let given_back = store.begin().and_then(|mut transaction| {
            transaction.release_export_job(self.company_id, self.job_id, self.holder)?;
            transaction.commit()
        });
        if let Err(error) = given_back {
            tracing::warn!(%error, "an export job waits until its hold is over");
        }
        Ok(None)
    }

    fn end(&self, state: ExportState, outcome: &str) -> StoreResult<()> {
        let deployment = self.gateway.deployment();
        let mut transaction = deployment.store.begin()?;
        let now_s = deployment.clock.now_s();
        transaction.end_export_job(self.company_id, self.job_id, self.holder, state, outcome, now_s)?;
        transaction.commit()
    }
}

/// Whether a later attempt may go well.
fn is_passing(error: &ExportRequestError) -> bool {
    match error {
        ExportRequestError::Cancelled
        | ExportRequestError::QueueFull
        | ExportRequestError::QueueTimeout(_)
        | ExportRequestError::DeadlineExceeded(_) => true,
        ExportRequestError::Failed(error) => match error.as_ref() {
            ExportError::Store(error) => {
                matches!(error, StoreError::Unavailable(_) | StoreError::Cancelled | StoreError::TooLong(_))
            }
            ExportError::Objects(_) | ExportError::File(_) | ExportError::Workbook(_) => true,
            ExportError::Key(_) | ExportError::NoSummary(_) | ExportError::Panicked => false,
        },
    }
}

/// Signs of life.
struct Signs {
    last: Instant,
    /// The job is another server's: this one was silent for too long.
    lost: bool,
}

impl Signs {
    fn give(&mut self, held: &Held<'_>, progress: &Progress) {
        if self.last.elapsed() < SIGN_EVERY {
            return;
        }
        self.last = Instant::now();
        let deployment = held.gateway.deployment();
        let until_s = deployment.clock.now_s() + LEASE_S;
        let (done, total) = progress.rows();
        let kept = deployment.store.begin().and_then(|mut transaction| {
            let kept = transaction.keep_export_job(
                held.company_id,
                held.job_id,
                held.holder,
                until_s,
                done,
                total,
            )?;
            transaction.commit()?;
            Ok(kept)
        });
        match kept {
            Ok(kept) => self.lost = !kept,
            // The hold lasts for several signs.
            Err(error) => tracing::warn!(%error, "an export job could give no sign of life"),
        }
    }
}
