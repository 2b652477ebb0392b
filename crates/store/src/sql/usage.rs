//! Usage coming in: identities decide what is new, then each record is added to the open hours of its lines, with what
//! those would come to. The company is locked, so that what was new a moment ago still is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use tollbook_domain::rating::Rated;
use tollbook_domain::{Bucket, Catalogue, Line, Usage};

use super::connection::{Flow, SqlValue, SqlValues, execute_exactly, first, insert_exactly};
use super::order_rows::line_no_of;
use super::schema::USAGE_RECORD;
use super::{CompanyView, Session};
use crate::charging::{Arrival, RatedUsage, UsageOutcome};
use crate::error::{StoreError, StoreResult};
use crate::lines::{LineNo, Lines};
use crate::usage_pack::encode_charges;

/// Numbers of the places where a record can be, as they are stored.
const CHARGED: i64 = 1;
pub(super) const FREE: i64 = 2;
pub(super) const UNPRICED: i64 = 3;

pub(super) const fn pricing_state(rated: &Rated) -> i64 {
    match rated {
        Rated::Charged(_) => CHARGED,
        Rated::Free => FREE,
        Rated::Unpriced(_) => UNPRICED,
    }
}

/// A sum as `open_hour` keeps it.
pub(super) fn decode_amount(bytes: &[u8]) -> StoreResult<i128> {
    let bytes = bytes.try_into().map_err(|_| StoreError::Damaged("an open hour has no amount".into()))?;
    Ok(i128::from_le_bytes(bytes))
}

/// What a quantity of a line would come to as an order, in 10⁻⁸ currency units; `None` if no order can hold it.
pub(super) fn amount_of(line: &Line, quantity: i64, catalogue: &Catalogue) -> Option<i128> {
    let units = catalogue.base_units(line.pricing_unit)?;
    line.list_price.charge(quantity, units).ok()?;
    Some(line.discount_price.charge(quantity, units).ok()?.steps().into())
}

/// Rows of one statement that writes open usage.
const ROWS_AT_ONCE: usize = 64;
/// A stretch of lines is read whole if at least one of so many is wanted.
const STRETCH_PER_LINE: usize = 4;

static PUT_OPEN: LazyLock<String> = LazyLock::new(|| put_open(1));
static PUT_MANY_OPEN: LazyLock<String> = LazyLock::new(|| put_open(ROWS_AT_ONCE));

/// Writes so many rows of open usage, over those that are there.
fn put_open(rows: usize) -> String {
    let row = |row: usize| {
        let places: Vec<String> = (1..=5).map(|column| format!("${}", row * 5 + column)).collect();
        format!("({})", places.join(", "))
    };
    let rows: Vec<String> = (0..rows).map(row).collect();
    format!(
        "INSERT INTO open_usage (company_id, bucket_start, line_no, quantity, records) VALUES {} \
         ON CONFLICT (company_id, bucket_start, line_no) \
         DO UPDATE SET quantity = excluded.quantity, records = excluded.records",
        rows.join(", ")
    )
}

/// An open hour of a line, before and after this batch.
#[derive(Default)]
struct Open {
    before: i64,
    quantity: i64,
    records: i64,
}

impl Open {
    const fn there(quantity: i64, records: i64) -> Self {
        Self { before: quantity, quantity, records }
    }
}

/// What a batch adds to an open hour.
struct HourChange {
    bucket: Bucket,
    is_used: bool,
    amount: i128,
}

/// Adds records to open hours.
struct Adding<'a> {
    company_id: i64,
    arrival: &'a Arrival<'a>,
    lines: Arc<Lines>,
    open: BTreeMap<(i64, LineNo), Open>,
    hours: BTreeMap<i64, HourChange>,
}

pub(super) type Key<'u> = (i64, &'u str, &'u str);

pub(super) fn key_of(usage: &Usage) -> Key<'_> {
    (usage.hour(), usage.source.as_str(), usage.id.as_str())
}

