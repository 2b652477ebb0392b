//! Statements that extend the chains of the audit log, and the acts that a transaction has collected for them.

use std::collections::BTreeMap;

use crate::audit::{Act, Actor, AuditEntry, AuditHash, ChainHead, RequestClaim};
use crate::error::{StoreError, StoreResult};
use crate::sql::driver::connection::{Connection, SqlValues, execute_exactly, first, insert_exactly};
use crate::sql::driver::schema::AUDIT_ENTRY;

/// The acts of a transaction that are not written yet, and who does them.
#[derive(Default)]
pub(crate) struct PendingActs {
    pub(crate) actor: Actor,
    pub(crate) now_s: i64,
    pub(crate) acts: Vec<Act>,
    pub(crate) claim: Option<RequestClaim>,
}

pub(crate) fn read_hash(bytes: &[u8]) -> StoreResult<AuditHash> {
    bytes.try_into().map_err(|_| StoreError::Damaged("a hash of the audit log is not 32 bytes".into()))
}

/// The end of a chain.
pub(crate) fn read_head(
    connection: &mut dyn Connection,
    company_id: i64,
    for_update: &str,
) -> StoreResult<Option<ChainHead>> {
    let sql = format!("SELECT entries, hash FROM audit_chain WHERE company_id = $1 {for_update}");
    first(connection, &sql, &[company_id.into()], |row| {
        Ok(ChainHead { company_id, entries: row.int(0)?, hash: read_hash(row.blob(1)?)? })
    })
}

/// Writes acts behind those of earlier transactions, and returns the new heads of their chains. The heads are locked by
/// company, after everything else but digests, so that transactions cannot deadlock.
pub(crate) fn write(connection: &mut dyn Connection, pending: PendingActs) -> StoreResult<Vec<ChainHead>> {
    let PendingActs { actor, now_s, acts, claim } = pending;
    let claimed = claim.zip(acts.first().map(|act| act.company_id));
    let mut by_company: BTreeMap<i64, Vec<Act>> = BTreeMap::new();
    for act in acts {
        by_company.entry(act.company_id).or_default().push(act);
    }
    let (mut heads, mut first_no) = (Vec::new(), 0);
    for (company_id, acts) in by_company {
        let count = i64::try_from(acts.len()).unwrap_or(i64::MAX);
        let head = append(connection, company_id, acts, &actor, now_s)?;
        // The request's answer is made from the first act of its transaction.
        if claimed.as_ref().is_some_and(|(_, of)| *of == company_id) {
            first_no = head.entries - count;
        }
        heads.push(head);
    }
    // After all heads: another transaction with the same key holds those of its own when it waits here.
    if let Some((claim, company_id)) = &claimed {
        add_request(connection, &actor.name, claim, *company_id, first_no)?;
    }
    Ok(heads)
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
