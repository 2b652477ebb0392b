//! A session: one transaction on one connection, with the state of the companies that it has read.

use std::collections::HashMap;
use std::sync::Arc;

use crate::StoreOptions;
use crate::error::{StoreError, StoreResult};
use crate::lines::{LineCache, Lines};
use crate::sql::driver::connection::{Connection, Flow, SqlValue, first};
use crate::sql::orders::line_rows::{LINE_COLUMNS, read_line};

/// One transaction, reading or writing, with what it has learnt about companies.
pub(crate) struct Session {
    pub(crate) connection: Box<dyn Connection>,
    /// Of the database, for what the cache may tell and be told.
    pub(crate) failover_epoch: u64,
    pub(crate) cache: Arc<LineCache>,
    pub(crate) options: StoreOptions,
    pub(crate) companies: HashMap<i64, CompanyView>,
}

impl Session {
    pub(crate) fn new(
        connection: Box<dyn Connection>,
        failover_epoch: u64,
        cache: Arc<LineCache>,
        options: StoreOptions,
    ) -> Self {
        Self { connection, failover_epoch, cache, options, companies: HashMap::new() }
    }
}

/// A company's state as this transaction sees it.
#[derive(Clone)]
pub(crate) struct CompanyView {
    pub(crate) lines: Arc<Lines>,
    pub(crate) order_count: i64,
    pub(crate) tiled: bool,
    /// No order that begins before this is taken any more.
    pub(crate) pruned_before_s: i64,
    /// [`Snapshot::orders_version`].
    pub(crate) orders_version: i64,
    /// Whether this transaction has changed orders of the company, so that the version is raised already.
    pub(crate) changed: bool,
    /// Whether no other transaction may write orders of the company until this one ends.
    pub(crate) locked: bool,
}

impl CompanyView {
    /// The same, with orders that differ from those of every moment before this transaction; the company is locked.
    pub(crate) fn with_changed_orders(mut self) -> Self {
        if !self.changed {
            self.orders_version += 1;
            self.changed = true;
        }
        self
    }
}

impl Session {
    /// What this transaction knows of a company; a company that does not exist has nothing.
    pub(crate) fn view(&mut self, company_id: i64) -> StoreResult<CompanyView> {
        match self.companies.get(&company_id) {
            Some(view) => Ok(view.clone()),
            None => self.read_view(company_id, false),
        }
    }

    /// The same, and from here on no other transaction may write orders of the company. What was seen of it before is
    /// read again: another one may have written until now.
    pub(crate) fn view_for_update(&mut self, company_id: i64) -> StoreResult<CompanyView> {
        match self.companies.get(&company_id) {
            Some(view) if view.locked => Ok(view.clone()),
            _ => self.read_view(company_id, true),
        }
    }

    fn read_view(&mut self, company_id: i64, locked: bool) -> StoreResult<CompanyView> {
        let dialect = self.connection.dialect();
        if locked && !dialect.queue.is_empty() {
            self.connection.query(dialect.queue, &[company_id.into()], &mut |_| Ok(Flow::Enough))?;
        }
        let for_update = if locked { dialect.for_update } else { "" };
        let sql = format!(
            "SELECT line_count, order_count, tiled, pruned_before, orders_version FROM company_state \
             WHERE company_id = $1 {for_update}"
        );
        let state = first(self.connection.as_mut(), &sql, &[company_id.into()], |row| {
            Ok((row.int(0)?, row.int(1)?, row.int(2)? != 0, row.int(3)?, row.int(4)?))
        })?;
        let (line_count, order_count, tiled, pruned_before_s, orders_version) = state.unwrap_or_default();
        let lines = self.load_lines(company_id, line_count)?;
        let view = CompanyView {
            lines,
            order_count,
            tiled,
            pruned_before_s,
            orders_version,
            changed: false,
            locked,
        };
        self.companies.insert(company_id, view.clone());
        Ok(view)
    }

    fn load_lines(&mut self, company_id: i64, line_count: i64) -> StoreResult<Arc<Lines>> {
        let wanted = usize::try_from(line_count).unwrap_or(0);
        let cached = self.cache.get(company_id, self.failover_epoch).unwrap_or_default();
        if cached.len() == wanted {
            return Ok(cached);
        }
        if cached.len() > wanted {
            // An older snapshot than one that another reader had.
            return Ok(Arc::new(cached.truncated(wanted)));
        }
        let mut lines = Lines::clone(&cached);
        // Of a company that is not locked, a writer may see more lines by now than the state counted a moment ago.
        let sql = format!(
            "SELECT {LINE_COLUMNS} FROM line WHERE company_id = $1 AND line_no >= $2 AND line_no < $3 \
             ORDER BY line_no"
        );
        let from = i64::try_from(cached.len()).unwrap_or(i64::MAX);
        let values = [company_id, from, line_count].map(SqlValue::Int);
        self.connection.query(&sql, &values, &mut |row| {
            lines.push(read_line(row)?);
            Ok(Flow::More)
        })?;
        if lines.len() != wanted {
            return Err(StoreError::Damaged(format!(
                "company {company_id} has {} of {wanted} lines",
                lines.len()
            )));
        }
        let lines = Arc::new(lines);
        self.cache.put(company_id, &lines, self.failover_epoch);
        Ok(lines)
    }
}
