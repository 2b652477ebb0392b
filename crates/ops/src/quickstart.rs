//! The first start: a demo company with its organizations and keys, and a month of believable orders. Started again,
//! it completes what was interrupted and otherwise finds what is there. Printing and serving are the command line's.

use serde::{Deserialize, Serialize};
use tollbook_domain::tenant::{Company, Organization};
use tollbook_domain::time::{DAY_S, day_of};
use tollbook_domain::{Catalogue, NewOrder};
use tollbook_store::{Outcome, Store, StoreError, Transaction};

use crate::config::{Config, DEFAULT_BRAND};
use crate::demo::{DEMO_DAYS, DemoMonth};
use crate::secrets::{MasterKey, PrivateKey, SecretError};
use crate::tenants::{self, KeyRights, TenantError};

const SETTING: &str = "quickstart";
const COMPANY: &str = "Demo Company";
const ORGANIZATIONS: [&str; 2] = ["Products", "Research"];
const CURRENCY: &str = "CNY";
const SEED: u64 = 2_025;
/// Orders of one transaction: others get their turn several times a second.
const BATCH: usize = 5_000;

/// Why there is no demo.
#[derive(Debug, thiserror::Error)]
pub enum QuickstartError {
    /// The company or a key cannot be made.
    #[error(transparent)]
    Tenant(#[from] TenantError),
    /// The demo's keys cannot be opened.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// What an earlier start recorded means nothing to this program.
    #[error("the setting \"quickstart\" cannot be read: {0}")]
    Recorded(String),
    /// An order of the demo is in the database with other content.
    #[error("order {0} of the demo company is stored with other content")]
    Conflict(String),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What the demo consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quickstart {
    /// The company.
    pub company: Company,
    /// Its organizations.
    pub organizations: Vec<Organization>,
    /// Its keys that are still enabled: the company's own first, then one for each organization.
    pub keys: Vec<DemoKey>,
    /// Start of the month its orders are of, Unix seconds, inclusive.
    pub month_start_s: i64,
    /// End of that month, exclusive.
    pub month_end_s: i64,
    /// Orders that this start added: 0 when an earlier one did all.
    pub orders_added: usize,
}

/// A key of the demo, as its owner needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoKey {
    /// Sent with every request.
    pub public_key: String,
    /// Signs every request.
    pub private_key: PrivateKey,
    /// The organization it is bound to; `None`: the whole company.
    pub organization_id: Option<i64>,
}

/// What is stored in the transaction that makes the company: all that a later start needs to go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Recorded {
    company_id: i64,
    organization_ids: Vec<i64>,
    public_keys: Vec<String>,
    seed: u64,
    start_s: i64,
    channel: i64,
    complete: bool,
}

impl Recorded {
    fn month(&self) -> DemoMonth {
        DemoMonth {
            seed: self.seed,
            start_s: self.start_s,
            company_id: self.company_id,
            organization_ids: self.organization_ids.clone(),
            channel: self.channel,
            currency: CURRENCY.to_owned(),
        }
    }

    fn write(&self, transaction: &mut dyn Transaction) -> Result<(), QuickstartError> {
        let text =
            serde_json::to_string(self).map_err(|error| QuickstartError::Recorded(error.to_string()))?;
        Ok(transaction.set_setting(SETTING, &text)?)
    }
}

