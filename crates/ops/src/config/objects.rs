//! The section `[objects]` of the configuration file: where exports are stored. The keys of an object store are
//! secrets and come from the environment, not from this file.

use std::time::Duration;

use serde::Deserialize;
use tollbook_formats::toml::Source;
use tollbook_objects::{SpoolLimits, StoreUrl, Tuning};
use toml::Spanned;

use super::hosts::{checked_host, url};
use super::value::{Checked, file, number};

/// Bound on sizes: 2^50, a petabyte.
pub(super) const MOST_BYTES: i64 = 1 << 50;

/// Settings of the object store that holds exports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectsConfig {
    /// An external object store; `None`: the embedded one.
    pub store: Option<StoreUrl>,
    /// Limits on the temporary files of exports.
    pub spool: SpoolLimits,
    /// Timeouts, threads and proxy of requests to an external object store.
    pub tuning: Tuning,
    /// Hosts at which the embedded store appears as a US3 bucket; lower-case, without port.
    pub us3_hosts: Vec<String>,
}

impl Default for ObjectsConfig {
    fn default() -> Self {
        let spool = SpoolLimits { bytes: 16 << 30, free_bytes: 1 << 30 };
        Self { store: None, spool, tuning: Tuning::default(), us3_hosts: Vec::new() }
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ObjectsSection {
    store: Option<Spanned<String>>,
    spool_bytes: Option<Spanned<i64>>,
    free_bytes: Option<Spanned<i64>>,
    upload_threads: Option<Spanned<i64>>,
    connect_timeout_s: Option<Spanned<i64>>,
    request_timeout_s: Option<Spanned<i64>>,
    upload_timeout_s: Option<Spanned<i64>>,
    proxy: Option<Spanned<String>>,
    ca_file: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) us3_hosts: Vec<Spanned<String>>,
}

pub(super) fn objects(source: &Source<'_>, read: &ObjectsSection) -> Checked<ObjectsConfig> {
    let default = ObjectsConfig::default();
    let value = |key: &str, value: &Option<Spanned<i64>>, range| -> Checked<Option<u64>> {
        let number = number(source, &format!("objects.{key}"), value.as_ref(), range)?;
        Ok(number.and_then(|number| u64::try_from(number).ok()))
    };
    let seconds = |key, read: &Option<Spanned<i64>>, range, default| -> Checked<Duration> {
        Ok(value(key, read, range)?.map_or(default, Duration::from_secs))
    };
    let tuning = &default.tuning;
    let threads = value("upload_threads", &read.upload_threads, 1..=64)?;
    let tuning = Tuning {
        upload_threads: threads
            .and_then(|number| usize::try_from(number).ok())
            .unwrap_or(tuning.upload_threads),
        connect_timeout: seconds(
            "connect_timeout_s",
            &read.connect_timeout_s,
            1..=60,
            tuning.connect_timeout,
        )?,
        request_timeout: seconds(
            "request_timeout_s",
            &read.request_timeout_s,
            1..=3_600,
            tuning.request_timeout,
        )?,
        upload_timeout: seconds(
            "upload_timeout_s",
            &read.upload_timeout_s,
            1..=86_400,
            tuning.upload_timeout,
        )?,
        proxy: url(source, "objects.proxy", read.proxy.as_ref())?,
        authorities: file(source, "objects.ca_file", read.ca_file.as_ref())?,
        ..tuning.clone()
    };
    let store = match &read.store {
        None => None,
        Some(text) => Some(
            text.get_ref()
                .parse::<StoreUrl>()
                .map_err(|error| source.error(Some(text.span()), "objects.store", error.to_string()))?,
        ),
    };
    let spool = SpoolLimits {
        bytes: value("spool_bytes", &read.spool_bytes, 16_777_216..=MOST_BYTES)?
            .unwrap_or(default.spool.bytes),
        free_bytes: value("free_bytes", &read.free_bytes, 0..=MOST_BYTES)?
            .unwrap_or(default.spool.free_bytes),
    };
    let mut us3_hosts = Vec::with_capacity(read.us3_hosts.len());
    for host in &read.us3_hosts {
        let refused = |reason: String| source.error(Some(host.span()), "objects.us3_hosts", reason);
        if store.is_some() {
            return Err(refused("are the embedded store's, but store names another".to_owned()));
        }
        us3_hosts.push(checked_host(host.get_ref()).map_err(refused)?);
    }
    Ok(ObjectsConfig { store, spool, tuning, us3_hosts })
}
