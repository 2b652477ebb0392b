//! A deployment to measure: a data directory with one company, four organizations, and any number of orders of twelve
//! whole months.

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

use crate::Result;

/// Orders of one transaction, as an import writes them.
pub(crate) const BATCH: usize = 10_000;
/// The file that the `tollbook` binary has in its data directory, too.
const DATABASE: &str = "tollbook.db";
/// The company to measure.
pub(crate) const COMPANY: &str = "Bench";
const ORGANIZATIONS: [&str; 4] = ["Products", "Research", "Support", "Platform"];
/// 2026-01-01T00:00:00Z, the end of the default [`BenchOrders`].
const YEAR_END_S: i64 = 1_767_225_600;

/// A store with its one company.
pub(crate) struct Site {
    pub(crate) directory: PathBuf,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) config: Config,
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) company: Company,
    pub(crate) organization_ids: Vec<i64>,
}

/// What loading took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Loaded {
    pub(crate) orders: u64,
    /// In transactions, from begin to commit; making the orders is not counted.
    pub(crate) writing: Duration,
}

impl Site {
    /// Opens a directory, and makes the company where there is none.
    pub(crate) fn open(directory: &Path) -> Result<Self> {
        fs::create_dir_all(directory)?;
        Self::with(directory, open_sqlite(&directory.join(DATABASE), &StoreOptions::default())?)
    }

    /// The same on PostgreSQL; only files are in the directory.
    pub(crate) fn on_postgres(directory: &Path, url: &str) -> Result<Self> {
        fs::create_dir_all(directory)?;
        Self::with(directory, open_postgres(url, None, &StoreOptions::default())?)
    }

    fn with(directory: &Path, store: Arc<dyn Store>) -> Result<Self> {
        let config = Config::default();
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

    /// What orders this site is to have.
    pub(crate) fn bench_orders(&self, count: u64) -> BenchOrders {
        BenchOrders {
            company_id: self.company.company_id,
            organization_ids: self.organization_ids.clone(),
            count,
            ..BenchOrders::default()
        }
    }

    /// Every order of these statuses.
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

    /// Fills an empty site, or finds that it has what it should have. `None`: nothing had to be done.
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
                return Err(format!("{directory} has {found} orders and not {expected}: delete it").into());
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
            found => Err(format!("{found} orders were stored and not {expected}").into()),
        }
    }
}

/// The company of this name, made where there is none, and its four organizations.
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

/// Writes orders in transactions of [`BATCH`], and says of each how many orders it had and how long it took. Making the
/// orders is not counted.
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

/// The twelve months.
pub(crate) fn year() -> Result<TimeRange> {
    range(BenchOrders::default().start_s, YEAR_END_S)
}

pub(crate) fn range(start_s: i64, end_s: i64) -> Result<TimeRange> {
    TimeRange::new(start_s, end_s).ok_or_else(|| format!("{start_s} to {end_s} is no range").into())
}
