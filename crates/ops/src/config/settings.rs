//! The configuration of a server: its values, their defaults, and look-ups by brand, host and address.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use ipnet::IpNet;
use tollbook_domain::tenant::Company;
use tollbook_export::ExportLimits;
use tollbook_store::StoreOptions;

use super::brand::{Brand, DEFAULT_BRAND};
use super::charging::ChargingConfig;
use super::hosts::{link_host, normal_host, url_of_address};
use super::limits::Limits;
use super::metrics::MetricsListen;
use super::objects::ObjectsConfig;
use super::server::ServerConfig;
use super::signing::SigningConfig;
use super::tls::TlsConfig;
use super::value::DAY_S;
use super::webhooks::WebhooksConfig;
use crate::networks;

/// The configuration of a server. `Config::default()` equals an empty file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Address and port on which the server listens.
    pub listen: SocketAddr,
    /// URL for customers, without a slash at the end; see [`Config::public_url`].
    pub public_url: Option<String>,
    /// Lifetime of a download link, in seconds.
    pub link_lifetime_s: i64,
    /// How long an exported file is kept, in seconds; longer than `link_lifetime_s`.
    pub object_retention_s: i64,
    /// The catalogue file; `None`: the built-in catalogue alone.
    pub catalogue: Option<PathBuf>,
    /// Proxies whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: Vec<IpNet>,
    /// Where metrics are served.
    pub metrics: MetricsListen,
    /// Limits of connections.
    pub server: ServerConfig,
    /// TLS of the server's own address; `None`: HTTP without TLS.
    pub tls: Option<TlsConfig>,
    /// Settings of strict signatures.
    pub signing: SigningConfig,
    /// Limits of one request.
    pub limits: Limits,
    /// URL of the database, unless the command line names another; it may hold a password.
    pub database_url: Option<String>,
    /// Options of the database.
    pub database: StoreOptions,
    /// Settings of charging.
    pub charging: ChargingConfig,
    /// Limits of exports.
    pub exports: ExportLimits,
    /// Settings of the object store.
    pub objects: ObjectsConfig,
    /// Settings of webhooks.
    pub webhooks: WebhooksConfig,
    /// Where settings are stated, file and line, by their dotted keys; others have their defaults.
    pub stated: BTreeMap<String, String>,
    pub(super) brands: BTreeMap<String, Brand>,
    pub(super) brand_by_host: BTreeMap<String, String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            public_url: None,
            link_lifetime_s: 3_600,
            object_retention_s: 7 * DAY_S,
            catalogue: None,
            trusted_proxies: Vec::new(),
            metrics: MetricsListen::Usual,
            server: ServerConfig::default(),
            tls: None,
            signing: SigningConfig::default(),
            limits: Limits::default(),
            database_url: None,
            database: StoreOptions::default(),
            charging: ChargingConfig::default(),
            exports: ExportLimits::default(),
            objects: ObjectsConfig::default(),
            webhooks: WebhooksConfig::default(),
            stated: BTreeMap::new(),
            brands: BTreeMap::from([(DEFAULT_BRAND.to_owned(), Brand::named(DEFAULT_BRAND))]),
            brand_by_host: BTreeMap::new(),
        }
    }
}

impl Config {
    /// A brand by name.
    pub fn brand(&self, name: &str) -> Option<&Brand> {
        self.brands.get(name)
    }

    /// The brand named [`DEFAULT_BRAND`].
    ///
    /// # Panics
    /// Never: every configuration has it.
    pub fn default_brand(&self) -> &Brand {
        self.brand(DEFAULT_BRAND).expect("every configuration has the default brand")
    }

    /// The brand of a company; the default brand if the configuration does not have it.
    pub fn brand_of(&self, company: &Company) -> &Brand {
        self.brand(&company.brand).unwrap_or_else(|| self.default_brand())
    }

    /// All brands, by name.
    pub fn brands(&self) -> impl Iterator<Item = &Brand> {
        self.brands.values()
    }

    /// The brand of a host, given as in a `Host` header: any case, with or without port.
    pub fn brand_of_host(&self, host: &str) -> Option<&Brand> {
        self.brand(self.brand_by_host.get(&normal_host(host))?)
    }

    /// Whether a host, given as in a `Host` header, is one at which the embedded object store serves US3 clients.
    pub fn is_us3_host(&self, host: &str) -> bool {
        !self.objects.us3_hosts.is_empty() && self.objects.us3_hosts.contains(&normal_host(host))
    }

    /// The URL at which customers of a brand reach a server that listens at `bound`: the brand's URL, else the
    /// deployment's, else that of the address. An address that means all interfaces names none, so the host of the
    /// request takes its place: `host`, given as in a `Host` header. Without a slash at the end.
    pub fn public_url(&self, brand: &Brand, bound: SocketAddr, host: Option<&str>) -> String {
        if let Some(url) = brand.public_url.as_ref().or(self.public_url.as_ref()) {
            return url.clone();
        }
        match host.and_then(link_host).filter(|_| bound.ip().is_unspecified()) {
            Some(host) => format!("{}://{host}", self.scheme()),
            None => self.url_of(bound),
        }
    }

    /// The URL of an address at which the server listens.
    pub fn url_of(&self, address: SocketAddr) -> String {
        let url = url_of_address(address);
        url.strip_prefix("http://").map_or(url.clone(), |rest| format!("{}://{rest}", self.scheme()))
    }

    fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// Whether an address belongs to a trusted proxy.
    pub fn is_trusted_proxy(&self, address: IpAddr) -> bool {
        networks::any_contains(&self.trusted_proxies, address)
    }
}