impl Session {
    pub(super) fn write_usage(
        &mut self,
        company_id: i64,
        records: &[RatedUsage],
        arrival: &Arrival<'_>,
    ) -> StoreResult<Vec<UsageOutcome>> {
        let view = self.view_for_update(company_id)?;
        let mut outcomes = vec![UsageOutcome::Accepted; records.len()];
        let mut order: Vec<usize> = (0..records.len()).collect();
        // Neighbours lie on the same leaf; and of two records with one identity the first of the batch comes first.
        order.sort_by_key(|place| key_of(&records[*place].usage));
        self.refuse_forgotten(company_id, records, &mut outcomes)?;
        let repeats = self.find_known(company_id, records, &order, &mut outcomes)?;
        for (record, outcome) in records.iter().zip(&mut outcomes) {
            if *outcome == UsageOutcome::Accepted && record.bucket.start_s < view.pruned_before_s {
                *outcome = UsageOutcome::Pruned;
            }
        }
        let new: Vec<usize> =
            (0..records.len()).filter(|place| outcomes[*place] == UsageOutcome::Accepted).collect();
        let charges = self.add_to_hours(company_id, &view, records, &new, arrival)?;
        let mut kept: BTreeMap<usize, Vec<u8>> = BTreeMap::new();
        for (place, charges) in new.into_iter().zip(charges) {
            match charges {
                Some(charges) => drop(kept.insert(place, charges)),
                None => outcomes[place] = UsageOutcome::TooLarge,
            }
        }
        for (place, earlier) in repeats {
            // What repeats a record that is not taken is not taken either.
            if matches!(outcomes[earlier], UsageOutcome::TooLarge | UsageOutcome::Pruned) {
                outcomes[place] = outcomes[earlier];
            }
        }
        let order: Vec<usize> = order.into_iter().filter(|place| kept.contains_key(place)).collect();
        let mut rows = order.iter().map(|place| record_values(&records[*place], &kept[place]));
        insert_exactly(self.connection.as_mut(), &USAGE_RECORD, order.len(), &mut rows)?;
        let uncharged: Vec<&RatedUsage> = order
            .iter()
            .map(|place| &records[*place])
            .filter(|record| !matches!(record.rated, Rated::Charged(_)))
            .collect();
        self.insert_uncharged(&uncharged)?;
        self.hold_repeated(company_id, records, &outcomes, arrival)?;
        self.count_records(
            company_id,
            order.iter().map(|place| records[*place].usage.hour()),
            arrival.now_s,
        )?;
        Ok(outcomes)
    }

    /// Records of hours whose identities are not kept.
    fn refuse_forgotten(
        &mut self,
        company_id: i64,
        records: &[RatedUsage],
        outcomes: &mut [UsageOutcome],
    ) -> StoreResult<()> {
        let hours: BTreeSet<i64> = records.iter().map(|record| record.usage.hour()).collect();
        let hours: Vec<i64> = hours.into_iter().collect();
        let sets: Vec<SqlValues<'_>> =
            hours.iter().map(|hour| [company_id, *hour].map(SqlValue::Int).to_vec()).collect();
        let mut gone = vec![false; hours.len()];
        self.connection.query_each(
            "SELECT gone FROM usage_hour WHERE company_id = $1 AND hour = $2",
            &sets,
            &mut |index, row| {
                gone[index] = row.int(0)? != 0;
                Ok(())
            },
        )?;
        for (record, outcome) in records.iter().zip(outcomes) {
            let hour = hours.binary_search(&record.usage.hour());
            if hour.is_ok_and(|hour| gone[hour]) {
                *outcome = UsageOutcome::Forgotten;
            }
        }
        Ok(())
    }

