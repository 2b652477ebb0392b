//! Sums over the orders of a query, in total or per line. Whole periods are read from rollups or tiles, the rest from
//! orders.

use std::ops::Range;

use tollbook_domain::measures::SUMS;
use tollbook_domain::time::Span;
use tollbook_domain::{Measures, OrderQuery, Status, TimeRange};

use crate::error::StoreResult;
use crate::lines::LineNo;
use crate::orders::OrderSums;
use crate::pack;
use crate::sql::driver::connection::Flow;
use crate::sql::orders::periods::{DAY, HOUR, MONTH, Plan, Source, line_offset};
use crate::sql::orders::rows::{MEASURE_COLUMNS, read_measures};
use crate::sql::session::Session;

/// Receives counts and sums of lines.
trait Sink {
    fn add(&mut self, line_no: LineNo, measures: &Measures);
    fn add_count(&mut self, line_no: LineNo, orders: i64);
    fn add_sum(&mut self, line_no: LineNo, column: usize, value: i128);
}

/// The total over all lines.
#[derive(Default)]
struct Total {
    orders: i64,
    sums: [i128; SUMS],
}

impl Sink for Total {
    fn add(&mut self, line_no: LineNo, measures: &Measures) {
        self.add_count(line_no, measures.orders);
        for (column, value) in measures.sums().into_iter().enumerate() {
            self.add_sum(line_no, column, value);
        }
    }

    fn add_count(&mut self, _: LineNo, orders: i64) {
        self.orders += orders;
    }

    fn add_sum(&mut self, _: LineNo, column: usize, value: i128) {
        self.sums[column] += value;
    }
}

/// One total per line, by line number.
#[derive(Default)]
struct PerLine(Vec<Total>);

impl PerLine {
    fn line(&mut self, line_no: LineNo) -> &mut Total {
        let index = line_no as usize;
        if self.0.len() <= index {
            self.0.resize_with(index + 1, Total::default);
        }
        &mut self.0[index]
    }
}

impl Sink for PerLine {
    fn add(&mut self, line_no: LineNo, measures: &Measures) {
        self.line(line_no).add(line_no, measures);
    }

    fn add_count(&mut self, line_no: LineNo, orders: i64) {
        self.line(line_no).add_count(line_no, orders);
    }

    fn add_sum(&mut self, line_no: LineNo, column: usize, value: i128) {
        self.line(line_no).add_sum(line_no, column, value);
    }
}

impl OrderSums for Session {
    fn sums(&mut self, query: &OrderQuery) -> StoreResult<Vec<(Status, Measures)>> {
        let plan = self.plan(query)?;
        let mut sums = Vec::new();
        for status in query.statuses.iter() {
            let mut total = Total::default();
            if plan.source == Source::Rollups {
                self.add_rollups(query, &plan, status, &mut total)?;
            } else {
                self.add_lines(query, &plan, status, &mut total)?;
            }
            sums.push((status, Measures::from_sums(total.orders, total.sums)));
        }
        Ok(sums)
    }

    fn sums_by_line(&mut self, query: &OrderQuery) -> StoreResult<Vec<(Status, LineNo, Measures)>> {
        let plan = self.plan(query)?;
        let mut sums = Vec::new();
        for status in query.statuses.iter() {
            let mut lines = PerLine::default();
            self.add_lines(query, &plan, status, &mut lines)?;
            for (line_no, total) in (0..).zip(lines.0) {
                if total.orders != 0 {
                    sums.push((status, line_no, Measures::from_sums(total.orders, total.sums)));
                }
            }
        }
        Ok(sums)
    }
}

