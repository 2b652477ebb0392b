//! The HTTP server: all routes on one screen, the background workers, and a shutdown that finishes the requests in
//! progress.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, get};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout_at;
use tokio_util::sync::CancellationToken;
use tollbook_formats::usage::otlp::Signal;
use tollbook_objects::{EmbeddedStore, ObjectStoreError};
use tollbook_ops::tasks::{LostLines, Task, Tasks};

use crate::background::{Worker, no_news};
use crate::blocking::{self, Workers};
use crate::connections::Tls;
use crate::console::{self, ConsoleRoutes};
use crate::gateway::{self, Gateway};
use crate::objects::{self, Endpoint, ObjectRoutes};
use crate::operator::{self, OperatorRoutes};
use crate::readiness::{Readiness, readyz};
use crate::service::{Deployment, Service};
use crate::supervisor::supervise;
use crate::{
    certificate_worker, connections, description, export_worker, key_use_worker, master_key_worker, metrics,
    nonce_worker, self_check_worker, settle_worker, webhooks,
};

const SWEEP: &str = "export sweep";
/// How often expired exports are deleted.
const SWEEP_INTERVAL: Duration = Duration::from_secs(600);
/// How long a sweep may take: it asks the object store about every file.
const SWEEP_TIMEOUT: Duration = Duration::from_secs(3_600);
/// Questions for the health that are answered at a time. They take no workers of the requests, because a probe must get
/// an answer from a busy server, and few of their own, because anyone may ask.
const HEALTH_WORKERS: usize = 4;
/// Longest time that the store has for an answer to a question for the health.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(10);

/// A server that is bound and not yet serving.
pub struct Server {
    listener: TcpListener,
    service: Arc<Service>,
    objects: ObjectRoutes,
    has_workers: bool,
    lost_lines: Arc<LostLines>,
    metrics: Option<TcpListener>,
    data: Option<PathBuf>,
}

/// What a server with TLS shows, and what makes it read the certificate again at once.
#[derive(Clone, Default)]
pub struct ServerTls {
    /// The certificate; `None`: HTTP without TLS.
    pub certificate: Option<Arc<Tls>>,
    /// Notified when its files may have changed. They are read again in short intervals anyway.
    pub changed: Arc<Notify>,
}

/// The server failed.
#[derive(Debug)]
pub struct ServerError(std::io::Error);

impl std::fmt::Display for ServerError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the server failed: {}", self.0)
    }
}

impl std::error::Error for ServerError {}

impl Server {
    /// A server of a deployment on a listening socket. `embedded` is the deployment's object store if it is the
    /// embedded one; the server then also serves the objects.
    pub fn new(
        listener: TcpListener,
        deployment: Deployment,
        embedded: impl Into<Option<Arc<EmbeddedStore>>>,
    ) -> Self {
        Self::with_tls(listener, deployment, embedded, ServerTls::default())
    }

    /// [`Server::new`], with a certificate.
    pub fn with_tls(
        listener: TcpListener,
        deployment: Deployment,
        embedded: impl Into<Option<Arc<EmbeddedStore>>>,
        tls: ServerTls,
    ) -> Self {
        let clock = Arc::clone(&deployment.clock);
        let service = Arc::new(Service::new(deployment).with_tls(tls.certificate, tls.changed));
        let endpoint = embedded.into().map(|store| Endpoint::new(store, clock, service.bodies().clone()));
        let objects = ObjectRoutes { service: Arc::clone(&service), endpoint };
        Self {
            listener,
            service,
            objects,
            has_workers: true,
            lost_lines: Arc::default(),
            metrics: None,
            data: None,
        }
    }

    /// Without the workers for settlement and background exports: other servers of the deployment have them, or a
    /// test runs their work itself.
    #[must_use]
    pub fn without_own_work(self) -> Self {
        Self { has_workers: false, ..self }
    }

    /// With the count of log lines that were lost, which `/healthz` states.
    #[must_use]
    pub fn counting_lost_lines(self, lost_lines: Arc<LostLines>) -> Self {
        Self { lost_lines, ..self }
    }

    /// Serves the metrics at another socket.
    #[must_use]
    pub fn with_metrics(self, listener: Option<TcpListener>) -> Self {
        Self { metrics: listener, ..self }
    }

    /// Its background tasks, which tell whether it makes progress.
    pub fn tasks(&self) -> Arc<Tasks> {
        Arc::clone(self.service.tasks())
    }

