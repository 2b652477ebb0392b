//! Copying a database to SQLite and to PostgreSQL.

use std::sync::Arc;

use tollbook_domain::tenant::ApiKey;
use tollbook_domain::{Catalogue, NewOrder, Status};
use tollbook_store::{
    ExportFile, HourFilter, LedgerRange, NewExportJob, Outcome, Store, StoreError, StoreOptions, Uncharged,
    UsageOutcome, copy,
};

use crate::charged::{add_usage, bucket, close, fill, record, revoked};
use crate::model::{Model, order, query};
use crate::orders::{add, assert_healthy};
use crate::tenants::{company, owner_rule};
use crate::{Backend, Postgres, Sqlite};

fn others() -> [Box<dyn Backend>; 2] {
    [Box::new(Sqlite(tempfile::tempdir().unwrap())), Box::new(Postgres::new())]
}

fn filled(backend: &dyn Backend) -> (Arc<dyn Store>, Vec<NewOrder>) {
    let options = StoreOptions { tile_threshold: 50, ..StoreOptions::default() };
    let store = backend.open(&options);
    let mut orders = Vec::new();
    for (name, count) in [("one", 120), ("two", 9), ("none", 0)] {
        let company_id = company(&*store, name);
        for n in 0..count {
            let status = [Status::Paid, Status::Unpaid, Status::Revoked][usize::try_from(n % 3).unwrap()];
            let mut new = order(n, n % 40, status, n * 9_000, n * 1_000_000_007);
            new.company_id = company_id;
            orders.push(new);
        }
    }
    add(&*store, &orders);
    let mut transaction = store.begin().unwrap();
    transaction
        .add_api_key(&ApiKey {
            organization_ids: vec![1, 2],
            allowed_networks: vec!["10.0.0.0/8".into()],
            ..ApiKey::unrestricted("public", 1, vec![0, 255, 7])
        })
        .unwrap();
    transaction.set_setting("master", "fingerprint").unwrap();
    transaction.put_owner_rules(&[owner_rule("litellm", "team", "blue", 2)]).unwrap();
    transaction.prune(1, 100_000, 5).unwrap();
    transaction.commit().unwrap();
    orders.retain(|new| {
        let pruned =
            new.company_id == 1 && new.order.status != Status::Unpaid && new.order.start_time_s < 100_000;
        !pruned
    });
    // The first pruning deleted at most five orders. Prune the rest.
    let mut transaction = store.begin().unwrap();
    while transaction.prune(1, 100_000, 100).unwrap() == 100 {}
    transaction.commit().unwrap();
    (store, orders)
}

pub(crate) fn a_copy_has_every_row(backend: &dyn Backend) {
    let (source, orders) = filled(backend);
    for target in others() {
        let mut tables = Vec::new();
        let copied = copy(&backend.connect(), &target.connect(), &Catalogue::built_in(), &mut |table, _| {
            tables.push(table.to_owned());
        })
        .unwrap();
        assert_eq!((copied.companies, copied.orders), (3, i64::try_from(orders.len()).unwrap()));
        assert!(tables.contains(&"tile_sum".to_owned()), "{tables:?}");
        let store = target.open(&StoreOptions::default());
        assert_healthy(&*store, orders.len());
        let (mut old, mut new) = (source.snapshot().unwrap(), store.snapshot().unwrap());
        assert_eq!(new.companies().unwrap(), old.companies().unwrap());
        assert_eq!(new.organizations(1).unwrap(), old.organizations(1).unwrap());
        assert_eq!(new.api_key("public").unwrap(), old.api_key("public").unwrap());
        assert_eq!(new.setting("master").unwrap().as_deref(), Some("fingerprint"));
        assert_eq!(new.owner_rules().unwrap(), [owner_rule("litellm", "team", "blue", 2)]);
        assert_eq!(new.owner_version().unwrap(), 1);
        let model = Model(orders.clone());
        let asked = query(0, 400 * 86_400, &Status::ALL);
        assert_eq!(new.page(&asked, 0, 500).unwrap(), old.page(&asked, 0, 500).unwrap());
        assert_eq!(new.sums(&asked).unwrap(), model.sums(&asked));
        // The copy accepts and refuses orders as its source does, pruned ones included.
        drop((old, new));
        let fresh = order(500, 77, Status::Paid, 200_000, 1);
        let early = order(501, 77, Status::Paid, 1, 1);
        assert_eq!(
            add(&*store, &[orders[0].clone(), fresh, early]),
            [Outcome::Present, Outcome::Added, Outcome::Pruned]
        );
        assert_healthy(&*store, orders.len() + 1);
    }
}

