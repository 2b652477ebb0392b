//! Edge cases of charging: invalid requests, failures and races. One case per test.

use std::sync::Mutex;

use tollbook_domain::account::{AccountKind, Cause};
use tollbook_domain::{Amount, NewOrder, Status, Usage};
use tollbook_ops::charging::{
    ArrearsPaid, Charging, ChargingError, PayReason, Rater, Revocation, UsageResult, close_hour, deposit,
    pay_unpaid, reprice, revoke, set_credit_limit, set_offset, settle_all, settle_due,
};
use tollbook_store::{HourFilter, Lease, Uncharged};

use super::before_begin::BeforeBegin;
use super::fixture::{BASE_S, Backend, DAY_S, Fixture, HOUR_S, money, price, query, unit_price, usage};

/// Charges usage of one company and closes its hours: one order for each cost, an hour apart from [`BASE_S`] on.
pub(crate) fn charge_orders(fixture: &Fixture, costs: &[i64]) {
    fixture.put(&[unit_price("m")]);
    let hours = (0i64..).zip(costs);
    let records: Vec<Usage> =
        hours.map(|(hour, cost)| usage(1, &format!("{hour}"), BASE_S + hour * HOUR_S, "m", *cost)).collect();
    let now_s = BASE_S + 3 * DAY_S;
    assert!(fixture.accept(records, now_s).iter().all(|result| *result == UsageResult::Charged));
    settle_all(&fixture.charging(), "setup", now_s).unwrap();
}

/// The numbers U of unpaid orders, oldest first.
pub(crate) fn unpaid_numbers(fixture: &Fixture) -> Vec<String> {
    let orders = fixture.orders(1, Status::Unpaid);
    orders.into_iter().rev().map(|stored| stored.order.number).collect()
}

pub(crate) const NOW_S: i64 = BASE_S + 4 * DAY_S;

pub(crate) fn usage_rated_before_a_price_change_and_stored_after_it_is_charged(backend: &Backend) {
    let fixture = Fixture::new(backend, 1);
    let change_prices = || {
        fixture.put(&[unit_price("m")]);
        assert_eq!(reprice(&fixture.charging(), BASE_S).unwrap(), 0);
    };
    let change_once = Mutex::new(Some(change_prices));
    let store = BeforeBegin::new(&fixture, || {
        let change_prices = change_once.lock().unwrap().take();
        change_prices.into_iter().for_each(|change_prices| change_prices());
        Ok(())
    });
    let charging = Charging { store: &store, ..fixture.charging() };
    let mut rater = Rater::new(charging, fixture.config.charging.limits_of_gateways());
    let sent = vec![usage(1, "a", BASE_S, "m", 5), usage(1, "b", BASE_S, "other", 5)];
    let results = rater.accept(sent, BASE_S, None).unwrap();
    assert_eq!(results[0], UsageResult::Charged);
    assert!(matches!(results[1], UsageResult::Unpriced(_)));
    assert_eq!(fixture.pending(&query(1, &[])), 5);
    fixture.assert_clean();
}

/// A server that was started with an older configuration does not charge a company of a new brand as one of another.
pub(crate) fn usage_of_a_brand_that_is_not_configured_is_refused(backend: &Backend) {
    let mut fixture = Fixture::new(backend, 1);
    fixture.put(&[unit_price("m")]);
    let mut transaction = fixture.store.begin().unwrap();
    let company_id = transaction.add_company("of acme", "CNY", "acme").unwrap().company_id;
    transaction.add_organization(company_id, "org-x", "X").unwrap();
    transaction.commit().unwrap();
    let accept = |fixture: &Fixture| {
        let mut rater = Rater::new(fixture.charging(), fixture.config.charging.limits_of_gateways());
        let sent = vec![usage(company_id, "a", BASE_S, "m", 5), usage(1, "b", BASE_S, "m", 5)];
        rater.accept(sent, BASE_S, None).unwrap()
    };
    let refused = "company_id: company 2 belongs to the brand \"acme\", which is not configured";
    assert_eq!(accept(&fixture), [UsageResult::Refused(refused.into()), UsageResult::Charged]);
    let text = "[brand.acme]\nchannel = 2";
    fixture.config = tollbook_ops::Config::parse(std::path::Path::new("tollbook.toml"), text).unwrap();
    assert_eq!(accept(&fixture), [UsageResult::Charged, UsageResult::Duplicate]);
    fixture.assert_clean();
}

