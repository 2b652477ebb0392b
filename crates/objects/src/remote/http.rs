//! Requests to a remote store over one HTTP agent: time-outs, attempts with growing pauses between them, and bodies
//! that are read from a file as they are sent. It knows neither US3 nor S3.

use std::borrow::Cow;
use std::fmt;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::time::{Duration, Instant};

use backon::{BackoffBuilder as _, ExponentialBuilder};
use ureq::{Agent, SendBody};

use super::error::{RemoteError, code_and_message};
use super::{OpenError, RemoteSettings, Tuning};
use crate::store::{Cancelled, ObjectStoreError};

/// Longest answer that is read, in bytes: a page of a listing has at most 1,000 keys of 512 bytes.
const MAX_ANSWER_BYTES: u64 = 8 * 1024 * 1024;

/// Attempts beyond the first.
const MAX_RETRIES: usize = 6;

/// The longest pause between two attempts.
const MAX_PAUSE: Duration = Duration::from_secs(15);

/// How often a pause looks whether it is still wanted.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The agent, and what every request of a store has in common.
pub(super) struct Http {
    agent: Agent,
    tuning: Tuning,
    /// Texts that must not be in an error, should a store repeat them.
    secrets: Vec<String>,
}

/// A request, ready to be sent.
pub(super) struct Request<'a> {
    pub(super) method: &'static str,
    pub(super) url: String,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Content<'a>,
}

/// What a request carries.
pub(super) enum Content<'a> {
    /// Nothing, not even a length.
    None,
    /// A text in memory.
    Bytes(Vec<u8>),
    /// A piece of a file.
    Piece(&'a Piece<'a>),
}

/// Bytes of a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece<'a> {
    pub(super) path: &'a Path,
    pub(super) offset: u64,
    pub(super) len: u64,
}

impl Piece<'_> {
    /// Opened on its own, so that pieces can be read at the same time.
    pub(super) fn open(&self) -> io::Result<io::Take<File>> {
        let mut file = File::open(self.path)?;
        file.seek(SeekFrom::Start(self.offset))?;
        Ok(file.take(self.len))
    }
}

/// An answer with a status of success.
#[derive(Debug)]
pub(super) struct Answer {
    /// Without quotes.
    pub(super) etag: Option<String>,
    pub(super) content_length: Option<u64>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }
}

/// Why an answer of success is none: a text for the log.
pub(super) type Wrong = String;

/// Sends requests on behalf of one operation: until its deadline, and as long as it is wanted.
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
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            // A signature is good for one host: a redirect is an error to be told, not a way to go.
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

    /// For an operation that nobody can cancel.
    pub(super) fn caller(&self) -> Caller<'_> {
        self.caller_until(self.tuning.request_timeout, &|| false)
    }

    /// For one that ends after `limit` or when it is not wanted any more.
    pub(super) fn caller_until<'a>(&'a self, limit: Duration, cancelled: Cancelled<'a>) -> Caller<'a> {
        Caller { http: self, deadline: Instant::now() + limit, cancelled }
    }

    /// One attempt.
    fn send(&self, request: Request<'_>, limit: Duration) -> Result<(u16, Answer), ureq::Error> {
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
        let body = response.body_mut().with_config().limit(MAX_ANSWER_BYTES).read_to_vec()?;
        Ok((response.status().as_u16(), Answer { etag, content_length, body }))
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

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").field("tuning", &self.tuning).finish_non_exhaustive()
    }
}

impl Caller<'_> {
    /// Sends what `make` makes, anew for every attempt because signatures have a time, until an answer is `accept`ed.
    ///
    /// `doing` is a verb phrase that the key completes; both are for the error.
    pub(super) fn send<'r, T>(
        &self,
        doing: impl Into<Cow<'static, str>>,
        key: &str,
        make: impl Fn() -> Request<'r>,
        accept: impl Fn(&Answer) -> Result<T, Wrong>,
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
            let (status, answer) = sent.map_err(|error| {
                let message = self.http.redacted(error.to_string());
                failed(RemoteError::unreachable(doing.clone(), key, &message))
            })?;
            if !(200..300).contains(&status) {
                let (code, message) = code_and_message(&answer.body);
                let message = self.http.redacted(message);
                return Err(failed(RemoteError::refused(doing.clone(), key, status, &code, &message)));
            }
            accept(&answer).map_err(|wrong| {
                // S3 tells a failure to put parts together with the status of success.
                let (code, message) = code_and_message(&answer.body);
                failed(if code.is_empty() {
                    RemoteError::wrong(doing.clone(), key, status, &wrong)
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
            tracing::warn!(%error, ?pause, "trying again");
            self.pause(pause);
        }
    }

    /// Cut short by the deadline and by cancellation; the next attempt then tells which.
    fn pause(&self, pause: Duration) {
        let end = (Instant::now() + pause).min(self.deadline);
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() || (self.cancelled)() {
                break;
            }
            std::thread::sleep(left.min(LOOK_EVERY));
        }
    }
}

/// For answers in which nothing is looked at.
#[expect(clippy::unnecessary_wraps, reason = "what `send` accepts")]
pub(super) fn any(_: &Answer) -> Result<(), Wrong> {
    Ok(())
}

/// `None` where the answer was "not found".
pub(super) fn found<T>(result: Result<T, ObjectStoreError>) -> Result<Option<T>, ObjectStoreError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(ObjectStoreError::Remote(error)) if error.status() == Some(404) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Gives all bytes of a piece to `take`, through a small buffer.
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
