//! What the open hours of a query would come to, each line rounded as its order would be.

use std::collections::{BTreeMap, HashSet};

use tollbook_domain::rating::SUPPLEMENTARY_ORDER;
use tollbook_domain::{Catalogue, Line, OrderQuery};

use crate::error::StoreResult;
use crate::lines::LineNo;
use crate::sql::driver::connection::{Flow, SqlValue};
use crate::sql::orders::line_rows::line_no_of;
use crate::sql::session::Session;
use crate::sql::usage::rows::{amount_of_line, decode_amount};

impl Session {
    pub(crate) fn read_pending(&mut self, query: &OrderQuery, catalogue: &Catalogue) -> StoreResult<i128> {
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

    /// The same where the type of an order matters: usage of a line and hour that has an order already will be a
    /// supplementary one.
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
                    let later = Line { order_type: SUPPLEMENTARY_ORDER, ..Line::clone(line) };
                    query.lines.matches(&later)
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