pub(crate) fn a_refund_to_an_expiring_grant_moves_only_its_own_amount(backend: &Backend) {
    let fixture = Fixture::new(backend, 1);
    let mut coupon = money(AccountKind::Coupon, 100, "coupon");
    coupon.expires_s = Some(NOW_S);
    deposit(&fixture.charging(), 1, &coupon, true, BASE_S).unwrap();
    fixture.deposit(1, AccountKind::Cash, 1_000, "cash", BASE_S);
    charge_orders(&fixture, &[30, 90]);
    // The coupon pays the first order; its remaining amount and cash pay the second.
    let paid = fixture.orders(1, Status::Paid);
    let numbers: Vec<String> = paid.iter().map(|stored| stored.order.number.clone()).collect();
    assert_eq!((fixture.balance(1, AccountKind::Coupon), fixture.balance(1, AccountKind::Cash)), (0, 980));
    // The coupon expires with a remaining amount.
    revoke(&fixture.charging(), 1, &numbers[1..], "half of it", NOW_S - 1).unwrap();
    assert_eq!(fixture.balance(1, AccountKind::Coupon), 30);
    let revoked = revoke(&fixture.charging(), 1, &numbers, "the other half", NOW_S).unwrap();
    assert_eq!(
        revoked.iter().map(|revoked| revoked.outcome).collect::<Vec<_>>(),
        [Revocation::Refunded, Revocation::Already]
    );
    assert_eq!((fixture.balance(1, AccountKind::Coupon), fixture.balance(1, AccountKind::Cash)), (0, 1_000));
    let expired: i64 = fixture
        .ledger(1)
        .iter()
        .filter(|ledger_entry| ledger_entry.entry.cause == Cause::Expiry)
        .map(|ledger_entry| ledger_entry.entry.amount)
        .sum();
    assert_eq!(expired, -100, "the whole coupon has expired, once");
    fixture.assert_clean();
}

pub(crate) fn a_refund_beyond_the_range_of_an_account_is_refused(backend: &Backend) {
    let fixture = Fixture::new(backend, 1);
    fixture.deposit(1, AccountKind::Cash, 50, "small", BASE_S);
    charge_orders(&fixture, &[50]);
    fixture.deposit(1, AccountKind::Cash, i64::MAX - 49, "all the money", NOW_S);
    let number = fixture.orders(1, Status::Paid)[0].order.number.clone();
    let refused = revoke(&fixture.charging(), 1, std::slice::from_ref(&number), "why", NOW_S).unwrap_err();
    assert!(matches!(refused, ChargingError::Account(_)), "{refused}");
    assert_eq!(fixture.balance(1, AccountKind::Cash), i64::MAX - 49);
    let too_much = money(AccountKind::Cash, 50, "more than all");
    assert!(deposit(&fixture.charging(), 1, &too_much, true, NOW_S).is_err());
    fixture.assert_clean();
}

pub(crate) fn a_refund_of_repaid_credit_becomes_cash(backend: &Backend) {
    let fixture = Fixture::new(backend, 1);
    set_credit_limit(&fixture.charging(), 1, Amount::from_steps(100), BASE_S).unwrap();
    charge_orders(&fixture, &[60, 30, 40]);
    assert_eq!((fixture.balance(1, AccountKind::Credit), unpaid_numbers(&fixture).len()), (-90, 1));
    // The deposit repays 90 of credit; then cash and credit pay the arrears.
    let deposited = fixture.deposit(1, AccountKind::Cash, 100, "cash", NOW_S);
    assert_eq!(deposited.arrears, ArrearsPaid { orders: 1, companies: 1 });
    assert_eq!((fixture.balance(1, AccountKind::Cash), fixture.balance(1, AccountKind::Credit)), (0, -30));
    let numbers: Vec<String> =
        fixture.orders(1, Status::Paid).into_iter().map(|stored| stored.order.number).collect();
    revoke(&fixture.charging(), 1, &numbers, "all wrong", NOW_S).unwrap();
    assert_eq!((fixture.balance(1, AccountKind::Cash), fixture.balance(1, AccountKind::Credit)), (100, 0));
    assert!(set_credit_limit(&fixture.charging(), 1, Amount::ZERO, NOW_S).is_ok());
    fixture.assert_clean();
}

