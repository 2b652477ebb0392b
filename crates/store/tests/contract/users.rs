//! Storage of users, their links and sessions, and the reads of accounts and exports that only the console has.

use tollbook_domain::account::{AccountKind, Cause, PerKind};
use tollbook_domain::{Amount, Role};
use tollbook_store::{
    Invitation, LedgerRange, LedgerSum, NewExportJob, NewUser, StoreError, StoreOptions, UserSession,
};

use crate::Backend;
use crate::charged::deposit;
use crate::tenants::company;

fn clerk(email: &str, company_id: Option<i64>) -> NewUser {
    NewUser {
        email: email.to_owned(),
        company_id,
        organization_ids: vec![1, 7],
        role: if company_id.is_some() { Role::Payer } else { Role::Operator },
        created_s: 5,
    }
}

pub(crate) fn users_are_read_as_written(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions::default());
    company(&*store, "one");
    let mut transaction = store.begin().unwrap();
    let mut first = transaction.add_user(&clerk("a@b.example", Some(1))).unwrap();
    let second = transaction.add_user(&clerk("c@b.example", None)).unwrap();
    assert_eq!((first.user_id, second.user_id), (1, 2));
    assert!(matches!(transaction.add_user(&clerk("a@b.example", None)), Err(StoreError::Exists(_))));
    transaction.commit().unwrap();
    let mut snapshot = store.snapshot().unwrap();
    assert_eq!(snapshot.users().unwrap(), [first.clone(), second.clone()]);
    assert_eq!(snapshot.user(2).unwrap(), Some(second));
    assert_eq!(snapshot.user(3).unwrap(), None);
    assert_eq!(snapshot.user_by_email("a@b.example").unwrap(), Some(first.clone()));
    assert_eq!(snapshot.user_by_email("A@b.example").unwrap(), None, "addresses are lower case");
    drop(snapshot);
    first.organization_ids.clear();
    (first.role, first.password_hash, first.disabled) = (Role::Viewer, "$argon2id$…".to_owned(), true);
    let mut transaction = store.begin().unwrap();
    assert!(transaction.update_user(&first).unwrap());
    assert!(!transaction.update_user(&tollbook_domain::User { user_id: 9, ..first.clone() }).unwrap());
    transaction.commit().unwrap();
    let mut snapshot = store.snapshot().unwrap();
    assert_eq!(snapshot.user(1).unwrap(), Some(first));
    assert_eq!(snapshot.verify_deployment(10).unwrap(), Vec::<String>::new(), "the digest follows");
}

pub(crate) fn links_and_sessions_are_used_and_ended(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions::default());
    company(&*store, "one");
    let mut transaction = store.begin().unwrap();
    transaction.add_user(&clerk("a@b.example", Some(1))).unwrap();
    let link = |digest: u8| Invitation {
        digest: [digest; 32],
        user_id: 1,
        expires_s: 50,
        needs_password: digest > 1,
    };
    transaction.put_invitation(&link(1)).unwrap();
    transaction.put_invitation(&link(2)).unwrap();
    assert_eq!(transaction.invitation(&[1; 32]).unwrap(), None, "a user has one link");
    assert_eq!(transaction.invitation(&[2; 32]).unwrap(), Some(link(2)));
    assert!(transaction.take_invitation(&[2; 32]).unwrap());
    assert!(!transaction.take_invitation(&[2; 32]).unwrap());
    let session = |digest: u8, created_s: i64| UserSession {
        digest: [digest; 32],
        user_id: 1,
        created_s,
        seen_s: created_s,
        address: "10.0.0.1".into(),
        agent: "Browser".into(),
        form_no: 0,
    };
    for (digest, created_s) in [(1, 30), (2, 20), (3, 10)] {
        transaction.add_user_session(&session(digest, created_s)).unwrap();
    }
    transaction.commit().unwrap();
    let mut transaction = store.begin().unwrap();
    assert_eq!(transaction.user_session(&[2; 32]).unwrap(), Some(session(2, 20)));
    transaction.note_session_use(&[2; 32], 40).unwrap();
    transaction.note_session_use(&[2; 32], 35).unwrap();
    assert!(transaction.count_form(&[2; 32], 0).unwrap());
    assert!(!transaction.count_form(&[2; 32], 0).unwrap(), "each number is taken once");
    assert!(transaction.count_form(&[2; 32], 1).unwrap());
    let used = UserSession { seen_s: 40, form_no: 2, ..session(2, 20) };
    assert_eq!(transaction.user_sessions(1).unwrap(), [session(3, 10), used.clone(), session(1, 30)]);
    assert!(!transaction.end_user_session(2, &[1; 32]).unwrap(), "of another user");
    assert!(transaction.end_user_session(1, &[1; 32]).unwrap());
    transaction.add_user_session(&session(4, 60)).unwrap();
    assert_eq!(transaction.expire_user_sessions(1, 15, 0).unwrap(), 1);
    assert_eq!(transaction.expire_user_sessions(1, 0, 50).unwrap(), 1);
    assert_eq!(transaction.user_sessions(1).unwrap(), [session(4, 60)]);
    transaction.add_user_session(&used).unwrap();
    assert_eq!(transaction.end_user_sessions(1, Some(&[4; 32])).unwrap(), 1);
    assert_eq!(transaction.end_user_sessions(1, None).unwrap(), 1);
    transaction.put_invitation(&link(5)).unwrap();
    transaction.delete_invitations(1).unwrap();
    assert_eq!(transaction.invitation(&[5; 32]).unwrap(), None);
    transaction.commit().unwrap();
}

