//! Maintains rollups and tiles: changes are added up in memory over a whole batch, then each row is read, changed and
//! written once, in sorted order.

use std::collections::BTreeMap;

use tollbook_domain::measures::SUMS;
use tollbook_domain::time::{day_of, hour_of, month_of_day};
use tollbook_domain::{Measures, Status};

use crate::error::{StoreError, StoreResult};
use crate::lines::LineNo;
use crate::pack::{Arrays, CountArray, SumArrays, place_of};
use crate::sql::driver::connection::{Connection, Flow, SqlValue, SqlValues, execute_exactly};
use crate::sql::orders::periods::{DAY, HOUR, MONTH};
use crate::sql::orders::rows::{MEASURE_COLUMNS, read_measures};
use crate::sql::session::Session;

/// The changes that a batch makes to one company's rollups.
#[derive(Default)]
pub(crate) struct Changes {
    /// (status, unit, period): days and months.
    periods: BTreeMap<(i64, i64, i64), Measures>,
    /// (status, unit, period): hours.
    hours: BTreeMap<(i64, i64, i64), Measures>,
    /// (status, unit, chunk, period), then the index of the line in the chunk.
    tiles: BTreeMap<(i64, i64, i64, i64), BTreeMap<usize, Measures>>,
}

impl Changes {
    /// Adds the measures of one order; negated measures subtract it.
    pub(crate) fn add(&mut self, status: Status, start_time_s: i64, line_no: LineNo, measures: &Measures) {
        let day = day_of(start_time_s);
        let (chunk, place) = place_of(line_no);
        self.hours.entry((status.number(), HOUR, hour_of(start_time_s))).or_default().add(measures);
        for (unit, period) in [(DAY, day), (MONTH, month_of_day(day))] {
            self.periods.entry((status.number(), unit, period)).or_default().add(measures);
            self.tiles
                .entry((status.number(), unit, chunk, period))
                .or_default()
                .entry(place)
                .or_default()
                .add(measures);
        }
    }

    /// Writes the rollups by day and month, which every company has.
    pub(crate) fn write_periods(&self, connection: &mut dyn Connection, company_id: i64) -> StoreResult<()> {
        write_rollups(connection, company_id, &self.periods)
    }

    /// Writes the rollups by hour and the tiles, which large companies have too.
    pub(crate) fn write_tiles_and_hours(
        &self,
        connection: &mut dyn Connection,
        company_id: i64,
    ) -> StoreResult<()> {
        write_rollups(connection, company_id, &self.hours)?;
        let keys: Vec<SqlValues<'_>> = self
            .tiles
            .keys()
            .map(|&(status, unit, chunk, period)| {
                [company_id, status, unit, chunk, period].map(SqlValue::Int).to_vec()
            })
            .collect();
        let mut counts = read_tiles(connection, "tile_count", "counts", &keys, CountArray::decode)?;
        let mut sums = read_tiles(connection, "tile_sum", "sums", &keys, SumArrays::decode)?;
        for (changes, (counts, sums)) in self.tiles.values().zip(counts.iter_mut().zip(&mut sums)) {
            for (&place, change) in changes {
                counts.add(place, 0, i128::from(change.orders));
                for (column, value) in change.sums().into_iter().enumerate() {
                    sums.add(place, column, value);
                }
            }
        }
        // A tile without orders has no row, so that the stored rows equal those of a recount.
        let counts: Vec<Option<Vec<u8>>> =
            counts.iter().map(|tile| (!tile.is_zero()).then(|| tile.encode())).collect();
        let sums: Vec<Option<Vec<u8>>> =
            sums.iter().zip(&counts).map(|(tile, count)| count.as_ref().map(|_| tile.encode())).collect();
        write_tiles(connection, "tile_count", "counts", &keys, &counts)?;
        write_tiles(connection, "tile_sum", "sums", &keys, &sums)
    }
}

/// Adds changes to rollup rows: all are read, then all are written, in sorted order. The lock of the company's state
/// already serializes its writers; if two transactions changed the same rows without it, the order prevents a deadlock.
fn write_rollups(
    connection: &mut dyn Connection,
    company_id: i64,
    changes: &BTreeMap<(i64, i64, i64), Measures>,
) -> StoreResult<()> {
    let keys: Vec<SqlValues<'_>> = changes
        .keys()
        .map(|&(status, unit, period)| [company_id, status, unit, period].map(SqlValue::Int).to_vec())
        .collect();
    let mut sums: Vec<Measures> = changes.values().copied().collect();
    connection.query_each(
        "SELECT orders, sums FROM rollup WHERE company_id = $1 AND status = $2 AND unit = $3 AND period = $4",
        &keys,
        &mut |index, row| {
            sums[index].add(&decode_one(row.int(0)?, row.blob(1)?)?);
            Ok(())
        },
    )?;
    let encoded: Vec<Vec<u8>> = sums.iter().map(encode_one).collect();
    let (mut emptied, mut kept) = (Vec::new(), Vec::new());
    for ((key, sum), bytes) in keys.into_iter().zip(&sums).zip(&encoded) {
        if sum.is_zero() {
            emptied.push(key);
        } else {
            kept.push([key, vec![SqlValue::Int(sum.orders), SqlValue::Blob(bytes)]].concat());
        }
    }
    connection.execute_each(
        "DELETE FROM rollup WHERE company_id = $1 AND status = $2 AND unit = $3 AND period = $4",
        &emptied,
    )?;
    upsert_each(
        connection,
        "INSERT INTO rollup (company_id, status, unit, period, orders, sums) VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (company_id, status, unit, period) DO UPDATE SET orders = excluded.orders, sums = excluded.sums",
        &kept,
    )
}

