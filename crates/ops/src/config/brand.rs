//! Brands: the sections `[brand.NAME]` of the configuration file.

use std::collections::BTreeMap;

use serde::Deserialize;
use tollbook_domain::field_rules::MAX_ENUM;
use tollbook_domain::tenant::StrictSigning;
use tollbook_domain::{Language, Rounding};
use tollbook_export::Zone;
use tollbook_export::presentation::DisplaySettings;
use tollbook_formats::toml::Source;
use toml::Spanned;

use super::hosts::{checked_host, url};
use super::signing::strict;
use super::value::{Checked, number};

/// Name of the brand that always exists.
pub const DEFAULT_BRAND: &str = "default";

/// The provider's name if no brand is configured.
const PRODUCT: &str = "Tollbook";

/// A brand under which the service is sold: its hosts, language and channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Brand {
    /// Name of its section; companies refer to it.
    pub name: String,
    /// Its host names, lower-case, without port.
    pub hosts: Vec<String>,
    /// Language of display names.
    pub language: Language,
    /// Channel of the orders of its companies.
    pub channel: i64,
    /// How amounts of orders made from usage are rounded.
    pub rounding: Rounding,
    /// Time zone of dates in workbooks.
    pub time_zone: Zone,
    /// Public URL for its customers; `None`: that of the deployment.
    pub public_url: Option<String>,
    /// What its customers must sign strictly; `None`: what `[signing]` says.
    pub strict: Option<StrictSigning>,
}

impl Brand {
    /// Display settings of exports and lists. The provider of the default brand is this product.
    pub fn display(&self) -> DisplaySettings {
        DisplaySettings {
            language: self.language,
            time_zone: self.time_zone.clone(),
            provider: if self.name == DEFAULT_BRAND { PRODUCT.to_owned() } else { self.name.clone() },
        }
    }

    pub(super) fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            hosts: Vec::new(),
            language: Language::English,
            channel: 1,
            rounding: Rounding::Exact,
            time_zone: Zone::utc(),
            public_url: None,
            strict: None,
        }
    }
}

/// The name of a rounding rule in the configuration file.
pub(super) const fn rounding_name(rounding: Rounding) -> &'static str {
    match rounding {
        Rounding::Exact => "exact",
        Rounding::CentUp => "cent_up",
    }
}

/// The rounding rule of a name in the configuration file.
pub(super) fn rounding_named(name: &str) -> Option<Rounding> {
    [Rounding::Exact, Rounding::CentUp].into_iter().find(|rounding| rounding_name(*rounding) == name)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BrandSection {
    #[serde(default)]
    hosts: Vec<Spanned<String>>,
    language: Option<Spanned<String>>,
    channel: Option<Spanned<i64>>,
    rounding: Option<Spanned<String>>,
    time_zone: Option<Spanned<String>>,
    public_url: Option<Spanned<String>>,
    strict: Option<Spanned<String>>,
}

/// Reads a section and adds its hosts to `brand_by_host`.
///
/// # Errors
/// The first fault; a host that another brand has already is one.
pub(super) fn brand(
    source: &Source<'_>,
    name: &Spanned<String>,
    section: &BrandSection,
    brand_by_host: &mut BTreeMap<String, String>,
) -> Checked<Brand> {
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
        if let Some(other) = brand_by_host.insert(normal.clone(), name.clone()) {
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
    if let Some(rounding) = &section.rounding {
        brand.rounding = rounding_named(rounding.get_ref()).ok_or_else(|| {
            let reason = "must be \"exact\" or \"cent_up\"";
            source.error(Some(rounding.span()), key("rounding"), reason)
        })?;
    }
    if let Some(zone) = &section.time_zone {
        brand.time_zone = Zone::named(zone.get_ref())
            .map_err(|unknown| source.error(Some(zone.span()), key("time_zone"), unknown.to_string()))?;
    }
    brand.public_url = url(source, &key("public_url"), section.public_url.as_ref())?;
    brand.strict = strict(source, &key("strict"), section.strict.as_ref())?;
    Ok(brand)
}
