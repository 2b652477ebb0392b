//! A clock that was wrong for a moment does no lasting harm.

use tollbook_domain::Status;
use tollbook_domain::account::AccountKind;
use tollbook_ops::charging::{UsageResult, deposit, settle_all, settle_due};
use tollbook_ops::{Clock as _, SystemClock};

use super::edge_cases::{NOW_S, charge_orders};
use super::fixture::{BASE_S, Backend, DAY_S, Fixture, HOUR_S, money, unit_price, usage};

pub(crate) fn a_mark_of_the_daily_run_from_the_future_is_ignored(backend: &Backend) {
    let fixture = Fixture::new(backend, 1);
    charge_orders(&fixture, &[50, 60, 70]);
    let deposit_only = |amount, key: &str| {
        deposit(&fixture.charging(), 1, &money(AccountKind::Cash, amount, key), false, NOW_S).unwrap();
    };
    let run = |now_s| settle_due(&fixture.charging(), "worker", now_s).unwrap().arrears.orders;
    let five_s = NOW_S + 5 * HOUR_S;
    // The deployment and the company are marked for a day in a year.
    deposit_only(50, "a");
    assert_eq!(run(five_s + 400 * DAY_S), 1);
    deposit_only(60, "b");
    assert_eq!(run(five_s), 1, "the clock is right again");
    deposit_only(70, "c");
    assert_eq!(run(five_s + 1), 0, "the run of this day is complete");
    assert_eq!(run(five_s + DAY_S), 1);
    // A server whose clock is a little ahead has had the day's run already.
    charge_again(&fixture);
    assert_eq!(run(five_s + 2 * DAY_S), 1);
    deposit_only(90, "d");
    assert_eq!(run(five_s + 2 * DAY_S - 60), 0);
    fixture.assert_clean();
}

/// Another unpaid order, and money for it.
fn charge_again(fixture: &Fixture) {
    let late = vec![usage(1, "again", BASE_S + 9 * HOUR_S, "m", 80)];
    assert_eq!(fixture.accept(late, NOW_S), [UsageResult::Charged]);
    settle_all(&fixture.charging(), "worker", NOW_S + HOUR_S).unwrap();
    assert_eq!(fixture.orders(1, Status::Unpaid).len(), 1);
    deposit(&fixture.charging(), 1, &money(AccountKind::Cash, 80, "again"), false, NOW_S).unwrap();
}

pub(crate) fn usage_that_arrived_at_a_wrong_time_is_charged_at_the_right_one(backend: &Backend) {
    let fixture = Fixture::new(backend, 1);
    fixture.put(&[unit_price("m")]);
    let records = vec![usage(1, "a", BASE_S, "m", 5)];
    assert_eq!(fixture.accept(records, NOW_S + 30 * DAY_S), [UsageResult::Charged]);
    let closed = settle_due(&fixture.charging(), "worker", NOW_S).unwrap().closed;
    assert_eq!(closed.hours, 1, "it is not due in a month only");
    // A worker that was leased hours at the wrong time does not keep them.
    let records = vec![usage(1, "b", BASE_S, "m", 5)];
    assert_eq!(fixture.accept(records, NOW_S), [UsageResult::Charged]);
    let hour =
        fixture.store.snapshot().unwrap().due_hours(tollbook_store::HourFilter::EndedBy(NOW_S), NOW_S, 9);
    let mut transaction = fixture.store.begin().unwrap();
    let lease = tollbook_store::Lease { holder: "wrong", until_s: NOW_S + 400 * DAY_S + 8 };
    let key = hour.unwrap()[0].lease_key();
    assert!(transaction.acquire(key, &lease, NOW_S + 400 * DAY_S).unwrap());
    transaction.commit().unwrap();
    assert_eq!(settle_due(&fixture.charging(), "worker", NOW_S + 10).unwrap().closed.hours, 1);
    fixture.assert_clean();
}

pub(crate) fn seconds_of_a_wrong_clock_delete_no_identity(backend: &Backend) {
    let fixture = Fixture::new(backend, 1);
    fixture.put(&[unit_price("m")]);
    // PostgreSQL's clock is the second opinion, so the times are real ones.
    let now_s = SystemClock.now_s();
    let used_s = now_s - 60 * DAY_S;
    let record = || vec![usage(1, "a", used_s, "m", 5)];
    assert_eq!(fixture.accept(record(), used_s), [UsageResult::Charged]);
    settle_all(&fixture.charging(), "worker", now_s).unwrap();
    let expired = |now_s| settle_due(&fixture.charging(), "worker", now_s).unwrap().expired_identities;
    assert_eq!(expired(now_s), 0, "the first look confirms nothing");
    for second in 0..3 {
        assert_eq!(expired(now_s + 400 * DAY_S + second), 0, "seconds of a wrong clock");
    }
    // The worker looks again after an hour border, which may lie within these seconds.
    set(&fixture, "forgotten hour", "");
    assert_eq!(expired(now_s + 400 * DAY_S + 4), 0);
    assert_eq!(fixture.accept(record(), now_s), [UsageResult::Duplicate]);
    set(&fixture, "forgotten hour", "");
    set(&fixture, "clock seen", &format!("{} {}", now_s - 2 * HOUR_S, now_s - HOUR_S));
    assert_eq!(expired(now_s), 1, "the time is confirmed");
    assert!(matches!(&fixture.accept(record(), now_s)[..], [UsageResult::Refused(_)]));
    fixture.assert_clean();
}

fn set(fixture: &Fixture, name: &str, value: &str) {
    let mut transaction = fixture.store.begin().unwrap();
    transaction.set_setting(name, value).unwrap();
    transaction.commit().unwrap();
}
