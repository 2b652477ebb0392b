//! Concurrent payers that repeat their requests, and concurrent servers with gateways and deposits.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tollbook_domain::Status;
use tollbook_domain::account::{AccountKind, Cause};
use tollbook_ops::charging::{
    CorrectionRequest, Rater, RerateRequest, UsageName, UsageResult, pay_unpaid, replace_usage, rerate,
    settle_all, settle_due, void_usage,
};

use super::edge_cases::{NOW_S, charge_orders, unpaid_numbers};
use super::fixture::{BASE_S, Backend, DAY_S, Fixture, HOUR_S, price, unit_price, usage};

pub(crate) fn concurrent_payers_pay_each_order_once(backend: &Backend) {
    let fixture = Fixture::new(backend, 1);
    charge_orders(&fixture, &(1..=40).collect::<Vec<i64>>());
    let numbers = unpaid_numbers(&fixture);
    assert_eq!(numbers.len(), 40);
    let servers: Vec<Fixture> = (0..4).map(|_| Fixture::another_server(backend)).collect();
    let start = Barrier::new(64 + 4);
    std::thread::scope(|scope| {
        for payer in 0..64usize {
            let (servers, numbers, start) = (&servers, &numbers, &start);
            scope.spawn(move || {
                // Sixteen overlapping requests, each sent by four payers.
                let first = (payer / 4) * 2;
                let requested: Vec<String> = numbers.iter().cycle().skip(first).take(12).cloned().collect();
                start.wait();
                pay_unpaid(&servers[payer % 4].charging(), 1, &requested, &|_| true, NOW_S).unwrap();
            });
        }
        for payer in 0..4i64 {
            let (fixture, start) = (&fixture, &start);
            scope.spawn(move || {
                start.wait();
                for n in 0..5 {
                    // Each key is used twice.
                    let key = format!("{}", (payer % 2) * 10 + n);
                    fixture.deposit(1, AccountKind::Cash, 70, &key, NOW_S);
                }
            });
        }
    });
    fixture.assert_clean();
    let paid = fixture.orders(1, Status::Paid);
    let sum: i64 = paid.iter().map(|stored| stored.order.total.steps()).sum();
    let deducted: Vec<String> = fixture
        .ledger(1)
        .into_iter()
        .filter(|ledger_entry| ledger_entry.entry.cause == Cause::Deduction)
        .map(|ledger_entry| ledger_entry.entry.reference)
        .collect();
    assert_eq!(deducted.len(), paid.len(), "one deduction for each order");
    assert_eq!(fixture.balance(1, AccountKind::Cash), 700 - sum);
    // The remaining cash does not suffice for any unpaid order.
    let left = 700 - sum;
    assert!(fixture.orders(1, Status::Unpaid).iter().all(|stored| stored.order.total.steps() > left));
}

pub(crate) fn concurrent_servers_close_each_hour_once(backend: &Backend) {
    let fixture = Fixture::new(backend, 3);
    fixture.put(&[unit_price("m"), unit_price("n")]);
    for company_id in 1..=3 {
        fixture.deposit(company_id, AccountKind::Cash, 3_000, "cash", BASE_S);
    }
    let now_s = BASE_S + DAY_S;
    let (closed, orders_made, done) = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for server in 0..3 {
            let (closed, orders_made, done) = (&closed, &orders_made, &done);
            let worker = format!("server {server}");
            scope.spawn(move || {
                let fixture = Fixture::another_server(backend);
                let mut last = false;
                while !last {
                    last = done.load(Ordering::SeqCst);
                    let settled = settle_due(&fixture.charging(), &worker, now_s + 20).unwrap();
                    closed.fetch_add(settled.closed.hours, Ordering::SeqCst);
                    orders_made.fetch_add(settled.closed.paid + settled.closed.unpaid, Ordering::SeqCst);
                }
            });
        }
        let gateways: Vec<_> = (0..4i64)
            .map(|gateway| {
                scope.spawn(move || {
                    let fixture = Fixture::another_server(backend);
                    let limits = fixture.config.charging.limits_of_gateways();
                    let mut rater = Rater::new(fixture.charging(), limits);
                    for batch in 0..10i64 {
                        // Each batch has all companies, in an order that differs by gateway. The hours have ended.
                        let records = (0..12i64).map(|n| {
                            let id = format!("{gateway} {batch} {n}");
                            let model = ["m", "n"][usize::try_from(n % 2).unwrap()];
                            usage(1 + (gateway + n) % 3, &id, BASE_S + (n % 5) * HOUR_S, model, 7)
                        });
                        let results = rater.accept(records.collect(), now_s, None).unwrap();
                        assert!(results.iter().all(tollbook_ops::charging::UsageResult::is_accepted));
                    }
                })
            })
            .collect();
        gateways.into_iter().for_each(|gateway| gateway.join().unwrap());
        done.store(true, Ordering::SeqCst);
    });
    // The last usage was closed by a server or is closed here.
    let settled = settle_due(&fixture.charging(), "last", now_s + 100).unwrap();
    let orders_made = orders_made.load(Ordering::SeqCst) + settled.closed.paid + settled.closed.unpaid;
    let (mut orders, mut quantity, mut firsts) = (0, 0, std::collections::BTreeMap::new());
    for company_id in 1..=3 {
        let lines = fixture.store.snapshot().unwrap().lines(company_id).unwrap();
        for status in Status::ALL {
            for stored in fixture.orders(company_id, status) {
                orders += 1;
                quantity += stored.order.quantity;
                let line = lines.get(stored.line_no).unwrap();
                if line.order_type == 102 {
                    let key = (company_id, stored.order.start_time_s, line.model_id.clone());
                    *firsts.entry(key).or_insert(0) += 1;
                }
            }
        }
    }
    assert_eq!((orders, quantity), (orders_made, 4 * 10 * 12 * 7), "each record is in one order");
    assert!(firsts.values().all(|count| *count == 1), "{firsts:?}");
    fixture.assert_clean();
}

