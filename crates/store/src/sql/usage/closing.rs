//! Closing hours: what is due, who holds it, taking an open hour's usage out to become orders, and which orders were
//! made of it.

use tollbook_domain::{Bucket, Catalogue};

use crate::charging::{Due, DueHour, Hold, OpenUsage, UsageOrder};
use crate::error::{StoreError, StoreResult};
use crate::lines::LineNo;
use crate::sql::driver::connection::{
    Connection, Row, SqlValue, all, execute_exactly, first, insert_exactly,
};
use crate::sql::driver::schema::USAGE_ORDER;
use crate::sql::orders::line_rows::line_no_of;
use crate::sql::session::Session;
use crate::sql::usage::rows::{amount_of_line, decode_amount};

const DUE_COLUMNS: &str = "company_id, bucket_start, bucket_end, due";

fn read_due(row: &dyn Row) -> StoreResult<DueHour> {
    Ok(DueHour {
        company_id: row.int(0)?,
        bucket: Bucket { start_s: row.int(1)?, end_s: row.int(2)? },
        due_s: row.int(3)?,
    })
}

/// The due work of all companies; its table is on every machine.
pub(crate) fn due_hours(
    connection: &mut dyn Connection,
    due: Due,
    now_s: i64,
    limit: i64,
) -> StoreResult<Vec<DueHour>> {
    let (column, by_s) = match due {
        Due::By(by_s) => ("due", by_s),
        Due::EndedBy(by_s) => ("bucket_end", by_s),
    };
    let sql = format!(
        "SELECT {DUE_COLUMNS} FROM due_hour WHERE {column} <= $1 AND held_until <= $2 \
         ORDER BY bucket_start, company_id LIMIT $3"
    );
    all(connection, &sql, &[by_s, now_s, limit].map(SqlValue::Int), read_due)
}

pub(crate) fn hold_hour(
    connection: &mut dyn Connection,
    hour: &DueHour,
    now_s: i64,
    hold: &Hold<'_>,
) -> StoreResult<bool> {
    let held = connection.execute(
        "UPDATE due_hour SET held_by = $3, held_until = $4 WHERE company_id = $1 AND bucket_start = $2 \
         AND (held_until <= $5 OR held_by = $3)",
        &[
            hour.company_id.into(),
            hour.bucket.start_s.into(),
            hold.holder.into(),
            hold.until_s.into(),
            now_s.into(),
        ],
    )?;
    Ok(held == 1)
}

pub(crate) fn held_hours(connection: &mut dyn Connection, holder: &str) -> StoreResult<Vec<DueHour>> {
    let sql =
        format!("SELECT {DUE_COLUMNS} FROM due_hour WHERE held_by = $1 ORDER BY bucket_start, company_id");
    all(connection, &sql, &[holder.into()], read_due)
}

pub(crate) fn renew_holds(
    connection: &mut dyn Connection,
    company_id: i64,
    hold: &Hold<'_>,
) -> StoreResult<()> {
    let values = [company_id.into(), hold.holder.into(), hold.until_s.into()];
    connection
        .execute("UPDATE due_hour SET held_until = $3 WHERE company_id = $1 AND held_by = $2", &values)?;
    Ok(())
}

pub(crate) fn release_hour(connection: &mut dyn Connection, hour: &DueHour, holder: &str) -> StoreResult<()> {
    connection.execute(
        "UPDATE due_hour SET held_by = '', held_until = 0 WHERE company_id = $1 AND bucket_start = $2 \
         AND held_by = $3",
        &[hour.company_id.into(), hour.bucket.start_s.into(), holder.into()],
    )?;
    Ok(())
}

