//! Storage of accounts, the ledger, deposits, settlements and UTC offsets.

use tollbook_domain::account::{AccountKind, Cause};
use tollbook_domain::{Amount, HourOffsets, Status};
use tollbook_store::{AccountState, LedgerRange, StoreError, StoreOptions};

use crate::Backend;
use crate::charged::{deposit, fill};
use crate::model::query;
use crate::orders::assert_healthy;
use crate::tenants::company;

pub(crate) fn account_states_are_read_as_written(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions::default());
    company(&*store, "one");
    let mut snapshot = store.snapshot().unwrap();
    assert_eq!(snapshot.account_state(1).unwrap(), AccountState::default());
    assert!(matches!(snapshot.account_state(2), Err(StoreError::Missing(_))));
    drop(snapshot);
    deposit(&*store, 1, AccountKind::Bonus, 30, "b");
    deposit(&*store, 1, AccountKind::StarCard, 40, "s");
    let mut transaction = store.begin().unwrap();
    transaction.lock_company(1).unwrap();
    let before = transaction.account_state(1).unwrap();
    let mut after = before.clone();
    after.account.set_credit_limit(Amount::from_steps(i64::MAX)).unwrap();
    let line = crate::model::line(0);
    let total = Amount::from_steps(75);
    let entries = after.account.pay(total, &line, "O1", &AccountKind::ALL, 8, 8).unwrap().postings;
    (after.serial, after.arrears_day) = (12, 20_000);
    assert_eq!(transaction.post(1, &before, &after, &entries).unwrap(), 2);
    transaction.commit().unwrap();
    after.entries = 5;
    let mut snapshot = store.snapshot().unwrap();
    assert_eq!(snapshot.account_state(1).unwrap(), after);
    assert_eq!(after.account.balances.values(), [0, 0, 0, 0, -5]);
    // Spent grants are kept.
    let grants = snapshot.grants(1, &[2, 1, 7]).unwrap();
    let kept: Vec<_> = grants.iter().map(|grant| (grant.grant_id, grant.granted, grant.remaining)).collect();
    assert_eq!(kept, [(2, 40, 0), (1, 30, 0)]);
    assert_eq!(grants[0].products, ["modelverse", "sandbox"]);
    assert_eq!(grants[0].expires_s, Some(1_000_000_000));
    let ledger = snapshot.ledger(1, LedgerRange { first: 1, count: 3 }).unwrap();
    let said: Vec<_> =
        ledger.iter().map(|kept| (kept.entry_no, kept.entry.time_s, kept.entry.amount)).collect();
    assert_eq!(said, [(1, 7, 40), (2, 8, -40), (3, 8, -30)]);
    assert_eq!(snapshot.ledger(1, LedgerRange { first: 2, count: i64::MAX }).unwrap().len(), 3);
    assert_eq!(snapshot.ledger(1, LedgerRange { first: 5, count: 3 }).unwrap(), []);
}

pub(crate) fn deposits_are_found_by_key_and_settlements_and_revocations_by_number(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions::default());
    company(&*store, "one");
    company(&*store, "two");
    fill(&*store, 1);
    let mut snapshot = store.snapshot().unwrap();
    let stored = snapshot.deposit(1, "cash").unwrap().unwrap();
    assert_eq!((stored.deposit.kind, stored.deposit.amount.steps()), (AccountKind::Cash, 200_000));
    assert_eq!(stored.entries, LedgerRange { first: 2, count: 1 });
    assert_eq!(snapshot.deposit(1, "Cash").unwrap(), None);
    assert_eq!(snapshot.deposit(2, "cash").unwrap(), None);
    let paid = snapshot.page(&query(0, 9 * 3_600, &[Status::Paid]), 0, 100).unwrap().orders;
    assert!(!paid.is_empty());
    for order in &paid {
        let settlement = snapshot.settlement(1, &order.order.number).unwrap().unwrap();
        let entries = snapshot.ledger(1, settlement.entries).unwrap();
        let sum: i64 = entries.iter().map(|kept| kept.entry.amount).sum();
        assert_eq!(-sum, order.order.total.steps());
        assert!(entries.iter().all(|kept| kept.entry.cause == Cause::Deduction));
        assert_eq!(snapshot.settlement(2, &order.order.number).unwrap(), None);
    }
    let revoked = snapshot.page(&query(0, 9 * 3_600, &[Status::Revoked]), 0, 100).unwrap().orders;
    let said = snapshot.revocation(1, revoked[0].order.source_number()).unwrap();
    assert_eq!(said, Some((500, "a mistake".to_owned())));
    drop(snapshot);
    // The key of a deposit cannot be used again.
    let mut transaction = store.begin().unwrap();
    assert!(transaction.add_deposit(1, &stored).is_err());
    drop(transaction);
    assert_healthy(&*store, 17);
}

