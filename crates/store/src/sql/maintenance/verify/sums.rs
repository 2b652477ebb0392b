//! Verification of sums by sums: months, days, hours and tiles of a company must agree with each other. Together with a
//! recount of single days or hours this covers companies whose days are too large to be recounted at once.

use std::collections::BTreeMap;

use tollbook_domain::time::{DAY_S, HOUR_S, first_day_of_month};
use tollbook_domain::{Measures, Status};

use super::report::Report;
use super::report::period_name;
use crate::error::StoreResult;
use crate::pack::{CHUNK, CountArray, SumArrays, visit};
use crate::sql::driver::connection::{Flow, SqlValue};
use crate::sql::orders::periods::{DAY, HOUR, MONTH};
use crate::sql::orders::rollups::decode_one;
use crate::sql::session::Session;

const HOURS_PER_DAY: i64 = DAY_S / HOUR_S;

/// Counts and sums of tiles as they are stored, by period.
type StoredTiles = BTreeMap<i64, (Vec<u8>, Vec<u8>)>;

impl Session {
    /// The rollups of a status and unit whose periods are in a range.
    pub(crate) fn rollups(
        &mut self,
        company_id: i64,
        status: Status,
        unit: i64,
        periods: std::ops::Range<i64>,
    ) -> StoreResult<BTreeMap<i64, Measures>> {
        let sql = "SELECT period, orders, sums FROM rollup WHERE company_id = $1 AND status = $2 AND unit = $3 \
                   AND period >= $4 AND period < $5";
        let values = [company_id, status.number(), unit, periods.start, periods.end].map(SqlValue::Int);
        let mut found = BTreeMap::new();
        self.connection.query(sql, &values, &mut |row| {
            found.insert(row.int(0)?, decode_one(row.int(1)?, row.blob(2)?)?);
            Ok(Flow::More)
        })?;
        Ok(found)
    }

    /// Compares the rollups of a month with those of its days, these with those of their hours, and the tiles of the month
    /// with those of its days and with the rollups.
    pub(crate) fn verify_month(
        &mut self,
        company_id: i64,
        status: Status,
        month: i64,
        report: &mut Report,
    ) -> StoreResult<()> {
        let days = first_day_of_month(month)..first_day_of_month(month + 1);
        let of_days = self.rollups(company_id, status, DAY, days.clone())?;
        let of_month = self.rollups(company_id, status, MONTH, month..month + 1)?;
        let differ = |report: &mut Report, unit, period, stored: &Measures, counted: &Measures, parts| {
            if stored != counted {
                let (name, status) = (period_name(unit, period), status.number());
                report.differ(|| {
                    format!(
                        "company {company_id}: status {status}: {name}: rollup says {stored:?}, its {parts} say {counted:?}"
                    )
                });
            }
        };
        let month_total = of_month.get(&month).copied().unwrap_or_default();
        differ(report, MONTH, month, &month_total, &total(of_days.values()), "days");
        let view = self.view(company_id)?;
        if !view.tiled {
            return Ok(());
        }
        let hours = days.start * HOURS_PER_DAY..days.end * HOURS_PER_DAY;
        let mut of_hours: BTreeMap<i64, Measures> = BTreeMap::new();
        for (hour, measures) in self.rollups(company_id, status, HOUR, hours)? {
            of_hours.entry(hour.div_euclid(HOURS_PER_DAY)).or_default().add(&measures);
        }
        let (mut tiles_of_days, mut tiles_of_month) = (BTreeMap::new(), Measures::default());
        let chunks = view.lines.len().div_ceil(CHUNK);
        for chunk in 0..i64::try_from(chunks).unwrap_or(i64::MAX) {
            let mut sum = (CountArray::new(), SumArrays::new());
            let of_chunk = self.tiles(company_id, status, DAY, chunk, days.clone())?;
            for (day, (counts, sums)) in of_chunk {
                add_tile(&counts, &sums, &mut sum)?;
                tiles_of_days
                    .entry(day)
                    .or_insert_with(Measures::default)
                    .add(&total_of_tile(&counts, &sums)?);
            }
            let stored = self.tiles(company_id, status, MONTH, chunk, month..month + 1)?.remove(&month);
            let expected = (!sum.0.is_zero()).then(|| (sum.0.encode(), sum.1.encode()));
            if let Some((counts, sums)) = &stored {
                tiles_of_month.add(&total_of_tile(counts, sums)?);
            }
            // The encoding is canonical: equal numbers have equal bytes.
            if stored != expected {
                let (name, status) = (period_name(MONTH, month), status.number());
                report.differ(|| {
                    format!(
                        "company {company_id}: status {status}: {name}: tile {chunk} differs from those of its days"
                    )
                });
            }
        }
        differ(report, MONTH, month, &month_total, &tiles_of_month, "tiles");
        for day in days {
            let stored = of_days.get(&day).copied().unwrap_or_default();
            differ(report, DAY, day, &stored, &of_hours.remove(&day).unwrap_or_default(), "hours");
            differ(report, DAY, day, &stored, &tiles_of_days.remove(&day).unwrap_or_default(), "tiles");
        }
        Ok(())
    }

    /// Counts and sums of the tiles of a chunk, as they are stored.
    fn tiles(
        &mut self,
        company_id: i64,
        status: Status,
        unit: i64,
        chunk: i64,
        periods: std::ops::Range<i64>,
    ) -> StoreResult<StoredTiles> {
        let sql = "SELECT period, counts, sums FROM tile_count JOIN tile_sum USING (company_id, status, unit, chunk, \
                   period) WHERE company_id = $1 AND status = $2 AND unit = $3 AND chunk = $4 AND period >= $5 \
                   AND period < $6";
        let values =
            [company_id, status.number(), unit, chunk, periods.start, periods.end].map(SqlValue::Int);
        let mut found = BTreeMap::new();
        self.connection.query(sql, &values, &mut |row| {
            found.insert(row.int(0)?, (row.blob(1)?.to_owned(), row.blob(2)?.to_owned()));
            Ok(Flow::More)
        })?;
        Ok(found)
    }

    /// Compares the number of orders of a company with its rollups.
    pub(crate) fn verify_order_count(&mut self, company_id: i64, report: &mut Report) -> StoreResult<()> {
        let noted = self.view(company_id)?.order_count;
        let mut counted = 0;
        for status in Status::ALL {
            let months = self.rollups(company_id, status, MONTH, i64::MIN..i64::MAX)?;
            counted += total(months.values()).orders;
        }
        if noted != counted {
            report
                .differ(|| format!("company {company_id}: {noted} orders noted, its rollups say {counted}"));
        }
        Ok(())
    }
}

fn total<'m>(measures: impl Iterator<Item = &'m Measures>) -> Measures {
    let mut total = Measures::default();
    measures.for_each(|measures| total.add(measures));
    total
}

fn add_tile(counts: &[u8], sums: &[u8], to: &mut (CountArray, SumArrays)) -> StoreResult<()> {
    visit::<1>(counts, |column, place, value| to.0.add(place, column, value))?;
    visit::<{ tollbook_domain::measures::SUMS }>(sums, |column, place, value| to.1.add(place, column, value))
}

fn total_of_tile(counts: &[u8], sums: &[u8]) -> StoreResult<Measures> {
    let (mut orders, mut totals) = (0_i128, [0; tollbook_domain::measures::SUMS]);
    visit::<1>(counts, |_, _, value| orders += value)?;
    visit::<{ tollbook_domain::measures::SUMS }>(sums, |column, _, value| totals[column] += value)?;
    Ok(Measures::from_sums(i64::try_from(orders).unwrap_or(i64::MAX), totals))
}
