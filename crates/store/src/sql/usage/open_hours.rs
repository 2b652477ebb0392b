//! Open hours: the usage of each line and hour that has no order yet, and its amount.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use hashbrown::HashMap;
use tollbook_domain::Bucket;
use tollbook_domain::rating::Rated;

use crate::error::StoreResult;
use crate::lines::{LineNo, Lines};
use crate::sql::driver::connection::{Flow, SqlValue, SqlValues, execute_exactly, first};
use crate::sql::leases::KEEP_OR_TAKE_OVER;
use crate::sql::orders::line_rows::{insert_lines, line_no_of};
use crate::sql::session::{CompanyView, Session};
use crate::sql::usage::rows::{amount_of, amount_of_line, decode_amount};
use crate::usage::{IntakeContext, RatedUsage};
use crate::usage_pack::encode_charges;

/// Rows per statement that writes open usage.
const ROWS_PER_STATEMENT: usize = 64;
/// A range of line numbers is read in full if, on average, at least one of this many lines is wanted.
const RANGE_PER_LINE: usize = 4;

static PUT_OPEN: LazyLock<String> = LazyLock::new(|| put_open(1));
static PUT_MANY_OPEN: LazyLock<String> = LazyLock::new(|| put_open(ROWS_PER_STATEMENT));

/// The statement that writes `rows` rows of open usage; it replaces rows that exist.
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

/// Start of an hour, and a line.
type OpenKey = (i64, LineNo);

/// Open usage of a line and hour, before and after this batch.
struct Open {
    key: OpenKey,
    before: i64,
    quantity: i64,
    records: i64,
}

impl Open {
    const fn new(key: OpenKey) -> Self {
        Self { key, before: 0, quantity: 0, records: 0 }
    }
}

/// The open usage to which a batch adds. Each charge is looked up once; afterwards it is known by its place.
#[derive(Default)]
struct OpenUsages {
    all: Vec<Open>,
    places: HashMap<OpenKey, usize>,
}

impl OpenUsages {
    /// The place of a line and hour, which is added if it is new.
    fn place(&mut self, key: OpenKey) -> usize {
        let place = *self.places.entry(key).or_insert(self.all.len());
        if place == self.all.len() {
            self.all.push(Open::new(key));
        }
        place
    }

    /// Sets what is stored of a line and hour, if the batch adds to it.
    fn set_stored(&mut self, key: OpenKey, quantity: i64, records: i64) {
        if let Some(open) = self.places.get(&key).and_then(|place| self.all.get_mut(*place)) {
            (open.before, open.quantity, open.records) = (quantity, quantity, records);
        }
    }

    /// By hour and line, the order of the table.
    fn sorted(&self) -> Vec<&Open> {
        let mut sorted: Vec<&Open> = self.all.iter().collect();
        sorted.sort_unstable_by_key(|open| open.key);
        sorted
    }
}

/// What a batch adds to an open hour.
struct HourChange {
    bucket: Bucket,
    is_used: bool,
    amount: i128,
}

/// Records of a batch that are being added to open hours.
struct Adding<'a> {
    company_id: i64,
    context: &'a IntakeContext<'a>,
    lines: Arc<Lines>,
    open: OpenUsages,
    hours: BTreeMap<i64, HourChange>,
}

impl Session {
    /// Adds records to the open hours of their lines. Returns the encoded charges of each, or `None` if an order could not
    /// hold the sum. Records that are not charged are added to no line.
    pub(crate) fn add_to_hours(
        &mut self,
        company_id: i64,
        view: &CompanyView,
        records: &[RatedUsage],
        places: &[usize],
        context: &IntakeContext<'_>,
    ) -> StoreResult<Vec<Option<Vec<u8>>>> {
        let mut adding = Adding {
            company_id,
            context,
            lines: Arc::clone(&view.lines),
            open: OpenUsages::default(),
            hours: BTreeMap::new(),
        };
        let charges: Vec<Vec<(usize, i64)>> =
            places.iter().map(|place| adding.find_lines(&records[*place])).collect();
        insert_lines(self.connection.as_mut(), company_id, view.lines.len(), &adding.lines)?;
        self.read_open(&mut adding)?;
        let encoded = places.iter().zip(charges).map(|(place, charges)| {
            let fits = adding.add(records[*place].bucket, &charges);
            let by_line = |(place, quantity): (usize, i64)| (adding.open.all[place].key.1, quantity);
            fits.then(|| encode_charges(charges.into_iter().map(by_line)))
        });
        let encoded = encoded.collect();
        self.write_open(&mut adding)?;
        self.set_lines(company_id, view, adding.lines)?;
        Ok(encoded)
    }