pub(crate) fn grants_that_ended_are_kept_apart(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions::default());
    for name in ["one", "two", "three"] {
        company(&*store, name);
    }
    let end_s = 1_000_000_000;
    for (company_id, key) in [(1, "a"), (1, "b"), (3, "c")] {
        deposit(&*store, company_id, AccountKind::Coupon, 30, key);
    }
    let mut snapshot = store.snapshot().unwrap();
    assert_eq!(snapshot.companies_with_ends(end_s - 1, 0, 9).unwrap(), Vec::<i64>::new());
    assert_eq!(snapshot.companies_with_ends(end_s, 0, 9).unwrap(), [1, 3]);
    assert_eq!(snapshot.companies_with_ends(end_s, 0, 1).unwrap(), [1]);
    assert_eq!(snapshot.companies_with_ends(end_s, 1, 9).unwrap(), [3]);
    drop(snapshot);
    let mut transaction = store.begin().unwrap();
    transaction.lock_company(1).unwrap();
    let before = transaction.account_state(1).unwrap();
    let mut after = before.clone();
    let entries = after.account.expire(end_s + 5);
    transaction.post(1, &before, &after, &entries).unwrap();
    transaction.clear_ends(1, end_s).unwrap();
    transaction.commit().unwrap();
    let mut snapshot = store.snapshot().unwrap();
    assert_eq!(snapshot.companies_with_ends(end_s, 0, 9).unwrap(), [3]);
    assert_eq!(snapshot.account_state(1).unwrap().account.grants, []);
    let ended = snapshot.ended_grants(1, end_s - 1).unwrap();
    let left: Vec<_> = ended.iter().map(|grant| (grant.grant_id, grant.remaining, grant.expired)).collect();
    assert_eq!(left, [(1, 0, 30), (2, 0, 30)]);
    assert_eq!(snapshot.ended_grants(1, end_s).unwrap(), []);
    let ledger = snapshot.ledger(1, LedgerRange { first: 2, count: 9 }).unwrap();
    assert_eq!(ledger.iter().map(|kept| kept.entry.time_s).collect::<Vec<_>>(), [end_s; 2]);
    // What is taken of it is written, too.
    let mut transaction = store.begin().unwrap();
    transaction.lock_company(1).unwrap();
    let mut before = transaction.account_state(1).unwrap();
    before.account.grants = ended;
    let mut after = before.clone();
    let total = Amount::from_steps(40);
    let line = tollbook_domain::Line { product_code: "sandbox".into(), ..crate::model::line(0) };
    let paid = after.account.pay(total, &line, "O1", &[AccountKind::Coupon], 9, end_s + 9).unwrap();
    let entries = [paid.restored, paid.postings].concat();
    transaction.post(1, &before, &after, &entries).unwrap();
    transaction.commit().unwrap();
    let left = store.snapshot().unwrap().ended_grants(1, 0).unwrap();
    assert_eq!(left.iter().map(|grant| grant.expired).collect::<Vec<_>>(), [20]);
}

pub(crate) fn offsets_are_kept(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions::default());
    company(&*store, "one");
    let mut offsets = store.snapshot().unwrap().hour_offsets().unwrap();
    assert_eq!(offsets, HourOffsets::default());
    offsets = HourOffsets::fixed(-12_600);
    offsets.change(36_000, 19_800, 0).unwrap();
    let mut transaction = store.begin().unwrap();
    assert!(!transaction.has_usage().unwrap());
    transaction.set_hour_offsets(&offsets).unwrap();
    transaction.commit().unwrap();
    assert_eq!(store.snapshot().unwrap().hour_offsets().unwrap(), offsets);
    fill(&*store, 1);
    assert!(store.begin().unwrap().has_usage().unwrap());
}
