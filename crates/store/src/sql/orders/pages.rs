//! Lists: a page with its exact total, and the scan of a whole list.
//!
//! A deep page costs little more than the first one: counts per month, day and hour determine where it begins, and only
//! the range from there on is read.

use std::sync::Arc;

use tollbook_domain::{OrderQuery, Status, TimeRange};

use crate::error::{StoreError, StoreResult};
use crate::lines::Lines;
use crate::orders::{EachOrder, OrderLists, Page, StoredOrder};
use crate::sql::driver::connection::{Flow, SqlValue, SqlValues, all};
use crate::sql::orders::line_rows::line_no_of;
use crate::sql::orders::periods::{Block, Plan, Source};
use crate::sql::orders::rows::{ORDER_COLUMNS, blank, read, read_into, status_of};
use crate::sql::session::Session;

/// Maximum number of orders to read and skip before a page; up to it, reading costs less than a statement for finer
/// counts.
const MAX_SKIPPED: i64 = 200;
/// Orders that the first step of a walk reads. Each step reads twice as many as the step before.
const FIRST_STEP: i64 = 512;
/// Maximum number of orders that a step reads.
const LONGEST_STEP: i64 = 16_384;

/// The part of a page that has not been read yet.
struct Wanted {
    skip: i64,
    limit: i64,
    orders: Vec<StoredOrder>,
}

/// The key of an order, by which the whole order is read later.
struct ListKey {
    status: Status,
    start_time_s: i64,
    number: String,
}

impl OrderLists for Session {
    fn lines(&mut self, company_id: i64) -> StoreResult<Arc<Lines>> {
        Ok(self.view(company_id)?.lines)
    }

    fn count(&mut self, query: &OrderQuery) -> StoreResult<i64> {
        Ok(self.page(query, 0, 0)?.total)
    }

    fn page(&mut self, query: &OrderQuery, offset: i64, limit: i64) -> StoreResult<Page> {
        let plan = self.plan(query)?;
        match plan.source {
            Source::Nothing => Ok(Page { total: 0, orders: Vec::new() }),
            Source::Numbers => {
                let found = self.named_orders(query, &plan)?;
                let total = i64::try_from(found.len()).unwrap_or(i64::MAX);
                let skip = usize::try_from(offset).unwrap_or(usize::MAX);
                let limit = usize::try_from(limit).unwrap_or(0);
                Ok(Page { total, orders: found.into_iter().skip(skip).take(limit).collect() })
            }
            Source::Orders => {
                // One walk counts all orders and collects the keys of the page.
                let (total, keys) = self.walk(query, &plan, query.range, offset, limit, true)?;
                Ok(Page { total, orders: self.orders_of(query.company_id, &keys)? })
            }
            Source::Rollups | Source::Tiles => {
                let blocks = self.blocks(query, &plan)?;
                let total = blocks.iter().map(|block| block.count).sum();
                if plan.set.is_all() {
                    let orders = self.page_of_all_lines(query, &plan, blocks, offset, limit)?;
                    return Ok(Page { total, orders });
                }
                let mut wanted = Wanted { skip: offset, limit, orders: Vec::new() };
                self.collect(query, &plan, blocks, &mut wanted)?;
                Ok(Page { total, orders: wanted.orders })
            }
        }
    }

    fn scan(&mut self, query: &OrderQuery, each: EachOrder<'_>) -> StoreResult<()> {
        let plan = self.plan(query)?;
        match plan.source {
            Source::Nothing => Ok(()),
            Source::Numbers => self.named_orders(query, &plan)?.iter().try_for_each(each),
            Source::Rollups | Source::Orders => self.scan_range(query, &plan, query.range, each),
            Source::Tiles => {
                // Only days that have a matching order are read.
                for range in self.occupied_ranges(query, &plan)?.into_iter().rev() {
                    self.scan_range(query, &plan, range, each)?;
                }
                Ok(())
            }
        }
    }