    /// Finds records that are there already, in the store or earlier in the batch. `order` is by identity. Gives those
    /// that came again within the batch, with the first of their identity.
    fn find_known(
        &mut self,
        company_id: i64,
        records: &[RatedUsage],
        order: &[usize],
        outcomes: &mut [UsageOutcome],
    ) -> StoreResult<Vec<(usize, usize)>> {
        let again = |same: bool| if same { UsageOutcome::Duplicate } else { UsageOutcome::Conflict };
        let asked: Vec<usize> =
            order.iter().copied().filter(|place| outcomes[*place] == UsageOutcome::Accepted).collect();
        let mut asked_once: Vec<usize> = Vec::with_capacity(asked.len());
        let mut repeats = Vec::new();
        for place in asked {
            match asked_once.last() {
                Some(&earlier) if key_of(&records[earlier].usage) == key_of(&records[place].usage) => {
                    repeats.push((place, earlier));
                }
                _ => asked_once.push(place),
            }
        }
        let stored = self.find_digests(company_id, records, &asked_once)?;
        for (place, digest) in &stored {
            outcomes[*place] = again(*digest == records[*place].digest);
        }
        for &(place, earlier) in &repeats {
            let first = stored.get(&earlier).map_or(records[earlier].digest.as_slice(), Vec::as_slice);
            outcomes[place] = again(first == records[place].digest);
        }
        Ok(repeats)
    }

    /// The stored digests of records that are known, by place. `places` are by identity, each once.
    fn find_digests(
        &mut self,
        company_id: i64,
        records: &[RatedUsage],
        places: &[usize],
    ) -> StoreResult<BTreeMap<usize, Vec<u8>>> {
        let groups: Vec<&[usize]> = places
            .chunk_by(|a, b| {
                let (a, b) = (key_of(&records[*a].usage), key_of(&records[*b].usage));
                (a.0, a.1) == (b.0, b.1)
            })
            .collect();
        // Where ids rise with time, a batch has the stretch between its first and its last one to itself: what is known
        // there is all of it or nothing. Of a stretch that others fill as well, each id is sought.
        let most = |group: &[usize]| 2 * group.len() + 1;
        let sets: Vec<SqlValues<'_>> = groups
            .iter()
            .map(|group| {
                let (hour, source, from) = key_of(&records[group[0]].usage);
                let (_, _, to) = key_of(&records[group[group.len() - 1]].usage);
                let most = i64::try_from(most(group)).unwrap_or(i64::MAX);
                vec![company_id.into(), hour.into(), source.into(), from.into(), to.into(), most.into()]
            })
            .collect();
        let mut known: Vec<Vec<(String, Vec<u8>)>> = vec![Vec::new(); groups.len()];
        self.connection.query_each(
            "SELECT id, digest FROM usage_record WHERE company_id = $1 AND hour = $2 AND source = $3 AND id >= $4 \
             AND id <= $5 ORDER BY id LIMIT $6",
            &sets,
            &mut |index, row| {
                known[index].push((row.text(0)?.to_owned(), row.blob(1)?.to_owned()));
                Ok(())
            },
        )?;
        let mut stored = BTreeMap::new();
        let mut sought: Vec<usize> = Vec::new();
        for (group, known) in groups.into_iter().zip(known) {
            if known.len() == most(group) {
                sought.extend(group);
                continue;
            }
            let mut known = known.into_iter().peekable();
            for place in group {
                let id = records[*place].usage.id.as_str();
                while known.next_if(|(before, _)| before.as_str() < id).is_some() {}
                if let Some((_, digest)) = known.next_if(|(same, _)| same == id) {
                    stored.insert(*place, digest);
                }
            }
        }
        let sets: Vec<SqlValues<'_>> =
            sought.iter().map(|place| identity_values(&records[*place].usage)).collect();
        self.connection.query_each(
            "SELECT digest FROM usage_record WHERE company_id = $1 AND hour = $2 AND source = $3 AND id = $4",
            &sets,
            &mut |index, row| {
                stored.insert(sought[index], row.blob(0)?.to_owned());
                Ok(())
            },
        )?;
        Ok(stored)
    }

