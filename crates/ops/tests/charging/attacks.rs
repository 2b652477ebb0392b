//! What an attacker, an accident or an unlucky moment could do to money, one story a test.

use std::sync::{Arc, Mutex};

use tokio_util::sync::CancellationToken;
use tollbook_domain::account::{AccountKind, Cause};
use tollbook_domain::{Amount, NewOrder, Status, Usage};
use tollbook_ops::charging::{
    ArrearsPaid, ChargingError, PayReason, Rater, Revocation, UsageResult, close_hour, deposit, pay_unpaid,
    reprice, revoke, set_credit_limit, set_offset, settle_all, tick,
};
use tollbook_store::{Due, Hold, Snapshot, Store, StoreResult, Transaction, Uncharged};

use crate::place::{BASE_S, Backend, DAY_S, HOUR_S, Place, money, price, query, unit_price, usage};

/// Orders of one company that cost so much each, an hour apart from [`BASE_S`] on, and are all closed.
pub(crate) fn charged(place: &Place, costs: &[i64]) {
    place.put(&[unit_price("m")]);
    let hours = (0i64..).zip(costs);
    let records: Vec<Usage> =
        hours.map(|(hour, cost)| usage(1, &format!("{hour}"), BASE_S + hour * HOUR_S, "m", *cost)).collect();
    let now_s = BASE_S + 3 * DAY_S;
    assert!(place.accept(records, now_s).iter().all(|pricing_state| *pricing_state == UsageResult::Charged));
    settle_all(&place.charging(), "setup", now_s).unwrap();
}

/// The U numbers of what is owed, oldest first.
pub(crate) fn owed(place: &Place) -> Vec<String> {
    let orders = place.orders(1, Status::Unpaid);
    orders.into_iter().rev().map(|stored| stored.order.number).collect()
}

pub(crate) const NOW_S: i64 = BASE_S + 4 * DAY_S;

/// A store in which something happens just before the next transaction begins.
struct Interrupted<'a> {
    store: Arc<dyn Store>,
    before: Mutex<Option<Box<dyn FnOnce() + Send + 'a>>>,
}

impl Store for Interrupted<'_> {
    fn snapshot_for(&self, caller: &CancellationToken) -> StoreResult<Box<dyn Snapshot>> {
        self.store.snapshot_for(caller)
    }

    fn replica_or(
        &self,
        snapshot: Box<dyn Snapshot>,
        caller: &CancellationToken,
    ) -> StoreResult<Box<dyn Snapshot>> {
        self.store.replica_or(snapshot, caller)
    }

    fn is_shared(&self) -> bool {
        self.store.is_shared()
    }

    fn begin(&self) -> StoreResult<Box<dyn Transaction>> {
        let before = self.before.lock().unwrap().take();
        before.into_iter().for_each(|happens| happens());
        self.store.begin()
    }
}

pub(crate) fn usage_rated_before_a_price_and_stored_after_it_is_charged(backend: &Backend) {
    let place = Place::new(backend, 1);
    let happens = || {
        place.put(&[unit_price("m")]);
        assert_eq!(reprice(&place.charging(), BASE_S).unwrap(), 0);
    };
    let store = Interrupted { store: Arc::clone(&place.store), before: Mutex::new(Some(Box::new(happens))) };
    let charging = tollbook_ops::charging::Charging { store: &store, ..place.charging() };
    let mut rater = Rater::new(charging, place.config.charging.limits_of_gateways());
    let sent = vec![usage(1, "a", BASE_S, "m", 5), usage(1, "b", BASE_S, "other", 5)];
    let fates = rater.accept(sent, BASE_S, None).unwrap();
    assert_eq!(fates[0], UsageResult::Charged);
    assert!(matches!(fates[1], UsageResult::Unpriced(_)));
    assert_eq!(place.pending(&query(1, &[])), 5);
    place.assert_clean();
}

