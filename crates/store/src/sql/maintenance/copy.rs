//! Copies every row of one database into another, from one snapshot. An interrupted copy continues after the last row
//! in the target. The copy is complete only when the target has been counted, compared and verified.
//!
//! Rows of a company are copied in key order, so that the target always has a prefix of each table, and the copy
//! continues after its last key. A mark in the target makes every other command refuse it until the copy is complete.

use std::collections::HashSet;
use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use tokio_util::sync::CancellationToken;
use tollbook_domain::{Catalogue, LineFilter, Measures, OrderQuery, Status, StatusSet, TimeRange};

use crate::audit::DEPLOYMENT_CHAIN;
use crate::deployment::{DeploymentReads, DeploymentState};
use crate::error::{StoreError, StoreResult};
use crate::maintenance::Verify;
use crate::orders::{OrderLookup, OrderSums};
use crate::sql::deployment_state;
use crate::sql::digests;
use crate::sql::driver::connection::{
    Connection, Flow, Row, SqlValue, SqlValues, all, first, insert_exactly,
};
use crate::sql::driver::schema::{
    self, CONSOLE_SESSION, DEPLOYMENT_STATE, EXPORT_FILE, EXPORT_JOB, EXPORT_SPACE, LEASE, TABLES,
};
use crate::sql::driver::table::{ColumnType, Scope, Table};
use crate::sql::session::Session;
use crate::sql::setting_names::{COPY_MARK, is_transient};
use crate::sql::store::{OpenDatabase, migrate};
use crate::tenants::{SettingReads, SettingWrites, TenantReads};

/// Maximum number of rows per transaction.
const BATCH_ROWS: usize = 10_000;
/// Bytes of rows after which a transaction ends.
const BATCH_BYTES: usize = 8 << 20;
/// Capacity of the queue of batches between the reader and the writer.
const QUEUED_BATCHES: usize = 2;

/// The counts of a complete copy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// Rows of each table, including those of earlier runs.
    pub tables: Vec<(&'static str, u64)>,
    /// Companies.
    pub companies: usize,
    /// Orders, all recounted in the target.
    pub orders: i64,
}

/// Receives the progress of a copy: a table, and the number of its rows that this run has copied.
pub(crate) type Progress<'a> = &'a mut dyn FnMut(&str, u64);

/// Copies a database into another, which must be empty or have an unfinished copy of the same database.
///
/// # Errors
/// [`StoreError::NotEmpty`] if the target is in use. [`StoreError::Damaged`] if the rows in the target differ from the
/// source; the target then stays marked as incomplete.
pub fn copy(
    from: &OpenDatabase,
    to: &OpenDatabase,
    catalogue: &Catalogue,
    progress: Progress<'_>,
) -> StoreResult<Copied> {
    from.prepare()?;
    migrate(to.0.as_ref())?;
    let mut source = Session::without_cache(from.0.read(&CancellationToken::new())?);
    let continues = mark(to)?;
    let companies: Vec<i64> = source.companies()?.iter().map(|company| company.company_id).collect();
    for table in TABLES.iter().filter(|table| table.scope == Scope::Deployment && !is_excluded(table)) {
        copy_small(source.connection.as_mut(), to, table)?;
    }
    let chains = with_deployment(&companies);
    let jobs = jobs(to, &chains, continues)?;
    let source = std::thread::scope(|scope| {
        let (sender, batches) = sync_channel(QUEUED_BATCHES);
        let reader = scope.spawn(move || {
            let read = read_all(source.connection.as_mut(), &jobs, &sender);
            drop(sender);
            read.map(|()| source)
        });
        let written = write_all(to, batches, progress);
        let read = reader.join().unwrap_or_else(|panic| resume_unwind(panic));
        // If the target fails, the reader fails too; the error of the target is the one to report.
        written.and(read)
    })?;
    let (copied, state) = compare(source, to, &companies, catalogue)?;
    let mut target = Session::without_cache(to.0.write()?);
    deployment_state::write(target.connection.as_mut(), &DeploymentState { moved: None, ..state })?;
    target.connection.execute("DELETE FROM setting WHERE name = $1", &[COPY_MARK.into()])?;
    target.connection.commit()?;
    Ok(copied)
}