impl Session {
    /// Adds the rollups of the company, for a query without a filter by line.
    fn add_rollups(
        &mut self,
        query: &OrderQuery,
        plan: &Plan,
        status: Status,
        total: &mut Total,
    ) -> StoreResult<()> {
        let sql = "SELECT orders, sums FROM rollup WHERE company_id = $1 AND status = $2 AND unit = $3 \
                   AND period >= $4 AND period < $5";
        for span in plan.cut(query.range) {
            let (unit, periods) = match span {
                Span::Edge(range) => {
                    self.add_orders_of(query, plan, status, range, total)?;
                    continue;
                }
                Span::Hours(hours) => (HOUR, hours),
                Span::Days(days) => (DAY, days),
                Span::Months(months) => (MONTH, months),
            };
            let values =
                [query.company_id, status.number(), unit, periods.start, periods.end].map(Into::into);
            self.connection.query(sql, &values, &mut |row| {
                total.add_count(0, row.int(0)?);
                pack::visit::<SUMS>(row.blob(1)?, |column, _, value| total.add_sum(0, column, value))?;
                Ok(Flow::More)
            })?;
        }
        Ok(())
    }

    fn add_lines<S: Sink>(
        &mut self,
        query: &OrderQuery,
        plan: &Plan,
        status: Status,
        sink: &mut S,
    ) -> StoreResult<()> {
        match plan.source {
            Source::Nothing => return Ok(()),
            Source::Numbers => {
                for stored in self.named_orders(query, plan)? {
                    if stored.order.status == status {
                        sink.add(stored.line_no, &Measures::of(&stored.order));
                    }
                }
                return Ok(());
            }
            Source::Rollups | Source::Tiles | Source::Orders => {}
        }
        if !plan.tiled {
            return self.add_orders_of(query, plan, status, query.range, sink);
        }
        for span in query.range.cut() {
            match span {
                Span::Edge(range) => self.add_orders_of(query, plan, status, range, sink)?,
                // Tiles exist by day and month only; hours are read from orders.
                Span::Hours(hours) => {
                    let range =
                        TimeRange::of_hour(hours.start).until(TimeRange::of_hour(hours.end).start_s());
                    self.add_orders_of(query, plan, status, range, sink)?;
                }
                Span::Days(days) => self.add_tiles(query, plan, status, DAY, &days, sink)?,
                Span::Months(months) => self.add_tiles(query, plan, status, MONTH, &months, sink)?,
            }
        }
        Ok(())
    }

    fn add_tiles<S: Sink>(
        &mut self,
        query: &OrderQuery,
        plan: &Plan,
        status: Status,
        unit: i64,
        periods: &Range<i64>,
        sink: &mut S,
    ) -> StoreResult<()> {
        self.visit_tile_counts(query, plan, status, unit, periods, |_, line_no, orders| {
            sink.add_count(line_no, orders);
        })?;
        let sql = "SELECT sums FROM tile_sum WHERE company_id = $1 AND status = $2 AND unit = $3 AND chunk = $4 \
                   AND period >= $5 AND period < $6";
        self.visit_chunks(query, plan, status, unit, periods, sql, &mut |first_line, row| {
            pack::visit::<SUMS>(row.blob(0)?, |column, index, value| {
                let line_no = first_line + line_offset(index);
                if plan.set.contains(line_no) {
                    sink.add_sum(line_no, column, value);
                }
            })
        })
    }

    fn add_orders_of<S: Sink>(
        &mut self,
        query: &OrderQuery,
        plan: &Plan,
        status: Status,
        range: TimeRange,
        sink: &mut S,
    ) -> StoreResult<()> {
        let sql = format!(
            "SELECT {MEASURE_COLUMNS} FROM orders WHERE company_id = $1 AND status = $2 AND start_time >= $3 \
             AND start_time < $4"
        );
        let values = [query.company_id, status.number(), range.start_s(), range.end_s()].map(Into::into);
        self.connection.query(&sql, &values, &mut |row| {
            let (line_no, measures) = read_measures(row)?;
            if plan.set.contains(line_no) {
                sink.add(line_no, &measures);
            }
            Ok(Flow::More)
        })
    }
}