pub(crate) fn a_taken_order_number_is_skipped(backend: &Backend) {
    let fixture = Fixture::new(backend, 1);
    charge_orders(&fixture, &[10]);
    let stored = fixture.orders(1, Status::Unpaid).remove(0);
    let line = fixture.store.snapshot().unwrap().lines(1).unwrap().get(stored.line_no).unwrap().clone();
    // An imported order has the next number: O of the same hour, serial 3.
    let source = stored.order.source_number();
    let next = format!("{}{:010}", &source[..source.len() - 10], 3);
    let mut order = stored.order.clone();
    (order.number, order.counterpart) = (format!("{next}-U"), next);
    let mut transaction = fixture.store.begin().unwrap();
    transaction.add_orders(&[NewOrder { company_id: 1, line: (*line).clone(), order }]).unwrap();
    transaction.commit().unwrap();
    fixture.accept(vec![usage(1, "late", BASE_S + 5, "m", 7)], NOW_S);
    let settled = settle_due(&fixture.charging(), "worker", NOW_S + 10).unwrap();
    assert_eq!((settled.closed.hours, settled.closed.unpaid), (1, 1));
    assert_eq!(unpaid_numbers(&fixture).len(), 3);
    assert_eq!(fixture.pending(&query(1, &[])), 0);
    fixture.assert_clean();
}

pub(crate) fn arrears_are_paid_oldest_first_by_the_allowed_kinds(backend: &Backend) {
    let fixture = Fixture::new(backend, 1);
    charge_orders(&fixture, &[50, 30, 20, 40]);
    let numbers = unpaid_numbers(&fixture);
    // Neither a bonus nor a coupon for another model pays arrears.
    fixture.deposit(1, AccountKind::Bonus, 500, "bonus", NOW_S);
    let mut scoped = money(AccountKind::Coupon, 500, "scoped");
    scoped.models = vec!["n".into()];
    deposit(&fixture.charging(), 1, &scoped, true, NOW_S).unwrap();
    assert_eq!(unpaid_numbers(&fixture), numbers);
    // With 49, the order of 50 is skipped and the order of 30 is paid; 20 and 40 exceed the remaining 19.
    let deposited = fixture.deposit(1, AccountKind::Cash, 49, "cash", NOW_S);
    assert_eq!(deposited.arrears.orders, 1);
    assert_eq!(unpaid_numbers(&fixture), [&numbers[0][..], &numbers[2][..], &numbers[3][..]]);
    let without_arrears = money(AccountKind::Cash, 31, "kept");
    let deposited = deposit(&fixture.charging(), 1, &without_arrears, false, NOW_S).unwrap();
    assert_eq!((deposited.arrears.orders, fixture.balance(1, AccountKind::Cash)), (0, 50));
    // Repeating the deposit pays arrears.
    let again = fixture.deposit(1, AccountKind::Cash, 31, "kept", NOW_S);
    assert!(again.is_repeated);
    assert_eq!(unpaid_numbers(&fixture), [&numbers[2][..], &numbers[3][..]]);
    let requested = [numbers[2].clone(), numbers[2].clone(), "unknown".to_owned()];
    let payments = pay_unpaid(&fixture.charging(), 1, &requested, &|_| true, NOW_S).unwrap();
    let results: Vec<_> = payments.iter().map(|payment| payment.result).collect();
    assert_eq!(results, [Err(PayReason::InsufficientBalance), Err(PayReason::NotFound)]);
    fixture.assert_clean();
}