    /// Counts the new lines of a company, which are inserted, and keeps them for the rest of the transaction.
    pub(crate) fn set_lines(
        &mut self,
        company_id: i64,
        view: &CompanyView,
        lines: Arc<Lines>,
    ) -> StoreResult<()> {
        if lines.len() == view.lines.len() {
            return Ok(());
        }
        let line_count = i64::try_from(lines.len()).unwrap_or(i64::MAX);
        execute_exactly(
            self.connection.as_mut(),
            1,
            "UPDATE company_state SET line_count = $2 WHERE company_id = $1",
            &[company_id.into(), line_count.into()],
        )?;
        self.companies.insert(company_id, CompanyView { lines, ..view.clone() });
        Ok(())
    }

    /// Deletes an hour from `open_hour` and `due_hour` if it has no open usage. Returns whether it has none.
    pub(crate) fn delete_empty_hour(&mut self, company_id: i64, bucket_start_s: i64) -> StoreResult<bool> {
        let key = [company_id, bucket_start_s].map(SqlValue::Int);
        let sql = "SELECT line_no FROM open_usage WHERE company_id = $1 AND bucket_start = $2 LIMIT 1";
        if first(self.connection.as_mut(), sql, &key, |_| Ok(()))?.is_some() {
            return Ok(false);
        }
        self.connection.execute("DELETE FROM open_hour WHERE company_id = $1 AND bucket_start = $2", &key)?;
        self.connection.execute("DELETE FROM due_hour WHERE company_id = $1 AND bucket_start = $2", &key)?;
        Ok(true)
    }

    /// Reads the open usage to which the batch adds. If enough lines of a range are wanted, one statement reads the
    /// range; otherwise each line is looked up.
    fn read_open(&mut self, adding: &mut Adding<'_>) -> StoreResult<()> {
        let company_id = adding.company_id;
        let keys: Vec<OpenKey> = adding.open.sorted().into_iter().map(|open| open.key).collect();
        let mut looked_up: Vec<SqlValues<'_>> = Vec::new();
        for of_bucket in keys.chunk_by(|a, b| a.0 == b.0) {
            let (bucket_start, first, last) =
                (of_bucket[0].0, of_bucket[0].1, of_bucket[of_bucket.len() - 1].1);
            if (last - first) as usize / RANGE_PER_LINE > of_bucket.len() {
                looked_up.extend(of_bucket.iter().map(|(bucket_start, line_no)| {
                    [company_id, *bucket_start, i64::from(*line_no)].map(SqlValue::Int).to_vec()
                }));
                continue;
            }
            let sql = "SELECT line_no, quantity, records FROM open_usage WHERE company_id = $1 \
                       AND bucket_start = $2 AND line_no >= $3 AND line_no <= $4 ORDER BY line_no";
            let range = [company_id, bucket_start, first.into(), last.into()].map(SqlValue::Int);
            self.connection.query(sql, &range, &mut |row| {
                let key = (bucket_start, line_no_of(row.int(0)?)?);
                adding.open.set_stored(key, row.int(1)?, row.int(2)?);
                Ok(Flow::More)
            })?;
        }
        self.connection.query_each(
            "SELECT line_no, quantity, records, bucket_start FROM open_usage WHERE company_id = $1 \
             AND bucket_start = $2 AND line_no = $3",
            &looked_up,
            &mut |_, row| {
                let key = (row.int(3)?, line_no_of(row.int(0)?)?);
                adding.open.set_stored(key, row.int(1)?, row.int(2)?);
                Ok(())
            },
        )
    }

