//! The companies, and filling them through the store: the import that is measured.

use std::time::Duration;

use tollbook_domain::{Catalogue, LineFilter, OrderQuery, Status, StatusSet, TimeRange};
use tollbook_ops::demo::BenchOrders;
use tollbook_ops::{Clock as _, Config, SystemClock};
use tollbook_store::Store;

use super::Options;
use super::bare::Bare;
use super::copy::Copied;
use crate::Result;
use crate::lists::cases::{MODELS, ORGANIZATIONS, REGION};
use crate::site;

/// A company with the orders that it has or is to have.
pub(super) struct Company {
    pub(super) orders: BenchOrders,
}

impl Company {
    /// A query for its orders.
    pub(super) fn query(&self, range: TimeRange, statuses: &[Status], filtered: bool) -> OrderQuery {
        let mut lines = LineFilter::default();
        if filtered {
            lines = lines
                .model_ids(MODELS.map(ToOwned::to_owned).to_vec())
                .regions(vec![REGION.to_owned()])
                .organization_ids(self.filtered_organizations().collect());
        }
        OrderQuery {
            company_id: self.orders.company_id,
            range,
            statuses: StatusSet::of(statuses),
            lines,
            order_numbers: Vec::new(),
        }
    }

    /// The same filter in SQL: the lines that pass it.
    pub(super) fn filtered_lines(&self) -> String {
        let models = MODELS.map(|model| format!("'{model}'")).join(", ");
        let organizations: Vec<String> = self.filtered_organizations().map(|id| id.to_string()).collect();
        format!(
            "SELECT line_no FROM line WHERE company_id = {} AND model_id IN ({models}) AND region = '{REGION}' \
             AND organization_id IN ({})",
            self.orders.company_id,
            organizations.join(", "),
        )
    }

    fn filtered_organizations(&self) -> impl Iterator<Item = i64> {
        self.orders.organization_ids.iter().copied().take(ORGANIZATIONS)
    }

    fn stored(&self, store: &dyn Store) -> Result<u64> {
        let everything = self.query(TimeRange::everything(), &Status::ALL, false);
        Ok(u64::try_from(store.snapshot()?.count(&everything)?)?)
    }
}

/// The large company first: half of the orders; the others have equal parts of the rest.
pub(super) fn companies(store: &dyn Store, options: &Options) -> Result<Vec<Company>> {
    let config = Config::default();
    let large = options.orders - options.orders / 2;
    let (small, rest) = (options.orders / 2 / options.companies, options.orders / 2 % options.companies);
    let mut companies = Vec::new();
    for number in 0..=options.companies {
        let name = match number {
            0 => site::COMPANY.to_owned(),
            number => format!("{} {number:04}", site::COMPANY),
        };
        let (company, organization_ids) = site::company(store, &config, &name)?;
        let count = match number {
            0 => large,
            number => small + u64::from(number <= rest),
        };
        let defaults = BenchOrders::default();
        companies.push(Company {
            orders: BenchOrders {
                seed: number + 1,
                company_id: company.company_id,
                organization_ids,
                count,
                lines: if number == 0 { defaults.lines } else { (count / 50).clamp(1, defaults.lines) },
                ..defaults
            },
        });
    }
    Ok(companies)
}

/// Whether all companies are filled; `false` if none has any order.
pub(super) fn is_filled(store: &dyn Store, companies: &[Company]) -> Result<bool> {
    let mut filled = 0;
    for company in companies {
        match company.stored(store)? {
            0 => {}
            stored if stored == company.orders.count => filled += 1,
            stored => {
                let (id, wanted) = (company.orders.company_id, company.orders.count);
                return Err(
                    format!("company {id} has {stored} orders and not {wanted}: drop the database").into()
                );
            }
        }
    }
    match filled {
        0 => Ok(false),
        all if all == companies.len() => Ok(true),
        some => Err(format!("{some} of {} companies have orders: drop the database", companies.len()).into()),
    }
}

/// Fills the companies one after the other.
pub(super) fn fill(store: &dyn Store, companies: &[Company], bare: &Bare) -> Result<Copied> {
    let catalogue = Catalogue::built_in();
    let size = || bare.integer("SELECT pg_database_size(current_database())");
    bare.checkpoint();
    let (log, bytes) = (bare.log_position()?, size()?);
    let mut filled = Copied::default();
    let clock = SystemClock;
    let mut said_s = clock.now_s();
    for company in companies {
        site::write(store, company.orders.orders(&catalogue), |orders, time| {
            filled.orders += orders;
            filled.transactions.push(time);
            if clock.now_s() >= said_s + 10 {
                said_s = clock.now_s();
                let seconds = filled.transactions.iter().sum::<Duration>().as_secs_f64();
                eprintln!("{} orders in {seconds:.0} s", filled.orders);
            }
        })?;
    }
    filled.log_bytes = bare.log_position()? - log;
    filled.table_bytes = size()? - bytes;
    if is_filled(store, companies)? { Ok(filled) } else { Err("no order was stored".into()) }
}
