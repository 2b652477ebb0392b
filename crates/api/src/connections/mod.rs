//! The connections of a server: accepted within bounds, served over HTTP/1.1, each with deadlines for its peer, and
//! closed in order when the server stops (docs/OPERATIONS.md, "Connections").

mod admission;
mod guarded_stream;
mod open_files;
mod progress;
mod tls;
mod transport;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ConnectInfo;
use axum::http::{HeaderValue, Request, Response, StatusCode, header};
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tollbook_ops::Config;

use admission::{Admission, ConnectionPermit, Full};
use guarded_stream::GuardedStream;
pub use tls::{Tls, TlsError};

use progress::{Connection, LargeHeads, MAX_HEAD_BYTES, PeerTimeouts, Phase, RequestGuard};
use transport::Transport;

/// Refused connections that are answered at a time; others are closed without an answer.
const ANSWERED_REFUSALS: usize = 64;
/// How long the sender of a refused request has to read the refusal.
const REFUSAL_TIMEOUT: Duration = Duration::from_secs(1);
/// Pause after the system refused to accept a connection, as it does if files are exhausted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How often refused connections are logged.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// The same code as to a request for which there is no worker.
const REFUSAL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    content-type: application/json; charset=utf-8\r\ncache-control: no-store\r\nretry-after: 1\r\n\
    connection: close\r\ncontent-length: 47\r\n\r\n{\"RetCode\":150,\"Message\":\"Service unavailable\"}";

/// The first byte of a connection that speaks TLS.
const TLS_HANDSHAKE: u8 = 22;
/// The answer to a request without TLS.
const NOT_TLS: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\n\
    connection: close\r\ncontent-length: 38\r\n\r\nthis address is served by HTTPS alone\n";

/// Serves connections until `stopping` is cancelled. Then each may send one more request for a while; those without a request
/// are closed after it, and the others finished, at most until the deadline of the configuration. Returns that deadline.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    config: &Config,
    tls: Option<&Arc<Tls>>,
    stopping: &CancellationToken,
) -> Instant {
    let limits = &config.server;
    let open_files = open_files::raise();
    let fitting = open_files::connections_within(open_files);
    let most = limits.connections.min(fitting);
    if most < limits.connections {
        tracing::warn!(
            open_files,
            connections = most,
            wanted = limits.connections,
            "the limit of open files allows fewer connections than server.connections"
        );
    }
    // Of fewer connections, one address has three quarters at most, so that others are left.
    let share = if most < limits.connections { (most * 3 / 4).max(1) } else { usize::MAX };
    let admission = Admission::new(most, limits.connections_per_address.min(share));
    let server = Arc::new(Served {
        router,
        tls: tls.cloned(),
        timeouts: PeerTimeouts {
            head: limits.head_timeout,
            idle: limits.idle_timeout,
            write: limits.write_timeout,
            write_bytes_per_s: limits.write_bytes_per_s,
        },
        large_heads: LargeHeads::new(),
        stopping: stopping.clone(),
        drained: CancellationToken::new(),
        cut: CancellationToken::new(),
    });
    server.accept(listener, config, &admission).await;
    let deadline = Instant::now() + limits.stop_timeout;
    // The clients of idle connections learn from their next answer that the server stops; a request that is on its way on
    // a connection that is closed now would fail.
    let _ = timeout(limits.drain.min(limits.stop_timeout), admission.all_closed()).await;
    server.drained.cancel();
    if timeout_at(deadline, admission.all_closed()).await.is_err() {
        tracing::warn!(
            connections = admission.count(),
            stop_timeout_s = limits.stop_timeout.as_secs(),
            "connections were cut off: their requests did not end in time"
        );
        server.cut.cancel();
        admission.all_closed().await;
    }
    deadline
}

/// What the tasks of all connections share.
struct Served {
    router: Router,
    tls: Option<Arc<Tls>>,
    timeouts: PeerTimeouts,
    large_heads: LargeHeads,
    stopping: CancellationToken,
    /// Cancelled when connections without a request are no longer kept.
    drained: CancellationToken,
    /// Cancelled when connections are no longer waited for.
    cut: CancellationToken,
}

