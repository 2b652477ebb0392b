//! Verification of orders: rollups, tiles and numbers are computed again from the orders and compared.

use std::collections::{BTreeMap, BTreeSet};

use tollbook_domain::time::{DAY_S, HOUR_S, day_of, hour_of};
use tollbook_domain::{Catalogue, Measures, NewOrder, Status};

use super::report::{Report, period_name};
use crate::error::StoreResult;
use crate::lines::LineNo;
use crate::pack::{CountArray, SumArrays, place_of};
use crate::sql::driver::connection::{Flow, SqlValue, first};
use crate::sql::orders::lookup::{Owner, owners};
use crate::sql::orders::periods::{DAY, HOUR};
use crate::sql::orders::rollups::decode_one;
use crate::sql::orders::rows::{ORDER_COLUMNS, blank, read_into};
use crate::sql::session::Session;

/// The recount of one period: each line's measures.
pub(crate) type LineSums = BTreeMap<LineNo, Measures>;

impl Session {
    /// The first day on or after `from` that has an order.
    pub(super) fn next_day(
        &mut self,
        company_id: i64,
        status: Status,
        from: i64,
    ) -> StoreResult<Option<i64>> {
        let sql = "SELECT start_time FROM orders WHERE company_id = $1 AND status = $2 AND start_time >= $3 \
                   ORDER BY start_time LIMIT 1";
        let values = [company_id, status.number(), from * DAY_S].map(SqlValue::Int);
        first(self.connection.as_mut(), sql, &values, |row| Ok(day_of(row.int(0)?)))
    }

    /// Recounts the orders of a day and compares its rollups and tiles. Returns the sums by line, and the hours that have
    /// rollups.
    pub(crate) fn verify_day(
        &mut self,
        company_id: i64,
        status: Status,
        day: i64,
        catalogue: &Catalogue,
        report: &mut Report,
    ) -> StoreResult<(LineSums, Vec<i64>)> {
        let seconds = day * DAY_S..(day + 1) * DAY_S;
        let (sums, by_hour) = self.recount(company_id, status, seconds, catalogue, report)?;
        let mut hours = Vec::new();
        if self.view(company_id)?.tiled {
            for (hour, total) in by_hour {
                hours.push(hour);
                self.compare_rollup(company_id, status, HOUR, hour, &total, report)?;
            }
        }
        self.compare(company_id, status, DAY, day, &sums, report)?;
        Ok((sums, hours))
    }

    /// Recounts the orders of an hour and compares its rollup, which the company must have.
    pub(crate) fn verify_hour(
        &mut self,
        company_id: i64,
        status: Status,
        hour: i64,
        catalogue: &Catalogue,
        report: &mut Report,
    ) -> StoreResult<()> {
        let seconds = hour * HOUR_S..(hour + 1) * HOUR_S;
        let (_, mut by_hour) = self.recount(company_id, status, seconds, catalogue, report)?;
        let total = by_hour.remove(&hour).unwrap_or_default();
        self.compare_rollup(company_id, status, HOUR, hour, &total, report)
    }

    /// Checks each order that begins in a range of time, and sums them by line and by hour.
    fn recount(
        &mut self,
        company_id: i64,
        status: Status,
        seconds: std::ops::Range<i64>,
        catalogue: &Catalogue,
        report: &mut Report,
    ) -> StoreResult<(LineSums, BTreeMap<i64, Measures>)> {
        let mut by_hour: BTreeMap<i64, Measures> = BTreeMap::new();
        let lines = self.view(company_id)?.lines;
        let mut numbers = Vec::new();
        let mut paid = Vec::new();
        let mut sums = LineSums::new();
        let mut stored = blank();
        let sql = format!(
            "SELECT {ORDER_COLUMNS} FROM orders WHERE company_id = $1 AND status = $2 AND start_time >= $3 \
             AND start_time < $4"
        );
        let values = [company_id, status.number(), seconds.start, seconds.end].map(SqlValue::Int);
        self.connection.query(&sql, &values, &mut |row| {
            read_into(row, &mut stored)?;
            report.found.orders += 1;
            let (number, counterpart) = (&stored.order.number, &stored.order.counterpart);
            let owner = |counterpart: &String| Owner {
                counterpart: counterpart.clone(),
                start_time_s: stored.order.start_time_s,
            };
            numbers.push((number.clone(), owner(counterpart)));
            if !counterpart.is_empty() {
                numbers.push((counterpart.clone(), owner(number)));
            }
            if stored.order.paid_time_s.is_some() {
                paid.push((stored.order.source_number().to_owned(), stored.order.deductions));
            }
            let measures = Measures::of(&stored.order);
            sums.entry(stored.line_no).or_default().add(&measures);
            by_hour.entry(hour_of(stored.order.start_time_s)).or_default().add(&measures);
            match lines.get(stored.line_no) {
                None => report.differ(|| format!("order {}: has no line", stored.order.number)),
                Some(line) => {
                    let order = stored.order.clone();
                    let whole = NewOrder { company_id, line: (**line).clone(), order };
                    if let Err(broken) = whole.check_stored(catalogue) {
                        report.differ(|| {
                            format!("company {company_id}: order {}: {broken}", stored.order.number)
                        });
                    }
                }
            }
            Ok(Flow::More)
        })?;
        self.verify_numbers(company_id, &numbers, report)?;
        self.verify_settled(company_id, &paid, report)?;
        Ok((sums, by_hour))
    }

