//! Adding and reading orders, one behaviour for each test.

use tollbook_domain::{AccountKind, Amount, Catalogue, Deductions, LineFilter, Measures, Status, UnitPrice};
use tollbook_store::{Outcome, Snapshot, Store, StoreOptions};

use crate::Backend;
use crate::model::{Model, order, query};
use crate::tenants::company;

const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;
const ANY: [Status; 3] = Status::ALL;

pub(crate) fn add(store: &dyn Store, orders: &[tollbook_domain::NewOrder]) -> Vec<Outcome> {
    let mut transaction = store.begin().unwrap();
    let outcomes = transaction.add_orders(orders).unwrap();
    transaction.commit().unwrap();
    outcomes
}

pub(crate) fn assert_healthy(store: &dyn Store, orders: usize) {
    let mut snapshot = store.snapshot().unwrap();
    let mut counted = 0;
    for company in snapshot.companies().unwrap() {
        let found = snapshot.verify(company.company_id, &Catalogue::built_in(), 10).unwrap();
        assert_eq!(found.differences, Vec::<String>::new());
        counted += found.orders;
    }
    assert_eq!(counted, i64::try_from(orders).unwrap());
}

fn numbers(snapshot: &mut dyn Snapshot, query: &tollbook_domain::OrderQuery) -> Vec<String> {
    snapshot.page(query, 0, 100).unwrap().orders.into_iter().map(|stored| stored.order.number).collect()
}

pub(crate) fn an_empty_company_has_no_orders_and_zero_sums(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions::default());
    company(&*store, "one");
    let mut snapshot = store.snapshot().unwrap();
    let query = query(0, 400 * DAY, &ANY);
    assert_eq!(snapshot.count(&query).unwrap(), 0);
    assert!(snapshot.page(&query, 0, 100).unwrap().orders.is_empty());
    assert_eq!(snapshot.sums(&query).unwrap(), ANY.map(|status| (status, Measures::default())));
    assert!(snapshot.sums_by_line(&query).unwrap().is_empty());
    assert!(snapshot.lines(1).unwrap().is_empty());
    snapshot.scan(&query, &mut |_| panic!("the company has no orders")).unwrap();
    assert_healthy(&*store, 0);
}

pub(crate) fn a_repeated_order_is_present_and_a_different_one_is_a_conflict(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions::default());
    company(&*store, "one");
    let first = order(1, 0, Status::Paid, HOUR, 5_000);
    let owed = order(2, 0, Status::Unpaid, HOUR, 5_000);
    assert_eq!(
        add(&*store, &[first.clone(), owed.clone(), first.clone()]),
        [Outcome::Added, Outcome::Added, Outcome::Present]
    );
    assert_eq!(add(&*store, &[first.clone(), owed.clone()]), [Outcome::Present, Outcome::Present]);
    // The same order after it was paid.
    let mut settled = order(2, 0, Status::Paid, HOUR, 5_000);
    settled.order.counterpart.clone_from(&owed.order.number);
    // Orders with the same number but another quantity, line or counterpart.
    let mut more = order(1, 0, Status::Paid, HOUR, 5_001);
    more.order.number.clone_from(&first.order.number);
    let other_line = order(1, 1, Status::Paid, HOUR, 5_000);
    let mut arrears = first.clone();
    arrears.order.counterpart = "U9".into();
    let batch = [settled, more, other_line, arrears];
    let expected = [Outcome::Present, Outcome::Conflict, Outcome::Conflict, Outcome::Conflict];
    for (order, expected) in batch.iter().zip(expected) {
        let one = std::slice::from_ref(order);
        assert_eq!(store.snapshot().unwrap().classify_orders(one).unwrap(), [expected]);
        assert_eq!(add(&*store, one), [expected]);
    }
    assert_healthy(&*store, 2);
}

