//! Servers beside each other on one database must deliver the same exports: a link that one of them signs is opened at
//! another. With the embedded object store that takes a directory that they share, which is checked at their start.

use serde_json::{Value, json};
use tollbook_objects::{DeploymentError, EmbeddedStore, ObjectKeys};
use tollbook_store::{DEPLOYMENT_CHAIN, Store, StoreError, StoreResult};

use crate::audit::{ActKind, record};
use crate::random;
use crate::tenancy::secrets::MasterKey;

const SETTING: &str = "objects_deployment_id";

/// Why this server must not deliver exports.
#[derive(Debug, thiserror::Error)]
pub enum SharedObjectsError {
    /// Its directory is not the deployment's.
    #[error(transparent)]
    Directory(#[from] DeploymentError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Checks that the directory of the embedded object store is the one that the database's other servers use; the first
/// server of a deployment records its own. A database that only this machine can use is not checked: moving it
/// may leave old exports behind.
///
/// # Errors
/// What is wrong, and what to do about it.
pub fn bind(store: &dyn Store, objects: &EmbeddedStore) -> Result<(), SharedObjectsError> {
    if !store.is_shared() {
        return Ok(());
    }
    let recorded = store.snapshot()?.setting(SETTING)?;
    let own = objects.identify(recorded.as_deref(), random::u128())?;
    if recorded.is_some() {
        return Ok(());
    }
    let mut transaction = match store.begin() {
        // A server on a database that was moved only reads, and issues no new links to its own directory.
        Err(StoreError::Moved { .. }) => return Ok(()),
        begun => begun?,
    };
    transaction.lock_name(SETTING)?;
    // Of two first servers with different directories, the later one must be refused.
    if let Some(first) = transaction.setting(SETTING)? {
        objects.identify(Some(&first), random::u128())?;
        return Ok(());
    }
    transaction.set_setting(SETTING, &own)?;
    Ok(transaction.commit()?)
}

/// [`object_keys`], to be shown to an operator: that is an act, and without its entry in the audit log they are not shown.
///
/// # Errors
/// Those of the store.
pub fn show_object_keys(store: &dyn Store, master: &MasterKey) -> StoreResult<ObjectKeys> {
    let keys = object_keys(master);
    let mut transaction = store.begin()?;
    let after = json!({"PublicKey": keys.public()});
    record(transaction.as_mut(), ActKind::ObjectKeysShow, DEPLOYMENT_CHAIN, &Value::Null, &after);
    transaction.commit()?;
    Ok(keys)
}

/// The key pair that links are signed with: the deployment's own, the same on every server that has the master key,
/// and never a customer's.
pub fn object_keys(master: &MasterKey) -> ObjectKeys {
    let [public, private] =
        ["object public key", "object private key"].map(|purpose| master.derive_shared(purpose));
    ObjectKeys::new(format!("TOKEN_{}", hex::encode(&public[..16])), hex::encode(private))
}
