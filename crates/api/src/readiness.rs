//! `GET /readyz`: whether this server should get requests. A load balancer asks it; `/healthz` says whether the process
//! should be replaced.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use tokio_util::sync::CancellationToken;
use tollbook_objects::free_bytes;

use crate::blocking::Workers;
use crate::service::Service;

/// Questions that are answered at a time.
const WORKERS: usize = 2;
/// Longest time that the store has to take a write.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long a write that the store took is believed: probes must not make the writers wait.
const WRITE_AGE: Duration = Duration::from_secs(5);
/// After how long without a round the settlement worker is late. A round may close many hours.
const SETTLEMENT_AGE_S: i64 = 300;
/// The setting that is written to find out whether the store takes writes.
const SETTING: &str = "ready";

/// What the readiness is found from.
pub(crate) struct Readiness {
    pub(crate) service: Arc<Service>,
    pub(crate) stopping: CancellationToken,
    /// Whether this server settles.
    pub(crate) has_workers: bool,
    /// The directory whose disk must have room.
    pub(crate) data: Option<PathBuf>,
    workers: Workers,
    started: Instant,
    written: Mutex<Option<Instant>>,
}

/// The answer: each check with `ok` or what is wrong.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    ready: bool,
    checks: BTreeMap<&'static str, String>,
}

impl Readiness {
    pub(crate) fn new(
        service: Arc<Service>,
        stopping: CancellationToken,
        has_workers: bool,
        data: Option<PathBuf>,
    ) -> Self {
        let (workers, started) = (Workers::of(WORKERS), Instant::now());
        Self { service, stopping, has_workers, data, workers, started, written: Mutex::default() }
    }

    /// The settlement worker is late if it has not ended a round for a while, or never.
    fn settlement(&self) -> Result<(), String> {
        if !self.has_workers {
            return Ok(());
        }
        let last_s = self.service.metrics().last_settlement_s();
        let running_s = i64::try_from(self.started.elapsed().as_secs()).unwrap_or(i64::MAX);
        let age_s = if last_s == 0 { running_s } else { self.service.now_s() - last_s };
        if age_s > SETTLEMENT_AGE_S {
            return Err(format!("no round of the settlement worker ended for {age_s} s"));
        }
        Ok(())
    }

    /// Stated and no reason to take a server out: all of them share the database, so that one wrong row would stop every
    /// customer. The alert asks for an operator.
    fn self_check(&self) -> Result<(), String> {
        match self.service.metrics().self_check().differing() {
            0 => Ok(()),
            differing => Err(format!("{differing} parts of the database differ; the log names them")),
        }
    }

    fn tasks(&self) -> Result<(), String> {
        match self.service.tasks().reports().into_iter().find(|task| !task.is_alive) {
            Some(task) if task.hangs => Err(format!("the {} hangs", task.name)),
            Some(task) => Err(format!("the {} is not running", task.name)),
            None => Ok(()),
        }
    }

    /// Exports need room; usage is taken without it.
    fn disk(&self) -> Result<(), String> {
        let Some(data) = &self.data else { return Ok(()) };
        let floor = self.service.config().objects.spool.free_bytes;
        match free_bytes(data) {
            Ok(free) if free < floor => {
                Err("the disk has less free space than objects.free_bytes".to_owned())
            }
            Ok(_) => Ok(()),
            Err(_) => Err("the free space of the disk cannot be read".to_owned()),
        }
    }

    /// Writes, unless a write was taken a moment ago. The setting is only ever written by this.
    async fn database(self: &Arc<Self>, timeout: Duration) -> Result<(), String> {
        let is_young = |at: &Instant| at.elapsed() < WRITE_AGE;
        if self.written.lock().unwrap_or_else(PoisonError::into_inner).as_ref().is_some_and(is_young) {
            return Ok(());
        }
        let service = Arc::clone(&self.service);
        let write = move || {
            let mut transaction = service.store().begin()?;
            transaction.set_setting(SETTING, &service.now_s().to_string())?;
            transaction.commit()
        };
        let written = async { self.workers.acquire().await?.run(write).await.ok() };
        match tokio::time::timeout(timeout, written).await {
            Ok(Some(Ok(()))) => {
                *self.written.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
                Ok(())
            }
            Ok(Some(Err(error))) => {
                tracing::warn!(%error, "not ready: the database takes no write");
                Err("the database takes no write".to_owned())
            }
            Ok(None) | Err(_) => Err("the database does not answer".to_owned()),
        }
    }
}

/// Each check, with what is wrong.
pub(crate) type Checks = BTreeMap<&'static str, Result<(), String>>;

impl Readiness {
    /// All checks. The database has `timeout` to take a write.
    pub(crate) async fn checks(self: &Arc<Self>, timeout: Duration) -> Checks {
        let stopping = if self.stopping.is_cancelled() { Err("the server stops".to_owned()) } else { Ok(()) };
        BTreeMap::from([
            ("database", self.database(timeout).await),
            ("disk", self.disk()),
            (SELF_CHECK, self.self_check()),
            ("settlement", self.settlement()),
            ("stopping", stopping),
            ("tasks", self.tasks()),
        ])
    }
}

/// A check that is stated and is no reason to take a server out.
const SELF_CHECK: &str = "self_check";

/// 200 if the server takes requests, else 503; each check by name.
pub(crate) async fn readyz(State(readiness): State<Arc<Readiness>>) -> Response {
    let checks = readiness.checks(TIMEOUT).await;
    let ready = checks.iter().all(|(name, check)| *name == SELF_CHECK || check.is_ok());
    let texts =
        checks.into_iter().map(|(name, check)| (name, check.err().unwrap_or_else(|| "ok".to_owned())));
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let answer = Json(Answer { ready, checks: texts.collect() });
    (status, [(header::CACHE_CONTROL, "no-store")], answer).into_response()
}
