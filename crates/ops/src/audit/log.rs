//! Reading, checking and exporting the audit log. An export is JSON Lines: one entry a line, the chains one after the other.

use std::collections::BTreeMap;
use std::io::{BufRead, Write};

use serde::{Deserialize, Serialize};
use tollbook_store::{
    Actor, ActorKind, AuditEntry, ChainCheck, ChainHead, DEPLOYMENT_CHAIN, Snapshot, StoreError, StoreResult,
};

use super::acts::ActKind;
use super::memory::AuditMemory;

/// Entries that are read at a time.
const ENTRIES_PER_READ: i64 = 1_000;
/// The longest line of an export, in bytes. Names are bounded, and so are the values of an entry.
const LONGEST_LINE: u64 = 1 << 20;
/// Differences that are reported.
const MAX_DIFFERENCES: usize = 100;

/// Which entries are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Those of one company; [`DEPLOYMENT_CHAIN`] for those of the deployment.
    pub company_id: Option<i64>,
    /// The first time, Unix seconds.
    pub from_s: Option<i64>,
    /// The time after the last one, Unix seconds.
    pub to_s: Option<i64>,
    /// An act such as `key.add`, or a group of acts such as `key`.
    pub act: Option<String>,
}

impl AuditFilter {
    fn wants(&self, entry: &AuditEntry) -> bool {
        let is_act = |wanted: &String| {
            entry.act == *wanted || entry.act.split_once('.').is_some_and(|(group, _)| group == wanted)
        };
        self.from_s.is_none_or(|from_s| entry.time_s >= from_s)
            && self.to_s.is_none_or(|to_s| entry.time_s < to_s)
            && self.act.as_ref().is_none_or(is_act)
    }

    /// Refuses an act that does not exist, and a company that does not.
    fn check(&self, snapshot: &mut dyn Snapshot) -> Result<(), AuditLogError> {
        if let Some(act) = &self.act
            && !ActKind::ALL.iter().any(|kind| {
                kind.name() == act || kind.name().split_once('.').is_some_and(|(group, _)| group == act)
            })
        {
            return Err(AuditLogError::UnknownAct(act.clone()));
        }
        match self.company_id {
            Some(company_id) if company_id != DEPLOYMENT_CHAIN && snapshot.company(company_id)?.is_none() => {
                Err(AuditLogError::UnknownCompany(company_id))
            }
            _ => Ok(()),
        }
    }
}

