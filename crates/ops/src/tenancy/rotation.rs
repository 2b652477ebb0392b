//! Replacing the master key while servers run (docs/OPERATIONS.md, "Replacing the master key").
//!
//! A rotation is recorded in the database with each of the two keys encrypted under the other one, so that a process that
//! has either knows both, and with it opens private keys that are encrypted under the one or the other. Private keys are
//! then encrypted again in batches. The last step makes the new key the database's and deletes the record, and with it what
//! the former key could open. Every step may be repeated, and none is needed to undo another one.

use serde_json::json;
use tollbook_domain::tenant::ApiKey;
use tollbook_store::{DEPLOYMENT_CHAIN, Store, StoreError, Transaction};

use super::secrets::{FINGERPRINT_SETTING, MasterKey, ROTATION_SETTING, Rotation, SecretError};
use crate::audit::{ActKind, record};
use crate::webhooks::reseal_secrets;

/// Private keys that are encrypted again in one transaction.
const BATCH: usize = 1_000;
/// Longest time after which a running server knows of a rotation, in seconds: several times that between two looks.
pub const LEARNING_S: i64 = 60;

/// Why the master key was not replaced, or not yet.
#[derive(Debug, thiserror::Error)]
pub enum RotationError {
    /// Another rotation is under way.
    #[error("the master key is being replaced by the one with the fingerprint {0}; finish that first")]
    Other(String),
    /// There is no rotation to finish.
    #[error("the master key is not being replaced; `tollbook master-key rotate` begins it")]
    None,
    /// The process has the former key.
    #[error(
        "this process has the former master key; the rotation is finished with the new one, whose fingerprint is {0}"
    )]
    Former(String),
    /// The new key is the present one.
    #[error("the new master key is the present one")]
    Same,
    /// Servers may not know of the rotation yet.
    #[error(
        "servers may not know of the new master key yet; try again in {0} s, or with --now if every server was restarted since"
    )]
    TooSoon(i64),
    /// A key cannot be used.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Records that the key of a database is being replaced. From then on, processes that have either key know both. The new key
/// must be kept durably before. Idempotent.
///
/// # Errors
/// [`RotationError::Other`] if another rotation is under way; then nothing has changed.
pub fn begin(
    store: &dyn Store,
    former: &MasterKey,
    next: &MasterKey,
    now_s: i64,
) -> Result<(), RotationError> {
    if former.fingerprint() == next.fingerprint() {
        return Err(RotationError::Same);
    }
    let mut transaction = store.begin()?;
    transaction.lock_name(FINGERPRINT_SETTING)?;
    if let Some(rotation) = Rotation::under_way(&mut *transaction)? {
        if rotation.next != next.fingerprint() {
            return Err(RotationError::Other(rotation.next));
        }
    } else {
        let own = former.fingerprint();
        let stored = transaction.setting(FINGERPRINT_SETTING)?.unwrap_or_else(|| own.clone());
        if stored != own {
            return Err(SecretError::OtherKey { stored, own }.into());
        }
        let rotation = Rotation {
            next: next.fingerprint(),
            begun_s: now_s,
            next_under_former: former.seal_key(next),
            former_under_next: next.seal_key(former),
        };
        transaction.set_setting(ROTATION_SETTING, &rotation.text())?;
        let before = json!({"Fingerprint": own});
        let after = json!({"Fingerprint": &rotation.next, "State": "begun"});
        record(&mut *transaction, ActKind::MasterKeyReplace, DEPLOYMENT_CHAIN, &before, &after);
        transaction.commit()?;
    }
    former.learn_key(next, true);
    next.learn_key(former, false);
    Ok(())
}

/// Encrypts private keys and secrets of webhooks under the new key, in batches, and calls `progress` after each with their number. Returns the
/// number of those that were encrypted anew. If it is interrupted, it continues when it is called again.
///
/// # Errors
/// A private key is encrypted under neither key, or the database failed. What was done is kept.
pub fn reseal(
    store: &dyn Store,
    master: &MasterKey,
    progress: &mut dyn FnMut(usize),
) -> Result<usize, RotationError> {
    if master.learn(&mut *store.snapshot()?)?.is_none() {
        return Err(RotationError::None);
    }
    let keys = store.snapshot()?.api_keys(None)?;
    let old: Vec<ApiKey> =
        keys.into_iter().filter(|key| !master.is_current(&key.public_key, &key.sealed_private_key)).collect();
    let mut done = 0;
    for batch in old.chunks(BATCH) {
        let mut transaction = store.begin()?;
        done += reseal_in(&mut *transaction, master, batch)?;
        transaction.commit()?;
        progress(done);
    }
    // An owner has a bounded number of endpoints.
    let mut transaction = store.begin()?;
    let secrets = reseal_secrets(&mut *transaction, master)?;
    if secrets > 0 {
        transaction.commit()?;
        done += secrets;
        progress(done);
    }
    Ok(done)
}