/// Marks the target as incomplete. Returns whether it was marked already.
fn mark(to: &OpenDatabase) -> StoreResult<bool> {
    let mut target = Session::without_cache(to.0.write()?);
    target.lock_name(COPY_MARK)?;
    if target.setting(COPY_MARK)?.is_some() {
        return Ok(true);
    }
    let companies = target.companies()?.len();
    // If a server has used the target, the target has a master key of its own, which cannot decrypt what the key of the
    // source sealed.
    let names =
        all(target.connection.as_mut(), "SELECT name FROM setting", &[], |row| Ok(row.text(0)?.to_owned()))?;
    if companies > 0 || names.iter().any(|name| !is_transient(name)) {
        return Err(StoreError::NotEmpty);
    }
    target.set_setting(COPY_MARK, "unfinished")?;
    // The digests of the source are copied and then compared with the rows that have arrived.
    target.connection.execute("DELETE FROM table_digest", &[])?;
    target.connection.execute("DELETE FROM deployment_setting", &[])?;
    target.connection.commit()?;
    Ok(false)
}

/// Whether a table is excluded from copies. The files of exports are in the object store, which is not copied; export
/// jobs and leases on tasks belong to servers of the source. The state of the deployment, which says that the source is
/// being moved, is written at the end. A session that was ended must not come back with a backup.
fn is_excluded(table: &Table) -> bool {
    let excluded = [&EXPORT_FILE, &EXPORT_SPACE, &EXPORT_JOB, &LEASE, &DEPLOYMENT_STATE, &CONSOLE_SESSION];
    excluded.iter().any(|other| other.name == table.name)
}

/// An owned column value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Owned {
    Null,
    Int(i64),
    Text(String),
    Blob(Vec<u8>),
}

impl Owned {
    fn value(&self) -> SqlValue<'_> {
        match self {
            Self::Null => SqlValue::Null,
            Self::Int(value) => SqlValue::Int(*value),
            Self::Text(text) => SqlValue::Text(text),
            Self::Blob(bytes) => SqlValue::Blob(bytes),
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Null | Self::Int(_) => 8,
            Self::Text(text) => text.len(),
            Self::Blob(bytes) => bytes.len(),
        }
    }
}

type OwnedRow = Vec<Owned>;

fn own(row: &dyn Row, columns: &[(&str, ColumnType)]) -> StoreResult<OwnedRow> {
    let own = |(place, (_, kind)): (usize, &(&str, ColumnType))| {
        Ok(match kind {
            ColumnType::Int => row.optional_int(place)?.map_or(Owned::Null, Owned::Int),
            ColumnType::Text => {
                row.optional_text(place)?.map_or(Owned::Null, |text| Owned::Text(text.to_owned()))
            }
            ColumnType::Blob => Owned::Blob(row.blob(place)?.to_owned()),
        })
    };
    columns.iter().enumerate().map(own).collect()
}

fn insert(connection: &mut dyn Connection, table: &Table, rows: &[OwnedRow]) -> StoreResult<()> {
    let mut values = rows.iter().map(|row| row.iter().map(Owned::value).collect());
    insert_exactly(connection, table, rows.len(), &mut values)
}