impl Session {
    pub(crate) fn take_open(
        &mut self,
        company_id: i64,
        bucket: Bucket,
        limit: i64,
        catalogue: &Catalogue,
    ) -> StoreResult<Vec<OpenUsage>> {
        let view = self.view_for_update(company_id)?;
        let sql = "SELECT line_no, quantity, records FROM open_usage WHERE company_id = $1 AND bucket_start = $2 \
                   ORDER BY line_no LIMIT $3";
        let values = [company_id, bucket.start_s, limit].map(SqlValue::Int);
        let mut taken: Vec<OpenUsage> = all(self.connection.as_mut(), sql, &values, |row| {
            let line_no = line_no_of(row.int(0)?)?;
            let line = view.lines.get(line_no).cloned();
            let line = line.ok_or_else(|| StoreError::Damaged("open usage has no line".into()))?;
            Ok(OpenUsage { line_no, line, quantity: row.int(1)?, records: row.int(2)?, orders: 0 })
        })?;
        if let (Some(first), Some(last)) = (taken.first(), taken.last()) {
            let stretch = [
                company_id.into(),
                bucket.start_s.into(),
                i64::from(first.line_no).into(),
                i64::from(last.line_no).into(),
            ];
            self.count_earlier(&stretch, &mut taken)?;
            let deleted = self.connection.execute(
                "DELETE FROM open_usage WHERE company_id = $1 AND bucket_start = $2 AND line_no >= $3 \
                 AND line_no <= $4",
                &stretch,
            )?;
            if deleted != taken.len() as u64 {
                return Err(StoreError::Damaged(format!("{deleted} of {} open lines left", taken.len())));
            }
        }
        self.subtract_from_hour(company_id, bucket, &taken, catalogue)?;
        Ok(taken)
    }

    /// How many orders each line and hour has already.
    fn count_earlier(&mut self, stretch: &[SqlValue<'_>], taken: &mut [OpenUsage]) -> StoreResult<()> {
        let sql = "SELECT line_no, place FROM usage_order WHERE company_id = $1 AND bucket_start = $2 \
                   AND line_no >= $3 AND line_no <= $4 ORDER BY line_no, place";
        let places: Vec<(LineNo, i64)> =
            all(self.connection.as_mut(), sql, stretch, |row| Ok((line_no_of(row.int(0)?)?, row.int(1)?)))?;
        for (line_no, place) in places {
            if let Ok(index) = taken.binary_search_by_key(&line_no, |open| open.line_no) {
                taken[index].orders = place + 1;
            }
        }
        Ok(())
    }

    /// Takes from an open hour what left it; with the last line it is neither open nor due.
    fn subtract_from_hour(
        &mut self,
        company_id: i64,
        bucket: Bucket,
        taken: &[OpenUsage],
        catalogue: &Catalogue,
    ) -> StoreResult<()> {
        let key: [SqlValue<'_>; 2] = [company_id.into(), bucket.start_s.into()];
        let sql = "SELECT line_no FROM open_usage WHERE company_id = $1 AND bucket_start = $2 LIMIT 1";
        let is_empty = first(self.connection.as_mut(), sql, &key, |_| Ok(()))?.is_none();
        if is_empty {
            self.connection
                .execute("DELETE FROM open_hour WHERE company_id = $1 AND bucket_start = $2", &key)?;
            self.connection
                .execute("DELETE FROM due_hour WHERE company_id = $1 AND bucket_start = $2", &key)?;
            return Ok(());
        }
        let sql = "SELECT amount FROM open_hour WHERE company_id = $1 AND bucket_start = $2";
        let mut amount = first(self.connection.as_mut(), sql, &key, |row| decode_amount(row.blob(0)?))?
            .ok_or_else(|| StoreError::Damaged("an open line has no open hour".into()))?;
        let lines = self.view(company_id)?.lines;
        for open in taken {
            amount -= amount_of_line(&lines, open.line_no, open.quantity, catalogue)?;
        }
        execute_exactly(
            self.connection.as_mut(),
            1,
            "UPDATE open_hour SET amount = $3 WHERE company_id = $1 AND bucket_start = $2",
            &[key[0], key[1], amount.to_le_bytes().as_slice().into()],
        )
    }

    pub(crate) fn write_usage_orders(&mut self, company_id: i64, orders: &[UsageOrder]) -> StoreResult<()> {
        let mut rows = orders.iter().map(|order| {
            vec![
                company_id.into(),
                order.bucket_start_s.into(),
                i64::from(order.line_no).into(),
                order.place.into(),
                order.source_number.as_str().into(),
                order.quantity.into(),
                order.records.into(),
            ]
        });
        insert_exactly(self.connection.as_mut(), &USAGE_ORDER, orders.len(), &mut rows)
    }
}
