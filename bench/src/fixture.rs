//! The deployment that is measured: a data directory with one company, four organizations, and any number of orders in
//! twelve whole months.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tollbook_domain::tenant::Company;
use tollbook_domain::{Catalogue, LineFilter, NewOrder, OrderQuery, Status, StatusSet, TimeRange};
use tollbook_ops::demo::BenchOrders;
use tollbook_ops::tenancy::companies;
use tollbook_ops::{Config, config};
use tollbook_store::{Store, StoreOptions, open_postgres, open_sqlite};

use crate::result::Result;

/// Orders per transaction, as in an import.
pub(crate) const BATCH: usize = 10_000;
/// The database in the data directory; the `tollbook` binary uses the same name.
const DATABASE: &str = "tollbook.db";
/// Name of the company that is measured.
pub(crate) const COMPANY: &str = "Bench";
const ORGANIZATIONS: [&str; 4] = ["Products", "Research", "Support", "Platform"];
/// 2026-01-01T00:00:00Z, the end of the default [`BenchOrders`].
const YEAR_END_S: i64 = 1_767_225_600;

/// A store with one company.
pub(crate) struct Fixture {
    pub(crate) directory: PathBuf,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) config: Config,
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) company: Company,
    pub(crate) organization_ids: Vec<i64>,
}

/// Result of loading.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Loaded {
    pub(crate) orders: u64,
    /// Time in transactions, from begin to commit. Generating the orders is not counted.
    pub(crate) writing: Duration,
}

impl Fixture {
    /// Opens the SQLite database of a directory, and adds the company if it is missing.
    pub(crate) fn open(directory: &Path) -> Result<Self> {
        fs::create_dir_all(directory)?;
        Self::with(directory, open_sqlite(&directory.join(DATABASE), &StoreOptions::default())?)
    }

    /// Opens a PostgreSQL database, and adds the company if it is missing. The directory is for files.
    pub(crate) fn on_postgres(directory: &Path, url: &str) -> Result<Self> {
        fs::create_dir_all(directory)?;
        Self::with(directory, open_postgres(url, None, &StoreOptions::default())?)
    }

    fn with(directory: &Path, store: Arc<dyn Store>) -> Result<Self> {
        let mut config = Config::default();
        // What is measured is the server, not the limits of its customers.
        (config.limits.key_rate_per_s, config.limits.company_rate_per_s) = (0, 0);
        let (company, organization_ids) = company(store.as_ref(), &config, COMPANY)?;
        Ok(Self {
            directory: directory.to_owned(),
            store,
            config,
            catalogue: Arc::new(Catalogue::built_in()),
            company,
            organization_ids,
        })
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.directory.join(DATABASE)
    }

    /// The orders to load into this fixture.
    pub(crate) fn bench_orders(&self, count: u64) -> BenchOrders {
        BenchOrders {
            company_id: self.company.company_id,
            organization_ids: self.organization_ids.clone(),
            count,
            ..BenchOrders::default()
        }
    }

    /// A query for all orders of these statuses.
    pub(crate) fn everything(&self, statuses: &[Status]) -> OrderQuery {
        OrderQuery {
            company_id: self.company.company_id,
            range: TimeRange::everything(),
            statuses: StatusSet::of(statuses),
            lines: LineFilter::default(),
            order_numbers: Vec::new(),
        }
    }

    pub(crate) fn count(&self) -> Result<u64> {
        let count = self.store.snapshot()?.count(&self.everything(&Status::ALL))?;
        Ok(u64::try_from(count)?)
    }

    /// Fills an empty fixture. `None` if it already has the expected number of orders.
    pub(crate) fn load(
        &self,
        expected: u64,
        orders: impl Iterator<Item = NewOrder>,
    ) -> Result<Option<Loaded>> {
        match self.count()? {
            0 => {}
            found if found == expected => return Ok(None),
            found => {
                let directory = self.directory.display();
                return Err(format!("{directory} has {found} orders instead of {expected}: delete it").into());
            }
        }
        let mut loaded = Loaded { orders: 0, writing: Duration::ZERO };
        write(self.store.as_ref(), orders, |orders, time| {
            loaded.writing += time;
            loaded.orders += orders;
            if loaded.orders.is_multiple_of(1_000_000) {
                eprintln!("{} orders in {:.0} s", loaded.orders, loaded.writing.as_secs_f64());
            }
        })?;
        match self.count()? {
            found if found == expected => Ok(Some(loaded)),
            found => Err(format!("{found} orders were stored instead of {expected}").into()),
        }
    }
}

/// The company of a name and its four organizations, added if they are missing.
pub(crate) fn company(store: &dyn Store, config: &Config, name: &str) -> Result<(Company, Vec<i64>)> {
    let company = match companies::companies(store)?.into_iter().find(|company| company.name == name) {
        Some(company) => company,
        None => companies::add_company(store, Some(config), name, "CNY", config::DEFAULT_BRAND)?,
    };
    let mut organizations = companies::organizations(store, company.company_id)?;
    for name in ORGANIZATIONS.iter().skip(organizations.len()) {
        organizations.push(companies::add_organization(store, company.company_id, name)?);
    }
    let organization_ids = organizations.iter().map(|organization| organization.organization_id).collect();
    Ok((company, organization_ids))
}

/// Writes orders in transactions of [`BATCH`]. `written` is called after each with the number of orders and the time,
/// without that of generating the orders.
pub(crate) fn write(
    store: &dyn Store,
    mut orders: impl Iterator<Item = NewOrder>,
    mut written: impl FnMut(u64, Duration),
) -> Result {
    loop {
        let batch: Vec<NewOrder> = orders.by_ref().take(BATCH).collect();
        if batch.is_empty() {
            return Ok(());
        }
        let began = Instant::now();
        let mut transaction = store.begin()?;
        transaction.add_orders(&batch)?;
        transaction.commit()?;
        written(batch.len() as u64, began.elapsed());
    }
}

/// The twelve months of the orders.
pub(crate) fn year() -> Result<TimeRange> {
    range(BenchOrders::default().start_s, YEAR_END_S)
}

pub(crate) fn range(start_s: i64, end_s: i64) -> Result<TimeRange> {
    TimeRange::new(start_s, end_s).ok_or_else(|| format!("{start_s} to {end_s} is not a range").into())
}