fn import_zero(fixture: &Fixture) {
    let stored = fixture.orders(1, Status::Unpaid).remove(0);
    let line = fixture.store.snapshot().unwrap().lines(1).unwrap().get(stored.line_no).unwrap().clone();
    let mut order = stored.order.clone();
    (order.number, order.counterpart) = ("U-zero".into(), "O-zero".into());
    (order.quantity, order.total, order.original) = (0, Amount::ZERO, Amount::ZERO);
    let mut transaction = fixture.store.begin().unwrap();
    transaction.add_orders(&[NewOrder { company_id: 1, line: (*line).clone(), order }]).unwrap();
    transaction.commit().unwrap();
}

pub(crate) fn arrears_of_zero_are_paid_only_by_a_deposit(backend: &Backend) {
    let fixture = Fixture::new(backend, 1);
    charge_orders(&fixture, &[50]);
    import_zero(&fixture);
    deposit(&fixture.charging(), 1, &money(AccountKind::Cash, 5, "silent"), false, NOW_S).unwrap();
    settle_all(&fixture.charging(), "worker", NOW_S).unwrap();
    settle_due(&fixture.charging(), "worker", NOW_S + 6 * HOUR_S).unwrap();
    assert_eq!(unpaid_numbers(&fixture).len(), 2);
    let deposited = fixture.deposit(1, AccountKind::Cash, 1, "cash", NOW_S);
    assert_eq!((deposited.arrears.orders, unpaid_numbers(&fixture).len()), (1, 1));
    // It was paid with an amount of zero, and its refund is zero.
    let revoked = revoke(&fixture.charging(), 1, &["U-zero".into()], "why", NOW_S).unwrap();
    assert_eq!(revoked[0].outcome, Revocation::Refunded);
    assert_eq!(fixture.balance(1, AccountKind::Cash), 6);
    fixture.assert_clean();
}

pub(crate) fn the_daily_run_happens_once_per_local_day(backend: &Backend) {
    let fixture = Fixture::new(backend, 2);
    set_offset(&fixture.charging(), 19_800, None, BASE_S).unwrap();
    charge_orders(&fixture, &[50, 60, 70]);
    // 05:00 at +05:30 is 23:30 UTC of the previous day.
    let five_s = NOW_S - HOUR_S / 2;
    let deposit_only = |amount, key: &str| {
        deposit(&fixture.charging(), 1, &money(AccountKind::Cash, amount, key), false, NOW_S).unwrap();
    };
    deposit_only(50, "a");
    let run = |now_s| settle_due(&fixture.charging(), "worker", now_s).unwrap().arrears.orders;
    // The run of the previous local day happens at any time after its 05:00.
    assert_eq!(run(five_s - 5 * HOUR_S - 1), 1);
    deposit_only(60, "b");
    assert_eq!(run(five_s - 1), 0, "a second before 05:00");
    assert_eq!(run(five_s), 1);
    deposit_only(70, "c");
    assert_eq!(run(five_s + 1), 0, "the run of this day is complete");
    assert_eq!(run(five_s + DAY_S - 1), 0);
    // Another server at the next local day.
    let other = Fixture::another_server(backend);
    assert_eq!(settle_due(&other.charging(), "other", five_s + DAY_S).unwrap().arrears.orders, 1);
    fixture.assert_clean();
}

pub(crate) fn hours_follow_a_change_of_the_offset(backend: &Backend) {
    let fixture = Fixture::new(backend, 1);
    fixture.put(&[unit_price("m")]);
    fixture.deposit(1, AccountKind::Cash, 1_000, "cash", BASE_S);
    let change_s = BASE_S + 10 * HOUR_S;
    set_offset(&fixture.charging(), 19_800, Some(change_s), BASE_S).unwrap();
    let half = HOUR_S / 2;
    let times = [change_s - 1, change_s, change_s + half - 1, change_s + half, change_s + half + HOUR_S];
    let records = (1i64..).zip(times).map(|(n, time_s)| usage(1, &format!("{n}"), time_s, "m", n));
    fixture.accept(records.collect(), change_s + 2 * HOUR_S);
    assert!(set_offset(&fixture.charging(), 0, None, change_s).is_err());
    settle_all(&fixture.charging(), "worker", change_s + DAY_S).unwrap();
    let mut hours: Vec<(i64, i64, i64)> = fixture
        .orders(1, Status::Paid)
        .iter()
        .map(|stored| {
            let order = &stored.order;
            (order.start_time_s - change_s, order.end_time_s - change_s, order.quantity)
        })
        .collect();
    hours.sort_unstable();
    let expected =
        [(-HOUR_S, 0, 1), (0, half, 5), (half, half + HOUR_S, 4), (half + HOUR_S, half + 2 * HOUR_S, 5)];
    assert_eq!(hours, expected);
    fixture.assert_clean();
}

