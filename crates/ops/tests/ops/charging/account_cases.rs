//! Grants that end, and corrections of accounts. One case per test.

use tollbook_domain::account::{AccountKind, Cause};
use tollbook_domain::{Amount, Deductions, Status};
use tollbook_ops::charging::{
    Adjustment, Mode, ReversalRequest, adjust, deposit, end_grants, reverse, revoke, set_credit_limit,
    settle_all, settle_due, standing,
};
use tollbook_store::{LedgerRange, StoredDeposit};

use super::edge_cases::{NOW_S, charge_orders, unpaid_numbers};
use super::fixture::{BASE_S, Backend, DAY_S, Fixture, HOUR_S, money, unit_price, usage};

/// Deposits a grant that ends.
fn grant(fixture: &Fixture, kind: AccountKind, amount: i64, key: &str, end_s: i64) {
    let mut of = money(kind, amount, key);
    of.expires_s = Some(end_s);
    deposit(&fixture.charging(), 1, &of, true, BASE_S).unwrap();
}

/// Cause, amount and date of the entries from a number on.
fn entries(fixture: &Fixture, from: usize) -> Vec<(Cause, i64, i64)> {
    let ledger = fixture.ledger(1);
    ledger[from..].iter().map(|kept| (kept.entry.cause, kept.entry.amount, kept.entry.time_s)).collect()
}

fn reversal(deposit: &str, key: &str, amount: Option<i64>, owe: bool) -> ReversalRequest {
    ReversalRequest {
        deposit: deposit.into(),
        amount: amount.map(Amount::from_steps),
        owe,
        key: key.into(),
        reason: "a mistake".into(),
    }
}

fn adjustment(kind: AccountKind, change: i64, key: &str) -> Adjustment {
    Adjustment { kind, change, key: key.into(), reason: "goodwill".into(), reference: "T-1".into() }
}

pub(crate) fn a_coupon_pays_for_the_hour_in_which_it_ended(backend: &Backend) {
    let fixture = Fixture::new(backend, 1);
    fixture.put(&[unit_price("m")]);
    let midnight_s = BASE_S + DAY_S;
    fixture.deposit(1, AccountKind::Cash, 500, "cash", BASE_S);
    grant(&fixture, AccountKind::Coupon, 100, "coupon", midnight_s);
    fixture.accept(vec![usage(1, "a", midnight_s - 1_800, "m", 30)], midnight_s - 1_700);
    fixture.accept(vec![usage(1, "b", midnight_s, "m", 7)], midnight_s);
    // The coupon is gone from the balances at its end.
    settle_due(&fixture.charging(), "worker", midnight_s).unwrap();
    assert_eq!(fixture.balance(1, AccountKind::Coupon), 0);
    settle_due(&fixture.charging(), "worker", midnight_s + 90).unwrap();
    settle_due(&fixture.charging(), "worker", midnight_s + HOUR_S + 90).unwrap();
    let paid: Vec<Deductions> =
        fixture.orders(1, Status::Paid).iter().map(|stored| stored.order.deductions).collect();
    let of = |kind, amount| Deductions::default().with(kind, Amount::from_steps(amount));
    assert_eq!(paid, [of(AccountKind::Cash, 7), of(AccountKind::Coupon, 30)]);
    assert_eq!(
        entries(&fixture, 2),
        [
            (Cause::Expiry, -100, midnight_s),
            (Cause::Expiry, 30, midnight_s + 90),
            (Cause::Deduction, -30, midnight_s + 90),
            (Cause::Deduction, -7, midnight_s + HOUR_S + 90),
        ]
    );
    // Usage of an hour from before the end that arrives later is paid by it for 40 days.
    let later_s = midnight_s + 39 * DAY_S;
    fixture.accept(vec![usage(1, "late", midnight_s - 1_900, "m", 20)], later_s);
    settle_due(&fixture.charging(), "worker", later_s + 10).unwrap();
    assert_eq!(fixture.orders(1, Status::Paid)[1].order.deductions, of(AccountKind::Coupon, 20));
    let too_late_s = midnight_s + 41 * DAY_S;
    fixture.accept(vec![usage(1, "too late", midnight_s - 5_000, "m", 20)], too_late_s);
    settle_due(&fixture.charging(), "worker", too_late_s + 10).unwrap();
    let paid = fixture.orders(1, Status::Paid);
    assert_eq!(paid.last().unwrap().order.deductions, of(AccountKind::Cash, 20));
    fixture.assert_clean();
}

