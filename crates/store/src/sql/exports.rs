//! Statements over the files and jobs of exports. They are found and deleted over all companies, so their tables belong
//! to the deployment, like the table of due hours.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{StoreError, StoreResult};
use crate::exports::{
    DueExportJob, ExportFile, ExportJob, ExportReads, ExportState, ExportWrites, LONGEST_FILE,
    LONGEST_JOB_ID, NewExportJob,
};
use crate::leases::LeaseKey;
use crate::sql::driver::connection::{
    Connection, Flow, Row, SqlValue, SqlValues, all, execute_exactly, first,
};
use crate::sql::session::Session;

pub(crate) const JOB_COLUMNS: &str = "company_id, job_id, public_key, made_at, request, state, lease_holder, lease_until, rows_done, \
     rows_total, outcome, ended_at, attempts";

pub(crate) fn read_job(row: &dyn Row) -> StoreResult<ExportJob> {
    let text = |column| row.text(column).map(ToOwned::to_owned);
    let state = row.int(5)?;
    let state = ExportState::from_number(state)
        .ok_or_else(|| StoreError::Damaged(format!("{state} is not a state of an export")))?;
    Ok(ExportJob {
        submitted: NewExportJob {
            company_id: row.int(0)?,
            job_id: text(1)?,
            public_key: text(2)?,
            created_s: row.int(3)?,
            request: text(4)?,
        },
        state,
        lease_holder: text(6)?,
        lease_until_s: row.int(7)?,
        rows_done: row.int(8)?,
        rows_total: row.int(9)?,
        outcome: text(10)?,
        ended_s: row.optional_int(11)?,
        attempts: row.int(12)?,
    })
}

