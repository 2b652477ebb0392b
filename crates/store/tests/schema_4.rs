//! Databases of schema version 4 are migrated without loss.
//!
//! `snapshots/schema_4/` holds one deployment on both databases: a company with a discount and a UTC offset, six paid and
//! two unpaid orders of four hours, an open hour, a free record and one without a price, a coupon and cash.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue fails")]

use tollbook_domain::{Catalogue, LineFilter, OrderQuery, Status, StatusSet, TimeRange};
use tollbook_store::{
    HourFilter, Lease, LeaseKey, Store, StoreOptions, Uncharged, open_postgres, open_sqlite,
};
use tollbook_testkit::Cluster;

fn check(store: &dyn Store) {
    let catalogue = Catalogue::built_in();
    let mut snapshot = store.snapshot().unwrap();
    let found = snapshot.verify(1, &catalogue, 10).unwrap();
    assert_eq!((found.orders, found.differences), (8, vec![]));
    assert_eq!(snapshot.verify_deployment(10).unwrap(), Vec::<String>::new(), "the migration wrote digests");
    let everything = OrderQuery {
        company_id: 1,
        statuses: StatusSet::of(&Status::ALL),
        range: TimeRange::everything(),
        lines: LineFilter::default(),
        order_numbers: Vec::new(),
    };
    let sums: Vec<_> = snapshot
        .sums(&everything)
        .unwrap()
        .into_iter()
        .map(|(status, sums)| (status, sums.orders, sums.total))
        .collect();
    assert_eq!(
        sums,
        [(Status::Unpaid, 2, 1_260_000_000), (Status::Paid, 6, 547_200_000), (Status::Revoked, 0, 0)]
    );
    assert_eq!(snapshot.pending(&everything, &catalogue).unwrap(), 90_000);
    for (list, id) in [(Uncharged::Free, "f"), (Uncharged::Unpriced, "u")] {
        let records = snapshot.uncharged_usage(1, list, None, 10).unwrap();
        assert_eq!(records.iter().map(|record| record.usage.id.as_str()).collect::<Vec<_>>(), [id]);
    }
    // Migration 0010 renumbers what the lines and prices say; filters, and orders that are added later, use the new
    // numbers.
    let lines = snapshot.lines(1).unwrap();
    let numbers: Vec<_> =
        lines.iter().map(|line| (line.order_type, line.charge_type, line.pricing_unit)).collect();
    assert_eq!(numbers, [(102, 102, 11); 2]);
    assert!(snapshot.prices().unwrap().iter().all(|price| price.pricing_unit == 11));
    let lines = LineFilter::default().order_types(vec![102]).charge_types(vec![102]).pricing_units(vec![11]);
    assert_eq!(snapshot.count(&OrderQuery { lines, ..everything.clone() }).unwrap(), 8);
    let state = snapshot.account_state(1).unwrap();
    assert_eq!((state.entries, snapshot.prices().unwrap().len()), (9, 3));
    assert_eq!(snapshot.operator_keys().unwrap().len(), 1);
    let open = snapshot.due_hours(HourFilter::EndedBy(i64::MAX), i64::MAX, 10).unwrap();
    let [hour] = &open[..] else { panic!("exactly one hour must be open") };
    drop(snapshot);
    // The lease columns and the lease table can be used.
    let mut transaction = store.begin().unwrap();
    let lease = Lease { holder: "a test", until_s: i64::MAX };
    assert!(transaction.acquire(hour.lease_key(), &lease, i64::MAX - 1).unwrap());
    assert!(transaction.acquire(LeaseKey::Task("a task"), &lease, 0).unwrap());
    transaction.commit().unwrap();
}

#[test]
fn an_sqlite_database_of_schema_4_is_migrated() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tollbook.db");
    let written = rusqlite::Connection::open(&path).unwrap();
    written.execute_batch(include_str!("snapshots/schema_4/sqlite.sql")).unwrap();
    drop(written);
    check(&*open_sqlite(&path, &StoreOptions::default()).unwrap());
}

#[test]
fn a_postgres_database_of_schema_4_is_migrated() {
    let database = Cluster::shared().database();
    database.sql(include_str!("snapshots/schema_4/postgresql.sql"));
    check(&*open_postgres(database.url(), None, &StoreOptions::default()).unwrap());
}
