//! Verification of charging: every usage record is in one state, open hours and orders equal the sums of their records, the
//! ledger adds up to the balances, and the deductions of settled orders equal the ledger.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use tollbook_domain::account::{AccountKind, Cause, PerKind};
use tollbook_domain::time::{DAY_S, HOUR_S, hour_of};
use tollbook_domain::{Amount, Catalogue, Deductions, Status};

use super::corrections::Corrected;
use super::report::Report;
use crate::accounts::{AccountReads, LedgerEntry, LedgerRange, StoredDeposit};
use crate::error::StoreResult;
use crate::lines::LineNo;
use crate::orders::OrderLookup;
use crate::sql::accounts::decode_pruned;
use crate::sql::driver::connection::{Flow, SqlValue, all, first};
use crate::sql::orders::line_rows::line_no_of;
use crate::sql::session::Session;
use crate::sql::usage::rows::{FREE, UNPRICED, VOIDED, amount_of_line, decode_amount};
use crate::usage_pack::{Rest, decode_charges};

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

/// Ledger entries that are read at a time.
const ENTRIES_PER_READ: i64 = 10_000;
/// Usage orders per statement.
const ORDERS_PER_READ: i64 = 1_000;

impl Session {
    /// Compares orders that are or were paid with the ledger entries of their payment.
    pub(crate) fn verify_settled(
        &mut self,
        company_id: i64,
        paid: &[(String, Deductions)],
        report: &mut Report,
    ) -> StoreResult<()> {
        let settled = self.settled(company_id, paid.iter().map(|(number, _)| number.as_str()))?;
        for (number, deductions) in paid {
            let Some(entries) = settled.get(number) else { continue };
            report.settled.orders += 1;
            let of_order = deductions.map(Amount::steps);
            let mut of_ledger = PerKind::<i128>::default();
            let mut is_named = true;
            for kept in self.ledger(company_id, *entries)? {
                is_named &= kept.is_deduction() && kept.entry.reference == *number;
                *of_ledger.get_mut(kept.entry.kind) -= i128::from(kept.entry.amount);
            }
            // A refunded order has no deductions; the ledger has the deductions and the refund.
            let is_refunded = deductions.total_steps() == 0;
            let same = AccountKind::ALL.iter().all(|kind| {
                i128::from(of_order.get(*kind)) == if is_refunded { 0 } else { of_ledger.get(*kind) }
            });
            if !is_named || !same {
                report.differ(|| {
                    format!("company {company_id}: order {number}: its deductions differ from the ledger")
                });
            }
            for kind in AccountKind::ALL {
                *report.settled.deducted.get_mut(kind) += i128::from(of_order.get(kind));
            }
        }
        Ok(())
    }