pub(crate) fn ledger_sums_are_those_of_the_entries(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions::default());
    company(&*store, "one");
    deposit(&*store, 1, AccountKind::Bonus, 30, "b");
    deposit(&*store, 1, AccountKind::Cash, i64::MAX, "c");
    let mut transaction = store.begin().unwrap();
    transaction.lock_company(1).unwrap();
    let before = transaction.account_state(1).unwrap();
    let mut after = before.clone();
    let total = Amount::from_steps(i64::MAX);
    let line = crate::model::line(0);
    let spent = after.account.pay(total, &line, "O1", &AccountKind::ALL, 8, 8).unwrap();
    transaction.post(1, &before, &after, &spent.postings).unwrap();
    transaction.commit().unwrap();
    deposit(&*store, 1, AccountKind::Cash, i64::MAX - 100, "d");
    let mut snapshot = store.snapshot().unwrap();
    let sum = |kind, cause, entries, amount| LedgerSum { kind, cause, entries, amount };
    let most = i128::from(i64::MAX);
    assert_eq!(
        snapshot.ledger_sums(1, LedgerRange { first: 0, count: i64::MAX }).unwrap(),
        [
            sum(AccountKind::Bonus, Cause::Deposit, 1, 30),
            sum(AccountKind::Bonus, Cause::Deduction, 1, -30),
            // More than 64 bits.
            sum(AccountKind::Cash, Cause::Deposit, 2, 2 * most - 100),
            sum(AccountKind::Cash, Cause::Deduction, 1, 30 - most),
        ]
    );
    let part = snapshot.ledger_sums(1, LedgerRange { first: 2, count: 1 }).unwrap();
    assert_eq!(part, [sum(AccountKind::Bonus, Cause::Deduction, 1, -30)]);
    assert_eq!(snapshot.ledger_sums(1, LedgerRange { first: 9, count: 1 }).unwrap(), []);
}

pub(crate) fn balances_before_an_entry_are_those_of_the_ledger(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions::default());
    for name in ["one", "two"] {
        company(&*store, name);
    }
    // Entries of another company, whose numbers are the same.
    deposit(&*store, 2, AccountKind::Coupon, 5, "a");
    for (place, kind) in
        [AccountKind::Bonus, AccountKind::Cash, AccountKind::Cash, AccountKind::Bonus].into_iter().enumerate()
    {
        deposit(&*store, 1, kind, 10 + i64::try_from(place).unwrap(), &place.to_string());
    }
    let mut snapshot = store.snapshot().unwrap();
    let all = snapshot.ledger(1, LedgerRange { first: 0, count: i64::MAX }).unwrap();
    let first = all.first().unwrap().entry_no;
    let end = all.last().unwrap().entry_no + 1;
    for before in [0, first, i64::MAX].into_iter().chain(first..=end) {
        let mut naive = PerKind::default();
        for stored in all.iter().filter(|stored| stored.entry_no < before) {
            *naive.get_mut(stored.entry.kind) += stored.entry.amount;
        }
        assert_eq!(snapshot.ledger_balances(1, before).unwrap(), naive, "before {before}");
    }
    assert_eq!(snapshot.ledger_balances(3, 9).unwrap(), PerKind::default());
    let balances = snapshot.account_state(1).unwrap().account.balances;
    assert_eq!(snapshot.ledger_balances(1, end).unwrap(), balances);
    assert_eq!(balances.get(AccountKind::Cash), 23);
}

pub(crate) fn the_newest_export_jobs_are_listed(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions::default());
    company(&*store, "one");
    let mut transaction = store.begin().unwrap();
    for (company_id, job_id, created_s) in [(1, "a", 5), (1, "b", 7), (1, "c", 7), (2, "d", 9)] {
        let job = NewExportJob {
            company_id,
            job_id: job_id.to_owned(),
            public_key: "key".into(),
            created_s,
            request: "{}".into(),
        };
        transaction.add_export_job(&job).unwrap();
    }
    transaction.commit().unwrap();
    let mut snapshot = store.snapshot().unwrap();
    let listed = |jobs: Vec<tollbook_store::ExportJob>| {
        jobs.into_iter().map(|job| job.submitted.job_id).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(listed(snapshot.export_jobs(1, 10).unwrap()), "b c a");
    assert_eq!(listed(snapshot.export_jobs(1, 2).unwrap()), "b c");
    assert_eq!(listed(snapshot.export_jobs(3, 2).unwrap()), "");
}
