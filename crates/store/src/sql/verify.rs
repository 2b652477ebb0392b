//! The recount: everything that is kept twice is computed again from the orders and compared.

use std::collections::{BTreeMap, BTreeSet};

use tollbook_domain::time::{DAY_S, civil_of_day, day_of, hour_of, month_of_day};
use tollbook_domain::{Catalogue, Measures, NewOrder, Status};

use super::Session;
use super::connection::{Flow, Value, first};
use super::order_rows::{ORDER_COLUMNS, blank, read_into};
use super::periods::{DAY, HOUR, MONTH};
use super::rollups::decode_one;
use crate::Verification;
use crate::error::StoreResult;
use crate::lines::LineNo;
use crate::pack::{CountArray, SumArrays, place_of};

/// The recount of one period: each line's measures.
type LineSums = BTreeMap<LineNo, Measures>;

struct Report {
    found: Verification,
    limit: usize,
}

impl Report {
    fn differ(&mut self, text: impl FnOnce() -> String) {
        if self.found.differences.len() < self.limit {
            self.found.differences.push(text());
        }
    }
}

impl Session {
    pub(super) fn recount(
        &mut self,
        company_id: i64,
        catalogue: &Catalogue,
        limit: usize,
    ) -> StoreResult<Verification> {
        let mut report = Report { found: Verification::default(), limit };
        for status in Status::ALL {
            let mut months: BTreeSet<i64> = BTreeSet::new();
            let mut days: BTreeSet<i64> = BTreeSet::new();
            let mut hours: BTreeSet<i64> = BTreeSet::new();
            let mut month = (i64::MIN, LineSums::new());
            while let Some(day) = self.next_day(company_id, status, days.last().map_or(0, |day| day + 1))? {
                days.insert(day);
                let (sums, by_hour) = self.recount_day(company_id, status, day, catalogue, &mut report)?;
                if self.view(company_id)?.tiled {
                    for (hour, total) in by_hour {
                        hours.insert(hour);
                        self.compare_rollup(company_id, status, HOUR, hour, &total, &mut report)?;
                    }
                }
                if month.0 != month_of_day(day) {
                    self.compare(company_id, status, MONTH, month.0, &month.1, &mut report)?;
                    month = (month_of_day(day), LineSums::new());
                    months.insert(month.0);
                }
                for (line_no, measures) in &sums {
                    month.1.entry(*line_no).or_default().add(measures);
                }
                self.compare(company_id, status, DAY, day, &sums, &mut report)?;
            }
            self.compare(company_id, status, MONTH, month.0, &month.1, &mut report)?;
            self.find_extra_periods(company_id, status, DAY, &days, &mut report)?;
            self.find_extra_periods(company_id, status, MONTH, &months, &mut report)?;
            self.find_extra_periods(company_id, status, HOUR, &hours, &mut report)?;
        }
        let view = self.view(company_id)?;
        if view.order_count != report.found.orders {
            let counted = report.found.orders;
            report.differ(|| {
                format!("company {company_id}: {} orders noted, {counted} counted", view.order_count)
            });
        }
        self.verify_numbers(company_id, &mut report)?;
        Ok(report.found)
    }

    /// The first day from `from` on that has an order.
    fn next_day(&mut self, company_id: i64, status: Status, from: i64) -> StoreResult<Option<i64>> {
        let sql = "SELECT start_time FROM orders WHERE company_id = $1 AND status = $2 AND start_time >= $3 \
                   ORDER BY start_time LIMIT 1";
        let values = [company_id, status.number(), from * DAY_S].map(Value::Int);
        first(self.connection.as_mut(), sql, &values, |row| Ok(day_of(row.int(0)?)))
    }

    fn recount_day(
        &mut self,
        company_id: i64,
        status: Status,
        day: i64,
        catalogue: &Catalogue,
        report: &mut Report,
    ) -> StoreResult<(LineSums, BTreeMap<i64, Measures>)> {
        let mut by_hour: BTreeMap<i64, Measures> = BTreeMap::new();
        let lines = self.view(company_id)?.lines;
        let mut sums = LineSums::new();
        let mut stored = blank();
        let sql = format!(
            "SELECT {ORDER_COLUMNS} FROM orders WHERE company_id = $1 AND status = $2 AND start_time >= $3 \
             AND start_time < $4"
        );
        let values = [company_id, status.number(), day * DAY_S, (day + 1) * DAY_S].map(Value::Int);
        self.connection.query(&sql, &values, &mut |row| {
            read_into(row, &mut stored)?;
            report.found.orders += 1;
            let measures = Measures::of(&stored.order);
            sums.entry(stored.line_no).or_default().add(&measures);
            by_hour.entry(hour_of(stored.order.start_time_s)).or_default().add(&measures);
            match lines.get(stored.line_no) {
                None => report.differ(|| format!("order {}: has no line", stored.order.number)),
                Some(line) => {
                    let order = stored.order.clone();
                    let whole = NewOrder { company_id, line: (**line).clone(), order };
                    if let Err(broken) = whole.check(catalogue) {
                        report.differ(|| {
                            format!("company {company_id}: order {}: {broken}", stored.order.number)
                        });
                    }
                }
            }
            Ok(Flow::More)
        })?;
        Ok((sums, by_hour))
    }

