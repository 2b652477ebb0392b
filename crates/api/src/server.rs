//! The HTTP server: the whole surface on one screen, reading bodies within bounds, one log line per request, and a
//! shutdown that lets requests finish.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, get};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, oneshot};
use tokio_util::sync::CancellationToken;
use tollbook_domain::Usage;
use tollbook_objects::EmbeddedStore;
use tollbook_ops::charging::{Intake, IntakeError, UsageResult};
use tollbook_ops::random;

use crate::gateway::{Gateway, Received, Trace};
use crate::ret_code::Refusal;
use crate::{answer, description, exporting, objects, operator, settling};

/// Requests that are worked on at a time; more wait.
const WORKERS: usize = 64;
/// How long a request waits for a worker before it is told that the service is not available.
pub(crate) const WAIT: Duration = Duration::from_secs(20);
/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// How much of a body that is too long is read and thrown away, so that its sender lives to read the answer.
const DISCARDED_BYTES: usize = 16 << 20;
/// How often expired exports are deleted.
const SWEEP_EVERY: Duration = Duration::from_secs(600);

/// A server that is bound and not yet serving.
pub struct Server {
    listener: TcpListener,
    app: Arc<App>,
    /// Whether it also does what nobody asks for.
    works: bool,
}

/// Why there is no server.
#[derive(Debug)]
pub struct ServerError(std::io::Error);

impl std::fmt::Display for ServerError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the server failed: {}", self.0)
    }
}

impl std::error::Error for ServerError {}

pub(crate) struct App {
    pub(crate) gateway: Gateway,
    /// The embedded store; `None` where exports lie elsewhere.
    pub(crate) us3: Option<objects::Endpoint>,
    pub(crate) workers: Arc<Semaphore>,
    /// `None` once the server has stopped.
    intake: Mutex<Option<Intake>>,
    openapi: Bytes,
}

impl App {
    #[expect(clippy::unused_self, reason = "the id belongs to the server's requests")]
    pub(crate) fn request_id(&self) -> String {
        request_id()
    }

    /// Usage to be stored together with what others report; the answer comes when it is durable.
    pub(crate) fn submit(
        &self,
        records: Vec<Usage>,
    ) -> oneshot::Receiver<Result<Vec<UsageResult>, IntakeError>> {
        if let Some(intake) = self.intake().as_ref() {
            return intake.submit(records);
        }
        let (answer, receiver) = oneshot::channel();
        let _ = answer.send(Err(IntakeError::Busy));
        receiver
    }

