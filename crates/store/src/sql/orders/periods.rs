//! Chooses how a query is answered (from rollups, from tiles, from orders, or by number), and counts orders per period.

use std::collections::BTreeMap;
use std::ops::Range;

use tollbook_domain::time::{DAY_S, HOUR_S, Span, first_day_of_month};
use tollbook_domain::{OrderQuery, Status, TimeRange};

use crate::error::{StoreError, StoreResult};
use crate::lines::{LineNo, LineSet};
use crate::orders::StoredOrder;
use crate::pack::{self, CHUNK};
use crate::sql::driver::connection::{Flow, Row, SqlValue, SqlValues, first};
use crate::sql::orders::line_rows::line_no_of;
use crate::sql::orders::lookup::by_numbers;
use crate::sql::session::Session;

/// `unit` of rollups: UTC days.
pub(crate) const DAY: i64 = 1;
/// `unit` of rollups: UTC months.
pub(crate) const MONTH: i64 = 2;
/// `unit` of rollups: hours, for companies that have tiles.
pub(crate) const HOUR: i64 = 3;

/// The source of the answer to a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// No line passes the filter: the answer is empty.
    Nothing,
    /// A few orders named by number.
    Numbers,
    /// No filter by line: rollups of the whole company, and orders at the edges of the range.
    Rollups,
    /// A filter over a large company: rollups by line.
    Tiles,
    /// A filter over a small company: its orders, one by one.
    Orders,
}

/// A query with its filter resolved to lines.
pub(crate) struct Plan {
    pub(crate) source: Source,
    pub(crate) set: LineSet,
    pub(crate) tiled: bool,
}

impl Plan {
    /// Whether rollups by hour can answer the query. There are no tiles by hour.
    fn has_hours(&self) -> bool {
        self.tiled && self.source == Source::Rollups
    }

    /// Cuts a range into periods that have rollups or tiles, and edges.
    pub(crate) fn cut(&self, range: TimeRange) -> Vec<Span> {
        if self.has_hours() { range.cut_to_hours() } else { range.cut() }
    }
}

const HOURS_PER_DAY: i64 = DAY_S / HOUR_S;

/// A time range and the number of matching orders in it.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    pub(crate) range: TimeRange,
    pub(crate) count: i64,
    pub(crate) parts: Parts,
}

/// The periods into which a block can be cut.
#[derive(Clone, Debug)]
pub(crate) enum Parts {
    Days(Range<i64>),
    Hours(Range<i64>),
    Nothing,
}

impl Session {
    pub(crate) fn plan(&mut self, query: &OrderQuery) -> StoreResult<Plan> {
        let view = self.view(query.company_id)?;
        let set = view.lines.select(&query.lines);
        let source = if set.is_empty() {
            Source::Nothing
        } else if !query.order_numbers.is_empty() {
            Source::Numbers
        } else if set.is_all() {
            Source::Rollups
        } else if view.tiled {
            Source::Tiles
        } else {
            Source::Orders
        };
        Ok(Plan { source, set, tiled: view.tiled })
    }

    /// The orders that a query names by number, in list order.
    pub(crate) fn named_orders(&mut self, query: &OrderQuery, plan: &Plan) -> StoreResult<Vec<StoredOrder>> {
        let numbers: Vec<&str> = query.order_numbers.iter().map(String::as_str).collect();
        let mut found = by_numbers(self.connection.as_mut(), query.company_id, &numbers)?;
        found.retain(|stored| {
            query.statuses.contains(stored.order.status)
                && query.range.contains(stored.order.start_time_s)
                && plan.set.contains(stored.line_no)
        });
        found.sort_by(|a, b| {
            (b.order.start_time_s, &b.order.number).cmp(&(a.order.start_time_s, &a.order.number))
        });
        // The query may name one order by both of its numbers.
        found.dedup_by(|a, b| a.order.number == b.order.number);
        Ok(found)
    }

    /// Cuts the range of a query into blocks with their counts, oldest first: edges, hours, days, and months.
    pub(crate) fn blocks(&mut self, query: &OrderQuery, plan: &Plan) -> StoreResult<Vec<Block>> {
        let mut blocks = Vec::new();
        for span in plan.cut(query.range) {
            match span {
                Span::Edge(range) => {
                    let count = self.count_orders(query, plan, range)?;
                    blocks.push(Block { range, count, parts: Parts::Nothing });
                }
                Span::Hours(hours) => blocks.extend(self.hours(query, plan, hours)?),
                Span::Days(days) => blocks.extend(self.days(query, plan, days)?),
                Span::Months(months) => {
                    for (month, count) in self.period_counts(query, plan, MONTH, months)? {
                        let days = first_day_of_month(month)..first_day_of_month(month + 1);
                        let range =
                            TimeRange::of_day(days.start).until(TimeRange::of_day(days.end).start_s());
                        blocks.push(Block { range, count, parts: Parts::Days(days) });
                    }
                }
            }
        }
        Ok(blocks)
    }

    /// Cuts a block into its parts with their counts; `None` if it has no parts.
    pub(crate) fn split(
        &mut self,
        query: &OrderQuery,
        plan: &Plan,
        block: &Block,
    ) -> StoreResult<Option<Vec<Block>>> {
        match &block.parts {
            Parts::Days(days) => Ok(Some(self.days(query, plan, days.clone())?)),
            Parts::Hours(hours) => Ok(Some(self.hours(query, plan, hours.clone())?)),
            Parts::Nothing => Ok(None),
        }
    }

