//! Keys of the operator's own programs, such as gateways: bearer tokens. Only their digests are stored.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sha2::Digest as _;
use tollbook_domain::OperatorRole;
use tollbook_store::{DEPLOYMENT_CHAIN, OperatorKey, Store, StoreResult, Transaction};

use super::error::TenantError;
use super::names::checked_name;
use crate::audit::{ActKind, record};
use crate::random;

/// Prefix by which people and secret scanners recognize a key.
const PREFIX: &str = "tbo_";
const KEY_CHARACTERS: usize = 40;

fn digest(key: &str) -> [u8; 32] {
    sha2::Sha256::digest(key.as_bytes()).into()
}

/// Creates a key and returns it. It cannot be recovered later.
///
/// # Errors
/// The name breaks the rule for names, or the store fails.
pub fn add_operator_key(store: &dyn Store, name: &str, now_s: i64) -> Result<String, TenantError> {
    add_operator_key_with(store, name, &[OperatorRole::Usage], now_s)
}

/// [`add_operator_key`] of a key with other roles than that of a gateway.
///
/// # Errors
/// The name breaks the rule for names, there is no role, or the store fails.
pub fn add_operator_key_with(
    store: &dyn Store,
    name: &str,
    roles: &[OperatorRole],
    now_s: i64,
) -> Result<String, TenantError> {
    let roles: Vec<OperatorRole> = roles.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
    if roles.is_empty() {
        return Err(TenantError::NoRole);
    }
    let name = checked_name("the key's name", name.trim())?;
    let mut transaction = store.begin()?;
    let key = add_operator_key_in(transaction.as_mut(), name, &roles, now_s)?;
    transaction.commit()?;
    Ok(key)
}

/// [`add_operator_key`] within a larger transaction; the name is valid.
pub(crate) fn add_operator_key_in(
    transaction: &mut dyn Transaction,
    name: &str,
    roles: &[OperatorRole],
    now_s: i64,
) -> StoreResult<String> {
    let key = format!("{PREFIX}{}", random::token(KEY_CHARACTERS));
    transaction.add_operator_key(&OperatorKey {
        digest: digest(&key),
        name: name.to_owned(),
        created_s: now_s,
        disabled: false,
        roles: roles.to_vec(),
    })?;
    let names: Vec<&str> = roles.iter().map(|role| role.name()).collect();
    let after = json!({"Name": name, "Roles": names});
    record(transaction, ActKind::OperatorKeyAdd, DEPLOYMENT_CHAIN, &Value::Null, &after);
    Ok(key)
}

/// Disables all keys of a name for good. Returns how many keys have the name.
///
/// # Errors
/// No key has the name, or the store fails.
pub fn disable_operator_keys(store: &dyn Store, name: &str) -> Result<u64, TenantError> {
    let mut transaction = store.begin()?;
    let enabled = transaction.operator_keys()?.iter().filter(|key| key.name == name && !key.disabled).count();
    let disabled = transaction.disable_operator_keys(name)?;
    if disabled == 0 {
        return Err(TenantError::UnknownOperatorKey(name.to_owned()));
    }
    let named = |enabled: usize| json!({"Name": name, "Enabled": enabled});
    record(transaction.as_mut(), ActKind::OperatorKeyDisable, DEPLOYMENT_CHAIN, &named(enabled), &named(0));
    transaction.commit()?;
    Ok(disabled)
}

/// The enabled key that a program presents, if there is one. It is looked up by its digest, so the time of the look-up
/// reveals nothing about stored keys.
///
/// # Errors
/// Those of the store.
pub fn known_operator_key(store: &dyn Store, key: &str) -> StoreResult<Option<OperatorKey>> {
    Ok(store.snapshot()?.operator_key(&digest(key))?.filter(|known| !known.disabled))
}