pub(crate) fn corrections_beside_closing_payments_and_late_usage_end_in_the_same_books(backend: &Backend) {
    let fixture = Fixture::new(backend, 1);
    fixture.put(&[unit_price("m"), unit_price("n")]);
    fixture.deposit(1, AccountKind::Cash, 5_000, "cash", NOW_S);
    let record = |n: i64, model: &str, quantity| {
        usage(1, &format!("{model}{n:02}"), NOW_S - (n % 3 + 2) * HOUR_S, model, quantity)
    };
    let records = (0..30).flat_map(|n| [record(n, "m", 10), record(n, "n", 10)]).collect();
    assert!(fixture.accept(records, NOW_S).iter().all(UsageResult::is_accepted));
    // All usage of the second model is to cost three times as much.
    fixture.put(&[price("n", "input", 30_000)]);
    let servers: Vec<Fixture> = (0..4).map(|_| Fixture::another_server(backend)).collect();
    let request = |key: &str| CorrectionRequest {
        company_id: 1,
        key: key.to_owned(),
        reason: "a mistake".into(),
        dry_run: false,
    };
    let start = Barrier::new(5);
    std::thread::scope(|scope| {
        let (start, servers) = (&start, &servers);
        scope.spawn(move || {
            start.wait();
            for n in 0..10 {
                settle_due(&servers[0].charging(), "server", NOW_S + 60 + n).unwrap();
            }
        });
        scope.spawn(move || {
            start.wait();
            for n in 0..10 {
                let name = UsageName { source: None, id: format!("m{n:02}"), time_s: None };
                void_usage(&servers[1].charging(), &request(&format!("v{n}")), &[name], NOW_S + 60).unwrap();
            }
        });
        for server in &servers[2..4] {
            // Two operators make the same corrections at once.
            scope.spawn(move || {
                start.wait();
                let charging = server.charging();
                for n in 10..20 {
                    let right = record(n, "m", 7);
                    replace_usage(&charging, &request(&format!("r{n}")), &[right], NOW_S + 60).unwrap();
                }
                let which = RerateRequest { from_s: 0, to_s: NOW_S, model_id: Some("n".into()), sku: None };
                rerate(&charging, &request("all"), &which, NOW_S + 60).unwrap();
            });
        }
        let fixture = &fixture;
        scope.spawn(move || {
            start.wait();
            for n in 30..40 {
                fixture.accept(vec![record(n, "m", 10)], NOW_S + 60);
                fixture.deposit(1, AccountKind::Cash, 10, &format!("{n}"), NOW_S + 60);
            }
        });
    });
    settle_all(&fixture.charging(), "operator", NOW_S + DAY_S).unwrap();
    fixture.assert_clean();
    let totals = |model: &str| -> i64 {
        let lines = fixture.store.snapshot().unwrap().lines(1).unwrap();
        [Status::Paid, Status::Unpaid]
            .into_iter()
            .flat_map(|status| fixture.orders(1, status))
            .filter(|stored| lines.get(stored.line_no).unwrap().model_id == model)
            .map(|stored| stored.order.total.steps())
            .sum()
    };
    // 10 of 40 voided, 10 replaced by 7.
    assert_eq!((totals("m"), totals("n")), (20 * 10 + 10 * 7, 30 * 30));
    assert_eq!(fixture.balance(1, AccountKind::Cash), 5_100 - totals("m") - totals("n"));
}