pub(crate) fn a_number_belongs_to_one_order(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions::default());
    company(&*store, "one");
    let owed = order(1, 0, Status::Unpaid, HOUR, 5_000);
    add(&*store, std::slice::from_ref(&owed));
    // Orders that use the arrears number or the source number of the first one.
    let mut steals_u = order(3, 0, Status::Paid, HOUR, 5_000);
    steals_u.order.number.clone_from(&owed.order.number);
    let mut steals_o = order(4, 0, Status::Unpaid, HOUR, 5_000);
    steals_o.order.counterpart.clone_from(&owed.order.counterpart);
    assert_eq!(add(&*store, &[steals_u, steals_o]), [Outcome::Conflict, Outcome::Conflict]);
    let mut snapshot = store.snapshot().unwrap();
    for number in [&owed.order.number, &owed.order.counterpart] {
        assert_eq!(snapshot.order_by_number(1, number).unwrap().unwrap().order, owed.order);
        let mut by_number = query(0, DAY, &[Status::Unpaid]);
        by_number.order_numbers = vec![number.clone()];
        assert_eq!(snapshot.count(&by_number).unwrap(), 1);
    }
    assert!(snapshot.order_by_number(1, "").unwrap().is_none());
    assert!(snapshot.order_by_number(2, &owed.order.number).unwrap().is_none());
    assert_healthy(&*store, 1);
}

pub(crate) fn lists_are_newest_first_then_by_number_descending(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions::default());
    company(&*store, "one");
    let mut orders = vec![
        order(1, 0, Status::Paid, HOUR, 1),
        order(2, 1, Status::Paid, HOUR, 1),
        order(3, 2, Status::Revoked, HOUR, 1),
        order(4, 3, Status::Paid, 2 * HOUR, 1),
    ];
    // Numbers are compared byte by byte: "é" sorts after "z", and "Z" before "a".
    for (order, number) in orders.iter_mut().zip(["a", "é", "z", "Z"]) {
        order.order.number = number.into();
    }
    add(&*store, &orders);
    let mut snapshot = store.snapshot().unwrap();
    let both = query(0, DAY, &[Status::Paid, Status::Revoked]);
    assert_eq!(numbers(&mut *snapshot, &both), ["Z", "é", "z", "a"]);
    assert_eq!(numbers(&mut *snapshot, &query(0, DAY, &[Status::Revoked])), ["z"]);
    assert_eq!(numbers(&mut *snapshot, &query(HOUR, 2 * HOUR, &[Status::Paid])), ["é", "a"]);
}

pub(crate) fn sums_wider_than_64_bits_are_exact(backend: &dyn Backend) {
    for tile_threshold in [0, 20_000] {
        let store = backend.open(&StoreOptions { tile_threshold, ..StoreOptions::default() });
        let company_id = company(&*store, "rich");
        let mut orders = Vec::new();
        for id in 0..4 {
            let mut big = order(id * 5 + 1, 0, Status::Paid, id * 40 * DAY, 0);
            big.company_id = company_id;
            big.line.pricing_unit = 10;
            big.line.list_price = UnitPrice::parse("1").unwrap();
            big.line.discount_price = UnitPrice::parse("1").unwrap();
            big.order.quantity = 92_233_720_368;
            big.order.total = Amount::parse("92233720368").unwrap();
            big.order.original = big.order.total;
            big.order.deductions = Deductions::default().with(AccountKind::Cash, big.order.total);
            orders.push(big);
        }
        add(&*store, &orders);
        let mut query = query(0, 400 * DAY, &[Status::Paid]);
        query.company_id = company_id;
        let mut snapshot = store.snapshot().unwrap();
        let expected = 4 * 9_223_372_036_800_000_000i128;
        assert_eq!(snapshot.sums(&query).unwrap()[0].1.total, expected);
        assert_eq!(snapshot.sums_by_line(&query).unwrap()[0].2.deductions.get(AccountKind::Cash), expected);
        query.lines = LineFilter::default().pricing_units(vec![10]);
        assert_eq!(snapshot.sums(&query).unwrap()[0].1.deductions.get(AccountKind::Cash), expected);
    }
}