pub(crate) fn a_grant_of_an_idle_company_ends_on_time(backend: &Backend) {
    let fixture = Fixture::new(backend, 3);
    let end_s = BASE_S + 1_000;
    grant(&fixture, AccountKind::Bonus, 100, "bonus", end_s);
    grant(&fixture, AccountKind::Coupon, 50, "later", end_s + DAY_S);
    grant(&fixture, AccountKind::Coupon, 20, "coupon", end_s - 1);
    let shown = |now_s| {
        let standing = standing(&fixture.charging(), 1, now_s).unwrap().unwrap();
        (standing.balances.get(AccountKind::Bonus), standing.balances.get(AccountKind::Coupon))
    };
    assert_eq!(shown(end_s - 1), (100, 50));
    assert_eq!(shown(end_s), (0, 50), "also before a server has written it");
    assert_eq!(settle_due(&fixture.charging(), "worker", end_s - 2).unwrap().ended_grants, 0);
    // The server was down for a while.
    assert_eq!(settle_due(&fixture.charging(), "worker", end_s + 500).unwrap().ended_grants, 2);
    assert_eq!(settle_due(&fixture.charging(), "worker", end_s + 501).unwrap().ended_grants, 0);
    assert_eq!(entries(&fixture, 3), [(Cause::Expiry, -20, end_s - 1), (Cause::Expiry, -100, end_s)]);
    assert_eq!((fixture.balance(1, AccountKind::Bonus), fixture.balance(1, AccountKind::Coupon)), (0, 50));
    fixture.assert_clean();
    assert_eq!(settle_all(&fixture.charging(), "operator", end_s + DAY_S).unwrap().ended_grants, 1);
    assert_eq!(entries(&fixture, 5), [(Cause::Expiry, -50, end_s + DAY_S)]);
    assert_eq!(end_grants(&fixture.charging(), 2, end_s + DAY_S).unwrap(), 0);
    fixture.assert_clean();
}

pub(crate) fn a_refund_to_a_grant_that_ended_pays_for_its_hours_only(backend: &Backend) {
    let fixture = Fixture::new(backend, 1);
    grant(&fixture, AccountKind::Coupon, 40, "coupon", BASE_S + HOUR_S + 1);
    // Paid by the coupon; unpaid; unpaid, of an hour after the end.
    charge_orders(&fixture, &[40, 30, 20]);
    assert_eq!(unpaid_numbers(&fixture).len(), 2);
    let number = fixture.orders(1, Status::Paid)[0].order.number.clone();
    revoke(&fixture.charging(), 1, &[number], "a mistake", NOW_S).unwrap();
    assert_eq!(fixture.balance(1, AccountKind::Coupon), 0);
    settle_all(&fixture.charging(), "operator", NOW_S).unwrap();
    let paid = fixture.orders(1, Status::Paid);
    assert_eq!(paid.len(), 1);
    assert_eq!(paid[0].order.deductions.get(AccountKind::Coupon).steps(), 30);
    assert_eq!(unpaid_numbers(&fixture).len(), 1);
    fixture.assert_clean();
}