fn upsert_each(connection: &mut dyn Connection, sql: &str, rows: &[SqlValues<'_>]) -> StoreResult<()> {
    let written = connection.execute_each(sql, rows)?;
    if written == rows.len() as u64 {
        return Ok(());
    }
    Err(StoreError::Damaged(format!("{written} of {} rollups were written", rows.len())))
}

/// Decodes the measures of a rollup row.
pub(crate) fn decode_one(orders: i64, sums: &[u8]) -> StoreResult<Measures> {
    let arrays = SumArrays::decode(sums)?;
    Ok(Measures::from_sums(orders, std::array::from_fn(|column| arrays.get(0, column))))
}

fn encode_one(measures: &Measures) -> Vec<u8> {
    let mut arrays = SumArrays::new();
    for (column, value) in measures.sums().into_iter().enumerate() {
        arrays.add(0, column, value);
    }
    arrays.encode()
}

/// Reads the tiles of these keys. A tile without a row is empty.
fn read_tiles<const N: usize>(
    connection: &mut dyn Connection,
    table: &str,
    column: &str,
    keys: &[SqlValues<'_>],
    decode: impl Fn(&[u8]) -> StoreResult<Arrays<N>>,
) -> StoreResult<Vec<Arrays<N>>> {
    let sql = format!(
        "SELECT {column} FROM {table} WHERE company_id = $1 AND status = $2 AND unit = $3 AND chunk = $4 \
         AND period = $5"
    );
    let mut tiles: Vec<Arrays<N>> = keys.iter().map(|_| Arrays::new()).collect();
    connection.query_each(&sql, keys, &mut |index, row| {
        tiles[index] = decode(row.blob(0)?)?;
        Ok(())
    })?;
    Ok(tiles)
}

/// Writes tiles, and deletes those without orders.
fn write_tiles(
    connection: &mut dyn Connection,
    table: &str,
    column: &str,
    keys: &[SqlValues<'_>],
    tiles: &[Option<Vec<u8>>],
) -> StoreResult<()> {
    let (mut emptied, mut kept) = (Vec::new(), Vec::new());
    for (key, tile) in keys.iter().zip(tiles) {
        match tile {
            Some(bytes) => kept.push([key.as_slice(), &[SqlValue::Blob(bytes)]].concat()),
            None => emptied.push(key.clone()),
        }
    }
    connection.execute_each(
        &format!(
            "DELETE FROM {table} WHERE company_id = $1 AND status = $2 AND unit = $3 AND chunk = $4 AND period = $5"
        ),
        &emptied,
    )?;
    upsert_each(
        connection,
        &format!(
            "INSERT INTO {table} (company_id, status, unit, chunk, period, {column}) VALUES ($1, $2, $3, $4, $5, $6) \
             ON CONFLICT (company_id, status, unit, chunk, period) DO UPDATE SET {column} = excluded.{column}"
        ),
        &kept,
    )
}

impl Session {
    /// Writes the tiles and hours of a company that has exceeded the tile threshold, counted from its orders in this
    /// transaction.
    pub(crate) fn promote(&mut self, company_id: i64) -> StoreResult<()> {
        let mut changes = Changes::default();
        let sql =
            format!("SELECT {MEASURE_COLUMNS}, start_time FROM orders WHERE company_id = $1 AND status = $2");
        for status in Status::ALL {
            self.connection.query(&sql, &[company_id.into(), status.number().into()], &mut |row| {
                let (line_no, measures) = read_measures(row)?;
                changes.add(status, row.int(SUMS + 1)?, line_no, &measures);
                Ok(Flow::More)
            })?;
        }
        changes.write_tiles_and_hours(self.connection.as_mut(), company_id)?;
        execute_exactly(
            self.connection.as_mut(),
            1,
            "UPDATE company_state SET tiled = 1 WHERE company_id = $1",
            &[company_id.into()],
        )
    }
}