    /// Watches the free space of the disk of the data directory.
    #[must_use]
    pub fn watching_disk_of(self, data: PathBuf) -> Self {
        Self { data: Some(data), ..self }
    }

    /// All routes. The API answers at every path that has no other route, because SDKs accept base URLs with any path.
    fn router(
        service: &Arc<Service>,
        objects: ObjectRoutes,
        operator: &Arc<OperatorRoutes>,
        lost_lines: Arc<LostLines>,
        readiness: Arc<Readiness>,
    ) -> Router {
        let health_state =
            Health { service: Arc::clone(service), workers: Workers::of(HEALTH_WORKERS), lost_lines };
        let workers = operator.workers().clone();
        let console = Arc::new(ConsoleRoutes::new(Arc::clone(service), workers.clone()));
        let gateway = (Arc::new(Gateway::new(Arc::clone(service), &workers)), workers);
        let operator = || Arc::clone(operator);
        Router::new()
            .route("/openapi.json", get(openapi).with_state(Bytes::from(description::openapi().to_string())))
            .route("/healthz", get(health).with_state(health_state))
            .route("/readyz", get(readyz).with_state(readiness))
            .route("/console", any(console::answer).with_state(Arc::clone(&console)))
            .route("/console/{*path}", any(console::answer).with_state(Arc::clone(&console)))
            .route("/operator", any(console::answer).with_state(Arc::clone(&console)))
            .route("/operator/{*path}", any(console::answer).with_state(console))
            .route("/exports/{*key}", any(objects::serve).with_state(objects.clone()))
            .route("/v1/usage", operator::usage_routes().with_state(operator()))
            .route("/v1/traces", operator::otlp_routes(Signal::Traces).with_state(operator()))
            .route("/v1/logs", operator::otlp_routes(Signal::Logs).with_state(operator()))
            .route("/v1/litellm", operator::litellm_routes().with_state(operator()))
            .route(
                "/api/v1/events",
                operator::openmeter_routes(StatusCode::NO_CONTENT).with_state(operator()),
            )
            .route(
                "/api/v3/openmeter/events",
                operator::openmeter_routes(StatusCode::ACCEPTED).with_state(operator()),
            )
            .route("/v1/usage/corrections", operator::corrections_routes().with_state(operator()))
            .route("/v1/companies/{id}/standing", operator::standing_routes().with_state(operator()))
            .merge(operator::manage_router(&operator()))
            .fallback_service(any(gateway::answer).with_state(gateway))
            .layer(from_fn_with_state(Arc::clone(service), metrics::count_requests))
            .layer(from_fn_with_state(objects, objects::divert))
    }

    /// Serves until `stop` completes, then finishes the requests and background rounds in progress, at most for
    /// `server.stop_timeout_s` of the configuration. What has not ended by then goes on until the process ends; nothing of
    /// an unfinished transaction is stored.
    pub async fn run(self, stop: impl Future<Output = ()> + Send + 'static) -> Result<(), ServerError> {
        let Self { listener, service, objects, has_workers, lost_lines, metrics, data } = self;
        let stopping = CancellationToken::new();
        let sweeper = service.tasks().add_with_timeout(SWEEP, SWEEP_TIMEOUT);
        let mut workers = vec![start(&service, &stopping, sweeper, sweep)];
        let task = |name| service.tasks().add(name);
        if service.tls().is_some() {
            let watch = certificate_worker::watch_certificate;
            workers.push(start(&service, &stopping, task(certificate_worker::TASK), watch));
        }
        if has_workers {
            workers.push(start(&service, &stopping, task(key_use_worker::TASK), key_use_worker::note_uses));
            let learn = master_key_worker::learn_keys;
            workers.push(start(&service, &stopping, task(master_key_worker::TASK), learn));
            workers.push(start(&service, &stopping, task(nonce_worker::TASK), nonce_worker::drop_nonces));
            workers.push(start(&service, &stopping, task("settlement worker"), settle_worker::settle));
            workers.push(start(&service, &stopping, task("export worker"), export_worker::export_jobs));
            workers.push(start(&service, &stopping, task(webhooks::TASK), webhooks::deliver));
            if !service.config().server.self_check.is_zero() {
                let check = self_check_worker::check;
                workers.push(start(&service, &stopping, task(self_check_worker::TASK), check));
            }
        }
        let operator = OperatorRoutes::start(Arc::clone(&service), Workers::new());
        let operator = Arc::new(operator.map_err(|reason| ServerError(std::io::Error::other(reason)))?);
        let readiness = Readiness::new(Arc::clone(&service), stopping.clone(), has_workers, data.clone());
        let readiness = Arc::new(readiness);
        let metrics = metrics.map(|listener| {
            let stop = CancellationToken::new();
            let sources = metrics::Sources {
                service: Arc::clone(&service),
                operator: Arc::clone(&operator),
                readiness: Arc::clone(&readiness),
                lost_lines: Arc::clone(&lost_lines),
                data,
            };
            let served = metrics::serve(listener, sources, stop.clone());
            (stop, tokio::spawn(served))
        });
        let router = Self::router(&service, objects, &operator, lost_lines, readiness);
        let signal = {
            let stopping = stopping.clone();
            tokio::spawn(async move {
                stop.await;
                stopping.cancel();
            })
        };
        let deadline = connections::serve(listener, router, service.config(), service.tls(), &stopping).await;
        signal.abort();
        for (name, worker) in workers {
            match timeout_at(deadline, worker).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::error!(%error, "the {name} failed"),
                Err(_) => tracing::warn!("the {name} did not end in time"),
            }
        }
        // Last, so that the end of the server can be watched.
        if let Some((stop, served)) = metrics {
            stop.cancel();
            // A scrape that is still read is not waited for.
            if timeout_at(deadline, served).await.is_err() {
                tracing::warn!("the metrics were cut off");
            }
        }
        // All requests are answered. Stopping the intake waits for its thread, and dropping the service may block.
        let stopped = blocking::run(move || {
            operator.stop();
            drop((operator, service));
        });
        match timeout_at(deadline, stopped).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the intake of usage failed"),
            Err(_) => tracing::warn!("the intake of usage did not end in time"),
        }
        Ok(())
    }
}