pub(crate) fn a_refund_to_a_grant_that_ends_in_the_same_moment_takes_nothing_else(backend: &Backend) {
    let place = Place::new(backend, 1);
    let mut coupon = money(AccountKind::Coupon, 100, "coupon");
    coupon.expires_s = Some(NOW_S);
    deposit(&place.charging(), 1, &coupon, true, BASE_S).unwrap();
    place.deposit(1, AccountKind::Cash, 1_000, "cash", BASE_S);
    charged(&place, &[30, 90]);
    // The first by the coupon, the second by what was left of it and cash.
    let paid = place.orders(1, Status::Paid);
    let numbers: Vec<String> = paid.iter().map(|stored| stored.order.number.clone()).collect();
    assert_eq!((place.balance(1, AccountKind::Coupon), place.balance(1, AccountKind::Cash)), (0, 980));
    // Something is left of it when it ends.
    revoke(&place.charging(), 1, &numbers[1..], "half of it", NOW_S - 1).unwrap();
    assert_eq!(place.balance(1, AccountKind::Coupon), 30);
    let said = revoke(&place.charging(), 1, &numbers, "the other half", NOW_S).unwrap();
    assert_eq!(
        said.iter().map(|said| said.outcome).collect::<Vec<_>>(),
        [Revocation::Refunded, Revocation::Already]
    );
    assert_eq!((place.balance(1, AccountKind::Coupon), place.balance(1, AccountKind::Cash)), (0, 1_000));
    let ended: i64 = place
        .ledger(1)
        .iter()
        .filter(|kept| kept.entry.cause == Cause::Expiry)
        .map(|kept| kept.entry.amount)
        .sum();
    assert_eq!(ended, -100, "the whole coupon has ended, once");
    place.assert_clean();
}

pub(crate) fn a_refund_that_no_account_can_hold_is_refused(backend: &Backend) {
    let place = Place::new(backend, 1);
    place.deposit(1, AccountKind::Cash, 50, "small", BASE_S);
    charged(&place, &[50]);
    place.deposit(1, AccountKind::Cash, i64::MAX - 49, "all the money", NOW_S);
    let number = place.orders(1, Status::Paid)[0].order.number.clone();
    let refused = revoke(&place.charging(), 1, std::slice::from_ref(&number), "why", NOW_S).unwrap_err();
    assert!(matches!(refused, ChargingError::Account(_)), "{refused}");
    assert_eq!(place.balance(1, AccountKind::Cash), i64::MAX - 49);
    let too_much = money(AccountKind::Cash, 50, "more than all");
    assert!(deposit(&place.charging(), 1, &too_much, true, NOW_S).is_err());
    place.assert_clean();
}

pub(crate) fn a_refund_of_repaid_credit_becomes_cash(backend: &Backend) {
    let place = Place::new(backend, 1);
    set_credit_limit(&place.charging(), 1, Amount::from_steps(100), BASE_S).unwrap();
    charged(&place, &[60, 30, 40]);
    assert_eq!((place.balance(1, AccountKind::Credit), owed(&place).len()), (-90, 1));
    // Repays 90, then pays what is owed, of cash first and of credit again.
    let said = place.deposit(1, AccountKind::Cash, 100, "cash", NOW_S);
    assert_eq!(said.arrears, ArrearsPaid { orders: 1, companies: 1 });
    assert_eq!((place.balance(1, AccountKind::Cash), place.balance(1, AccountKind::Credit)), (0, -30));
    let numbers: Vec<String> =
        place.orders(1, Status::Paid).into_iter().map(|stored| stored.order.number).collect();
    revoke(&place.charging(), 1, &numbers, "all wrong", NOW_S).unwrap();
    assert_eq!((place.balance(1, AccountKind::Cash), place.balance(1, AccountKind::Credit)), (100, 0));
    assert!(set_credit_limit(&place.charging(), 1, Amount::ZERO, NOW_S).is_ok());
    place.assert_clean();
}

pub(crate) fn a_number_that_is_taken_is_passed_over(backend: &Backend) {
    let place = Place::new(backend, 1);
    charged(&place, &[10]);
    let stored = place.orders(1, Status::Unpaid).remove(0);
    let line = place.store.snapshot().unwrap().lines(1).unwrap().get(stored.line_no).unwrap().clone();
    // Somebody else's order has the number that comes next: O of the same hour, serial 3.
    let source = stored.order.source_number();
    let next = format!("{}{:010}", &source[..source.len() - 10], 3);
    let mut order = stored.order.clone();
    (order.number, order.counterpart) = (format!("{next}-U"), next);
    let mut transaction = place.store.begin().unwrap();
    transaction.add_orders(&[NewOrder { company_id: 1, line: (*line).clone(), order }]).unwrap();
    transaction.commit().unwrap();
    place.accept(vec![usage(1, "late", BASE_S + 5, "m", 7)], NOW_S);
    let settled = tick(&place.charging(), "worker", NOW_S + 10).unwrap();
    assert_eq!((settled.closed.hours, settled.closed.unpaid), (1, 1));
    assert_eq!(owed(&place).len(), 3);
    assert_eq!(place.pending(&query(1, &[])), 0);
    place.assert_clean();
}

