//! Filling the companies through the store, which is the import that is measured.

use std::time::Duration;

use tollbook_domain::Catalogue;
use tollbook_ops::{Clock as _, SystemClock};
use tollbook_store::Store;

use super::bare::Bare;
use super::company::Company;
use super::write_cost::WriteCost;
use crate::fixture;
use crate::result::Result;

/// Whether all companies are filled; `false` if none has an order.
///
/// # Errors
/// If some companies or some of their orders are missing.
pub(super) fn is_filled(store: &dyn Store, companies: &[Company]) -> Result<bool> {
    let mut filled = 0;
    for company in companies {
        match company.stored(store)? {
            0 => {}
            stored if stored == company.orders.count => filled += 1,
            stored => {
                let (id, wanted) = (company.orders.company_id, company.orders.count);
                return Err(format!(
                    "company {id} has {stored} orders instead of {wanted}: drop the database"
                )
                .into());
            }
        }
    }
    match filled {
        0 => Ok(false),
        all if all == companies.len() => Ok(true),
        some => Err(format!("{some} of {} companies have orders: drop the database", companies.len()).into()),
    }
}

/// Fills the companies one after another.
pub(super) fn fill(store: &dyn Store, companies: &[Company], bare: &Bare) -> Result<WriteCost> {
    let catalogue = Catalogue::built_in();
    let size = || bare.integer("SELECT pg_database_size(current_database())");
    bare.checkpoint();
    let (log, bytes) = (bare.log_position()?, size()?);
    let mut cost = WriteCost::default();
    let clock = SystemClock;
    let mut reported_s = clock.now_s();
    for company in companies {
        fixture::write(store, company.orders.orders(&catalogue), |orders, time| {
            cost.orders += orders;
            cost.transactions.push(time);
            if clock.now_s() >= reported_s + 10 {
                reported_s = clock.now_s();
                let seconds = cost.transactions.iter().sum::<Duration>().as_secs_f64();
                eprintln!("{} orders in {seconds:.0} s", cost.orders);
            }
        })?;
    }
    cost.log_bytes = bare.log_position()? - log;
    cost.table_bytes = size()? - bytes;
    if is_filled(store, companies)? { Ok(cost) } else { Err("no order was stored".into()) }
}
