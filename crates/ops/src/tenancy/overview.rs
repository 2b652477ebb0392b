//! What an operator sees at first: the companies with what they were charged and owe, and what needs a person.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use tollbook_domain::tenant::Company;
use tollbook_domain::{LineFilter, Measures, OrderQuery, Status, StatusSet, TimeRange};
use tollbook_store::{ExportJob, ExportState, HourFilter, Snapshot, StoreResult};

/// Hours that are counted at most.
const COUNTED_HOURS: i64 = 10_000;
/// Background exports of each company that are looked through for failed ones.
const JOBS: i64 = 20;
/// Failed exports that are found at most.
const FAILED: usize = 20;
/// Most companies that are summed for one page.
pub const MAX_COMPANIES: usize = 1_000;

/// A company with its sums.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompanySums {
    /// The company.
    pub company: Company,
    /// What it was charged in the range, paid and unpaid.
    pub charged: Measures,
    /// What it owes, of all time.
    pub owed: Measures,
}

/// Companies with their sums.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SummedCompanies {
    /// The first [`MAX_COMPANIES`], by number.
    pub companies: Vec<CompanySums>,
    /// How many companies there are.
    pub all: usize,
}

impl SummedCompanies {
    /// Whether there are more than were summed.
    pub const fn is_cut(&self) -> bool {
        self.companies.len() < self.all
    }
}

/// Hours that are over and not closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpenHours {
    /// Number of hours, at most 10,000.
    pub hours: usize,
    /// Whether there are more.
    pub has_more: bool,
    /// End of the oldest, Unix seconds.
    pub oldest_end_s: Option<i64>,
}

/// The companies with what they were charged in a range.
///
/// # Errors
/// Those of the store.
pub fn company_sums(snapshot: &mut dyn Snapshot, range: TimeRange) -> StoreResult<SummedCompanies> {
    let mut companies = snapshot.companies()?;
    let all = companies.len();
    companies.truncate(MAX_COMPANIES);
    let summed = companies.into_iter().map(|company| sums_of(snapshot, company, range));
    Ok(SummedCompanies { companies: summed.collect::<StoreResult<_>>()?, all })
}

/// The same for one company.
///
/// # Errors
/// Those of the store.
pub fn sums_of(snapshot: &mut dyn Snapshot, company: Company, range: TimeRange) -> StoreResult<CompanySums> {
    let charged = charged(snapshot, company.company_id, range)?;
    let owed = sum(snapshot, company.company_id, TimeRange::everything(), &[Status::Unpaid])?;
    Ok(CompanySums { company, charged, owed })
}

/// What a company was charged in a range, paid and unpaid.
///
/// # Errors
/// Those of the store.
pub fn charged(snapshot: &mut dyn Snapshot, company_id: i64, range: TimeRange) -> StoreResult<Measures> {
    sum(snapshot, company_id, range, &[Status::Paid, Status::Unpaid])
}

fn sum(
    snapshot: &mut dyn Snapshot,
    company_id: i64,
    range: TimeRange,
    statuses: &[Status],
) -> StoreResult<Measures> {
    let query = OrderQuery {
        company_id,
        range,
        statuses: StatusSet::of(statuses),
        lines: LineFilter::default(),
        order_numbers: Vec::new(),
    };
    let mut sum = Measures::default();
    for (_, measures) in snapshot.sums(&query)? {
        sum.add(&measures);
    }
    Ok(sum)
}

/// Sums by currency of measures with their currencies: amounts of different currencies are not added.
pub fn by_currency<'c>(measures: impl Iterator<Item = (&'c str, Measures)>) -> BTreeMap<&'c str, Measures> {
    let mut sums: BTreeMap<&str, Measures> = BTreeMap::new();
    for (currency, measures) in measures {
        sums.entry(currency).or_default().add(&measures);
    }
    sums
}

/// Hours that ended by a time and are not closed: those that still collect late usage, and those that wait for the worker.
///
/// # Errors
/// Those of the store.
pub fn open_hours(snapshot: &mut dyn Snapshot, now_s: i64) -> StoreResult<OpenHours> {
    let mut hours = snapshot.due_hours(HourFilter::EndedBy(now_s), now_s, COUNTED_HOURS + 1)?;
    let oldest_end_s = hours.iter().map(|hour| hour.bucket.end_s).min();
    let has_more = i64::try_from(hours.len()).unwrap_or(i64::MAX) > COUNTED_HOURS;
    if has_more {
        hours.pop();
    }
    Ok(OpenHours { hours: hours.len(), has_more, oldest_end_s })
}

/// Background exports of companies that failed, the newest first.
///
/// # Errors
/// Those of the store.
pub fn failed_exports(snapshot: &mut dyn Snapshot, company_ids: &[i64]) -> StoreResult<Vec<ExportJob>> {
    let mut failed = Vec::new();
    for company_id in company_ids {
        let jobs = snapshot.export_jobs(*company_id, JOBS)?;
        failed.extend(jobs.into_iter().filter(|job| job.state == ExportState::Failed));
    }
    failed.sort_by_key(|job| Reverse(job.submitted.created_s));
    failed.truncate(FAILED);
    Ok(failed)
}

#[cfg(test)]
mod tests {
    use tollbook_store::{StoreOptions, open_sqlite};

    use super::*;

    #[test]
    fn more_companies_than_are_summed_are_counted() {
        let folder = tempfile::tempdir().unwrap();
        let store = open_sqlite(&folder.path().join("tollbook.db"), &StoreOptions::default()).unwrap();
        let add = |companies: usize| {
            let mut transaction = store.begin().unwrap();
            for number in 0..companies {
                transaction.add_company(&format!("c{number}"), "CNY", "default").unwrap();
            }
            transaction.commit().unwrap();
            company_sums(store.snapshot().unwrap().as_mut(), TimeRange::everything()).unwrap()
        };
        let summed = add(MAX_COMPANIES);
        assert_eq!(
            (summed.companies.len(), summed.all, summed.is_cut()),
            (MAX_COMPANIES, MAX_COMPANIES, false)
        );
        let summed = add(1);
        assert_eq!(
            (summed.companies.len(), summed.all, summed.is_cut()),
            (MAX_COMPANIES, MAX_COMPANIES + 1, true)
        );
    }
}
