//! Verification of lines: each has the digest of its fields as its key.

use super::report::Report;
use crate::error::StoreResult;
use crate::sql::driver::connection::{Connection, Flow, SqlValue, first};
use crate::sql::orders::line_rows::{LINE_COLUMNS, line_key, read_line};
use crate::sql::session::Session;

/// The name under which [`note_old_lines`] keeps its numbers in the table of digests.
const OLD_LINES: &str = "old line";

impl Session {
    pub(super) fn verify_lines(&mut self, company_id: i64, report: &mut Report) -> StoreResult<()> {
        self.verify_some_lines(company_id, 0, i64::MAX, report)
    }

    /// Verifies the lines whose numbers are in a range.
    pub(super) fn verify_some_lines(
        &mut self,
        company_id: i64,
        from: i64,
        until: i64,
        report: &mut Report,
    ) -> StoreResult<()> {
        let connection = self.connection.as_mut();
        let sql = "SELECT digest FROM table_digest WHERE table_name = $1 AND company_id = $2";
        let old = first(connection, sql, &[OLD_LINES.into(), company_id.into()], |row| {
            Ok(row.blob(0)?.try_into().map_or(i64::MAX, i64::from_le_bytes))
        })?;
        let from = old.unwrap_or(0).max(from);
        each_line_with_other_key(connection, company_id, from, until, &mut |line_no| {
            report.differ(|| format!("company {company_id}: line {line_no} is not what was stored"));
        })
    }
}

/// Calls `each` for every line whose number is in a range and whose key is not the digest of its fields.
fn each_line_with_other_key(
    connection: &mut dyn Connection,
    company_id: i64,
    from: i64,
    until: i64,
    each: &mut dyn FnMut(i64),
) -> StoreResult<()> {
    let sql = format!(
        "SELECT {LINE_COLUMNS}, line_key, line_no FROM line WHERE company_id = $1 AND line_no >= $2 AND line_no < $3 \
         ORDER BY line_no"
    );
    connection.query(&sql, &[company_id, from, until].map(SqlValue::Int), &mut |row| {
        if row.blob(20)? != line_key(&read_line(row)?) {
            each(row.int(21)?);
        }
        Ok(Flow::More)
    })
}

/// Notes which lines of a company were written by versions that made other keys, or that were renumbered since: those up
/// to the last one whose key is not the digest of its fields.
pub(crate) fn note_old_lines(connection: &mut dyn Connection, company_id: i64) -> StoreResult<()> {
    let mut last = None;
    each_line_with_other_key(connection, company_id, 0, i64::MAX, &mut |line_no| last = Some(line_no))?;
    let Some(last) = last else { return Ok(()) };
    let sql = "INSERT INTO table_digest (table_name, company_id, digest) VALUES ($1, $2, $3)";
    let number = (last + 1).to_le_bytes();
    connection.execute(sql, &[OLD_LINES.into(), company_id.into(), SqlValue::Blob(&number)])?;
    Ok(())
}
