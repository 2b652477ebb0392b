//! When keys were used. A use is noted in the store once a minute, not with each request: an operator wants to know
//! whether a key is still used, and requests must not become writes.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tollbook_domain::tenant::ApiKey;
use tollbook_store::{Store, StoreResult};

/// The latest use of each key since it was last noted: company and second, by public key.
#[derive(Default)]
pub(crate) struct KeyUses(Mutex<HashMap<String, (i64, i64)>>);

impl KeyUses {
    /// A request of the key was verified.
    pub(crate) fn used(&self, key: &ApiKey, now_s: i64) {
        let mut uses = self.uses();
        match uses.get_mut(&key.public_key) {
            Some((_, used_s)) => *used_s = now_s.max(*used_s),
            None => {
                uses.insert(key.public_key.clone(), (key.company_id, now_s));
            }
        }
    }

    /// Notes the uses in the store. What could not be noted is kept.
    pub(crate) fn note(&self, store: &dyn Store) -> StoreResult<()> {
        let uses = self.uses().clone();
        if uses.is_empty() {
            return Ok(());
        }
        let mut noted: Vec<_> = uses.into_iter().collect();
        // In one order, so that servers that note the same keys do not wait for each other in a circle.
        noted.sort_unstable();
        let mut transaction = store.begin()?;
        for (public_key, (company_id, used_s)) in &noted {
            transaction.note_key_use(*company_id, public_key, *used_s)?;
        }
        transaction.commit()?;
        let mut uses = self.uses();
        for (public_key, known) in noted {
            if uses.get(&public_key) == Some(&known) {
                uses.remove(&public_key);
            }
        }
        Ok(())
    }

    fn uses(&self) -> MutexGuard<'_, HashMap<String, (i64, i64)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
