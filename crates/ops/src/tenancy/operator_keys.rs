//! Keys of the operator's own programs, such as gateways: bearer tokens of which only a digest is kept.

use sha2::Digest as _;
use tollbook_store::{OperatorKey, Store, StoreResult, Transaction};

use super::companies::{TenantError, checked_name};
use crate::random;

/// How a key begins, so that people and scanners of secrets know it.
const PREFIX: &str = "tbo_";
const KEY_CHARACTERS: usize = 40;

fn digest(key: &str) -> [u8; 32] {
    sha2::Sha256::digest(key.as_bytes()).into()
}

/// Makes a key; it is shown once and never again.
///
/// # Errors
/// The name is not a text, or the store fails.
pub fn add_operator_key(store: &dyn Store, name: &str, now_s: i64) -> Result<String, TenantError> {
    let name = checked_name("the key's name", name)?;
    let mut transaction = store.begin()?;
    let key = add_operator_key_in(transaction.as_mut(), name, now_s)?;
    transaction.commit()?;
    Ok(key)
}

/// The same as a part of a larger transaction; the name is a text.
pub(crate) fn add_operator_key_in(
    transaction: &mut dyn Transaction,
    name: &str,
    now_s: i64,
) -> StoreResult<String> {
    let key = format!("{PREFIX}{}", random::token(KEY_CHARACTERS));
    transaction.add_operator_key(&OperatorKey {
        digest: digest(&key),
        name: name.to_owned(),
        created_s: now_s,
        disabled: false,
    })?;
    Ok(key)
}

/// The key that a program shows, if it is one. It is looked up by its digest: how long that takes says nothing about it.
///
/// # Errors
/// Those of the store.
pub fn known_operator_key(store: &dyn Store, key: &str) -> StoreResult<Option<OperatorKey>> {
    Ok(store.snapshot()?.operator_key(&digest(key))?.filter(|known| !known.disabled))
}