    /// Writes the sums of lines and hours, and marks the hours as due.
    fn write_open(&mut self, adding: &mut Adding<'_>) -> StoreResult<()> {
        let company_id = adding.company_id;
        adding.sum_hours()?;
        let rows: Vec<SqlValues<'_>> = adding
            .open
            .sorted()
            .into_iter()
            .filter(|open| open.quantity != open.before)
            .map(|open| {
                let (bucket_start, line_no) = open.key;
                let row = [company_id, bucket_start, i64::from(line_no), open.quantity, open.records];
                row.map(SqlValue::Int).to_vec()
            })
            .collect();
        // Many rows per statement: on a server a statement costs more than its rows.
        let many = rows.len() / ROWS_PER_STATEMENT * ROWS_PER_STATEMENT;
        let (many, rest) = rows.split_at(many);
        let many: Vec<SqlValues<'_>> =
            many.chunks(ROWS_PER_STATEMENT).map(<[SqlValues<'_>]>::concat).collect();
        self.connection.execute_each(&PUT_MANY_OPEN, &many)?;
        self.connection.execute_each(&PUT_OPEN, rest)?;
        for change in adding.hours.values().filter(|change| change.is_used) {
            self.add_to_hour(company_id, change)?;
            self.note_due(company_id, change.bucket, adding.context)?;
        }
        Ok(())
    }

    fn add_to_hour(&mut self, company_id: i64, change: &HourChange) -> StoreResult<()> {
        let Bucket { start_s, end_s } = change.bucket;
        let sql = "SELECT amount FROM open_hour WHERE company_id = $1 AND bucket_start = $2";
        let stored = first(self.connection.as_mut(), sql, &[company_id.into(), start_s.into()], |row| {
            decode_amount(row.blob(0)?)
        })?;
        let amount = (stored.unwrap_or_default() + change.amount).to_le_bytes();
        execute_exactly(
            self.connection.as_mut(),
            1,
            "INSERT INTO open_hour (company_id, bucket_start, bucket_end, amount) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (company_id, bucket_start) DO UPDATE SET amount = excluded.amount",
            &[company_id.into(), start_s.into(), end_s.into(), amount.as_slice().into()],
        )
    }

    pub(crate) fn note_due(
        &mut self,
        company_id: i64,
        bucket: Bucket,
        context: &IntakeContext<'_>,
    ) -> StoreResult<()> {
        let ordinary_s = bucket.end_s.saturating_add(context.grace_s);
        let due_s = if ordinary_s > context.now_s {
            ordinary_s
        } else {
            context.now_s.saturating_add(context.gather_s)
        };
        let (holder, until_s) = context.lease.map_or(("", 0), |lease| (lease.holder, lease.until_s));
        let sql = format!(
            "INSERT INTO due_hour (company_id, bucket_start, bucket_end, due, lease_holder, lease_until) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (company_id, bucket_start) DO UPDATE SET {KEEP_OR_TAKE_OVER}"
        );
        let row = [
            company_id.into(),
            bucket.start_s.into(),
            bucket.end_s.into(),
            due_s.into(),
            holder.into(),
            until_s.into(),
        ];
        self.connection.execute(&sql, &row)?;
        Ok(())
    }
}

impl Adding<'_> {
    /// Returns the places in the open usage and quantities of a record's charges. Adds new lines, and an entry for each
    /// line to the open usage.
    fn find_lines(&mut self, record: &RatedUsage) -> Vec<(usize, i64)> {
        let Rated::Charged(charges) = &record.rated else { return Vec::new() };
        let bucket = record.bucket;
        self.hours.entry(bucket.start_s).or_insert(HourChange { bucket, is_used: false, amount: 0 });
        charges
            .iter()
            .map(|charge| {
                let line_no = Lines::find_or_share(&mut self.lines, &charge.line);
                (self.open.place((bucket.start_s, line_no)), charge.quantity)
            })
            .collect()
    }

    /// Adds all charges of a record. Returns `false` and adds none if an order could not hold one of the sums.
    fn add(&mut self, bucket: Bucket, charges: &[(usize, i64)]) -> bool {
        let sum = |(place, quantity): &(usize, i64)| {
            let open = self.open.all.get(*place)?;
            let sum = open.quantity.checked_add(*quantity)?;
            amount_of(self.lines.get(open.key.1)?, sum, self.context.catalogue)?;
            Some(sum)
        };
        let Some(sums) = charges.iter().map(sum).collect::<Option<Vec<i64>>>() else { return false };
        for ((place, _), sum) in charges.iter().zip(sums) {
            if let Some(open) = self.open.all.get_mut(*place) {
                open.quantity = sum;
                open.records += 1;
            }
        }
        if let (false, Some(hour)) = (charges.is_empty(), self.hours.get_mut(&bucket.start_s)) {
            hour.is_used = true;
        }
        true
    }

    /// Computes what the batch adds to the amount of each hour.
    fn sum_hours(&mut self) -> StoreResult<()> {
        for open in &self.open.all {
            let (bucket_start, line_no) = open.key;
            let amount = |quantity| amount_of_line(&self.lines, line_no, quantity, self.context.catalogue);
            let added = amount(open.quantity)? - amount(open.before)?;
            if let Some(hour) = self.hours.get_mut(&bucket_start) {
                hour.amount += added;
            }
        }
        Ok(())
    }
}
