//! Verification of usage: every record is in one state, and open hours and orders equal the sums of their records.

use std::collections::{BTreeMap, BTreeSet};

use tollbook_domain::time::{DAY_S, HOUR_S, hour_of};
use tollbook_domain::{Catalogue, Status};

use super::report::Report;
use crate::error::StoreResult;
use crate::lines::LineNo;
use crate::orders::OrderLookup;
use crate::prices::PriceReads as _;
use crate::sql::driver::connection::{Flow, SqlValue, all, first};
use crate::sql::orders::line_rows::line_no_of;
use crate::sql::session::Session;
use crate::sql::usage::rows::{FREE, UNPRICED, VOIDED, amount_of_line, decode_amount};
use crate::usage_pack::{Rest, decode_charges};
use crate::verification::UsageOrderKey;

/// How a record's charge says in which order of its line and bucket it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Mark {
    /// Stored before schema version 8, which does not say it.
    Unknown,
    /// The order of this sequence number.
    Order(i64),
    /// The first order whose close number is not less than this one; if there is none, the open hour.
    CloseNo(i64),
}

/// Quantity and number of the charges of a bucket.
type BucketUsage = BTreeMap<(LineNo, Mark), (i128, i64)>;
/// The same by line and sequence number of the order; `None` is the open hour.
type PlacedUsage = BTreeMap<(LineNo, Option<i64>), (i128, i64)>;

fn add(usage: &mut PlacedUsage, key: (LineNo, Option<i64>), (quantity, records): (i128, i64)) {
    let sum = usage.entry(key).or_default();
    *sum = (sum.0 + quantity, sum.1 + records);
}

/// Records of an hour, and how many of them are kept whole, by pricing state.
#[derive(Default)]
struct HourRecords {
    records: i64,
    uncharged: BTreeMap<i64, i64>,
}

/// Usage orders per statement.
const ORDERS_PER_READ: i64 = 1_000;

/// Before the first one.
pub(crate) const FIRST_USAGE_ORDER: UsageOrderKey = [i64::MIN; 3];

/// The hours of a company that have or had records.
#[derive(Default)]
pub(crate) struct NotedHours {
    /// The number of records of each hour whose identities have not expired.
    pub(crate) noted: BTreeMap<i64, i64>,
    /// The other hours, in order.
    pub(crate) expired: Vec<i64>,
}

impl Session {
    /// Sums usage records by bucket and line, and compares the sums with open usage and usage orders.
    pub(crate) fn verify_usage(
        &mut self,
        company_id: i64,
        catalogue: &Catalogue,
        report: &mut Report,
    ) -> StoreResult<()> {
        let NotedHours { noted, expired } = self.noted_hours(company_id)?;
        let days: BTreeSet<i64> = noted.keys().map(|hour| hour.div_euclid(DAY_S / HOUR_S)).collect();
        let mut buckets: BTreeMap<i64, BucketUsage> = BTreeMap::new();
        for day in days {
            self.recount_usage_day(company_id, day, &noted, &mut buckets, report)?;
            // A bucket is at most an hour long: one that ends with this day or before has all its records.
            let whole = buckets.split_off(&((day + 1) * DAY_S - HOUR_S + 1));
            for (bucket_start, usage) in std::mem::replace(&mut buckets, whole) {
                self.compare_bucket(company_id, bucket_start, usage, &expired, report)?;
            }
        }
        for (bucket_start, usage) in buckets {
            self.compare_bucket(company_id, bucket_start, usage, &expired, report)?;
        }
        self.verify_open_hours(company_id, catalogue, &expired, report)?;
        let mut after = Some(FIRST_USAGE_ORDER);
        while let Some(from) = after {
            after = self.verify_usage_orders(company_id, from, report)?;
        }
        Ok(())
    }

    /// The hours of a company that have or had records.
    pub(crate) fn noted_hours(&mut self, company_id: i64) -> StoreResult<NotedHours> {
        let mut hours = NotedHours::default();
        let sql = "SELECT hour, records, expired FROM usage_hour WHERE company_id = $1 ORDER BY hour";
        self.connection.query(sql, &[company_id.into()], &mut |row| {
            let (hour, records) = (row.int(0)?, row.int(1)?);
            if row.int(2)? == 0 {
                hours.noted.insert(hour, records);
            } else {
                hours.expired.push(hour);
            }
            Ok(Flow::More)
        })?;
        Ok(hours)
    }

