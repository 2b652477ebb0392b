//! What a deployment is: settings, guard, mark, moves and digests.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tollbook_domain::tenant::ApiKey;
use tollbook_domain::{Catalogue, Discount, OperatorRole, UnitPrice};
use tollbook_store::{
    DeploymentGuard, DeploymentSetting, Moved, Store, StoreError, StoreOptions, StoreResult, Transaction,
    copy,
};

use crate::Backend;
use crate::tenants::company;

/// A guard that counts its calls, refuses on demand, stores settings if it has some, and keeps every mark.
#[derive(Default)]
struct Guard {
    asked: AtomicUsize,
    refuses: AtomicBool,
    states: Vec<DeploymentSetting>,
    kept: Mutex<Vec<i64>>,
}

impl DeploymentGuard for Guard {
    fn check(&self, transaction: &mut dyn Transaction) -> StoreResult<()> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if self.refuses.load(Ordering::Relaxed) {
            return Err(StoreError::OtherSettings("other settings".into()));
        }
        transaction.set_deployment_id("here")?;
        if transaction.deployment_settings()? != self.states {
            transaction.set_deployment_settings(&self.states)?;
        }
        Ok(())
    }

    fn is_mark_due(&self) -> bool {
        true
    }

    fn keep_mark(&self, deployment_id: &str, mark_no: i64) {
        assert_eq!(deployment_id, "here");
        self.kept.lock().unwrap().push(mark_no);
    }
}

fn settings(sequence: &str) -> Vec<DeploymentSetting> {
    vec![("brand.default.channel".into(), "1".into()), ("charging.sequence".into(), sequence.into())]
}

fn guarded(backend: &dyn Backend, states: Vec<DeploymentSetting>) -> (Arc<dyn Store>, Arc<Guard>) {
    let store = backend.open(&StoreOptions::default());
    let guard = Arc::new(Guard { states, ..Guard::default() });
    store.set_guard(guard.clone());
    (store, guard)
}

fn write(store: &dyn Store) -> StoreResult<()> {
    let mut transaction = store.begin()?;
    transaction.set_setting("of a test", "written")?;
    transaction.commit()
}

fn assert_no_difference(store: &dyn Store) {
    assert_eq!(store.snapshot().unwrap().verify_deployment(10).unwrap(), Vec::<String>::new());
}

pub(crate) fn a_guard_is_asked_once_and_after_each_change_of_settings(backend: &dyn Backend) {
    let (store, guard) = guarded(backend, settings("cash"));
    assert_eq!(store.snapshot().unwrap().deployment_settings().unwrap(), []);
    for _ in 0..3 {
        write(&*store).unwrap();
    }
    assert_eq!(guard.asked.load(Ordering::Relaxed), 1);
    let mut snapshot = store.snapshot().unwrap();
    assert_eq!(snapshot.deployment_settings().unwrap(), settings("cash"));
    let state = snapshot.deployment_state().unwrap();
    assert_eq!((state.deployment_id.as_str(), state.settings_version), ("here", 1));
    drop(snapshot);
    // Another process changes the settings on purpose.
    backend.connect().adopt(&settings("bonus")).unwrap();
    guard.refuses.store(true, Ordering::Relaxed);
    assert!(matches!(write(&*store), Err(StoreError::OtherSettings(_))));
    assert!(matches!(write(&*store), Err(StoreError::OtherSettings(_))), "it is asked again until it agrees");
    assert_eq!(guard.asked.load(Ordering::Relaxed), 3);
    assert_eq!(store.snapshot().unwrap().deployment_settings().unwrap(), settings("bonus"));
    // The same settings again are no change.
    backend.connect().adopt(&settings("bonus")).unwrap();
    assert_eq!(store.snapshot().unwrap().deployment_state().unwrap().settings_version, 2);
    assert_no_difference(&*store);
}

pub(crate) fn a_refused_process_writes_nothing_and_reads(backend: &dyn Backend) {
    company(&*backend.open(&StoreOptions::default()), "one");
    let (store, guard) = guarded(backend, settings("cash"));
    guard.refuses.store(true, Ordering::Relaxed);
    assert!(matches!(store.begin().map(|_| ()), Err(StoreError::OtherSettings(_))));
    let mut snapshot = store.snapshot().unwrap();
    assert_eq!(snapshot.companies().unwrap().len(), 1);
    assert_eq!(snapshot.deployment_settings().unwrap(), []);
    assert_eq!(snapshot.deployment_state().unwrap().deployment_id, "");
    assert!(guard.kept.lock().unwrap().is_empty());
}

pub(crate) fn a_moved_database_is_read_until_it_is_adopted(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions::default());
    company(&*store, "one");
    let moved = Moved { to: "postgres://elsewhere/bills".into(), at_s: 5, is_done: false };
    let other = backend.connect();
    assert_eq!(other.set_moved(Some(&moved)).unwrap(), None);
    // A store that was opened before is refused as well.
    let refused = write(&*store).unwrap_err();
    assert!(matches!(&refused, StoreError::Moved { is_done: false, .. }));
    assert!(refused.to_string().contains("is being moved to postgres://elsewhere/bills"), "{refused}");
    let done = Moved { is_done: true, ..moved.clone() };
    assert_eq!(other.set_moved(Some(&done)).unwrap(), Some(moved));
    let refused = write(&*backend.open(&StoreOptions::default())).unwrap_err();
    assert!(refused.to_string().contains("was moved to postgres://elsewhere/bills"), "{refused}");
    let mut snapshot = store.snapshot().unwrap();
    assert_eq!(snapshot.companies().unwrap().len(), 1);
    assert_eq!(snapshot.deployment_state().unwrap().moved, Some(done));
    drop(snapshot);
    other.adopt(&[]).unwrap();
    write(&*store).unwrap();
    assert_no_difference(&*store);
}

