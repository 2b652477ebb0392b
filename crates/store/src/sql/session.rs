//! A session: one transaction on one connection, with the state of the companies that it has read.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::audit::ChainHead;
use crate::deployment::DeploymentReads as _;
use crate::error::{StoreError, StoreResult};
use crate::lines::{LineCache, Lines};
use crate::sql::audit_chain::{self, PendingActs};
use crate::sql::deployment_state;
use crate::sql::digests::{self, Changed};
use crate::sql::driver::connection::{Connection, Flow, SqlValue, first};
use crate::sql::driver::table::Table;
use crate::sql::orders::line_rows::{LINE_COLUMNS, read_line};
use crate::store::{DeploymentGuard, Snapshot, StoreOptions, Transaction};

/// A read or write transaction.
pub(crate) struct Session {
    pub(crate) connection: Box<dyn Connection>,
    /// The failover epoch of the database when the transaction began; the cache is used within one epoch only.
    pub(crate) failover_epoch: u64,
    pub(crate) cache: Arc<LineCache>,
    pub(crate) options: StoreOptions,
    pub(crate) companies: HashMap<i64, CompanyView>,
    /// Tables with digests that this transaction has changed.
    pub(crate) changed_tables: BTreeSet<Changed>,
    /// Whether the commit may be lost in a crash, so that no file may remember it.
    pub(crate) commits_async: bool,
    pub(crate) guard: Option<Arc<dyn DeploymentGuard>>,
    pub(crate) acts: PendingActs,
}

impl Session {
    pub(crate) fn new(
        connection: Box<dyn Connection>,
        failover_epoch: u64,
        cache: Arc<LineCache>,
        options: StoreOptions,
    ) -> Self {
        Self {
            connection,
            failover_epoch,
            cache,
            options,
            companies: HashMap::new(),
            changed_tables: BTreeSet::new(),
            commits_async: false,
            guard: None,
            acts: PendingActs::default(),
        }
    }

    /// A session without a line cache.
    pub(crate) fn without_cache(connection: Box<dyn Connection>) -> Self {
        Self::new(connection, 0, Arc::new(LineCache::new(0)), StoreOptions::default())
    }
}

impl Session {
    /// Notes that this transaction changes rows of a table of the deployment.
    pub(crate) fn rows_change(&mut self, table: &'static Table) {
        self.rows_of_company_change(table, 0);
    }

    /// The same for rows of one company.
    pub(crate) fn rows_of_company_change(&mut self, table: &'static Table, company_id: i64) {
        self.changed_tables.insert((table.name, company_id));
    }

    /// Writes the acts of this transaction, and returns the new heads of their chains.
    pub(crate) fn write_acts(&mut self) -> StoreResult<Vec<ChainHead>> {
        audit_chain::write(self.connection.as_mut(), std::mem::take(&mut self.acts))
    }

    /// Writes the digests of the tables that this transaction has changed, as its last statements but one.
    pub(crate) fn write_digests(&mut self) -> StoreResult<()> {
        digests::write(self.connection.as_mut(), std::mem::take(&mut self.changed_tables))
    }
}

/// A company's state as this transaction sees it.
#[derive(Clone)]
pub(crate) struct CompanyView {
    pub(crate) lines: Arc<Lines>,
    pub(crate) order_count: i64,
    pub(crate) tiled: bool,
    /// Orders that begin before this time are refused.
    pub(crate) pruned_before_s: i64,
    /// [`OrderLookup::orders_version`](crate::OrderLookup::orders_version).
    pub(crate) orders_version: i64,
    /// How many transactions have taken usage out of open hours.
    pub(crate) close_no: i64,
    /// Whether this transaction has changed orders of the company and so has raised the version already.
    pub(crate) changed: bool,
    /// Whether this transaction has locked the company, so that no other transaction can write its orders.
    pub(crate) locked: bool,
}

impl CompanyView {
    /// Raises the orders version, once per transaction. The company must be locked.
    pub(crate) fn with_changed_orders(mut self) -> Self {
        if !self.changed {
            self.orders_version += 1;
            self.changed = true;
        }
        self
    }
}

impl Session {
    /// The state of a company in this transaction; all zero for a company that does not exist.
    pub(crate) fn view(&mut self, company_id: i64) -> StoreResult<CompanyView> {
        match self.companies.get(&company_id) {
            Some(view) => Ok(view.clone()),
            None => self.read_view(company_id, false),
        }
    }

    /// Locks the company until the transaction ends, and returns its state. No other transaction can write its orders
    /// meanwhile. A state that was read before the lock is read again, because another transaction may have changed it.
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
            "SELECT line_count, order_count, tiled, pruned_before, orders_version, close_no FROM company_state \
             WHERE company_id = $1 {for_update}"
        );
        let state = first(self.connection.as_mut(), &sql, &[company_id.into()], |row| {
            Ok((row.int(0)?, row.int(1)?, row.int(2)? != 0, row.int(3)?, row.int(4)?, row.int(5)?))
        })?;
        let (line_count, order_count, tiled, pruned_before_s, orders_version, close_no) =
            state.unwrap_or_default();
        let lines = self.load_lines(company_id, line_count)?;
        let view = CompanyView {
            lines,
            order_count,
            tiled,
            pruned_before_s,
            orders_version,
            close_no,
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
            // This snapshot is older than the one that filled the cache.
            return Ok(Arc::new(cached.truncated(wanted)));
        }
        let mut lines = Lines::clone(&cached);
        // If the company is not locked, this statement may see more lines than `company_state` counted.
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

impl Snapshot for Session {
    fn position(&mut self) -> StoreResult<Option<u64>> {
        self.connection.position()
    }

    fn database_clock_s(&mut self) -> StoreResult<Option<i64>> {
        self.connection.clock_s()
    }
}

impl Transaction for Session {
    fn another_writer_waits(&mut self) -> StoreResult<bool> {
        self.connection.another_writer_waits()
    }

    fn commit(mut self: Box<Self>) -> StoreResult<()> {
        let heads = self.write_acts()?;
        self.write_digests()?;
        let known = self.guard.take().filter(|_| !self.commits_async);
        let remembers = known.clone().filter(|_| !heads.is_empty());
        let deployment_id = match &remembers {
            Some(_) => self.deployment_state()?.deployment_id,
            None => String::new(),
        };
        let guard = known.filter(|guard| guard.is_mark_due());
        // The row of the state is written last, because writers of all companies share it.
        let marked = guard
            .map(|guard| {
                Ok::<_, StoreError>((deployment_state::raise_mark(self.connection.as_mut())?, guard))
            })
            .transpose()?;
        self.connection.commit()?;
        if let Some((state, guard)) = marked {
            guard.keep_mark(&state.deployment_id, state.mark_no);
        }
        if let Some(guard) = remembers {
            guard.keep_audit(&deployment_id, &heads);
        }
        Ok(())
    }
}