    /// Verifies the usage of one day. A bucket that continues in the day before or after is verified with that day.
    pub(crate) fn verify_usage_day(
        &mut self,
        company_id: i64,
        day: i64,
        hours: &NotedHours,
        report: &mut Report,
    ) -> StoreResult<()> {
        let mut buckets = BTreeMap::new();
        self.recount_usage_day(company_id, day, &hours.noted, &mut buckets, report)?;
        let (begin_s, end_s) = (day * DAY_S, (day + 1) * DAY_S);
        let mut whole = buckets;
        for (neighbour, continues) in [
            (day - 1, whole.keys().next().is_some_and(|start| *start < begin_s)),
            (day + 1, whole.keys().next_back().is_some_and(|start| *start > end_s - HOUR_S)),
        ] {
            if continues {
                self.recount_usage_day(company_id, neighbour, &hours.noted, &mut whole, report)?;
            }
        }
        // Those of neighbours alone are verified with them.
        whole.retain(|start, _| (begin_s - HOUR_S + 1..end_s).contains(start));
        for (bucket_start, usage) in whole {
            self.compare_bucket(company_id, bucket_start, usage, &hours.expired, report)?;
        }
        Ok(())
    }

    /// Adds a day's records to their buckets. `noted` has the hours whose identities have not expired, with the number of
    /// their records.
    fn recount_usage_day(
        &mut self,
        company_id: i64,
        day: i64,
        noted: &BTreeMap<i64, i64>,
        buckets: &mut BTreeMap<i64, BucketUsage>,
        report: &mut Report,
    ) -> StoreResult<()> {
        let mut counted: BTreeMap<i64, HourRecords> = BTreeMap::new();
        let sql = "SELECT time, pricing_state, bucket_start, charges, rest FROM usage_record WHERE company_id = $1 AND day = $2 \
                   ORDER BY source, id";
        self.connection.query(sql, &[company_id, day].map(SqlValue::Int), &mut |row| {
            let of_hour = counted.entry(hour_of(row.int(0)?)).or_default();
            of_hour.records += 1;
            let charges = row.blob(3)?;
            match row.int(1)? {
                state @ (FREE | UNPRICED) => *of_hour.uncharged.entry(state).or_default() += 1,
                // A voided record that was charged keeps its charges, which are in no order.
                VOIDED if charges.is_empty() => *of_hour.uncharged.entry(VOIDED).or_default() += 1,
                VOIDED => drop(buckets.entry(row.int(2)?).or_default()),
                _ => {
                    let bucket = buckets.entry(row.int(2)?).or_default();
                    let rest = Rest::decode(row.blob(4)?)?;
                    for (place, (line_no, quantity)) in decode_charges(charges)?.into_iter().enumerate() {
                        let pin = |rest: &Rest| rest.pins.get(place).copied().filter(|pin| *pin > 0);
                        let mark = match &rest {
                            None => Mark::Unknown,
                            Some(rest) => {
                                pin(rest).map_or(Mark::CloseNo(rest.close_no), |pin| Mark::Order(pin - 1))
                            }
                        };
                        let sum = bucket.entry((line_no, mark)).or_default();
                        sum.0 += i128::from(quantity);
                        sum.1 += 1;
                    }
                }
            }
            Ok(Flow::More)
        })?;
        let (first_hour, end_hour) = (day * DAY_S / HOUR_S, (day + 1) * DAY_S / HOUR_S);
        for (hour, noted) in noted.range(first_hour..end_hour) {
            let of_hour = counted.remove(hour).unwrap_or_default();
            let records = of_hour.records;
            if records != *noted {
                report.differ(|| {
                    format!(
                        "company {company_id}: hour {hour}: {noted} usage records noted, {records} counted"
                    )
                });
            }
            self.compare_uncharged(company_id, *hour, &of_hour, report)?;
        }
        Ok(())
    }

