//! The server's log on standard error (docs/CONFIGURATION.md, "Logging").

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use crate::output::Failure;

/// Which events are logged: directives of `tracing_subscriber::EnvFilter`, such as `info` or `tollbook_api=debug`.
const FILTER_VARIABLE: &str = "TOLLBOOK_LOG";
/// `text` or `json`.
const FORMAT_VARIABLE: &str = "TOLLBOOK_LOG_FORMAT";
const DEFAULT_FILTER: &str = "info";

/// Starts logging. The environment variables above configure it.
pub(super) fn start() -> Result<(), Failure> {
    let filter = variable(FILTER_VARIABLE)?.unwrap_or_else(|| DEFAULT_FILTER.to_owned());
    let filter = EnvFilter::try_new(filter)
        .map_err(|error| Failure::new(format!("{FILTER_VARIABLE}: not a log filter: {error}")))?;
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match variable(FORMAT_VARIABLE)?.as_deref() {
        None | Some("text") => subscriber.with_ansi(std::io::stderr().is_terminal()).init(),
        Some("json") => subscriber.json().flatten_event(true).init(),
        Some(_) => return Err(Failure::new(format!("{FORMAT_VARIABLE}: must be text or json"))),
    }
    Ok(())
}

/// The value of an environment variable. An empty variable is treated as unset.
fn variable(name: &str) -> Result<Option<String>, Failure> {
    #[expect(clippy::disallowed_methods, reason = "logging starts before any command has arguments for it")]
    match std::env::var(name) {
        Ok(value) => Ok(Some(value).filter(|value| !value.is_empty())),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => Err(Failure::new(format!("{name}: not valid UTF-8"))),
    }
}