    /// Compares the rollup and the tiles of one period with its recount.
    pub(super) fn compare(
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
        report.tiles += i64::try_from(tiles.len()).unwrap_or(0);
        for (chunk, (counts, sums)) in tiles {
            let key = [company_id, status.number(), unit, chunk, period].map(SqlValue::Int);
            let sql = "SELECT counts, sums FROM tile_count JOIN tile_sum USING (company_id, status, unit, chunk, \
                       period) WHERE company_id = $1 AND status = $2 AND unit = $3 AND chunk = $4 AND period = $5";
            // The encoding is canonical: equal numbers have equal bytes.
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
        let key = [company_id, status.number(), unit, period].map(SqlValue::Int);
        let sql = "SELECT orders, sums FROM rollup WHERE company_id = $1 AND status = $2 AND unit = $3 AND period = $4";
        let stored = first(self.connection.as_mut(), sql, &key, |row| decode_one(row.int(0)?, row.blob(1)?))?;
        if stored.unwrap_or_default() != *total {
            let (name, status) = (period_name(unit, period), status.number());
            report.differ(|| {
                format!(
                    "company {company_id}: status {status}: {name}: rollup says {stored:?}, counted {total:?}"
                )
            });
        }
        Ok(())
    }

    /// Reports rollups and tiles of periods that have no order.
    pub(super) fn find_extra_periods(
        &mut self,
        company_id: i64,
        status: Status,
        unit: i64,
        expected: &BTreeSet<i64>,
        report: &mut Report,
    ) -> StoreResult<()> {
        let values = [company_id, status.number(), unit].map(SqlValue::Int);
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

    /// Checks that the numbers of every order of a day are registered.
    fn verify_numbers(
        &mut self,
        company_id: i64,
        expected: &[(String, Owner)],
        report: &mut Report,
    ) -> StoreResult<()> {
        let numbers = expected.iter().map(|(number, _)| number.as_str());
        let registered = owners(self.connection.as_mut(), company_id, numbers)?;
        for (number, owner) in expected {
            if registered.get(number) != Some(owner) {
                report.differ(|| format!("company {company_id}: the number {number} is not registered"));
            }
        }
        report.numbers += i64::try_from(expected.len()).unwrap_or(0);
        Ok(())
    }

    /// Checks that every registered number has an order, by comparing the number of rows with the numbers of all
    /// orders.
    pub(super) fn count_numbers(&mut self, company_id: i64, report: &mut Report) -> StoreResult<()> {
        let sql = "SELECT count(*) FROM order_number WHERE company_id = $1";
        let registered =
            first(self.connection.as_mut(), sql, &[company_id.into()], |row| row.int(0))?.unwrap_or(0);
        let used = report.numbers;
        if registered != used {
            report.differ(|| format!("company {company_id}: {registered} numbers registered, {used} in use"));
        }
        Ok(())
    }

    /// Checks that there are no tiles but those of the orders, which were compared one by one.
    pub(super) fn count_tiles(&mut self, company_id: i64, report: &mut Report) -> StoreResult<()> {
        for table in ["tile_count", "tile_sum"] {
            let sql = format!("SELECT count(*) FROM {table} WHERE company_id = $1");
            let stored = first(self.connection.as_mut(), &sql, &[company_id.into()], |row| row.int(0))?;
            let (stored, counted) = (stored.unwrap_or(0), report.tiles);
            if stored != counted {
                report
                    .differ(|| format!("company {company_id}: {stored} rows of {table}, {counted} counted"));
            }
        }
        Ok(())
    }
}
