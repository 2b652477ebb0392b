//! Many at once: payers who send everything again, servers that tick together, gateways and deposits beside them.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tollbook_domain::Status;
use tollbook_domain::account::{AccountKind, Cause};
use tollbook_ops::charging::{Rater, pay_unpaid, tick};

use crate::attacks::{NOW_S, charged, owed};
use crate::place::{BASE_S, Backend, DAY_S, HOUR_S, Place, unit_price, usage};

pub(crate) fn payers_at_once_pay_each_order_once(backend: &Backend) {
    let place = Place::new(backend, 1);
    charged(&place, &(1..=40).collect::<Vec<i64>>());
    let numbers = owed(&place);
    assert_eq!(numbers.len(), 40);
    let servers: Vec<Place> = (0..4).map(|_| Place::another_server(backend)).collect();
    let start = Barrier::new(64 + 4);
    std::thread::scope(|scope| {
        for payer in 0..64usize {
            let (servers, numbers, start) = (&servers, &numbers, &start);
            scope.spawn(move || {
                // Sixteen requests that overlap, each sent by four at once.
                let first = (payer / 4) * 2;
                let asked: Vec<String> = numbers.iter().cycle().skip(first).take(12).cloned().collect();
                start.wait();
                pay_unpaid(&servers[payer % 4].charging(), 1, &asked, &|_| true, NOW_S).unwrap();
            });
        }
        for payer in 0..4i64 {
            let (place, start) = (&place, &start);
            scope.spawn(move || {
                start.wait();
                for n in 0..5 {
                    // Of each key two come.
                    let key = format!("{}", (payer % 2) * 10 + n);
                    place.deposit(1, AccountKind::Cash, 70, &key, NOW_S);
                }
            });
        }
    });
    place.assert_clean();
    let paid = place.orders(1, Status::Paid);
    let sum: i64 = paid.iter().map(|stored| stored.order.total.steps()).sum();
    let deducted: Vec<String> = place
        .ledger(1)
        .into_iter()
        .filter(|kept| kept.entry.cause == Cause::Deduction)
        .map(|kept| kept.entry.reference)
        .collect();
    assert_eq!(deducted.len(), paid.len(), "one deduction for each order");
    assert_eq!(place.balance(1, AccountKind::Cash), 700 - sum);
    // What is left does not suffice for anything that is owed.
    let left = 700 - sum;
    assert!(place.orders(1, Status::Unpaid).iter().all(|stored| stored.order.total.steps() > left));
}

pub(crate) fn servers_and_gateways_at_once_close_each_hour_once(backend: &Backend) {
    let place = Place::new(backend, 3);
    place.put(&[unit_price("m"), unit_price("n")]);
    for company_id in 1..=3 {
        place.deposit(company_id, AccountKind::Cash, 3_000, "cash", BASE_S);
    }
    let now_s = BASE_S + DAY_S;
    let (closed, made, done) = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for server in 0..3 {
            let (closed, made, done) = (&closed, &made, &done);
            let worker = format!("server {server}");
            scope.spawn(move || {
                let place = Place::another_server(backend);
                let mut last = false;
                while !last {
                    last = done.load(Ordering::SeqCst);
                    let settled = tick(&place.charging(), &worker, now_s + 20).unwrap();
                    closed.fetch_add(settled.closed.hours, Ordering::SeqCst);
                    made.fetch_add(settled.closed.paid + settled.closed.unpaid, Ordering::SeqCst);
                }
            });
        }
        let gateways: Vec<_> = (0..4i64)
            .map(|gateway| {
                scope.spawn(move || {
                    let place = Place::another_server(backend);
                    let limits = place.config.charging.limits_of_gateways();
                    let mut rater = Rater::new(place.charging(), limits);
                    for batch in 0..10i64 {
                        // All companies in one batch, each gateway beginning with another one; the hours are over.
                        let records = (0..12i64).map(|n| {
                            let id = format!("{gateway} {batch} {n}");
                            let model = ["m", "n"][usize::try_from(n % 2).unwrap()];
                            usage(1 + (gateway + n) % 3, &id, BASE_S + (n % 5) * HOUR_S, model, 7)
                        });
                        let fates = rater.accept(records.collect(), now_s, None).unwrap();
                        assert!(fates.iter().all(tollbook_ops::charging::UsageResult::is_accepted));
                    }
                })
            })
            .collect();
        gateways.into_iter().for_each(|gateway| gateway.join().unwrap());
        done.store(true, Ordering::SeqCst);
    });
    // What came last is closed by now, or by this.
    let settled = tick(&place.charging(), "last", now_s + 100).unwrap();
    let made = made.load(Ordering::SeqCst) + settled.closed.paid + settled.closed.unpaid;
    let (mut orders, mut quantity, mut firsts) = (0, 0, std::collections::BTreeMap::new());
    for company_id in 1..=3 {
        let lines = place.store.snapshot().unwrap().lines(company_id).unwrap();
        for status in Status::ALL {
            for stored in place.orders(company_id, status) {
                orders += 1;
                quantity += stored.order.quantity;
                let line = lines.get(stored.line_no).unwrap();
                if line.order_type == 301 {
                    let key = (company_id, stored.order.start_time_s, line.model_id.clone());
                    *firsts.entry(key).or_insert(0) += 1;
                }
            }
        }
    }
    assert_eq!((orders, quantity), (made, 4 * 10 * 12 * 7), "each record is in one order");
    assert!(firsts.values().all(|count| *count == 1), "{firsts:?}");
    place.assert_clean();
}
