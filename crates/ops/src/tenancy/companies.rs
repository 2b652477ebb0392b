//! Companies, organizations and API keys, as an operator makes them: what may be made, and what is told once and
//! never again. Printing and arguments are the command line's.

use std::collections::BTreeSet;

use tollbook_domain::field_rules::MAX_TEXT_BYTES;
use tollbook_domain::tenant::{ApiKey, CURRENCIES, Company, Organization};
use tollbook_store::{Snapshot, Store, StoreError, StoreResult, Transaction};

use crate::config::Config;
use crate::networks;
use crate::random;
use crate::tenancy::secrets::{MasterKey, PrivateKey};

/// Characters of either half of a key: 238 random bits.
const KEY_CHARACTERS: usize = 40;
const PROJECT_CHARACTERS: usize = 8;
/// A key bound to more organizations, or with more networks, is a mistake.
const MAX_LIST: usize = 1_000;

/// Why something was not made. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum TenantError {
    /// A name that nobody could read.
    #[error("{what} {reason}")]
    Name {
        /// What was named.
        what: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Neither of the two.
    #[error("currency \"{0}\" is not supported: it must be CNY or USD")]
    Currency(String),
    /// Not in the configuration.
    #[error("brand \"{name}\" is not configured; configured are {known}")]
    Brand {
        /// What was asked for.
        name: String,
        /// The names there are.
        known: String,
    },
    /// No such company.
    #[error("company {0} does not exist")]
    UnknownCompany(i64),
    /// The company has no such organization; another company's counts as none.
    #[error("company {company_id} has no organization {organization_id}")]
    UnknownOrganization {
        /// The company.
        company_id: i64,
        /// What was asked for.
        organization_id: i64,
    },
    /// Not an address range.
    #[error("allowed network \"{text}\" {reason}")]
    Network {
        /// As it was given.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A key that may never be used.
    #[error("the rate limit must be at least 1 request per second")]
    RateLimit,
    /// Too many organizations or networks.
    #[error("a key can have at most 1000 {0}")]
    TooMany(&'static str),
    /// No such key.
    #[error("there is no key with the public key \"{0}\"")]
    UnknownKey(String),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A key that was just made. The private half is told here and can be had again only with the master key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewKey {
    /// Sent with every request.
    pub public_key: String,
    /// Signs every request.
    pub private_key: PrivateKey,
}

/// What a new key may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyRights {
    /// Organizations it is bound to; none: the whole company.
    pub organization_ids: Vec<i64>,
    /// Ranges of addresses it may be used from, as text; none: anywhere.
    pub allowed_networks: Vec<String>,
    /// Requests per second; `None`: unlimited.
    pub rate_limit_per_s: Option<u32>,
}

/// Makes a company. Its brand must be a configured one; where no configuration is at hand (`None`) it is taken as it
/// is, and a server that does not know it shows the company as one of its default brand.
pub fn add_company(
    store: &dyn Store,
    config: Option<&Config>,
    name: &str,
    currency: &str,
    brand: &str,
) -> Result<Company, TenantError> {
    let name = checked_name("the company's name", name)?;
    if !CURRENCIES.contains(&currency) {
        return Err(TenantError::Currency(currency.to_owned()));
    }
    if let Some(config) = config
        && config.brand(brand).is_none()
    {
        let known: Vec<&str> = config.brands().map(|brand| brand.name.as_str()).collect();
        return Err(TenantError::Brand { name: brand.to_owned(), known: known.join(", ") });
    }
    let mut transaction = store.begin()?;
    let company = transaction.add_company(name, currency, brand)?;
    transaction.commit()?;
    Ok(company)
}

/// Makes an organization with a `ProjectId` of its own.
pub fn add_organization(store: &dyn Store, company_id: i64, name: &str) -> Result<Organization, TenantError> {
    let mut transaction = store.begin()?;
    let organization = add_organization_in(&mut *transaction, company_id, name)?;
    transaction.commit()?;
    Ok(organization)
}

pub(crate) fn add_organization_in(
    transaction: &mut dyn Transaction,
    company_id: i64,
    name: &str,
) -> Result<Organization, TenantError> {
    let name = checked_name("the organization's name", name)?;
    require_company(transaction, company_id)?;
    let taken: BTreeSet<String> =
        transaction.organizations(company_id)?.into_iter().map(|taken| taken.project_id).collect();
    let project_id = std::iter::repeat_with(|| format!("org-{}", random::token_lower(PROJECT_CHARACTERS)))
        .find(|project_id| !taken.contains(project_id))
        // `repeat_with` never ends, so a free one is found.
        .unwrap_or_default();
    Ok(transaction.add_organization(company_id, &project_id, name)?)
}

/// Makes an API key. Its private half is stored sealed under the master key.
pub fn add_key(
    store: &dyn Store,
    master: &MasterKey,
    company_id: i64,
    rights: &KeyRights,
) -> Result<NewKey, TenantError> {
    let mut transaction = store.begin()?;
    let key = add_key_in(&mut *transaction, master, company_id, rights)?;
    transaction.commit()?;
    Ok(key)
}

pub(crate) fn add_key_in(
    transaction: &mut dyn Transaction,
    master: &MasterKey,
    company_id: i64,
    rights: &KeyRights,
) -> Result<NewKey, TenantError> {
    require_company(transaction, company_id)?;
    let public_key = random::token(KEY_CHARACTERS);
    let private_key = PrivateKey::new(random::token(KEY_CHARACTERS));
    let key = ApiKey {
        sealed_private_key: master.seal(&public_key, &private_key),
        public_key: public_key.clone(),
        company_id,
        organization_ids: checked_organizations(transaction, company_id, &rights.organization_ids)?,
        allowed_networks: checked_networks(&rights.allowed_networks)?,
        rate_limit_per_s: match rights.rate_limit_per_s {
            Some(0) => return Err(TenantError::RateLimit),
            limit => limit,
        },
        disabled: false,
    };
    transaction.add_api_key(&key)?;
    Ok(NewKey { public_key, private_key })
}

/// Disables a key for good. Doing it twice is no error.
pub fn disable_key(store: &dyn Store, public_key: &str) -> Result<(), TenantError> {
    let mut transaction = store.begin()?;
    if !transaction.disable_api_key(public_key)? {
        return Err(TenantError::UnknownKey(public_key.to_owned()));
    }
    Ok(transaction.commit()?)
}

/// All companies, by number.
pub fn companies(store: &dyn Store) -> StoreResult<Vec<Company>> {
    store.snapshot()?.companies()
}

/// The organizations of a company, by number.
pub fn organizations(store: &dyn Store, company_id: i64) -> Result<Vec<Organization>, TenantError> {
    let mut snapshot = store.snapshot()?;
    require_company(&mut *snapshot, company_id)?;
    Ok(snapshot.organizations(company_id)?)
}

/// The keys of a company, or all there are, disabled ones included.
pub fn keys(store: &dyn Store, company_id: Option<i64>) -> Result<Vec<ApiKey>, TenantError> {
    let mut snapshot = store.snapshot()?;
    if let Some(company_id) = company_id {
        require_company(&mut *snapshot, company_id)?;
    }
    Ok(snapshot.api_keys(company_id)?)
}

fn require_company(snapshot: &mut dyn Snapshot, company_id: i64) -> Result<(), TenantError> {
    match snapshot.company(company_id)? {
        Some(_) => Ok(()),
        None => Err(TenantError::UnknownCompany(company_id)),
    }
}

pub(super) fn checked_name<'a>(what: &'static str, name: &'a str) -> Result<&'a str, TenantError> {
    let name = name.trim();
    match fault_of_text(name) {
        Some(reason) => Err(TenantError::Name { what, reason }),
        None => Ok(name),
    }
}

/// Why a text cannot name something: it is not empty, of bounded length, and without control characters.
pub(crate) fn fault_of_text(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        Some("must not be empty")
    } else if text.len() > MAX_TEXT_BYTES {
        Some("must have at most 256 bytes")
    } else if text.chars().any(char::is_control) {
        Some("must have no control characters")
    } else {
        None
    }
}

fn checked_organizations(
    snapshot: &mut dyn Snapshot,
    company_id: i64,
    wanted: &[i64],
) -> Result<Vec<i64>, TenantError> {
    let known: BTreeSet<i64> =
        snapshot.organizations(company_id)?.into_iter().map(|known| known.organization_id).collect();
    let wanted: BTreeSet<i64> = wanted.iter().copied().collect();
    if wanted.len() > MAX_LIST {
        return Err(TenantError::TooMany("organizations"));
    }
    match wanted.difference(&known).next() {
        Some(&organization_id) => Err(TenantError::UnknownOrganization { company_id, organization_id }),
        None => Ok(wanted.into_iter().collect()),
    }
}

/// In the one spelling that the database keeps: each once, sorted as texts.
fn checked_networks(texts: &[String]) -> Result<Vec<String>, TenantError> {
    let networks: BTreeSet<String> = texts
        .iter()
        .map(|text| match networks::parse(text) {
            Ok(network) => Ok(network.to_string()),
            Err(reason) => Err(TenantError::Network { text: text.clone(), reason }),
        })
        .collect::<Result<_, _>>()?;
    if networks.len() > MAX_LIST {
        Err(TenantError::TooMany("networks"))
    } else {
        Ok(networks.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tollbook_store::{StoreOptions, open_sqlite};

    use super::*;

    fn store() -> (tempfile::TempDir, Arc<dyn Store>) {
        let directory = tempfile::tempdir().unwrap();
        let store = open_sqlite(&directory.path().join("tollbook.db"), &StoreOptions::default()).unwrap();
        (directory, store)
    }

    fn company(store: &dyn Store) -> i64 {
        add_company(store, Some(&Config::default()), "Demo", "CNY", "default").unwrap().company_id
    }

    #[test]
    fn a_company_has_organizations_and_keys() {
        let (_directory, store) = store();
        let master = MasterKey::generate();
        let company_id = company(&*store);
        let organization = add_organization(&*store, company_id, "  Research ").unwrap();
        assert_eq!(organization.name, "Research");
        let project = organization.project_id.strip_prefix("org-").unwrap();
        assert!(project.len() == 8 && project.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase()));

        let rights = KeyRights {
            organization_ids: vec![organization.organization_id, organization.organization_id],
            allowed_networks: vec!["192.0.2.1".into(), "10.0.0.0/8".into(), "192.0.2.1/32".into()],
            rate_limit_per_s: Some(20),
        };
        let made = add_key(&*store, &master, company_id, &rights).unwrap();
        assert_eq!((made.public_key.len(), made.private_key.reveal().len()), (40, 40));
        let stored = keys(&*store, Some(company_id)).unwrap();
        assert_eq!(stored.len(), 1);
        assert_eq!(stored[0].organization_ids, [organization.organization_id]);
        assert_eq!(stored[0].allowed_networks, ["10.0.0.0/8", "192.0.2.1/32"]);
        assert_eq!(stored[0].rate_limit_per_s, Some(20));
        let opened = master.open(&made.public_key, &stored[0].sealed_private_key).unwrap();
        assert_eq!(opened, made.private_key);

        disable_key(&*store, &made.public_key).unwrap();
        disable_key(&*store, &made.public_key).unwrap();
        assert!(keys(&*store, None).unwrap()[0].disabled);
        assert_eq!(companies(&*store).unwrap().len(), 1);
        assert_eq!(organizations(&*store, company_id).unwrap(), [organization]);
    }

    #[test]
    fn what_cannot_be_made_is_refused_with_the_reason_and_nothing_changes() {
        let (_directory, store) = store();
        let (store, config, master) = (&*store, Config::default(), MasterKey::generate());
        let (mine, other) = (company(store), company(store));
        add_organization(store, mine, "A").unwrap();
        let strange = add_organization(store, other, "B").unwrap();
        let foreign = add_organization(store, other, "C").unwrap().organization_id;
        assert!(strange.organization_id != foreign);

        let long = "x".repeat(257);
        let company =
            |name, currency, brand| add_company(store, Some(&config), name, currency, brand).unwrap_err();
        let key = |company_id, rights: KeyRights| add_key(store, &master, company_id, &rights).unwrap_err();
        let networks = |text: &str| KeyRights { allowed_networks: vec![text.into()], ..KeyRights::default() };
        for (error, text) in [
            (company(" ", "CNY", "default"), "the company's name must not be empty"),
            (company(&long, "CNY", "default"), "the company's name must have at most 256 bytes"),
            (company("a\nb", "CNY", "default"), "the company's name must have no control characters"),
            (company("A", "EUR", "default"), "currency \"EUR\" is not supported: it must be CNY or USD"),
            (company("A", "CNY", "x"), "brand \"x\" is not configured; configured are default"),
            (add_organization(store, 99, "A").unwrap_err(), "company 99 does not exist"),
            (add_organization(store, mine, "").unwrap_err(), "the organization's name must not be empty"),
            (key(99, KeyRights::default()), "company 99 does not exist"),
            (
                key(mine, KeyRights { organization_ids: vec![foreign], ..KeyRights::default() }),
                "company 1 has no organization 2",
            ),
            (
                key(mine, networks("10.0.0.1/8")),
                "allowed network \"10.0.0.1/8\" has bits beyond its prefix: write 10.0.0.0/8",
            ),
            (
                key(mine, KeyRights { rate_limit_per_s: Some(0), ..KeyRights::default() }),
                "the rate limit must be at least 1 request per second",
            ),
            (disable_key(store, "x").unwrap_err(), "there is no key with the public key \"x\""),
            (organizations(store, 99).unwrap_err(), "company 99 does not exist"),
            (keys(store, Some(99)).unwrap_err(), "company 99 does not exist"),
        ] {
            assert_eq!(error.to_string(), text);
        }
        assert_eq!(companies(store).unwrap().len(), 2);
        assert!(keys(store, None).unwrap().is_empty());
        assert_eq!(organizations(store, mine).unwrap().len(), 1);
    }

    #[test]
    fn a_database_belongs_to_one_master_key() {
        let (_directory, store) = store();
        let master = MasterKey::generate();
        master.bind(&*store).unwrap();
        master.bind(&*store).unwrap();
        let other = MasterKey::generate();
        let error = other.bind(&*store).unwrap_err().to_string();
        assert!(error.contains(&master.fingerprint()) && error.contains(&other.fingerprint()), "{error}");
        master.bind(&*store).unwrap();
    }
}
