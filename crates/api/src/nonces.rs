//! The nonces of strictly signed requests. All servers of a deployment remember them in the database, so that a request is
//! answered once, whichever server gets it, and after a restart too. They are dropped when their time is out of the window.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tollbook_domain::tenant::ApiKey;
use tollbook_store::{Store, StoreResult};

/// Remembers and drops nonces.
pub(crate) struct Nonces {
    window_s: i64,
    /// The companies of which this server has remembered nonces, each with the latest time of signing.
    companies: Mutex<HashMap<i64, i64>>,
    /// Whether this server has dropped what was there when it started.
    has_begun: AtomicBool,
    /// Nonces of this time and later are remembered.
    kept_since_s: AtomicI64,
}

impl Nonces {
    pub(crate) fn new(window_s: i64) -> Self {
        Self {
            window_s,
            companies: Mutex::default(),
            has_begun: AtomicBool::new(false),
            kept_since_s: AtomicI64::new(i64::MIN),
        }
    }

    /// Remembers the nonce of a request; `false` if it was remembered already, or may have been and was dropped.
    pub(crate) fn remember(
        &self,
        store: &dyn Store,
        key: &ApiKey,
        signed_s: i64,
        nonce: &str,
        durable: bool,
    ) -> StoreResult<bool> {
        let mut transaction = store.begin()?;
        let is_new = transaction.remember_nonce(key, signed_s, nonce, durable)?;
        // Before it is stored, so that what is stored is dropped again.
        self.companies()
            .entry(key.company_id)
            .and_modify(|latest_s| *latest_s = signed_s.max(*latest_s))
            .or_insert(signed_s);
        transaction.commit()?;
        // If the clock was set back, what was dropped would be accepted again.
        Ok(is_new && signed_s >= self.kept_since_s.load(Ordering::Acquire))
    }

    /// Drops the nonces whose time is out of the window at every server: clocks of servers may differ by the window.
    pub(crate) fn sweep(&self, store: &dyn Store, now_s: i64) -> StoreResult<()> {
        let before_s = now_s.saturating_sub(2 * self.window_s);
        self.kept_since_s.fetch_max(before_s, Ordering::AcqRel);
        let drop_of = |company_id: i64| {
            let mut transaction = store.begin()?;
            transaction.drop_nonces(company_id, before_s)?;
            transaction.commit()
        };
        if !self.has_begun.load(Ordering::Acquire) {
            for company in store.snapshot()?.companies()? {
                drop_of(company.company_id)?;
            }
            self.has_begun.store(true, Ordering::Release);
        }
        let companies: Vec<i64> = self.companies().keys().copied().collect();
        for company_id in companies {
            drop_of(company_id)?;
            let mut companies = self.companies();
            // Nothing is left of a company whose latest one was dropped.
            if companies.get(&company_id).is_some_and(|latest_s| *latest_s < before_s) {
                companies.remove(&company_id);
            }
        }
        Ok(())
    }

    fn companies(&self) -> MutexGuard<'_, HashMap<i64, i64>> {
        self.companies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tollbook_store::{StoreOptions, open_sqlite};

    use super::*;

    const WINDOW_S: i64 = 300;

    fn company(store: &dyn Store) -> i64 {
        let mut transaction = store.begin().unwrap();
        let company = transaction.add_company("one", "CNY", "default").unwrap();
        transaction.commit().unwrap();
        company.company_id
    }

    #[test]
    fn nonces_are_dropped_when_their_time_is_out_of_the_window_everywhere() {
        let folder = tempfile::tempdir().unwrap();
        let store: Arc<dyn Store> =
            open_sqlite(&folder.path().join("tollbook.db"), &StoreOptions::default()).unwrap();
        let key = ApiKey::unrestricted("key", company(&*store), Vec::new());
        let nonces = Nonces::new(WINDOW_S);
        let remember =
            |nonces: &Nonces, signed_s| nonces.remember(&*store, &key, signed_s, "nonce", true).unwrap();
        // How many nonces of these times are stored, without a server's memory of them.
        let stored = |times: &[i64]| {
            let is_stored = |signed_s: &&i64| {
                let mut transaction = store.begin().unwrap();
                !transaction.remember_nonce(&key, **signed_s, "nonce", true).unwrap()
            };
            times.iter().filter(is_stored).count()
        };
        assert!(remember(&nonces, 1_000) && remember(&nonces, 1_001) && !remember(&nonces, 1_000));
        nonces.sweep(&*store, 1_000 + 2 * WINDOW_S).unwrap();
        assert_eq!(stored(&[1_000, 1_001]), 2);
        nonces.sweep(&*store, 1_001 + 2 * WINDOW_S).unwrap();
        assert_eq!(stored(&[1_000, 1_001]), 1);
        assert!(!remember(&nonces, 1_000), "the clock was set back: it may have been accepted");
        nonces.sweep(&*store, 9_000).unwrap();
        assert_eq!(stored(&[1_000, 1_001]), 0);
        assert!(nonces.companies().is_empty(), "nothing is left to look for");
        // Those that a server finds when it starts are dropped too.
        assert!(remember(&nonces, 9_000));
        let restarted = Nonces::new(WINDOW_S);
        assert!(!remember(&restarted, 9_000));
        Nonces::new(WINDOW_S).sweep(&*store, 9_001 + 2 * WINDOW_S).unwrap();
        assert_eq!(stored(&[9_000]), 0);
    }
}
