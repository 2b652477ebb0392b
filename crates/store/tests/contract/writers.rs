//! Several writers and readers at once.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tollbook_domain::{LineFilter, Status};
use tollbook_store::{Outcome, StoreOptions};

use crate::Backend;
use crate::model::{order, query};
use crate::orders::{add, assert_healthy};
use crate::tenants::company;

pub(crate) fn writers_of_a_company_are_serialized(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions::default());
    company(&*store, "one");
    let mut long = store.begin().unwrap();
    assert!(!long.another_writer_waits().unwrap());
    assert_eq!(long.add_orders(&[order(1, 0, Status::Paid, 0, 1)]).unwrap(), [Outcome::Added]);
    std::thread::scope(|scope| {
        let other = scope.spawn(|| {
            let mut transaction = store.begin().unwrap();
            // The first writer's order is visible, because this writer got the lock after its commit.
            let both = [order(1, 0, Status::Paid, 0, 1), order(2, 0, Status::Paid, 0, 1)];
            let outcomes = transaction.add_orders(&both).unwrap();
            transaction.commit().unwrap();
            outcomes
        });
        while !long.another_writer_waits().unwrap() {
            std::thread::yield_now();
        }
        long.commit().unwrap();
        // The lock is fair: a writer that begins again at once is queued behind the waiting one.
        let mut again = store.begin().unwrap();
        assert_eq!(again.add_orders(&[order(2, 0, Status::Paid, 0, 1)]).unwrap(), [Outcome::Present]);
        assert_eq!(other.join().unwrap(), [Outcome::Present, Outcome::Added]);
    });
    assert_healthy(&*store, 2);
}

/// Data that a transaction read before it locked the company may be outdated once it has the lock.
pub(crate) fn a_read_before_the_company_lock_loses_no_update(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions { tile_threshold: 3, ..StoreOptions::default() });
    company(&*store, "one");
    let looks = |start: i64| {
        let store = &store;
        move || {
            for id in 0..20 {
                let mut transaction = store.begin().unwrap();
                assert!(transaction.lines(1).unwrap().len() < 1_000);
                let orders = [order(start + id, start + id, Status::Paid, id * 3_600, 1)];
                assert_eq!(transaction.add_orders(&orders).unwrap(), [Outcome::Added]);
                transaction.commit().unwrap();
            }
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(looks(0));
        scope.spawn(looks(100));
    });
    assert_healthy(&*store, 40);
}

/// Two writers add batches of the same companies in opposite order.
pub(crate) fn writers_of_several_companies_do_not_deadlock(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions::default());
    company(&*store, "one");
    company(&*store, "two");
    let writes = |first: i64, start: i64| {
        let store = &store;
        move || {
            for id in 0..30 {
                let of = |company_id: i64| {
                    let mut new = order(start + id, id, Status::Paid, id * 3_600, 1);
                    new.company_id = company_id;
                    new
                };
                let batch = [of(first), of(3 - first)];
                assert_eq!(add(&**store, &batch), [Outcome::Added; 2]);
            }
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(writes(1, 0));
        scope.spawn(writes(2, 1_000));
    });
    assert_healthy(&*store, 120);
}

pub(crate) fn a_name_lock_is_exclusive(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions::default());
    let made = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut transaction = store.begin().unwrap();
                transaction.lock_name("first start").unwrap();
                if transaction.setting("made").unwrap().is_none() {
                    made.fetch_add(1, Ordering::SeqCst);
                    transaction.set_setting("made", "yes").unwrap();
                }
                transaction.commit().unwrap();
            });
        }
    });
    assert_eq!(made.load(Ordering::SeqCst), 1);
}

pub(crate) fn concurrently_created_companies_have_distinct_numbers(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions::default());
    let number = company(&*store, "zero");
    let mut made: Vec<(i64, i64)> = std::thread::scope(|scope| {
        let makers: Vec<_> = (0..4)
            .map(|n| {
                let store = &store;
                scope.spawn(move || {
                    let mut transaction = store.begin().unwrap();
                    let company = transaction.add_company(&format!("c{n}"), "CNY", "default").unwrap();
                    transaction.commit().unwrap();
                    let mut transaction = store.begin().unwrap();
                    let organization =
                        transaction.add_organization(number, &format!("org-{n}"), "O").unwrap();
                    transaction.commit().unwrap();
                    (company.company_id, organization.organization_id)
                })
            })
            .collect();
        makers.into_iter().map(|maker| maker.join().unwrap()).collect()
    });
    made.sort_unstable();
    assert_eq!(made.iter().map(|(company, _)| *company).collect::<Vec<_>>(), [2, 3, 4, 5]);
    made.sort_unstable_by_key(|(_, organization)| *organization);
    assert_eq!(made.iter().map(|(_, organization)| *organization).collect::<Vec<_>>(), [3, 4, 5, 6]);
}

pub(crate) fn concurrent_imports_and_reads_are_consistent(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions { tile_threshold: 150, ..StoreOptions::default() });
    company(&*store, "one");
    let added = AtomicUsize::new(0);
    let finished = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let importers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    // Both import the same orders, and each order must be added exactly once.
                    for batch in 0..12 {
                        let orders: Vec<_> = (0..40)
                            .map(|n| order(batch * 40 + n, n * 13, Status::Paid, n * 7_200, n))
                            .collect();
                        let outcomes = add(&*store, &orders);
                        let new = outcomes.iter().filter(|outcome| **outcome == Outcome::Added).count();
                        assert!(outcomes.iter().all(|outcome| *outcome != Outcome::Conflict));
                        added.fetch_add(new, Ordering::SeqCst);
                    }
                })
            })
            .collect();
        let reader = scope.spawn(|| {
            let mut rounds = 0;
            while !finished.load(Ordering::SeqCst) || rounds == 0 {
                let mut snapshot = store.snapshot().unwrap();
                let mut query = query(0, 400 * 86_400, &[Status::Paid]);
                let all = snapshot.count(&query).unwrap();
                query.lines = LineFilter::default().charge_types(vec![102]);
                // All orders match this filter, so both ways of counting must agree.
                assert_eq!(snapshot.count(&query).unwrap(), all);
                assert_eq!(snapshot.sums(&query).unwrap()[0].1.orders, all);
                assert_eq!(all % 40, 0, "a batch is added completely or not at all");
                rounds += 1;
            }
        });
        importers.into_iter().for_each(|importer| importer.join().unwrap());
        finished.store(true, Ordering::SeqCst);
        reader.join().unwrap();
    });
    assert_eq!(added.load(Ordering::SeqCst), 480);
    assert_healthy(&*store, 480);
}
