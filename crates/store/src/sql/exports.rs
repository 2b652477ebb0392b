//! Statements over the files and jobs of exports. They are found and deleted over all companies, so their tables belong
//! to the deployment, like the table of due hours.

use crate::error::{StoreError, StoreResult};
use crate::exports::{
    ExportFile, ExportJob, ExportReads, ExportState, ExportWrites, LONGEST_FILE, LONGEST_JOB_ID, NewExportJob,
};
use crate::sql::driver::connection::{Connection, Row, SqlValue, SqlValues, all, execute_exactly, first};
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

impl ExportReads for Session {
    fn export_file(&mut self, company_id: i64, digest: &[u8; 32]) -> StoreResult<Option<ExportFile>> {
        let connection = self.connection.as_mut();
        let sql = "SELECT stored_at, file FROM export_file WHERE company_id = $1 AND digest = $2";
        first(connection, sql, &[company_id.into(), SqlValue::Blob(digest)], |row| {
            Ok(ExportFile { stored_s: row.int(0)?, file: row.text(1)?.to_owned() })
        })
    }

    fn export_job(&mut self, company_id: i64, job_id: &str) -> StoreResult<Option<ExportJob>> {
        let connection = self.connection.as_mut();
        let sql = format!("SELECT {JOB_COLUMNS} FROM export_job WHERE company_id = $1 AND job_id = $2");
        first(connection, &sql, &[company_id.into(), job_id.into()], read_job)
    }

    fn unfinished_export_jobs(&mut self, company_id: i64) -> StoreResult<i64> {
        let connection = self.connection.as_mut();
        let sql = "SELECT count(*) FROM export_job WHERE company_id = $1 AND state < 2";
        Ok(first(connection, sql, &[company_id.into()], |row| row.int(0))?.unwrap_or(0))
    }

    fn due_export_jobs(&mut self, now_s: i64, limit: i64) -> StoreResult<Vec<(i64, String)>> {
        let connection = self.connection.as_mut();
        let sql = "SELECT company_id, job_id FROM export_job WHERE state < 2 AND (state = 0 OR lease_until <= $1) \
               ORDER BY made_at, company_id, job_id LIMIT $2";
        all(connection, sql, &[now_s, limit].map(SqlValue::Int), |row| {
            Ok((row.int(0)?, row.text(1)?.to_owned()))
        })
    }
}

impl ExportWrites for Session {
    fn put_export_file(&mut self, company_id: i64, digest: &[u8; 32], file: &ExportFile) -> StoreResult<()> {
        let connection = self.connection.as_mut();
        require_short("the name of an export's file", &file.file, LONGEST_FILE)?;
        execute_exactly(
            connection,
            1,
            "INSERT INTO export_file (company_id, digest, stored_at, file) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (company_id, digest) DO UPDATE SET stored_at = excluded.stored_at, file = excluded.file",
            &[company_id.into(), SqlValue::Blob(digest), file.stored_s.into(), file.file.as_str().into()],
        )
    }

    fn delete_export_file(&mut self, company_id: i64, digest: &[u8; 32]) -> StoreResult<()> {
        let connection = self.connection.as_mut();
        let sql = "DELETE FROM export_file WHERE company_id = $1 AND digest = $2";
        connection.execute(sql, &[company_id.into(), SqlValue::Blob(digest)])?;
        Ok(())
    }

    fn expire_export_files(&mut self, before_s: i64, limit: i64) -> StoreResult<u64> {
        let connection = self.connection.as_mut();
        let sql = "SELECT company_id, digest FROM export_file WHERE stored_at < $1 \
               ORDER BY stored_at, company_id, digest LIMIT $2";
        let mut old: Vec<(i64, Vec<u8>)> =
            all(connection, sql, &[before_s, limit].map(SqlValue::Int), |row| {
                Ok((row.int(0)?, row.blob(1)?.to_owned()))
            })?;
        // Every deleting transaction locks the rows in the same order, which prevents deadlocks.
        old.sort_unstable();
        let keys: Vec<SqlValues<'_>> = old
            .iter()
            .map(|(company_id, digest)| vec![(*company_id).into(), digest.as_slice().into(), before_s.into()])
            .collect();
        // `stored_at` is checked again, because the file may have been replaced meanwhile.
        connection.execute_each(
            "DELETE FROM export_file WHERE company_id = $1 AND digest = $2 AND stored_at < $3",
            &keys,
        )
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
