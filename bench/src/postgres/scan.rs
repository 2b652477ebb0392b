//! Reading a long list entirely, as an export does, beside a bare SELECT of the same columns.

use std::pin::pin;

use futures_util::TryStreamExt as _;
use serde_json::{Value, json};
use tollbook_domain::Status;
use tollbook_store::Store;

use super::bare::{Bare, COLUMNS, read_order};
use super::company::Company;
use super::sums::range_of_orders;
use crate::check::same;
use crate::report::Table;
use crate::result::Result;
use crate::timing::{Sampling, Timings, grouped, per_second, times};

/// The most rows that are read.
const ROWS: u64 = 1_000_000;

/// Times of a scan.
pub(super) struct Scanned {
    pub(super) rows: u64,
    pub(super) store: Timings,
    pub(super) bare: Timings,
}

impl Scanned {
    fn methods(&self) -> [(&'static str, &Timings); 2] {
        [("store", &self.store), ("bare SELECT", &self.bare)]
    }

    pub(super) fn json(&self) -> Vec<Value> {
        let measurement = |(method, timings): (&str, &Timings)| json!({ "case": "scan", "method": method, "rows": self.rows, "unit": "us", "times": timings.micros() });
        self.methods().map(measurement).to_vec()
    }

    pub(super) fn table(&self) -> Table {
        let header = ["what", "milliseconds: median (p95, min)", "rows/s", "time / bare SELECT"];
        let mut table = Table::new(format!("Reading {} orders in list order", grouped(self.rows)), &header);
        for (what, timings) in self.methods() {
            table.row(vec![
                what.to_owned(),
                timings.shown(),
                format!("{:.0}", per_second(self.rows, timings.median())),
                times(timings.median(), self.bare.median()),
            ]);
        }
        table
    }
}

/// Rows and the sum of their total prices.
type Found = (u64, i128);

pub(super) fn measure(
    store: &dyn Store,
    bare: &Bare,
    company: &Company,
    sampling: Sampling,
) -> Result<Scanned> {
    eprintln!("scan");
    let range = range_of_orders(ROWS, company.orders.count)?;
    let query = company.query(range, &[Status::Paid], false);
    let sql = bare.prepare(
        &format!(
            "SELECT {COLUMNS} FROM orders WHERE company_id = $1 AND status = {} AND start_time >= $2 \
             AND start_time < $3 ORDER BY start_time DESC, order_no DESC",
            Status::Paid.number()
        ),
        &[company.orders.company_id, range.start_s(), range.end_s()],
    )?;
    let of_bare = || -> Result<Found> {
        bare.work(async |client| {
            let mut rows = pin!(client.query_raw(&sql.statement, sql.values.iter()).await?);
            let mut found = (0, 0);
            while let Some(row) = rows.try_next().await? {
                found = (found.0 + 1, found.1 + i128::from(read_order(&row)?.1));
            }
            Ok(found)
        })
    };
    let of_store = || -> Result<Found> {
        let mut found = (0, 0);
        store.snapshot()?.scan(&query, &mut |stored| {
            found = (found.0 + 1, found.1 + i128::from(stored.order.total.steps()));
            Ok(())
        })?;
        Ok(found)
    };
    let expected = of_bare()?;
    Ok(Scanned {
        rows: expected.0,
        store: sampling.time(of_store, |found| same(&found, &expected))?,
        bare: sampling.time(of_bare, |found| same(&found, &expected))?,
    })
}
