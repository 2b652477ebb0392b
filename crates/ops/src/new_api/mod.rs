//! Reads the log of new-api and stores its usage (docs/GATEWAYS.md, "new-api").
//!
//! Ids of rows are assigned before their transactions commit, so a row may appear behind one with a greater id. The
//! position therefore stays before a gap of ids until the gap is old; rows behind it are read again, and are duplicates
//! by their identities. The position is stored after the records of a batch: after a crash, too, rows are read again.

mod mysql;
mod postgres;
mod source;
mod sqlite;

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use tollbook_domain::{OwnerMap, Usage};
use tollbook_formats::usage::{Mapped, Mapping};
use tollbook_store::{Store, StoreError, StoreResult};

pub use source::{Behind, LogRow, LogSource, SourceError};

use self::mysql::MySqlLog;
use self::postgres::PostgresLog;
use self::sqlite::SqliteLog;
use crate::charging::{Charging, Rater, UsageResult};
use crate::tenancy::owners::Owners;

/// Name of the source of owner rules, and of the mapping.
pub const NEW_API: &str = "new-api";
/// Rows of one batch.
const BATCH_ROWS: i64 = 2_000;
/// How many seconds a missing id may still appear.
const GAP_S: i64 = 60;
/// Most reasons that are counted apart.
const MAX_REASONS: usize = 100;

/// Why the log is not followed.
#[derive(Debug, thiserror::Error)]
pub enum TailError {
    /// The log cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The log ends before the stored position.
    #[error(
        "the log of {name:?} ends at row {last}, but was read up to row {position}: this is another log; state another --name"
    )]
    OtherLog {
        /// Name of the log.
        name: String,
        /// Its last row.
        last: i64,
        /// The stored position.
        position: i64,
    },
    /// The name of the log, or the built-in mapping, cannot be used.
    #[error("{0}")]
    Mapping(String),
    /// The time of a row does not fit the clock of this machine.
    #[error("row {id}: {reason} by the clock of this machine; if the clock is right, the log's is wrong")]
    Clock {
        /// The row.
        id: i64,
        /// What is wrong with its time.
        reason: String,
    },
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What became of the rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TailCounts {
    /// Rows that were read for the first time by this process.
    pub read: u64,
    /// Charged records.
    pub charged: u64,
    /// Records that cost nothing.
    pub free: u64,
    /// Records without a price.
    pub unpriced: u64,
    /// Records that were stored before.
    pub duplicate: u64,
    /// Refused rows.
    pub refused: u64,
    /// Rows that are no consumption.
    pub skipped: u64,
    /// Rows that were refused, by reason, with the id of the first.
    pub reasons: BTreeMap<String, (u64, i64)>,
    /// The last row that was read.
    pub last_id: i64,
}

impl TailCounts {
    fn refuse(&mut self, id: i64, reason: String) {
        self.refused += 1;
        let is_known = self.reasons.contains_key(&reason) || self.reasons.len() < MAX_REASONS;
        let reason = if is_known { reason } else { "other reasons".to_owned() };
        self.reasons.entry(reason).or_insert((0, id)).0 += 1;
    }
}

/// Names of a row by which its owner is looked up.
#[derive(Deserialize)]
struct RowNames {
    token_id: Option<i64>,
    token_name: Option<String>,
    group: Option<String>,
    username: Option<String>,
    user_id: Option<i64>,
}

/// Reads a log from its stored position on.
pub struct Tail<'a> {
    store: &'a dyn Store,
    rater: Rater<'a>,
    mapping: Mapping,
    owners: Owners,
    name: String,
    /// Every row up to it was stored, or cannot appear any longer.
    position: i64,
    since_s: i64,
    /// Rows behind the position that were stored by this process: when they were written, and when they were first seen.
    stored: BTreeMap<i64, (i64, i64)>,
    /// When the newest row that was read was written.
    newest_s: i64,
}

