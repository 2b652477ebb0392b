//! Tests of the quickstart: the contents of a month, and that interruptions do not change them.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use tollbook_domain::account::{AccountKind, Cause};
use tollbook_domain::filter::{LineFilter, OrderQuery, StatusSet};
use tollbook_domain::{Amount, NewOrder, Status, TimeRange};
use tollbook_store::{LedgerEntry, LedgerRange, StoreOptions, Uncharged, open_sqlite};

use tollbook_domain::Catalogue;
use tollbook_domain::time::DAY_S;
use tollbook_store::{Store, StoredOrder};

use super::run::quickstart_of_days;
use super::*;
use crate::charging::{Charging, standing};
use crate::config::Config;
use crate::demo::{DEMO_DAYS, DemoMonth};
use crate::tenancy::keys::disable_key;
use crate::tenancy::operator_keys::known_operator_key;
use crate::tenancy::secrets::MasterKey;

// 2025-12-03T10:20:00Z
const NOW_S: i64 = 1_764_757_200;
/// Length of a month that is generated repeatedly: the minimum in which a daily run pays orders.
const FEW_DAYS: i64 = 5;

fn open(directory: &Path) -> Arc<dyn Store> {
    open_sqlite(&directory.join("tollbook.db"), &StoreOptions::default()).unwrap()
}

fn start(store: &dyn Store, master: &MasterKey, days: i64, now_s: i64) -> Quickstart {
    start_with(store, master, days, now_s, &mut |_, _| {})
}

fn start_with(
    store: &dyn Store,
    master: &MasterKey,
    days: i64,
    now_s: i64,
    progress: &mut dyn FnMut(usize, usize),
) -> Quickstart {
    let (config, catalogue) = (Config::default(), Catalogue::built_in());
    let charging = Charging { store, config: &config, catalogue: &catalogue };
    quickstart_of_days(&charging, master, days, now_s, progress).unwrap()
}

fn orders(store: &dyn Store) -> Vec<NewOrder> {
    let query = OrderQuery {
        company_id: 1,
        range: TimeRange::everything(),
        statuses: StatusSet::of(&Status::ALL),
        lines: LineFilter::default(),
        order_numbers: Vec::new(),
    };
    let mut snapshot = store.snapshot().unwrap();
    let lines = snapshot.lines(1).unwrap();
    let mut orders = Vec::new();
    let mut each = |stored: &StoredOrder| {
        let line = lines.get(stored.line_no).unwrap().as_ref().clone();
        orders.push(NewOrder { company_id: 1, line, order: stored.order.clone() });
        Ok(())
    };
    snapshot.scan(&query, &mut each).unwrap();
    orders
}

fn ledger(store: &dyn Store) -> Vec<LedgerEntry> {
    store.snapshot().unwrap().ledger(1, LedgerRange { first: 0, count: i64::MAX }).unwrap()
}

/// An order number without the token of the deployment.
fn without_token(number: &str) -> String {
    if number.len() < 25 { number.to_owned() } else { format!("{}{}", &number[..11], &number[15..]) }
}

/// The contents that must be equal in two deployments.
fn content(store: &dyn Store) -> Vec<String> {
    let mut content: Vec<String> = orders(store)
        .into_iter()
        .map(|NewOrder { line, mut order, .. }| {
            order.number = without_token(&order.number);
            order.counterpart = without_token(&order.counterpart);
            format!("{line:?} {order:?}")
        })
        .collect();
    content.sort();
    content.extend(ledger(store).into_iter().map(|mut kept| {
        kept.entry.reference = without_token(&kept.entry.reference);
        format!("{kept:?}")
    }));
    let mut snapshot = store.snapshot().unwrap();
    content.push(format!("{:?}", snapshot.account_state(1).unwrap()));
    let query = OrderQuery {
        company_id: 1,
        range: TimeRange::everything(),
        statuses: StatusSet::of(&Status::ALL),
        lines: LineFilter::default(),
        order_numbers: Vec::new(),
    };
    content.push(format!("{}", snapshot.pending(&query, &Catalogue::built_in()).unwrap()));
    for uncharged in [Uncharged::Free, Uncharged::Unpriced] {
        content.push(format!("{:?}", snapshot.uncharged_usage(1, uncharged, None, 1_000).unwrap()));
    }
    content
}

