//! The first start: a demo company with its organizations and keys, and a month of believable usage, charged into orders
//! by the operations that a server uses. Started again, it completes what was interrupted and otherwise finds what is
//! there. Printing and serving are the command line's.

use serde::{Deserialize, Serialize};
use tollbook_domain::Catalogue;
use tollbook_domain::tenant::{Company, Organization};
use tollbook_domain::time::{DAY_S, day_of};
use tollbook_store::{Store, StoreError, Transaction};

use crate::charging::{Charging, ChargingError};
use crate::config::{Config, DEFAULT_BRAND};
use crate::demo::{CURRENCY, DEMO_DAYS, DemoMonth};
use crate::tenancy::companies::{self, KeyRights, TenantError};
use crate::tenancy::operator_keys::add_operator_key_in;
use crate::tenancy::secrets::{MasterKey, PrivateKey, SecretError};

mod lease;
mod month;

use lease::Lease;
use month::Month;

const SETTING: &str = "quickstart";
const COMPANY: &str = "Demo Company";
const ORGANIZATIONS: [&str; 2] = ["Products", "Research"];
const OPERATOR_KEY: &str = "quickstart";
const SEED: u64 = 2_025;

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
    /// Usage of the demo is not taken.
    #[error("usage of the demo is not taken: {0}")]
    Refused(String),
    /// This process stood still for so long that another one took over.
    #[error("another start went on with the demo")]
    Taken,
    /// An operation on accounts was refused.
    #[error(transparent)]
    Charging(#[from] ChargingError),
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
    /// A key for gateways, told by the start that completes the demo and never again.
    pub operator_key: Option<PrivateKey>,
    /// Number of the order that it has owed for the longest time.
    pub oldest_unpaid: Option<String>,
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
    complete: bool,
    /// Until when there is usage: the time of the first start. A demo that an earlier version made has none.
    #[serde(default)]
    made_s: i64,
    #[serde(default)]
    days: i64,
    /// Hours of the month that are done, whether the next one's daily run and closing are, and events that are done.
    #[serde(default)]
    hour: usize,
    #[serde(default)]
    settled: bool,
    #[serde(default)]
    events: usize,
}

impl Recorded {
    fn month(&self) -> DemoMonth {
        DemoMonth {
            seed: self.seed,
            start_s: self.start_s,
            days: if self.days == 0 { DEMO_DAYS } else { self.days },
            company_id: self.company_id,
            organization_ids: self.organization_ids.clone(),
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
/// The company, its organizations, keys, prices and discounts, and the record of them are one transaction; then the month
/// is lived through. It is the 30 whole UTC days before `now_s` of the *first* start, and the day of it until then. Killed
/// at any moment and started again, this ends with the same company, keys, usage and orders. Of several at once one works
/// and the others wait. `progress` is told after every transaction how many hours are done, of how many.
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
    quickstart_of_days(&Charging { store, config, catalogue }, master, DEMO_DAYS, now_s, progress)
}

fn quickstart_of_days(
    charging: &Charging<'_>,
    master: &MasterKey,
    days: i64,
    now_s: i64,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Quickstart, QuickstartError> {
    let store = charging.store;
    master.bind(store)?;
    let made = recorded_or_made(store, master, days, now_s)?;
    if made.complete {
        return describe(store, master, &made, 0, None);
    }
    let lease = Lease::wait(store)?;
    let recorded = recorded_or_made(store, master, days, now_s)?;
    if recorded.complete {
        return describe(store, master, &recorded, 0, None);
    }
    if recorded.made_s == 0 {
        return Err(QuickstartError::Recorded("an earlier version began this demo".to_owned()));
    }
    let mut month =
        Month { charging: *charging, lease, recorded, now_s, progress, orders_added: 0, hours: 0 };
    month.live()?;
    let complete = Recorded { complete: true, ..month.recorded.clone() };
    let mut transaction = store.begin()?;
    Month::release(transaction.as_mut(), complete.company_id)?;
    let operator_key = add_operator_key_in(transaction.as_mut(), OPERATOR_KEY, now_s)?;
    complete.write(transaction.as_mut())?;
    transaction.commit()?;
    let orders_added = month.orders_added;
    drop(month);
    describe(store, master, &complete, orders_added, Some(PrivateKey::new(operator_key)))
}

fn recorded_or_made(
    store: &dyn Store,
    master: &MasterKey,
    days: i64,
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
        let organization = companies::add_organization_in(&mut *transaction, company_id, name)?;
        organization_ids.push(organization.organization_id);
        bindings.push(vec![organization.organization_id]);
    }
    let mut public_keys = Vec::new();
    for organization_ids in bindings {
        let rights = KeyRights { organization_ids, ..KeyRights::default() };
        public_keys.push(companies::add_key_in(&mut *transaction, master, company_id, &rights)?.public_key);
    }
    let recorded = Recorded {
        company_id,
        organization_ids,
        public_keys,
        seed: SEED,
        start_s: ((day_of(now_s) - days) * DAY_S).max(0),
        complete: false,
        made_s: now_s,
        days,
        hour: 0,
        settled: false,
        events: 0,
    };
    price(&mut *transaction, company_id)?;
    recorded.write(&mut *transaction)?;
    transaction.commit()?;
    Ok(recorded)
}

fn read(text: &str) -> Result<Recorded, QuickstartError> {
    serde_json::from_str(text).map_err(|error| QuickstartError::Recorded(error.to_string()))
}

/// Puts the demo's prices into the book, but for what the operator has priced already.
fn price(transaction: &mut dyn Transaction, company_id: i64) -> Result<(), QuickstartError> {
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
    recorded: &Recorded,
    orders_added: usize,
    operator_key: Option<PrivateKey>,
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
    let oldest_unpaid = snapshot.arrears(company_id, 0, 1)?.into_iter().next();
    let month = recorded.month();
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

#[cfg(test)]
mod tests;
