//! The version of a company's orders changes exactly if the orders change.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use proptest::prelude::*;
use tollbook_domain::account::AccountKind;
use tollbook_domain::{NewOrder, Status};
use tollbook_store::{Outcome, Snapshot, Store, StoreOptions, Transaction};

use crate::Backend;
use crate::charged::{HOUR, add_usage, bucket, close, deposit, record, revoked};
use crate::model::{order, query};
use crate::orders::{add, assert_healthy};
use crate::random::{BASE, orders};
use crate::tenants::company;

fn version(store: &dyn Store, company_id: i64) -> i64 {
    store.snapshot().unwrap().orders_version(company_id).unwrap()
}

/// All orders of a company with their lines, in the order of an export.
fn scan(snapshot: &mut dyn Snapshot, company_id: i64) -> String {
    let mut asked = query(0, 253_402_300_799, &Status::ALL);
    asked.company_id = company_id;
    let lines = snapshot.lines(company_id).unwrap();
    let mut rows: Vec<String> = Vec::new();
    snapshot
        .scan(&asked, &mut |stored| {
            rows.push(format!("{:?} {:?}\n", lines.get(stored.line_no).unwrap(), stored.order));
            Ok(())
        })
        .unwrap();
    rows.concat()
}

/// Revokes at most `limit` unpaid orders and returns their number.
fn revoke(transaction: &mut dyn Transaction, company_id: i64, limit: usize) -> usize {
    transaction.lock_company(company_id).unwrap();
    let owed = transaction.arrears(company_id, 0, 9).unwrap();
    let changes: Vec<_> = owed.into_iter().take(limit).map(|stored| revoked(stored, 77)).collect();
    transaction.transition_orders(company_id, &changes).unwrap();
    changes.len()
}

pub(crate) fn the_version_counts_transactions_that_change_orders(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions { tile_threshold: 5, ..StoreOptions::default() });
    let versions = || [1, 2, 3].map(|company_id| version(&*store, company_id));
    assert_eq!(versions(), [0; 3], "no company exists yet");
    company(&*store, "one");
    company(&*store, "two");
    assert_eq!(versions(), [0; 3]);
    let unpaid: Vec<NewOrder> = (0..6).map(|n| order(n, n, Status::Unpaid, BASE + n * HOUR, 5)).collect();
    add(&*store, &unpaid);
    assert_eq!(versions(), [1, 0, 0]);
    // Orders that are present or in conflict do not change the version. A dropped transaction does not either.
    let mut other = unpaid[0].clone();
    other.order.end_time_s += 1;
    assert_eq!(add(&*store, &[unpaid[0].clone(), other]), [Outcome::Present, Outcome::Conflict]);
    let mut dropped = store.begin().unwrap();
    dropped.add_orders(&[order(9, 9, Status::Paid, BASE, 5)]).unwrap();
    assert_eq!(
        dropped.orders_version(1).unwrap(),
        2,
        "the transaction sees the version that it would commit"
    );
    drop(dropped);
    assert_eq!(versions(), [1, 0, 0]);
    // Several changes in one transaction increment the version once. An older snapshot keeps its version.
    let mut old = store.snapshot().unwrap();
    assert_eq!(old.orders_version(1).unwrap(), 1);
    let mut transaction = store.begin().unwrap();
    transaction.add_orders(&[order(10, 10, Status::Paid, BASE, 5)]).unwrap();
    assert_eq!(revoke(transaction.as_mut(), 1, 2), 2);
    transaction.add_orders(&[order(11, 11, Status::Paid, BASE, 5)]).unwrap();
    assert_eq!(transaction.prune(1, BASE + 1, 9).unwrap(), 3);
    transaction.commit().unwrap();
    assert_eq!(versions(), [2, 0, 0]);
    assert_eq!(old.orders_version(1).unwrap(), 1);
    drop(old);
    let mut transaction = store.begin().unwrap();
    assert_eq!(revoke(transaction.as_mut(), 1, 1), 1);
    assert_eq!(revoke(transaction.as_mut(), 1, 1), 1);
    transaction.commit().unwrap();
    assert_eq!(versions(), [3, 0, 0]);
    // Transitions of no orders, a pruning of no orders and a lock do not change the version.
    let mut transaction = store.begin().unwrap();
    assert_eq!(revoke(transaction.as_mut(), 1, 0), 0);
    assert_eq!(transaction.prune(1, BASE + 2, 0).unwrap(), 0);
    transaction.lock_company(2).unwrap();
    transaction.commit().unwrap();
    assert_eq!(versions(), [3, 0, 0]);
    // Deposits and usage do not change the version, even if the usage has new lines. Orders made from usage do.
    deposit(&*store, 2, AccountKind::Cash, 1_000_000, "cash");
    let records: Vec<_> = (0..4).map(|n| record(2, "s", &format!("{n}"), BASE + 5, n, 10)).collect();
    add_usage(&*store, &records, BASE + 100);
    assert_eq!(versions(), [3, 0, 0]);
    assert_eq!(close(&*store, 2, bucket(BASE), 3), 4);
    assert_eq!(versions(), [3, 2, 0], "two batches, of three orders and one");
    // One transaction adds orders of two companies.
    let both: Vec<NewOrder> = [1, 2]
        .map(|company_id| NewOrder { company_id, ..order(20, 20, Status::Paid, BASE + 90 * HOUR, 5) })
        .to_vec();
    add(&*store, &both);
    assert_eq!(versions(), [4, 3, 0]);
    assert_healthy(&*store, 11);
}