    fn arrears(&mut self, company_id: i64, from_s: i64, limit: i64) -> StoreResult<Vec<StoredOrder>> {
        let unpaid = Status::Unpaid.number();
        let sql = format!(
            "SELECT {ORDER_COLUMNS} FROM orders WHERE company_id = $1 AND status = $2 AND start_time >= $3 \
             ORDER BY start_time, order_no LIMIT $4"
        );
        let values = [company_id, unpaid, from_s, limit].map(SqlValue::Int);
        let mut orders = all(self.connection.as_mut(), &sql, &values, read)?;
        if let Some(last) = orders.last() {
            let (start_time_s, number) = (last.order.start_time_s, last.order.number.clone());
            let sql = format!(
                "SELECT {ORDER_COLUMNS} FROM orders WHERE company_id = $1 AND status = $2 AND start_time = $3 \
                 AND order_no > $4 ORDER BY order_no"
            );
            let values = [company_id.into(), unpaid.into(), start_time_s.into(), SqlValue::Text(&number)];
            orders.extend(all(self.connection.as_mut(), &sql, &values, read)?);
        }
        orders.sort_by(|a, b| {
            let key = |stored: &StoredOrder| (stored.order.start_time_s, stored.order.counterpart.clone());
            key(a).cmp(&key(b))
        });
        Ok(orders)
    }
}

impl Session {
    /// Reads a page of a list without a filter by line. Counts determine where it begins, and one statement reads it.
    fn page_of_all_lines(
        &mut self,
        query: &OrderQuery,
        plan: &Plan,
        mut blocks: Vec<Block>,
        mut skip: i64,
        limit: i64,
    ) -> StoreResult<Vec<StoredOrder>> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        while let Some(block) = blocks.pop() {
            if skip >= block.count {
                skip -= block.count;
                continue;
            }
            if skip > MAX_SKIPPED
                && let Some(parts) = self.split(query, plan, &block)?
            {
                blocks = parts;
                continue;
            }
            let range = query.range.until(block.range.end_s());
            let (sql, mut values) = in_list_order(ORDER_COLUMNS, query, range, None);
            let sql = format!("{sql} LIMIT ${} OFFSET ${}", values.len() + 1, values.len() + 2);
            values.extend([SqlValue::Int(limit), SqlValue::Int(skip)]);
            return all(self.connection.as_mut(), &sql, &values, read);
        }
        Ok(Vec::new())
    }

    /// Reads the wanted orders of blocks, newest first. A block whose orders are all skipped is not read.
    fn collect(
        &mut self,
        query: &OrderQuery,
        plan: &Plan,
        blocks: Vec<Block>,
        wanted: &mut Wanted,
    ) -> StoreResult<()> {
        for block in blocks.into_iter().rev() {
            if wanted.limit == 0 {
                break;
            }
            if wanted.skip >= block.count {
                wanted.skip -= block.count;
                continue;
            }
            if let Some(parts) = self.split(query, plan, &block)? {
                self.collect(query, plan, parts, wanted)?;
                continue;
            }
            let limit = wanted.limit.min(block.count - wanted.skip);
            let (_, keys) = self.walk(query, plan, block.range, wanted.skip, limit, false)?;
            wanted.orders.extend(self.orders_of(query.company_id, &keys)?);
            wanted.skip = 0;
            wanted.limit -= i64::try_from(keys.len()).unwrap_or(wanted.limit);
        }
        Ok(())
    }

    /// Walks the list over a time range. Returns the number of matching orders that it has read, which is all of them
    /// if `to_the_end`, and the keys of those at positions `skip` to `skip + limit`.
    fn walk(
        &mut self,
        query: &OrderQuery,
        plan: &Plan,
        range: TimeRange,
        skip: i64,
        limit: i64,
        to_the_end: bool,
    ) -> StoreResult<(i64, Vec<ListKey>)> {
        let mut matches = 0;
        let mut keys = Vec::new();
        let end = skip.saturating_add(limit);
        // A walk that may end early reads in steps, because a server sends every row that a statement selects.
        let mut step = if to_the_end { i64::MAX } else { FIRST_STEP };
        let mut last: Option<(i64, String)> = None;
        loop {
            let (sql, mut values) =
                in_list_order("status, start_time, order_no, line_no", query, range, last.as_ref());
            let sql = format!("{sql} LIMIT ${}", values.len() + 1);
            values.push(SqlValue::Int(step));
            let (mut seen, mut at) = (0, None);
            self.connection.query(&sql, &values, &mut |row| {
                seen += 1;
                if seen == step {
                    at = Some((row.int(1)?, row.text(2)?.to_owned()));
                }
                if !plan.set.contains(line_no_of(row.int(3)?)?) {
                    return Ok(Flow::More);
                }
                if matches >= skip && matches < end {
                    keys.push(ListKey {
                        status: status_of(row.int(0)?)?,
                        start_time_s: row.int(1)?,
                        number: row.text(2)?.to_owned(),
                    });
                }
                matches += 1;
                Ok(if !to_the_end && matches >= end { Flow::Enough } else { Flow::More })
            })?;
            if at.is_none() || (!to_the_end && matches >= end) {
                return Ok((matches, keys));
            }
            last = at;
            step = (step * 2).min(LONGEST_STEP);
        }
    }

    fn orders_of(&mut self, company_id: i64, keys: &[ListKey]) -> StoreResult<Vec<StoredOrder>> {
        let sql = format!(
            "SELECT {ORDER_COLUMNS} FROM orders WHERE company_id = $1 AND status = $2 AND start_time = $3 \
             AND order_no = $4"
        );
        let sets: Vec<SqlValues<'_>> = keys
            .iter()
            .map(|key| {
                vec![
                    company_id.into(),
                    key.status.number().into(),
                    key.start_time_s.into(),
                    key.number.as_str().into(),
                ]
            })
            .collect();
        let mut orders = Vec::with_capacity(keys.len());
        self.connection.query_each(&sql, &sets, &mut |_, row| {
            orders.push(read(row)?);
            Ok(())
        })?;
        if orders.len() == keys.len() {
            return Ok(orders);
        }
        Err(StoreError::Damaged("an order is missing from its snapshot".into()))
    }

    /// The time ranges that have matching orders, oldest first. Adjacent ranges are merged.
    fn occupied_ranges(&mut self, query: &OrderQuery, plan: &Plan) -> StoreResult<Vec<TimeRange>> {
        let mut ranges: Vec<TimeRange> = Vec::new();
        for block in self.blocks(query, plan)? {
            for part in self.split(query, plan, &block)?.unwrap_or_else(|| vec![block]) {
                match ranges.last_mut() {
                    _ if part.count == 0 => {}
                    Some(last) if last.end_s() == part.range.start_s() => {
                        *last = last.until(part.range.end_s());
                    }
                    _ => ranges.push(part.range),
                }
            }
        }
        Ok(ranges)
    }

    fn scan_range(
        &mut self,
        query: &OrderQuery,
        plan: &Plan,
        range: TimeRange,
        each: EachOrder<'_>,
    ) -> StoreResult<()> {
        let (sql, values) = in_list_order(ORDER_COLUMNS, query, range, None);
        let mut order = blank();
        let every_line = plan.set.is_all();
        self.connection.query(&sql, &values, &mut |row| {
            if every_line || plan.set.contains(line_no_of(row.int(3)?)?) {
                read_into(row, &mut order)?;
                each(&order)?;
            }
            Ok(Flow::More)
        })
    }
}

