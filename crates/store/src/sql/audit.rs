//! Statements over the audit log. Acts of a transaction are collected, and written when it commits.

use std::collections::BTreeMap;

use crate::audit::{
    Act, Actor, ActorKind, AuditEntry, AuditHash, AuditReads, AuditWrites, ChainCheck, ChainHead,
    ClaimedRequest, RequestClaim,
};
use crate::error::{StoreError, StoreResult};
use crate::sql::driver::connection::{
    Connection, Row, SqlValues, all, execute_exactly, first, insert_exactly,
};
use crate::sql::driver::schema::AUDIT_ENTRY;
use crate::sql::session::Session;

const COLUMNS: &str =
    "company_id, entry_no, time, actor_kind, actor, origin, act, before_json, after_json, reason, hash";
/// Entries that are read at a time.
const ENTRIES_PER_READ: i64 = 1_000;

/// The acts of a transaction that are not written yet, and who does them.
#[derive(Default)]
pub(crate) struct PendingActs {
    actor: Actor,
    now_s: i64,
    acts: Vec<Act>,
    claim: Option<RequestClaim>,
}

fn read_hash(bytes: &[u8]) -> StoreResult<AuditHash> {
    bytes.try_into().map_err(|_| StoreError::Damaged("a hash of the audit log is not 32 bytes".into()))
}

fn read_entry(row: &dyn Row) -> StoreResult<AuditEntry> {
    let kind = row.int(3)?;
    let kind = ActorKind::from_number(kind)
        .ok_or_else(|| StoreError::Damaged(format!("{kind} is not a kind of actor of the audit log")))?;
    let text = |column| Ok::<_, StoreError>(row.text(column)?.to_owned());
    Ok(AuditEntry {
        company_id: row.int(0)?,
        entry_no: row.int(1)?,
        time_s: row.int(2)?,
        actor: Actor::new(kind, row.text(4)?, row.text(5)?),
        act: text(6)?,
        before: text(7)?,
        after: text(8)?,
        reason: text(9)?,
        hash: read_hash(row.blob(10)?)?,
    })
}

fn read_head(
    connection: &mut dyn Connection,
    company_id: i64,
    for_update: &str,
) -> StoreResult<Option<ChainHead>> {
    let sql = format!("SELECT entries, hash FROM audit_chain WHERE company_id = $1 {for_update}");
    first(connection, &sql, &[company_id.into()], |row| {
        Ok(ChainHead { company_id, entries: row.int(0)?, hash: read_hash(row.blob(1)?)? })
    })
}

impl AuditReads for Session {
    fn audit_head(&mut self, company_id: i64) -> StoreResult<Option<ChainHead>> {
        read_head(self.connection.as_mut(), company_id, "")
    }

    fn audit_entries(&mut self, company_id: i64, from_no: i64, limit: i64) -> StoreResult<Vec<AuditEntry>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM audit_entry WHERE company_id = $1 AND entry_no >= $2 ORDER BY entry_no LIMIT $3"
        );
        let values = [company_id.into(), from_no.into(), limit.into()];
        all(self.connection.as_mut(), &sql, &values, read_entry)
    }

    fn claimed_request(&mut self, actor: &str, key: &str) -> StoreResult<Option<ClaimedRequest>> {
        let sql =
            "SELECT digest, company_id, entry_no FROM operator_request WHERE actor = $1 AND request_key = $2";
        first(self.connection.as_mut(), sql, &[actor.into(), key.into()], |row| {
            Ok(ClaimedRequest {
                digest: read_hash(row.blob(0)?)?,
                company_id: row.int(1)?,
                entry_no: row.int(2)?,
            })
        })
    }
}

impl AuditWrites for Session {
    fn set_actor(&mut self, actor: Actor, now_s: i64) {
        self.acts.actor = actor;
        self.acts.now_s = now_s;
    }

    fn claim_request(&mut self, claim: RequestClaim) {
        self.acts.claim = Some(claim);
    }

    fn record_act(&mut self, act: Act) {
        self.acts.acts.push(act);
    }
}