impl<'a> Tail<'a> {
    /// Continues the log of a name at its stored position. With `since_s`, it begins at the first row that was written then
    /// or later, whatever was read before; records that are stored already are duplicates.
    ///
    /// # Errors
    /// The log is another one than before, the name cannot be used, or a database fails.
    pub fn new(
        charging: Charging<'a>,
        source: &mut dyn LogSource,
        name: &str,
        since_s: Option<i64>,
    ) -> Result<Self, TailError> {
        let constants =
            [("company_id", "0"), ("organization_id", "0"), ("resource_id", "-"), ("source", name)];
        let mapping = Mapping::built_in(NEW_API)
            .ok_or_else(|| "there is no mapping new-api".to_owned())
            .and_then(|mapping| mapping.with_constants(&constants))
            .map_err(TailError::Mapping)?;
        let stored = charging.store.snapshot()?.setting(&setting(name))?;
        let stored = stored.map_or(Ok(0), |text| {
            text.parse().map_err(|_| StoreError::Damaged(format!("the position of {name:?} is not a number")))
        })?;
        let last = source.last_id()?;
        if stored > last && since_s.is_none() {
            return Err(TailError::OtherLog { name: name.to_owned(), last, position: stored });
        }
        Ok(Self {
            store: charging.store,
            rater: Rater::new(charging, charging.config.charging.limits_of_files()),
            mapping,
            owners: Owners::default(),
            name: name.to_owned(),
            position: if since_s.is_some() { 0 } else { stored },
            since_s: since_s.unwrap_or(0),
            stored: BTreeMap::new(),
            newest_s: 0,
        })
    }

    /// Reads and stores what the log has now. Returns what became of it.
    ///
    /// # Errors
    /// Those of either database. What was stored before the error stays; the next call continues.
    pub fn catch_up(&mut self, source: &mut dyn LogSource, now_s: i64) -> Result<TailCounts, TailError> {
        let mut counts = TailCounts::default();
        let mut behind = Behind { id: self.position, created_s: self.since_s };
        loop {
            let rows = source.rows(behind, BATCH_ROWS)?;
            let Some(last) = rows.last() else { break };
            behind.id = last.id;
            let is_last = i64::try_from(rows.len()).unwrap_or(i64::MAX) < BATCH_ROWS;
            self.store_rows(&rows, now_s, &mut counts)?;
            self.advance(&rows, now_s)?;
            if is_last {
                break;
            }
        }
        counts.last_id = behind.id;
        Ok(counts)
    }

    fn store_rows(&mut self, rows: &[LogRow], now_s: i64, counts: &mut TailCounts) -> Result<(), TailError> {
        let owners = self.owners.current(self.store.snapshot()?.as_mut())?;
        let (mut records, mut ids) = (Vec::new(), Vec::new());
        for row in rows.iter().filter(|row| !self.stored.contains_key(&row.id)) {
            counts.read += 1;
            let number = u64::try_from(row.id).unwrap_or(0);
            for mapped in self.mapping.map_json(&row.json, number) {
                match mapped {
                    Mapped::Skipped(_) => counts.skipped += 1,
                    Mapped::Refused(reason) => counts.refuse(row.id, reason),
                    Mapped::Usage { usage, .. } => match owned(&owners, *usage, &row.json) {
                        Ok(usage) => {
                            records.push(usage);
                            ids.push(row.id);
                        }
                        Err(reason) => counts.refuse(row.id, reason),
                    },
                }
            }
        }
        let results = self.rater.accept(records, now_s, None)?;
        for (id, result) in ids.into_iter().zip(results) {
            match result {
                UsageResult::Charged => counts.charged += 1,
                UsageResult::Free => counts.free += 1,
                UsageResult::Unpriced(_) => counts.unpriced += 1,
                UsageResult::Duplicate => counts.duplicate += 1,
                UsageResult::Refused(reason) => counts.refuse(id, reason),
                // The position must not pass the row: it is read again.
                UsageResult::Postponed(reason) => return Err(TailError::Clock { id, reason }),
            }
        }
        Ok(())
    }

