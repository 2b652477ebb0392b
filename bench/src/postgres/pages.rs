//! Pages with their Totals, and deep pages compared with the first.

use std::collections::BTreeMap;

use serde_json::json;
use tokio_postgres::Row;
use tollbook_domain::time::{DAY_S, day_of};
use tollbook_domain::{Status, TimeRange};
use tollbook_store::{Page, Store};

use super::bare::{Bare, COLUMNS, Query, read_order};
use super::company::Company;
use super::rollup_total::RollupTotal;
use crate::check::same;
use crate::fixture;
use crate::lists::cases::{JUNE_S, PAGE_SIZE, ragged};
use crate::report::Table;
use crate::result::Result;
use crate::timing::{Sampling, Timings, millis, times};

/// The deep page of the targets; pages are counted from 1.
const DEEP: i64 = 10_000;

/// Methods to get a page with its Total.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Method {
    Store,
    /// The page and `count(*)`.
    Count,
    /// The page and a sum over the store's rollups.
    Rollups,
    /// The page and that sum in one snapshot.
    RollupsAtOnce,
    /// The page without its Total.
    PageAlone,
}

impl Method {
    pub(super) const ALL: [Self; 5] =
        [Self::Store, Self::Count, Self::Rollups, Self::RollupsAtOnce, Self::PageAlone];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Store => "store",
            Self::Count => "page + count(*)",
            Self::Rollups => "page + rollups",
            Self::RollupsAtOnce => "page + rollups, one snapshot",
            Self::PageAlone => "page alone",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Position {
    First,
    Deep,
    Middle,
    Last,
}

/// A page that is requested.
pub(super) struct Case {
    pub(super) name: String,
    pub(super) range: TimeRange,
    pub(super) filtered: bool,
    position: Position,
}

impl Case {
    pub(super) fn is_first(&self) -> bool {
        self.position == Position::First
    }
}

/// All cases. The first page of a year is before the deeper ones of the same list.
pub(super) fn cases() -> Result<Vec<Case>> {
    let year = fixture::year()?;
    let ranges = [
        ("one day", TimeRange::of_day(day_of(JUNE_S + 14 * DAY_S))),
        ("month", fixture::range(JUNE_S, JUNE_S + 30 * DAY_S)?),
        ("ragged year", ragged(year)?),
        ("year", year),
    ];
    let mut cases = Vec::new();
    for filtered in [false, true] {
        let filters = if filtered { ", filters" } else { "" };
        for (name, range) in ranges {
            cases.push(Case {
                name: format!("page 1, {name}{filters}"),
                range,
                filtered,
                position: Position::First,
            });
        }
        for (name, position) in [
            ("page 10,000", Position::Deep),
            ("middle page", Position::Middle),
            ("last page", Position::Last),
        ] {
            cases.push(Case { name: format!("{name}, year{filters}"), range: year, filtered, position });
        }
    }
    Ok(cases)
}

/// The answer, which must be the same for all methods.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Found {
    total: Option<i64>,
    orders: usize,
    first: Option<String>,
    last: Option<String>,
    /// Sum of the orders' total prices.
    price: i128,
}

/// Everything that is needed to request pages.
pub(super) struct Pages<'a> {
    pub(super) store: &'a dyn Store,
    pub(super) bare: &'a Bare,
    pub(super) company: &'a Company,
    pub(super) sampling: Sampling,
}

