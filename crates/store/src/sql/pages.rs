//! Lists: a page with its exact total, and the scan of a whole list.
//!
//! A deep page costs no more than the first: counts per month, then per day, find the day in which it begins, and
//! only that day is read.

use tollbook_domain::{OrderQuery, Status, TimeRange};

use super::Session;
use super::connection::{Flow, Value, first};
use super::order_rows::{ORDER_COLUMNS, blank, line_no_of, read, read_into, status_of};
use super::periods::{Block, Plan, Source};
use crate::error::{StoreError, StoreResult};
use crate::{EachOrder, Page, StoredOrder};

/// What finds an order again: its place in the list.
struct ListKey {
    status: Status,
    start_time_s: i64,
    number: String,
}

impl Session {
    pub(super) fn read_page(&mut self, query: &OrderQuery, offset: i64, limit: i64) -> StoreResult<Page> {
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
                // One walk counts all and remembers the page.
                let (total, keys) = self.walk(query, &plan, query.range, offset, limit, true)?;
                Ok(Page { total, orders: self.orders_of(query.company_id, &keys)? })
            }
            Source::Rollups | Source::Tiles => {
                let blocks = self.blocks(query, &plan)?;
                let total = blocks.iter().map(|block| block.count).sum();
                let orders = self.page_of_blocks(query, &plan, blocks, offset, limit)?;
                Ok(Page { total, orders })
            }
        }
    }

    fn page_of_blocks(
        &mut self,
        query: &OrderQuery,
        plan: &Plan,
        blocks: Vec<Block>,
        offset: i64,
        limit: i64,
    ) -> StoreResult<Vec<StoredOrder>> {
        let mut orders = Vec::new();
        let (mut skip, mut wanted) = (offset, limit);
        for block in blocks.into_iter().rev() {
            if wanted == 0 {
                break;
            }
            if skip >= block.count {
                skip -= block.count;
                continue;
            }
            for part in self.split(query, plan, block)?.into_iter().rev() {
                if wanted == 0 {
                    break;
                }
                if skip >= part.count {
                    skip -= part.count;
                    continue;
                }
                let read = self.orders_in(query, plan, part.range, skip, wanted.min(part.count - skip))?;
                skip = 0;
                wanted -= i64::try_from(read.len()).unwrap_or(wanted);
                orders.extend(read);
            }
        }
        Ok(orders)
    }

    /// Matching orders number `skip` to `skip + limit` of a stretch of time, newest first.
    fn orders_in(
        &mut self,
        query: &OrderQuery,
        plan: &Plan,
        range: TimeRange,
        skip: i64,
        limit: i64,
    ) -> StoreResult<Vec<StoredOrder>> {
        if !plan.set.is_all() {
            let (_, keys) = self.walk(query, plan, range, skip, limit, false)?;
            return self.orders_of(query.company_id, &keys);
        }
        let (sql, mut values) = in_list_order(ORDER_COLUMNS, query, range);
        let sql = format!("{sql} LIMIT ${} OFFSET ${}", values.len() + 1, values.len() + 2);
        values.extend([Value::Int(limit), Value::Int(skip)]);
        super::connection::all(self.connection.as_mut(), &sql, &values, read)
    }

    /// Walks the list over a stretch of time and returns the keys of the matching orders number `skip` to
    /// `skip + limit`, with how many matches it passed: all there are if `to_the_end`.
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
        let (sql, values) = in_list_order("status, start_time, order_no, line_no", query, range);
        self.connection.query(&sql, &values, &mut |row| {
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
        Ok((matches, keys))
    }

    fn orders_of(&mut self, company_id: i64, keys: &[ListKey]) -> StoreResult<Vec<StoredOrder>> {
        let sql = format!(
            "SELECT {ORDER_COLUMNS} FROM orders WHERE company_id = $1 AND status = $2 AND start_time = $3 \
             AND order_no = $4"
        );
        keys.iter()
            .map(|key| {
                let values = [
                    company_id.into(),
                    key.status.number().into(),
                    key.start_time_s.into(),
                    key.number.as_str().into(),
                ];
                first(self.connection.as_mut(), &sql, &values, read)?
                    .ok_or_else(|| StoreError::Damaged(format!("order {} left its snapshot", key.number)))
            })
            .collect()
    }

    pub(super) fn read_all(&mut self, query: &OrderQuery, each: EachOrder<'_>) -> StoreResult<()> {
        let plan = self.plan(query)?;
        match plan.source {
            Source::Nothing => Ok(()),
            Source::Numbers => self.named_orders(query, &plan)?.iter().try_for_each(each),
            Source::Rollups | Source::Orders => self.scan_range(query, &plan, query.range, each),
            Source::Tiles => {
                // Only days that hold a matching order are read.
                for range in self.occupied_ranges(query, &plan)?.into_iter().rev() {
                    self.scan_range(query, &plan, range, each)?;
                }
                Ok(())
            }
        }
    }

    /// The stretches of time in which orders match, oldest first, neighbours joined.
    fn occupied_ranges(&mut self, query: &OrderQuery, plan: &Plan) -> StoreResult<Vec<TimeRange>> {
        let mut ranges: Vec<TimeRange> = Vec::new();
        for block in self.blocks(query, plan)? {
            for part in self.split(query, plan, block)? {
                if part.count == 0 {
                    continue;
                }
                match ranges.last_mut() {
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
        let (sql, values) = in_list_order(ORDER_COLUMNS, query, range);
        let mut order = blank();
        self.connection.query(&sql, &values, &mut |row| {
            if plan.set.contains(line_no_of(row.int(3)?)?) {
                read_into(row, &mut order)?;
                each(&order)?;
            }
            Ok(Flow::More)
        })
    }
}

/// A SELECT over the wanted statuses in list order. Each status is a stretch of the primary key; of two, the
/// database merges the stretches, so that nothing is sorted.
fn in_list_order(columns: &str, query: &OrderQuery, range: TimeRange) -> (String, Vec<Value<'static>>) {
    let mut values =
        vec![Value::Int(query.company_id), Value::Int(range.start_s()), Value::Int(range.end_s())];
    let mut selects = Vec::new();
    for status in query.statuses.iter() {
        values.push(Value::Int(status.number()));
        selects.push(format!(
            "SELECT {columns} FROM orders WHERE company_id = $1 AND status = ${} AND start_time >= $2 \
             AND start_time < $3",
            values.len()
        ));
    }
    if selects.is_empty() {
        // No status is wanted: the same columns, and no row.
        return (format!("SELECT {columns} FROM orders WHERE company_id = $1 AND $2 > $3"), values);
    }
    (format!("{} ORDER BY start_time DESC, order_no DESC", selects.join(" UNION ALL ")), values)
}
