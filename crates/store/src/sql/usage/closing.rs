//! Closes hours: removes the usage of an open hour, so that orders can be made from it, and records these orders.

use tollbook_domain::{Bucket, Catalogue};

use crate::error::{StoreError, StoreResult};
use crate::lines::LineNo;
use crate::sql::driver::connection::{SqlValue, SqlValues, all, execute_exactly, first, insert_exactly};
use crate::sql::driver::schema::USAGE_ORDER;
use crate::sql::orders::line_rows::line_no_of;
use crate::sql::session::{CompanyView, Session};
use crate::sql::usage::rows::{amount_of_line, decode_amount};
use crate::usage::{HourClosing, OpenUsage, UsageOrder};

impl HourClosing for Session {
    fn take_open_usage(
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
            let (quantity, records, close_no) = (row.int(1)?, row.int(2)?, view.close_no);
            Ok(OpenUsage { line_no, line, quantity, records, orders: 0, close_no })
        })?;
        if let (Some(first), Some(last)) = (taken.first(), taken.last()) {
            let range = [
                company_id.into(),
                bucket.start_s.into(),
                i64::from(first.line_no).into(),
                i64::from(last.line_no).into(),
            ];
            self.count_earlier(&range, &mut taken)?;
            let deleted = self.connection.execute(
                "DELETE FROM open_usage WHERE company_id = $1 AND bucket_start = $2 AND line_no >= $3 \
                 AND line_no <= $4",
                &range,
            )?;
            if deleted != taken.len() as u64 {
                return Err(StoreError::Damaged(format!(
                    "{deleted} of {} open lines could be deleted",
                    taken.len()
                )));
            }
            execute_exactly(
                self.connection.as_mut(),
                1,
                "UPDATE company_state SET close_no = $2 WHERE company_id = $1",
                &[company_id, view.close_no + 1].map(SqlValue::Int),
            )?;
            self.companies.insert(company_id, CompanyView { close_no: view.close_no + 1, ..view });
        }
        self.subtract_from_hour(company_id, bucket, &taken, catalogue)?;
        Ok(taken)
    }

    fn add_usage_orders(&mut self, company_id: i64, orders: &[UsageOrder]) -> StoreResult<()> {
        let mut rows = orders.iter().map(|order| {
            let mut values = usage_order_values(company_id, order);
            values.push(order.close_no.into());
            values
        });
        insert_exactly(self.connection.as_mut(), &USAGE_ORDER, orders.len(), &mut rows)
    }
}

/// The values of an order of usage in the order of its columns, except the close number, which never changes.
pub(crate) fn usage_order_values(company_id: i64, order: &UsageOrder) -> SqlValues<'_> {
    vec![
        company_id.into(),
        order.bucket_start_s.into(),
        i64::from(order.line_no).into(),
        order.sequence_no.into(),
        order.source_number.as_str().into(),
        order.quantity.into(),
        order.records.into(),
    ]
}

impl Session {
    /// Sets how many orders each line already has in the hour.
    fn count_earlier(&mut self, range: &[SqlValue<'_>], taken: &mut [OpenUsage]) -> StoreResult<()> {
        let sql = "SELECT line_no, sequence_no FROM usage_order WHERE company_id = $1 AND bucket_start = $2 \
                   AND line_no >= $3 AND line_no <= $4 ORDER BY line_no, sequence_no";
        let earlier: Vec<(LineNo, i64)> =
            all(self.connection.as_mut(), sql, range, |row| Ok((line_no_of(row.int(0)?)?, row.int(1)?)))?;
        for (line_no, sequence_no) in earlier {
            if let Ok(index) = taken.binary_search_by_key(&line_no, |open| open.line_no) {
                taken[index].orders = sequence_no + 1;
            }
        }
        Ok(())
    }

    /// Subtracts removed usage from the amount of an open hour. If no usage remains, deletes the hour from `open_hour`
    /// and `due_hour`.
    fn subtract_from_hour(
        &mut self,
        company_id: i64,
        bucket: Bucket,
        taken: &[OpenUsage],
        catalogue: &Catalogue,
    ) -> StoreResult<()> {
        let key: [SqlValue<'_>; 2] = [company_id.into(), bucket.start_s.into()];
        if self.delete_empty_hour(company_id, bucket.start_s)? {
            return Ok(());
        }
        let sql = "SELECT amount FROM open_hour WHERE company_id = $1 AND bucket_start = $2";
        let mut amount = first(self.connection.as_mut(), sql, &key, |row| decode_amount(row.blob(0)?))?
            .ok_or_else(|| StoreError::Damaged("open usage has no open hour".into()))?;
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
}