    fn intake(&self) -> std::sync::MutexGuard<'_, Option<Intake>> {
        self.intake.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A fresh request id, a version 4 UUID.
pub(crate) fn request_id() -> String {
    let bits = random::u128() & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

impl Server {
    /// A server on a listening socket. `embedded` is the deployment's object store if that is the embedded one, whose
    /// objects this server then serves.
    pub fn new(
        listener: TcpListener,
        gateway: Gateway,
        embedded: impl Into<Option<Arc<EmbeddedStore>>>,
    ) -> Self {
        let openapi = Bytes::from(description::openapi().to_string());
        let workers = Arc::new(Semaphore::new(WORKERS));
        let deployment = gateway.deployment();
        let intake = Intake::start(
            Arc::clone(&deployment.store),
            Arc::new(deployment.config.clone()),
            Arc::clone(&deployment.catalogue),
            Arc::clone(&deployment.clock),
        );
        let intake = Mutex::new(Some(intake));
        let clock = Arc::clone(&deployment.clock);
        let us3 = embedded.into().map(|store| objects::Endpoint::new(store, clock));
        let app = Arc::new(App { gateway, us3, workers, intake, openapi });
        Self { listener, app, works: true }
    }

    /// Leaves closing hours, paying arrears, exports in the background and the like to others: other servers of the
    /// deployment, or a test that says itself when that happens.
    #[must_use]
    pub fn without_own_work(self) -> Self {
        Self { works: false, ..self }
    }

    /// The whole HTTP surface. The API answers at every path that is not another's, because SDKs take base URLs with
    /// any path.
    fn router(app: Arc<App>) -> Router {
        Router::new()
            .route("/openapi.json", get(openapi))
            .route("/healthz", get(health))
            .route("/exports/{*key}", any(objects::serve))
            .route("/v1/usage", operator::usage_routes())
            .route("/v1/companies/{id}/standing", operator::standing_routes())
            .fallback(gateway)
            .layer(from_fn_with_state(Arc::clone(&app), objects::divert))
            .with_state(app)
    }

    /// Serves until `stop` is ready, then finishes the requests that have begun and the work that goes on beside them.
    pub async fn run(self, stop: impl Future<Output = ()> + Send + 'static) -> Result<(), ServerError> {
        let Self { listener, app, works } = self;
        let sweeper = tokio::spawn(sweep(Arc::clone(&app)));
        let stopping = CancellationToken::new();
        let settler = works.then(|| tokio::spawn(settling::settle(Arc::clone(&app), stopping.clone())));
        let exporter =
            works.then(|| tokio::spawn(exporting::export_jobs(Arc::clone(&app), stopping.clone())));
        let service = Self::router(Arc::clone(&app)).into_make_service_with_connect_info::<SocketAddr>();
        let heard = stopping.clone();
        let stop = async move {
            stop.await;
            heard.cancel();
        };
        let served = axum::serve(listener, service).with_graceful_shutdown(stop).await;
        stopping.cancel();
        sweeper.abort();
        if let Some(settler) = settler
            && let Err(error) = settler.await
        {
            tracing::error!(%error, "settling failed");
        }
        if let Some(exporter) = exporter
            && let Err(error) = exporter.await
        {
            tracing::error!(%error, "working at export jobs failed");
        }
        // Every request has its answer. Dropping waits for a thread, and what it drops may block.
        let closed = tokio::task::spawn_blocking(move || {
            let intake = app.intake().take();
            drop(intake);
        });
        if let Err(error) = closed.await {
            tracing::error!(%error, "the intake of usage failed");
        }
        served.map_err(ServerError)
    }
}

async fn sweep(app: Arc<App>) {
    let mut every = tokio::time::interval(SWEEP_EVERY);
    loop {
        every.tick().await;
        let app = Arc::clone(&app);
        let swept = tokio::task::spawn_blocking(move || {
            let deployment = app.gateway.deployment();
            deployment.objects.sweep(deployment.clock.now_s())
        });
        match swept.await {
            Ok(Ok(swept)) if swept.objects > 0 => {
                tracing::info!(objects = swept.objects, bytes = swept.bytes, "deleted old exports");
            }
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::error!(%error, "old exports cannot be deleted"),
            Err(error) => tracing::error!(%error, "the sweep of old exports failed"),
        }
    }
}

async fn openapi(State(app): State<Arc<App>>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], app.openapi.clone()).into_response()
}

/// 200 when the store answers, 503 when it does not.
async fn health(State(app): State<Arc<App>>) -> Response {
    let read = move || app.gateway.deployment().store.snapshot()?.setting("health").map(|_| ());
    match tokio::task::spawn_blocking(read).await {
        Ok(Ok(())) => "ok\n".into_response(),
        _ => (axum::http::StatusCode::SERVICE_UNAVAILABLE, "the store does not answer\n").into_response(),
    }
}

/// The log line of a request, written when it is dropped: whatever becomes of a request, somebody drops it.
struct LogLine {
    id: String,
    began: Instant,
    caller: CancellationToken,
    trace: Trace,
}

impl Drop for LogLine {
    fn drop(&mut self) {
        let left = self.caller.is_cancelled();
        tracing::info!(
            request_uuid = self.id,
            action = self.trace.action.as_deref().unwrap_or("-"),
            public_key = self.trace.public_key.as_deref().unwrap_or("-"),
            // Nobody was told a code. One of a failure would look like a failure of ours.
            ret_code = (!left).then_some(self.trace.ret_code),
            client_left = left.then_some(true),
            duration_us = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX),
            "request"
        );
    }
}