impl Session {
    /// Writes the acts of this transaction behind those of earlier ones, and returns the new heads of their chains. The
    /// heads are locked by company, after everything else but digests, so that transactions cannot deadlock.
    pub(crate) fn write_acts(&mut self) -> StoreResult<Vec<ChainHead>> {
        let PendingActs { actor, now_s, acts, claim } = std::mem::take(&mut self.acts);
        let claimed = claim.zip(acts.first().map(|act| act.company_id));
        let mut by_company: BTreeMap<i64, Vec<Act>> = BTreeMap::new();
        for act in acts {
            by_company.entry(act.company_id).or_default().push(act);
        }
        let connection = self.connection.as_mut();
        let mut heads = Vec::new();
        for (company_id, acts) in by_company {
            let count = i64::try_from(acts.len()).unwrap_or(i64::MAX);
            let head = append(connection, company_id, acts, &actor, now_s)?;
            if let Some((claim, _)) = claimed.as_ref().filter(|(_, of)| *of == company_id) {
                // The request's answer is made from the first act of its transaction.
                add_request(connection, &actor.name, claim, company_id, head.entries - count)?;
            }
            heads.push(head);
        }
        Ok(heads)
    }

    /// Compares a chain with its head. Returns one line of text for each difference, at most `limit`.
    pub(crate) fn differences_of_chain(&mut self, company_id: i64, limit: usize) -> StoreResult<Vec<String>> {
        let mut check = ChainCheck::new(company_id);
        let mut found = Vec::new();
        loop {
            let entries = self.audit_entries(company_id, check.read.entries, ENTRIES_PER_READ)?;
            found.extend(entries.iter().filter_map(|entry| check.next(entry)));
            found.truncate(limit);
            if entries.is_empty() || found.len() == limit {
                break;
            }
        }
        found.extend(check.end(self.audit_head(company_id)?));
        found.truncate(limit);
        Ok(found)
    }
}

/// Records a request. Another transaction with the same key waits here, and fails if this one commits.
fn add_request(
    connection: &mut dyn Connection,
    actor: &str,
    claim: &RequestClaim,
    company_id: i64,
    entry_no: i64,
) -> StoreResult<()> {
    let sql = "INSERT INTO operator_request (actor, request_key, digest, company_id, entry_no) \
               VALUES ($1, $2, $3, $4, $5) ON CONFLICT (actor, request_key) DO NOTHING";
    let values = [
        actor.into(),
        claim.key.as_str().into(),
        claim.digest.as_slice().into(),
        company_id.into(),
        entry_no.into(),
    ];
    match connection.execute(sql, &values)? {
        1 => Ok(()),
        _ => Err(StoreError::Exists("a request with the idempotency key")),
    }
}

/// Appends acts to a chain and returns its new head.
fn append(
    connection: &mut dyn Connection,
    company_id: i64,
    acts: Vec<Act>,
    actor: &Actor,
    now_s: i64,
) -> StoreResult<ChainHead> {
    let dialect = connection.dialect();
    // Another transaction that begins the same chain waits here.
    let begin = dialect.render(
        "INSERT INTO audit_chain (company_id, entries, hash) VALUES ($1, 0, $2) ON CONFLICT (company_id) DO NOTHING",
    );
    connection.execute(&begin, &[company_id.into(), [0_u8; 32].as_slice().into()])?;
    let mut head = read_head(connection, company_id, dialect.for_update)?
        .ok_or_else(|| StoreError::Damaged(format!("the audit chain of company {company_id} has no head")))?;
    let entries: Vec<AuditEntry> = acts
        .into_iter()
        .map(|act| {
            let mut entry = AuditEntry {
                company_id,
                entry_no: head.entries,
                time_s: now_s,
                actor: actor.clone(),
                act: act.name.to_owned(),
                before: act.before,
                after: act.after,
                reason: act.reason,
                hash: [0; 32],
            };
            entry.hash = entry.expected_hash(&head.hash);
            head = ChainHead { company_id, entries: head.entries + 1, hash: entry.hash };
            entry
        })
        .collect();
    let mut rows = entries.iter().map(|entry| -> SqlValues<'_> {
        vec![
            entry.company_id.into(),
            entry.entry_no.into(),
            entry.time_s.into(),
            entry.actor.kind.number().into(),
            entry.actor.name.as_str().into(),
            entry.actor.origin.as_str().into(),
            entry.act.as_str().into(),
            entry.before.as_str().into(),
            entry.after.as_str().into(),
            entry.reason.as_str().into(),
            entry.hash.as_slice().into(),
        ]
    });
    insert_exactly(connection, &AUDIT_ENTRY, entries.len(), &mut rows)?;
    let sql = "UPDATE audit_chain SET entries = $2, hash = $3 WHERE company_id = $1";
    execute_exactly(
        connection,
        1,
        sql,
        &[company_id.into(), head.entries.into(), head.hash.as_slice().into()],
    )?;
    Ok(head)
}