    /// Reads the whole ledger and checks the balance of each entry, the current balances, grants, deposits, and the
    /// deductions of settled orders.
    pub(crate) fn verify_accounts(&mut self, company_id: i64, report: &mut Report) -> StoreResult<()> {
        let state = self.account_state(company_id)?;
        let mut balances = PerKind::<i128>::default();
        let mut net = PerKind::<i128>::default();
        let mut grants: HashMap<i64, i128> = HashMap::new();
        let mut corrected = Corrected::default();
        let mut deposits = 0;
        let mut next = 0;
        loop {
            let range = LedgerRange { first: next, count: ENTRIES_PER_READ };
            let entries = self.ledger(company_id, range)?;
            if entries.is_empty() {
                break;
            }
            for kept in entries {
                let entry = &kept.entry;
                let balance = balances.get_mut(entry.kind);
                *balance += i128::from(entry.amount);
                if kept.entry_no != next || i128::from(entry.balance) != *balance {
                    report.differ(|| {
                        format!("company {company_id}: ledger entry {next}: does not follow the one before")
                    });
                }
                let outside = if entry.kind == AccountKind::Credit { *balance > 0 } else { *balance < 0 };
                // A refund may make credit positive; the entry after it moves the excess to cash.
                if outside && entry.cause != Cause::Refund {
                    let name = entry.kind.name();
                    report.differ(|| {
                        format!("company {company_id}: ledger entry {next}: {name} is out of its bounds")
                    });
                }
                if matches!(entry.cause, Cause::Deduction | Cause::Refund) {
                    *net.get_mut(entry.kind) += i128::from(entry.amount);
                }
                corrected.add(entry);
                deposits += i64::from(entry.cause == Cause::Deposit);
                if entry.kind.is_granted() {
                    *grants.entry(entry.grant_id).or_default() += i128::from(entry.amount);
                }
                next = kept.entry_no + 1;
            }
        }
        if next != state.entries {
            report.differ(|| {
                format!("company {company_id}: {} ledger entries noted, {next} counted", state.entries)
            });
        }
        self.verify_grants(company_id, state.account.grant_count, &grants, report)?;
        self.verify_ended_grants(company_id, &corrected, report)?;
        self.verify_deposits(company_id, deposits, report)?;
        self.verify_revocations(company_id, report)?;
        let pruned = self.read_pruned(company_id)?;
        for kind in AccountKind::ALL {
            let (balance, name) = (state.account.balances.get(kind), kind.name());
            if i128::from(balance) != balances.get(kind) {
                report.differ(|| {
                    format!("company {company_id}: {name}: balance {balance}, the ledger says {balances:?}")
                });
            }
            let deducted = report.settled.deducted.get(kind) + pruned.get(kind);
            if -net.get(kind) != deducted {
                let ledger = -net.get(kind);
                report.differ(|| {
                    format!(
                        "company {company_id}: {name}: {ledger} deducted by the ledger, {deducted} by settled orders"
                    )
                });
            }
        }
        if state.account.over_limit() > 0 && !corrected.owes_a_reversal() {
            report.differ(|| format!("company {company_id}: more credit is used than the limit"));
        }
        self.verify_corrections(company_id, corrected, report)?;
        let sql = "SELECT count(*) FROM settlement WHERE company_id = $1";
        let settled = first(self.connection.as_mut(), sql, &[company_id.into()], |row| row.int(0))?;
        if settled != Some(report.settled.orders) {
            let orders = report.settled.orders;
            report.differ(|| {
                format!("company {company_id}: {settled:?} settlements noted, {orders} orders are settled")
            });
        }
        Ok(())
    }

    fn read_pruned(&mut self, company_id: i64) -> StoreResult<PerKind<i128>> {
        let sql = "SELECT pruned_deductions FROM account WHERE company_id = $1";
        let pruned =
            first(self.connection.as_mut(), sql, &[company_id.into()], |row| decode_pruned(row.blob(0)?))?;
        Ok(pruned.unwrap_or_default())
    }

    fn verify_grants(
        &mut self,
        company_id: i64,
        noted: i64,
        ledger: &HashMap<i64, i128>,
        report: &mut Report,
    ) -> StoreResult<()> {
        let sql = "SELECT grant_id, remaining FROM account_grant WHERE company_id = $1 ORDER BY grant_id";
        let mut grants = 0;
        let given = i64::try_from(ledger.len()).unwrap_or(i64::MAX);
        self.connection.query(sql, &[company_id.into()], &mut |row| {
            let (grant_id, remaining) = (row.int(0)?, row.int(1)?);
            grants += 1;
            if ledger.get(&grant_id) != Some(&remaining.into()) || remaining < 0 {
                report.differ(|| format!("company {company_id}: grant {grant_id}: differs from the ledger"));
            }
            Ok(Flow::More)
        })?;
        if grants != given || noted != given {
            report.differ(|| {
                format!("company {company_id}: {grants} grants, {noted} noted, {given} are in the ledger")
            });
        }
        Ok(())
    }

    /// Compares each deposit with its ledger entries and its grant.
    fn verify_deposits(&mut self, company_id: i64, in_ledger: i64, report: &mut Report) -> StoreResult<()> {
        let sql = "SELECT deposit_key FROM deposit WHERE company_id = $1 ORDER BY deposit_key";
        let keys: Vec<String> =
            all(self.connection.as_mut(), sql, &[company_id.into()], |row| Ok(row.text(0)?.to_owned()))?;
        for key in &keys {
            let Some(StoredDeposit { deposit, entries, .. }) = self.deposit(company_id, key)? else {
                continue;
            };
            let kept = self.ledger(company_id, entries)?;
            let mut same = i64::try_from(kept.len()) == Ok(entries.count);
            for (place, LedgerEntry { entry, .. }) in kept.iter().enumerate() {
                let cause = if place == 0 { Cause::Deposit } else { Cause::Adjustment };
                same &= entry.cause == cause && entry.reference == *key;
            }
            if let Some(LedgerEntry { entry, .. }) = kept.first() {
                same &= (entry.kind, entry.amount) == (deposit.kind, deposit.amount.steps());
                let grants = self.grants(company_id, &[entry.grant_id])?;
                same &= grants.len() == usize::from(deposit.kind.is_granted());
                for grant in grants {
                    same &= (grant.kind, grant.granted) == (deposit.kind, deposit.amount.steps());
                    same &= (&grant.expires_s, &grant.products, &grant.models)
                        == (&deposit.expires_s, &deposit.products, &deposit.models);
                }
            }
            if !same || kept.is_empty() {
                report.differ(|| format!("company {company_id}: deposit {key:?}: differs from the ledger"));
            }
        }
        if i64::try_from(keys.len()) != Ok(in_ledger) {
            let deposits = keys.len();
            report.differ(|| {
                format!("company {company_id}: {deposits} deposits noted, {in_ledger} are in the ledger")
            });
        }
        Ok(())
    }

