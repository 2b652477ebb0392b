//! Several writers and readers at once.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;

use tollbook_domain::{LineFilter, Status};
use tollbook_store::{Outcome, StoreOptions};

use crate::Backend;
use crate::model::{order, query};
use crate::orders::{add, assert_healthy};
use crate::tenants::company;

pub(crate) fn writers_take_turns(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions::default());
    company(&*store, "one");
    let mut long = store.begin().unwrap();
    assert!(!long.another_writer_waits());
    let (started, has_started) = mpsc::channel();
    std::thread::scope(|scope| {
        let other = scope.spawn(|| {
            started.send(()).unwrap();
            let mut transaction = store.begin().unwrap();
            // The first writer's work is visible: it was this one's turn only afterwards.
            let name = transaction.setting("long").unwrap();
            transaction.set_setting("short", "done").unwrap();
            transaction.commit().unwrap();
            name
        });
        has_started.recv().unwrap();
        while !long.another_writer_waits() {
            std::thread::yield_now();
        }
        long.set_setting("long", "done").unwrap();
        long.commit().unwrap();
        // A writer that begins again at once stands behind the one that waits.
        let mut again = store.begin().unwrap();
        assert_eq!(again.setting("short").unwrap().as_deref(), Some("done"));
        assert_eq!(other.join().unwrap().as_deref(), Some("done"));
    });
}

pub(crate) fn two_importers_and_readers_lose_nothing(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions { tile_threshold: 150 });
    company(&*store, "one");
    let added = AtomicUsize::new(0);
    let finished = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let importers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    // Both bring the same orders: each must be added exactly once.
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
                query.lines = LineFilter::default().charge_types(vec![5]);
                // Every order passes this filter: two ways of counting the same snapshot.
                assert_eq!(snapshot.count(&query).unwrap(), all);
                assert_eq!(snapshot.sums(&query).unwrap()[0].1.orders, all);
                assert_eq!(all % 40, 0, "batches are all or nothing");
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