/// Why the audit log was not read.
#[derive(Debug, thiserror::Error)]
pub enum AuditLogError {
    /// There is no such act.
    #[error("{0:?} is no act of the audit log: it must be one such as key.add, or a group such as key")]
    UnknownAct(String),
    /// The company does not exist.
    #[error("company {0} does not exist")]
    UnknownCompany(i64),
    /// A line of an export is no entry.
    #[error("line {line}: {reason}")]
    Line {
        /// Its number, from 1.
        line: u64,
        /// What is wrong.
        reason: String,
    },
    /// The file cannot be read or written.
    #[error(transparent)]
    File(#[from] std::io::Error),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An entry as it is shown and exported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct ListedEntry {
    /// The company; 0 for the deployment.
    #[serde(rename = "CompanyID")]
    pub company_id: i64,
    /// Its number in the company's chain.
    pub entry_no: i64,
    /// Unix seconds.
    pub time: i64,
    /// Kind of the actor.
    pub actor_kind: String,
    /// Name of the actor.
    pub actor: String,
    /// From where.
    pub origin: String,
    /// The act.
    pub act: String,
    /// The values before, a text of JSON, or empty.
    pub before: String,
    /// The values after, a text of JSON, or empty.
    pub after: String,
    /// Why, or empty.
    pub reason: String,
    /// In hexadecimal.
    pub hash: String,
}

impl From<AuditEntry> for ListedEntry {
    fn from(entry: AuditEntry) -> Self {
        Self {
            company_id: entry.company_id,
            entry_no: entry.entry_no,
            time: entry.time_s,
            actor_kind: entry.actor.kind.name().to_owned(),
            actor: entry.actor.name,
            origin: entry.actor.origin,
            act: entry.act,
            before: entry.before,
            after: entry.after,
            reason: entry.reason,
            hash: hex::encode(entry.hash),
        }
    }
}

impl ListedEntry {
    /// The entry; the error says which member cannot be read.
    fn entry(self) -> Result<AuditEntry, String> {
        let kind = ActorKind::from_name(&self.actor_kind)
            .ok_or_else(|| format!("ActorKind: {:?} is not a kind of actor", self.actor_kind))?;
        let hash = hex::decode(&self.hash).ok().and_then(|bytes| bytes.try_into().ok());
        Ok(AuditEntry {
            company_id: self.company_id,
            entry_no: self.entry_no,
            time_s: self.time,
            actor: Actor::new(kind, self.actor, self.origin),
            act: self.act,
            before: self.before,
            after: self.after,
            reason: self.reason,
            hash: hash.ok_or("Hash: must be 64 hexadecimal digits")?,
        })
    }
}

/// The chains of a deployment: its own, and those of its companies.
fn chains(snapshot: &mut dyn Snapshot, company_id: Option<i64>) -> StoreResult<Vec<i64>> {
    if let Some(company_id) = company_id {
        return Ok(vec![company_id]);
    }
    let companies = snapshot.companies()?;
    Ok(std::iter::once(DEPLOYMENT_CHAIN).chain(companies.iter().map(|company| company.company_id)).collect())
}

/// Calls `each` with every entry of a chain, in order.
fn read_chain<E: From<StoreError>>(
    snapshot: &mut dyn Snapshot,
    company_id: i64,
    mut each: impl FnMut(AuditEntry) -> Result<(), E>,
) -> Result<(), E> {
    let mut from_no = 0;
    loop {
        let entries = snapshot.audit_entries(company_id, from_no, ENTRIES_PER_READ)?;
        let Some(last) = entries.last() else { return Ok(()) };
        from_no = last.entry_no + 1;
        entries.into_iter().try_for_each(&mut each)?;
    }
}

/// The last `limit` entries that a filter wants, by time, company and number.
///
/// # Errors
/// The act or the company does not exist, or the store fails.
pub fn list(
    snapshot: &mut dyn Snapshot,
    filter: &AuditFilter,
    limit: usize,
) -> Result<Vec<ListedEntry>, AuditLogError> {
    filter.check(snapshot)?;
    let mut newest: BTreeMap<(i64, i64, i64), AuditEntry> = BTreeMap::new();
    for company_id in chains(snapshot, filter.company_id)? {
        read_chain::<AuditLogError>(snapshot, company_id, |entry| {
            if filter.wants(&entry) {
                newest.insert((entry.time_s, entry.company_id, entry.entry_no), entry);
                if newest.len() > limit {
                    newest.pop_first();
                }
            }
            Ok(())
        })?;
    }
    Ok(newest.into_values().map(ListedEntry::from).collect())
}

/// Result of checking the chains.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChainReport {
    /// Chains with entries.
    pub chains: u64,
    /// Their entries.
    pub entries: u64,
    /// What is wrong, one text for each difference.
    pub differences: Vec<String>,
}

/// Checks all chains, or one, against themselves, their heads, and what is remembered outside the database.
///
/// # Errors
/// The company does not exist, or the store fails.
pub fn verify(
    snapshot: &mut dyn Snapshot,
    memory: Option<&AuditMemory>,
    company_id: Option<i64>,
) -> Result<ChainReport, AuditLogError> {
    AuditFilter { company_id, ..AuditFilter::default() }.check(snapshot)?;
    let deployment_id = snapshot.deployment_state()?.deployment_id;
    let mut report = ChainReport::default();
    for company_id in chains(snapshot, company_id)? {
        let mut check = ChainCheck::new(company_id);
        if let Some(head) = memory.and_then(|memory| memory.head(&deployment_id, company_id)) {
            check = check.expecting(head);
        }
        let mut entries = 0;
        read_chain::<AuditLogError>(snapshot, company_id, |entry| {
            entries += 1;
            report.differences.extend(check.next(&entry));
            Ok(())
        })?;
        report.differences.extend(check.end(snapshot.audit_head(company_id)?));
        report.chains += u64::from(entries > 0);
        report.entries += entries;
    }
    report.differences.truncate(MAX_DIFFERENCES);
    Ok(report)
}

