//! Statements over leases. Each table that has leases has the columns `lease_holder`, empty while there is none, and
//! `lease_until`; the leases of tasks have a table of their own.

use std::collections::BTreeSet;

use crate::error::StoreResult;
use crate::leases::{Lease, LeaseKey, Leases};
use crate::sql::driver::connection::{SqlValue, SqlValues, first};
use crate::sql::session::Session;

/// The lease columns of an hour that usage is added to: usage that comes without a lease keeps that of another holder.
pub(crate) const KEEP_OR_TAKE_OVER: &str = "lease_holder = CASE WHEN excluded.lease_until > 0 \
     THEN excluded.lease_holder ELSE due_hour.lease_holder END, lease_until = CASE WHEN excluded.lease_until > 0 \
     THEN excluded.lease_until ELSE due_hour.lease_until END";

impl Leases for Session {
    fn acquire(&mut self, key: LeaseKey<'_>, lease: &Lease<'_>, now_s: i64) -> StoreResult<bool> {
        let (sql, mut values) = match key {
            LeaseKey::Hour { company_id, bucket_start_s } => (
                "UPDATE due_hour SET lease_holder = $3, lease_until = $4 WHERE company_id = $1 AND bucket_start = $2 \
                 AND (lease_until <= $5 OR lease_until >= $6 OR lease_holder = $3)",
                vec![company_id.into(), bucket_start_s.into()],
            ),
            LeaseKey::ExportJob { company_id, job_id } => (
                "UPDATE export_job SET state = 1, lease_holder = $3, lease_until = $4, rows_done = 0, \
                 attempts = attempts + 1 WHERE company_id = $1 AND job_id = $2 \
                 AND (state = 0 OR (state = 1 AND (lease_until <= $5 OR lease_until >= $6)))",
                vec![company_id.into(), job_id.into()],
            ),
            LeaseKey::Task(task) => (
                "INSERT INTO lease (task, lease_holder, lease_until) VALUES ($1, $2, $3) ON CONFLICT (task) \
                 DO UPDATE SET lease_holder = excluded.lease_holder, lease_until = excluded.lease_until \
                 WHERE lease.lease_until <= $4 OR lease.lease_until >= $5 \
                 OR lease.lease_holder = excluded.lease_holder",
                vec![task.into()],
            ),
        };
        values.extend::<[SqlValue<'_>; 4]>([
            lease.holder.into(),
            lease.until_s.into(),
            now_s.into(),
            key.unbelievable_from_s(now_s).into(),
        ]);
        Ok(self.connection.execute(sql, &values)? == 1)
    }

    fn renew(&mut self, key: LeaseKey<'_>, lease: &Lease<'_>) -> StoreResult<bool> {
        let (sql, mut values) = match key {
            LeaseKey::Hour { company_id, bucket_start_s } => (
                "UPDATE due_hour SET lease_until = $4 WHERE company_id = $1 AND bucket_start = $2 AND lease_holder = $3",
                vec![company_id.into(), bucket_start_s.into()],
            ),
            LeaseKey::ExportJob { company_id, job_id } => (
                "UPDATE export_job SET lease_until = $4 WHERE company_id = $1 AND job_id = $2 AND lease_holder = $3 \
                 AND state = 1",
                vec![company_id.into(), job_id.into()],
            ),
            LeaseKey::Task(task) => {
                ("UPDATE lease SET lease_until = $3 WHERE task = $1 AND lease_holder = $2", vec![task.into()])
            }
        };
        values.extend::<[SqlValue<'_>; 2]>([lease.holder.into(), lease.until_s.into()]);
        Ok(self.connection.execute(sql, &values)? == 1)
    }

    fn renew_hours(&mut self, company_id: i64, lease: &Lease<'_>) -> StoreResult<()> {
        let sql = "UPDATE due_hour SET lease_until = $3 WHERE company_id = $1 AND lease_holder = $2";
        self.connection.execute(sql, &[company_id.into(), lease.holder.into(), lease.until_s.into()])?;
        Ok(())
    }

    fn task_lease(&mut self, task: &str) -> StoreResult<Option<(String, i64)>> {
        let sql = "SELECT lease_holder, lease_until FROM lease WHERE task = $1";
        first(self.connection.as_mut(), sql, &[task.into()], |row| Ok((row.text(0)?.to_owned(), row.int(1)?)))
    }

    fn release(&mut self, key: LeaseKey<'_>, holder: &str) -> StoreResult<bool> {
        let (sql, mut values) = match key {
            LeaseKey::Hour { company_id, bucket_start_s } => (
                "UPDATE due_hour SET lease_holder = '', lease_until = 0 WHERE company_id = $1 AND bucket_start = $2 \
                 AND lease_holder = $3",
                vec![company_id.into(), bucket_start_s.into()],
            ),
            LeaseKey::ExportJob { company_id, job_id } => (
                "UPDATE export_job SET state = 0, lease_holder = '', lease_until = 0, rows_done = 0 \
                 WHERE company_id = $1 AND job_id = $2 AND lease_holder = $3 AND state = 1",
                vec![company_id.into(), job_id.into()],
            ),
            LeaseKey::Task(task) => {
                ("DELETE FROM lease WHERE task = $1 AND lease_holder = $2", vec![task.into()])
            }
        };
        values.push(holder.into());
        Ok(self.connection.execute(sql, &values)? == 1)
    }
}

impl Session {
    /// Takes the leases on hours of a company over from every other holder, for an import that will close them. The
    /// company must be locked.
    pub(crate) fn take_over_hours(
        &mut self,
        company_id: i64,
        bucket_starts: BTreeSet<i64>,
        lease: &Lease<'_>,
    ) -> StoreResult<()> {
        let sets: Vec<SqlValues<'_>> = bucket_starts
            .into_iter()
            .map(|bucket_start| {
                vec![company_id.into(), bucket_start.into(), lease.holder.into(), lease.until_s.into()]
            })
            .collect();
        self.connection.execute_each(
            "UPDATE due_hour SET lease_holder = $3, lease_until = $4 WHERE company_id = $1 AND bucket_start = $2",
            &sets,
        )?;
        Ok(())
    }
}
