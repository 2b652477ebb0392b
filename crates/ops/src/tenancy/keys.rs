//! API keys of companies.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Value, json};
use tollbook_domain::tenant::{ApiKey, Permission, StrictSigning};
use tollbook_store::{Snapshot, Store, Transaction};

use super::companies::require_company;
use super::error::TenantError;
use super::names::checked_name;
use super::secrets::{MasterKey, PrivateKey};
use crate::audit::{ActKind, record};
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
    /// Requests per second; `None`: what the configuration says; 0: unlimited.
    pub rate_limit_per_s: Option<u32>,
    /// What people call it; may be empty.
    pub name: String,
    /// What it may do; empty: everything.
    pub permissions: Vec<Permission>,
    /// When it ends, Unix seconds, exclusive; `None`: never.
    pub expires_s: Option<i64>,
    /// What it must sign strictly; `None`: what the configuration says.
    pub strict: Option<StrictSigning>,
}

/// Changes of a key; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyChange {
    /// What people call it.
    pub name: Option<String>,
    /// What it may do; empty: everything.
    pub permissions: Option<Vec<Permission>>,
    /// When it ends; `Some(None)`: never.
    pub expires_s: Option<Option<i64>>,
    /// Whether it is suspended.
    pub suspended: Option<bool>,
    /// Address ranges from which it may be used; empty: any address.
    pub allowed_networks: Option<Vec<String>>,
    /// Requests per second; `Some(None)`: what the configuration says; 0: unlimited.
    pub rate_limit_per_s: Option<Option<u32>>,
    /// What it must sign strictly; `Some(None)`: what the configuration says.
    pub strict: Option<Option<StrictSigning>>,
}

/// A key that takes the place of another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotated {
    /// The new key.
    pub key: NewKey,
    /// When the former key ends, Unix seconds.
    pub former_expires_s: i64,
}

/// Creates an API key. Its private half is stored sealed under the master key.
pub fn add_key(
    store: &dyn Store,
    master: &MasterKey,
    company_id: i64,
    rights: &KeyRights,
    now_s: i64,
) -> Result<NewKey, TenantError> {
    let mut transaction = store.begin()?;
    let key = add_key_in(&mut *transaction, master, company_id, rights, now_s)?;
    transaction.commit()?;
    Ok(key)
}

/// [`add_key`] within a larger transaction.
pub(crate) fn add_key_in(
    transaction: &mut dyn Transaction,
    master: &MasterKey,
    company_id: i64,
    rights: &KeyRights,
    now_s: i64,
) -> Result<NewKey, TenantError> {
    require_company(transaction, company_id)?;
    master.check_sealing(transaction)?;
    let public_key = random::token(KEY_CHARACTERS);
    let private_key = PrivateKey::new(random::token(KEY_CHARACTERS));
    let key = ApiKey {
        sealed_private_key: master.seal(&public_key, &private_key),
        public_key: public_key.clone(),
        company_id,
        organization_ids: checked_organizations(transaction, company_id, &rights.organization_ids)?,
        allowed_networks: checked_networks(&rights.allowed_networks)?,
        rate_limit_per_s: rights.rate_limit_per_s,
        disabled: false,
        name: checked_key_name(&rights.name)?,
        permissions: checked_permissions(&rights.permissions),
        created_s: Some(now_s),
        expires_s: checked_end(rights.expires_s, now_s)?,
        suspended: false,
        strict: rights.strict,
    };
    transaction.add_api_key(&key)?;
    record(transaction, ActKind::KeyAdd, company_id, &Value::Null, &audited(&key));
    Ok(NewKey { public_key, private_key })
}

/// Changes a key. Returns it as it is afterwards, with a recent second of its use.
pub fn set_key(
    store: &dyn Store,
    public_key: &str,
    change: &KeyChange,
    now_s: i64,
) -> Result<(ApiKey, Option<i64>), TenantError> {
    let mut transaction = store.begin()?;
    let mut key = usable_or_suspended(&mut *transaction, public_key)?;
    let before = audited(&key);
    if let Some(name) = &change.name {
        key.name = checked_key_name(name)?;
    }
    if let Some(permissions) = &change.permissions {
        key.permissions = checked_permissions(permissions);
    }
    if let Some(expires_s) = change.expires_s {
        key.expires_s = checked_end(expires_s, now_s)?;
    }
    if let Some(networks) = &change.allowed_networks {
        key.allowed_networks = checked_networks(networks)?;
    }
    if let Some(limit) = change.rate_limit_per_s {
        key.rate_limit_per_s = limit;
    }
    if let Some(strict) = change.strict {
        key.strict = strict;
    }
    key.suspended = change.suspended.unwrap_or(key.suspended);
    transaction.update_api_key(&key)?;
    record(&mut *transaction, ActKind::KeySet, key.company_id, &before, &audited(&key));
    let uses = transaction.key_uses(key.company_id)?;
    transaction.commit()?;
    let used_s =
        uses.into_iter().find(|(public_key, _)| *public_key == key.public_key).map(|(_, used_s)| used_s);
    Ok((key, used_s))
}