/// Copies the rows of a table of the deployment that the target does not have yet.
fn copy_small(source: &mut dyn Connection, to: &OpenDatabase, table: &Table) -> StoreResult<()> {
    let key: Vec<&str> = table.key_columns().collect();
    // These tables are small and on every machine; their statements name no company.
    let rows = |connection: &mut dyn Connection| {
        let sql = format!("SELECT {} FROM {} ORDER BY {}", table.column_list(), table.name, key.join(", "));
        all(connection, &sql, &[], |row| own(row, table.columns))
    };
    let mut connection = to.0.write()?;
    let present: HashSet<OwnedRow> =
        rows(connection.as_mut())?.into_iter().map(|row| row[..table.key].to_vec()).collect();
    let transient = |name: &Owned| matches!(name, Owned::Text(name) if is_transient(name));
    let mut missing = rows(source)?;
    missing.retain(|row| !present.contains(&row[..table.key]));
    if table.name == schema::SETTING.name {
        missing.retain(|row| !transient(&row[0]));
    }
    if !missing.is_empty() {
        insert(connection.as_mut(), table, &missing)?;
    }
    connection.commit()
}

/// The rows of one table of one company, after the last one in the target.
struct Job {
    table: &'static Table,
    company_id: i64,
    /// The key of that row, without the company; `None` if the target has no row.
    after: Option<OwnedRow>,
}

fn jobs(to: &OpenDatabase, companies: &[i64], continues: bool) -> StoreResult<Vec<Job>> {
    let mut target = to.0.read(&CancellationToken::new())?;
    let mut jobs = Vec::new();
    for table in TABLES.iter().copied().filter(|table| table.scope == Scope::Company) {
        for &company_id in companies {
            let after = if continues { last_key(target.as_mut(), table, company_id)? } else { None };
            jobs.push(Job { table, company_id, after });
        }
    }
    Ok(jobs)
}