/// Makes the demo, or finishes or finds the one that is there.
///
/// The company, its organizations, its keys and the record of them are one transaction; the orders follow in batches.
/// They are the 30 whole UTC days before `now_s` of the *first* start. Killed at any moment and started again, this
/// ends with the same company, keys and orders. `progress` is told how many orders are stored, of how many.
///
/// # Errors
/// Nothing is half made that a second start would not complete.
pub fn quickstart(
    store: &dyn Store,
    master: &MasterKey,
    config: &Config,
    catalogue: &Catalogue,
    now_s: i64,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Quickstart, QuickstartError> {
    master.bind(store)?;
    let recorded = recorded_or_made(store, master, config, now_s)?;
    let orders_added = if recorded.complete { 0 } else { add_orders(store, &recorded, catalogue, progress)? };
    describe(store, master, &recorded, orders_added)
}

fn recorded_or_made(
    store: &dyn Store,
    master: &MasterKey,
    config: &Config,
    now_s: i64,
) -> Result<Recorded, QuickstartError> {
    if let Some(text) = store.snapshot()?.setting(SETTING)? {
        return read(&text);
    }
    let mut transaction = store.begin()?;
    // Of two first starts at once, the later one finds the other's company.
    transaction.hold(SETTING)?;
    if let Some(text) = transaction.setting(SETTING)? {
        return read(&text);
    }
    let company = transaction.add_company(COMPANY, CURRENCY, DEFAULT_BRAND)?;
    let company_id = company.company_id;
    let mut bindings = vec![Vec::new()];
    let mut organization_ids = Vec::new();
    for name in ORGANIZATIONS {
        let organization = tenants::add_organization_in(&mut *transaction, company_id, name)?;
        organization_ids.push(organization.organization_id);
        bindings.push(vec![organization.organization_id]);
    }
    let mut public_keys = Vec::new();
    for organization_ids in bindings {
        let rights = KeyRights { organization_ids, ..KeyRights::default() };
        public_keys.push(tenants::add_key_in(&mut *transaction, master, company_id, &rights)?.public_key);
    }
    let recorded = Recorded {
        company_id,
        organization_ids,
        public_keys,
        seed: SEED,
        start_s: ((day_of(now_s) - DEMO_DAYS) * DAY_S).max(0),
        channel: config.default_brand().channel,
        complete: false,
    };
    recorded.write(&mut *transaction)?;
    transaction.commit()?;
    Ok(recorded)
}

fn read(text: &str) -> Result<Recorded, QuickstartError> {
    serde_json::from_str(text).map_err(|error| QuickstartError::Recorded(error.to_string()))
}

fn add_orders(
    store: &dyn Store,
    recorded: &Recorded,
    catalogue: &Catalogue,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<usize, QuickstartError> {
    let orders: Vec<NewOrder> = recorded.month().orders(catalogue).collect();
    let (mut added, mut stored) = (0, 0);
    let mut batches = orders.chunks(BATCH).peekable();
    while let Some(batch) = batches.next() {
        let mut transaction = store.begin()?;
        for (outcome, new) in transaction.add_orders(batch)?.into_iter().zip(batch) {
            match outcome {
                Outcome::Added => added += 1,
                Outcome::Present => {}
                Outcome::Conflict | Outcome::Pruned => {
                    return Err(QuickstartError::Conflict(new.order.number.clone()));
                }
            }
        }
        if batches.peek().is_none() {
            Recorded { complete: true, ..recorded.clone() }.write(&mut *transaction)?;
        }
        transaction.commit()?;
        stored += batch.len();
        progress(stored, orders.len());
    }
    Ok(added)
}

fn describe(
    store: &dyn Store,
    master: &MasterKey,
    recorded: &Recorded,
    orders_added: usize,
) -> Result<Quickstart, QuickstartError> {
    let mut snapshot = store.snapshot()?;
    let company_id = recorded.company_id;
    let company = snapshot.company(company_id)?.ok_or(TenantError::UnknownCompany(company_id))?;
    let mut organizations = snapshot.organizations(company_id)?;
    organizations.retain(|organization| recorded.organization_ids.contains(&organization.organization_id));
    let mut keys = Vec::new();
    for public_key in &recorded.public_keys {
        if let Some(key) = snapshot.api_key(public_key)?.filter(|key| !key.disabled) {
            keys.push(DemoKey {
                private_key: master.open(public_key, &key.sealed_private_key)?,
                public_key: key.public_key,
                organization_id: key.organization_ids.first().copied(),
            });
        }
    }
    let month = recorded.month();
    Ok(Quickstart {
        company,
        organizations,
        keys,
        month_start_s: month.start_s,
        month_end_s: month.end_s(),
        orders_added,
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use tollbook_domain::filter::{LineFilter, OrderQuery, StatusSet};
    use tollbook_domain::{Status, TimeRange};
    use tollbook_store::{StoreOptions, open_sqlite};

    use super::*;

    // 2025-12-03T10:00:00Z
    const NOW_S: i64 = 1_764_756_000;

    fn open(directory: &Path) -> Arc<dyn Store> {
        open_sqlite(&directory.join("tollbook.db"), &StoreOptions::default()).unwrap()
    }

    fn start(store: &dyn Store, master: &MasterKey, now_s: i64) -> Quickstart {
        let config = Config::default();
        quickstart(store, master, &config, &Catalogue::built_in(), now_s, &mut |_, _| {}).unwrap()
    }

    fn count(store: &dyn Store, demo: &Quickstart) -> i64 {
        let query = OrderQuery {
            company_id: demo.company.company_id,
            range: TimeRange::new(demo.month_start_s, demo.month_end_s).unwrap(),
            statuses: StatusSet::of(&Status::ALL),
            lines: LineFilter::default(),
            order_numbers: Vec::new(),
        };
        store.snapshot().unwrap().count(&query).unwrap()
    }

    #[test]
    fn a_first_start_makes_everything_and_a_second_finds_it() {
        let directory = tempfile::tempdir().unwrap();
        let store = open(directory.path());
        let master = MasterKey::generate();
        let mut reports = Vec::new();
        let config = Config::default();
        let first = quickstart(&*store, &master, &config, &Catalogue::built_in(), NOW_S, &mut |done, all| {
            reports.push((done, all));
        })
        .unwrap();
        assert_eq!(first.company.name, "Demo Company");
        assert_eq!(first.organizations.len(), 2);
        let bound: Vec<Option<i64>> = first.keys.iter().map(|key| key.organization_id).collect();
        assert_eq!(bound, [None, Some(1), Some(2)]);
        assert_eq!(first.month_end_s, NOW_S / DAY_S * DAY_S);
        assert_eq!(first.month_end_s - first.month_start_s, 30 * DAY_S);
        assert_eq!(reports.last(), Some(&(first.orders_added, first.orders_added)));
        assert_eq!(count(&*store, &first), i64::try_from(first.orders_added).unwrap());
        let verified =
            store.snapshot().unwrap().verify(first.company.company_id, &Catalogue::built_in(), 10).unwrap();
        assert_eq!(verified.differences, Vec::<String>::new());

        // Days later and in another process: the same demo, the same secrets, nothing new.
        drop(store);
        let store = open(directory.path());
        let second = start(&*store, &master, NOW_S + 5 * DAY_S);
        assert_eq!(second, Quickstart { orders_added: 0, ..first.clone() });

        tenants::disable_key(&*store, &first.keys[1].public_key).unwrap();
        let third = start(&*store, &master, NOW_S);
        assert_eq!(third.keys, [first.keys[0].clone(), first.keys[2].clone()]);
    }

    #[test]
    fn an_interrupted_start_is_completed() {
        let directory = tempfile::tempdir().unwrap();
        let store = open(directory.path());
        let (master, config, catalogue) = (MasterKey::generate(), Config::default(), Catalogue::built_in());
        let killed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let mut die = |_: usize, _: usize| std::panic::panic_any("killed after the first batch");
            quickstart(&*store, &master, &config, &catalogue, NOW_S, &mut die)
        }));
        assert!(killed.is_err());
        let completed = start(&*store, &master, NOW_S + 3 * DAY_S);
        let all = count(&*store, &completed);
        assert_eq!(i64::try_from(completed.orders_added + BATCH).unwrap(), all);
        assert_eq!(completed.month_end_s, NOW_S / DAY_S * DAY_S, "the month is the first start's");
        assert_eq!(store.snapshot().unwrap().companies().unwrap().len(), 1);
        let verified = store
            .snapshot()
            .unwrap()
            .verify(completed.company.company_id, &Catalogue::built_in(), 10)
            .unwrap();
        assert_eq!((verified.orders, verified.differences.len()), (all, 0));
    }

    #[test]
    fn two_first_starts_at_once_make_one_demo() {
        let directory = tempfile::tempdir().unwrap();
        let master = MasterKey::generate();
        let both = std::thread::scope(|scope| {
            let starts = [0, 1].map(|_| scope.spawn(|| start(&*open(directory.path()), &master, NOW_S)));
            starts.map(|start| start.join().unwrap())
        });
        assert_eq!(both[0].keys, both[1].keys);
        let store = open(directory.path());
        let added = both[0].orders_added + both[1].orders_added;
        assert_eq!(count(&*store, &both[0]), i64::try_from(added).unwrap());
        assert_eq!(store.snapshot().unwrap().companies().unwrap().len(), 1);
    }

    #[test]
    fn another_master_key_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let store = open(directory.path());
        start(&*store, &MasterKey::generate(), NOW_S);
        let config = Config::default();
        let other = MasterKey::generate();
        let error = quickstart(&*store, &other, &config, &Catalogue::built_in(), NOW_S, &mut |_, _| {});
        assert!(error.unwrap_err().to_string().contains("another master key"));
    }
}