/// Makes a key with the rights of another one, which ends `overlap_s` seconds from now, or when it would have ended anyway.
/// Both are answered until then, so that programs can be changed one after the other.
pub fn rotate_key(
    store: &dyn Store,
    master: &MasterKey,
    public_key: &str,
    overlap_s: i64,
    now_s: i64,
) -> Result<Rotated, TenantError> {
    let mut transaction = store.begin()?;
    let former = usable_or_suspended(&mut *transaction, public_key)?;
    if !former.is_usable(now_s) {
        return Err(TenantError::NotUsable(public_key.to_owned()));
    }
    let new = NewKey {
        public_key: random::token(KEY_CHARACTERS),
        private_key: PrivateKey::new(random::token(KEY_CHARACTERS)),
    };
    master.check_sealing(&mut *transaction)?;
    let former_expires_s = now_s.saturating_add(overlap_s.max(0));
    let former_expires_s = former.expires_s.map_or(former_expires_s, |end_s| end_s.min(former_expires_s));
    let added = ApiKey {
        public_key: new.public_key.clone(),
        sealed_private_key: master.seal(&new.public_key, &new.private_key),
        created_s: Some(now_s),
        // The end of the former key was that of its secret.
        expires_s: None,
        ..former.clone()
    };
    transaction.add_api_key(&added)?;
    let before = audited(&former);
    let former = ApiKey { expires_s: Some(former_expires_s), ..former };
    transaction.update_api_key(&former)?;
    let after = json!({"Former": audited(&former), "New": audited(&added)});
    record(&mut *transaction, ActKind::KeyRotate, former.company_id, &before, &after);
    transaction.commit()?;
    Ok(Rotated { key: new, former_expires_s })
}

/// What the audit log says of a key: everything but its private half.
fn audited(key: &ApiKey) -> Value {
    let permissions: Vec<&str> = key.permissions.iter().map(|permission| permission.name()).collect();
    json!({
        "PublicKey": key.public_key,
        "Name": key.name,
        "Organizations": key.organization_ids,
        "AllowedNetworks": key.allowed_networks,
        "RateLimit": key.rate_limit_per_s,
        "Permissions": permissions,
        "Expires": key.expires_s,
        "Suspended": key.suspended,
        "Disabled": key.disabled,
    })
}

/// The key, unless it does not exist or is disabled for ever.
fn usable_or_suspended(snapshot: &mut dyn Snapshot, public_key: &str) -> Result<ApiKey, TenantError> {
    let key = snapshot.api_key(public_key)?;
    let key = key.ok_or_else(|| TenantError::UnknownKey(public_key.to_owned()))?;
    if key.disabled { Err(TenantError::NotUsable(public_key.to_owned())) } else { Ok(key) }
}

/// Disables a key permanently. Idempotent.
pub fn disable_key(store: &dyn Store, public_key: &str) -> Result<(), TenantError> {
    let mut transaction = store.begin()?;
    let key = transaction.api_key(public_key)?;
    if !transaction.disable_api_key(public_key)? {
        return Err(TenantError::UnknownKey(public_key.to_owned()));
    }
    // A key that was disabled before is not disabled again.
    if let Some(key) = key.filter(|key| !key.disabled) {
        let (before, after) = (audited(&key), audited(&ApiKey { disabled: true, ..key.clone() }));
        record(&mut *transaction, ActKind::KeyDisable, key.company_id, &before, &after);
    }
    Ok(transaction.commit()?)
}

/// The keys of a company, or of all companies, including disabled keys, each with a recent second of its use; `None` if it
/// was not used.
pub fn keys(store: &dyn Store, company_id: Option<i64>) -> Result<Vec<(ApiKey, Option<i64>)>, TenantError> {
    let mut snapshot = store.snapshot()?;
    if let Some(company_id) = company_id {
        require_company(&mut *snapshot, company_id)?;
    }
    let keys = snapshot.api_keys(company_id)?;
    let companies: BTreeSet<i64> = keys.iter().map(|key| key.company_id).collect();
    let mut uses = HashMap::new();
    for company_id in companies {
        uses.extend(snapshot.key_uses(company_id)?);
    }
    Ok(keys
        .into_iter()
        .map(|key| (uses.get(&key.public_key).copied(), key))
        .map(|(used_s, key)| (key, used_s))
        .collect())
}

/// The name without white space around it; it may be empty.
fn checked_key_name(name: &str) -> Result<String, TenantError> {
    if name.trim().is_empty() {
        Ok(String::new())
    } else {
        Ok(checked_name("the key's name", name.trim())?.to_owned())
    }
}

/// Each permission once; all of them are stored as none, so that they hold for later kinds too.
fn checked_permissions(permissions: &[Permission]) -> Vec<Permission> {
    let permissions: BTreeSet<Permission> = permissions.iter().copied().collect();
    if permissions.len() == Permission::ALL.len() { Vec::new() } else { permissions.into_iter().collect() }
}

/// An end that is over would make a key that is never answered, most likely by a slip.
fn checked_end(expires_s: Option<i64>, now_s: i64) -> Result<Option<i64>, TenantError> {
    if expires_s.is_some_and(|end_s| end_s <= now_s) { Err(TenantError::Ended) } else { Ok(expires_s) }
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