    /// Compares the records of an hour that are not charged with those that are kept whole.
    fn compare_uncharged(
        &mut self,
        company_id: i64,
        hour: i64,
        of_hour: &HourRecords,
        report: &mut Report,
    ) -> StoreResult<()> {
        for pricing_state in [FREE, UNPRICED, VOIDED] {
            let expected = of_hour.uncharged.get(&pricing_state).copied().unwrap_or(0);
            let sql = "SELECT count(*) FROM uncharged_usage WHERE company_id = $1 AND pricing_state = $2 AND hour = $3";
            let values = [company_id, pricing_state, hour].map(SqlValue::Int);
            let kept = first(self.connection.as_mut(), sql, &values, |row| row.int(0))?;
            if kept != Some(expected) {
                report.differ(|| {
                    format!(
                        "company {company_id}: hour {hour}: {expected} records are not charged, {kept:?} are kept"
                    )
                });
            }
        }
        Ok(())
    }

    fn compare_bucket(
        &mut self,
        company_id: i64,
        bucket_start: i64,
        recounted: BucketUsage,
        expired: &[i64],
        report: &mut Report,
    ) -> StoreResult<()> {
        // If identities have expired or orders were pruned, the recount is incomplete and cannot be compared.
        let touches = [bucket_start, bucket_start + HOUR_S - 1].map(hour_of);
        let is_expired = touches.iter().any(|hour| expired.binary_search(hour).is_ok());
        if is_expired || bucket_start < self.view(company_id)?.pruned_before_s {
            return Ok(());
        }
        let mut kept = PlacedUsage::new();
        let values = [company_id, bucket_start].map(SqlValue::Int);
        let sql =
            "SELECT line_no, quantity, records FROM open_usage WHERE company_id = $1 AND bucket_start = $2";
        self.connection.query(sql, &values, &mut |row| {
            kept.insert((line_no_of(row.int(0)?)?, None), (row.int(1)?.into(), row.int(2)?));
            Ok(Flow::More)
        })?;
        let mut orders: BTreeMap<LineNo, Vec<(i64, i64)>> = BTreeMap::new();
        let sql = "SELECT line_no, quantity, records, sequence_no, close_no FROM usage_order WHERE company_id = $1 \
                   AND bucket_start = $2 ORDER BY line_no, sequence_no";
        self.connection.query(sql, &values, &mut |row| {
            let (line_no, sequence_no) = (line_no_of(row.int(0)?)?, row.int(3)?);
            kept.insert((line_no, Some(sequence_no)), (row.int(1)?.into(), row.int(2)?));
            orders.entry(line_no).or_default().push((sequence_no, row.int(4)?));
            Ok(Flow::More)
        })?;
        // Corrections leave orders of usage from which every record was taken.
        kept.retain(|_, sum| *sum != (0, 0));
        let mut unknown: BTreeSet<LineNo> = BTreeSet::new();
        let mut placed = PlacedUsage::new();
        for ((line_no, mark), sum) in recounted {
            let sequence_no = match mark {
                Mark::Unknown => {
                    unknown.insert(line_no);
                    None
                }
                Mark::Order(sequence_no) => Some(sequence_no),
                Mark::CloseNo(close_no) => {
                    let mut of_line = orders.get(&line_no).into_iter().flatten();
                    of_line.find(|(_, taken)| *taken >= close_no).map(|(sequence_no, _)| *sequence_no)
                }
            };
            add(&mut placed, (line_no, sequence_no), sum);
        }
        // Lines with records that do not say where they are can be compared as a whole only.
        let [kept, recounted] = [kept, placed].map(|usage| {
            let mut compared = PlacedUsage::new();
            for ((line_no, sequence_no), sum) in usage {
                add(&mut compared, (line_no, sequence_no.filter(|_| !unknown.contains(&line_no))), sum);
            }
            compared
        });
        if kept != recounted {
            report.differ(|| {
                format!(
                    "company {company_id}: usage from {bucket_start} on: the open hour and its orders differ from the \
                     records"
                )
            });
        }
        Ok(())
    }