pub(crate) fn a_copy_of_usage_and_accounts_is_complete(backend: &dyn Backend) {
    let source = backend.open(&StoreOptions::default());
    for name in ["one", "two"] {
        let company_id = company(&*source, name);
        fill(&*source, company_id);
    }
    for target in others() {
        copy(&backend.connect(), &target.connect(), &Catalogue::built_in(), &mut |_, _| {}).unwrap();
        let store = target.open(&StoreOptions::default());
        assert_healthy(&*store, 34);
        let (mut old, mut new) = (source.snapshot().unwrap(), store.snapshot().unwrap());
        let everything = LedgerRange { first: 0, count: i64::MAX };
        for company_id in 1..=2 {
            assert_eq!(new.account_state(company_id).unwrap(), old.account_state(company_id).unwrap());
            assert_eq!(
                new.ledger(company_id, everything).unwrap(),
                old.ledger(company_id, everything).unwrap()
            );
            for uncharged in [Uncharged::Free, Uncharged::Unpriced] {
                let kept = new.uncharged_usage(company_id, uncharged, None, 9).unwrap();
                assert_eq!(kept, old.uncharged_usage(company_id, uncharged, None, 9).unwrap());
                assert_eq!(kept.len(), 1);
            }
        }
        assert_eq!(
            new.due_hours(HourFilter::DueBy(i64::MAX), 0, 9).unwrap(),
            old.due_hours(HourFilter::DueBy(i64::MAX), 0, 9).unwrap()
        );
        drop((old, new));
        // The copy accepts usage and closes hours as its source does.
        let again = [record(1, "s", "r000", 0, 0, 10), record(1, "s", "new", 5, 0, 10)];
        assert_eq!(add_usage(&*store, &again, 100), [UsageOutcome::Duplicate, UsageOutcome::Accepted]);
        assert_eq!(close(&*store, 1, bucket(5), 9), 1);
        assert_healthy(&*store, 35);
    }
}

pub(crate) fn a_copy_omits_exports_and_keeps_the_version(backend: &dyn Backend) {
    let (source, _) = filled(backend);
    let digest = [9; 32];
    let submitted = NewExportJob {
        company_id: 1,
        job_id: "job".into(),
        public_key: "public".into(),
        created_s: 5,
        request: "everything".into(),
    };
    let mut transaction = source.begin().unwrap();
    transaction
        .put_export_file(1, &digest, &ExportFile { stored_s: 5, bytes: 7, file: "file".into() })
        .unwrap();
    transaction.add_export_job(&submitted).unwrap();
    transaction.commit().unwrap();
    let version = source.snapshot().unwrap().orders_version(1).unwrap();
    assert!(version >= 2, "orders were added and pruned");
    for target in others() {
        copy(&backend.connect(), &target.connect(), &Catalogue::built_in(), &mut |_, _| {}).unwrap();
        let store = target.open(&StoreOptions::default());
        let mut snapshot = store.snapshot().unwrap();
        assert_eq!(snapshot.orders_version(1).unwrap(), version);
        assert_eq!(snapshot.export_file(1, &digest).unwrap(), None);
        assert_eq!(snapshot.export_job(1, "job").unwrap(), None);
        assert_eq!(snapshot.due_export_jobs(i64::MAX, 9).unwrap(), []);
        assert_eq!(snapshot.all_export_bytes().unwrap(), []);
        drop(snapshot);
        // A transition increments the version of the copy, although it changes no number of rows.
        let mut transaction = store.begin().unwrap();
        transaction.lock_company(1).unwrap();
        let owed = transaction.arrears(1, 0, 1).unwrap().remove(0);
        transaction.transition_orders(1, &[revoked(owed, 7)]).unwrap();
        transaction.commit().unwrap();
        assert_eq!(store.snapshot().unwrap().orders_version(1).unwrap(), version + 1);
    }
    assert!(source.snapshot().unwrap().export_job(1, "job").unwrap().is_some());
}

