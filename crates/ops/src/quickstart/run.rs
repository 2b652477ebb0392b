//! Creates, continues and describes the demo.

use serde_json::{Value, json};
use tollbook_domain::tenant::{Company, Organization};
use tollbook_domain::time::{DAY_S, day_of};
use tollbook_domain::{Catalogue, OperatorRole};
use tollbook_store::{Store, Transaction};

use super::error::QuickstartError;
use super::progress::{DemoProgress, SETTING};
use super::replay::Replay;
use crate::audit::{ActKind, record};
use crate::charging::Charging;
use crate::clock::SystemClock;
use crate::config::{Config, DEFAULT_BRAND};
use crate::demo::{CURRENCY, DEMO_DAYS, DemoMonth};
use crate::maintenance::leases::{TaskLease, holder_name};
use crate::tenancy::TenantError;
use crate::tenancy::companies::add_organization_in;
use crate::tenancy::keys::{KeyRights, add_key_in};
use crate::tenancy::operator_keys::add_operator_key_in;
use crate::tenancy::secrets::{MasterKey, PrivateKey};

const COMPANY: &str = "Demo Company";
const ORGANIZATIONS: [&str; 2] = ["Products", "Research"];
const OPERATOR_KEY: &str = "quickstart";
const SEED: u64 = 2_025;
/// Length of the lease on the creation of the demo, in seconds.
const LEASE_S: i64 = 10;

/// The demo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quickstart {
    /// The company.
    pub company: Company,
    /// Its organizations.
    pub organizations: Vec<Organization>,
    /// Its enabled keys: the key of the company first, then one for each organization.
    pub keys: Vec<DemoKey>,
    /// An operator key for gateways; `None` unless this start completed the demo.
    pub operator_key: Option<PrivateKey>,
    /// The number of its oldest unpaid order.
    pub oldest_unpaid: Option<String>,
    /// Start of the month, Unix seconds, inclusive.
    pub month_start_s: i64,
    /// End of that month, exclusive.
    pub month_end_s: i64,
    /// Orders that this start added; 0 if the demo was complete.
    pub orders_added: usize,
}

/// A key of the demo with its private key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoKey {
    /// Sent with every request.
    pub public_key: String,
    /// Signs every request.
    pub private_key: PrivateKey,
    /// The organization to which it is bound; `None`: the whole company.
    pub organization_id: Option<i64>,
}

