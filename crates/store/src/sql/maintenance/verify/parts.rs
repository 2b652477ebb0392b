//! Verification in parts: what `verify` compares in one snapshot, cut into parts that take a fraction of a second each, so
//! that a server can verify its database all the time. A part that is too large is divided, or continues in a part that
//! follows it.

use std::collections::BTreeSet;

use tollbook_domain::time::{DAY_S, HOUR_S, day_of, month_of_day};
use tollbook_domain::{Catalogue, Status};

use super::report::Report;
use super::usage::FIRST_USAGE_ORDER;
use crate::error::StoreResult;
use crate::maintenance::Verify as _;
use crate::orders::OrderLookup as _;
use crate::sql::digests::{self, DIGESTED};
use crate::sql::driver::connection::{Flow, SqlValue, all, first};
use crate::sql::driver::schema::TABLES;
use crate::sql::driver::table::Scope;
use crate::sql::orders::periods::{DAY, HOUR, MONTH};
use crate::sql::session::Session;
use crate::verification::{Part, PartSizes, RowWalk, VerificationPart, VerifiedPart};

/// Lines that are read at a time.
const LINES: i64 = 5_000;
/// Numbers of orders that are looked up at a time.
const NUMBERS: i64 = 1_000;

/// What is to be verified as well.
#[derive(Default)]
struct Rest {
    parts: Vec<Part>,
    is_skipped: bool,
}

impl Rest {
    fn skipped() -> Self {
        Self { parts: Vec::new(), is_skipped: true }
    }
}

impl From<Vec<Part>> for Rest {
    fn from(parts: Vec<Part>) -> Self {
        Self { parts, is_skipped: false }
    }
}

impl From<Option<Part>> for Rest {
    fn from(part: Option<Part>) -> Self {
        part.into_iter().collect::<Vec<_>>().into()
    }
}

fn wrapped(parts: impl IntoIterator<Item = Part>) -> Vec<VerificationPart> {
    parts.into_iter().map(VerificationPart).collect()
}

impl Session {
    #[expect(clippy::unused_self, reason = "a part of a database is listed from a snapshot of it")]
    pub(crate) fn list_deployment_parts(&self) -> Vec<VerificationPart> {
        let digested = DIGESTED.into_iter().filter(|table| table.scope == Scope::Deployment);
        let digests = digested.map(|table| Part::Digest { table, company_id: 0 });
        wrapped(std::iter::once(Part::Storage).chain(digests))
    }

    pub(crate) fn list_company_parts(
        &mut self,
        company_id: i64,
        sizes: &PartSizes,
    ) -> StoreResult<Vec<VerificationPart>> {
        let digested = DIGESTED.into_iter().filter(|table| table.scope == Scope::Company);
        let mut parts: Vec<Part> = digested.map(|table| Part::Digest { table, company_id }).collect();
        let sql = "SELECT entries FROM account WHERE company_id = $1";
        let entries = first(self.connection.as_mut(), sql, &[company_id.into()], |row| row.int(0))?;
        let hours = self.noted_hours(company_id)?.noted;
        let records = hours.values().fold(0, |sum: i64, records| sum.saturating_add(*records));
        let view = self.view(company_id)?;
        if view.order_count.max(records).max(entries.unwrap_or(0)) <= sizes.company_rows {
            parts.push(Part::Company(company_id));
            return Ok(wrapped(parts));
        }
        for status in Status::ALL {
            let days = self.periods(company_id, status, DAY)?;
            let months = self.periods(company_id, status, MONTH)?.into_iter();
            let months: BTreeSet<i64> = months.chain(days.iter().copied().map(month_of_day)).collect();
            parts.extend(days.into_iter().map(|day| Part::Day { company_id, status, day }));
            parts.extend(months.into_iter().map(|month| Part::Month { company_id, status, month }));
        }
        let days: BTreeSet<i64> = hours.keys().map(|hour| day_of(hour * HOUR_S)).collect();
        parts.extend(days.into_iter().map(|day| Part::UsageDay { company_id, day }));
        let lines = i64::try_from(view.lines.len()).unwrap_or(i64::MAX);
        let begins = (0..=lines / LINES).map(|place| place * LINES);
        parts.extend(begins.map(|from| Part::Lines { company_id, from }));
        parts.extend([
            Part::OrderCount(company_id),
            Part::OpenHours(company_id),
            Part::UsageOrders { company_id, after: FIRST_USAGE_ORDER },
            Part::Ledger { company_id, walk: Box::default() },
            Part::Settlements { company_id, after: String::new() },
            Part::Numbers { company_id, after: String::new() },
            Part::Exports(company_id),
        ]);
        Ok(wrapped(parts))
    }