pub(crate) fn usage_without_a_price_moves_with_the_offset(backend: &Backend) {
    let mut fixture = Fixture::new(backend, 1);
    // The time of the usage is a little in the future, after the change of the offset.
    fixture.accept(vec![usage(1, "a", BASE_S + 3_000, "m", 9)], BASE_S);
    assert_eq!(
        fixture.store.snapshot().unwrap().uncharged_usage(1, Uncharged::Unpriced, None, 9).unwrap().len(),
        1
    );
    assert!(
        set_offset(&fixture.charging(), 19_800, Some(BASE_S + 100), BASE_S).is_err(),
        "usage may have a time after the change"
    );
    // Usage in the future is not allowed now.
    fixture.config.charging.future_s = 0;
    set_offset(&fixture.charging(), 19_800, Some(BASE_S + 100), BASE_S).unwrap();
    fixture.put(&[unit_price("m")]);
    settle_due(&fixture.charging(), "worker", BASE_S + 200).unwrap();
    assert_eq!(fixture.pending(&query(1, &[])), 9);
    fixture.assert_clean();
    settle_all(&fixture.charging(), "worker", BASE_S + DAY_S).unwrap();
    assert_eq!(fixture.orders(1, Status::Unpaid)[0].order.start_time_s, BASE_S + HOUR_S / 2);
    fixture.assert_clean();
}

pub(crate) fn a_full_hour_refuses_more_usage_and_takes_the_rest(backend: &Backend) {
    let mut fixture = Fixture::new(backend, 1);
    fixture.config.charging.max_quantity = i64::MAX;
    // The price of "dear" reaches the largest amount, that of "cheap" the largest quantity.
    fixture.put(&[price("dear", "input", 1_000_000_000_000), price("cheap", "input", 1)]);
    let most = i64::MAX / 100_000_000;
    let records = vec![
        usage(1, "1", BASE_S, "dear", most),
        usage(1, "2", BASE_S, "dear", 1),
        usage(1, "2", BASE_S, "dear", 1),
        usage(1, "3", BASE_S, "cheap", i64::MAX),
        usage(1, "4", BASE_S, "cheap", 1),
        usage(1, "5", BASE_S + HOUR_S, "dear", 1),
    ];
    let results = fixture.accept(records.clone(), BASE_S + HOUR_S);
    let taken: Vec<bool> = results.iter().map(UsageResult::is_accepted).collect();
    assert_eq!(taken, [true, false, false, true, false, true], "{results:?}");
    fixture.assert_clean();
    settle_all(&fixture.charging(), "worker", BASE_S + DAY_S).unwrap();
    // The hour is closed, so that the refused usage fits into supplementary orders now.
    let results = fixture.accept(records, BASE_S + DAY_S);
    let taken: Vec<bool> = results.iter().map(UsageResult::is_accepted).collect();
    assert_eq!(taken, [false, true, false, false, true, false], "{results:?}");
    settle_all(&fixture.charging(), "worker", BASE_S + 2 * DAY_S).unwrap();
    assert_eq!(fixture.orders(1, Status::Unpaid).len() + fixture.orders(1, Status::Paid).len(), 5);
    fixture.assert_clean();
}

