//! What an operator sees at first: the companies with what they were charged and owe, and what needs a person.

use std::collections::BTreeMap;

use tollbook_domain::tenant::Company;
use tollbook_domain::{LineFilter, Measures, OrderQuery, Status, StatusSet, TimeRange};
use tollbook_store::{HourFilter, Snapshot, StoreResult};

/// Hours that are counted at most.
const COUNTED_HOURS: i64 = 10_000;
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

/// Hours that are over and not closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpenHours {
    /// Number of hours, at most 10,000.
    pub hours: usize,
    /// End of the oldest, Unix seconds.
    pub oldest_end_s: Option<i64>,
}

/// The companies, by number, with what they were charged in a range: the first [`MAX_COMPANIES`] of them.
///
/// # Errors
/// Those of the store.
pub fn company_sums(snapshot: &mut dyn Snapshot, range: TimeRange) -> StoreResult<Vec<CompanySums>> {
    let mut companies = snapshot.companies()?;
    companies.truncate(MAX_COMPANIES);
    companies.into_iter().map(|company| sums_of(snapshot, company, range)).collect()
}

/// The same for one company.
///
/// # Errors
/// Those of the store.
pub fn sums_of(snapshot: &mut dyn Snapshot, company: Company, range: TimeRange) -> StoreResult<CompanySums> {
    let query = |range: TimeRange, statuses: &[Status]| OrderQuery {
        company_id: company.company_id,
        range,
        statuses: StatusSet::of(statuses),
        lines: LineFilter::default(),
        order_numbers: Vec::new(),
    };
    let mut sum = |query: &OrderQuery| -> StoreResult<Measures> {
        let mut sum = Measures::default();
        for (_, measures) in snapshot.sums(query)? {
            sum.add(&measures);
        }
        Ok(sum)
    };
    let charged = sum(&query(range, &[Status::Paid, Status::Unpaid]))?;
    let owed = sum(&query(TimeRange::everything(), &[Status::Unpaid]))?;
    Ok(CompanySums { company, charged, owed })
}

/// Sums by currency: amounts of different currencies are not added.
pub fn by_currency(
    companies: &[CompanySums],
    of: impl Fn(&CompanySums) -> Measures,
) -> BTreeMap<String, Measures> {
    let mut sums: BTreeMap<String, Measures> = BTreeMap::new();
    for company in companies {
        sums.entry(company.company.currency.clone()).or_default().add(&of(company));
    }
    sums
}

/// Hours that ended by a time and are not closed: those that still collect late usage, and those that wait for the worker.
///
/// # Errors
/// Those of the store.
pub fn open_hours(snapshot: &mut dyn Snapshot, now_s: i64) -> StoreResult<OpenHours> {
    let hours = snapshot.due_hours(HourFilter::EndedBy(now_s), now_s, COUNTED_HOURS)?;
    let oldest_end_s = hours.iter().map(|hour| hour.bucket.end_s).min();
    Ok(OpenHours { hours: hours.len(), oldest_end_s })
}
