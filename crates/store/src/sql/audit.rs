//! Statements over the audit log. Acts of a transaction are collected, and written when it commits.

use crate::audit::{
    Act, Actor, ActorKind, AuditEntry, AuditReads, AuditWrites, ChainCheck, ChainHead, ClaimedRequest,
    RequestClaim,
};
use crate::error::{StoreError, StoreResult};
use crate::sql::audit_chain::{read_hash, read_head};
use crate::sql::driver::connection::{Row, all, first};
use crate::sql::session::Session;

const COLUMNS: &str =
    "company_id, entry_no, time, actor_kind, actor, origin, act, before_json, after_json, reason, hash";
/// Entries that are read at a time.
const ENTRIES_PER_READ: i64 = 1_000;

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
