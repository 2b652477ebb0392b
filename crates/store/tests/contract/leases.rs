//! Leases on tasks: who acquires them, and until when. Those on hours and export jobs are in `closing` and `exports`.

use tollbook_store::{Lease, LeaseKey, StoreOptions};

use crate::Backend;
use crate::exports::write;

const TASK: LeaseKey<'_> = LeaseKey::Task("é task");

pub(crate) fn a_task_is_leased_to_one_holder_until_it_expires(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions::default());
    let acquire = |holder, until_s, now_s| {
        write(&*store, |t| t.acquire(TASK, &Lease { holder, until_s }, now_s).unwrap())
    };
    let renew = |holder, until_s| write(&*store, |t| t.renew(TASK, &Lease { holder, until_s }).unwrap());
    let release = |holder| write(&*store, |t| t.release(TASK, holder).unwrap());
    let current = || write(&*store, |t| t.task_lease("é task").unwrap());
    let leased = |holder: &str, until_s| Some((holder.to_owned(), until_s));

    assert_eq!(current(), None);
    assert!(!renew("a", 10) && !release("a"), "there is no lease yet");
    assert!(acquire("a", 10, 0));
    assert_eq!(current(), leased("a", 10));
    assert!(acquire("a", 12, 0), "a holder acquires its own lease again");
    assert!(!acquire("b", 30, 11));
    assert!(!renew("b", 30) && !release("b"));
    assert_eq!(current(), leased("a", 12));
    let other = LeaseKey::Task("another task");
    assert!(write(&*store, |t| t.acquire(other, &Lease { holder: "b", until_s: 99 }, 0).unwrap()));
    assert!(acquire("b", 30, 12), "the lease has expired");
    assert!(!renew("a", 40) && !release("a"));
    assert!(renew("b", 31));
    assert_eq!(current(), leased("b", 31));
    assert!(release("b") && !release("b"));
    assert_eq!(current(), None);
    assert!(acquire("a", 40, i64::MIN), "a released lease is free at any time");
    assert_eq!(write(&*store, |t| t.task_lease("another task").unwrap()), leased("b", 99));
}

pub(crate) fn a_lease_that_is_not_committed_was_never_acquired(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions::default());
    let mut transaction = store.begin().unwrap();
    assert!(transaction.acquire(TASK, &Lease { holder: "a", until_s: 10 }, 0).unwrap());
    assert_eq!(transaction.task_lease("é task").unwrap(), Some(("a".to_owned(), 10)));
    drop(transaction);
    assert!(write(&*store, |t| t.acquire(TASK, &Lease { holder: "b", until_s: 5 }, 0).unwrap()));
}
