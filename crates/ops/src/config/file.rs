//! From the text of the configuration file to a [`Config`]: shapes as serde reads them, then the rules that each
//! value obeys. Defaults are not here.

use std::collections::BTreeMap;
use std::ops::{Range, RangeInclusive};
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use tollbook_domain::Language;
use tollbook_domain::field_rules::MAX_ENUM;
use tollbook_store::StoreOptions;
use toml::Spanned;

use super::charging::{ChargingSection, charging};
use super::exports::{ExportsSection, exports};
use super::objects::{ObjectsSection, check_hosts, objects};
use super::{Brand, Config, DAY_S, Limits, normal_host};
use crate::networks;
use tollbook_export::Zone;
use tollbook_formats::toml::{FileError, Source};

pub(super) type Checked<T> = Result<T, FileError>;

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
    brand: BTreeMap<Spanned<String>, BrandSection>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct LimitsSection {
    body_bytes: Option<Spanned<i64>>,
    parameters: Option<Spanned<i64>>,
    json_depth: Option<Spanned<i64>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct DatabaseSection {
    connections: Option<Spanned<i64>>,
    connect_timeout_s: Option<Spanned<i64>>,
    statement_timeout_s: Option<Spanned<i64>>,
    replica_staleness_ms: Option<Spanned<i64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BrandSection {
    #[serde(default)]
    hosts: Vec<Spanned<String>>,
    language: Option<Spanned<String>>,
    channel: Option<Spanned<i64>>,
    time_zone: Option<Spanned<String>>,
    public_url: Option<Spanned<String>>,
}

pub(super) fn parse(file: &Path, text: &str) -> Checked<Config> {
    let source = Source { file, text };
    let read: ConfigFile = toml::from_str(text).map_err(|error| source.parse_error(error))?;
    let mut config = Config {
        limits: limits(&source, &read.limits)?,
        database: database(&source, &read.database)?,
        charging: charging(&source, &read.charging)?,
        exports: exports(&source, &read.exports)?,
        objects: objects(&source, &read.objects)?,
        ..Config::default()
    };
    if let Some(listen) = &read.listen {
        config.listen = listen.get_ref().parse().map_err(|_| {
            source.error(Some(listen.span()), "listen", "must be an address and port such as 127.0.0.1:8080")
        })?;
    }
    config.public_url = url(&source, "public_url", read.public_url.as_ref())?;
    times(&source, &read, &mut config)?;
    if let Some(catalogue) = &read.catalogue {
        if catalogue.get_ref().is_empty() {
            return Err(source.error(Some(catalogue.span()), "catalogue", "must name a file"));
        }
        // A relative path means the same wherever the server is started from.
        config.catalogue = Some(file.parent().unwrap_or(Path::new("")).join(catalogue.get_ref()));
    }
    for text in &read.trusted_proxies {
        let network = networks::parse(text.get_ref()).map_err(|reason| {
            source.error(Some(text.span()), "trusted_proxies", format!("\"{}\" {reason}", text.get_ref()))
        })?;
        config.trusted_proxies.push(network);
    }
    for (name, section) in &read.brand {
        add_brand(&source, &mut config, name, section)?;
    }
    check_hosts(&source, &read.objects, &config)?;
    Ok(config)
}

fn times(source: &Source<'_>, read: &ConfigFile, config: &mut Config) -> Checked<()> {
    // Seven days is the longest that the signatures of S3 last.
    let lifetime = number(source, "link_lifetime_s", read.link_lifetime_s.as_ref(), 1..=7 * DAY_S)?;
    config.link_lifetime_s = lifetime.unwrap_or(config.link_lifetime_s);
    let retention =
        number(source, "object_retention_s", read.object_retention_s.as_ref(), 2..=3_650 * DAY_S)?;
    config.object_retention_s = retention.unwrap_or(config.object_retention_s);
    if config.object_retention_s > config.link_lifetime_s {
        return Ok(());
    }
    let said = read.object_retention_s.as_ref().or(read.link_lifetime_s.as_ref());
    let reason = format!(
        "is {}, but must exceed link_lifetime_s, {}: a link must not outlive its file",
        config.object_retention_s, config.link_lifetime_s
    );
    Err(source.error(said.map(Spanned::span), "object_retention_s", reason))
}

fn limits(source: &Source<'_>, read: &LimitsSection) -> Checked<Limits> {
    let limit = |key, value: &Option<Spanned<i64>>, range, default| -> Checked<usize> {
        let number = number(source, key, value.as_ref(), range)?;
        Ok(number.and_then(|number| usize::try_from(number).ok()).unwrap_or(default))
    };
    let default = Limits::default();
    Ok(Limits {
        // The smallest values still let through every request that the API documents.
        body_bytes: limit("limits.body_bytes", &read.body_bytes, 65_536..=67_108_864, default.body_bytes)?,
        parameters: limit("limits.parameters", &read.parameters, 1_200..=100_000, default.parameters)?,
        json_depth: limit("limits.json_depth", &read.json_depth, 2..=128, default.json_depth)?,
    })
}

fn database(source: &Source<'_>, read: &DatabaseSection) -> Checked<StoreOptions> {
    let default = StoreOptions::default();
    let value = |key, value: &Option<Spanned<i64>>, range| {
        Ok(number(source, key, value.as_ref(), range)?.and_then(|number| u64::try_from(number).ok()))
    };
    let connections = value("database.connections", &read.connections, 2..=1_000)?;
    let connect = value("database.connect_timeout_s", &read.connect_timeout_s, 1..=60)?;
    let statement = value("database.statement_timeout_s", &read.statement_timeout_s, 1..=3_600)?;
    let staleness = value("database.replica_staleness_ms", &read.replica_staleness_ms, 0..=60_000)?;
    Ok(StoreOptions {
        connections: connections
            .and_then(|number| usize::try_from(number).ok())
            .unwrap_or(default.connections),
        connect_timeout: connect.map_or(default.connect_timeout, Duration::from_secs),
        statement_timeout: statement.map_or(default.statement_timeout, Duration::from_secs),
        replica_staleness: staleness.map_or(default.replica_staleness, Duration::from_millis),
        ..default
    })
}

fn add_brand(
    source: &Source<'_>,
    config: &mut Config,
    name: &Spanned<String>,
    section: &BrandSection,
) -> Checked<()> {
    let (name, span) = (name.get_ref(), name.span());
    let letters = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
    if name.is_empty() || name.len() > 64 || !name.bytes().all(letters) {
        let reason = "a brand is named by 1 to 64 of a-z, 0-9, _ and -";
        return Err(source.error(Some(span), format!("brand.{name}"), reason));
    }
    let mut brand = Brand::named(name);
    let key = |field: &str| format!("brand.{name}.{field}");
    for host in &section.hosts {
        let normal = checked_host(host.get_ref())
            .map_err(|reason| source.error(Some(host.span()), key("hosts"), reason))?;
        if let Some(other) = config.brand_by_host.insert(normal.clone(), name.clone()) {
            let reason = format!("\"{normal}\" is a host of brand {other} already");
            return Err(source.error(Some(host.span()), key("hosts"), reason));
        }
        brand.hosts.push(normal);
    }
    if let Some(language) = &section.language {
        brand.language = match language.get_ref().as_str() {
            "en" => Language::English,
            "zh" => Language::Chinese,
            _ => {
                return Err(source.error(Some(language.span()), key("language"), "must be \"en\" or \"zh\""));
            }
        };
    }
    if let Some(channel) = number(source, &key("channel"), section.channel.as_ref(), 0..=MAX_ENUM)? {
        brand.channel = channel;
    }
    if let Some(zone) = &section.time_zone {
        brand.time_zone = Zone::named(zone.get_ref())
            .map_err(|unknown| source.error(Some(zone.span()), key("time_zone"), unknown.to_string()))?;
    }
    brand.public_url = url(source, &key("public_url"), section.public_url.as_ref())?;
    config.brands.insert(name.clone(), brand);
    Ok(())
}

pub(super) fn number(
    source: &Source<'_>,
    key: &str,
    value: Option<&Spanned<i64>>,
    range: RangeInclusive<i64>,
) -> Checked<Option<i64>> {
    match value {
        Some(value) if !range.contains(value.get_ref()) => {
            let reason = format!("must be between {} and {}", range.start(), range.end());
            Err(source.error(Some(value.span()), key, reason))
        }
        value => Ok(value.map(|value| *value.get_ref())),
    }
}

pub(super) fn checked_host(host: &str) -> Result<String, String> {
    let name_letters = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let bracketed = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let is_address = bracketed.is_some_and(|inside| inside.parse::<std::net::Ipv6Addr>().is_ok());
    let is_name = !host.trim_matches('.').is_empty() && host.len() <= 253 && host.bytes().all(name_letters);
    if is_address || is_name {
        Ok(normal_host(host))
    } else {
        Err(format!("\"{host}\" is not a host name; it has no scheme, port or wildcard"))
    }
}

pub(super) fn url(
    source: &Source<'_>,
    key: &str,
    value: Option<&Spanned<String>>,
) -> Checked<Option<String>> {
    let Some(value) = value else { return Ok(None) };
    match checked_url(value.get_ref()) {
        Ok(url) => Ok(Some(url)),
        Err(reason) => {
            let span: Range<usize> = value.span();
            Err(source.error(Some(span), key, reason))
        }
    }
}

/// Only what a link can be built on: scheme, host, perhaps port and path.
fn checked_url(url: &str) -> Result<String, &'static str> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let Some(rest) = rest else { return Err("must begin with http:// or https://") };
    if url.contains(['?', '#']) {
        return Err("must have no query and no fragment");
    }
    if !url.bytes().all(|byte| byte.is_ascii_graphic()) || url.contains(['"', '<', '>', '\\', '@']) {
        return Err("must have no spaces, user name or characters that a URL cannot have");
    }
    let authority = rest.split_once('/').map_or(rest, |(authority, _)| authority);
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => {
            port.parse::<u16>().map_err(|_| "must have a port between 0 and 65535")?;
            host
        }
        _ => authority,
    };
    checked_host(host).map_err(|_| "must name a host")?;
    Ok(url.trim_end_matches('/').to_owned())
}