/// Writes all entries, chain by chain, from one snapshot. Returns their number and the number of chains.
///
/// # Errors
/// The company does not exist, the store fails, or the file cannot be written.
pub fn export_log(
    snapshot: &mut dyn Snapshot,
    company_id: Option<i64>,
    out: &mut dyn Write,
) -> Result<(u64, u64), AuditLogError> {
    AuditFilter { company_id, ..AuditFilter::default() }.check(snapshot)?;
    let (mut entries, mut found) = (0, 0);
    for company_id in chains(snapshot, company_id)? {
        let before = entries;
        read_chain::<AuditLogError>(snapshot, company_id, |entry| {
            entries += 1;
            serde_json::to_writer(&mut *out, &ListedEntry::from(entry)).map_err(std::io::Error::from)?;
            Ok(out.write_all(b"\n")?)
        })?;
        found += u64::from(entries > before);
    }
    out.flush()?;
    Ok((entries, found))
}

/// Result of checking an export.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExportChecked {
    /// What was found in the file alone.
    pub report: ChainReport,
    /// The ends of its chains, by which it can be compared with the database and with other exports.
    pub heads: Vec<ChainHead>,
}

/// Checks an export: each chain by itself, and, if a snapshot of its database is given, against the entries there, so that an
/// export from before a change tells that the database was changed.
///
/// # Errors
/// A line is no entry, or the file or the database cannot be read.
pub fn check_export(
    file: &mut dyn BufRead,
    mut database: Option<&mut dyn Snapshot>,
) -> Result<ExportChecked, AuditLogError> {
    let mut checks: BTreeMap<i64, ChainCheck> = BTreeMap::new();
    let mut report = ChainReport::default();
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let read = std::io::Read::take(&mut *file, LONGEST_LINE).read_until(b'\n', &mut line)?;
        if read == 0 {
            break;
        }
        let refuse = |reason: String| AuditLogError::Line { line: number, reason };
        if line.last() != Some(&b'\n') {
            return Err(refuse("the line does not end: the file was cut, or is no export".to_owned()));
        }
        let listed: ListedEntry = serde_json::from_slice(&line)
            .map_err(|error| refuse(format!("is no entry of the audit log: {error}")))?;
        let entry = listed.entry().map_err(refuse)?;
        let check = checks.entry(entry.company_id).or_insert_with(|| ChainCheck::new(entry.company_id));
        report.differences.extend(check.next(&entry));
        report.entries += 1;
        if let Some(snapshot) = database.as_deref_mut() {
            report.differences.extend(compare(snapshot, &entry)?);
        }
    }
    report.differences.truncate(MAX_DIFFERENCES);
    report.chains = checks.len() as u64;
    Ok(ExportChecked { report, heads: checks.into_values().map(|check| check.read).collect() })
}

fn compare(snapshot: &mut dyn Snapshot, entry: &AuditEntry) -> StoreResult<Option<String>> {
    let found = snapshot.audit_entries(entry.company_id, entry.entry_no, 1)?;
    let what = || {
        format!("company {}: audit entry {} ({}) of the file", entry.company_id, entry.entry_no, entry.act)
    };
    Ok(match found.first().filter(|found| found.entry_no == entry.entry_no) {
        None => Some(format!("{} is not in the database", what())),
        Some(found) if found != entry => Some(format!("{} is another one in the database", what())),
        Some(_) => None,
    })
}