/// Creates, completes or returns the demo.
///
/// One transaction creates the company with its organizations, keys, prices and discounts, and stores the progress.
/// Then the month is replayed: the 30 whole UTC days before `now_s` of the *first* start, and the current day until
/// then. If the process is killed and started again, the result is the same company, keys, usage and orders. Of several
/// concurrent starts, one works and the others wait. `progress` is called after every transaction with the number of
/// finished hours and of all hours.
///
/// # Errors
/// Those of the store and of the operations. The next start completes the demo.
pub fn quickstart(
    store: &dyn Store,
    master: &MasterKey,
    config: &Config,
    catalogue: &Catalogue,
    now_s: i64,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Quickstart, QuickstartError> {
    quickstart_of_days(&Charging { store, config, catalogue }, master, DEMO_DAYS, now_s, progress)
}

pub(super) fn quickstart_of_days(
    charging: &Charging<'_>,
    master: &MasterKey,
    days: i64,
    now_s: i64,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Quickstart, QuickstartError> {
    let store = charging.store;
    master.bind(store)?;
    let demo = find_or_create(store, master, days, now_s)?;
    if demo.complete {
        return describe(store, master, &demo, 0, None);
    }
    let holder = holder_name("quickstart");
    let lease = TaskLease::new(store, "quickstart", &holder, LEASE_S);
    let lease =
        lease.wait(&SystemClock, || tracing::info!("another process is creating the demo; waiting"))?;
    // Another process may have completed the demo while this one waited.
    let demo = find_or_create(store, master, days, now_s)?;
    if demo.complete {
        return describe(store, master, &demo, 0, None);
    }
    if demo.created_s == 0 {
        return Err(QuickstartError::InvalidProgress(
            "an earlier version created this demo and did not complete it".to_owned(),
        ));
    }
    let mut replay = Replay::new(*charging, lease, demo, now_s, progress);
    replay.run()?;
    let complete = DemoProgress { complete: true, ..replay.demo.clone() };
    let mut transaction = store.begin()?;
    replay.release_hours(transaction.as_mut())?;
    let operator_key =
        add_operator_key_in(transaction.as_mut(), OPERATOR_KEY, &[OperatorRole::Usage], now_s)?;
    complete.write(transaction.as_mut())?;
    transaction.commit()?;
    let orders_added = replay.orders_added;
    drop(replay);
    describe(store, master, &complete, orders_added, Some(PrivateKey::new(operator_key)))
}

fn find_or_create(
    store: &dyn Store,
    master: &MasterKey,
    days: i64,
    now_s: i64,
) -> Result<DemoProgress, QuickstartError> {
    if let Some(demo) = DemoProgress::read(store.snapshot()?.as_mut())? {
        return Ok(demo);
    }
    let mut transaction = store.begin()?;
    // Of two concurrent first starts, the second acquires the lock after the first has committed, and finds its demo.
    transaction.lock_name(SETTING)?;
    if let Some(demo) = DemoProgress::read(transaction.as_mut())? {
        return Ok(demo);
    }
    let company = transaction.add_company(COMPANY, CURRENCY, DEFAULT_BRAND)?;
    let company_id = company.company_id;
    let mut bindings = vec![Vec::new()];
    let mut organization_ids = Vec::new();
    for name in ORGANIZATIONS {
        let organization = add_organization_in(&mut *transaction, company_id, name)?;
        organization_ids.push(organization.organization_id);
        bindings.push(vec![organization.organization_id]);
    }
    let mut public_keys = Vec::new();
    for organization_ids in bindings {
        let rights = KeyRights { organization_ids, ..KeyRights::default() };
        public_keys.push(add_key_in(&mut *transaction, master, company_id, &rights, now_s)?.public_key);
    }
    let demo = DemoProgress {
        company_id,
        organization_ids,
        public_keys,
        seed: SEED,
        start_s: ((day_of(now_s) - days) * DAY_S).max(0),
        complete: false,
        created_s: now_s,
        days,
        hour: 0,
        settled: false,
        events: 0,
    };
    let after = json!({"Name": company.name, "Currency": company.currency, "Days": days});
    record(&mut *transaction, ActKind::DemoCreate, company_id, &Value::Null, &after);
    add_prices(&mut *transaction, company_id)?;
    demo.write(&mut *transaction)?;
    transaction.commit()?;
    Ok(demo)
}

/// Adds the prices and discounts of the demo, except prices of models that the operator has priced already.
fn add_prices(transaction: &mut dyn Transaction, company_id: i64) -> Result<(), QuickstartError> {
    let book = transaction.prices()?;
    let mut prices = DemoMonth::prices();
    prices.retain(|price| {
        !book.iter().any(|known| known.model_id == price.model_id && known.currency == price.currency)
    });
    transaction.put_prices(&prices)?;
    for discount in DemoMonth::discounts(company_id) {
        transaction.set_discount(&discount)?;
    }
    Ok(())
}

fn describe(
    store: &dyn Store,
    master: &MasterKey,
    demo: &DemoProgress,
    orders_added: usize,
    operator_key: Option<PrivateKey>,
) -> Result<Quickstart, QuickstartError> {
    let mut snapshot = store.snapshot()?;
    let company_id = demo.company_id;
    let company = snapshot.company(company_id)?.ok_or(TenantError::UnknownCompany(company_id))?;
    let mut organizations = snapshot.organizations(company_id)?;
    organizations.retain(|organization| demo.organization_ids.contains(&organization.organization_id));
    let mut keys = Vec::new();
    for public_key in &demo.public_keys {
        if let Some(key) = snapshot.api_key(public_key)?.filter(|key| !key.disabled) {
            keys.push(DemoKey {
                private_key: master.open(public_key, &key.sealed_private_key)?,
                public_key: key.public_key,
                organization_id: key.organization_ids.first().copied(),
            });
        }
    }
    let oldest_unpaid = snapshot.arrears(company_id, 0, 1)?.into_iter().next();
    let month = demo.month();
    Ok(Quickstart {
        company,
        organizations,
        keys,
        operator_key,
        oldest_unpaid: oldest_unpaid.map(|stored| stored.order.number),
        month_start_s: month.start_s,
        month_end_s: month.end_s(),
        orders_added,
    })
}