/// The columns of the key after the company.
fn rest_of_key(table: &'static Table) -> &'static [(&'static str, ColumnType)] {
    &table.columns[1..table.key]
}

fn last_key(
    target: &mut dyn Connection,
    table: &'static Table,
    company_id: i64,
) -> StoreResult<Option<OwnedRow>> {
    let columns: Vec<&str> = rest_of_key(table).iter().map(|(name, _)| *name).collect();
    if columns.is_empty() {
        // The table has one row per company.
        let sql = format!("SELECT company_id FROM {} WHERE company_id = $1", table.name);
        return first(target, &sql, &[company_id.into()], |_| Ok(OwnedRow::new()));
    }
    let descending: Vec<String> = columns.iter().map(|name| format!("{name} DESC")).collect();
    let sql = format!(
        "SELECT {} FROM {} WHERE company_id = $1 ORDER BY {} LIMIT 1",
        columns.join(", "),
        table.name,
        descending.join(", ")
    );
    first(target, &sql, &[company_id.into()], |row| own(row, rest_of_key(table)))
}

struct Batch {
    table: &'static Table,
    rows: Vec<OwnedRow>,
}

fn read_all(source: &mut dyn Connection, jobs: &[Job], batches: &SyncSender<Batch>) -> StoreResult<()> {
    let target_failed = |_| StoreError::Unavailable("the target of the copy failed".into());
    for job in jobs {
        let mut batch = Batch { table: job.table, rows: Vec::new() };
        let mut bytes = 0;
        let Some((sql, values)) = statement(job) else { continue };
        source.query(&sql, &values, &mut |row| {
            let row = own(row, job.table.columns)?;
            bytes += row.iter().map(Owned::bytes).sum::<usize>();
            batch.rows.push(row);
            if batch.rows.len() >= BATCH_ROWS || bytes >= BATCH_BYTES {
                bytes = 0;
                let rows = std::mem::take(&mut batch.rows);
                batches.send(Batch { table: job.table, rows }).map_err(target_failed)?;
            }
            Ok(Flow::More)
        })?;
        if !batch.rows.is_empty() {
            batches.send(batch).map_err(target_failed)?;
        }
    }
    Ok(())
}

/// The statement that reads a job's rows in the order of their keys; `None` if the target has the only row.
fn statement(job: &Job) -> Option<(String, SqlValues<'_>)> {
    let table = job.table;
    let rest: Vec<&str> = rest_of_key(table).iter().map(|(name, _)| *name).collect();
    let mut values = vec![SqlValue::Int(job.company_id)];
    let mut after = String::new();
    if let Some(key) = &job.after {
        if key.is_empty() {
            return None;
        }
        values.extend(key.iter().map(Owned::value));
        let places: Vec<String> = (2..=values.len()).map(|place| format!("${place}")).collect();
        after = format!(" AND ({}) > ({})", rest.join(", "), places.join(", "));
    }
    let order = if rest.is_empty() { String::new() } else { format!(" ORDER BY {}", rest.join(", ")) };
    let (columns, name) = (table.column_list(), table.name);
    Some((format!("SELECT {columns} FROM {name} WHERE company_id = $1{after}{order}"), values))
}

fn write_all(to: &OpenDatabase, batches: Receiver<Batch>, progress: Progress<'_>) -> StoreResult<()> {
    let (mut table, mut rows) = ("", 0);
    for batch in batches {
        if batch.table.name != table {
            (table, rows) = (batch.table.name, 0);
        }
        let mut connection = to.0.write()?;
        insert(connection.as_mut(), batch.table, &batch.rows)?;
        connection.commit()?;
        rows += batch.rows.len() as u64;
        progress(table, rows);
    }
    Ok(())
}

/// The companies, and the deployment, which has rows of its own in the audit log.
fn with_deployment(companies: &[i64]) -> Vec<i64> {
    std::iter::once(DEPLOYMENT_CHAIN).chain(companies.iter().copied()).collect()
}

/// Compares counts and sums of both sides, and verifies the target.
fn compare(
    mut source: Session,
    to: &OpenDatabase,
    companies: &[i64],
    catalogue: &Catalogue,
) -> StoreResult<(Copied, DeploymentState)> {
    let mut target = Session::without_cache(to.0.read(&CancellationToken::new())?);
    let changed = |what: String| {
        StoreError::Damaged(format!(
            "{what}; the source has changed since the copy began, or another process has written to the \
             target: start again with an empty target"
        ))
    };
    let mut copied = Copied { companies: companies.len(), ..Copied::default() };
    for table in TABLES.iter().filter(|table| table.scope == Scope::Company) {
        let sql = format!("SELECT count(*) FROM {} WHERE company_id = $1", table.name);
        let mut rows = 0;
        for company_id in with_deployment(companies) {
            let count = |session: &mut Session| {
                Ok(first(session.connection.as_mut(), &sql, &[company_id.into()], |row| row.int(0))?
                    .unwrap_or(0))
            };
            let (sent, arrived) = (count(&mut source)?, count(&mut target)?);
            if sent != arrived {
                let name = table.name;
                return Err(changed(format!(
                    "company {company_id}: {arrived} of {sent} rows of {name} were copied"
                )));
            }
            rows += u64::try_from(arrived).unwrap_or(0);
        }
        copied.tables.push((table.name, rows));
    }
    for &company_id in companies {
        if source.orders_version(company_id)? != target.orders_version(company_id)? {
            return Err(changed(format!("company {company_id}: its orders were changed")));
        }
        let query = OrderQuery {
            company_id,
            range: TimeRange::everything(),
            statuses: StatusSet::of(&Status::ALL),
            lines: LineFilter::default(),
            order_numbers: Vec::new(),
        };
        let sums: Vec<(Status, Measures)> = source.sums(&query)?;
        if sums != target.sums(&query)? {
            return Err(changed(format!("company {company_id}: the sums of its orders differ")));
        }
        let found = target.verify(company_id, catalogue, 20)?;
        if !found.differences.is_empty() {
            return Err(changed(found.differences.join("; ")));
        }
        copied.orders += found.orders;
    }
    let mut differences = digests::compare(target.connection.as_mut(), companies)?;
    differences.extend(target.differences_of_chain(DEPLOYMENT_CHAIN, 20)?);
    if !differences.is_empty() {
        return Err(changed(differences.join("; ")));
    }
    Ok((copied, source.deployment_state()?))
}