#[derive(Clone, Debug)]
enum Step {
    Add(Vec<NewOrder>, bool),
    Prune(i64, usize),
    Revoke(usize),
    Mixed(Vec<NewOrder>, usize, i64),
    Usage(Vec<(u8, i64, i64)>),
    Close(i64, i64),
    Deposit,
}

fn steps() -> impl Strategy<Value = Vec<(bool, Step)>> {
    let step = prop_oneof![
        3 => (orders(), prop::bool::weighted(0.7)).prop_map(|(orders, commit)| Step::Add(orders, commit)),
        1 => (0..70i64, 0..40usize).prop_map(|(day, limit)| Step::Prune(day, limit)),
        2 => (0..3usize).prop_map(Step::Revoke),
        1 => (orders(), 0..3usize, 0..70i64).prop_map(|(orders, limit, day)| Step::Mixed(orders, limit, day)),
        2 => prop::collection::vec((0..9u8, 0..3 * HOUR, 0..102i64), 1..9).prop_map(Step::Usage),
        2 => (0..3i64, 1..3i64).prop_map(|(hour, limit)| Step::Close(hour, limit)),
        1 => Just(Step::Deposit),
    ];
    prop::collection::vec((any::<bool>(), step), 1..14)
}

fn perform(store: &dyn Store, company_id: i64, place: usize, step: &Step) {
    let of = |orders: &[NewOrder]| -> Vec<NewOrder> {
        orders.iter().map(|new| NewOrder { company_id, ..new.clone() }).collect()
    };
    let mut transaction = store.begin().unwrap();
    match step {
        Step::Add(orders, commit) => {
            transaction.add_orders(&of(orders)).unwrap();
            if !commit {
                return;
            }
        }
        Step::Prune(day, limit) => {
            transaction.prune(company_id, BASE + day * 86_400, *limit).unwrap();
        }
        Step::Revoke(limit) => {
            revoke(transaction.as_mut(), company_id, *limit);
        }
        Step::Mixed(orders, limit, day) => {
            revoke(transaction.as_mut(), company_id, *limit);
            transaction.add_orders(&of(orders)).unwrap();
            transaction.prune(company_id, BASE + day * 86_400, 5).unwrap();
        }
        Step::Usage(records) => {
            drop(transaction);
            let records: Vec<_> = records
                .iter()
                .map(|(id, time_s, of)| record(company_id, "s", &format!("{id}"), BASE + time_s, *of, 9))
                .collect();
            add_usage(store, &records, BASE);
            return;
        }
        Step::Close(hour, limit) => {
            drop(transaction);
            close(store, company_id, bucket(BASE + hour * HOUR), *limit);
            return;
        }
        Step::Deposit => {
            drop(transaction);
            deposit(store, company_id, AccountKind::Cash, 50_000, &format!("{place}"));
            return;
        }
    }
    transaction.commit().unwrap();
}

