//! HTTP requests to a remote store: time-outs, retries with exponential pauses, and bodies streamed from files. It is
//! independent of US3 and S3, except that it reads the error bodies of both.

use std::borrow::Cow;
use std::fmt;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::time::{Duration, Instant};

use backon::{BackoffBuilder as _, ExponentialBuilder};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, SendBody};

use super::settings::{OpenError, RemoteSettings, Tuning};
use crate::error::ObjectStoreError;
use crate::remote_error::RemoteError;
use crate::store::Cancelled;

/// Longest reply that is read, in bytes: a page of a listing has at most 1,000 keys of 512 bytes.
const MAX_REPLY_BYTES: u64 = 8 * 1024 * 1024;

/// Attempts after the first.
const MAX_RETRIES: usize = 6;

/// The longest pause between two attempts.
const MAX_PAUSE: Duration = Duration::from_secs(15);

/// How often a pause checks for cancellation.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// The HTTP agent and the settings that all requests to a store share.
pub(super) struct Http {
    agent: Agent,
    tuning: Tuning,
    /// Texts that are removed from errors, in case a store repeats them.
    secrets: Vec<String>,
}

/// A request to send.
pub(super) struct Request<'a> {
    pub(super) method: &'static str,
    pub(super) url: String,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Content<'a>,
}

/// The body of a request.
pub(super) enum Content<'a> {
    /// No body and no length.
    None,
    /// A text in memory.
    Bytes(Vec<u8>),
    /// A range of a file.
    Piece(&'a Piece<'a>),
}

/// A range of a file, in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece<'a> {
    pub(super) path: &'a Path,
    pub(super) offset: u64,
    pub(super) len: u64,
}

impl Piece<'_> {
    /// Opens a file handle of its own, so that pieces can be read at the same time.
    pub(super) fn open(&self) -> io::Result<io::Take<File>> {
        let mut file = File::open(self.path)?;
        file.seek(SeekFrom::Start(self.offset))?;
        Ok(file.take(self.len))
    }
}

/// A reply with a status of success.
#[derive(Debug)]
pub(super) struct HttpReply {
    /// Without quotes.
    pub(super) etag: Option<String>,
    pub(super) content_length: Option<u64>,
    pub(super) body: Vec<u8>,
}

impl HttpReply {
    pub(super) fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }
}

/// The reason for rejecting a reply with a status of success; a text for the log.
pub(super) type InvalidReply = String;

/// Sends the requests of one operation until its deadline, unless it is cancelled.
pub(super) struct Caller<'a> {
    http: &'a Http,
    deadline: Instant,
    cancelled: Cancelled<'a>,
}

impl Http {
    pub(super) fn new(settings: &RemoteSettings) -> Result<Self, OpenError> {
        let tuning = settings.tuning.clone();
        let proxy = tuning.proxy.as_deref().map(ureq::Proxy::new).transpose();
        let proxy = proxy.map_err(|_| OpenError::Proxy)?;
        let root_certs = match &tuning.authorities {
            None => RootCerts::WebPki,
            Some(file) => RootCerts::from(certificates(file)?),
        };
        let agent = Agent::config_builder()
            .tls_config(TlsConfig::builder().root_certs(root_certs).build())
            .http_status_as_error(false)
            // A signature is valid for one host, so redirects are reported as errors.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(tuning.connect_timeout))
            .max_idle_connections_per_host(tuning.upload_threads.max(1))
            .proxy(proxy)
            .user_agent("tollbook")
            .build()
            .into();
        let secrets = [Some(settings.keys.public()), Some(settings.keys.private())];
        let secrets = secrets.into_iter().chain([settings.session_token.as_deref()]).flatten();
        let secrets = secrets.filter(|secret| !secret.is_empty()).map(str::to_owned).collect();
        Ok(Self { agent, tuning, secrets })
    }

    /// For an operation that cannot be cancelled.
    pub(super) fn caller(&self) -> Caller<'_> {
        self.caller_until(self.tuning.request_timeout, &|| false)
    }

    /// For an operation that ends after `limit` or when it is cancelled.
    pub(super) fn caller_until<'a>(&'a self, limit: Duration, cancelled: Cancelled<'a>) -> Caller<'a> {
        Caller { http: self, deadline: Instant::now() + limit, cancelled }
    }

    /// Sends a request once.
    fn send(&self, request: Request<'_>, limit: Duration) -> Result<(u16, HttpReply), ureq::Error> {
        let Request { method, url, headers, body } = request;
        let mut builder = ureq::http::Request::builder().method(method).uri(url);
        for (name, value) in headers {
            builder = builder.header(name, value);
        }
        let (len, body) = match body {
            Content::None => (None, SendBody::none()),
            Content::Bytes(bytes) => {
                (Some(bytes.len() as u64), SendBody::from_owned_reader(io::Cursor::new(bytes)))
            }
            Content::Piece(piece) => (Some(piece.len), SendBody::from_owned_reader(piece.open()?)),
        };
        if let Some(len) = len {
            builder = builder.header("content-length", len);
        }
        let request = self
            .agent
            .configure_request(builder.body(body)?)
            .timeout_global(Some(limit.min(self.tuning.request_timeout)))
            .build();
        let mut response = self.agent.run(request)?;
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        let etag = header("etag").map(|etag| etag.trim_matches('"').to_owned());
        let content_length = header("content-length").and_then(|len| len.parse().ok());
        let body = response.body_mut().with_config().limit(MAX_REPLY_BYTES).read_to_vec()?;
        Ok((response.status().as_u16(), HttpReply { etag, content_length, body }))
    }

    fn redacted(&self, mut text: String) -> String {
        for secret in &self.secrets {
            if text.contains(secret.as_str()) {
                text = text.replace(secret.as_str(), "…");
            }
        }
        text
    }
}