impl Served {
    /// Accepts connections until the server stops.
    async fn accept(self: &Arc<Self>, listener: TcpListener, config: &Config, admission: &Arc<Admission>) {
        let refusals = Arc::new(Semaphore::new(ANSWERED_REFUSALS));
        let (mut refused, mut failed) = (Occasional::new(), Occasional::new());
        loop {
            let accepted = tokio::select! {
                biased;
                () = self.stopping.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) if is_of_the_peer(&error) => continue,
                Err(error) => {
                    if let Some(times) = failed.count() {
                        tracing::error!(%error, times, "connections cannot be accepted");
                    }
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            // An answer is written at once, so nothing is gained by waiting for more of it.
            let _ = stream.set_nodelay(true);
            let connection = Arc::new(Connection::new(self.timeouts, self.large_heads.clone()));
            let is_exempt = config.is_trusted_proxy(peer.ip());
            match admission.admit(peer.ip(), is_exempt, &connection).await {
                Ok(place) => {
                    let served = Arc::clone(self);
                    tokio::spawn(async move { served.serve(stream, peer, connection, place).await });
                }
                Err(full) => {
                    if let Some(times) = refused.count() {
                        let reason = match full {
                            Full::All => "server.connections",
                            Full::Address => "server.connections_per_address",
                        };
                        tracing::warn!(times, reason, address = %peer.ip(), "connections refused");
                    }
                    // An answer would take a handshake, which costs more than the connection that there is no room for.
                    if self.tls.is_none()
                        && let Ok(permit) = Arc::clone(&refusals).try_acquire_owned()
                    {
                        tokio::spawn(async move {
                            let _ = timeout(REFUSAL_TIMEOUT, refuse(stream, REFUSAL)).await;
                            drop(permit);
                        });
                    }
                }
            }
        }
    }

    /// Serves one connection until it ends.
    async fn serve(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        connection: Arc<Connection>,
        place: ConnectionPermit,
    ) {
        // Before the first byte, a connection costs no buffers.
        let deadline = connection.read_deadline().unwrap_or_else(Instant::now);
        tokio::select! {
            readable = timeout_at(deadline, stream.readable()) => {
                if !matches!(readable, Ok(Ok(()))) {
                    return;
                }
            }
            () = connection.close.notified() => return,
            () = self.drained.cancelled() => return,
        }
        let Some(transport) = self.transport(stream, &connection).await else { return };
        let io = TokioIo::new(GuardedStream::new(transport, Arc::clone(&connection)));
        let service = service_fn(|request| self.answer(request, peer, connection.begin_request()));
        let mut builder = http1::Builder::new();
        builder.max_buf_size(MAX_HEAD_BYTES);
        let mut http = pin!(builder.serve_connection(io, service));
        // Looked at in steps, because the library does not read, and so would see no deadline, in every phase.
        let mut check = pin!(sleep_until(connection.next_check()));
        let mut is_stopping = false;
        loop {
            tokio::select! {
                // An error of one connection concerns its peer alone.
                _ = http.as_mut() => break,
                () = self.drained.cancelled(), if !is_stopping => {
                    is_stopping = true;
                    http.as_mut().graceful_shutdown();
                    // The library would wait for the rest of the first head.
                    if connection.phase() == Phase::Head {
                        break;
                    }
                }
                () = check.as_mut() => {
                    if connection.read_deadline().is_some_and(|deadline| deadline <= Instant::now()) {
                        break;
                    }
                    check.as_mut().reset(connection.next_check());
                }
                () = connection.close.notified() => {
                    if connection.phase() != Phase::Request {
                        break;
                    }
                }
                () = self.cut.cancelled() => break,
            }
        }
        drop(place);
    }

    /// The bytes of a connection, after the handshake if the server speaks TLS; `None` if there is no handshake. It has as much
    /// time as a head, and a connection whose handshake is not complete is one of those that make room.
    async fn transport(&self, stream: TcpStream, connection: &Connection) -> Option<Transport> {
        let Some(tls) = &self.tls else { return Some(Transport::Plain(stream)) };
        connection.has_read(0);
        let deadline = connection.read_deadline()?;
        let accepted = async {
            let mut first = [0];
            if stream.peek(&mut first).await.is_ok() && first[0] != TLS_HANDSHAKE {
                let _ = timeout(REFUSAL_TIMEOUT, refuse(stream, NOT_TLS)).await;
                return None;
            }
            // An error concerns its peer alone.
            tls.acceptor().accept(stream).await.ok()
        };
        let stream = tokio::select! {
            accepted = timeout_at(deadline, accepted) => accepted.ok()??,
            () = connection.close.notified() => return None,
            () = self.stopping.cancelled() => return None,
        };
        connection.end_handshake();
        Some(Transport::Tls(Box::new(stream)))
    }

    /// Answers one request.
    async fn answer(
        &self,
        mut request: Request<Incoming>,
        peer: SocketAddr,
        guard: RequestGuard,
    ) -> Result<Response<Guarded>, Infallible> {
        // Which of them a proxy before this server has gone by cannot be known (RFC 9112, "Request Target").
        if request.headers().get_all(header::HOST).iter().nth(1).is_some() {
            let mut response = Response::new(Body::from("there must be one Host header\n"));
            *response.status_mut() = StatusCode::BAD_REQUEST;
            return Ok(response.map(|body| Guarded { body, _guard: guard }));
        }
        request.extensions_mut().insert(ConnectInfo(peer));
        let mut response = TowerToHyperService::new(self.router.clone()).call(request).await?;
        if self.stopping.is_cancelled() {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(response.map(|body| Guarded { body, _guard: guard }))
    }
}

/// The body of an answer. Its request has ended when it is dropped.
struct Guarded {
    body: Body,
    _guard: RequestGuard,
}

impl HttpBody for Guarded {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Answers a connection that is not served.
async fn refuse(mut stream: TcpStream, answer: &[u8]) {
    if stream.write_all(answer).await.is_err() || stream.shutdown().await.is_err() {
        return;
    }
    // If the request were left unread, the system would reset the connection, and with it the answer.
    let mut unread = [0; 1024];
    while stream.read(&mut unread).await.is_ok_and(|bytes| bytes > 0) {}
}

/// Whether a connection failed before it was accepted, which says nothing about the next one.
fn is_of_the_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Counts what happens often and is logged now and then.
struct Occasional {
    times: u64,
    logged: Option<Instant>,
}

impl Occasional {
    const fn new() -> Self {
        Self { times: 0, logged: None }
    }

    /// Counts one more. Returns how often it happened since it was last logged if it is to be logged now.
    fn count(&mut self) -> Option<u64> {
        self.times += 1;
        if self.logged.is_some_and(|logged| logged.elapsed() < LOG_INTERVAL) {
            return None;
        }
        self.logged = Some(Instant::now());
        Some(std::mem::take(&mut self.times))
    }
}
