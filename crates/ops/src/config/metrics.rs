//! The section `[metrics]` of the configuration file: where monitoring reads the metrics.

use std::net::SocketAddr;

use serde::Deserialize;
use tollbook_formats::toml::Source;
use toml::Spanned;

use super::value::Checked;

/// Where metrics are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricsListen {
    /// Nowhere.
    Off,
    /// At the usual address, if it is free.
    Usual,
    /// At this address; a server that cannot listen there does not start.
    At(SocketAddr),
}

impl MetricsListen {
    /// The usual address: only this machine reaches it.
    pub const USUAL: SocketAddr =
        SocketAddr::V4(std::net::SocketAddrV4::new(std::net::Ipv4Addr::LOCALHOST, 9_464));

    /// The address, if there is one.
    pub const fn address(self) -> Option<SocketAddr> {
        match self {
            Self::Off => None,
            Self::Usual => Some(Self::USUAL),
            Self::At(address) => Some(address),
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MetricsSection {
    listen: Option<Spanned<String>>,
}

/// Reads the section.
pub(super) fn metrics(source: &Source<'_>, read: &MetricsSection) -> Checked<MetricsListen> {
    let Some(listen) = &read.listen else { return Ok(MetricsListen::Usual) };
    match listen.get_ref().as_str() {
        "off" => Ok(MetricsListen::Off),
        text => text.parse().map(MetricsListen::At).map_err(|_| {
            let reason = "must be an address and port such as 127.0.0.1:9464, or \"off\"";
            source.error(Some(listen.span()), "metrics.listen", reason)
        }),
    }
}