    /// Moves the position over stored rows without gaps, and over gaps that are old, and stores it.
    fn advance(&mut self, rows: &[LogRow], now_s: i64) -> StoreResult<()> {
        let before = self.position;
        for row in rows {
            self.stored.entry(row.id).or_insert((row.created_s, now_s));
        }
        self.newest_s = rows.iter().map(|row| row.created_s).max().unwrap_or(0).max(self.newest_s);
        while let Some((next, (written_s, seen_s))) = self.stored.first_key_value().map(|(id, at)| (*id, *at))
        {
            // Before the first row there is no gap: new-api deletes old rows.
            let has_gap = self.position > 0 && next > self.position.saturating_add(1);
            // Rows that are newer by more than a transaction takes are there, or the row has been seen for as long.
            let age_s = self.newest_s.saturating_sub(written_s).max(now_s.saturating_sub(seen_s));
            if has_gap && age_s < GAP_S {
                break;
            }
            self.position = self.position.max(next);
            self.stored.pop_first();
        }
        if self.position == before {
            return Ok(());
        }
        let mut transaction = self.store.begin()?;
        // A replay of older rows must not lead back another process that follows the log.
        let known = transaction.setting(&setting(&self.name))?.and_then(|text| text.parse::<i64>().ok());
        if known.is_none_or(|known| known < self.position) {
            transaction.set_setting(&setting(&self.name), &self.position.to_string())?;
            transaction.commit()?;
        }
        Ok(())
    }
}

/// Opens the log at a URL, `mysql://`, `postgres://` or `sqlite:PATH`, or in the SQLite file of a path.
///
/// # Errors
/// The URL is none of these, or what the database says.
pub fn open_log(from: &str) -> Result<Box<dyn LogSource>, SourceError> {
    if from.starts_with("mysql://") {
        return Ok(Box::new(MySqlLog::open(from)?));
    }
    if from.starts_with("postgres://") || from.starts_with("postgresql://") {
        return Ok(Box::new(PostgresLog::open(from)?));
    }
    let path = from.strip_prefix("sqlite:").unwrap_or(from);
    if path.contains("://") {
        return Err(SourceError("its URL must be mysql://, postgres:// or sqlite:PATH".to_owned()));
    }
    Ok(Box::new(SqliteLog::open(Path::new(path))?))
}

/// Name of the setting with the position of a log.
fn setting(name: &str) -> String {
    format!("new-api position {name}")
}

/// The record with its owner; the error is the reason of its refusal.
fn owned(owners: &OwnerMap, mut usage: Usage, json: &str) -> Result<Usage, String> {
    let names: RowNames =
        serde_json::from_str(json).map_err(|error| format!("the row cannot be read: {error}"))?;
    let number = |number: Option<i64>| number.filter(|number| *number != 0).map(|number| number.to_string());
    let (token_id, user_id) = (number(names.token_id), number(names.user_id));
    let text = |text: &'_ Option<String>| text.as_deref().unwrap_or_default().to_owned();
    let texts = [&token_id, &names.token_name, &names.group, &names.username, &user_id].map(text);
    let kinds = ["key_id", "key_alias", "team", "user", "user"];
    let by: Vec<(&str, &str)> = kinds.into_iter().zip(texts.iter().map(String::as_str)).collect();
    let Some(owner) = owners.owner(NEW_API, &by) else {
        let stated = by.iter().filter(|(_, text)| !text.is_empty());
        let stated: Vec<String> = stated.map(|(kind, text)| format!("{kind} {text:?}")).collect();
        return Err(format!("company_id: no rule of {NEW_API} says whom {} belongs to", stated.join(", ")));
    };
    usage.company_id = owner.company_id;
    usage.organization_id = owner.organization_id;
    usage.resource_id = owner.resource_id;
    if !owner.resource_name.is_empty() {
        usage.resource_name = owner.resource_name;
    }
    Ok(usage)
}
