//! The section `[database]` of the configuration file. Defaults are the store's.

use std::time::Duration;

use serde::Deserialize;
use tollbook_formats::toml::Source;
use tollbook_store::StoreOptions;
use toml::Spanned;

use super::value::{Checked, number};

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DatabaseSection {
    url: Option<Spanned<String>>,
    connections: Option<Spanned<i64>>,
    connect_timeout_s: Option<Spanned<i64>>,
    statement_timeout_s: Option<Spanned<i64>>,
    lock_timeout_s: Option<Spanned<i64>>,
    replica_staleness_ms: Option<Spanned<i64>>,
}

/// The URL of the database; the text is not repeated in errors, because it may hold a password.
pub(super) fn database_url(source: &Source<'_>, read: &DatabaseSection) -> Checked<Option<String>> {
    let Some(url) = &read.url else { return Ok(None) };
    let text = url.get_ref();
    let file = text.strip_prefix("sqlite:").map(|path| path.strip_prefix("//").unwrap_or(path));
    if file.is_some_and(|path| !path.is_empty())
        || text.starts_with("postgres://")
        || text.starts_with("postgresql://")
    {
        return Ok(Some(text.clone()));
    }
    let reason = "must be sqlite:PATH or postgres://USER:PASSWORD@HOST:PORT/DATABASE";
    Err(source.error(Some(url.span()), "database.url", reason))
}

pub(super) fn database(source: &Source<'_>, read: &DatabaseSection) -> Checked<StoreOptions> {
    let default = StoreOptions::default();
    let value = |key, value: &Option<Spanned<i64>>, range| {
        Ok(number(source, key, value.as_ref(), range)?.and_then(|number| u64::try_from(number).ok()))
    };
    let connections = value("database.connections", &read.connections, 2..=1_000)?;
    let connect = value("database.connect_timeout_s", &read.connect_timeout_s, 1..=60)?;
    let statement = value("database.statement_timeout_s", &read.statement_timeout_s, 1..=3_600)?;
    let lock = value("database.lock_timeout_s", &read.lock_timeout_s, 1..=600)?;
    let staleness = value("database.replica_staleness_ms", &read.replica_staleness_ms, 0..=60_000)?;
    Ok(StoreOptions {
        connections: connections
            .and_then(|number| usize::try_from(number).ok())
            .unwrap_or(default.connections),
        connect_timeout: connect.map_or(default.connect_timeout, Duration::from_secs),
        statement_timeout: statement.map_or(default.statement_timeout, Duration::from_secs),
        lock_timeout: lock.map_or(default.lock_timeout, Duration::from_secs),
        replica_staleness: staleness.map_or(default.replica_staleness, Duration::from_millis),
        ..default
    })
}
