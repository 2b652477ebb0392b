//! API keys of companies.

use std::collections::BTreeSet;

use tollbook_domain::tenant::ApiKey;
use tollbook_store::{Snapshot, Store, Transaction};

use super::companies::require_company;
use super::error::TenantError;
use super::secrets::{MasterKey, PrivateKey};
use crate::networks;
use crate::random;

/// Characters of either half of a key: 238 random bits.
const KEY_CHARACTERS: usize = 40;
/// Maximum number of organizations, and of networks, of a key.
const MAX_LIST: usize = 1_000;

/// A new key. Its private half is returned here and can be recovered later only with the master key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewKey {
    /// Sent with every request.
    pub public_key: String,
    /// Signs every request.
    pub private_key: PrivateKey,
}

/// The rights of a new key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyRights {
    /// Organizations to which the key is bound; empty: the whole company.
    pub organization_ids: Vec<i64>,
    /// Address ranges from which it may be used, as text; empty: any address.
    pub allowed_networks: Vec<String>,
    /// Requests per second; `None`: unlimited.
    pub rate_limit_per_s: Option<u32>,
}

/// Creates an API key. Its private half is stored sealed under the master key.
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

/// [`add_key`] within a larger transaction.
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

/// Disables a key permanently. Idempotent.
pub fn disable_key(store: &dyn Store, public_key: &str) -> Result<(), TenantError> {
    let mut transaction = store.begin()?;
    if !transaction.disable_api_key(public_key)? {
        return Err(TenantError::UnknownKey(public_key.to_owned()));
    }
    Ok(transaction.commit()?)
}

/// The keys of a company, or of all companies, including disabled keys.
pub fn keys(store: &dyn Store, company_id: Option<i64>) -> Result<Vec<ApiKey>, TenantError> {
    let mut snapshot = store.snapshot()?;
    if let Some(company_id) = company_id {
        require_company(&mut *snapshot, company_id)?;
    }
    Ok(snapshot.api_keys(company_id)?)
}

fn checked_organizations(
    snapshot: &mut dyn Snapshot,
    company_id: i64,
    requested: &[i64],
) -> Result<Vec<i64>, TenantError> {
    let known: BTreeSet<i64> =
        snapshot.organizations(company_id)?.into_iter().map(|known| known.organization_id).collect();
    let requested: BTreeSet<i64> = requested.iter().copied().collect();
    if requested.len() > MAX_LIST {
        return Err(TenantError::TooMany("organizations"));
    }
    match requested.difference(&known).next() {
        Some(&organization_id) => Err(TenantError::UnknownOrganization { company_id, organization_id }),
        None => Ok(requested.into_iter().collect()),
    }
}

/// The networks as they are stored: in their normal form, each once, sorted as texts.
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
