//! Total and amounts of a period, beside plain aggregates over the orders.

use serde_json::{Value, json};
use tokio_postgres::Row;
use tollbook_domain::time::DAY_S;
use tollbook_domain::{Measures, OrderQuery, Status, TimeRange};
use tollbook_store::Store;

use super::bare::{Bare, Query};
use super::company::Company;
use crate::check::same;
use crate::fixture;
use crate::lists::cases::{JUNE_S, ragged};
use crate::report::Table;
use crate::result::Result;
use crate::timing::{Sampling, Timings, times};

const SUMS: &str = "count(*), sum(quantity)::text, sum(total)::text, sum(original)::text, sum(star_card)::text, \
                    sum(coupon)::text, sum(bonus)::text, sum(cash)::text, sum(credit)::text";
/// The statuses of `GetOrderAmount`.
const BILLED: [Status; 2] = [Status::Unpaid, Status::Paid];

/// The times of one sum.
pub(super) struct SumTimes {
    pub(super) name: String,
    /// Whether it is over the whole year, as the target is.
    pub(super) of_year: bool,
    pub(super) store: Timings,
    pub(super) bare: Timings,
}

/// Measures all sums.
pub(super) fn measure(
    store: &dyn Store,
    bare: &Bare,
    company: &Company,
    sampling: Sampling,
) -> Result<Vec<SumTimes>> {
    let year = fixture::year()?;
    let ranges = [
        ("year", year),
        ("ragged year", ragged(year)?),
        ("month", fixture::range(JUNE_S, JUNE_S + 30 * DAY_S)?),
    ];
    let mut measured = Vec::new();
    for (name, range) in ranges {
        let of_year = name == "year";
        eprintln!("sums, {name}");
        let prepare = |what: &str, statuses: &[Status], end: &str| -> Result<(OrderQuery, Query)> {
            let numbers: Vec<String> = statuses.iter().map(|status| status.number().to_string()).collect();
            let sql = format!(
                "SELECT {what} FROM orders WHERE company_id = $1 AND status IN ({}) AND start_time >= $2 \
                 AND start_time < $3 {end}",
                numbers.join(", ")
            );
            let values = [company.orders.company_id, range.start_s(), range.end_s()];
            Ok((company.query(range, statuses, false), bare.prepare(&sql, &values)?))
        };

        let (query, sql) = prepare("count(*)", &[Status::Paid], "")?;
        let expected = bare.number(&sql)?;
        measured.push(SumTimes {
            name: format!("Total, {name}: count(*)"),
            of_year,
            store: sampling.time(|| Ok(store.snapshot()?.count(&query)?), |found| same(&found, &expected))?,
            bare: sampling.time(|| bare.number(&sql), |found| same(&found, &expected))?,
        });

        let (query, sql) = prepare("sum(total)::text", &BILLED, "")?;
        let sum = |sql: &Query| -> Result<i128> {
            match &bare.rows(sql)?[..] {
                [row] => sum_of(row, 0),
                rows => Err(format!("{} rows instead of one", rows.len()).into()),
            }
        };
        let expected = sum(&sql)?;
        measured.push(SumTimes {
            name: format!("amount, {name}: sum(total)"),
            of_year,
            store: sampling.time(
                || sums(store, &query),
                |found| same(&found.iter().map(|(_, measures)| measures.total).sum(), &expected),
            )?,
            bare: sampling.time(|| sum(&sql), |found| same(&found, &expected))?,
        });

        let (query, sql) = prepare(&format!("status, {SUMS}"), &BILLED, "GROUP BY status ORDER BY status")?;
        let all = || bare.rows(&sql)?.iter().map(measures_of).collect::<Result<Vec<_>>>();
        let expected = all()?;
        measured.push(SumTimes {
            name: format!("amounts, {name}: all nine by status"),
            of_year,
            store: sampling.time(|| sums(store, &query), |found| same(&found, &expected))?,
            bare: sampling.time(all, |found| same(&found, &expected))?,
        });
    }
    Ok(measured)
}

fn sums(store: &dyn Store, query: &OrderQuery) -> Result<Vec<(i64, Measures)>> {
    let sums = store.snapshot()?.sums(query)?;
    Ok(sums.into_iter().map(|(status, measures)| (status.number(), measures)).collect())
}

/// A sum as text, because the driver has no type for sums of `BIGINT`.
fn sum_of(row: &Row, column: usize) -> Result<i128> {
    Ok(row.try_get::<_, &str>(column)?.parse()?)
}

fn measures_of(row: &Row) -> Result<(i64, Measures)> {
    let mut sums = [0; tollbook_domain::measures::SUMS];
    for (column, sum) in sums.iter_mut().enumerate() {
        *sum = sum_of(row, column + 2)?;
    }
    Ok((row.try_get(0)?, Measures::from_sums(row.try_get(1)?, sums)))
}

pub(super) fn json(measured: &[SumTimes]) -> Vec<Value> {
    let rows = measured.iter().flat_map(|one| {
        [("store", &one.store), ("bare SQL", &one.bare)].map(|(method, timings)| {
            json!({ "case": one.name, "method": method, "unit": "us", "times": timings.micros() })
        })
    });
    rows.collect()
}

pub(super) fn table(measured: &[SumTimes]) -> Table {
    let header = ["Total or amount", "store", "bare SQL over the orders", "bare / store"];
    let mut table = Table::new("Totals and amounts, milliseconds: median (p95, min)", &header);
    for one in measured {
        let faster = times(one.bare.median(), one.store.median());
        table.row(vec![one.name.clone(), one.store.shown(), one.bare.shown(), faster]);
    }
    table
}

/// The range from the start of the year that has about `wanted` of `all` orders.
pub(super) fn range_of_orders(wanted: u64, all: u64) -> Result<TimeRange> {
    let year = fixture::year()?;
    let days = u64::try_from(year.span_s() / DAY_S)?;
    let days = (days * wanted.min(all)).div_ceil(all.max(1));
    fixture::range(year.start_s(), year.start_s() + i64::try_from(days)? * DAY_S)
}
