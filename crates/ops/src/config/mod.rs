//! The configuration file of the server: what it may say, its defaults, and the brands that it names.
//! Nothing here reads the environment or arguments; those are the command line's.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use tollbook_domain::Language;
use tollbook_store::StoreOptions;

use crate::networks;
use tollbook_export::ExportLimits;
use tollbook_export::Zone;
use tollbook_export::presentation::DisplaySettings;
use tollbook_formats::toml::{FileError, read_file};

mod charging;
mod exports;
mod file;
mod objects;

pub use charging::ChargingConfig;
pub use objects::ObjectsConfig;

/// Name of the brand that always exists.
pub const DEFAULT_BRAND: &str = "default";

/// The provider's name where no brand is configured.
const PRODUCT: &str = "Tollbook";

const DAY_S: i64 = 86_400;

/// Everything a server is told before it starts. `Config::default()` is what an empty file means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where the server listens.
    pub listen: SocketAddr,
    /// How customers reach it, without a slash at the end; see [`Config::public_url`].
    pub public_url: Option<String>,
    /// How long a download link works, in seconds.
    pub link_lifetime_s: i64,
    /// How long an exported file is kept, in seconds; longer than any link to it works.
    pub object_retention_s: i64,
    /// The catalogue file, if there is one.
    pub catalogue: Option<PathBuf>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// What one request may cost.
    pub limits: Limits,
    /// How the database is used.
    pub database: StoreOptions,
    /// How usage is charged.
    pub charging: ChargingConfig,
    /// What exports may take.
    pub exports: ExportLimits,
    /// Where exports go.
    pub objects: ObjectsConfig,
    brands: BTreeMap<String, Brand>,
    brand_by_host: BTreeMap<String, String>,
}

/// What one request may cost before anything about its sender is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest body, in bytes.
    pub body_bytes: usize,
    /// Most parameters.
    pub parameters: usize,
    /// Deepest nesting of JSON.
    pub json_depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { body_bytes: 1024 * 1024, parameters: 2_000, json_depth: 32 }
    }
}

/// One face of the service: its hosts, its language, its channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Brand {
    /// Name of its section; companies refer to it.
    pub name: String,
    /// Host names that it answers to, lower-case, without port.
    pub hosts: Vec<String>,
    /// Language of display names.
    pub language: Language,
    /// Channel of the orders made for its companies.
    pub channel: i64,
    /// Time zone of dates in workbooks.
    pub time_zone: Zone,
    /// How its customers reach it, if not as all do.
    pub public_url: Option<String>,
}

impl Brand {
    /// How exports and lists are shown to its customers. The default brand sells under the name of this product.
    pub fn display(&self) -> DisplaySettings {
        DisplaySettings {
            language: self.language,
            time_zone: self.time_zone.clone(),
            provider: if self.name == DEFAULT_BRAND { PRODUCT.to_owned() } else { self.name.clone() },
        }
    }

    fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            hosts: Vec::new(),
            language: Language::English,
            channel: 1,
            time_zone: Zone::utc(),
            public_url: None,
        }
    }
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
            limits: Limits::default(),
            database: StoreOptions::default(),
            charging: ChargingConfig::default(),
            exports: ExportLimits::default(),
            objects: ObjectsConfig::default(),
            brands: BTreeMap::from([(DEFAULT_BRAND.to_owned(), Brand::named(DEFAULT_BRAND))]),
            brand_by_host: BTreeMap::new(),
        }
    }
}

impl Config {
    /// Reads a configuration file.
    ///
    /// # Errors
    /// The first thing that is wrong, with file, line and key.
    pub fn load(file: &Path) -> Result<Self, FileError> {
        Self::parse(file, &read_file(file)?)
    }

    /// The same for a text; `file` names it in errors, and relative paths in it start from there.
    pub fn parse(file: &Path, text: &str) -> Result<Self, FileError> {
        file::parse(file, text)
    }

    /// The brand of a name.
    pub fn brand(&self, name: &str) -> Option<&Brand> {
        self.brands.get(name)
    }

    /// The brand that is always there.
    ///
    /// # Panics
    /// Never: no configuration is made without it.
    pub fn default_brand(&self) -> &Brand {
        self.brand(DEFAULT_BRAND).expect("every configuration has the default brand")
    }

    /// All brands, by name.
    pub fn brands(&self) -> impl Iterator<Item = &Brand> {
        self.brands.values()
    }

    /// The brand that claims a host, given as a `Host` header has it: any case, with or without port.
    pub fn brand_of_host(&self, host: &str) -> Option<&Brand> {
        self.brand(self.brand_by_host.get(&normal_host(host))?)
    }

    /// Whether a host, given as a `Host` header has it, is one of the embedded store's to US3 clients.
    pub fn is_us3_host(&self, host: &str) -> bool {
        !self.objects.us3_hosts.is_empty() && self.objects.us3_hosts.contains(&normal_host(host))
    }

    /// How the customers of a brand reach a server that listens at `bound`: the brand's URL, else the deployment's,
    /// else `http://` and that address. Without a slash at the end.
    pub fn public_url(&self, brand: &Brand, bound: SocketAddr) -> String {
        match brand.public_url.as_ref().or(self.public_url.as_ref()) {
            Some(url) => url.clone(),
            None => url_of_address(bound),
        }
    }

    /// Whether an address is one of the trusted proxies.
    pub fn is_trusted_proxy(&self, address: IpAddr) -> bool {
        networks::any_contains(&self.trusted_proxies, address)
    }
}

/// The URL of a server for clients on its machine. "All interfaces" is nothing that can be opened in a browser; the
/// machine's own address is.
pub fn url_of_address(bound: SocketAddr) -> String {
    let host = match bound.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::from([127, 0, 0, 1]),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]),
        ip => ip,
    };
    format!("http://{}", SocketAddr::new(host, bound.port()))
}

/// Lower-case, without port and without the dot that may end a full name.
fn normal_host(host: &str) -> String {
    let name = match host.rsplit_once(':') {
        // The colons inside of brackets are an address's own.
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    name.trim_end_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
mod tests;