/// Updates a running job that `holder` has leased; `change` assigns columns from `$4` on. Returns `false` if the job is
/// not running or has another holder.
fn change_own_job(
    connection: &mut dyn Connection,
    (company_id, job_id, holder): (i64, &str, &str),
    change: &str,
    values: &[SqlValue<'_>],
) -> StoreResult<bool> {
    let sql = format!(
        "UPDATE export_job SET {change} WHERE company_id = $1 AND job_id = $2 AND lease_holder = $3 AND state = 1"
    );
    let key = [company_id.into(), job_id.into(), holder.into()];
    Ok(connection.execute(&sql, &[&key, values].concat())? == 1)
}

fn require_short(what: &str, text: &str, most: usize) -> StoreResult<()> {
    if text.len() <= most {
        return Ok(());
    }
    Err(StoreError::Refused(format!("{what} has {} bytes; the maximum is {most}", text.len())))
}

/// A file as the statements over files select it, from column `first` on.
fn read_file(row: &dyn Row, first: usize) -> StoreResult<ExportFile> {
    Ok(ExportFile {
        stored_s: row.int(first)?,
        bytes: row.int(first + 1)?,
        file: row.text(first + 2)?.to_owned(),
    })
}

/// Adds to the bytes that a company keeps, and locks their sum until the transaction ends. Every change of a company's
/// files begins with this lock, which makes the sum exact and, with one company at a time or companies in order, prevents
/// deadlocks.
fn add_space(connection: &mut dyn Connection, company_id: i64, bytes: i64) -> StoreResult<()> {
    let sql = "INSERT INTO export_space (company_id, bytes) VALUES ($1, $2) \
               ON CONFLICT (company_id) DO UPDATE SET bytes = export_space.bytes + excluded.bytes";
    execute_exactly(connection, 1, sql, &[company_id, bytes].map(SqlValue::Int))
}

/// Deletes records of files, whose sizes it subtracts. The company's sum must be locked.
fn delete_files(
    connection: &mut dyn Connection,
    company_id: i64,
    files: &[(Vec<u8>, i64)],
) -> StoreResult<()> {
    let keys: Vec<SqlValues<'_>> =
        files.iter().map(|(digest, _)| vec![company_id.into(), digest.as_slice().into()]).collect();
    connection.execute_each("DELETE FROM export_file WHERE company_id = $1 AND digest = $2", &keys)?;
    let bytes = files.iter().fold(0_i64, |sum, (_, bytes)| sum.saturating_add(*bytes));
    add_space(connection, company_id, -bytes)
}

impl ExportReads for Session {
    fn export_file(&mut self, company_id: i64, digest: &[u8; 32]) -> StoreResult<Option<ExportFile>> {
        let connection = self.connection.as_mut();
        let sql = "SELECT stored_at, bytes, file FROM export_file WHERE company_id = $1 AND digest = $2";
        first(connection, sql, &[company_id.into(), SqlValue::Blob(digest)], |row| read_file(row, 0))
    }

    fn export_bytes(&mut self, company_id: i64) -> StoreResult<i64> {
        let sql = "SELECT bytes FROM export_space WHERE company_id = $1";
        let bytes = first(self.connection.as_mut(), sql, &[company_id.into()], |row| row.int(0))?;
        Ok(bytes.unwrap_or(0))
    }

    fn all_export_bytes(&mut self) -> StoreResult<Vec<(i64, i64)>> {
        let sql =
            "SELECT company_id, bytes FROM export_space WHERE bytes > 0 ORDER BY bytes DESC, company_id";
        all(self.connection.as_mut(), sql, &[], |row| Ok((row.int(0)?, row.int(1)?)))
    }

    fn export_job(&mut self, company_id: i64, job_id: &str) -> StoreResult<Option<ExportJob>> {
        let connection = self.connection.as_mut();
        let sql = format!("SELECT {JOB_COLUMNS} FROM export_job WHERE company_id = $1 AND job_id = $2");
        first(connection, &sql, &[company_id.into(), job_id.into()], read_job)
    }

    fn export_jobs(&mut self, company_id: i64, limit: i64) -> StoreResult<Vec<ExportJob>> {
        // Of each company only the jobs of the last days are kept.
        let sql = format!(
            "SELECT {JOB_COLUMNS} FROM export_job WHERE company_id = $1 ORDER BY made_at DESC, job_id LIMIT $2"
        );
        all(self.connection.as_mut(), &sql, &[company_id.into(), limit.into()], read_job)
    }

    fn unfinished_export_jobs(&mut self, company_id: i64) -> StoreResult<i64> {
        let connection = self.connection.as_mut();
        let sql = "SELECT count(*) FROM export_job WHERE company_id = $1 AND state < 2";
        Ok(first(connection, sql, &[company_id.into()], |row| row.int(0))?.unwrap_or(0))
    }

    fn count_unfinished_export_jobs(&mut self) -> StoreResult<[i64; 2]> {
        let mut counts = [0; 2];
        let sql = "SELECT state FROM export_job WHERE state < 2 ORDER BY made_at, company_id, job_id";
        self.connection.query(sql, &[], &mut |row| {
            counts[usize::from(row.int(0)? != ExportState::Waiting.number())] += 1;
            Ok(Flow::More)
        })?;
        Ok(counts)
    }

    fn due_export_jobs(&mut self, now_s: i64, limit: i64) -> StoreResult<Vec<DueExportJob>> {
        let connection = self.connection.as_mut();
        // A company has few unfinished jobs, which the exporter bounds.
        let sql = "SELECT company_id, job_id, state, lease_until FROM export_job WHERE state < 2 \
                   ORDER BY made_at, company_id, job_id";
        let any_job = LeaseKey::ExportJob { company_id: 0, job_id: "" };
        let unbelievable_s = any_job.unbelievable_from_s(now_s);
        let mut running: BTreeMap<i64, i64> = BTreeMap::new();
        let mut due: Vec<DueExportJob> = Vec::new();
        let mut companies = BTreeSet::new();
        connection.query(sql, &[], &mut |row| {
            let (company_id, is_waiting) = (row.int(0)?, row.int(2)? == ExportState::Waiting.number());
            let until_s = row.int(3)?;
            if !is_waiting && until_s > now_s && until_s < unbelievable_s {
                *running.entry(company_id).or_default() += 1;
            } else if companies.insert(company_id) {
                due.push(DueExportJob { company_id, job_id: row.text(1)?.to_owned(), running: 0 });
            }
            Ok(Flow::More)
        })?;
        for job in &mut due {
            job.running = running.get(&job.company_id).copied().unwrap_or(0);
        }
        // Stable: among equals, the order of age remains.
        due.sort_by_key(|job| job.running);
        due.truncate(usize::try_from(limit).unwrap_or(0));
        Ok(due)
    }
}

impl ExportWrites for Session {
    fn put_export_file(&mut self, company_id: i64, digest: &[u8; 32], file: &ExportFile) -> StoreResult<()> {
        require_short("the name of an export's file", &file.file, LONGEST_FILE)?;
        add_space(self.connection.as_mut(), company_id, file.bytes)?;
        let replaced = self.export_file(company_id, digest)?.map_or(0, |file| file.bytes);
        let connection = self.connection.as_mut();
        if replaced != 0 {
            add_space(connection, company_id, -replaced)?;
        }
        execute_exactly(
            connection,
            1,
            "INSERT INTO export_file (company_id, digest, stored_at, bytes, file) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (company_id, digest) DO UPDATE SET stored_at = excluded.stored_at, \
             bytes = excluded.bytes, file = excluded.file",
            &[
                company_id.into(),
                SqlValue::Blob(digest),
                file.stored_s.into(),
                file.bytes.into(),
                file.file.as_str().into(),
            ],
        )
    }

    fn take_oldest_export_file(
        &mut self,
        company_id: i64,
        except: &[u8; 32],
    ) -> StoreResult<Option<ExportFile>> {
        let connection = self.connection.as_mut();
        add_space(connection, company_id, 0)?;
        let sql = "SELECT digest, stored_at, bytes, file FROM export_file \
                   WHERE company_id = $1 AND digest <> $2 ORDER BY stored_at, digest LIMIT 1";
        let oldest = first(connection, sql, &[company_id.into(), SqlValue::Blob(except)], |row| {
            Ok((row.blob(0)?.to_owned(), read_file(row, 1)?))
        })?;
        let Some((digest, file)) = oldest else { return Ok(None) };
        delete_files(connection, company_id, &[(digest, file.bytes)])?;
        Ok(Some(file))
    }

    fn expire_export_files(&mut self, before_s: i64, limit: i64) -> StoreResult<u64> {
        let connection = self.connection.as_mut();
        let sql = "SELECT company_id, digest FROM export_file WHERE stored_at < $1 \
               ORDER BY stored_at, company_id, digest LIMIT $2";
        let mut old: BTreeMap<i64, BTreeSet<Vec<u8>>> = BTreeMap::new();
        let found = all(connection, sql, &[before_s, limit].map(SqlValue::Int), |row| {
            Ok((row.int(0)?, row.blob(1)?.to_owned()))
        })?;
        for (company_id, digest) in found {
            old.entry(company_id).or_default().insert(digest);
        }
        let mut expired = 0;
        for (company_id, digests) in old {
            add_space(connection, company_id, 0)?;
            // Read again under the lock, because a file may have been replaced or deleted meanwhile.
            let sql = "SELECT digest, bytes FROM export_file WHERE company_id = $1 AND stored_at < $2";
            let mut files = all(connection, sql, &[company_id, before_s].map(SqlValue::Int), |row| {
                Ok((row.blob(0)?.to_owned(), row.int(1)?))
            })?;
            files.retain(|(digest, _)| digests.contains(digest));
            delete_files(connection, company_id, &files)?;
            expired += files.len() as u64;
        }
        Ok(expired)
    }

    fn add_export_job(&mut self, job: &NewExportJob) -> StoreResult<()> {
        let connection = self.connection.as_mut();
        require_short("the id of an export job", &job.job_id, LONGEST_JOB_ID)?;
        let sql = format!(
            "INSERT INTO export_job ({JOB_COLUMNS}) VALUES ($1, $2, $3, $4, $5, 0, '', 0, 0, 0, '', NULL, 0) \
         ON CONFLICT (company_id, job_id) DO NOTHING"
        );
        let values = [
            job.company_id.into(),
            job.job_id.as_str().into(),
            job.public_key.as_str().into(),
            job.created_s.into(),
            job.request.as_str().into(),
        ];
        match connection.execute(&sql, &values)? {
            1 => Ok(()),
            _ => Err(StoreError::Exists("the export job")),
        }
    }

    fn note_export_progress(
        &mut self,
        company_id: i64,
        job_id: &str,
        holder: &str,
        rows_done: i64,
        rows_total: i64,
    ) -> StoreResult<bool> {
        let connection = self.connection.as_mut();
        let values = [rows_done, rows_total].map(SqlValue::Int);
        change_own_job(connection, (company_id, job_id, holder), "rows_done = $4, rows_total = $5", &values)
    }

    fn end_export_job(
        &mut self,
        company_id: i64,
        job_id: &str,
        holder: &str,
        state: ExportState,
        outcome: &str,
        now_s: i64,
    ) -> StoreResult<bool> {
        let connection = self.connection.as_mut();
        if !state.has_ended() {
            return Err(StoreError::Refused("the state of an ended export must be final".into()));
        }
        let change = "state = $4, outcome = $5, ended_at = $6, lease_holder = '', lease_until = 0";
        change_own_job(
            connection,
            (company_id, job_id, holder),
            change,
            &[state.number().into(), outcome.into(), now_s.into()],
        )
    }

    fn expire_export_jobs(&mut self, ended_before_s: i64, limit: i64) -> StoreResult<u64> {
        let connection = self.connection.as_mut();
        let sql = "SELECT company_id, job_id FROM export_job WHERE state > 1 AND ended_at < $1 \
               ORDER BY ended_at, company_id, job_id LIMIT $2";
        let mut old: Vec<(i64, String)> =
            all(connection, sql, &[ended_before_s, limit].map(SqlValue::Int), |row| {
                Ok((row.int(0)?, row.text(1)?.to_owned()))
            })?;
        // As with files, the same order in every transaction prevents deadlocks.
        old.sort_unstable();
        let keys: Vec<SqlValues<'_>> = old
            .iter()
            .map(|(company_id, job_id)| vec![(*company_id).into(), job_id.as_str().into()])
            .collect();
        // An ended job does not change, so `ended_at` need not be checked again.
        connection.execute_each("DELETE FROM export_job WHERE company_id = $1 AND job_id = $2", &keys)
    }
}
