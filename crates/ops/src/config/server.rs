//! The section `[server]` of the configuration file: what connections may cost, and how long their peers may take.

use std::time::Duration;

use serde::Deserialize;
use tollbook_formats::toml::Source;
use toml::Spanned;

use super::value::{Checked, number};

/// Limits of connections and of what arrives on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerConfig {
    /// Most open connections. The process's limit of open files may allow fewer.
    pub connections: usize,
    /// Most open connections of one address; trusted proxies are exempt.
    pub connections_per_address: usize,
    /// Longest time from the first byte of a request's head to its last.
    pub head_timeout: Duration,
    /// Longest time until the body of a request has arrived.
    pub body_timeout: Duration,
    /// Longest time without a byte of a body.
    pub body_pause: Duration,
    /// How long a connection without a request stays open.
    pub idle_timeout: Duration,
    /// How long a peer may accept nothing of an answer.
    pub write_timeout: Duration,
    /// Fewest bytes of answers that a peer must accept for each second that it is waited for.
    pub write_bytes_per_s: u64,
    /// Longest time from the signal to stop to the end of the process.
    pub stop_timeout: Duration,
    /// For how long after the signal to stop a connection without a request stays open for one more.
    pub drain: Duration,
    /// Most bytes of bodies in memory, over all requests. Half of it is for requests whose sender is not known yet.
    pub body_bytes_at_once: usize,
    /// How much of each second the self-check of the database takes; zero if there is none.
    pub self_check: Duration,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            connections: 16_384,
            connections_per_address: 12_288,
            head_timeout: Duration::from_secs(20),
            body_timeout: Duration::from_secs(30),
            body_pause: Duration::from_secs(15),
            idle_timeout: Duration::from_secs(75),
            write_timeout: Duration::from_secs(60),
            write_bytes_per_s: 1_024,
            stop_timeout: Duration::from_secs(25),
            drain: Duration::from_secs(1),
            body_bytes_at_once: 128 << 20,
            self_check: Duration::from_millis(100),
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ServerSection {
    connections: Option<Spanned<i64>>,
    connections_per_address: Option<Spanned<i64>>,
    head_timeout_s: Option<Spanned<i64>>,
    body_timeout_s: Option<Spanned<i64>>,
    body_pause_s: Option<Spanned<i64>>,
    idle_timeout_s: Option<Spanned<i64>>,
    write_timeout_s: Option<Spanned<i64>>,
    write_bytes_per_s: Option<Spanned<i64>>,
    stop_timeout_s: Option<Spanned<i64>>,
    drain_s: Option<Spanned<i64>>,
    body_bytes_at_once: Option<Spanned<i64>>,
    self_check_ms: Option<Spanned<i64>>,
}

/// Reads the section. `longest_body` is the longest body that any route accepts and `longest_unsigned` the longest one of
/// a sender that is not known yet, in bytes: both must fit.
///
/// # Errors
/// The first fault.
pub(super) fn server(
    source: &Source<'_>,
    read: &ServerSection,
    longest_body: usize,
    longest_unsigned: usize,
) -> Checked<ServerConfig> {
    let default = ServerConfig::default();
    let count = |key: &str, value: &Option<Spanned<i64>>, range, default: usize| -> Checked<usize> {
        let number = number(source, &format!("server.{key}"), value.as_ref(), range)?;
        Ok(number.and_then(|number| usize::try_from(number).ok()).unwrap_or(default))
    };
    let within = |key: &str, value: &Option<Spanned<i64>>, range, default| -> Checked<Duration> {
        let number = number(source, &format!("server.{key}"), value.as_ref(), range)?;
        Ok(number.and_then(|number| u64::try_from(number).ok()).map_or(default, Duration::from_secs))
    };
    let self_check = number(source, "server.self_check_ms", read.self_check_ms.as_ref(), 0..=500)?
        .and_then(|number| u64::try_from(number).ok())
        .map_or(default.self_check, Duration::from_millis);
    let seconds =
        |key: &str, value: &Option<Spanned<i64>>, most: i64, default| within(key, value, 1..=most, default);
    let config = ServerConfig {
        self_check,
        connections: count("connections", &read.connections, 1..=1_000_000, default.connections)?,
        connections_per_address: count(
            "connections_per_address",
            &read.connections_per_address,
            1..=1_000_000,
            default.connections_per_address,
        )?,
        head_timeout: seconds("head_timeout_s", &read.head_timeout_s, 600, default.head_timeout)?,
        body_timeout: seconds("body_timeout_s", &read.body_timeout_s, 3_600, default.body_timeout)?,
        body_pause: seconds("body_pause_s", &read.body_pause_s, 600, default.body_pause)?,
        idle_timeout: seconds("idle_timeout_s", &read.idle_timeout_s, 3_600, default.idle_timeout)?,
        write_timeout: seconds("write_timeout_s", &read.write_timeout_s, 3_600, default.write_timeout)?,
        write_bytes_per_s: number(
            source,
            "server.write_bytes_per_s",
            read.write_bytes_per_s.as_ref(),
            1..=1_000_000_000,
        )?
        .and_then(|number| u64::try_from(number).ok())
        .unwrap_or(default.write_bytes_per_s),
        stop_timeout: seconds("stop_timeout_s", &read.stop_timeout_s, 3_600, default.stop_timeout)?,
        drain: within("drain_s", &read.drain_s, 0..=600, default.drain)?,
        body_bytes_at_once: count(
            "body_bytes_at_once",
            &read.body_bytes_at_once,
            16_777_216..=1_099_511_627_776,
            default.body_bytes_at_once,
        )?,
    };
    let needed = longest_body.max(2 * longest_unsigned);
    if config.body_bytes_at_once < needed {
        let reason = format!(
            "must be at least {needed}: charging.telemetry_bytes, charging.batch_bytes and twice limits.body_bytes must fit"
        );
        let span = read.body_bytes_at_once.as_ref().map(Spanned::span);
        return Err(source.error(span, "server.body_bytes_at_once", reason));
    }
    Ok(config)
}