pub(crate) fn a_copy_requires_an_empty_target(backend: &dyn Backend) {
    let (_source, _) = filled(backend);
    for target in others() {
        let store = target.open(&StoreOptions::default());
        company(&*store, "another");
        let refused =
            copy(&backend.connect(), &target.connect(), &Catalogue::built_in(), &mut |_, _| {}).unwrap_err();
        assert!(matches!(refused, StoreError::NotEmpty), "{refused}");
        assert_eq!(store.snapshot().unwrap().companies().unwrap().len(), 1);
    }
    // A target without companies is not empty if a server has stored the fingerprint of its master key.
    for target in others() {
        let store = target.open(&StoreOptions::default());
        let mut transaction = store.begin().unwrap();
        transaction.lock_name("first start").unwrap();
        transaction.set_setting("master", "another fingerprint").unwrap();
        transaction.commit().unwrap();
        let refused =
            copy(&backend.connect(), &target.connect(), &Catalogue::built_in(), &mut |_, _| {}).unwrap_err();
        assert!(matches!(refused, StoreError::NotEmpty), "{refused}");
        target.connect().prepare().unwrap();
    }
}

pub(crate) fn an_interrupted_copy_locks_the_target_and_can_be_continued(backend: &dyn Backend) {
    let (source, orders) = filled(backend);
    for target in others() {
        let mut seen = 0;
        // Each run is interrupted at a later batch than the run before. Earlier batches are committed.
        for fails_at in 1..6 {
            let died = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                let mut batches = 0;
                copy(&backend.connect(), &target.connect(), &Catalogue::built_in(), &mut |_, _| {
                    batches += 1;
                    if batches == fails_at {
                        std::panic::panic_any("killed");
                    }
                })
            }));
            seen += usize::from(died.is_err());
            if died.is_err() {
                let refused = target.connect().into_store(&StoreOptions::default()).err().unwrap();
                assert!(matches!(refused, StoreError::Unfinished), "{refused}");
            }
        }
        assert!(seen > 1, "no run was interrupted");
        if target.connect().into_store(&StoreOptions::default()).is_err() {
            copy(&backend.connect(), &target.connect(), &Catalogue::built_in(), &mut |_, _| {}).unwrap();
        }
        let store = target.open(&StoreOptions::default());
        assert_healthy(&*store, orders.len());
    }
    drop(source);
}

pub(crate) fn a_source_that_changed_since_the_interruption_is_refused(backend: &dyn Backend) {
    let (source, _) = filled(backend);
    for target in others() {
        let died = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            copy(&backend.connect(), &target.connect(), &Catalogue::built_in(), &mut |table, _| {
                if table == "rollup" {
                    std::panic::panic_any("killed");
                }
            })
        }));
        assert!(died.is_err());
        let number = if source.snapshot().unwrap().order_by_number(1, "O000700").unwrap().is_none() {
            700
        } else {
            701
        };
        add(&*source, &[order(number, 3, Status::Paid, 150_000, 1)]);
        let refused =
            copy(&backend.connect(), &target.connect(), &Catalogue::built_in(), &mut |_, _| {}).unwrap_err();
        assert!(refused.to_string().contains("the source has changed"), "{refused}");
        assert!(target.connect().into_store(&StoreOptions::default()).is_err());
    }
}
