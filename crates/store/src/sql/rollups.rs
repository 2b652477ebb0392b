//! Keeping rollups and tiles: changes are added up in memory over a whole batch, then each row is read, changed and
//! written once, in sorted order.

use std::collections::BTreeMap;

use tollbook_domain::measures::SUMS;
use tollbook_domain::time::{day_of, month_of_day};
use tollbook_domain::{Measures, Status};

use super::Session;
use super::connection::{Connection, Flow, Value, execute_exactly, first};
use super::order_rows::{MEASURE_COLUMNS, read_measures};
use super::periods::{DAY, MONTH};
use crate::error::StoreResult;
use crate::lines::LineNo;
use crate::pack::{CountArray, SumArrays, place_of};

/// What a batch changes in one company's rollups.
#[derive(Default)]
pub(super) struct Changes {
    /// (status, unit, period)
    periods: BTreeMap<(i64, i64, i64), Measures>,
    /// (status, unit, chunk, period), then the line's place in the chunk.
    tiles: BTreeMap<(i64, i64, i64, i64), BTreeMap<usize, Measures>>,
}

impl Changes {
    /// Adds the measures of one order, or takes them away when negated.
    pub(super) fn add(&mut self, status: Status, start_time_s: i64, line_no: LineNo, measures: &Measures) {
        let day = day_of(start_time_s);
        let (chunk, place) = place_of(line_no);
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

    /// Writes the rollups that every company has. Rows are taken in sorted order, so that two transactions that
    /// change the same rows wait for each other instead of deadlocking.
    pub(super) fn write_periods(&self, connection: &mut dyn Connection, company_id: i64) -> StoreResult<()> {
        let read = "SELECT orders, sums FROM rollup WHERE company_id = $1 AND status = $2 AND unit = $3 AND period = $4";
        let delete = "DELETE FROM rollup WHERE company_id = $1 AND status = $2 AND unit = $3 AND period = $4";
        let write = "INSERT INTO rollup (company_id, status, unit, period, orders, sums) \
                     VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (company_id, status, unit, period) \
                     DO UPDATE SET orders = excluded.orders, sums = excluded.sums";
        for (&(status, unit, period), change) in &self.periods {
            let key = [company_id, status, unit, period].map(Value::Int);
            let mut sum = first(connection, read, &key, |row| decode_one(row.int(0)?, row.blob(1)?))?
                .unwrap_or_default();
            sum.add(change);
            if sum.is_zero() {
                connection.execute(delete, &key)?;
                continue;
            }
            let sums = encode_one(&sum);
            let [company, status, unit, period] = key;
            let values = [company, status, unit, period, Value::Int(sum.orders), Value::Blob(&sums)];
            execute_exactly(connection, 1, write, &values)?;
        }
        Ok(())
    }

    /// Writes the tiles of a company that has them.
    pub(super) fn write_tiles(&self, connection: &mut dyn Connection, company_id: i64) -> StoreResult<()> {
        for (&(status, unit, chunk, period), changes) in &self.tiles {
            let key = [company_id, status, unit, chunk, period].map(Value::Int);
            let mut counts = match read_tile(connection, "tile_count", "counts", &key)? {
                Some(bytes) => CountArray::decode(&bytes)?,
                None => CountArray::new(),
            };
            let mut sums = match read_tile(connection, "tile_sum", "sums", &key)? {
                Some(bytes) => SumArrays::decode(&bytes)?,
                None => SumArrays::new(),
            };
            for (&place, change) in changes {
                counts.add(place, 0, i128::from(change.orders));
                for (column, value) in change.sums().into_iter().enumerate() {
                    sums.add(place, column, value);
                }
            }
            if counts.is_zero() {
                // A tile without orders has no row: the rows of a healthy store are those that a recount makes.
                delete_tile(connection, "tile_count", &key)?;
                delete_tile(connection, "tile_sum", &key)?;
                continue;
            }
            write_tile(connection, "tile_count", "counts", key, &counts.encode())?;
            write_tile(connection, "tile_sum", "sums", key, &sums.encode())?;
        }
        Ok(())
    }
}

/// One rollup row's measures.
pub(super) fn decode_one(orders: i64, sums: &[u8]) -> StoreResult<Measures> {
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

fn read_tile(
    connection: &mut dyn Connection,
    table: &str,
    column: &str,
    key: &[Value<'_>; 5],
) -> StoreResult<Option<Vec<u8>>> {
    let sql = format!(
        "SELECT {column} FROM {table} WHERE company_id = $1 AND status = $2 AND unit = $3 AND chunk = $4 \
         AND period = $5"
    );
    first(connection, &sql, key, |row| Ok(row.blob(0)?.to_owned()))
}

fn delete_tile(connection: &mut dyn Connection, table: &str, key: &[Value<'_>; 5]) -> StoreResult<()> {
    let sql = format!(
        "DELETE FROM {table} WHERE company_id = $1 AND status = $2 AND unit = $3 AND chunk = $4 AND period = $5"
    );
    connection.execute(&sql, key)?;
    Ok(())
}

fn write_tile(
    connection: &mut dyn Connection,
    table: &str,
    column: &str,
    key: [Value<'_>; 5],
    bytes: &[u8],
) -> StoreResult<()> {
    let [company, status, unit, chunk, period] = key;
    let sql = format!(
        "INSERT INTO {table} (company_id, status, unit, chunk, period, {column}) VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (company_id, status, unit, chunk, period) DO UPDATE SET {column} = excluded.{column}"
    );
    execute_exactly(connection, 1, &sql, &[company, status, unit, chunk, period, Value::Blob(bytes)])
}

impl Session {
    /// Gives a company that has grown large its tiles, counted from its orders, in this very transaction.
    pub(super) fn promote(&mut self, company_id: i64) -> StoreResult<()> {
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
        changes.write_tiles(self.connection.as_mut(), company_id)?;
        execute_exactly(
            self.connection.as_mut(),
            1,
            "UPDATE company_state SET tiled = 1 WHERE company_id = $1",
            &[company_id.into()],
        )
    }
}
