//! Due hours, the leases on them, and the orders made from their usage.

use tollbook_domain::{Catalogue, LineFilter, Status};
use tollbook_store::{DueHour, HourFilter, Lease, Store, StoreOptions};

use crate::Backend;
use crate::charged::{HOUR, add_usage, arrival, bucket, close, deposit, fill, record, revoked};
use crate::model::query;
use crate::orders::assert_healthy;
use crate::tenants::company;

fn due(store: &dyn Store, due: HourFilter, now_s: i64) -> Vec<(i64, i64)> {
    let hours = store.snapshot().unwrap().due_hours(due, now_s, 100).unwrap();
    hours.iter().map(|hour| (hour.bucket.start_s, hour.due_s)).collect()
}

fn hold(store: &dyn Store, hour: &DueHour, holder: &str, now_s: i64, until_s: i64) -> bool {
    let mut transaction = store.begin().unwrap();
    let held = transaction.acquire(hour.lease_key(), &Lease { holder, until_s }, now_s).unwrap();
    transaction.commit().unwrap();
    held
}

pub(crate) fn hours_are_due_after_their_grace_and_leased_to_one_holder(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions::default());
    company(&*store, "one");
    // One hour has not ended, one has. Records that are not charged (lines 100 and 101) open no hour.
    let now_s = 2 * HOUR + 5;
    let records = [
        record(1, "s", "a", 2 * HOUR + 1, 1, 5),
        record(1, "s", "b", 3, 1, 5),
        record(1, "s", "c", 4 * HOUR, 100, 5),
        record(1, "s", "d", 5 * HOUR, 101, 5),
    ];
    add_usage(&*store, &records, now_s);
    add_usage(&*store, &[record(1, "s", "e", 4, 1, 5)], now_s + 9);
    let running_s = 3 * HOUR + 60;
    assert_eq!(due(&*store, HourFilter::DueBy(now_s + 9), now_s), []);
    assert_eq!(
        due(&*store, HourFilter::DueBy(now_s + 10), now_s),
        [(0, now_s + 10)],
        "the gather time begins at the first record"
    );
    assert_eq!(due(&*store, HourFilter::DueBy(running_s), now_s), [(0, now_s + 10), (2 * HOUR, running_s)]);
    assert_eq!(due(&*store, HourFilter::EndedBy(3 * HOUR - 1), now_s), [(0, now_s + 10)]);
    let hour = store.snapshot().unwrap().due_hours(HourFilter::DueBy(running_s), now_s, 1).unwrap().remove(0);
    assert!(hold(&*store, &hour, "x", now_s, now_s + 60));
    assert!(hold(&*store, &hour, "x", now_s + 1, now_s + 70), "a holder acquires its own lease again");
    assert!(!hold(&*store, &hour, "y", now_s + 69, now_s + 100));
    assert_eq!(due(&*store, HourFilter::DueBy(now_s + 10), now_s + 69), []);
    assert_eq!(
        due(&*store, HourFilter::DueBy(now_s + 10), now_s + 70),
        [(0, now_s + 10)],
        "the lease has expired"
    );
    assert!(hold(&*store, &hour, "y", now_s + 70, now_s + 100));
    assert!(!hold(&*store, &hour, "x", now_s + 71, now_s + 200));
    let mut transaction = store.begin().unwrap();
    transaction.release(hour.lease_key(), "x").unwrap();
    assert_eq!(transaction.leased_hours("x").unwrap(), []);
    assert_eq!(
        transaction.leased_hours("y").unwrap(),
        std::slice::from_ref(&hour),
        "only the holder can release a lease"
    );
    transaction.release(hour.lease_key(), "y").unwrap();
    transaction.commit().unwrap();
    assert!(hold(&*store, &hour, "x", now_s + 71, now_s + 200));
    // A closed hour cannot be leased.
    close(&*store, 1, hour.bucket, 5);
    assert!(!hold(&*store, &hour, "x", now_s + 72, now_s + 200));
    assert_healthy(&*store, 1);
}

pub(crate) fn an_imports_lease_survives_usage_without_a_lease(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions::default());
    company(&*store, "one");
    let catalogue = Catalogue::built_in();
    let brings = |id: &str, holder: Option<&str>| {
        let hold = holder.map(|holder| Lease { holder, until_s: 900 });
        let mut transaction = store.begin().unwrap();
        transaction.add_usage(1, &[record(1, "s", id, 5, 1, 5)], &arrival(20, hold, &catalogue)).unwrap();
        transaction.commit().unwrap();
    };
    let held = |holder: &str| store.begin().unwrap().leased_hours(holder).unwrap().len();
    brings("a", None);
    brings("b", Some("import"));
    brings("c", None);
    assert_eq!((held("import"), held("")), (1, 0));
    assert_eq!(due(&*store, HourFilter::DueBy(9_999), 899), []);
    brings("d", Some("another"));
    assert_eq!((held("import"), held("another")), (0, 1));
    // Another process repeats the import of a crashed one.
    brings("d", None);
    assert_eq!(held("another"), 1, "usage without a lease does not change the holder");
    brings("d", Some("the next"));
    assert_eq!((held("another"), held("the next")), (0, 1));
    let mut transaction = store.begin().unwrap();
    transaction.lock_company(1).unwrap();
    transaction.renew_hours(1, &Lease { holder: "another", until_s: 2_000 }).unwrap();
    transaction.renew_hours(1, &Lease { holder: "the next", until_s: 1_000 }).unwrap();
    transaction.commit().unwrap();
    assert_eq!(due(&*store, HourFilter::DueBy(9_999), 999), []);
    brings("d", Some("another"));
    assert_eq!(due(&*store, HourFilter::DueBy(9_999), 900).len(), 1);
    assert_healthy(&*store, 0);
}

