//! Opens the object store: the embedded one, or the one that the configuration names, with its keys from the environment.

use std::sync::Arc;

use tollbook_objects::{
    EmbeddedSettings, EmbeddedStore, ObjectKey, ObjectKeys, ObjectStore, RemoteSettings, RemoteStore,
    StoreUrl,
};
use tollbook_ops::maintenance::shared_objects::{self, object_keys};
use tollbook_ops::{Clock as _, Config, MasterKey, SystemClock, random};
use tollbook_store::Store;

use crate::arguments::Global;
use crate::output::Failure;

/// The bucket name in signed links of the embedded object store.
pub(super) const BUCKET: &str = "tollbook";

const PUBLIC_KEY_VARIABLE: &str = "TOLLBOOK_OBJECTS_PUBLIC_KEY";
const PRIVATE_KEY_VARIABLE: &str = "TOLLBOOK_OBJECTS_PRIVATE_KEY";
const SESSION_TOKEN_VARIABLE: &str = "TOLLBOOK_OBJECTS_SESSION_TOKEN";

/// The opened object store.
pub(super) struct Objects {
    pub(super) store: Arc<dyn ObjectStore>,
    /// The same store, if it is the embedded one.
    pub(super) embedded: Option<Arc<EmbeddedStore>>,
}

impl Objects {
    /// Opens the configured store. Fails if the embedded store is not the one that other servers of the database use.
    pub(super) fn open(
        global: &Global,
        config: &Config,
        database: &dyn Store,
        master: &MasterKey,
    ) -> Result<Self, Failure> {
        if let Some(url) = &config.objects.store {
            let store = Arc::new(remote(global, config, url)?);
            report_unreachable(Arc::clone(&store))?;
            return Ok(Self { store, embedded: None });
        }
        let embedded = Arc::new(EmbeddedStore::new(EmbeddedSettings {
            data_directory: global.data.clone(),
            bucket: BUCKET.to_owned(),
            keys: object_keys(master),
            retention_s: config.object_retention_s,
            spool: config.objects.spool,
        })?);
        shared_objects::bind(database, &embedded)?;
        Ok(Self { store: embedded.clone(), embedded: Some(embedded) })
    }
}

/// Logs whether a remote store answers, without waiting for it: the server starts, because everything but exports works
/// without the store. Otherwise the first customer to ask for an export would find out.
fn report_unreachable(store: Arc<RemoteStore>) -> Result<(), Failure> {
    let absent = ObjectKey::export(0, random::u128(), "probe")?;
    std::thread::spawn(move || {
        let store_url = store.identity();
        match store.len_of(&absent) {
            Ok(_) => tracing::info!(store = store_url, "the object store answers"),
            Err(error) => {
                tracing::error!(store = store_url, %error, "the object store does not answer; exports fail until it does");
            }
        }
    });
    Ok(())
}

fn remote(global: &Global, config: &Config, url: &StoreUrl) -> Result<RemoteStore, Failure> {
    let (Some(public), Some(private)) = (secret(PUBLIC_KEY_VARIABLE), secret(PRIVATE_KEY_VARIABLE)) else {
        return Err(Failure::new(format!(
            "objects.store is {url}, whose keys must be in the environment: \
             {PUBLIC_KEY_VARIABLE} and {PRIVATE_KEY_VARIABLE}"
        )));
    };
    let settings = RemoteSettings {
        data_directory: global.data.clone(),
        keys: ObjectKeys::new(public, private),
        session_token: secret(SESSION_TOKEN_VARIABLE),
        retention_s: config.object_retention_s,
        spool: config.objects.spool,
        tuning: config.objects.tuning.clone(),
        now_s: Arc::new(|| SystemClock.now_s()),
    };
    RemoteStore::open(url, &settings).map_err(|error| Failure::new(format!("objects.store {url}: {error}")))
}

/// The value of an environment variable. An empty variable is treated as unset.
#[expect(clippy::disallowed_methods, reason = "keys of a store; no argument and no file may hold them")]
fn secret(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