    /// Checks that each revocation has its order, revoked at the same time.
    fn verify_revocations(&mut self, company_id: i64, report: &mut Report) -> StoreResult<()> {
        let sql = "SELECT source_no, time FROM revocation WHERE company_id = $1 ORDER BY source_no";
        let noted: Vec<(String, i64)> = all(self.connection.as_mut(), sql, &[company_id.into()], |row| {
            Ok((row.text(0)?.to_owned(), row.int(1)?))
        })?;
        let numbers: Vec<&str> = noted.iter().map(|(number, _)| number.as_str()).collect();
        let orders = self.orders_by_numbers(company_id, &numbers)?;
        for ((number, time_s), stored) in noted.iter().zip(orders) {
            if stored.is_none_or(|stored| stored.order.revocation_time_s != Some(*time_s)) {
                report.differ(|| {
                    format!("company {company_id}: order {number}: its revocation differs from it")
                });
            }
        }
        Ok(())
    }

    /// Sums usage records by bucket and line, and compares the sums with open usage and usage orders.
    pub(crate) fn verify_usage(
        &mut self,
        company_id: i64,
        catalogue: &Catalogue,
        report: &mut Report,
    ) -> StoreResult<()> {
        let sql = "SELECT hour, records, expired FROM usage_hour WHERE company_id = $1 ORDER BY hour";
        let hours: Vec<(i64, i64, bool)> = all(self.connection.as_mut(), sql, &[company_id.into()], |row| {
            Ok((row.int(0)?, row.int(1)?, row.int(2)? != 0))
        })?;
        let expired: Vec<i64> =
            hours.iter().filter(|(_, _, expired)| *expired).map(|(hour, _, _)| *hour).collect();
        let noted: BTreeMap<i64, i64> = hours
            .iter()
            .filter(|(_, _, expired)| !*expired)
            .map(|(hour, noted, _)| (*hour, *noted))
            .collect();
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
        self.verify_usage_orders(company_id, report)
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
    fn verify_open_hours(
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

    /// Checks that each order that was made from usage exists, with its hour and its quantity.
    fn verify_usage_orders(&mut self, company_id: i64, report: &mut Report) -> StoreResult<()> {
        let mut after = [i64::MIN; 3];
        loop {
            let sql = "SELECT bucket_start, line_no, sequence_no, order_no, quantity FROM usage_order \
                       WHERE company_id = $1 AND (bucket_start, line_no, sequence_no) > ($2, $3, $4) \
                       ORDER BY bucket_start, line_no, sequence_no LIMIT $5";
            let [bucket_start, line_no, sequence_no] = after;
            let values = [company_id, bucket_start, line_no, sequence_no, ORDERS_PER_READ].map(SqlValue::Int);
            let rows = all(self.connection.as_mut(), sql, &values, |row| {
                let key = [row.int(0)?, row.int(1)?, row.int(2)?];
                Ok((key, row.text(3)?.to_owned(), row.int(4)?))
            })?;
            let Some((last, _, _)) = rows.last() else { return Ok(()) };
            after = *last;
            let numbers: Vec<&str> = rows.iter().map(|(_, number, _)| number.as_str()).collect();
            let orders = self.orders_by_numbers(company_id, &numbers)?;
            for (([bucket_start, _, _], number, quantity), order) in rows.iter().zip(orders) {
                // Corrections take records out of an order that is revoked already, which itself does not change.
                let same = order.is_some_and(|stored| {
                    let order = stored.order;
                    let has_usage = if order.status == Status::Revoked {
                        (0..=order.quantity).contains(quantity)
                    } else {
                        order.quantity == *quantity
                    };
                    order.start_time_s == *bucket_start && has_usage
                });
                if !same {
                    report.differ(|| {
                        format!("company {company_id}: order {number} is not what was made of usage")
                    });
                }
            }
        }
    }
}