pub(crate) fn marks_rise_with_commits_and_are_kept_after_them(backend: &dyn Backend) {
    let (store, guard) = guarded(backend, Vec::new());
    for _ in 0..3 {
        write(&*store).unwrap();
    }
    // A transaction that is rolled back leaves none.
    let mut transaction = store.begin().unwrap();
    transaction.set_setting("of a test", "dropped").unwrap();
    drop(transaction);
    let (other, of_other) = guarded(backend, Vec::new());
    write(&*other).unwrap();
    assert_eq!(*guard.kept.lock().unwrap(), [1, 2, 3]);
    assert_eq!(*of_other.kept.lock().unwrap(), [4]);
    assert_eq!(store.snapshot().unwrap().deployment_state().unwrap().mark_no, 4);
}

pub(crate) fn a_copy_is_the_same_deployment_and_not_moved(backend: &dyn Backend) {
    let (store, _) = guarded(backend, settings("cash"));
    company(&*store, "one");
    let moved = Moved { to: "elsewhere".into(), at_s: 5, is_done: false };
    backend.connect().set_moved(Some(&moved)).unwrap();
    let target = backend.another();
    copy(&backend.connect(), &target.connect(), &Catalogue::built_in(), &mut |_, _| {}).unwrap();
    let copied = target.connect().deployed().unwrap();
    let source = backend.connect().deployed().unwrap();
    assert_eq!(copied.settings, settings("cash"));
    assert_eq!(copied.state.moved, None);
    assert_eq!(source.state.moved, Some(moved));
    assert_eq!(
        (copied.state.deployment_id, copied.state.mark_no, copied.state.settings_version),
        (source.state.deployment_id, source.state.mark_no, source.state.settings_version)
    );
    let store = target.open(&StoreOptions::default());
    assert_no_difference(&*store);
    write(&*store).unwrap();
}

/// A change of one transaction.
type Change<'a> = &'a dyn Fn(&mut dyn Transaction);

pub(crate) fn digests_follow_every_change_of_their_tables(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions::default());
    assert_no_difference(&*store);
    let one = company(&*store, "one");
    assert_no_difference(&*store);
    let key = |name: &str| ApiKey { organization_ids: vec![1], ..ApiKey::unrestricted(name, one, vec![1]) };
    let discount = |factor: &str| Discount {
        company_id: one,
        model_id: String::new(),
        sku: String::new(),
        factor: UnitPrice::parse(factor).unwrap(),
    };
    let operator = tollbook_store::OperatorKey {
        digest: [7; 32],
        name: "gateway".into(),
        created_s: 5,
        disabled: false,
        roles: vec![OperatorRole::Read, OperatorRole::Money],
    };
    let changes: [Change<'_>; 14] = [
        &|t| t.add_api_key(&key("a")).unwrap(),
        &|t| assert!(t.update_api_key(&ApiKey { suspended: true, ..key("a") }).unwrap()),
        &|t| assert!(t.disable_api_key("a").unwrap()),
        &|t| assert!(t.rename_company(one, "eins").unwrap()),
        &|t| assert!(t.rename_organization(one, 1, "Erste").unwrap()),
        &|t| t.add_operator_key(&operator).unwrap(),
        &|t| assert_eq!(t.disable_operator_keys("gateway").unwrap(), 1),
        &|t| t.set_discount(&discount("0.5")).unwrap(),
        &|t| t.set_discount(&discount("1")).unwrap(),
        &|t| assert_eq!(t.put_prices(&[crate::prices::price("m", 7)]).unwrap().added, 1),
        &|t| assert_eq!(t.put_prices(&[crate::prices::price("m", 8)]).unwrap().changed, 1),
        &|t| t.set_setting("name", "value").unwrap(),
        &|t| t.lock_name("a name").unwrap(),
        &|t| t.set_deployment_settings(&settings("cash")).unwrap(),
    ];
    for (place, change) in changes.iter().enumerate() {
        let mut transaction = store.begin().unwrap();
        change(&mut *transaction);
        transaction.commit().unwrap();
        let found = store.snapshot().unwrap().verify_deployment(10).unwrap();
        assert_eq!(found, Vec::<String>::new(), "change {place}");
    }
}

pub(crate) fn digests_of_concurrent_changes_are_of_all_of_them(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions::default());
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let store = &store;
            scope.spawn(move || {
                for n in 0..5 {
                    company(&**store, &format!("company {worker}-{n}"));
                }
            });
        }
    });
    assert_eq!(store.snapshot().unwrap().companies().unwrap().len(), 20);
    assert_no_difference(&*store);
}