impl Pages<'_> {
    /// Times a case by some methods; `None` if the list has no such page.
    pub(super) fn time(&self, case: &Case, methods: &[Method]) -> Result<Option<Measured<Method>>> {
        let count = self.count(case)?;
        let total = self.bare.number(&count)?;
        let pages = (total + PAGE_SIZE - 1) / PAGE_SIZE;
        let page = match case.position {
            Position::First => 1,
            Position::Deep => DEEP,
            Position::Middle => pages / 2,
            Position::Last => pages,
        };
        if page < 1 || page > pages {
            return Ok(None);
        }
        let offset = (page - 1) * PAGE_SIZE;
        let page = self.page(case, offset)?;
        let rolled = RollupTotal::prepare(self.bare, self.company, case.range, case.filtered)?;
        let alone = listed(&self.bare.rows(&page)?)?;
        let expected = Found { total: Some(total), ..alone.clone() };
        let mut measured = BTreeMap::new();
        for &method in methods {
            let timings = match method {
                Method::Store => self.store(case, offset, &expected)?,
                Method::Count => {
                    let work = || {
                        self.bare.work(async |client| {
                            let found = listed(&page.rows(client).await?)?;
                            Ok(Found { total: Some(count.number(client).await?), ..found })
                        })
                    };
                    self.sampling.time(work, |found| same(&found, &expected))?
                }
                Method::Rollups => {
                    let work = || {
                        self.bare.work(async |client| {
                            let found = listed(&page.rows(client).await?)?;
                            Ok(Found { total: Some(rolled.total(client).await?), ..found })
                        })
                    };
                    self.sampling.time(work, |found| same(&found, &expected))?
                }
                Method::RollupsAtOnce => {
                    let work = || {
                        self.bare.work(async |client| {
                            client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
                            let found = listed(&page.rows(client).await?)?;
                            let total = rolled.total(client).await?;
                            client.batch_execute("COMMIT").await?;
                            Ok(Found { total: Some(total), ..found })
                        })
                    };
                    self.sampling.time(work, |found| same(&found, &expected))?
                }
                Method::PageAlone => {
                    self.sampling.time(|| listed(&self.bare.rows(&page)?), |found| same(&found, &alone))?
                }
            };
            measured.insert(method, timings);
        }
        Ok(Some(measured))
    }

    fn store(&self, case: &Case, offset: i64, expected: &Found) -> Result<Timings> {
        let query = self.company.query(case.range, &[Status::Paid], case.filtered);
        let work = || Ok(self.store.snapshot()?.page(&query, offset, PAGE_SIZE)?);
        self.sampling.time(work, |page: Page| {
            let number = |stored: &tollbook_store::StoredOrder| stored.order.number.clone();
            let found = Found {
                total: Some(page.total),
                orders: page.orders.len(),
                first: page.orders.first().map(number),
                last: page.orders.last().map(number),
                price: page.orders.iter().map(|stored| i128::from(stored.order.total.steps())).sum(),
            };
            same(&found, expected)
        })
    }

    fn from(&self, case: &Case) -> (String, [i64; 3]) {
        let lines = if case.filtered {
            format!(" AND line_no IN ({})", self.company.filtered_lines())
        } else {
            String::new()
        };
        let from = format!(
            "FROM orders WHERE company_id = $1 AND status = {} AND start_time >= $2 AND start_time < $3{lines}",
            Status::Paid.number()
        );
        (from, [self.company.orders.company_id, case.range.start_s(), case.range.end_s()])
    }

    fn count(&self, case: &Case) -> Result<Query> {
        let (from, values) = self.from(case);
        self.bare.prepare(&format!("SELECT count(*) {from}"), &values)
    }

    fn page(&self, case: &Case, offset: i64) -> Result<Query> {
        let (from, [company, start_s, end_s]) = self.from(case);
        let sql =
            format!("SELECT {COLUMNS} {from} ORDER BY start_time DESC, order_no DESC LIMIT $4 OFFSET $5");
        self.bare.prepare(&sql, &[company, start_s, end_s, PAGE_SIZE, offset])
    }
}

/// Reads every value of a page.
fn listed(rows: &[Row]) -> Result<Found> {
    let mut found = Found { total: None, orders: rows.len(), first: None, last: None, price: 0 };
    for (place, row) in rows.iter().enumerate() {
        let (number, total) = read_order(row)?;
        found.price += i128::from(total);
        if place == 0 {
            found.first = Some(number.to_owned());
        }
        if place + 1 == rows.len() {
            found.last = Some(number.to_owned());
        }
    }
    Ok(found)
}