pub(crate) fn arrears_are_paid_oldest_first_and_by_what_may_pay_them(backend: &Backend) {
    let place = Place::new(backend, 1);
    charged(&place, &[50, 30, 20, 40]);
    let numbers = owed(&place);
    // A bonus pays no arrears, a coupon for another model neither.
    place.deposit(1, AccountKind::Bonus, 500, "bonus", NOW_S);
    let mut scoped = money(AccountKind::Coupon, 500, "scoped");
    scoped.models = vec!["n".into()];
    deposit(&place.charging(), 1, &scoped, true, NOW_S).unwrap();
    assert_eq!(owed(&place), numbers);
    // 50 is more than there is and passed over, 30 is paid, 20 as well, 40 is not.
    let said = place.deposit(1, AccountKind::Cash, 49, "cash", NOW_S);
    assert_eq!(said.arrears.orders, 1);
    assert_eq!(owed(&place), [&numbers[0][..], &numbers[2][..], &numbers[3][..]]);
    let kept = deposit(&place.charging(), 1, &money(AccountKind::Cash, 31, "kept"), false, NOW_S).unwrap();
    assert_eq!((kept.arrears.orders, place.balance(1, AccountKind::Cash)), (0, 50));
    // The very same again completes what was left.
    let again = place.deposit(1, AccountKind::Cash, 31, "kept", NOW_S);
    assert!(again.is_repeated);
    assert_eq!(owed(&place), [&numbers[2][..], &numbers[3][..]]);
    let asked = [numbers[2].clone(), numbers[2].clone(), "nobody's".to_owned()];
    let said = pay_unpaid(&place.charging(), 1, &asked, &|_| true, NOW_S).unwrap();
    let results: Vec<_> = said.iter().map(|payment| payment.result).collect();
    assert_eq!(results, [Err(PayReason::InsufficientBalance), Err(PayReason::NotFound)]);
    place.assert_clean();
}

fn import_zero(place: &Place) {
    let stored = place.orders(1, Status::Unpaid).remove(0);
    let line = place.store.snapshot().unwrap().lines(1).unwrap().get(stored.line_no).unwrap().clone();
    let mut order = stored.order.clone();
    (order.number, order.counterpart) = ("U-zero".into(), "O-zero".into());
    (order.quantity, order.total, order.original) = (0, Amount::ZERO, Amount::ZERO);
    let mut transaction = place.store.begin().unwrap();
    transaction.add_orders(&[NewOrder { company_id: 1, line: (*line).clone(), order }]).unwrap();
    transaction.commit().unwrap();
}

pub(crate) fn arrears_of_nothing_are_paid_by_a_deposit_only(backend: &Backend) {
    let place = Place::new(backend, 1);
    charged(&place, &[50]);
    import_zero(&place);
    deposit(&place.charging(), 1, &money(AccountKind::Cash, 5, "silent"), false, NOW_S).unwrap();
    settle_all(&place.charging(), "worker", NOW_S).unwrap();
    tick(&place.charging(), "worker", NOW_S + 6 * HOUR_S).unwrap();
    assert_eq!(owed(&place).len(), 2);
    let said = place.deposit(1, AccountKind::Cash, 1, "cash", NOW_S);
    assert_eq!((said.arrears.orders, owed(&place).len()), (1, 1));
    // It was paid with nothing, and can be taken back with nothing.
    let said = revoke(&place.charging(), 1, &["U-zero".into()], "why", NOW_S).unwrap();
    assert_eq!(said[0].outcome, Revocation::Refunded);
    assert_eq!(place.balance(1, AccountKind::Cash), 6);
    place.assert_clean();
}

pub(crate) fn the_daily_run_is_once_a_local_day(backend: &Backend) {
    let place = Place::new(backend, 2);
    set_offset(&place.charging(), 19_800, None, BASE_S).unwrap();
    charged(&place, &[50, 60, 70]);
    // 05:00 at +05:30 is 23:30 UTC of the day before.
    let five_s = NOW_S - HOUR_S / 2;
    let silent = |amount, key: &str| {
        deposit(&place.charging(), 1, &money(AccountKind::Cash, amount, key), false, NOW_S).unwrap();
    };
    silent(50, "a");
    let run = |now_s| tick(&place.charging(), "worker", now_s).unwrap().arrears.orders;
    // The local day before has had its run at some time after 05:00 as well.
    assert_eq!(run(five_s - 5 * HOUR_S - 1), 1);
    silent(60, "b");
    assert_eq!(run(five_s - 1), 0, "a second before 05:00");
    assert_eq!(run(five_s), 1);
    silent(70, "c");
    assert_eq!(run(five_s + 1), 0, "it is done for this day");
    assert_eq!(run(five_s + DAY_S - 1), 0);
    // Another server at the next local day.
    let other = Place::another_server(backend);
    assert_eq!(tick(&other.charging(), "other", five_s + DAY_S).unwrap().arrears.orders, 1);
    place.assert_clean();
}