fn assert_verified(store: &dyn Store) {
    let verified = store.snapshot().unwrap().verify(1, &Catalogue::built_in(), 10).unwrap();
    assert_eq!(verified.differences, Vec::<String>::new());
}

#[test]
fn the_first_start_creates_a_realistic_month_and_the_second_returns_it() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let master = MasterKey::generate();
    let mut last = (0, 0);
    let first = start_with(&*store, &master, DEMO_DAYS, NOW_S, &mut |done, all| last = (done, all));
    assert_eq!(first.company.name, "Demo Company");
    assert_eq!(first.organizations.len(), 2);
    let bound: Vec<Option<i64>> = first.keys.iter().map(|key| key.organization_id).collect();
    assert_eq!(bound, [None, Some(1), Some(2)]);
    assert_eq!(first.month_end_s, NOW_S / DAY_S * DAY_S);
    assert_eq!(first.month_end_s - first.month_start_s, 30 * DAY_S);
    assert_eq!(last, (30 * 24 + 10, 30 * 24 + 11), "the last report is in the current hour");
    assert_verified(&*store);
    assert_is_realistic(&*store, &first);
    let key = first.operator_key.as_ref().unwrap();
    let known = known_operator_key(&*store, key.reveal()).unwrap().unwrap();
    assert_eq!(known.name, "quickstart");

    // A later start in another process returns the same demo with the same keys, and adds nothing.
    drop(store);
    let store = open(directory.path());
    let second = start(&*store, &master, DEMO_DAYS, NOW_S + 5 * DAY_S);
    assert_eq!(second, Quickstart { orders_added: 0, operator_key: None, ..first.clone() });
    disable_key(&*store, &first.keys[1].public_key).unwrap();
    let third = start(&*store, &master, DEMO_DAYS, NOW_S);
    assert_eq!(third.keys, [first.keys[0].clone(), first.keys[2].clone()]);
}

fn assert_is_realistic(store: &dyn Store, demo: &Quickstart) {
    let orders = orders(store);
    let all = orders.len();
    assert_eq!(all, demo.orders_added);
    let count = |test: &dyn Fn(&NewOrder) -> bool| orders.iter().filter(|new| test(new)).count();
    let month = demo.month_start_s..demo.month_end_s;
    assert!((12_000..=15_500).contains(&count(&|new| month.contains(&new.order.start_time_s))), "{all}");
    let of = |status: Status| count(&|new| new.order.status == status);
    assert!((300..=900).contains(&of(Status::Unpaid)), "{} are unpaid", of(Status::Unpaid));
    // Ten of them were unpaid, two were paid.
    assert_eq!(of(Status::Revoked), 12);
    let from_arrears = count(&|new| new.order.status == Status::Paid && !new.order.counterpart.is_empty());
    assert!((300..=1_200).contains(&from_arrears), "{from_arrears} were paid after arrears");
    let late = count(&|new| new.line.order_type == 301);
    assert!((80..=400).contains(&late), "{late} are supplementary");
    assert_eq!(count(&|new| new.line.order_type == 102) + late, all);
    let mut by_kind = BTreeMap::new();
    for kind in AccountKind::ALL {
        let paid = count(&|new| new.order.deductions.get(kind) > Amount::ZERO);
        by_kind.insert(kind, paid);
        assert!(paid * 1_000 > all * 15, "{paid} of {all} are paid from {}", kind.name());
    }
    assert!(by_kind[&AccountKind::Cash] * 100 > all * 60, "{by_kind:?}");
    let bonus = count(&|new| {
        !new.order.counterpart.is_empty() && new.order.deductions.get(AccountKind::Bonus).steps() > 0
    });
    assert_eq!(bonus, 0, "bonus does not pay arrears");
    // Only orders that were charged on the last day, or later, are unpaid.
    let last_day_s = demo.month_end_s - DAY_S;
    let older = count(&|new| {
        new.order.status == Status::Unpaid && new.order.create_time_s.is_some_and(|at_s| at_s < last_day_s)
    });
    assert_eq!(older, 0);
    let causes: Vec<Cause> = ledger(store).into_iter().map(|kept| kept.entry.cause).collect();
    for cause in Cause::ALL {
        assert!(causes.contains(&cause), "no ledger entry has the cause {}", cause.name());
    }
    let mut snapshot = store.snapshot().unwrap();
    for uncharged in [Uncharged::Free, Uncharged::Unpriced] {
        let records = snapshot.uncharged_usage(1, uncharged, None, 1_000).unwrap().len();
        assert!((5..=100).contains(&records), "{uncharged:?}: {records}");
    }
    let catalogue = Catalogue::built_in();
    let charging = Charging { store, config: &Config::default(), catalogue: &catalogue };
    let standing = standing(&charging, 1, NOW_S).unwrap().unwrap();
    assert!(standing.pending > 0, "the current hour is open");
    assert!(snapshot.due_hours(tollbook_store::HourFilter::DueBy(i64::MAX), NOW_S, 100).unwrap().len() == 1);
}

