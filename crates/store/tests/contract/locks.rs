//! Waits for locks are bounded, and what a wrong clock has written does not bind right ones.

use std::time::Duration;

use tollbook_domain::Status;
use tollbook_store::{HourFilter, Lease, LeaseKey, Outcome, Store, StoreError, StoreOptions, StoreResult};

use crate::Backend;
use crate::charged::{HOUR, add_usage, record};
use crate::exports::write;
use crate::model::order;
use crate::orders::{add, assert_healthy};
use crate::tenants::company;

fn options(lock_timeout_ms: u64) -> StoreOptions {
    let lock_timeout = Duration::from_millis(lock_timeout_ms);
    StoreOptions { lock_timeout, program: "tollbook of a test".to_owned(), ..StoreOptions::default() }
}

fn try_add(store: &dyn Store, id: i64) -> StoreResult<Vec<Outcome>> {
    let mut transaction = store.begin()?;
    let outcomes = transaction.add_orders(&[order(id, 0, Status::Paid, 0, 1)])?;
    transaction.commit()?;
    Ok(outcomes)
}

/// The holder that the error names.
fn holder(result: StoreResult<Vec<Outcome>>) -> String {
    match result {
        Err(StoreError::Locked { holder, .. }) => holder,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn a_writer_waits_for_a_bounded_time_and_readers_do_not_wait(backend: &dyn Backend) {
    let store = backend.open(&options(100));
    let other = backend.open(&options(100));
    company(&*store, "one");
    add(&*store, &[order(1, 0, Status::Paid, 0, 1)]);
    // A writer that does nothing: as if its process had been stopped.
    let mut stopped = store.begin().unwrap();
    assert_eq!(stopped.add_orders(&[order(2, 0, Status::Paid, 0, 1)]).unwrap(), [Outcome::Added]);
    // Twice at once, and again: a writer whose time is up leaves nothing behind that would keep the next one waiting.
    for _ in 0..2 {
        std::thread::scope(|scope| {
            let waiting = [&store, &other, &other].map(|store| scope.spawn(|| holder(try_add(&**store, 3))));
            for waiting in waiting {
                let holder = waiting.join().unwrap();
                if store.is_shared() {
                    assert!(holder.contains("idle in transaction since"), "{holder}");
                    assert!(holder.contains("pg_terminate_backend("), "{holder}");
                } else {
                    assert_eq!(holder, "this process (tollbook of a test)");
                }
            }
        });
        for store in [&store, &other] {
            assert_eq!(store.snapshot().unwrap().companies().unwrap().len(), 1, "readers do not wait");
        }
    }
    stopped.commit().unwrap();
    // Both stores write again, in any order, at once and one after the other.
    for id in 3..6 {
        assert_eq!(try_add(&*other, id).unwrap(), [Outcome::Added]);
        assert_eq!(try_add(&*store, id + 10).unwrap(), [Outcome::Added]);
    }
    assert_healthy(&*store, 8);
}

/// The first of the waiting writers gives up; those behind it get the lock.
pub(crate) fn a_writer_that_gives_up_does_not_stop_those_behind_it(backend: &dyn Backend) {
    let hasty = backend.open(&options(50));
    let patient = backend.open(&options(60_000));
    company(&*patient, "one");
    let mut long = backend.open(&options(50)).begin().unwrap();
    long.add_orders(&[order(1, 0, Status::Paid, 0, 1)]).unwrap();
    std::thread::scope(|scope| {
        let first = scope.spawn(|| try_add(&*hasty, 2));
        let rest: Vec<_> = (3..7)
            .map(|id| {
                let patient = &patient;
                scope.spawn(move || try_add(&**patient, id))
            })
            .collect();
        holder(first.join().unwrap());
        while !long.another_writer_waits().unwrap() {
            std::thread::yield_now();
        }
        long.commit().unwrap();
        for waiting in rest {
            assert_eq!(waiting.join().unwrap().unwrap(), [Outcome::Added]);
        }
    });
    assert_healthy(&*patient, 5);
}

/// An hour after now is as long as a lease may last; what ends later was written by a wrong clock.
pub(crate) fn a_lease_that_cannot_be_right_has_expired(backend: &dyn Backend) {
    const NOW_S: i64 = 1_764_547_200;
    const MONTH_S: i64 = 30 * 86_400;
    let store = backend.open(&StoreOptions::default());
    company(&*store, "one");
    let task = LeaseKey::Task("task");
    let acquire = |key: LeaseKey<'_>, holder: &str, until_s: i64, now_s: i64| {
        write(&*store, |t| t.acquire(key, &Lease { holder, until_s }, now_s).unwrap())
    };
    assert!(acquire(task, "wrong", NOW_S + MONTH_S + 8, NOW_S + MONTH_S));
    assert!(acquire(task, "right", NOW_S + 8, NOW_S), "a month is no lease");
    assert!(!acquire(task, "other", NOW_S + 9, NOW_S + 1));
    // A clock that is a few minutes ahead is believed, also by others that wait without comparing clocks.
    assert!(acquire(task, "ahead", NOW_S + 308, NOW_S + 300));
    assert!(!acquire(task, "right", NOW_S + 10, NOW_S + 2));
    assert!(acquire(task, "wrong", NOW_S + MONTH_S, NOW_S + 309));
    assert!(!acquire(task, "waiting", NOW_S + 20, i64::MIN), "no lease has expired at the beginning of time");

    write(&*store, |t| t.add_export_job(&crate::exports::job(1, "job", NOW_S)).unwrap());
    let job = LeaseKey::ExportJob { company_id: 1, job_id: "job" };
    assert!(acquire(job, "wrong", NOW_S + MONTH_S + 20, NOW_S + MONTH_S));
    let due = store.snapshot().unwrap().due_export_jobs(NOW_S, 9).unwrap();
    assert_eq!(due.len(), 1, "{due:?}");
    assert!(acquire(job, "right", NOW_S + 20, NOW_S));
    assert!(!acquire(job, "other", NOW_S + 21, NOW_S + 1));
}

/// Usage that arrives while the clock is a month ahead makes its hour due in a month.
pub(crate) fn an_hour_that_a_wrong_clock_made_due_later_is_due(backend: &dyn Backend) {
    const MONTH_S: i64 = 30 * 86_400;
    let store = backend.open(&StoreOptions::default());
    company(&*store, "one");
    let now_s = 3 * HOUR;
    // An hour that is over, and one that is not.
    let records = [record(1, "s", "a", HOUR + 1, 1, 5), record(1, "s", "b", now_s + 2, 1, 5)];
    add_usage(&*store, &records, now_s + MONTH_S);
    let listed = |filter, at_s| {
        let hours = store.snapshot().unwrap().due_hours(filter, at_s, 9).unwrap();
        hours.iter().map(|hour| hour.bucket.start_s).collect::<Vec<_>>()
    };
    let misdated = |by_s| HourFilter::DueOrMisdated { by_s, grace_s: 60, gather_s: 610 };
    assert_eq!(listed(HourFilter::DueBy(now_s), now_s), Vec::<i64>::new());
    assert_eq!(listed(misdated(now_s), now_s), [HOUR]);
    let end_s = now_s + HOUR + 60;
    assert_eq!(listed(misdated(end_s - 1), end_s - 1), [HOUR], "the other hour runs until its grace is over");
    assert_eq!(listed(misdated(end_s), end_s), [HOUR, now_s]);
    // So does a lease of that clock, which an import renews as soon as the clock is right.
    let hour = store.snapshot().unwrap().due_hours(misdated(now_s), now_s, 1).unwrap().remove(0);
    let acquire = |holder, until_s, at_s| {
        write(&*store, |t| t.acquire(hour.lease_key(), &Lease { holder, until_s }, at_s).unwrap())
    };
    assert!(acquire("wrong", now_s + MONTH_S + 20, now_s + MONTH_S));
    assert_eq!(listed(misdated(now_s), now_s), [HOUR], "its lease is not believed");
    assert!(acquire("right", now_s + 20, now_s));
    assert_eq!(listed(misdated(now_s), now_s), Vec::<i64>::new());
}