    /// The periods that have a rollup.
    fn periods(&mut self, company_id: i64, status: Status, unit: i64) -> StoreResult<Vec<i64>> {
        let sql =
            "SELECT period FROM rollup WHERE company_id = $1 AND status = $2 AND unit = $3 ORDER BY period";
        let values = [company_id, status.number(), unit].map(SqlValue::Int);
        all(self.connection.as_mut(), sql, &values, |row| row.int(0))
    }

    pub(crate) fn verified_part(
        &mut self,
        part: &VerificationPart,
        catalogue: &Catalogue,
        sizes: &PartSizes,
        limit: usize,
    ) -> StoreResult<VerifiedPart> {
        let mut report = Report::new(limit);
        let rest = self.verify_one(&part.0, catalogue, sizes, &mut report)?;
        Ok(VerifiedPart {
            differences: report.found.differences,
            follow_ups: wrapped(rest.parts),
            is_skipped: rest.is_skipped,
        })
    }

    fn verify_one(
        &mut self,
        part: &Part,
        catalogue: &Catalogue,
        sizes: &PartSizes,
        report: &mut Report,
    ) -> StoreResult<Rest> {
        match part {
            Part::Storage => {
                return Ok(match self.connection.check_part(None, report.limit, sizes.storage_time)? {
                    Some(found) => {
                        report.found.differences = found;
                        Rest::default()
                    }
                    None => TABLES.map(Part::Table).into_iter().collect::<Vec<_>>().into(),
                });
            }
            Part::Table(table) => {
                return Ok(
                    match self.connection.check_part(Some(table), report.limit, sizes.storage_time)? {
                        Some(found) => {
                            report.found.differences = found;
                            Rest::default()
                        }
                        None => Some(Part::Rows(RowWalk::over(table))).into(),
                    },
                );
            }
            Part::Rows(walk) => return Ok(self.walk_rows(walk)?.map(Part::Rows).into()),
            Part::Digest { table, company_id } => {
                let found = digests::compare_one(self.connection.as_mut(), table, *company_id)?;
                report.found.differences.extend(found);
            }
            Part::Company(company_id) => {
                report.found = self.verify(*company_id, catalogue, report.limit)?;
            }
            Part::Day { company_id, status, day } => {
                return self.verify_day_or_its_hours(*company_id, *status, *day, catalogue, sizes, report);
            }
            Part::Hour { company_id, status, hour } => {
                let stored = self.rollups(*company_id, *status, HOUR, *hour..*hour + 1)?;
                if stored.get(hour).is_some_and(|measures| measures.orders > sizes.hour_orders) {
                    return Ok(Rest::skipped());
                }
                self.verify_hour(*company_id, *status, *hour, catalogue, report)?;
            }
            Part::Month { company_id, status, month } => {
                self.verify_month(*company_id, *status, *month, report)?;
            }
            Part::OrderCount(company_id) => self.verify_order_count(*company_id, report)?,
            Part::UsageDay { company_id, day } => {
                let hours = self.noted_hours(*company_id)?;
                let of_day = hours.noted.range(day * DAY_S / HOUR_S..(day + 1) * DAY_S / HOUR_S);
                let records = of_day.fold(0, |sum: i64, (_, records)| sum.saturating_add(*records));
                if records > sizes.day_records {
                    return Ok(Rest::skipped());
                }
                self.verify_usage_day(*company_id, *day, &hours, report)?;
            }
            Part::OpenHours(company_id) => {
                let expired = self.noted_hours(*company_id)?.expired;
                self.verify_open_hours(*company_id, catalogue, &expired, report)?;
            }
            Part::UsageOrders { company_id, after } => {
                let next = self.verify_usage_orders(*company_id, *after, report)?;
                return Ok(next.map(|after| Part::UsageOrders { company_id: *company_id, after }).into());
            }
            Part::Ledger { company_id, walk } => {
                let mut walk = walk.clone();
                self.verify_deductions(*company_id, walk.next, report)?;
                if !self.walk_ledger(*company_id, &mut walk, report)? {
                    return Ok(Some(Part::Ledger { company_id: *company_id, walk }).into());
                }
                self.verify_ledger_end(*company_id, *walk, report)?;
            }
            Part::Settlements { company_id, after } => {
                let next = self.verify_settlements(*company_id, after, report)?;
                return Ok(next.map(|after| Part::Settlements { company_id: *company_id, after }).into());
            }
            Part::Lines { company_id, from } => {
                self.verify_some_lines(*company_id, *from, from + LINES, report)?;
            }
            Part::Numbers { company_id, after } => {
                let next = self.verify_some_numbers(*company_id, after, report)?;
                return Ok(next.map(|after| Part::Numbers { company_id: *company_id, after }).into());
            }
            Part::Exports(company_id) => self.verify_exports(*company_id, report)?,
        }
        Ok(Rest::default())
    }

