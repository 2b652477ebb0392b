//! The bare SQL that answers are compared with: prepared once, run through rusqlite on the store's file, with the store's
//! cache size.

use std::hint::black_box;

use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, Statement};
use tollbook_domain::time::{day_of, month_of_day};
use tollbook_domain::{OrderQuery, Status};

use super::cases::{Case, MODELS, PAGE_SIZE, REGION, RequestKind, organizations};
use crate::fixture::Fixture;
use crate::result::Result;

const COLUMNS: &str = "status, start_time, order_no, line_no, end_time, quantity, total, original, star_card, coupon, \
     bonus, cash, credit, counterpart_no, create_time, paid_time, revocation_time";
const SUMS: &str = "count(*), sum(quantity), sum(total), sum(original), sum(star_card), sum(coupon), sum(bonus), \
     sum(cash), sum(credit)";
/// `unit` of months in the rollups.
const MONTH: i64 = 2;

/// A read-only connection to the store's file.
pub(crate) struct Bare {
    connection: Connection,
    /// SQL for the lines that pass the filter of the cases.
    lines: String,
}

/// A prepared statement with its values.
pub(crate) struct Prepared<'c> {
    statement: Statement<'c>,
    values: Vec<Value>,
}

impl Bare {
    pub(crate) fn open(fixture: &Fixture) -> Result<Self> {
        let connection = Connection::open_with_flags(fixture.database(), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        connection.execute_batch("PRAGMA cache_size = -8192")?;
        let list = |texts: Vec<String>| texts.join(", ");
        let lines = format!(
            "SELECT line_no FROM line WHERE company_id = {} AND model_id IN ({}) AND region = '{REGION}' \
             AND organization_id IN ({})",
            fixture.company.company_id,
            list(MODELS.map(|model| format!("'{model}'")).to_vec()),
            list(organizations(fixture).iter().map(ToString::to_string).collect()),
        );
        Ok(Self { connection, lines })
    }

    fn prepare(&self, sql: &str, values: &[i64]) -> Result<Prepared<'_>> {
        let values = values.iter().map(|value| Value::Integer(*value)).collect();
        Ok(Prepared { statement: self.connection.prepare(sql)?, values })
    }

    /// SQL for the matching orders, `FROM …`, and its three values.
    fn from(&self, case: &Case, query: &OrderQuery) -> (String, Vec<i64>) {
        let statuses: Vec<String> = query.statuses.iter().map(|status| status.number().to_string()).collect();
        let lines = if case.filtered { format!(" AND line_no IN ({})", self.lines) } else { String::new() };
        let from = format!(
            "FROM orders WHERE company_id = ?1 AND status IN ({}) AND start_time >= ?2 AND start_time < ?3{lines}",
            statuses.join(", ")
        );
        (from, vec![query.company_id, query.range.start_s(), query.range.end_s()])
    }

    pub(super) fn page(&self, case: &Case, query: &OrderQuery, offset: i64) -> Result<Prepared<'_>> {
        let (from, mut values) = self.from(case, query);
        values.extend([PAGE_SIZE, offset]);
        let order = "ORDER BY start_time DESC, order_no DESC LIMIT ?4 OFFSET ?5";
        self.prepare(&format!("SELECT {COLUMNS} {from} {order}"), &values)
    }

    /// An entire list in its order, as an export reads it.
    pub(crate) fn paid_list(&self, query: &OrderQuery) -> Result<Prepared<'_>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM orders WHERE company_id = ?1 AND status = {} AND start_time >= ?2 \
             AND start_time < ?3 ORDER BY start_time DESC, order_no DESC",
            Status::Paid.number()
        );
        self.prepare(&sql, &[query.company_id, query.range.start_s(), query.range.end_s()])
    }

    /// The Total: from the rollups if they have it, otherwise by counting.
    pub(super) fn total(&self, case: &Case, query: &OrderQuery) -> Result<Prepared<'_>> {
        if case.filtered || !case.whole_months {
            return self.count(case, query);
        }
        let month = |time_s| month_of_day(day_of(time_s));
        self.prepare(
            "SELECT sum(orders) FROM rollup WHERE company_id = ?1 AND status = ?2 AND unit = ?3 AND period >= ?4 \
             AND period < ?5",
            &[
                query.company_id,
                Status::Paid.number(),
                MONTH,
                month(query.range.start_s()),
                month(query.range.end_s()),
            ],
        )
    }

    /// The plain count of the matching orders.
    pub(super) fn count(&self, case: &Case, query: &OrderQuery) -> Result<Prepared<'_>> {
        let (from, values) = self.from(case, query);
        self.prepare(&format!("SELECT count(*) {from}"), &values)
    }

    /// The plain aggregate of the matching orders by status, or by line for a summary.
    pub(super) fn aggregate(&self, case: &Case, query: &OrderQuery) -> Result<Prepared<'_>> {
        let (from, values) = self.from(case, query);
        let group = if case.kind == RequestKind::Summary { "line_no" } else { "status" };
        self.prepare(&format!("SELECT {SUMS}, {group} {from} GROUP BY {group}"), &values)
    }
}

impl Prepared<'_> {
    /// Reads every value of every row, and adds up the first column.
    pub(crate) fn run(&mut self) -> Result<i64> {
        let columns = self.statement.column_count();
        let mut rows = self.statement.query(rusqlite::params_from_iter(&self.values))?;
        let mut sum = 0;
        while let Some(row) = rows.next()? {
            for column in 0..columns {
                black_box(row.get_ref(column)?);
            }
            sum += row.get::<_, i64>(0)?;
        }
        Ok(sum)
    }

    /// Reads a page and returns the number of its first order.
    pub(super) fn first_number(&mut self) -> Result<Option<String>> {
        let columns = self.statement.column_count();
        let mut rows = self.statement.query(rusqlite::params_from_iter(&self.values))?;
        let mut first = None;
        while let Some(row) = rows.next()? {
            for column in 0..columns {
                black_box(row.get_ref(column)?);
            }
            if first.is_none() {
                first = Some(row.get(2)?);
            }
        }
        Ok(first)
    }
}