pub(crate) fn equal_versions_mean_equal_orders(backend: &dyn Backend) {
    let config = ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() };
    let strategy = (prop_oneof![Just(0i64), Just(50), Just(20_000)], steps());
    proptest!(config, |((tile_threshold, steps) in strategy)| {
        let store = backend.open(&StoreOptions { tile_threshold, ..StoreOptions::default() });
        let companies = [company(&*store, "case"), company(&*store, "beside it")];
        let look = |company_id| {
            let mut snapshot = store.snapshot().unwrap();
            (snapshot.orders_version(company_id).unwrap(), scan(snapshot.as_mut(), company_id))
        };
        let mut before = companies.map(look);
        // A snapshot opened before the first step sees no change.
        let mut oldest = store.snapshot().unwrap();
        prop_assert_eq!(oldest.orders_version(companies[0]).unwrap(), 0);
        for (place, (second, step)) in steps.iter().enumerate() {
            perform(&*store, companies[usize::from(*second)], place, step);
            let after = companies.map(look);
            for ((old_version, old), (new_version, new)) in before.iter().zip(&after) {
                prop_assert!(new_version >= old_version);
                if new_version == old_version {
                    prop_assert_eq!(new, old, "after {:?}", step);
                } else if !matches!(step, Step::Mixed(..)) {
                    // A transaction that prunes what it added raises the version, and leaves the orders as they were.
                    prop_assert_ne!(new, old, "after {:?}", step);
                }
            }
            before = after;
        }
        prop_assert_eq!(oldest.orders_version(companies[0]).unwrap(), 0);
        prop_assert_eq!(scan(oldest.as_mut(), companies[0]), "");
    });
}

pub(crate) fn a_snapshot_reads_the_version_of_its_orders(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions { tile_threshold: 20, ..StoreOptions::default() });
    company(&*store, "one");
    let finished = AtomicBool::new(false);
    let seen = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..2)
            .map(|writer| {
                let store = &store;
                scope.spawn(move || {
                    for n in 0..15 {
                        let id = writer * 1_000 + n;
                        let mut transaction = store.begin().unwrap();
                        transaction.add_orders(&[order(id, n, Status::Unpaid, BASE + n * HOUR, 5)]).unwrap();
                        if n % 3 == 2 {
                            assert_eq!(revoke(transaction.as_mut(), 1, 1), 1);
                        }
                        transaction.commit().unwrap();
                    }
                })
            })
            .collect();
        let reader = scope.spawn(|| {
            let mut seen: HashMap<i64, String> = HashMap::new();
            loop {
                let last = finished.load(Ordering::SeqCst);
                let mut snapshot = store.snapshot().unwrap();
                let version = snapshot.orders_version(1).unwrap();
                let rows = scan(snapshot.as_mut(), 1);
                assert_eq!(
                    rows.lines().count(),
                    usize::try_from(version).unwrap(),
                    "each transaction adds an order"
                );
                assert_eq!(*seen.entry(version).or_insert_with(|| rows.clone()), rows);
                if last {
                    return seen;
                }
            }
        });
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        finished.store(true, Ordering::SeqCst);
        reader.join().unwrap()
    });
    assert!(seen.contains_key(&30), "each transaction counts once");
}
