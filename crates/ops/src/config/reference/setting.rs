//! A key of the configuration file as it is documented and shown. The rows are in `serving`, `outside` and `billing`.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use tollbook_domain::Language;
use tollbook_domain::account::AccountKind;
use tollbook_store::database_name;

use crate::config::brand::Brand;
use crate::config::metrics::MetricsListen;
use crate::config::settings::Config;

/// A key of the configuration file.
pub struct Setting {
    /// Its section; empty at the top level, `brand.NAME` in each brand.
    pub section: &'static str,
    /// Its name in the section.
    pub name: &'static str,
    /// Its default, as documented.
    pub default: &'static str,
    /// What it may be.
    pub range: &'static str,
    /// What it means.
    pub meaning: &'static str,
    pub(super) value: Read,
}

/// How the value in force is read.
#[derive(Clone, Copy)]
pub(super) enum Read {
    Deployment(fn(&Config) -> Value),
    Brand(fn(&Brand) -> Value),
}

/// The section of brands in the table.
pub(super) const BRAND_SECTION: &str = "brand.NAME";

/// A row of the table.
pub(super) const fn setting(
    section: &'static str,
    name: &'static str,
    default: &'static str,
    range: &'static str,
    meaning: &'static str,
    value: fn(&Config) -> Value,
) -> Setting {
    Setting { section, name, default, range, meaning, value: Read::Deployment(value) }
}

/// A row of the table, of each brand.
pub(super) const fn brand_setting(
    name: &'static str,
    default: &'static str,
    range: &'static str,
    meaning: &'static str,
    value: fn(&Brand) -> Value,
) -> Setting {
    Setting { section: BRAND_SECTION, name, default, range, meaning, value: Read::Brand(value) }
}

pub(super) fn text(value: impl ToString) -> Value {
    value.to_string().into()
}

pub(super) fn optional(value: Option<impl ToString>) -> Value {
    value.map_or(Value::Null, text)
}

pub(super) fn path(value: Option<&PathBuf>) -> Value {
    optional(value.map(|path| path.display()))
}

pub(super) fn texts(values: &[impl ToString]) -> Value {
    values.iter().map(ToString::to_string).collect()
}

pub(super) fn seconds(value: Duration) -> Value {
    value.as_secs().into()
}

pub(super) fn milliseconds(value: Duration) -> Value {
    u64::try_from(value.as_millis()).unwrap_or(u64::MAX).into()
}

pub(super) fn kinds(values: &[AccountKind]) -> Value {
    values.iter().map(|kind| kind.name()).collect()
}

pub(super) fn time_of_day(at_s: Option<i64>) -> Value {
    at_s.map_or_else(|| "never".to_owned(), |at_s| format!("{:02}:{:02}", at_s / 3_600, at_s / 60 % 60))
        .into()
}

pub(super) fn metrics_listen(listen: MetricsListen) -> Value {
    listen.address().map_or_else(|| "off".into(), text)
}

pub(super) fn language(language: Language) -> Value {
    match language {
        Language::English => "en",
        Language::Chinese => "zh",
    }
    .into()
}

/// The URL of a database as it may be shown.
pub(super) fn without_password(url: &str) -> String {
    if url.starts_with("sqlite:") {
        return url.to_owned();
    }
    database_name(url).unwrap_or_else(|_| "a database whose URL cannot be read".to_owned())
}