async fn gateway(
    State(app): State<Arc<App>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Result<Response, Infallible> {
    let id = app.request_id();
    let caller = CancellationToken::new();
    // Until there is an answer: who panics tells the caller this.
    let trace = Trace { ret_code: Refusal::Internal.code(), ..Trace::default() };
    let mut line = LogLine { id: id.clone(), began: Instant::now(), caller: caller.clone(), trace };
    // A client that leaves takes this future with it, and the guard says so to the thread that works for it. After
    // the log line, so that it goes first.
    let guard = caller.clone().drop_guard();
    let (head, body) = request.into_parts();
    let body = read_body(body, app.gateway.body_limit()).await;
    let worker = tokio::time::timeout(WAIT, Arc::clone(&app.workers).acquire_owned()).await;
    let bytes = if let Ok(Ok(worker)) = worker {
        let app = Arc::clone(&app);
        let work = tokio::task::spawn_blocking(move || {
            let address = client_address(&app.gateway, peer.ip(), &head.headers);
            let text =
                |name: header::HeaderName| head.headers.get(name).and_then(|value| value.to_str().ok());
            let received = Received {
                method: head.method.as_str(),
                query: head.uri.query(),
                content_type: text(header::CONTENT_TYPE),
                authorization: text(header::AUTHORIZATION),
                host: text(header::HOST).or_else(|| head.uri.host()),
                address,
                body: body.as_deref(),
                caller: &caller,
            };
            let bytes = app.gateway.answer(&received, &mut line.trace);
            // Both here: the handler may be gone long before the work has ended.
            drop(line);
            drop(worker);
            bytes
        });
        work.await.unwrap_or_else(|error| {
            tracing::error!(request_uuid = id, %error, "a request failed");
            answer::body(None, &Err(Refusal::Internal))
        })
    } else {
        line.trace.ret_code = Refusal::ServiceUnavailable.code();
        drop(line);
        answer::body(None, &Err(Refusal::ServiceUnavailable))
    };
    guard.disarm();
    let mut response = Response::new(Body::from(bytes));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert("x-ucloud-request-uuid", value);
    }
    Ok(response)
}

/// The body, or `None` if it is longer than `limit`. A body that breaks off is what came of it: it will not verify.
pub(crate) async fn read_body(body: Body, limit: usize) -> Option<Vec<u8>> {
    use axum::body::HttpBody as _;
    let mut bytes = Vec::new();
    let mut total = 0usize;
    let mut body = std::pin::pin!(body);
    let read = async {
        while let Some(Ok(frame)) = std::future::poll_fn(|context| body.as_mut().poll_frame(context)).await {
            let Ok(data) = frame.into_data() else { continue };
            total = total.saturating_add(data.len());
            if total <= limit {
                bytes.extend_from_slice(&data);
            } else {
                bytes.clear();
            }
            if total > limit.saturating_add(DISCARDED_BYTES) {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(BODY_TIMEOUT, read).await;
    (total <= limit).then_some(bytes)
}

/// Reads a body of which nothing is wanted, so that its sender lives to read the answer.
pub(crate) async fn discard_body(body: Body) {
    let _ = read_body(body, 0).await;
}

/// Who called: the peer, or what trusted proxies say of the one before them.
fn client_address(gateway: &Gateway, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let config = &gateway.deployment().config;
    let forwarded: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .collect();
    let mut address = peer;
    // From the nearest hop outwards, as far as each hop is a proxy that we trust.
    for hop in forwarded.iter().rev() {
        if !config.is_trusted_proxy(address) {
            break;
        }
        match hop.parse() {
            Ok(before) => address = before,
            Err(_) => break,
        }
    }
    address
}