#[test]
fn interrupted_starts_end_with_the_same_contents() {
    let master = MasterKey::generate();
    let uninterrupted = tempfile::tempdir().unwrap();
    let store = open(uninterrupted.path());
    let steps = Cell::new(0);
    start_with(&*store, &master, FEW_DAYS, NOW_S, &mut |_, _| steps.set(steps.get() + 1));
    let expected = content(&*store);
    // The month has the operations whose repetition could change the result: arrears are paid after deposits and by
    // daily runs, and orders are revoked.
    let made = orders(&*store);
    let paid_late: Vec<i64> = made
        .iter()
        .filter(|new| new.order.status == Status::Paid && !new.order.counterpart.is_empty())
        .filter_map(|new| new.order.paid_time_s)
        .collect();
    let daily = paid_late.iter().filter(|at_s| *at_s % DAY_S == 5 * 3_600 + 4).count();
    assert!(daily > 5 && paid_late.len() - daily > 5, "{daily} of {}", paid_late.len());
    assert!(made.iter().any(|new| new.order.status == Status::Revoked));
    assert!(steps.get() > 200, "{} steps", steps.get());
    // Each start runs a few steps longer than the previous one, from the last stored progress on.
    for more in [2, 5] {
        let directory = tempfile::tempdir().unwrap();
        let store = open(directory.path());
        let mut starts = 0;
        loop {
            let mut left = 3 + starts * more;
            let killed = catch_unwind(AssertUnwindSafe(|| {
                start_with(&*store, &master, FEW_DAYS, NOW_S + starts * DAY_S, &mut |_, _| {
                    left -= 1;
                    if left == 0 {
                        std::panic::panic_any("killed");
                    }
                })
            }));
            starts += 1;
            if killed.is_ok() {
                break;
            }
        }
        assert!(starts > 5, "{starts}");
        assert_verified(&*store);
        let got = content(&*store);
        for (got, expected) in got.iter().zip(&expected) {
            assert_eq!(got, expected, "{starts} starts, each {more} steps longer");
        }
        assert_eq!(got.len(), expected.len());
        assert_eq!(store.snapshot().unwrap().companies().unwrap().len(), 1);
    }
}

#[test]
fn concurrent_first_starts_create_one_demo() {
    let directory = tempfile::tempdir().unwrap();
    let master = MasterKey::generate();
    let both = std::thread::scope(|scope| {
        let starts =
            [0, 1].map(|_| scope.spawn(|| start(&*open(directory.path()), &master, FEW_DAYS, NOW_S)));
        starts.map(|start| start.join().unwrap())
    });
    assert_eq!(both[0].keys, both[1].keys);
    let store = open(directory.path());
    assert_eq!(orders(&*store).len(), both[0].orders_added + both[1].orders_added);
    assert_eq!(both.iter().filter(|demo| demo.operator_key.is_some()).count(), 1);
    assert_eq!(store.snapshot().unwrap().companies().unwrap().len(), 1);
}

#[test]
fn another_master_key_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    start(&*store, &MasterKey::generate(), 1, NOW_S);
    let (config, other) = (Config::default(), MasterKey::generate());
    let error = quickstart(&*store, &other, &config, &Catalogue::built_in(), NOW_S, &mut |_, _| {});
    assert!(error.unwrap_err().to_string().contains("another master key"));
}

#[test]
fn prices_of_the_operator_are_kept() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let mut own = DemoMonth::prices();
    own.truncate(1);
    own[0].list_price = tollbook_domain::UnitPrice::parse("3").unwrap();
    let mut transaction = store.begin().unwrap();
    transaction.put_prices(&own).unwrap();
    transaction.commit().unwrap();
    start(&*store, &MasterKey::generate(), 1, NOW_S);
    assert!(store.snapshot().unwrap().prices().unwrap().contains(&own[0]));
}
