//! `GET /metrics`, on an address of its own: monitoring reads it from inside, and customers reach the other address.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::process;
use super::sampled::{Samples, Sources};
use crate::blocking::Workers;
use crate::readiness::Checks;
use crate::service::Service;
use crate::trace_parent::TraceHeaders;

/// `OpenMetrics` 1.0, which Prometheus and the agents of others read.
const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// The mark of the end.
const END: &str = "# EOF\n";
/// How long a scrape waits for the store to take a write: it has to be answered within the ten seconds of Prometheus.
const WRITE_TIMEOUT: Duration = Duration::from_secs(3);
/// Scrapes that are answered at a time.
const SCRAPES: usize = 2;

struct Exposition {
    sources: Sources,
    samples: Samples,
    workers: Workers,
}

/// Serves the metrics until `stop` is cancelled.
pub(crate) async fn serve(listener: TcpListener, sources: Sources, stop: CancellationToken) {
    let state = Exposition { sources, samples: Samples::default(), workers: Workers::of(SCRAPES) };
    let router = Router::new().route("/metrics", get(metrics)).with_state(Arc::new(state));
    let served = axum::serve(listener, router).with_graceful_shutdown(async move { stop.cancelled().await });
    if let Err(error) = served.await {
        tracing::error!(%error, "the metrics are not served");
    }
}

async fn metrics(State(exposition): State<Arc<Exposition>>) -> Response {
    let Some(worker) = exposition.workers.acquire().await else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let checks = exposition.sources.readiness.checks(WRITE_TIMEOUT).await;
    match worker.run(move || exposition.text(&checks)).await {
        Ok(Ok(text)) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
        Ok(Err(error)) => {
            tracing::error!(%error, "the metrics cannot be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

impl Exposition {
    fn text(&self, checks: &Checks) -> Result<String, std::fmt::Error> {
        let mut found = Registry::with_prefix("tollbook");
        self.samples.register(&self.sources, checks, &mut found);
        let mut process = Registry::default();
        process::register(self.sources.service.metrics().started_s, &mut process);
        let mut text = String::new();
        for registry in [&self.sources.service.metrics().registry, &found, &process] {
            // Each text ends with the mark of its end; the whole has one.
            text.truncate(text.len() - if text.ends_with(END) { END.len() } else { 0 });
            encode(&mut text, registry)?;
        }
        Ok(text)
    }
}

/// Counts the requests of all routes; those that no route has are the signed API's.
pub(crate) async fn count_requests(
    State(service): State<Arc<Service>>,
    request: Request,
    next: Next,
) -> Response {
    let began = Instant::now();
    let route = request.extensions().get::<MatchedPath>().map_or("/", |path| route_label(path.as_str()));
    let trace = TraceHeaders::of(request.headers());
    let response = trace.within(next.run(request)).await;
    service.metrics().http_request(route, response.status().as_u16(), began.elapsed());
    response
}

/// The label of a route: its path. A static text, so that a request allocates nothing for it.
fn route_label(path: &str) -> &'static str {
    ROUTES.iter().find(|route| **route == path).copied().unwrap_or("other")
}

/// The routes of the server but the signed API, which has no path of its own. Others are counted as `other`.
const ROUTES: [&str; 12] = [
    "/api/v1/events",
    "/api/v3/openmeter/events",
    "/exports/{*key}",
    "/healthz",
    "/openapi.json",
    "/readyz",
    "/v1/companies/{id}/standing",
    "/v1/litellm",
    "/v1/logs",
    "/v1/traces",
    "/v1/usage",
    "/v1/usage/corrections",
];