/// Times by method.
type Measured<M> = BTreeMap<M, Timings>;

/// A case with its times.
pub(super) type CaseTimes = (Case, Measured<Method>);

/// Measures all cases.
pub(super) fn measure(pages: &Pages<'_>, methods: &[Method]) -> Result<Vec<CaseTimes>> {
    let mut measured = Vec::new();
    for case in cases()? {
        eprintln!("{}", case.name);
        match pages.time(&case, methods)? {
            Some(times) => measured.push((case, times)),
            None => eprintln!("{}: the list has no such page", case.name),
        }
    }
    Ok(measured)
}

pub(super) fn json(when: &str, measured: &[CaseTimes]) -> Vec<serde_json::Value> {
    let rows = measured.iter().flat_map(|(case, times)| {
        times.iter().map(|(method, timings)| {
            json!({
                "case": case.name, "when": when, "method": method.name(), "unit": "us", "times": timings.micros(),
            })
        })
    });
    rows.collect()
}

pub(super) fn table(measured: &[CaseTimes]) -> Table {
    let header = [
        "page and Total",
        "store",
        "page + count(*)",
        "page + rollups",
        "… in one snapshot",
        "store / count(*)",
        "store / rollups",
        "store / one snapshot",
    ];
    let mut table = Table::new("First pages, milliseconds: median (p95, min)", &header);
    for (case, times_of) in measured.iter().filter(|(case, _)| case.is_first()) {
        let beside = [Method::Count, Method::Rollups, Method::RollupsAtOnce];
        let mut row = vec![case.name.clone(), times_of[&Method::Store].shown()];
        row.extend(beside.iter().map(|method| times_of[method].shown()));
        let store = times_of[&Method::Store].median();
        row.extend(beside.iter().map(|method| times(store, times_of[method].median())));
        table.row(row);
    }
    table
}

pub(super) fn deep_table(measured: &[CaseTimes]) -> Table {
    let header = [
        "page of a year",
        "store, with Total",
        "bare OFFSET, page alone",
        "page + count(*)",
        "page + rollups",
        "store / its page 1",
        "bare / its page 1",
        "store / page alone",
    ];
    let mut table = Table::new("Deep pages, milliseconds: median (p95, min)", &header);
    for filtered in [false, true] {
        let of_year = year_of(measured, filtered);
        let Some((_, first)) = of_year.first() else { continue };
        for (case, times_of) in &of_year {
            let median = |method| times_of[&method].median();
            let growth = |method| times(median(method), first[&method].median());
            let shown = [Method::Store, Method::PageAlone, Method::Count, Method::Rollups];
            let mut row = vec![case.name.clone()];
            row.extend(shown.iter().map(|method| times_of[method].shown()));
            row.extend([growth(Method::Store), growth(Method::PageAlone)]);
            row.push(times(median(Method::Store), median(Method::PageAlone)));
            table.row(row);
        }
    }
    table
}

/// The pages of the list of a year, the first page first.
pub(super) fn year_of(measured: &[CaseTimes], filtered: bool) -> Vec<&CaseTimes> {
    let of_year =
        measured.iter().filter(|(case, _)| case.filtered == filtered && case.name.contains(", year"));
    of_year.collect()
}

/// Table of the store's medians before and after a vacuum.
pub(super) fn vacuum_table(before: &[CaseTimes], after: &[CaseTimes]) -> Table {
    let header = ["page and Total", "before", "after", "before / after"];
    let mut table = Table::new("The store before and after VACUUM ANALYZE, milliseconds: medians", &header);
    for ((case, before), (_, after)) in before.iter().zip(after) {
        let [before, after] = [before, after].map(|times_of| times_of[&Method::Store].median());
        table.row(vec![case.name.clone(), millis(before), millis(after), times(before, after)]);
    }
    table
}
