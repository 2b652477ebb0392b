//! `object-keys`: the key pair of the embedded object store, for US3 clients (docs/SIGNING.md, "US3 operations").

use serde_json::json;
use tollbook_ops::maintenance::shared_objects::show_object_keys;

use super::object_store::BUCKET;
use crate::arguments::Global;
use crate::deployment;
use crate::output::{Failure, Output};

/// Shows the pair. It is derived from the master key, so that it is the same at every call.
pub(crate) fn show(global: &Global, output: &Output) -> Result<(), Failure> {
    if let Some(store) = deployment::config(global)?.objects.store {
        return Err(Failure::new(format!(
            "exports are stored in {store}, whose keys are in the environment; the embedded store is not used"
        )));
    }
    let store = deployment::store(global)?;
    let keys = show_object_keys(store.as_ref(), &deployment::master_key(global, store.as_ref())?)?;
    let value = json!({"Bucket": BUCKET, "PublicKey": keys.public(), "PrivateKey": keys.private()});
    output.result(&value, || {
        format!("bucket  {BUCKET}\npublic  {}\nprivate {}", keys.public(), keys.private())
    });
    Ok(())
}