    fn verify_day_or_its_hours(
        &mut self,
        company_id: i64,
        status: Status,
        day: i64,
        catalogue: &Catalogue,
        sizes: &PartSizes,
        report: &mut Report,
    ) -> StoreResult<Rest> {
        let stored = self.rollups(company_id, status, DAY, day..day + 1)?;
        let is_large = stored.get(&day).is_some_and(|measures| measures.orders > sizes.day_orders);
        if is_large && self.view(company_id)?.tiled {
            // All of them, not only those with a rollup: one whose rollup is missing is found by its orders.
            let hours = day * DAY_S / HOUR_S..(day + 1) * DAY_S / HOUR_S;
            return Ok(hours.map(|hour| Part::Hour { company_id, status, hour }).collect::<Vec<_>>().into());
        }
        self.verify_day(company_id, status, day, catalogue, report)?;
        Ok(Rest::default())
    }

    /// Checks that each of some numbers has an order. Returns the last one; `None` if there are no more.
    fn verify_some_numbers(
        &mut self,
        company_id: i64,
        after: &str,
        report: &mut Report,
    ) -> StoreResult<Option<String>> {
        let sql =
            "SELECT number FROM order_number WHERE company_id = $1 AND number > $2 ORDER BY number LIMIT $3";
        let mut numbers: Vec<String> = Vec::new();
        let values = [company_id.into(), after.into(), SqlValue::Int(NUMBERS)];
        self.connection.query(sql, &values, &mut |row| {
            numbers.push(row.text(0)?.to_owned());
            Ok(Flow::More)
        })?;
        let wanted: Vec<&str> = numbers.iter().map(String::as_str).collect();
        // A number without an order is an error of the look-up.
        for (number, order) in wanted.iter().zip(self.orders_by_numbers(company_id, &wanted)?) {
            let has_it = order
                .is_some_and(|stored| stored.order.number == *number || stored.order.counterpart == *number);
            if !has_it {
                report
                    .differ(|| format!("company {company_id}: the number {number} is not that of its order"));
            }
        }
        let is_whole = i64::try_from(numbers.len()) == Ok(NUMBERS);
        Ok(numbers.pop().filter(|_| is_whole))
    }
}