/// The certificates in a PEM file; at least one.
fn certificates(file: &Path) -> Result<Vec<Certificate<'static>>, OpenError> {
    let failed = |reason: String| OpenError::Authorities { file: file.to_owned(), reason };
    let pem = std::fs::read(file).map_err(|error| failed(error.to_string()))?;
    let mut found = Vec::new();
    for item in parse_pem(&pem) {
        if let PemItem::Certificate(certificate) = item.map_err(|_| failed("is not PEM".to_owned()))? {
            found.push(certificate);
        }
    }
    if found.is_empty() { Err(failed("has no certificate".to_owned())) } else { Ok(found) }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").field("tuning", &self.tuning).finish_non_exhaustive()
    }
}

impl Caller<'_> {
    /// Sends a request until `accept` accepts the reply. `make` is called for every attempt, because signatures contain
    /// the time.
    ///
    /// `doing` is a verb phrase whose object is the key; both are for the error.
    pub(super) fn send<'r, T>(
        &self,
        doing: impl Into<Cow<'static, str>>,
        key: &str,
        make: impl Fn() -> Request<'r>,
        accept: impl Fn(&HttpReply) -> Result<T, InvalidReply>,
    ) -> Result<T, ObjectStoreError> {
        let doing = doing.into();
        let attempt = || {
            let left = self.deadline.saturating_duration_since(Instant::now());
            if (self.cancelled)() {
                return Err(ObjectStoreError::Cancelled);
            }
            let failed = |error: RemoteError| ObjectStoreError::Remote(Box::new(error));
            if left.is_zero() {
                return Err(failed(RemoteError::unreachable(doing.clone(), key, "the time for it is over")));
            }
            let sent = self.http.send(make(), left);
            let (status, reply) = sent.map_err(|error| {
                let message = self.http.redacted(error.to_string());
                failed(RemoteError::unreachable(doing.clone(), key, &message))
            })?;
            if !(200..300).contains(&status) {
                let (code, message) = code_and_message(&reply.body);
                let message = self.http.redacted(message);
                return Err(failed(RemoteError::refused(doing.clone(), key, status, &code, &message)));
            }
            accept(&reply).map_err(|reason| {
                // S3 reports a failed `CompleteMultipartUpload` with a status of success.
                let (code, message) = code_and_message(&reply.body);
                failed(if code.is_empty() {
                    RemoteError::invalid_reply(doing.clone(), key, status, &reason)
                } else {
                    RemoteError::refused(doing.clone(), key, status, &code, &self.http.redacted(message))
                })
            })
        };
        let mut pauses = ExponentialBuilder::default()
            .with_jitter()
            .with_min_delay(self.http.tuning.first_pause)
            .with_max_delay(MAX_PAUSE)
            .with_max_times(MAX_RETRIES)
            .build();
        loop {
            let error = match attempt() {
                Err(error) if error.is_unavailable() && Instant::now() < self.deadline => error,
                done => return done,
            };
            let Some(pause) = pauses.next() else { return Err(error) };
            tracing::warn!(%error, ?pause, "request to the object store failed; retrying");
            self.pause(pause);
        }
    }

    /// Ends early at the deadline and on cancellation; the next attempt then returns the error.
    fn pause(&self, pause: Duration) {
        let end = (Instant::now() + pause).min(self.deadline);
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() || (self.cancelled)() {
                break;
            }
            std::thread::sleep(left.min(POLL_INTERVAL));
        }
    }
}

/// Accepts every reply.
#[expect(clippy::unnecessary_wraps, reason = "the signature that `send` requires")]
pub(super) fn any(_: &HttpReply) -> Result<(), InvalidReply> {
    Ok(())
}

/// `None` if the reply was 404.
pub(super) fn found<T>(result: Result<T, ObjectStoreError>) -> Result<Option<T>, ObjectStoreError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(ObjectStoreError::Remote(error)) if error.status() == Some(404) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Passes all bytes of a piece to `take`, through a small buffer.
pub(super) fn read_through(piece: &Piece<'_>, mut take: impl FnMut(&[u8])) -> io::Result<()> {
    let mut file = piece.open()?;
    let mut buffer = vec![0; 128 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(()),
            read => take(&buffer[..read]),
        }
    }
}

/// The code and the message of an error's body: S3's XML, which need not be well-formed, or US3's JSON. Empty for other
/// bodies.
fn code_and_message(body: &[u8]) -> (String, String) {
    let text = String::from_utf8_lossy(body);
    if let Ok(json) = serde_json::from_str::<serde_json::Value>(&text) {
        let code = json.get("RetCode").map(ToString::to_string).unwrap_or_default();
        let message = json.get("ErrMsg").and_then(serde_json::Value::as_str).unwrap_or_default();
        return (code, message.to_owned());
    }
    let element = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        Some(rest.split_once(&format!("</{name}>"))?.0.to_owned())
    };
    (element("Code").unwrap_or_default(), element("Message").unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_bodies_of_both_protocols_are_read() {
        let table = [
            (
                "<?xml version=\"1.0\"?>\n<Error><Code>SlowDown</Code><Message>Reduce your rate.</Message></Error>",
                "SlowDown",
                "Reduce your rate.",
            ),
            (r#"{"RetCode":-148658,"ErrMsg":"invalid signature"}"#, "-148658", "invalid signature"),
            (r#"{"error":"x"}"#, "", ""),
            ("<html>Bad Gateway</html>", "", ""),
            ("<Error><Code>Half", "", ""),
            ("", "", ""),
        ];
        for (body, code, message) in table {
            assert_eq!(code_and_message(body.as_bytes()), (code.to_owned(), message.to_owned()), "{body}");
        }
    }
}
