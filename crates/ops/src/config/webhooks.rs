//! The section `[webhooks]` of the configuration file: where events may be sent, and how long they are kept.

use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use serde::Deserialize;
use tollbook_formats::toml::Source;
use toml::Spanned;

use super::value::{Checked, DAY_S, file as file_of_key, number};
use crate::networks;

/// Settings of webhooks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhooksConfig {
    /// Whether URLs may begin with `http://`.
    pub allow_http: bool,
    /// Ports that events may be sent to.
    pub allowed_ports: Vec<u16>,
    /// Address ranges that events may be sent to besides the public internet, at every port.
    pub allowed_networks: Vec<IpNet>,
    /// PEM file of the authorities that are trusted instead of the public ones; `None`: the public ones.
    pub authorities: Option<PathBuf>,
    /// Longest time of an attempt, from the look-up of the name to the last byte of the answer.
    pub timeout: Duration,
    /// Attempts that a server makes at a time.
    pub concurrency: usize,
    /// How long delivered events and dead letters are kept, in seconds.
    pub retention_s: i64,
    /// How long an endpoint may fail until it is disabled, in seconds.
    pub disable_after_s: i64,
}

impl Default for WebhooksConfig {
    fn default() -> Self {
        Self {
            allow_http: false,
            allowed_ports: vec![443, 8443],
            allowed_networks: Vec::new(),
            authorities: None,
            timeout: Duration::from_secs(15),
            concurrency: 32,
            retention_s: 14 * DAY_S,
            disable_after_s: 5 * DAY_S,
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WebhooksSection {
    allow_http: Option<bool>,
    allowed_ports: Option<Vec<Spanned<i64>>>,
    #[serde(default)]
    allowed_networks: Vec<Spanned<String>>,
    ca_file: Option<Spanned<String>>,
    timeout_s: Option<Spanned<i64>>,
    concurrency: Option<Spanned<i64>>,
    retention_s: Option<Spanned<i64>>,
    disable_after_s: Option<Spanned<i64>>,
}

/// Reads the section.
pub(super) fn webhooks(source: &Source<'_>, read: &WebhooksSection) -> Checked<WebhooksConfig> {
    let mut config = WebhooksConfig::default();
    config.allow_http = read.allow_http.unwrap_or(config.allow_http);
    if let Some(ports) = &read.allowed_ports {
        config.allowed_ports.clear();
        for port in ports {
            let port = number(source, "webhooks.allowed_ports", Some(port), 1..=65_535)?;
            config.allowed_ports.extend(port.and_then(|port| u16::try_from(port).ok()));
        }
    }
    for text in &read.allowed_networks {
        let network = networks::parse(text.get_ref()).map_err(|reason| {
            let reason = format!("\"{}\" {reason}", text.get_ref());
            source.error(Some(text.span()), "webhooks.allowed_networks", reason)
        })?;
        config.allowed_networks.push(network);
    }
    config.authorities = file_of_key(source, "webhooks.ca_file", read.ca_file.as_ref())?;
    // A lease on an endpoint lasts a little longer than an attempt.
    if let Some(timeout_s) = number(source, "webhooks.timeout_s", read.timeout_s.as_ref(), 1..=60)? {
        config.timeout = Duration::from_secs(timeout_s.unsigned_abs());
    }
    let concurrency = number(source, "webhooks.concurrency", read.concurrency.as_ref(), 2..=256)?;
    config.concurrency =
        concurrency.and_then(|number| usize::try_from(number).ok()).unwrap_or(config.concurrency);
    // Longer than all attempts of an event together.
    let retention_s =
        number(source, "webhooks.retention_s", read.retention_s.as_ref(), 5 * DAY_S..=3_650 * DAY_S)?;
    config.retention_s = retention_s.unwrap_or(config.retention_s);
    let disable_after_s =
        number(source, "webhooks.disable_after_s", read.disable_after_s.as_ref(), 3_600..=365 * DAY_S)?;
    config.disable_after_s = disable_after_s.unwrap_or(config.disable_after_s);
    Ok(config)
}