pub(crate) fn hours_follow_a_change_of_the_offset(backend: &Backend) {
    let place = Place::new(backend, 1);
    place.put(&[unit_price("m")]);
    place.deposit(1, AccountKind::Cash, 1_000, "cash", BASE_S);
    let change_s = BASE_S + 10 * HOUR_S;
    set_offset(&place.charging(), 19_800, Some(change_s), BASE_S).unwrap();
    let half = HOUR_S / 2;
    let times = [change_s - 1, change_s, change_s + half - 1, change_s + half, change_s + half + HOUR_S];
    let records = (1i64..).zip(times).map(|(n, time_s)| usage(1, &format!("{n}"), time_s, "m", n));
    place.accept(records.collect(), change_s + 2 * HOUR_S);
    assert!(set_offset(&place.charging(), 0, None, change_s).is_err());
    settle_all(&place.charging(), "worker", change_s + DAY_S).unwrap();
    let mut hours: Vec<(i64, i64, i64)> = place
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
    place.assert_clean();
}

pub(crate) fn usage_without_a_price_moves_with_the_offset(backend: &Backend) {
    let mut place = Place::new(backend, 1);
    // Of a time that lies a little ahead, before which the offset changes.
    place.accept(vec![usage(1, "a", BASE_S + 3_000, "m", 9)], BASE_S);
    assert_eq!(
        place.store.snapshot().unwrap().uncharged_usage(1, Uncharged::Unpriced, None, 9).unwrap().len(),
        1
    );
    assert!(
        set_offset(&place.charging(), 19_800, Some(BASE_S + 100), BASE_S).is_err(),
        "usage may lie there"
    );
    // The operator believes no more that usage lies ahead.
    place.config.charging.future_s = 0;
    set_offset(&place.charging(), 19_800, Some(BASE_S + 100), BASE_S).unwrap();
    place.put(&[unit_price("m")]);
    tick(&place.charging(), "worker", BASE_S + 200).unwrap();
    assert_eq!(place.pending(&query(1, &[])), 9);
    place.assert_clean();
    settle_all(&place.charging(), "worker", BASE_S + DAY_S).unwrap();
    assert_eq!(place.orders(1, Status::Unpaid)[0].order.start_time_s, BASE_S + HOUR_S / 2);
    place.assert_clean();
}

pub(crate) fn an_hour_that_cannot_hold_more_refuses_it_and_takes_the_rest(backend: &Backend) {
    let mut place = Place::new(backend, 1);
    place.config.charging.max_quantity = i64::MAX;
    // The largest amount is reached by the price of one, the largest quantity by that of the other.
    place.put(&[price("dear", "input", 1_000_000_000_000), price("cheap", "input", 1)]);
    let most = i64::MAX / 100_000_000;
    let records = vec![
        usage(1, "1", BASE_S, "dear", most),
        usage(1, "2", BASE_S, "dear", 1),
        usage(1, "2", BASE_S, "dear", 1),
        usage(1, "3", BASE_S, "cheap", i64::MAX),
        usage(1, "4", BASE_S, "cheap", 1),
        usage(1, "5", BASE_S + HOUR_S, "dear", 1),
    ];
    let fates = place.accept(records.clone(), BASE_S + HOUR_S);
    let taken: Vec<bool> = fates.iter().map(UsageResult::is_accepted).collect();
    assert_eq!(taken, [true, false, false, true, false, true], "{fates:?}");
    place.assert_clean();
    settle_all(&place.charging(), "worker", BASE_S + DAY_S).unwrap();
    // The hour is closed, so that what was too much for it is a supplementary order now.
    let fates = place.accept(records, BASE_S + DAY_S);
    let taken: Vec<bool> = fates.iter().map(UsageResult::is_accepted).collect();
    assert_eq!(taken, [false, true, false, false, true, false], "{fates:?}");
    settle_all(&place.charging(), "worker", BASE_S + 2 * DAY_S).unwrap();
    assert_eq!(place.orders(1, Status::Unpaid).len() + place.orders(1, Status::Paid).len(), 5);
    place.assert_clean();
}

