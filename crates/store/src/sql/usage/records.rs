//! Reads stored usage records whole: what is not in their row is in the lines of their charges, or in the list of records
//! that are not charged.

use std::collections::BTreeSet;
use std::sync::Arc;

use tollbook_domain::Usage;
use tollbook_domain::time::{DAY_S, HOUR_S};

use crate::error::{StoreError, StoreResult};
use crate::lines::{LineNo, Lines};
use crate::sql::driver::connection::{Flow, Row, SqlValue, SqlValues, all, first};
use crate::sql::orders::line_rows::line_no_of;
use crate::sql::session::Session;
use crate::sql::usage::rows::{CHARGED, FREE, UNPRICED, VOIDED};
use crate::sql::usage::uncharged::{UNCHARGED_COLUMNS, read_uncharged};
use crate::usage::UsageOrder;
use crate::usage_pack::{Rest, decode_charges};
use crate::usage_records::{
    DayRange, RecordKey, RecordLock, RecordName, RecordReads, RecordState, StoredCharge, StoredRecord,
    UsageHour,
};

const RECORD_COLUMNS: &str = "day, source, id, time, pricing_state, bucket_start, charges, rest";
const ORDER_COLUMNS: &str = "bucket_start, line_no, sequence_no, order_no, quantity, records, close_no";
const HOURS_PER_DAY: i64 = DAY_S / HOUR_S;

/// A row of `usage_record`.
struct RecordRow {
    key: RecordKey,
    time_s: i64,
    pricing_state: i64,
    bucket_start_s: i64,
    charges: Vec<(LineNo, i64)>,
    rest: Option<Rest>,
}

impl RecordRow {
    fn read(row: &dyn Row) -> StoreResult<Self> {
        Ok(Self {
            key: RecordKey { day: row.int(0)?, source: row.text(1)?.to_owned(), id: row.text(2)?.to_owned() },
            time_s: row.int(3)?,
            pricing_state: row.int(4)?,
            bucket_start_s: row.int(5)?,
            charges: decode_charges(row.blob(6)?)?,
            rest: Rest::decode(row.blob(7)?)?,
        })
    }

    /// The record of a row with charges: their lines and the rest have all of it.
    fn charged_usage(&self, company_id: i64, lines: &Lines) -> StoreResult<Option<Usage>> {
        let (Some(rest), Some((first, _))) = (&self.rest, self.charges.first()) else { return Ok(None) };
        let line_of = |line_no: LineNo| {
            lines
                .get(line_no)
                .ok_or_else(|| StoreError::Damaged(format!("a usage record names line {line_no}")))
        };
        let mut quantities = rest.quantities.clone();
        for (line_no, quantity) in &self.charges {
            quantities.push((line_of(*line_no)?.pricing_sku.clone(), *quantity));
        }
        quantities.sort();
        let line = line_of(*first)?;
        Ok(Some(Usage {
            company_id,
            id: self.key.id.clone(),
            source: self.key.source.clone(),
            time_s: self.time_s,
            organization_id: line.organization_id,
            resource_id: line.resource_id.clone(),
            resource_name: line.resource_name.clone(),
            resource_type: line.resource_type,
            user_email: line.user_email.clone(),
            provider: rest.provider.clone(),
            model_id: line.model_id.clone(),
            product_code: line.product_code.clone(),
            region: line.region.clone(),
            service_tier: rest.service_tier.clone(),
            free: false,
            quantities,
        }))
    }
}