fn reseal_in(
    transaction: &mut dyn Transaction,
    master: &MasterKey,
    keys: &[ApiKey],
) -> Result<usize, RotationError> {
    let mut done = 0;
    for key in keys {
        let private_key = master.open(&key.public_key, &key.sealed_private_key)?;
        let sealed = master.seal(&key.public_key, &private_key);
        // Another run of the same command may have done it.
        done +=
            usize::from(transaction.replace_sealed_key(&key.public_key, &key.sealed_private_key, &sealed)?);
    }
    Ok(done)
}

/// Makes the new key the key of the database, and forgets the former one. `master` must be the new one. What a process with
/// the former key has added meanwhile is encrypted under the new one in the same transaction. Without `now_s`, it is not checked
/// that running servers have had the time to learn of the new key.
///
/// # Errors
/// [`RotationError::TooSoon`] if servers may not know of the new key yet. Nothing has changed then.
pub fn finish(store: &dyn Store, master: &MasterKey, now_s: Option<i64>) -> Result<(), RotationError> {
    let mut transaction = store.begin()?;
    // A process that seals a private key waits here, and then sees the new fingerprint.
    transaction.lock_name(FINGERPRINT_SETTING)?;
    let rotation = Rotation::under_way(&mut *transaction)?.ok_or(RotationError::None)?;
    if rotation.next != master.fingerprint() {
        return Err(RotationError::Former(rotation.next));
    }
    let ready_s = rotation.begun_s.saturating_add(LEARNING_S);
    // A clock that was set back since would let the rotation wait for long.
    if let Some(now_s) = now_s.filter(|now_s| (rotation.begun_s..ready_s).contains(now_s)) {
        return Err(RotationError::TooSoon(ready_s - now_s));
    }
    master.learn(&mut *transaction)?;
    let keys = transaction.api_keys(None)?;
    let old: Vec<ApiKey> =
        keys.into_iter().filter(|key| !master.is_current(&key.public_key, &key.sealed_private_key)).collect();
    reseal_in(&mut *transaction, master, &old)?;
    reseal_secrets(&mut *transaction, master)?;
    let before = json!({"Fingerprint": transaction.setting(FINGERPRINT_SETTING)?});
    let after = json!({"Fingerprint": &rotation.next, "State": "completed"});
    record(&mut *transaction, ActKind::MasterKeyReplace, DEPLOYMENT_CHAIN, &before, &after);
    transaction.set_setting(FINGERPRINT_SETTING, &rotation.next)?;
    transaction.set_setting(ROTATION_SETTING, "")?;
    transaction.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tollbook_store::{StoreOptions, open_sqlite};

    use super::*;
    use crate::tenancy::companies::add_company;
    use crate::tenancy::keys::{KeyRights, NewKey, add_key};

    struct Fixture {
        store: Arc<dyn Store>,
        _folder: tempfile::TempDir,
        former: MasterKey,
        keys: Vec<NewKey>,
    }

    /// A database with keys that are encrypted under a master key, which is its own.
    fn fixture(keys: usize) -> Fixture {
        let folder = tempfile::tempdir().unwrap();
        let store = open_sqlite(&folder.path().join("tollbook.db"), &StoreOptions::default()).unwrap();
        let former = MasterKey::generate();
        former.bind(&*store).unwrap();
        let company = add_company(&*store, None, "one", "CNY", "default").unwrap().company_id;
        let add = |_| add_key(&*store, &former, company, &KeyRights::default(), 1).unwrap();
        let keys = (0..keys).map(add).collect();
        Fixture { store, _folder: folder, former, keys }
    }

    impl Fixture {
        /// Whether a process that was started with the key opens every private key, as a server does.
        fn opens_all(&self, master: &MasterKey) -> bool {
            self.keys.iter().all(|key| {
                let stored = self.store.snapshot().unwrap().api_key(&key.public_key).unwrap().unwrap();
                let opened = master.open_learning(&*self.store, &key.public_key, &stored.sealed_private_key);
                opened.is_ok_and(|opened| opened == key.private_key)
            })
        }

        fn is_bound_to(&self, master: &MasterKey) -> bool {
            master.bind(&*self.store).is_ok()
        }
    }

    /// The same key in a process that was just started.
    fn restarted(master: &MasterKey) -> MasterKey {
        MasterKey::from_hex(&master.to_hex()).unwrap()
    }

    #[test]
    fn processes_with_either_key_work_until_the_rotation_is_finished() {
        let fixture = fixture(3);
        let (store, former) = (&*fixture.store, &fixture.former);
        let next = MasterKey::generate();
        let running = restarted(former);
        assert!(fixture.opens_all(&running) && !fixture.is_bound_to(&next));
        begin(store, former, &next, 1_000).unwrap();
        for _ in 0..2 {
            for master in [&running, &restarted(former), &restarted(&next)] {
                assert!(fixture.opens_all(master) && fixture.is_bound_to(master));
            }
            // The second time after every private key was encrypted again.
            reseal(store, &restarted(former), &mut |_| {}).unwrap();
        }
        assert_eq!(reseal(store, &restarted(&next), &mut |_| {}).unwrap(), 0, "nothing is left to do");
        let finish = |master: &MasterKey, now_s| finish(store, &restarted(master), Some(now_s));
        assert!(matches!(finish(former, 2_000), Err(RotationError::Former(_))));
        assert!(matches!(finish(&next, 1_059), Err(RotationError::TooSoon(1))));
        finish(&next, 1_060).unwrap();
        assert!(matches!(finish(&next, 1_060), Err(RotationError::None)));
        assert!(fixture.opens_all(&running), "a server that has learned the new key goes on");
        assert!(fixture.opens_all(&restarted(&next)) && fixture.is_bound_to(&restarted(&next)));
        let old = restarted(former);
        assert!(!fixture.opens_all(&old) && !fixture.is_bound_to(&old), "the former key opens nothing");
        let company = 1;
        let added = add_key(store, &old, company, &KeyRights::default(), 1);
        assert!(added.unwrap_err().to_string().contains("belongs to another master key"));
        let added = add_key(store, &running, company, &KeyRights::default(), 1).unwrap();
        let stored = store.snapshot().unwrap().api_key(&added.public_key).unwrap().unwrap();
        assert!(restarted(&next).open(&added.public_key, &stored.sealed_private_key).is_ok());
    }

    #[test]
    fn an_interrupted_rotation_continues() {
        let fixture = fixture(2 * BATCH + 5);
        let (store, former) = (&*fixture.store, &fixture.former);
        let next = MasterKey::generate();
        begin(store, former, &next, 0).unwrap();
        // A run that ends after the first batch, as if it were killed.
        let killed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            reseal(store, &restarted(former), &mut |_| panic!("killed"))
        }));
        assert!(killed.is_err());
        assert!(fixture.opens_all(&restarted(former)) && fixture.opens_all(&restarted(&next)));
        begin(store, &restarted(former), &next, 5).unwrap();
        let mut steps = Vec::new();
        let done = reseal(store, &restarted(&next), &mut |done| steps.push(done)).unwrap();
        assert_eq!((done, steps), (BATCH + 5, vec![BATCH, BATCH + 5]));
        finish(store, &restarted(&next), Some(LEARNING_S)).unwrap();
        assert!(fixture.opens_all(&restarted(&next)) && !fixture.opens_all(&restarted(former)));
    }

    #[test]
    fn a_key_that_was_added_late_with_the_former_key_is_not_lost() {
        let fixture = fixture(1);
        let (store, former) = (&*fixture.store, &fixture.former);
        let next = MasterKey::generate();
        begin(store, former, &next, 0).unwrap();
        // Nothing was encrypted again: finishing does it.
        finish(store, &restarted(&next), None).unwrap();
        assert!(fixture.opens_all(&restarted(&next)) && !fixture.opens_all(&restarted(former)));
    }

    #[test]
    fn only_one_rotation_is_under_way() {
        let fixture = fixture(1);
        let (store, former) = (&*fixture.store, &fixture.former);
        let [next, other] = [MasterKey::generate(), MasterKey::generate()];
        assert!(matches!(begin(store, former, former, 0), Err(RotationError::Same)));
        assert!(matches!(begin(store, &other, &next, 0), Err(RotationError::Secret(_))));
        assert!(matches!(reseal(store, former, &mut |_| {}), Err(RotationError::None)));
        begin(store, former, &next, 0).unwrap();
        assert!(matches!(begin(store, former, &other, 0), Err(RotationError::Other(_))));
        assert!(matches!(reseal(store, &other, &mut |_| {}), Err(RotationError::Secret(_))));
        begin(store, former, &next, 0).unwrap();
    }
}
