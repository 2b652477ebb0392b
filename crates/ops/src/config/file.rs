//! Reading the configuration file: its top level, and the rules that span sections. Defaults are not here.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use tollbook_formats::toml::{FileError, Source, read_file};
use toml::Spanned;
use toml::de::{DeTable, Deserializer};

use super::brand::{BrandSection, brand};
use super::charging::{ChargingSection, charging};
use super::database::{DatabaseSection, database, database_url};
use super::exports::{ExportsSection, exports};
use super::hosts::url;
use super::limits::{LimitsSection, limits};
use super::metrics::{MetricsSection, metrics};
use super::objects::{ObjectsSection, objects};
use super::server::{ServerSection, server};
use super::settings::Config;
use super::signing::{SigningSection, signing};
use super::tls::{TlsSection, tls};
use super::value::{Checked, DAY_S, file as file_of_key, number};
use super::webhooks::{WebhooksSection, webhooks};
use crate::networks;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfigFile {
    listen: Option<Spanned<String>>,
    public_url: Option<Spanned<String>>,
    link_lifetime_s: Option<Spanned<i64>>,
    object_retention_s: Option<Spanned<i64>>,
    catalogue: Option<Spanned<String>>,
    #[serde(default)]
    trusted_proxies: Vec<Spanned<String>>,
    #[serde(default)]
    metrics: MetricsSection,
    #[serde(default)]
    server: ServerSection,
    #[serde(default)]
    tls: TlsSection,
    #[serde(default)]
    signing: SigningSection,
    #[serde(default)]
    limits: LimitsSection,
    #[serde(default)]
    database: DatabaseSection,
    #[serde(default)]
    charging: ChargingSection,
    #[serde(default)]
    exports: ExportsSection,
    #[serde(default)]
    objects: ObjectsSection,
    #[serde(default)]
    webhooks: WebhooksSection,
    #[serde(default)]
    brand: BTreeMap<Spanned<String>, BrandSection>,
}

impl Config {
    /// Reads a configuration file.
    ///
    /// # Errors
    /// The first fault, with file, line and key.
    pub fn load(file: &Path) -> Result<Self, FileError> {
        parse(file, &read_file(file)?)
    }

    /// Reads the text of a configuration file; `file` names it in errors, and relative paths in the text start from
    /// its directory.
    ///
    /// # Errors
    /// The first fault, with file, line and key.
    pub fn parse(file: &Path, text: &str) -> Result<Self, FileError> {
        parse(file, text)
    }
}

fn parse(file: &Path, text: &str) -> Checked<Config> {
    let source = Source { file, text };
    let read = toml::from_str(text).map_err(|error| source.parse_error(error))?;
    checked(&source, &read)
}

/// Reads the text of a file of which keys were removed from the table.
pub(super) fn parse_table(source: &Source<'_>, table: Spanned<DeTable<'_>>) -> Checked<Config> {
    let read =
        ConfigFile::deserialize(Deserializer::from(table)).map_err(|error| source.parse_error(error))?;
    checked(source, &read)
}

fn checked(source: &Source<'_>, read: &ConfigFile) -> Checked<Config> {
    let mut config = Config {
        metrics: metrics(source, &read.metrics)?,
        tls: tls(source, &read.tls)?,
        signing: signing(source, &read.signing)?,
        limits: limits(source, &read.limits)?,
        database: database(source, &read.database)?,
        charging: charging(source, &read.charging)?,
        exports: exports(source, &read.exports)?,
        objects: objects(source, &read.objects)?,
        webhooks: webhooks(source, &read.webhooks)?,
        database_url: database_url(source, &read.database)?,
        ..Config::default()
    };
    let longest_body = config.charging.telemetry_bytes.max(config.charging.batch_bytes);
    config.server = server(source, &read.server, longest_body, config.limits.body_bytes)?;
    if let Some(listen) = &read.listen {
        config.listen = listen.get_ref().parse().map_err(|_| {
            source.error(Some(listen.span()), "listen", "must be an address and port such as 127.0.0.1:8080")
        })?;
    }
    config.public_url = url(source, "public_url", read.public_url.as_ref())?;
    times(source, read, &mut config)?;
    config.catalogue = file_of_key(source, "catalogue", read.catalogue.as_ref())?;
    for text in &read.trusted_proxies {
        let network = networks::parse(text.get_ref()).map_err(|reason| {
            source.error(Some(text.span()), "trusted_proxies", format!("\"{}\" {reason}", text.get_ref()))
        })?;
        config.trusted_proxies.push(network);
    }
    for (name, section) in &read.brand {
        let brand = brand(source, name, section, &mut config.brand_by_host)?;
        config.brands.insert(brand.name.clone(), brand);
    }
    check_hosts(source, &read.objects, &config)?;
    Ok(config)
}

fn times(source: &Source<'_>, read: &ConfigFile, config: &mut Config) -> Checked<()> {
    // S3 signatures are valid for at most seven days.
    let lifetime = number(source, "link_lifetime_s", read.link_lifetime_s.as_ref(), 1..=7 * DAY_S)?;
    config.link_lifetime_s = lifetime.unwrap_or(config.link_lifetime_s);
    let retention =
        number(source, "object_retention_s", read.object_retention_s.as_ref(), 2..=3_650 * DAY_S)?;
    config.object_retention_s = retention.unwrap_or(config.object_retention_s);
    if config.object_retention_s > config.link_lifetime_s {
        return Ok(());
    }
    let key = read.object_retention_s.as_ref().or(read.link_lifetime_s.as_ref());
    let reason = format!(
        "is {}, but must exceed link_lifetime_s, {}: a link must not outlive its file",
        config.object_retention_s, config.link_lifetime_s
    );
    Err(source.error(key.map(Spanned::span), "object_retention_s", reason))
}

/// Refuses a host that belongs to both a brand and the embedded object store.
fn check_hosts(source: &Source<'_>, read: &ObjectsSection, config: &Config) -> Checked<()> {
    for (host, normal) in read.us3_hosts.iter().zip(&config.objects.us3_hosts) {
        if let Some(brand) = config.brand_of_host(normal) {
            let reason = format!("\"{normal}\" is a host of brand {} already", brand.name);
            return Err(source.error(Some(host.span()), "objects.us3_hosts", reason));
        }
    }
    Ok(())
}