    /// Compares the rollup and the tiles of one period with its recount.
    fn compare(
        &mut self,
        company_id: i64,
        status: Status,
        unit: i64,
        period: i64,
        sums: &LineSums,
        report: &mut Report,
    ) -> StoreResult<()> {
        let mut total = Measures::default();
        for measures in sums.values() {
            total.add(measures);
        }
        self.compare_rollup(company_id, status, unit, period, &total, report)?;
        if !self.view(company_id)?.tiled {
            return Ok(());
        }
        let mut tiles: BTreeMap<i64, (CountArray, SumArrays)> = BTreeMap::new();
        for (&line_no, measures) in sums {
            let (chunk, place) = place_of(line_no);
            let tile = tiles.entry(chunk).or_insert_with(|| (CountArray::new(), SumArrays::new()));
            tile.0.add(place, 0, i128::from(measures.orders));
            for (column, value) in measures.sums().into_iter().enumerate() {
                tile.1.add(place, column, value);
            }
        }
        for (chunk, (counts, sums)) in tiles {
            let key = [company_id, status.number(), unit, chunk, period].map(Value::Int);
            let sql = "SELECT counts, sums FROM tile_count JOIN tile_sum USING (company_id, status, unit, chunk, \
                       period) WHERE company_id = $1 AND status = $2 AND unit = $3 AND chunk = $4 AND period = $5";
            // The encoding is canonical: equal numbers are equal bytes.
            let (counts, sums) = (counts.encode(), sums.encode());
            let same = first(self.connection.as_mut(), sql, &key, |row| {
                Ok(row.blob(0)? == counts.as_slice() && row.blob(1)? == sums.as_slice())
            })?;
            if same != Some(true) {
                let name = period_name(unit, period);
                let status = status.number();
                report.differ(|| {
                    format!(
                        "company {company_id}: status {status}: {name}: tile {chunk} differs from the recount"
                    )
                });
            }
        }
        Ok(())
    }

    fn compare_rollup(
        &mut self,
        company_id: i64,
        status: Status,
        unit: i64,
        period: i64,
        total: &Measures,
        report: &mut Report,
    ) -> StoreResult<()> {
        let key = [company_id, status.number(), unit, period].map(Value::Int);
        let sql = "SELECT orders, sums FROM rollup WHERE company_id = $1 AND status = $2 AND unit = $3 AND period = $4";
        let kept = first(self.connection.as_mut(), sql, &key, |row| decode_one(row.int(0)?, row.blob(1)?))?;
        if kept.clone().unwrap_or_default() != *total {
            let (name, status) = (period_name(unit, period), status.number());
            report.differ(|| {
                format!(
                    "company {company_id}: status {status}: {name}: rollup says {kept:?}, counted {total:?}"
                )
            });
        }
        Ok(())
    }

    /// Rollups and tiles of periods that have no order.
    fn find_extra_periods(
        &mut self,
        company_id: i64,
        status: Status,
        unit: i64,
        expected: &BTreeSet<i64>,
        report: &mut Report,
    ) -> StoreResult<()> {
        let values = [company_id, status.number(), unit].map(Value::Int);
        for table in ["rollup", "tile_count"] {
            let sql =
                format!("SELECT period FROM {table} WHERE company_id = $1 AND status = $2 AND unit = $3");
            self.connection.query(&sql, &values, &mut |row| {
                let period = row.int(0)?;
                if !expected.contains(&period) {
                    let status = status.number();
                    report.differ(|| {
                        format!(
                            "company {company_id}: status {status}: {}: {table} without orders",
                            period_name(unit, period)
                        )
                    });
                }
                Ok(Flow::More)
            })?;
        }
        Ok(())
    }

    /// Every order has its numbers, and every number its order.
    fn verify_numbers(&mut self, company_id: i64, report: &mut Report) -> StoreResult<()> {
        let missing = "SELECT order_no FROM orders o WHERE o.company_id = $1 AND NOT EXISTS (SELECT 1 FROM \
             order_number n WHERE n.company_id = $1 AND n.number = o.order_no AND n.start_time = o.start_time AND \
             n.other_no = o.counterpart_no)";
        let mirrored = "SELECT counterpart_no FROM orders o WHERE o.company_id = $1 AND o.counterpart_no <> '' AND \
             NOT EXISTS (SELECT 1 FROM order_number n WHERE n.company_id = $1 AND n.number = o.counterpart_no AND \
             n.start_time = o.start_time AND n.other_no = o.order_no)";
        for sql in [missing, mirrored] {
            self.connection.query(sql, &[company_id.into()], &mut |row| {
                let number = row.text(0)?;
                report.differ(|| format!("company {company_id}: the number {number} is not registered"));
                Ok(Flow::More)
            })?;
        }
        let count = |sql: &str, session: &mut Self| {
            first(session.connection.as_mut(), sql, &[company_id.into()], |row| row.int(0))
                .map(|n| n.unwrap_or(0))
        };
        let registered = count("SELECT count(*) FROM order_number WHERE company_id = $1", self)?;
        let used = report.found.orders
            + count("SELECT count(*) FROM orders WHERE company_id = $1 AND counterpart_no <> ''", self)?;
        if registered != used {
            report.differ(|| format!("company {company_id}: {registered} numbers registered, {used} in use"));
        }
        Ok(())
    }
}

fn period_name(unit: i64, period: i64) -> String {
    let day_name = |day: i64| {
        let (year, month, day) = civil_of_day(day);
        format!("{year:04}-{month:02}-{day:02}")
    };
    match unit {
        HOUR => format!("{}T{:02}", day_name(period.div_euclid(24)), period.rem_euclid(24)),
        DAY => day_name(period),
        _ => format!("{:04}-{:02}", period.div_euclid(12), period.rem_euclid(12) + 1),
    }
}