    fn days(&mut self, query: &OrderQuery, plan: &Plan, days: Range<i64>) -> StoreResult<Vec<Block>> {
        let counts = self.period_counts(query, plan, DAY, days)?;
        let parts = |day: i64| {
            if plan.has_hours() {
                Parts::Hours(day * HOURS_PER_DAY..(day + 1) * HOURS_PER_DAY)
            } else {
                Parts::Nothing
            }
        };
        Ok(counts
            .into_iter()
            .map(|(day, count)| Block { range: TimeRange::of_day(day), count, parts: parts(day) })
            .collect())
    }

    fn hours(&mut self, query: &OrderQuery, plan: &Plan, hours: Range<i64>) -> StoreResult<Vec<Block>> {
        let counts = self.period_counts(query, plan, HOUR, hours)?;
        Ok(counts
            .into_iter()
            .map(|(hour, count)| Block { range: TimeRange::of_hour(hour), count, parts: Parts::Nothing })
            .collect())
    }

    /// Counts matching orders per period. Periods without matching orders are absent.
    fn period_counts(
        &mut self,
        query: &OrderQuery,
        plan: &Plan,
        unit: i64,
        periods: Range<i64>,
    ) -> StoreResult<BTreeMap<i64, i64>> {
        let mut counts = BTreeMap::new();
        for status in query.statuses.iter() {
            if plan.source == Source::Rollups {
                let sql = "SELECT period, orders FROM rollup \
                           WHERE company_id = $1 AND status = $2 AND unit = $3 AND period >= $4 AND period < $5";
                let values =
                    [query.company_id, status.number(), unit, periods.start, periods.end].map(Into::into);
                self.connection.query(sql, &values, &mut |row| {
                    *counts.entry(row.int(0)?).or_default() += row.int(1)?;
                    Ok(Flow::More)
                })?;
                continue;
            }
            self.visit_tile_counts(query, plan, status, unit, &periods, |period, _, count| {
                *counts.entry(period).or_default() += count;
            })?;
        }
        counts.retain(|_, count| *count != 0);
        Ok(counts)
    }

    /// Calls `each(period, line, count)` with the number of orders of each selected line in each period.
    pub(crate) fn visit_tile_counts(
        &mut self,
        query: &OrderQuery,
        plan: &Plan,
        status: Status,
        unit: i64,
        periods: &Range<i64>,
        mut each: impl FnMut(i64, LineNo, i64),
    ) -> StoreResult<()> {
        let sql = "SELECT period, counts FROM tile_count WHERE company_id = $1 AND status = $2 AND unit = $3 \
                   AND chunk = $4 AND period >= $5 AND period < $6";
        self.visit_chunks(query, plan, status, unit, periods, sql, &mut |first_line, row| {
            let period = row.int(0)?;
            pack::visit::<1>(row.blob(1)?, |_, index, count| {
                let line_no = first_line + line_offset(index);
                if plan.set.contains(line_no) {
                    each(period, line_no, i64::try_from(count).unwrap_or(i64::MAX));
                }
            })
        })
    }

    /// Runs a statement over tiles for each chunk that has a selected line, and passes each row to `each` with the
    /// first line of its chunk.
    #[expect(clippy::too_many_arguments, reason = "six of them are the key of a tile")]
    pub(crate) fn visit_chunks(
        &mut self,
        query: &OrderQuery,
        plan: &Plan,
        status: Status,
        unit: i64,
        periods: &Range<i64>,
        sql: &str,
        each: &mut dyn FnMut(LineNo, &dyn Row) -> StoreResult<()>,
    ) -> StoreResult<()> {
        let chunks = plan.set.chunks(CHUNK);
        let sets: Vec<SqlValues<'_>> = chunks
            .iter()
            .map(|&chunk| {
                [query.company_id, status.number(), unit, chunk, periods.start, periods.end]
                    .map(SqlValue::Int)
                    .to_vec()
            })
            .collect();
        self.connection.query_each(sql, &sets, &mut |index, row| each(first_line_of(chunks[index])?, row))
    }

    /// Counts the matching orders of a time range by reading them.
    fn count_orders(&mut self, query: &OrderQuery, plan: &Plan, range: TimeRange) -> StoreResult<i64> {
        let mut count = 0;
        for status in query.statuses.iter() {
            let values = [query.company_id, status.number(), range.start_s(), range.end_s()].map(Into::into);
            let within =
                "FROM orders WHERE company_id = $1 AND status = $2 AND start_time >= $3 AND start_time < $4";
            if plan.set.is_all() {
                let sql = format!("SELECT count(*) {within}");
                count += first(self.connection.as_mut(), &sql, &values, |row| row.int(0))?.unwrap_or(0);
                continue;
            }
            self.connection.query(&format!("SELECT line_no {within}"), &values, &mut |row| {
                count += i64::from(plan.set.contains(line_no_of(row.int(0)?)?));
                Ok(Flow::More)
            })?;
        }
        Ok(count)
    }
}

/// The first line of a chunk; an error if no line can be in the chunk.
fn first_line_of(chunk: i64) -> StoreResult<LineNo> {
    pack::first_line_of(chunk).ok_or_else(|| StoreError::Damaged(format!("{chunk} is not a chunk of lines")))
}

/// The index of a line in its chunk, as a line number.
pub(crate) fn line_offset(index: usize) -> LineNo {
    LineNo::try_from(index).expect("an index within a chunk")
}