/// Starts a supervised background task.
fn start<W>(
    service: &Arc<Service>,
    stopping: &CancellationToken,
    task: Arc<Task>,
    work: fn(Arc<Service>, Arc<Task>, CancellationToken) -> W,
) -> (&'static str, JoinHandle<()>)
where
    W: Future<Output = ()> + Send + 'static,
{
    let (service, stop) = (Arc::clone(service), stopping.clone());
    let work = {
        let task = Arc::clone(&task);
        move || work(Arc::clone(&service), Arc::clone(&task), stop.clone())
    };
    (task.name(), supervise(task, stopping.clone(), work))
}

/// Deletes expired exports until `stop` is cancelled.
async fn sweep(service: Arc<Service>, task: Arc<Task>, stop: CancellationToken) {
    let round = move || -> Result<(), ObjectStoreError> {
        let Some(now_s) = service.certain_now_s() else { return Ok(()) };
        let swept = service.deployment().objects.sweep(now_s)?;
        if swept.objects > 0 {
            tracing::info!(objects = swept.objects, bytes = swept.bytes, "deleted expired exports");
        }
        Ok(())
    };
    Worker { task, interval: SWEEP_INTERVAL }.run(stop, no_news, round).await;
}

async fn openapi(State(document): State<Bytes>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], document).into_response()
}

/// What the health is found from.
#[derive(Clone)]
struct Health {
    service: Arc<Service>,
    workers: Workers,
    lost_lines: Arc<LostLines>,
}

/// 200 if every background task runs and the store answers, else 503 and what is wrong. A header states how many lines of
/// the log were lost, if there are any: that is no reason to replace a server, but the log may not be able to tell.
async fn health(State(health): State<Health>) -> Response {
    let lost = health.lost_lines.count();
    let mut response = match health.failing().await {
        None => "ok\n".into_response(),
        Some(reason) => (StatusCode::SERVICE_UNAVAILABLE, reason).into_response(),
    };
    if lost > 0 {
        response.headers_mut().insert("x-tollbook-lost-log-lines", lost.into());
    }
    response
}

impl Health {
    async fn failing(self) -> Option<String> {
        let Self { service, workers, .. } = self;
        if let Some(task) = service.tasks().reports().into_iter().find(|task| !task.is_alive) {
            let state = if task.hangs { "hangs" } else { "is not running" };
            return Some(format!("the {} {state}\n", task.name));
        }
        let read = move || service.store().snapshot()?.setting("health").map(|_| ());
        let answered = async { workers.acquire().await?.run(read).await.ok()?.ok() };
        match tokio::time::timeout(HEALTH_TIMEOUT, answered).await {
            Ok(Some(())) => None,
            Ok(None) | Err(_) => Some("the store does not answer\n".to_owned()),
        }
    }
}
