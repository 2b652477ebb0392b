//! The companies of the benchmark, their orders and the queries for them.

use tollbook_domain::{LineFilter, OrderQuery, Status, StatusSet, TimeRange};
use tollbook_ops::Config;
use tollbook_ops::demo::BenchOrders;
use tollbook_store::Store;

use crate::fixture;
use crate::lists::cases::{MODELS, ORGANIZATIONS, REGION};
use crate::result::Result;

/// A company and its orders.
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

    /// SQL for the lines that pass the filter of [`Company::query`].
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

    /// Number of orders in the store.
    pub(super) fn stored(&self, store: &dyn Store) -> Result<u64> {
        let everything = self.query(TimeRange::everything(), &Status::ALL, false);
        Ok(u64::try_from(store.snapshot()?.count(&everything)?)?)
    }
}

/// The companies: the first has half of `orders`, `others` further ones have equal parts of the rest.
pub(super) fn companies(store: &dyn Store, orders: u64, others: u64) -> Result<Vec<Company>> {
    let config = Config::default();
    let large = orders - orders / 2;
    let (small, rest) = (orders / 2 / others, orders / 2 % others);
    let mut companies = Vec::new();
    for number in 0..=others {
        let name = match number {
            0 => fixture::COMPANY.to_owned(),
            number => format!("{} {number:04}", fixture::COMPANY),
        };
        let (company, organization_ids) = fixture::company(store, &config, &name)?;
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