pub(crate) fn usage_is_taken_in_batches_with_the_number_of_earlier_orders(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions::default());
    company(&*store, "one");
    deposit(&*store, 1, tollbook_domain::account::AccountKind::Cash, 1_000_000_000, "cash");
    for round in 0..3 {
        let records: Vec<_> = (0..7)
            .filter(|of| round != 1 || *of == 4)
            .map(|of| record(1, "s", &format!("{round} {of}"), 5, of, 10 + of))
            .collect();
        add_usage(&*store, &records, 20);
        let catalogue = Catalogue::built_in();
        // Pending usage has the type of the order that it will become.
        let pending = |lines: LineFilter| {
            let asked = tollbook_domain::OrderQuery { lines, ..query(0, HOUR, &[Status::Paid]) };
            store.snapshot().unwrap().pending(&asked, &catalogue).unwrap()
        };
        let of_type = |order_type| pending(LineFilter::default().order_types(vec![order_type]));
        let (ordinary, later) = (of_type(102), of_type(301));
        assert_eq!(ordinary + later, pending(LineFilter::default()));
        // In later rounds each line has an order already, so the pending usage is supplementary. Some lines of the
        // model are supplementary from the start.
        assert_eq!(ordinary > 0, round == 0);
        let mut transaction = store.begin().unwrap();
        let taken = transaction.take_open_usage(1, bucket(5), 100, &catalogue).unwrap();
        let orders: Vec<i64> = taken.iter().map(|open| open.orders).collect();
        match round {
            0 => assert_eq!(orders, [0; 7]),
            1 => assert_eq!(orders, [1]),
            _ => assert_eq!(orders, [1, 1, 1, 1, 2, 1, 1]),
        }
        // Dropping the transaction leaves the usage open.
        drop(transaction);
        assert_eq!(close(&*store, 1, bucket(5), 2), records.len());
        assert_healthy(&*store, [7, 8, 15][round]);
    }
    let mut asked = query(0, HOUR, &[Status::Paid]);
    asked.lines = LineFilter::default().order_types(vec![301]);
    assert!(store.snapshot().unwrap().count(&asked).unwrap() >= 8);
    assert_eq!(due(&*store, HourFilter::DueBy(9_999), 900), []);
}

pub(crate) fn order_transitions_update_sums(backend: &dyn Backend) {
    for tile_threshold in [0, 20_000] {
        let backend = backend.another();
        let store = backend.open(&StoreOptions { tile_threshold, ..StoreOptions::default() });
        company(&*store, "one");
        fill(&*store, 1);
        assert_healthy(&*store, 17);
        let mut transaction = store.begin().unwrap();
        transaction.lock_company(1).unwrap();
        let owed = transaction.arrears(1, 0, 100).unwrap();
        assert!(owed.len() > 1);
        let count = i64::try_from(owed.len()).unwrap();
        let changes: Vec<_> = owed.into_iter().map(|stored| revoked(stored, 600)).collect();
        transaction.transition_orders(1, &changes).unwrap();
        transaction.commit().unwrap();
        assert_healthy(&*store, 17);
        let mut snapshot = store.snapshot().unwrap();
        let everything = query(0, 400 * 86_400, &Status::ALL);
        let orders: Vec<i64> =
            snapshot.sums(&everything).unwrap().iter().map(|(_, measures)| measures.orders).collect();
        assert_eq!(orders, [0, 16 - count, 1 + count]);
        assert_eq!(
            snapshot.order_by_number(1, &changes[0].after.counterpart).unwrap().unwrap().order,
            changes[0].after
        );
        // A repeated transition is refused, because the orders have changed since they were read.
        drop(snapshot);
        let mut transaction = store.begin().unwrap();
        assert!(transaction.transition_orders(1, &changes).is_err());
        drop(transaction);
        // Settled orders are pruned together with the rows that charging stores for them.
        let mut transaction = store.begin().unwrap();
        assert!(transaction.prune(1, 2 * HOUR, 5).unwrap() == 5);
        transaction.commit().unwrap();
        assert_healthy(&*store, 12);
        let mut transaction = store.begin().unwrap();
        assert_eq!(transaction.prune(1, 9 * HOUR, 100).unwrap(), 12);
        transaction.commit().unwrap();
        assert_healthy(&*store, 0);
    }
}

pub(crate) fn arrears_are_read_oldest_first_in_whole_hours(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions::default());
    company(&*store, "one");
    let orders: Vec<_> = (0..40)
        .map(|n| {
            let mut new = crate::model::order(n, n, Status::Unpaid, n / 20 * HOUR, 5);
            // The source numbers descend while the arrears numbers ascend.
            new.order.counterpart = format!("O{:03}", 99 - n);
            new
        })
        .collect();
    crate::orders::add(&*store, &orders);
    let mut snapshot = store.snapshot().unwrap();
    let mut read = |from_s, limit| -> Vec<String> {
        let found = snapshot.arrears(1, from_s, limit).unwrap();
        found.into_iter().map(|stored| stored.order.counterpart).collect()
    };
    let first: Vec<String> = (80..100).map(|n| format!("O{n:03}")).collect();
    let second: Vec<String> = (60..80).map(|n| format!("O{n:03}")).collect();
    assert_eq!(read(0, 3), first, "orders of one start time are not split");
    assert_eq!(read(0, 20), first);
    assert_eq!(read(0, 21), [first, second.clone()].concat());
    assert_eq!(read(1, 1), second);
    assert_eq!(read(HOUR + 1, 9), Vec::<String>::new());
}