pub(crate) fn a_chargeback_of_a_spent_deposit_is_owed_until_it_is_repaid(backend: &Backend) {
    let fixture = Fixture::new(backend, 1);
    set_credit_limit(&fixture.charging(), 1, Amount::from_steps(20), BASE_S).unwrap();
    fixture.deposit(1, AccountKind::Cash, 100, "card", BASE_S);
    charge_orders(&fixture, &[50]);
    let charging = fixture.charging();
    let before = fixture.account_state(1);
    let refused =
        reverse(&charging, 1, &reversal("card", "back", None, false), Mode::Apply, NOW_S).unwrap_err();
    assert!(refused.to_string().starts_with("only 0.0000005 is left"), "{refused}");
    let owed = reversal("card", "back", None, true);
    let shown = reverse(&charging, 1, &owed, Mode::DryRun, NOW_S).unwrap();
    assert_eq!(fixture.account_state(1), before);
    let done = reverse(&charging, 1, &owed, Mode::Apply, NOW_S).unwrap();
    assert_eq!((&done.entries, done.is_repeated), (&shown.entries, false));
    assert_eq!(entries(&fixture, 2), [(Cause::Reversal, -50, NOW_S), (Cause::Reversal, -50, NOW_S)]);
    let repeated = reverse(&charging, 1, &owed, Mode::Apply, NOW_S + 5).unwrap();
    assert_eq!((repeated.entries, repeated.is_repeated), (done.entries, true));
    let credit = || fixture.balance(1, AccountKind::Credit);
    assert_eq!((fixture.balance(1, AccountKind::Cash), credit()), (0, -50));
    let owes = || standing(&charging, 1, NOW_S).unwrap().unwrap();
    assert_eq!((owes().is_in_arrears(), owes().over_limit, owes().available), (true, 30, 0));
    fixture.assert_clean();
    // Nothing is paid from credit until it is back within the limit.
    fixture.accept(vec![usage(1, "next", NOW_S - DAY_S, "m", 1)], NOW_S);
    settle_all(&charging, "operator", NOW_S + 60).unwrap();
    assert_eq!(unpaid_numbers(&fixture).len(), 1);
    fixture.deposit(1, AccountKind::Cash, 30, "some of it", NOW_S + 61);
    assert_eq!((credit(), unpaid_numbers(&fixture).len(), owes().over_limit), (-20, 1, 0));
    fixture.deposit(1, AccountKind::Cash, 5, "more of it", NOW_S + 62);
    assert_eq!((credit(), unpaid_numbers(&fixture).len()), (-16, 0));
    assert!(!owes().is_in_arrears());
    fixture.assert_clean();
}

pub(crate) fn spaces_around_the_key_of_a_deposit_are_no_part_of_it(backend: &Backend) {
    let fixture = Fixture::new(backend, 1);
    let deposited = |key: &str| fixture.deposit(1, AccountKind::Cash, 500, key, BASE_S).is_repeated;
    assert!(!deposited(" first "));
    assert!(deposited("first") && deposited("\tfirst\n"));
    assert_eq!(fixture.balance(1, AccountKind::Cash), 500);
    let entry = &fixture.ledger(1)[0].entry;
    assert_eq!(entry.reference, "first");
    let charging = fixture.charging();
    reverse(&charging, 1, &reversal(" first", "r", Some(100), false), Mode::Apply, BASE_S).unwrap();
    assert_eq!(fixture.balance(1, AccountKind::Cash), 400);
    // A deposit that an earlier version stored with spaces is known by its key with them.
    let mut transaction = fixture.store.begin().unwrap();
    let old = StoredDeposit {
        deposit: money(AccountKind::Cash, 700, "old "),
        entries: LedgerRange { first: 0, count: 1 },
        reversed: 0,
    };
    transaction.add_deposit(1, &old).unwrap();
    transaction.commit().unwrap();
    assert!(fixture.deposit(1, AccountKind::Cash, 700, "old ", BASE_S).is_repeated);
    assert_eq!(fixture.balance(1, AccountKind::Cash), 400);
}

pub(crate) fn partial_reversals_add_up_to_the_deposit(backend: &Backend) {
    let fixture = Fixture::new(backend, 1);
    let charging = fixture.charging();
    // Ten times what it should be.
    fixture.deposit(1, AccountKind::Cash, 10_000, "typed wrongly", BASE_S);
    let back = |key: &str, amount| {
        reverse(&charging, 1, &reversal("typed wrongly", key, amount, true), Mode::Apply, NOW_S)
    };
    back("R1", Some(9_000)).unwrap();
    assert_eq!(fixture.balance(1, AccountKind::Cash), 1_000);
    let refused = back("R2", Some(1_001)).unwrap_err();
    assert_eq!(refused.to_string(), "only 0.00001 of the deposit is not taken back yet");
    back("R2", Some(400)).unwrap();
    back("R3", None).unwrap();
    assert_eq!(fixture.balance(1, AccountKind::Cash), 0);
    let refused = back("R4", None).unwrap_err();
    assert_eq!(refused.to_string(), "only 0.00 of the deposit is not taken back yet");
    // Of a grant, what is left when it has ended can be reversed, too.
    grant(&fixture, AccountKind::Coupon, 50, "coupon", NOW_S + 5);
    settle_due(&charging, "worker", NOW_S + 5).unwrap();
    let done =
        reverse(&charging, 1, &reversal("coupon", "R5", Some(20), false), Mode::Apply, NOW_S + 9).unwrap();
    assert_eq!(done.entries.len(), 2);
    assert_eq!(fixture.balance(1, AccountKind::Coupon), 0);
    fixture.assert_clean();
}