pub(crate) fn pruning_keeps_what_is_still_to_be_ordered(backend: &Backend) {
    let fixture = Fixture::new(backend, 1);
    fixture.deposit(1, AccountKind::Cash, 1_000, "cash", BASE_S);
    charge_orders(&fixture, &[5, 6, 7]);
    let late = vec![usage(1, "late", BASE_S + HOUR_S, "m", 8)];
    assert_eq!(fixture.accept(late.clone(), NOW_S), [UsageResult::Charged]);
    let prune = || {
        let mut transaction = fixture.store.begin().unwrap();
        let pruned = transaction.prune(1, NOW_S, 100).unwrap();
        transaction.commit().unwrap();
        pruned
    };
    assert_eq!(prune(), 1, "only the hour before the open one");
    settle_due(&fixture.charging(), "worker", NOW_S + HOUR_S).unwrap();
    assert_eq!(fixture.orders(1, Status::Paid).len(), 3);
    assert_eq!(prune(), 3);
    // Stored usage is still recognized as a duplicate; new usage of that time is refused.
    let unknown = usage(1, "later", BASE_S + HOUR_S, "m", 8);
    let results = fixture.accept([late, vec![unknown.clone(), unknown]].concat(), NOW_S);
    assert_eq!(results[0], UsageResult::Duplicate);
    assert!(results[1..].iter().all(|result| matches!(result, UsageResult::Refused(_))), "{results:?}");
    assert_eq!(fixture.balance(1, AccountKind::Cash), 1_000 - 26);
    fixture.assert_clean();
}

pub(crate) fn hours_of_an_import_stay_open(backend: &Backend) {
    let fixture = Fixture::new(backend, 1);
    fixture.put(&[unit_price("m")]);
    let limits = fixture.config.charging.limits_of_files();
    let mut rater = Rater::new(fixture.charging(), limits);
    let lease = Some(Lease { holder: "import", until_s: NOW_S + 600 });
    let mut import = |id: &str, now_s| {
        assert_eq!(
            rater.accept(vec![usage(1, id, BASE_S, "m", 1)], now_s, lease).unwrap(),
            [UsageResult::Charged]
        );
    };
    let closed = |now_s| settle_due(&fixture.charging(), "worker", now_s).unwrap().closed.hours;
    import("1", NOW_S);
    assert_eq!(closed(NOW_S + 100), 0);
    // A gateway's record of the same hour does not end the lease.
    fixture.accept(vec![usage(1, "2", BASE_S, "m", 1)], NOW_S + 100);
    assert_eq!(closed(NOW_S + 200), 0);
    import("3", NOW_S + 200);
    let mut transaction = fixture.store.begin().unwrap();
    let leased = transaction.leased_hours("import").unwrap();
    drop(transaction);
    assert_eq!(leased.len(), 1);
    let by_import = close_hour(&fixture.charging(), &leased[0], "import", NOW_S + 300).unwrap();
    assert_eq!((by_import.hours, by_import.unpaid), (1, 1));
    assert_eq!(fixture.orders(1, Status::Unpaid)[0].order.quantity, 3);
    // The lease of a crashed import expires.
    import("4", NOW_S + 300);
    assert_eq!(closed(NOW_S + 599), 0);
    assert_eq!(closed(NOW_S + 600), 1);
    fixture.assert_clean();
}

pub(crate) fn closing_stops_when_another_holder_has_the_lease(backend: &Backend) {
    let fixture = Fixture::new(backend, 1);
    fixture.put(&[unit_price("m")]);
    fixture.accept(vec![usage(1, "1", BASE_S, "m", 1)], NOW_S);
    let due =
        fixture.store.snapshot().unwrap().due_hours(HourFilter::DueBy(NOW_S + 10), NOW_S + 10, 9).unwrap();
    assert_eq!(due.len(), 1);
    // After the worker lists the hour and before it closes it, an import adds usage and leases it.
    let lease = Some(Lease { holder: "import", until_s: NOW_S + 600 });
    let mut rater = Rater::new(fixture.charging(), fixture.config.charging.limits_of_files());
    rater.accept(vec![usage(1, "2", BASE_S, "m", 1)], NOW_S + 10, lease).unwrap();
    let by_worker = close_hour(&fixture.charging(), &due[0], "worker", NOW_S + 10).unwrap();
    assert_eq!((by_worker.hours, by_worker.unpaid), (0, 0));
    let by_import = close_hour(&fixture.charging(), &due[0], "import", NOW_S + 11).unwrap();
    assert_eq!((by_import.hours, by_import.unpaid), (1, 1));
    fixture.assert_clean();
}