pub(crate) fn queries_return_orders_of_their_company_only(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions { tile_threshold: 1, ..StoreOptions::default() });
    company(&*store, "one");
    company(&*store, "two");
    let mine = [order(1, 0, Status::Paid, HOUR, 1), order(2, 1, Status::Paid, HOUR, 1)];
    // The other company has the same numbers and lines.
    let theirs = mine.clone().map(|mut order| {
        order.company_id = 2;
        order
    });
    assert_eq!(add(&*store, &[mine.as_slice(), &theirs].concat()), [Outcome::Added; 4]);
    let mut snapshot = store.snapshot().unwrap();
    let model = Model(mine.to_vec());
    let query = query(0, DAY, &ANY);
    assert_eq!(snapshot.count(&query).unwrap(), 2);
    assert_eq!(snapshot.sums(&query).unwrap(), model.sums(&query));
    let mut scanned = 0;
    snapshot
        .scan(&query, &mut |_| {
            scanned += 1;
            Ok(())
        })
        .unwrap();
    assert_eq!(scanned, 2);
    assert_healthy(&*store, 4);
}

pub(crate) fn a_snapshot_does_not_see_later_commits(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions { tile_threshold: 2, ..StoreOptions::default() });
    company(&*store, "one");
    add(&*store, &[order(1, 0, Status::Paid, HOUR, 1)]);
    let mut before = store.snapshot().unwrap();
    let all = query(0, 400 * DAY, &ANY);
    assert_eq!(before.count(&all).unwrap(), 1);
    // Later commits add orders and lines, and exceed the tile threshold.
    let more: Vec<_> = (2..9).map(|id| order(id, id, Status::Paid, HOUR, 1)).collect();
    add(&*store, &more);
    let mut filtered = all.clone();
    filtered.lines = LineFilter::default().pricing_units(vec![11]);
    for query in [&all, &filtered] {
        assert_eq!(before.count(query).unwrap(), 1);
        assert_eq!(before.page(query, 0, 100).unwrap().orders.len(), 1);
        assert_eq!(before.sums_by_line(query).unwrap().len(), 1);
    }
    assert_eq!(before.lines(1).unwrap().len(), 1);
    drop(before);
    assert_eq!(store.snapshot().unwrap().count(&filtered).unwrap(), 8);
    // After an older snapshot has read the lines, a newer one still reads all of them.
    assert_eq!(store.snapshot().unwrap().lines(1).unwrap().len(), 8);
}

pub(crate) fn exceeding_the_tile_threshold_changes_no_answer(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions { tile_threshold: 600, ..StoreOptions::default() });
    company(&*store, "one");
    let mut model = Model::default();
    // 700 lines are stored in three chunks.
    for batch in 0..10 {
        let orders: Vec<_> = (0..100)
            .map(|n| {
                let id = batch * 100 + n;
                let status = [Status::Paid, Status::Paid, Status::Unpaid, Status::Revoked]
                    [usize::try_from(id % 4).unwrap()];
                order(id, id % 700, status, 20_000 * DAY + id * 11 * HOUR, id * 37)
            })
            .collect();
        model.0.extend(orders.clone());
        assert_eq!(add(&*store, &orders), vec![Outcome::Added; 100]);
        let mut snapshot = store.snapshot().unwrap();
        let mut query = query(20_000 * DAY + 1, 20_400 * DAY + 7, &ANY);
        for filter in [LineFilter::default(), LineFilter::default().model_ids(vec!["model-3".into()])] {
            query.lines = filter;
            assert_eq!(snapshot.count(&query).unwrap(), i64::try_from(model.matching(&query).len()).unwrap());
            assert_eq!(snapshot.sums(&query).unwrap(), model.sums(&query));
        }
    }
    assert_healthy(&*store, 1_000);
}

/// The store does not check amounts. `verify` must report an order whose amounts violate the rules.
pub(crate) fn verify_reports_stored_orders_that_violate_the_rules(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions { tile_threshold: 0, ..StoreOptions::default() });
    company(&*store, "one");
    let mut wrong = order(1, 0, Status::Paid, HOUR, 5_000);
    wrong.order.total = Amount::from_steps(1);
    add(&*store, &[wrong, order(2, 0, Status::Paid, HOUR, 5_000)]);
    let found = store.snapshot().unwrap().verify(1, &Catalogue::built_in(), 10).unwrap();
    assert_eq!(found.orders, 2);
    assert_eq!(found.differences.len(), 1);
    assert!(found.differences[0].contains("O000001: OrderTotalPrice"), "{:?}", found.differences);
}
