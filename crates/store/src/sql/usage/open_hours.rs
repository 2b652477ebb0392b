//! Open hours: the usage of each line and hour that is not ordered yet, and the amount it adds up to.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use tollbook_domain::Bucket;
use tollbook_domain::rating::Rated;

use crate::charging::{Arrival, RatedUsage};
use crate::error::StoreResult;
use crate::lines::{LineNo, Lines};
use crate::sql::driver::connection::{Flow, SqlValue, SqlValues, execute_exactly, first};
use crate::sql::orders::line_rows::line_no_of;
use crate::sql::session::{CompanyView, Session};
use crate::sql::usage::rows::{amount_of, amount_of_line, decode_amount};
use crate::usage_pack::encode_charges;

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

impl Session {
    /// Adds records to the open hours of their lines; for each what it was added to, or `None` if an order could not hold
    /// it. Records that are not charged are added to nothing.
    pub(crate) fn add_to_hours(
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
