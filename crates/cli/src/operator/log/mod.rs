//! The server's log on standard error (docs/CONFIGURATION.md, "Logging").

mod environment;
mod lossy;
mod spans;

use std::io::{IsTerminal as _, Stderr};
use std::sync::Arc;

use tollbook_ops::tasks::LostLines;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

use crate::output::Failure;
use environment::variable;
use lossy::{FlushOnDrop, LossyLog};
use spans::Spans;

/// Which events are logged: directives of `tracing_subscriber::EnvFilter`, such as `info` or `tollbook_api=debug`.
const FILTER_VARIABLE: &str = "TOLLBOOK_LOG";
/// `text` or `json`.
const FORMAT_VARIABLE: &str = "TOLLBOOK_LOG_FORMAT";
/// Device and inode of the journal's stream, if systemd has connected standard output or standard error to it.
const JOURNAL_VARIABLE: &str = "JOURNAL_STREAM";
const DEFAULT_FILTER: &str = "info";

/// A log that was started. What is queued is written when it is dropped.
pub(super) struct Log {
    /// The lines that were lost.
    pub(super) lost: Arc<LostLines>,
    /// Dropped before the log, which may say why spans were lost.
    _spans: Option<Spans>,
    _flush: FlushOnDrop,
}

/// Starts logging. The environment variables above configure it. The log never blocks, never fails and never panics.
pub(super) fn start() -> Result<Log, Failure> {
    let filter = variable(FILTER_VARIABLE)?.unwrap_or_else(|| DEFAULT_FILTER.to_owned());
    let filter = EnvFilter::try_new(filter)
        .map_err(|error| Failure::new(format!("{FILTER_VARIABLE}: not a log filter: {error}")))?;
    let format = variable(FORMAT_VARIABLE)?;
    let is_json = match format.as_deref() {
        None | Some("text") => false,
        Some("json") => true,
        Some(_) => return Err(Failure::new(format!("{FORMAT_VARIABLE}: must be text or json"))),
    };
    let is_journal = variable(JOURNAL_VARIABLE)?.is_some_and(|stream| is_standard_error(&stream));
    let (log, flush) = LossyLog::start(std::io::stderr(), is_journal, report_lost);
    let lost = Arc::clone(log.lost());
    let spans = Spans::from_environment()?;
    // An event that cannot be formatted must not be reported on a standard error that cannot be written.
    let lines = tracing_subscriber::fmt::layer().with_writer(log).log_internal_errors(false);
    let lines = if is_json {
        lines.json().flatten_event(true).boxed()
    } else {
        lines.with_ansi(Stderr::is_terminal(&std::io::stderr())).boxed()
    };
    // The filter of the log is not that of the spans.
    let log = tracing_subscriber::registry().with(lines.with_filter(filter));
    log.with(spans.as_ref().map(Spans::layer)).init();
    // The hook of the standard library writes to standard error, and a thread that panics would wait for its reader.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        let thread = std::thread::current().name().map(ToOwned::to_owned);
        let text = tollbook_ops::tasks::panic_text(panic.payload());
        tracing::error!(thread, place, "{text}");
    }));
    Ok(Log { lost, _spans: spans, _flush: flush })
}

/// Whether a device and inode, as in `8:1234`, are those of standard error.
fn is_standard_error(stream: &str) -> bool {
    rustix::fs::fstat(std::io::stderr())
        .is_ok_and(|file| format!("{}:{}", file.st_dev, file.st_ino) == stream)
}

/// At the level of errors, so that it is there whatever the log is filtered by.
fn report_lost(lines: u64) {
    tracing::error!(lost = lines, "{lines} log lines were lost");
}