impl RecordReads for Session {
    fn find_records(
        &mut self,
        company_id: i64,
        names: &[RecordName<'_>],
    ) -> StoreResult<Vec<Vec<StoredRecord>>> {
        let sql = "SELECT hour FROM usage_hour WHERE company_id = $1 AND records > 0 ORDER BY hour";
        let hours = all(self.connection.as_mut(), sql, &[company_id.into()], |row| row.int(0))?;
        let days: BTreeSet<i64> = hours.into_iter().map(|hour| hour.div_euclid(HOURS_PER_DAY)).collect();
        let needs_sources = names.iter().any(|(source, _)| source.is_none());
        let mut keys: Vec<RecordKey> = Vec::new();
        let mut places: Vec<usize> = Vec::new();
        for day in days {
            let sources = if needs_sources { self.sources_of_day(company_id, day)? } else { Vec::new() };
            for (place, (source, id)) in names.iter().enumerate() {
                let stated = source.map(ToOwned::to_owned);
                let wanted = if stated.is_some() { stated.as_slice() } else { sources.as_slice() };
                for source in wanted {
                    keys.push(RecordKey { day, source: source.clone(), id: (*id).to_owned() });
                    places.push(place);
                }
            }
        }
        let mut found: Vec<Vec<StoredRecord>> = names.iter().map(|_| Vec::new()).collect();
        for (place, record) in places.into_iter().zip(self.records_by_keys(company_id, &keys)?) {
            found[place].extend(record);
        }
        Ok(found)
    }

    fn records_by_keys(
        &mut self,
        company_id: i64,
        keys: &[RecordKey],
    ) -> StoreResult<Vec<Option<StoredRecord>>> {
        let sets: Vec<SqlValues<'_>> = keys
            .iter()
            .map(|key| {
                vec![company_id.into(), key.day.into(), key.source.as_str().into(), key.id.as_str().into()]
            })
            .collect();
        let mut found: Vec<(usize, RecordRow)> = Vec::new();
        let sql = format!(
            "SELECT {RECORD_COLUMNS} FROM usage_record WHERE company_id = $1 AND day = $2 AND source = $3 AND id = $4"
        );
        self.connection.query_each(&sql, &sets, &mut |index, row| {
            found.push((index, RecordRow::read(row)?));
            Ok(())
        })?;
        let (places, rows): (Vec<usize>, Vec<RecordRow>) = found.into_iter().unzip();
        let mut records: Vec<Option<StoredRecord>> = keys.iter().map(|_| None).collect();
        for (place, record) in places.into_iter().zip(self.complete(company_id, rows)?) {
            records[place] = Some(record);
        }
        Ok(records)
    }

    fn records_of_day(
        &mut self,
        company_id: i64,
        range: &DayRange,
        after: Option<&RecordKey>,
        limit: i64,
    ) -> StoreResult<(Vec<StoredRecord>, Option<RecordKey>)> {
        let mut values: SqlValues<'_> = vec![company_id.into(), range.day.into(), limit.into()];
        let condition = match after {
            Some(key) => {
                values.extend([SqlValue::Text(&key.source), SqlValue::Text(&key.id)]);
                "AND (source, id) > ($4, $5)"
            }
            None => "",
        };
        let sql = format!(
            "SELECT {RECORD_COLUMNS} FROM usage_record WHERE company_id = $1 AND day = $2 {condition} \
             ORDER BY source, id LIMIT $3"
        );
        let (mut rows, mut last, mut read) = (Vec::new(), None, 0);
        self.connection.query(&sql, &values, &mut |row| {
            read += 1;
            let time_s = row.int(3)?;
            if (range.from_s..range.to_s).contains(&time_s) {
                rows.push(RecordRow::read(row)?);
            }
            if read == limit {
                let (source, id) = (row.text(1)?.to_owned(), row.text(2)?.to_owned());
                last = Some(RecordKey { day: range.day, source, id });
            }
            Ok(Flow::More)
        })?;
        Ok((self.complete(company_id, rows)?, last))
    }

    fn usage_hours(&mut self, company_id: i64, first: i64, last: i64) -> StoreResult<Vec<UsageHour>> {
        let sql = "SELECT hour, records, expired FROM usage_hour WHERE company_id = $1 AND hour >= $2 AND hour <= $3 \
                   ORDER BY hour";
        all(self.connection.as_mut(), sql, &[company_id, first, last].map(SqlValue::Int), |row| {
            Ok(UsageHour { hour: row.int(0)?, records: row.int(1)?, is_expired: row.int(2)? != 0 })
        })
    }

    fn usage_orders(&mut self, company_id: i64, places: &[(i64, LineNo)]) -> StoreResult<Vec<UsageOrder>> {
        let places: BTreeSet<(i64, LineNo)> = places.iter().copied().collect();
        let sets: Vec<SqlValues<'_>> = places
            .iter()
            .map(|(bucket_start, line_no)| {
                [company_id, *bucket_start, i64::from(*line_no)].map(SqlValue::Int).to_vec()
            })
            .collect();
        let mut orders = Vec::new();
        let sql = format!(
            "SELECT {ORDER_COLUMNS} FROM usage_order WHERE company_id = $1 AND bucket_start = $2 AND line_no = $3 \
             ORDER BY sequence_no"
        );
        self.connection.query_each(&sql, &sets, &mut |_, row| {
            orders.push(read_order(row)?);
            Ok(())
        })?;
        Ok(orders)
    }

    fn usage_order_by_number(
        &mut self,
        company_id: i64,
        bucket_start_s: i64,
        source_number: &str,
    ) -> StoreResult<Option<UsageOrder>> {
        // Only an operator who asks for one order reads all of an hour.
        let sql = format!(
            "SELECT {ORDER_COLUMNS} FROM usage_order WHERE company_id = $1 AND bucket_start = $2 \
             ORDER BY line_no, sequence_no"
        );
        let mut found = None;
        self.connection.query(&sql, &[company_id, bucket_start_s].map(SqlValue::Int), &mut |row| {
            if row.text(3)? != source_number {
                return Ok(Flow::More);
            }
            found = Some(read_order(row)?);
            Ok(Flow::Enough)
        })?;
        Ok(found)
    }
}

fn read_order(row: &dyn Row) -> StoreResult<UsageOrder> {
    Ok(UsageOrder {
        bucket_start_s: row.int(0)?,
        line_no: line_no_of(row.int(1)?)?,
        sequence_no: row.int(2)?,
        source_number: row.text(3)?.to_owned(),
        quantity: row.int(4)?,
        records: row.int(5)?,
        close_no: row.int(6)?,
    })
}

impl Session {
    /// The sources of a day's records, of which there are few: each is found by one step in the index.
    fn sources_of_day(&mut self, company_id: i64, day: i64) -> StoreResult<Vec<String>> {
        let mut sources: Vec<String> = Vec::new();
        loop {
            let (condition, after) = match sources.last() {
                Some(last) => ("AND source > $3", last.as_str()),
                None => ("AND source >= $3", ""),
            };
            let sql = format!(
                "SELECT source FROM usage_record WHERE company_id = $1 AND day = $2 {condition} ORDER BY source LIMIT 1"
            );
            let values = [company_id.into(), day.into(), after.into()];
            match first(self.connection.as_mut(), &sql, &values, |row| Ok(row.text(0)?.to_owned()))? {
                Some(source) => sources.push(source),
                None => return Ok(sources),
            }
        }
    }

