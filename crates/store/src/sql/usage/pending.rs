//! Reads usage that has no order yet: the hours that are due, and the pending amount of a query.

use std::collections::{BTreeMap, HashSet};

use tollbook_domain::rating::SUPPLEMENTARY_ORDER;
use tollbook_domain::{Bucket, Catalogue, Line, OrderQuery};

use crate::error::StoreResult;
use crate::leases::LeaseKey;
use crate::lines::LineNo;
use crate::sql::driver::connection::{Flow, Row, SqlValue, all};
use crate::sql::orders::line_rows::line_no_of;
use crate::sql::session::Session;
use crate::sql::usage::rows::{amount_of_line, decode_amount};
use crate::usage::{DueHour, HourFilter, UsageReads};

const DUE_COLUMNS: &str = "company_id, bucket_start, bucket_end, due";

fn read_due(row: &dyn Row) -> StoreResult<DueHour> {
    Ok(DueHour {
        company_id: row.int(0)?,
        bucket: Bucket { start_s: row.int(1)?, end_s: row.int(2)? },
        due_s: row.int(3)?,
    })
}

impl UsageReads for Session {
    fn due_hours(&mut self, filter: HourFilter, now_s: i64, limit: i64) -> StoreResult<Vec<DueHour>> {
        // With other filters, no hour ended before the beginning of time.
        let (condition, by_s, ended_by_s, late_after_s) = match filter {
            HourFilter::DueBy(by_s) => ("due <= $4", by_s, i64::MIN, i64::MAX),
            HourFilter::EndedBy(by_s) => ("bucket_end <= $4", by_s, i64::MIN, i64::MAX),
            HourFilter::DueOrMisdated { by_s, grace_s, gather_s } => {
                ("due <= $4", by_s, by_s.saturating_sub(grace_s), by_s.saturating_add(gather_s))
            }
        };
        let sql = format!(
            "SELECT {DUE_COLUMNS} FROM due_hour WHERE ({condition} OR (bucket_end <= $5 AND due > $6)) \
             AND (lease_until <= $1 OR lease_until >= $2) ORDER BY bucket_start, company_id LIMIT $3"
        );
        let any_hour = LeaseKey::Hour { company_id: 0, bucket_start_s: 0 };
        let unbelievable_s = any_hour.unbelievable_from_s(now_s);
        let values = [now_s, unbelievable_s, limit, by_s, ended_by_s, late_after_s].map(SqlValue::Int);
        all(self.connection.as_mut(), &sql, &values, read_due)
    }

    fn leased_hours(&mut self, holder: &str) -> StoreResult<Vec<DueHour>> {
        let sql = format!(
            "SELECT {DUE_COLUMNS} FROM due_hour WHERE lease_holder = $1 ORDER BY bucket_start, company_id"
        );
        all(self.connection.as_mut(), &sql, &[holder.into()], read_due)
    }

    fn pending(&mut self, query: &OrderQuery, catalogue: &Catalogue) -> StoreResult<i128> {
        if !query.order_numbers.is_empty() {
            return Ok(0);
        }
        let company_id = query.company_id;
        let range = [company_id, query.range.start_s(), query.range.end_s()].map(SqlValue::Int);
        let mut pending = 0;
        if query.lines.is_everything() {
            let sql = "SELECT amount FROM open_hour WHERE company_id = $1 AND bucket_start >= $2 \
                       AND bucket_start < $3";
            self.connection.query(sql, &range, &mut |row| {
                pending += decode_amount(row.blob(0)?)?;
                Ok(Flow::More)
            })?;
            return Ok(pending);
        }
        if query.lines.names_order_types() {
            return self.read_pending_by_type(query, catalogue);
        }
        let lines = self.view(company_id)?.lines;
        let wanted = lines.select(&query.lines);
        if wanted.is_empty() {
            return Ok(0);
        }
        let sql = "SELECT line_no, quantity FROM open_usage WHERE company_id = $1 AND bucket_start >= $2 \
                   AND bucket_start < $3";
        self.connection.query(sql, &range, &mut |row| {
            let line_no = line_no_of(row.int(0)?)?;
            if wanted.contains(line_no) {
                pending += amount_of_line(&lines, line_no, row.int(1)?, catalogue)?;
            }
            Ok(Flow::More)
        })?;
        Ok(pending)
    }
}

impl Session {
    /// Reads the pending amount for a filter by order type. If a line and hour already has an order, its open usage
    /// becomes a supplementary order.
    fn read_pending_by_type(&mut self, query: &OrderQuery, catalogue: &Catalogue) -> StoreResult<i128> {
        let company_id = query.company_id;
        let lines = self.view(company_id)?.lines;
        let range = [company_id, query.range.start_s(), query.range.end_s()].map(SqlValue::Int);
        let mut open: BTreeMap<i64, Vec<(LineNo, i64)>> = BTreeMap::new();
        let sql = "SELECT bucket_start, line_no, quantity FROM open_usage WHERE company_id = $1 \
                   AND bucket_start >= $2 AND bucket_start < $3";
        self.connection.query(sql, &range, &mut |row| {
            open.entry(row.int(0)?).or_default().push((line_no_of(row.int(1)?)?, row.int(2)?));
            Ok(Flow::More)
        })?;
        let mut pending = 0;
        for (bucket_start, usage) in open {
            let mut ordered: HashSet<LineNo> = HashSet::new();
            let sql = "SELECT line_no FROM usage_order WHERE company_id = $1 AND bucket_start = $2";
            self.connection.query(sql, &[company_id, bucket_start].map(SqlValue::Int), &mut |row| {
                ordered.insert(line_no_of(row.int(0)?)?);
                Ok(Flow::More)
            })?;
            for (line_no, quantity) in usage {
                let Some(line) = lines.get(line_no) else { continue };
                let is_wanted = if ordered.contains(&line_no) {
                    let supplementary = Line { order_type: SUPPLEMENTARY_ORDER, ..Line::clone(line) };
                    query.lines.matches(&supplementary)
                } else {
                    query.lines.matches(line)
                };
                if is_wanted {
                    pending += amount_of_line(&lines, line_no, quantity, catalogue)?;
                }
            }
        }
        Ok(pending)
    }
}
