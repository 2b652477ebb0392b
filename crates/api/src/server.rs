//! The HTTP server: all routes on one screen, the background workers, and a shutdown that finishes the requests in
//! progress.

use std::net::SocketAddr;
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
use tokio_util::sync::CancellationToken;
use tollbook_formats::usage::otlp::Signal;
use tollbook_objects::{EmbeddedStore, ObjectStoreError};

use crate::background::{Worker, no_news};
use crate::blocking::{self, Workers};
use crate::gateway::{self, Gateway};
use crate::objects::{self, Endpoint, ObjectRoutes};
use crate::operator::{self, OperatorRoutes};
use crate::service::{Deployment, Service};
use crate::{description, export_worker, settle_worker};

/// How often expired exports are deleted.
const SWEEP_INTERVAL: Duration = Duration::from_secs(600);

/// A server that is bound and not yet serving.
pub struct Server {
    listener: TcpListener,
    service: Arc<Service>,
    objects: ObjectRoutes,
    has_workers: bool,
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
        let clock = Arc::clone(&deployment.clock);
        let endpoint = embedded.into().map(|store| Endpoint::new(store, clock));
        let service = Arc::new(Service::new(deployment));
        let objects = ObjectRoutes { service: Arc::clone(&service), endpoint };
        Self { listener, service, objects, has_workers: true }
    }

    /// Without the workers for settlement and background exports: other servers of the deployment have them, or a
    /// test runs their work itself.
    #[must_use]
    pub fn without_own_work(self) -> Self {
        Self { has_workers: false, ..self }
    }

    /// All routes. The API answers at every path that has no other route, because SDKs accept base URLs with any path.
    fn router(service: &Arc<Service>, objects: ObjectRoutes, operator: &Arc<OperatorRoutes>) -> Router {
        let gateway = (Arc::new(Gateway::new(Arc::clone(service))), operator.workers().clone());
        let operator = || Arc::clone(operator);
        Router::new()
            .route("/openapi.json", get(openapi).with_state(Bytes::from(description::openapi().to_string())))
            .route("/healthz", get(health).with_state(Arc::clone(service)))
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
            .fallback_service(any(gateway::answer).with_state(gateway))
            .layer(from_fn_with_state(objects, objects::divert))
    }

    /// Serves until `stop` completes, then finishes the requests and background rounds in progress.
    pub async fn run(self, stop: impl Future<Output = ()> + Send + 'static) -> Result<(), ServerError> {
        let Self { listener, service, objects, has_workers } = self;
        let stopping = CancellationToken::new();
        let mut workers = vec![tokio::spawn(sweep(Arc::clone(&service), stopping.clone()))];
        if has_workers {
            workers.push(tokio::spawn(settle_worker::settle(Arc::clone(&service), stopping.clone())));
            workers.push(tokio::spawn(export_worker::export_jobs(Arc::clone(&service), stopping.clone())));
        }
        let operator = OperatorRoutes::start(Arc::clone(&service), Workers::new());
        let operator = Arc::new(operator.map_err(|reason| ServerError(std::io::Error::other(reason)))?);
        let router = Self::router(&service, objects, &operator);
        let shutdown = {
            let stopping = stopping.clone();
            async move {
                stop.await;
                stopping.cancel();
            }
        };
        let router = router.into_make_service_with_connect_info::<SocketAddr>();
        let served = axum::serve(listener, router).with_graceful_shutdown(shutdown).await;
        stopping.cancel();
        for worker in workers {
            if let Err(error) = worker.await {
                tracing::error!(%error, "a background worker failed");
            }
        }
        // All requests are answered. Stopping the intake waits for its thread, and dropping the service may block.
        let stopped = blocking::run(move || {
            operator.stop();
            drop((operator, service));
        });
        if let Err(error) = stopped.await {
            tracing::error!(%error, "the intake of usage failed");
        }
        served.map_err(ServerError)
    }
}

/// Deletes expired exports until `stop` is cancelled.
async fn sweep(service: Arc<Service>, stop: CancellationToken) {
    let round = move || -> Result<(), ObjectStoreError> {
        let swept = service.deployment().objects.sweep(service.now_s())?;
        if swept.objects > 0 {
            tracing::info!(objects = swept.objects, bytes = swept.bytes, "deleted expired exports");
        }
        Ok(())
    };
    Worker { name: "export sweep", interval: SWEEP_INTERVAL }.run(stop, no_news, round).await;
}

async fn openapi(State(document): State<Bytes>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], document).into_response()
}

/// 200 if the store answers, else 503.
async fn health(State(service): State<Arc<Service>>) -> Response {
    let read = move || service.store().snapshot()?.setting("health").map(|_| ());
    match blocking::run(read).await {
        Ok(Ok(())) => "ok\n".into_response(),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "the store does not answer\n").into_response(),
    }
}