    /// The records of rows.
    fn complete(&mut self, company_id: i64, rows: Vec<RecordRow>) -> StoreResult<Vec<StoredRecord>> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let view = self.view(company_id)?;
        let lines = Arc::clone(&view.lines);
        let mut uncharged = self.read_whole(company_id, &rows)?;
        let mut hours: Vec<i64> = rows.iter().map(|row| row.key.day).collect();
        hours.dedup();
        let mut expired: BTreeSet<i64> = BTreeSet::new();
        for day in hours.into_iter().collect::<BTreeSet<i64>>() {
            let (first, last) = (day * HOURS_PER_DAY, (day + 1) * HOURS_PER_DAY - 1);
            if self.usage_hours(company_id, first, last)?.iter().any(|hour| hour.is_expired) {
                expired.insert(day);
            }
        }
        rows.into_iter()
            .zip(&mut uncharged)
            .map(|(row, uncharged)| {
                let usage = match uncharged.take() {
                    Some(usage) if row.rest.is_some() => Some(usage),
                    Some(_) => None,
                    None => row.charged_usage(company_id, &lines)?,
                };
                let lock = match () {
                    () if row.bucket_start_s < view.pruned_before_s => Some(RecordLock::Pruned),
                    () if expired.contains(&row.key.day) => Some(RecordLock::Expired),
                    () if usage.is_none() => Some(RecordLock::EarlierVersion),
                    () => None,
                };
                let rest = row.rest.unwrap_or_default();
                let pin = |place: usize| rest.pins.get(place).copied().unwrap_or(0);
                Ok(StoredRecord {
                    key: row.key,
                    time_s: row.time_s,
                    state: state_of(row.pricing_state)?,
                    bucket_start_s: row.bucket_start_s,
                    charges: row
                        .charges
                        .into_iter()
                        .enumerate()
                        .map(|(place, (line_no, quantity))| StoredCharge {
                            line_no,
                            quantity,
                            pin: pin(place),
                        })
                        .collect(),
                    close_no: rest.close_no,
                    usage,
                    lock,
                })
            })
            .collect()
    }

    /// The records of rows without charges, which are stored whole.
    fn read_whole(&mut self, company_id: i64, rows: &[RecordRow]) -> StoreResult<Vec<Option<Usage>>> {
        let places: Vec<usize> = (0..rows.len()).filter(|place| rows[*place].charges.is_empty()).collect();
        let sets: Vec<SqlValues<'_>> = places
            .iter()
            .map(|place| {
                let row = &rows[*place];
                vec![
                    company_id.into(),
                    row.pricing_state.into(),
                    row.time_s.div_euclid(HOUR_S).into(),
                    row.key.source.as_str().into(),
                    row.key.id.as_str().into(),
                ]
            })
            .collect();
        let mut usage: Vec<Option<Usage>> = rows.iter().map(|_| None).collect();
        let sql = format!(
            "SELECT {UNCHARGED_COLUMNS} FROM uncharged_usage WHERE company_id = $1 AND pricing_state = $2 AND hour = $3 \
             AND source = $4 AND id = $5"
        );
        self.connection.query_each(&sql, &sets, &mut |index, row| {
            usage[places[index]] = Some(read_uncharged(company_id, row)?.usage);
            Ok(())
        })?;
        Ok(usage)
    }
}

fn state_of(pricing_state: i64) -> StoreResult<RecordState> {
    match pricing_state {
        CHARGED => Ok(RecordState::Charged),
        FREE => Ok(RecordState::Free),
        UNPRICED => Ok(RecordState::Unpriced),
        VOIDED => Ok(RecordState::Voided),
        other => Err(StoreError::Damaged(format!("{other} is not the state of a usage record"))),
    }
}