pub(crate) fn bad_corrections_of_accounts_change_nothing(backend: &Backend) {
    let fixture = Fixture::new(backend, 1);
    let charging = fixture.charging();
    fixture.deposit(1, AccountKind::Cash, 100, "cash", BASE_S);
    fixture.deposit(1, AccountKind::Bonus, 10, "bonus", BASE_S);
    reverse(&charging, 1, &reversal("cash", "R", Some(10), false), Mode::Apply, BASE_S).unwrap();
    adjust(&charging, 1, &adjustment(AccountKind::Cash, 5, "A"), Mode::Apply, BASE_S).unwrap();
    let everything = || (fixture.account_state(1), fixture.ledger(1));
    let before = everything();
    let other_reason = ReversalRequest { reason: "other".into(), ..reversal("cash", "R", Some(10), false) };
    let long = "x".repeat(257);
    for (company_id, request, expected) in [
        (1, reversal("none", "R1", None, true), "the company has no deposit with the key \"none\""),
        (1, reversal("", "R1", None, true), "the deposit's key must not be empty"),
        (2, reversal("cash", "R1", None, true), "company 2 does not exist"),
        (1, reversal("cash", "R", Some(11), false), "the key \"R\" belongs to another correction"),
        (1, reversal("cash", "R", None, false), "the key \"R\" belongs to another correction"),
        (1, reversal("bonus", "R", Some(10), false), "the key \"R\" belongs to another correction"),
        (1, reversal("cash", "A", Some(5), false), "the key \"A\" belongs to another correction"),
        (1, other_reason, "the key \"R\" belongs to another correction"),
        (1, reversal("cash", "", None, false), "the key must not be empty"),
        (1, reversal("cash", &long, None, false), "the key must have at most 256 bytes"),
        (1, reversal("cash", "R1", Some(0), false), "the amount must be greater than 0"),
        (1, reversal("cash", "R1", Some(-1), true), "the amount must be greater than 0"),
        (1, reversal("cash", "R1", Some(91), true), "only 0.0000009 of the deposit is not taken back yet"),
        (
            1,
            reversal("cash", "R1", Some(i64::MAX), true),
            "only 0.0000009 of the deposit is not taken back yet",
        ),
        (
            1,
            ReversalRequest { reason: "a\0".into(), ..reversal("cash", "R1", None, true) },
            "the reason must have no control characters",
        ),
    ] {
        let refused = reverse(&charging, company_id, &request, Mode::Apply, NOW_S).unwrap_err();
        assert_eq!(refused.to_string(), expected, "{request:?}");
    }
    for (company_id, request, expected) in [
        (1, adjustment(AccountKind::Cash, 0, "A1"), "the amount must not be 0"),
        (1, adjustment(AccountKind::Cash, -96, "A1"), "there is only 0.00000095 to take"),
        (1, adjustment(AccountKind::Cash, i64::MIN, "A1"), "there is only 0.00000095 to take"),
        (1, adjustment(AccountKind::Cash, i64::MAX, "A1"), "the balance would be too large"),
        (1, adjustment(AccountKind::Coupon, -1, "A1"), "there is only 0.00 to take"),
        (1, adjustment(AccountKind::Bonus, -11, "A1"), "there is only 0.0000001 to take"),
        (
            1,
            adjustment(AccountKind::Credit, 1, "A1"),
            "credit cannot be adjusted: set a credit limit, or deposit cash to repay it",
        ),
        (1, adjustment(AccountKind::Cash, 6, "A"), "the key \"A\" belongs to another correction"),
        (1, adjustment(AccountKind::Bonus, 5, "A"), "the key \"A\" belongs to another correction"),
        (1, adjustment(AccountKind::Cash, 5, "R"), "the key \"R\" belongs to another correction"),
        (2, adjustment(AccountKind::Cash, 5, "A1"), "company 2 does not exist"),
    ] {
        let refused = adjust(&charging, company_id, &request, Mode::Apply, NOW_S).unwrap_err();
        assert_eq!(refused.to_string(), expected, "{request:?}");
    }
    assert_eq!(everything(), before);
    fixture.assert_clean();
}