    /// Adds records to the open hours of their lines; for each what it was added to, or `None` if an order could not hold
    /// it. Records that are not charged are added to nothing.
    pub(super) fn add_to_hours(
        &mut self,
        company_id: i64,
        view: &CompanyView,
        records: &[RatedUsage],
        places: &[usize],
        arrival: &Arrival<'_>,
    ) -> StoreResult<Vec<Option<Vec<u8>>>> {
        let mut adding = Adding {
            company_id,
            arrival,
            lines: Arc::clone(&view.lines),
            open: BTreeMap::new(),
            hours: BTreeMap::new(),
        };
        let charges: Vec<Vec<(LineNo, i64)>> =
            places.iter().map(|place| adding.find_lines(&records[*place])).collect();
        self.insert_lines(company_id, view.lines.len(), &adding.lines)?;
        self.read_open(&mut adding)?;
        let encoded = places.iter().zip(charges).map(|(place, charges)| {
            let fits = adding.add(records[*place].bucket, &charges);
            fits.then(|| encode_charges(charges.into_iter()))
        });
        let encoded = encoded.collect();
        self.write_open(&mut adding)?;
        if adding.lines.len() > view.lines.len() {
            let line_count = i64::try_from(adding.lines.len()).unwrap_or(i64::MAX);
            execute_exactly(
                self.connection.as_mut(),
                1,
                "UPDATE company_state SET line_count = $2 WHERE company_id = $1",
                &[company_id.into(), line_count.into()],
            )?;
            self.companies.insert(company_id, CompanyView { lines: adding.lines, ..view.clone() });
        }
        Ok(encoded)
    }

    /// Reads the open hours of the lines that are added to. Where most of a stretch of lines is, the stretch is read at
    /// once; else each line is sought.
    fn read_open(&mut self, adding: &mut Adding<'_>) -> StoreResult<()> {
        let company_id = adding.company_id;
        let keys: Vec<(i64, LineNo)> = adding.open.keys().copied().collect();
        let mut sought: Vec<SqlValues<'_>> = Vec::new();
        for of_bucket in keys.chunk_by(|a, b| a.0 == b.0) {
            let (bucket_start, first, last) =
                (of_bucket[0].0, of_bucket[0].1, of_bucket[of_bucket.len() - 1].1);
            if (last - first) as usize / STRETCH_PER_LINE > of_bucket.len() {
                sought.extend(of_bucket.iter().map(|(bucket_start, line_no)| {
                    [company_id, *bucket_start, i64::from(*line_no)].map(SqlValue::Int).to_vec()
                }));
                continue;
            }
            let sql = "SELECT line_no, quantity, records FROM open_usage WHERE company_id = $1 \
                       AND bucket_start = $2 AND line_no >= $3 AND line_no <= $4 ORDER BY line_no";
            let stretch = [company_id, bucket_start, first.into(), last.into()].map(SqlValue::Int);
            self.connection.query(sql, &stretch, &mut |row| {
                let key = (bucket_start, line_no_of(row.int(0)?)?);
                if let Some(open) = adding.open.get_mut(&key) {
                    *open = Open::there(row.int(1)?, row.int(2)?);
                }
                Ok(Flow::More)
            })?;
        }
        self.connection.query_each(
            "SELECT line_no, quantity, records, bucket_start FROM open_usage WHERE company_id = $1 \
             AND bucket_start = $2 AND line_no = $3",
            &sought,
            &mut |_, row| {
                let key = (row.int(3)?, line_no_of(row.int(0)?)?);
                if let Some(open) = adding.open.get_mut(&key) {
                    *open = Open::there(row.int(1)?, row.int(2)?);
                }
                Ok(())
            },
        )
    }