    /// Checks the amounts of open hours, that each is due, and that each has records.
    pub(crate) fn verify_open_hours(
        &mut self,
        company_id: i64,
        catalogue: &Catalogue,
        expired: &[i64],
        report: &mut Report,
    ) -> StoreResult<()> {
        let lines = self.view(company_id)?.lines;
        let mut open: BTreeMap<i64, i128> = BTreeMap::new();
        let sql = "SELECT bucket_start, line_no, quantity FROM open_usage WHERE company_id = $1 \
                   ORDER BY bucket_start, line_no";
        self.connection.query(sql, &[company_id.into()], &mut |row| {
            let amount = amount_of_line(&lines, line_no_of(row.int(1)?)?, row.int(2)?, catalogue)?;
            *open.entry(row.int(0)?).or_default() += amount;
            Ok(Flow::More)
        })?;
        let sql = "SELECT bucket_start, amount, bucket_end FROM open_hour WHERE company_id = $1 ORDER BY bucket_start";
        let mut buckets: Vec<(i64, i64)> = Vec::new();
        let mut noted: BTreeMap<i64, i128> = BTreeMap::new();
        self.connection.query(sql, &[company_id.into()], &mut |row| {
            buckets.push((row.int(0)?, row.int(2)?));
            noted.insert(row.int(0)?, decode_amount(row.blob(1)?)?);
            Ok(Flow::More)
        })?;
        if open != noted {
            report.differ(|| format!("company {company_id}: open hours differ from their usage"));
        }
        let sql = "SELECT bucket_start, bucket_end FROM due_hour WHERE company_id = $1 ORDER BY bucket_start";
        let due =
            all(self.connection.as_mut(), sql, &[company_id.into()], |row| Ok((row.int(0)?, row.int(1)?)))?;
        if due != buckets {
            report.differ(|| {
                format!("company {company_id}: the hours that are due are not those that are open")
            });
        }
        for bucket_start in open.into_keys() {
            let touches = [bucket_start, bucket_start + HOUR_S - 1].map(hour_of);
            let mut records = 0;
            for hour in touches {
                let sql = "SELECT records FROM usage_hour WHERE company_id = $1 AND hour = $2";
                let values = [company_id, hour].map(SqlValue::Int);
                records += first(self.connection.as_mut(), sql, &values, |row| row.int(0))?.unwrap_or(0);
            }
            if records == 0 && !touches.iter().any(|hour| expired.binary_search(hour).is_ok()) {
                report.differ(|| {
                    format!("company {company_id}: open usage from {bucket_start} on has no records")
                });
            }
        }
        Ok(())
    }

    /// Checks that orders that were made from usage exist, with their hours and quantities: some of those after a key.
    /// Returns the key of the last one; `None` if there are no more.
    pub(crate) fn verify_usage_orders(
        &mut self,
        company_id: i64,
        after: UsageOrderKey,
        report: &mut Report,
    ) -> StoreResult<Option<UsageOrderKey>> {
        let sql = "SELECT bucket_start, line_no, sequence_no, order_no, quantity FROM usage_order \
                       WHERE company_id = $1 AND (bucket_start, line_no, sequence_no) > ($2, $3, $4) \
                       ORDER BY bucket_start, line_no, sequence_no LIMIT $5";
        let [bucket_start, line_no, sequence_no] = after;
        let values = [company_id, bucket_start, line_no, sequence_no, ORDERS_PER_READ].map(SqlValue::Int);
        let rows = all(self.connection.as_mut(), sql, &values, |row| {
            let key = [row.int(0)?, row.int(1)?, row.int(2)?];
            Ok((key, row.text(3)?.to_owned(), row.int(4)?))
        })?;
        let Some((last, _, _)) = rows.last() else { return Ok(None) };
        let last = *last;
        let numbers: Vec<&str> = rows.iter().map(|(_, number, _)| number.as_str()).collect();
        let orders = self.orders_by_numbers(company_id, &numbers)?;
        let offsets = self.hour_offsets()?;
        for (([bucket_start, _, _], number, quantity), order) in rows.iter().zip(orders) {
            // Corrections take records out of an order that is revoked already, which itself does not change.
            let same = order.is_some_and(|stored| {
                let order = stored.order;
                let has_usage = if order.status == Status::Revoked {
                    (0..=order.quantity).contains(quantity)
                } else {
                    order.quantity == *quantity
                };
                // An hour that a change of the offset has moved since is not judged.
                let bucket = offsets.bucket(order.start_time_s);
                let is_whole = bucket.start_s != order.start_time_s || bucket.end_s == order.end_time_s;
                order.start_time_s == *bucket_start && has_usage && is_whole
            });
            if !same {
                report
                    .differ(|| format!("company {company_id}: order {number} is not what was made of usage"));
            }
        }
        Ok(Some(last))
    }
}