/// A SELECT over the wanted statuses in list order, from the order after `last` on. Each status is a range of the primary
/// key, and the database merges the ranges instead of sorting. `PostgreSQL` does so only if each range has its own ORDER
/// BY, and `SQLite` accepts that in a subquery only.
fn in_list_order<'a>(
    columns: &str,
    query: &OrderQuery,
    range: TimeRange,
    last: Option<&'a (i64, String)>,
) -> (String, Vec<SqlValue<'a>>) {
    let mut values =
        vec![SqlValue::Int(query.company_id), SqlValue::Int(range.start_s()), SqlValue::Int(range.end_s())];
    let after = match last {
        Some((start_time_s, number)) => {
            values.extend([SqlValue::Int(*start_time_s), SqlValue::Text(number)]);
            " AND (start_time, order_no) < ($4, $5)"
        }
        None => "",
    };
    let mut range_of = |status: i64| {
        values.push(SqlValue::Int(status));
        format!(
            "SELECT {columns} FROM orders WHERE company_id = $1 AND status = ${} AND start_time >= $2 \
             AND start_time < $3{after} {LIST_ORDER}",
            values.len()
        )
    };
    let mut ranges: Vec<String> = query.statuses.iter().map(|status| range_of(status.number())).collect();
    let sql = match ranges.len() {
        // Without a status, the statement has the same columns and returns no rows.
        0 => range_of(0),
        1 => ranges.remove(0),
        _ => {
            let arms: Vec<String> = (1..)
                .zip(&ranges)
                .map(|(place, range)| format!("SELECT * FROM ({range}) AS range_{place}"))
                .collect();
            format!("{} {LIST_ORDER}", arms.join(" UNION ALL "))
        }
    };
    (sql, values)
}

const LIST_ORDER: &str = "ORDER BY start_time DESC, order_no DESC";