    /// Writes what was added, and that there is something to close.
    fn write_open(&mut self, adding: &mut Adding<'_>) -> StoreResult<()> {
        let company_id = adding.company_id;
        adding.sum_hours()?;
        let rows: Vec<SqlValues<'_>> = adding
            .open
            .iter()
            .filter(|(_, open)| open.quantity != open.before)
            .map(|((bucket_start, line_no), open)| {
                let row = [company_id, *bucket_start, i64::from(*line_no), open.quantity, open.records];
                row.map(SqlValue::Int).to_vec()
            })
            .collect();
        // Many rows a statement: on a server each statement costs more than its rows.
        let many = rows.len() / ROWS_AT_ONCE * ROWS_AT_ONCE;
        let (many, rest) = rows.split_at(many);
        let many: Vec<SqlValues<'_>> = many.chunks(ROWS_AT_ONCE).map(<[SqlValues<'_>]>::concat).collect();
        self.connection.execute_each(&PUT_MANY_OPEN, &many)?;
        self.connection.execute_each(&PUT_OPEN, rest)?;
        for change in adding.hours.values().filter(|change| change.is_used) {
            self.add_to_hour(company_id, change)?;
            self.note_due(company_id, change.bucket, adding.arrival)?;
        }
        Ok(())
    }

    fn add_to_hour(&mut self, company_id: i64, change: &HourChange) -> StoreResult<()> {
        let Bucket { start_s, end_s } = change.bucket;
        let sql = "SELECT amount FROM open_hour WHERE company_id = $1 AND bucket_start = $2";
        let there = first(self.connection.as_mut(), sql, &[company_id.into(), start_s.into()], |row| {
            decode_amount(row.blob(0)?)
        })?;
        let amount = (there.unwrap_or_default() + change.amount).to_le_bytes();
        execute_exactly(
            self.connection.as_mut(),
            1,
            "INSERT INTO open_hour (company_id, bucket_start, bucket_end, amount) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (company_id, bucket_start) DO UPDATE SET amount = excluded.amount",
            &[company_id.into(), start_s.into(), end_s.into(), amount.as_slice().into()],
        )
    }

    fn note_due(&mut self, company_id: i64, bucket: Bucket, arrival: &Arrival<'_>) -> StoreResult<()> {
        let ordinary_s = bucket.end_s.saturating_add(arrival.grace_s);
        let due_s = if ordinary_s > arrival.now_s {
            ordinary_s
        } else {
            arrival.now_s.saturating_add(arrival.gather_s)
        };
        let (holder, until_s) = arrival.hold.map_or(("", 0), |hold| (hold.holder, hold.until_s));
        // Whoever comes without a hold leaves that of another one as it is.
        let sql = "INSERT INTO due_hour (company_id, bucket_start, bucket_end, due, held_by, held_until) \
                   VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (company_id, bucket_start) DO UPDATE SET \
                   held_by = CASE WHEN excluded.held_until > 0 THEN excluded.held_by ELSE due_hour.held_by END, \
                   held_until = CASE WHEN excluded.held_until > 0 THEN excluded.held_until \
                   ELSE due_hour.held_until END";
        let row = [
            company_id.into(),
            bucket.start_s.into(),
            bucket.end_s.into(),
            due_s.into(),
            holder.into(),
            until_s.into(),
        ];
        self.connection.execute(sql, &row)?;
        Ok(())
    }

    /// An import that brings what is there already touches its hours all the same: whoever brought it first may have died
    /// over them.
    fn hold_repeated(
        &mut self,
        company_id: i64,
        records: &[RatedUsage],
        outcomes: &[UsageOutcome],
        arrival: &Arrival<'_>,
    ) -> StoreResult<()> {
        let Some(hold) = arrival.hold else { return Ok(()) };
        let repeated =
            records.iter().zip(outcomes).filter(|(_, outcome)| **outcome == UsageOutcome::Duplicate);
        let buckets: BTreeSet<i64> = repeated.map(|(record, _)| record.bucket.start_s).collect();
        let sets: Vec<SqlValues<'_>> = buckets
            .into_iter()
            .map(|bucket_start| {
                vec![company_id.into(), bucket_start.into(), hold.holder.into(), hold.until_s.into()]
            })
            .collect();
        self.connection.execute_each(
            "UPDATE due_hour SET held_by = $3, held_until = $4 WHERE company_id = $1 AND bucket_start = $2",
            &sets,
        )?;
        Ok(())
    }

    fn count_records(
        &mut self,
        company_id: i64,
        hours: impl Iterator<Item = i64>,
        now_s: i64,
    ) -> StoreResult<()> {
        let mut counts: BTreeMap<i64, i64> = BTreeMap::new();
        for hour in hours {
            *counts.entry(hour).or_default() += 1;
        }
        let rows: Vec<SqlValues<'_>> = counts
            .into_iter()
            .map(|(hour, records)| [company_id, hour, records, now_s].map(SqlValue::Int).to_vec())
            .collect();
        self.connection.execute_each(
            "INSERT INTO usage_hour (company_id, hour, records, written, gone) VALUES ($1, $2, $3, $4, 0) \
             ON CONFLICT (company_id, hour) DO UPDATE SET records = usage_hour.records + excluded.records, \
             written = CASE WHEN excluded.written > usage_hour.written THEN excluded.written \
             ELSE usage_hour.written END",
            &rows,
        )?;
        Ok(())
    }

    pub(super) fn has_any_usage(&mut self) -> StoreResult<bool> {
        for company in super::tenants::companies(self.connection.as_mut())? {
            let sql = "SELECT hour FROM usage_hour WHERE company_id = $1 LIMIT 1";
            if first(self.connection.as_mut(), sql, &[company.company_id.into()], |_| Ok(()))?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl Adding<'_> {
    /// The lines of a record's charges, new ones included, and a place for each in the open hours.
    fn find_lines(&mut self, record: &RatedUsage) -> Vec<(LineNo, i64)> {
        let Rated::Charged(charges) = &record.rated else { return Vec::new() };
        let bucket = record.bucket;
        self.hours.entry(bucket.start_s).or_insert(HourChange { bucket, is_used: false, amount: 0 });
        charges
            .iter()
            .map(|charge| {
                let line_no = match self.lines.find(&charge.line) {
                    Some(line_no) => line_no,
                    None => Arc::make_mut(&mut self.lines).push(charge.line.clone()),
                };
                self.open.entry((bucket.start_s, line_no)).or_default();
                (line_no, charge.quantity)
            })
            .collect()
    }

    /// Adds a record wholly or not at all.
    fn add(&mut self, bucket: Bucket, charges: &[(LineNo, i64)]) -> bool {
        let sum = |(line_no, quantity): &(LineNo, i64)| {
            let open = self.open.get(&(bucket.start_s, *line_no))?;
            let sum = open.quantity.checked_add(*quantity)?;
            amount_of(self.lines.get(*line_no)?, sum, self.arrival.catalogue)?;
            Some(sum)
        };
        let Some(sums) = charges.iter().map(sum).collect::<Option<Vec<i64>>>() else { return false };
        for ((line_no, _), sum) in charges.iter().zip(sums) {
            if let Some(open) = self.open.get_mut(&(bucket.start_s, *line_no)) {
                open.quantity = sum;
                open.records += 1;
            }
        }
        if let (false, Some(hour)) = (charges.is_empty(), self.hours.get_mut(&bucket.start_s)) {
            hour.is_used = true;
        }
        true
    }

    /// What the batch adds to what each hour would come to.
    fn sum_hours(&mut self) -> StoreResult<()> {
        for ((bucket_start, line_no), open) in &self.open {
            let amount = |quantity| amount_of_line(&self.lines, *line_no, quantity, self.arrival.catalogue);
            let added = amount(open.quantity)? - amount(open.before)?;
            if let Some(hour) = self.hours.get_mut(bucket_start) {
                hour.amount += added;
            }
        }
        Ok(())
    }
}

pub(super) fn amount_of_line(
    lines: &Lines,
    line_no: LineNo,
    quantity: i64,
    catalogue: &Catalogue,
) -> StoreResult<i128> {
    let line = lines.get(line_no);
    line.and_then(|line| amount_of(line, quantity, catalogue))
        .ok_or_else(|| StoreError::Damaged(format!("open usage of line {line_no} has no amount")))
}

pub(super) fn identity_values(usage: &Usage) -> SqlValues<'_> {
    vec![usage.company_id.into(), usage.hour().into(), usage.source.as_str().into(), usage.id.as_str().into()]
}

fn record_values<'a>(record: &'a RatedUsage, charges: &'a [u8]) -> SqlValues<'a> {
    let rest = [
        SqlValue::Blob(&record.digest),
        pricing_state(&record.rated).into(),
        record.bucket.start_s.into(),
        charges.into(),
    ];
    let mut values = identity_values(&record.usage);
    values.extend(rest);
    values
}
