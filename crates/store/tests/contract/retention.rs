//! Pruning deletes settled orders with their rollups, keeps unpaid orders, and refuses later imports of pruned orders.

use tollbook_domain::{NewOrder, Status};
use tollbook_store::{Outcome, Store, StoreOptions};

use crate::Backend;
use crate::model::{Model, order, query};
use crate::orders::{add, assert_healthy};
use crate::tenants::company;

const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;

/// 200 orders that begin seven hours apart. Three of four are settled.
fn orders() -> Vec<NewOrder> {
    let status = |n| match n % 4 {
        0 => Status::Unpaid,
        1 => Status::Revoked,
        _ => Status::Paid,
    };
    (0..200).map(|n| order(n, n % 30, status(n), n * 7 * HOUR, n)).collect()
}

fn prune(store: &dyn Store, before_s: i64, limit: usize) -> usize {
    let mut transaction = store.begin().unwrap();
    let left = transaction.prune(1, before_s, limit).unwrap();
    transaction.commit().unwrap();
    left
}

pub(crate) fn settled_orders_are_pruned_with_their_rollups(backend: &dyn Backend) {
    for tile_threshold in [10, 20_000] {
        let backend = backend.another();
        let store = backend.open(&StoreOptions { tile_threshold, ..StoreOptions::default() });
        company(&*store, "one");
        let orders = orders();
        add(&*store, &orders);
        let before_s = 20 * DAY + 5 * HOUR;
        let is_gone =
            |new: &NewOrder| new.order.status != Status::Unpaid && new.order.start_time_s < before_s;
        let gone = orders.iter().filter(|new| is_gone(new)).count();
        let mut left = 0;
        loop {
            let batch = prune(&*store, before_s, 20);
            left += batch;
            if batch < 20 {
                break;
            }
        }
        assert_eq!(left, gone);
        assert_eq!(prune(&*store, before_s, 20), 0, "a repeated pruning deletes nothing");
        let model = Model(orders.iter().filter(|new| !is_gone(new)).cloned().collect());
        assert_healthy(&*store, model.0.len());
        let mut snapshot = store.snapshot().unwrap();
        for asked in [query(0, 400 * DAY, &Status::ALL), query(3 * DAY + 1, 40 * DAY + 5, &[Status::Paid])] {
            assert_eq!(snapshot.sums(&asked).unwrap(), model.sums(&asked));
            let page = snapshot.page(&asked, 0, 500).unwrap();
            let expected: Vec<_> = model.matching(&asked).into_iter().map(|new| new.order.clone()).collect();
            assert_eq!(page.orders.into_iter().map(|stored| stored.order).collect::<Vec<_>>(), expected);
        }
    }
}

pub(crate) fn pruned_orders_are_not_added_again(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions::default());
    company(&*store, "one");
    let orders = orders();
    add(&*store, &orders);
    let before_s = 10 * DAY;
    prune(&*store, before_s, 1_000);
    let outcomes = add(&*store, &orders);
    for (new, outcome) in orders.iter().zip(&outcomes) {
        let early = new.order.start_time_s < before_s;
        let expected =
            if early && new.order.status != Status::Unpaid { Outcome::Pruned } else { Outcome::Present };
        assert_eq!(*outcome, expected, "{:?}", new.order);
    }
    assert_eq!(store.snapshot().unwrap().classify_orders(&orders).unwrap(), outcomes);
    // An order that was never stored is refused too, and an earlier bound does not replace a later one.
    prune(&*store, 5 * DAY, 1_000);
    let late = order(900, 1, Status::Unpaid, before_s - 1, 1);
    let on_time = order(901, 1, Status::Paid, before_s, 1);
    assert_eq!(add(&*store, &[late, on_time]), [Outcome::Pruned, Outcome::Added]);
}