pub(crate) fn pruning_leaves_what_is_still_to_be_ordered(backend: &Backend) {
    let place = Place::new(backend, 1);
    place.deposit(1, AccountKind::Cash, 1_000, "cash", BASE_S);
    charged(&place, &[5, 6, 7]);
    let late = vec![usage(1, "late", BASE_S + HOUR_S, "m", 8)];
    assert_eq!(place.accept(late.clone(), NOW_S), [UsageResult::Charged]);
    let prune = || {
        let mut transaction = place.store.begin().unwrap();
        let gone = transaction.prune(1, NOW_S, 100).unwrap();
        transaction.commit().unwrap();
        gone
    };
    assert_eq!(prune(), 1, "of the hour before the open one");
    tick(&place.charging(), "worker", NOW_S + HOUR_S).unwrap();
    assert_eq!(place.orders(1, Status::Paid).len(), 3);
    assert_eq!(prune(), 3);
    // What is known is known; what is not cannot come any more.
    let unknown = usage(1, "later", BASE_S + HOUR_S, "m", 8);
    let fates = place.accept([late, vec![unknown.clone(), unknown]].concat(), NOW_S);
    assert_eq!(fates[0], UsageResult::Duplicate);
    assert!(
        fates[1..].iter().all(|pricing_state| matches!(pricing_state, UsageResult::Refused(_))),
        "{fates:?}"
    );
    assert_eq!(place.balance(1, AccountKind::Cash), 1_000 - 26);
    place.assert_clean();
}

pub(crate) fn an_import_keeps_its_hours_open(backend: &Backend) {
    let place = Place::new(backend, 1);
    place.put(&[unit_price("m")]);
    let limits = place.config.charging.limits_of_files();
    let mut rater = Rater::new(place.charging(), limits);
    let hold = Some(Hold { holder: "import", until_s: NOW_S + 600 });
    let mut brings = |id: &str, now_s| {
        assert_eq!(
            rater.accept(vec![usage(1, id, BASE_S, "m", 1)], now_s, hold).unwrap(),
            [UsageResult::Charged]
        );
    };
    let closed = |now_s| tick(&place.charging(), "worker", now_s).unwrap().closed.hours;
    brings("1", NOW_S);
    assert_eq!(closed(NOW_S + 100), 0);
    // A gateway's record of the same hour does not open it to others.
    place.accept(vec![usage(1, "2", BASE_S, "m", 1)], NOW_S + 100);
    assert_eq!(closed(NOW_S + 200), 0);
    brings("3", NOW_S + 200);
    let mut transaction = place.store.begin().unwrap();
    let held = transaction.held_hours("import").unwrap();
    drop(transaction);
    assert_eq!(held.len(), 1);
    let made = close_hour(&place.charging(), &held[0], "import", NOW_S + 300).unwrap();
    assert_eq!((made.hours, made.unpaid), (1, 1));
    assert_eq!(place.orders(1, Status::Unpaid)[0].order.quantity, 3);
    // One that died loses its hours.
    brings("4", NOW_S + 300);
    assert_eq!(closed(NOW_S + 599), 0);
    assert_eq!(closed(NOW_S + 600), 1);
    place.assert_clean();
}

pub(crate) fn a_second_holder_ends_the_first_ones_closing(backend: &Backend) {
    let place = Place::new(backend, 1);
    place.put(&[unit_price("m")]);
    place.accept(vec![usage(1, "1", BASE_S, "m", 1)], NOW_S);
    let due = place.store.snapshot().unwrap().due_hours(Due::By(NOW_S + 10), NOW_S + 10, 9).unwrap();
    assert_eq!(due.len(), 1);
    // Between its looking and its closing an import brings more.
    let hold = Some(Hold { holder: "import", until_s: NOW_S + 600 });
    let mut rater = Rater::new(place.charging(), place.config.charging.limits_of_files());
    rater.accept(vec![usage(1, "2", BASE_S, "m", 1)], NOW_S + 10, hold).unwrap();
    let made = close_hour(&place.charging(), &due[0], "worker", NOW_S + 10).unwrap();
    assert_eq!((made.hours, made.unpaid), (0, 0));
    let made = close_hour(&place.charging(), &due[0], "import", NOW_S + 11).unwrap();
    assert_eq!((made.hours, made.unpaid), (1, 1));
    place.assert_clean();
}
