//! Exports in the object store, export jobs, and the leases on those jobs.

use std::collections::BTreeMap;
use std::sync::Barrier;

use proptest::prelude::*;
use tollbook_store::{
    DueExportJob, ExportFile, ExportJob, ExportState, LONGEST_FILE, LONGEST_JOB_ID, Lease, LeaseKey,
    NewExportJob, Store, StoreError, StoreOptions, StoreResult, Transaction,
};

use crate::Backend;

pub(crate) fn write<T>(store: &dyn Store, work: impl FnOnce(&mut dyn Transaction) -> T) -> T {
    let mut transaction = store.begin().unwrap();
    let said = work(transaction.as_mut());
    transaction.commit().unwrap();
    said
}

pub(crate) fn job(company_id: i64, job_id: &str, created_s: i64) -> NewExportJob {
    NewExportJob {
        company_id,
        job_id: job_id.into(),
        public_key: format!("key {company_id}"),
        created_s,
        request: format!("{{\"é\": \"{job_id}\"}}"),
    }
}

pub(crate) fn files_are_replaced_and_expire_oldest_first(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions::default());
    let file = |stored_s: i64, name: &str| ExportFile { stored_s, bytes: stored_s * 100, file: name.into() };
    let space = |company_id: i64| store.snapshot().unwrap().export_bytes(company_id).unwrap();
    let sizes = || store.snapshot().unwrap().all_export_bytes().unwrap();
    let find = |company_id: i64, digest: u8| {
        store.snapshot().unwrap().export_file(company_id, &[digest; 32]).unwrap()
    };
    assert_eq!(find(1, 0), None);
    let files = [(1, 0, 30, "é"), (1, 255, 10, ""), (2, 0, 20, "two"), (2, 7, 40, "four")];
    for (company_id, digest, stored_s, name) in files {
        write(&*store, |t| t.put_export_file(company_id, &[digest; 32], &file(stored_s, name)).unwrap());
    }
    for (company_id, digest, stored_s, name) in files {
        assert_eq!(find(company_id, digest), Some(file(stored_s, name)));
    }
    assert_eq!(find(1, 7), None, "the file belongs to another company");
    assert_eq!((space(1), space(2), space(3)), (4_000, 6_000, 0));
    assert_eq!(sizes(), [(2, 6_000), (1, 4_000)]);
    write(&*store, |t| t.put_export_file(1, &[255; 32], &file(50, "newer")).unwrap());
    assert_eq!(find(1, 255), Some(file(50, "newer")));
    assert_eq!(space(1), 8_000, "the replaced file does not count");
    let oldest = |company_id, except: u8| {
        write(&*store, |t| t.take_oldest_export_file(company_id, &[except; 32]).unwrap())
    };
    assert_eq!(oldest(3, 0), None);
    assert_eq!(oldest(2, 0), Some(file(40, "four")), "the older one is excepted");
    assert_eq!((oldest(2, 0), find(2, 7), space(2)), (None, None, 2_000));
    let forget = |before_s, limit| write(&*store, |t| t.expire_export_files(before_s, limit).unwrap());
    assert_eq!(forget(20, 9), 0);
    assert_eq!(forget(51, 1), 1);
    assert_eq!((find(2, 0), find(1, 0).is_some()), (None, true), "the oldest file expired first");
    assert_eq!(forget(50, 9), 1);
    assert_eq!(find(1, 255), Some(file(50, "newer")));
    assert_eq!((forget(51, 9), forget(51, 9)), (1, 0));
    assert_eq!((space(1), sizes()), (0, vec![]));
    let longest = file(1, &"x".repeat(LONGEST_FILE));
    write(&*store, |t| t.put_export_file(1, &[1; 32], &longest).unwrap());
    assert_eq!(find(1, 1), Some(longest));
    let refused =
        store.begin().unwrap().put_export_file(1, &[1; 32], &file(1, &"x".repeat(LONGEST_FILE + 1)));
    assert!(matches!(refused, Err(StoreError::Refused(_))), "{refused:?}");
}

pub(crate) fn a_job_is_leased_to_one_holder_and_ends_once(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions::default());
    let read = || store.snapshot().unwrap().export_job(1, "a").unwrap();
    let due = |now_s| store.snapshot().unwrap().due_export_jobs(now_s, 9).unwrap();
    let waiting = vec![DueExportJob { company_id: 1, job_id: "a".to_owned(), running: 0 }];
    assert_eq!((read(), due(99)), (None, vec![]));
    let submitted = job(1, "a", 5);
    write(&*store, |t| t.add_export_job(&submitted).unwrap());
    let again = store.begin().unwrap().add_export_job(&submitted);
    assert!(matches!(again, Err(StoreError::Exists(_))), "{again:?}");
    for bad in [job(1, &"j".repeat(LONGEST_JOB_ID + 1), 5), job(1, &"é".repeat(LONGEST_JOB_ID / 2 + 1), 5)] {
        let refused = store.begin().unwrap().add_export_job(&bad);
        assert!(matches!(refused, Err(StoreError::Refused(_))), "{refused:?}");
    }
    let new = ExportJob {
        submitted,
        state: ExportState::Waiting,
        lease_holder: String::new(),
        lease_until_s: 0,
        rows_done: 0,
        rows_total: 0,
        outcome: String::new(),
        ended_s: None,
        attempts: 0,
    };
    assert_eq!((read(), due(5)), (Some(new.clone()), waiting.clone()));
    // The first holder crashes.
    assert!(write(&*store, |t| t
        .acquire(LeaseKey::ExportJob { company_id: 1, job_id: "a" }, &Lease { holder: "x", until_s: 20 }, 10)
        .unwrap()));
    assert!(!write(&*store, |t| t
        .acquire(LeaseKey::ExportJob { company_id: 1, job_id: "a" }, &Lease { holder: "y", until_s: 90 }, 19)
        .unwrap()));
    assert!(
        !write(&*store, |t| t
            .acquire(
                LeaseKey::ExportJob { company_id: 1, job_id: "b" },
                &Lease { holder: "y", until_s: 90 },
                19
            )
            .unwrap()),
        "there is no such job"
    );
    assert!(write(&*store, |t| keep(t, 1, "a", "x", 30, 4, 9).unwrap()));
    assert!(!write(&*store, |t| keep(t, 1, "a", "y", 90, 5, 9).unwrap()));
    assert_eq!((due(29), due(30)), (vec![], waiting.clone()));
    let running = ExportJob {
        state: ExportState::Running,
        lease_holder: "x".into(),
        lease_until_s: 30,
        rows_done: 4,
        rows_total: 9,
        attempts: 1,
        ..new.clone()
    };
    assert_eq!(read(), Some(running));
    assert!(write(&*store, |t| t
        .acquire(LeaseKey::ExportJob { company_id: 1, job_id: "a" }, &Lease { holder: "y", until_s: 40 }, 30)
        .unwrap()));
    let taken = read().unwrap();
    assert_eq!((taken.lease_holder.as_str(), taken.rows_done, taken.attempts), ("y", 0, 2));
    assert!(!write(&*store, |t| keep(t, 1, "a", "x", 90, 9, 9).unwrap()));
    assert!(!write(&*store, |t| t.end_export_job(1, "a", "x", ExportState::Done, "x's", 33).unwrap()));
    assert!(!write(&*store, |t| t.release(LeaseKey::ExportJob { company_id: 1, job_id: "a" }, "x").unwrap()));
    // The server of the second holder stops and releases the lease. The third holder ends the job.
    assert!(write(&*store, |t| t.release(LeaseKey::ExportJob { company_id: 1, job_id: "a" }, "y").unwrap()));
    assert_eq!((due(0), store.snapshot().unwrap().unfinished_export_jobs(1).unwrap()), (waiting, 1));
    assert!(write(&*store, |t| t
        .acquire(LeaseKey::ExportJob { company_id: 1, job_id: "a" }, &Lease { holder: "z", until_s: 50 }, 40)
        .unwrap()));
    for state in [ExportState::Waiting, ExportState::Running] {
        let refused = store.begin().unwrap().end_export_job(1, "a", "z", state, "", 60);
        assert!(matches!(refused, Err(StoreError::Refused(_))), "{refused:?}");
    }
    assert!(write(&*store, |t| keep(t, 1, "a", "z", 50, 9, 9).unwrap()));
    // The lease has expired, but no other holder has acquired it.
    assert!(write(&*store, |t| t.end_export_job(1, "a", "z", ExportState::Done, "é", 60).unwrap()));
    let done = ExportJob {
        state: ExportState::Done,
        rows_done: 9,
        rows_total: 9,
        outcome: "é".into(),
        ended_s: Some(60),
        attempts: 3,
        ..new
    };
    assert_eq!(read(), Some(done.clone()));
    // A job that has ended cannot change.
    assert!(!write(&*store, |t| t.end_export_job(1, "a", "z", ExportState::Failed, "no", 61).unwrap()));
    assert!(!write(&*store, |t| t.end_export_job(1, "a", "", ExportState::Failed, "no", 61).unwrap()));
    assert!(!write(&*store, |t| keep(t, 1, "a", "z", 90, 0, 0).unwrap()));
    assert!(!write(&*store, |t| t.release(LeaseKey::ExportJob { company_id: 1, job_id: "a" }, "z").unwrap()));
    assert!(!write(&*store, |t| t
        .acquire(LeaseKey::ExportJob { company_id: 1, job_id: "a" }, &Lease { holder: "z", until_s: 100 }, 99)
        .unwrap()));
    assert_eq!((read(), due(99)), (Some(done), vec![]));
    assert_eq!(store.snapshot().unwrap().unfinished_export_jobs(1).unwrap(), 0);
    assert_eq!(write(&*store, |t| t.expire_export_jobs(60, 9).unwrap()), 0);
    assert_eq!(write(&*store, |t| t.expire_export_jobs(61, 9).unwrap()), 1);
    assert_eq!(read(), None);
}

/// Renews the lease of a job and records its progress, as a worker does at each heartbeat.
fn keep(
    t: &mut dyn Transaction,
    company_id: i64,
    job_id: &str,
    holder: &str,
    until_s: i64,
    rows_done: i64,
    rows_total: i64,
) -> StoreResult<bool> {
    Ok(t.renew(LeaseKey::ExportJob { company_id, job_id }, &Lease { holder, until_s })?
        && t.note_export_progress(company_id, job_id, holder, rows_done, rows_total)?)
}

/// A company, and the index of a job in `JOBS`.
type Which = (i64, usize);

#[derive(Clone, Debug)]
enum Step {
    Add(Which, i64),
    Lease(Which, usize, i64, i64),
    Keep(Which, usize, i64, i64),
    Release(Which, usize),
    End(Which, usize, bool, i64),
    Forget(i64, i64),
    Due(i64, i64),
}

const JOBS: [&str; 3] = ["a", "é", "Z"];
const HOLDERS: [&str; 3] = ["x", "y", ""];

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let which = || (1..3i64, 0..JOBS.len());
    let holder = || prop_oneof![6 => 0..2usize, 1 => Just(2usize)];
    let time = || 0..60i64;
    let step = prop_oneof![
        2 => (which(), time()).prop_map(|(which, created_s)| Step::Add(which, created_s)),
        4 => (which(), 0..2usize, time(), 0..20i64)
            .prop_map(|(which, holder, now_s, span)| Step::Lease(which, holder, now_s, now_s + span)),
        3 => (which(), holder(), time(), 0..9i64)
            .prop_map(|(which, holder, until_s, rows)| Step::Keep(which, holder, until_s, rows)),
        2 => (which(), holder()).prop_map(|(which, holder)| Step::Release(which, holder)),
        2 => (which(), holder(), any::<bool>(), time())
            .prop_map(|(which, holder, done, now_s)| Step::End(which, holder, done, now_s)),
        1 => (time(), 0..3i64).prop_map(|(before_s, limit)| Step::Forget(before_s, limit)),
        3 => (time(), 1..5i64).prop_map(|(now_s, limit)| Step::Due(now_s, limit)),
    ];
    prop::collection::vec(step, 1..60)
}

/// The naive model: the rules of jobs on a map.
#[derive(Default)]
struct Model(BTreeMap<(i64, String), ExportJob>);

impl Model {
    /// The job, if it is leased to this holder.
    fn own(&mut self, (company_id, job): Which, holder: usize) -> Option<&mut ExportJob> {
        let found = self.0.get_mut(&(company_id, JOBS[job].to_owned()))?;
        (found.state == ExportState::Running && found.lease_holder == HOLDERS[holder]).then_some(found)
    }

    fn is_due(job: &ExportJob, now_s: i64) -> bool {
        job.state == ExportState::Waiting || (job.state == ExportState::Running && job.lease_until_s <= now_s)
    }

    fn due(&self, now_s: i64, limit: i64) -> Vec<DueExportJob> {
        let mut oldest: BTreeMap<i64, (i64, i64, String)> = BTreeMap::new();
        for ((company_id, job_id), job) in self.0.iter().filter(|(_, job)| Self::is_due(job, now_s)) {
            let of_company = self.0.iter().filter(|((other, _), _)| other == company_id);
            let running =
                of_company.filter(|(_, job)| !job.state.has_ended() && !Self::is_due(job, now_s)).count();
            let found = (i64::try_from(running).unwrap(), job.submitted.created_s, job_id.clone());
            oldest
                .entry(*company_id)
                .and_modify(|known| *known = found.clone().min(known.clone()))
                .or_insert(found);
        }
        let mut due: Vec<_> = oldest.into_iter().map(|(company_id, place)| (place, company_id)).collect();
        due.sort_by_key(|((running, created_s, _), company_id)| (*running, *created_s, *company_id));
        due.into_iter()
            .map(|((running, _, job_id), company_id)| DueExportJob { company_id, job_id, running })
            .take(usize::try_from(limit).unwrap())
            .collect()
    }

    fn unhold(job: &mut ExportJob, state: ExportState) {
        (job.state, job.lease_holder, job.lease_until_s) = (state, String::new(), 0);
    }

    fn perform(&mut self, step: &Step) -> String {
        match step {
            Step::Add((company_id, index), created_s) => {
                let submitted = job(*company_id, JOBS[*index], *created_s);
                let key = (*company_id, submitted.job_id.clone());
                let new = !self.0.contains_key(&key);
                self.0.entry(key).or_insert(ExportJob {
                    submitted,
                    state: ExportState::Waiting,
                    lease_holder: String::new(),
                    lease_until_s: 0,
                    rows_done: 0,
                    rows_total: 0,
                    outcome: String::new(),
                    ended_s: None,
                    attempts: 0,
                });
                new.to_string()
            }
            Step::Lease((company_id, index), holder, now_s, until_s) => {
                let found = self.0.get_mut(&(*company_id, JOBS[*index].to_owned()));
                let due = found.filter(|job| Self::is_due(job, *now_s));
                let held = due.map(|job| {
                    (job.state, job.lease_holder) = (ExportState::Running, HOLDERS[*holder].into());
                    (job.lease_until_s, job.rows_done) = (*until_s, 0);
                    job.attempts += 1;
                });
                held.is_some().to_string()
            }
            Step::Keep(which, holder, until_s, rows) => {
                let kept = self.own(*which, *holder).map(|job| {
                    (job.lease_until_s, job.rows_done, job.rows_total) = (*until_s, *rows, rows * 2);
                });
                kept.is_some().to_string()
            }
            Step::Release(which, holder) => {
                let released = self.own(*which, *holder).map(|job| {
                    Self::unhold(job, ExportState::Waiting);
                    job.rows_done = 0;
                });
                released.is_some().to_string()
            }
            Step::End(which, holder, done, now_s) => {
                let ended = self.own(*which, *holder).map(|job| {
                    Self::unhold(job, if *done { ExportState::Done } else { ExportState::Failed });
                    (job.outcome, job.ended_s) = (format!("at {now_s}"), Some(*now_s));
                });
                ended.is_some().to_string()
            }
            Step::Forget(before_s, limit) => {
                let mut old: Vec<_> = self
                    .0
                    .iter()
                    .filter_map(|(key, job)| Some((job.ended_s?, key.clone())))
                    .filter(|(ended_s, _)| ended_s < before_s)
                    .collect();
                old.sort();
                old.truncate(usize::try_from(*limit).unwrap());
                old.iter().for_each(|(_, key)| drop(self.0.remove(key)));
                old.len().to_string()
            }
            Step::Due(now_s, limit) => format!("{:?}", self.due(*now_s, *limit)),
        }
    }
}

fn perform(store: &dyn Store, step: &Step) -> String {
    write(store, |t| match step {
        Step::Add((company_id, index), created_s) => {
            let submitted = job(*company_id, JOBS[*index], *created_s);
            match t.add_export_job(&submitted) {
                Ok(()) => true.to_string(),
                Err(StoreError::Exists(_)) => false.to_string(),
                Err(other) => panic!("{other}"),
            }
        }
        Step::Lease((company_id, job), holder, now_s, until_s) => t
            .acquire(
                LeaseKey::ExportJob { company_id: *company_id, job_id: JOBS[*job] },
                &Lease { holder: HOLDERS[*holder], until_s: *until_s },
                *now_s,
            )
            .unwrap()
            .to_string(),
        Step::Keep((company_id, job), holder, until_s, rows) => {
            keep(t, *company_id, JOBS[*job], HOLDERS[*holder], *until_s, *rows, rows * 2).unwrap().to_string()
        }
        Step::Release((company_id, job), holder) => t
            .release(LeaseKey::ExportJob { company_id: *company_id, job_id: JOBS[*job] }, HOLDERS[*holder])
            .unwrap()
            .to_string(),
        Step::End((company_id, job), holder, done, now_s) => {
            let state = if *done { ExportState::Done } else { ExportState::Failed };
            t.end_export_job(*company_id, JOBS[*job], HOLDERS[*holder], state, &format!("at {now_s}"), *now_s)
                .unwrap()
                .to_string()
        }
        Step::Forget(before_s, limit) => t.expire_export_jobs(*before_s, *limit).unwrap().to_string(),
        Step::Due(now_s, limit) => format!("{:?}", t.due_export_jobs(*now_s, *limit).unwrap()),
    })
}

/// Acquires, ends and expires all jobs.
fn clear(store: &dyn Store) {
    while let Some(DueExportJob { company_id, job_id, .. }) =
        store.snapshot().unwrap().due_export_jobs(i64::MAX, 1).unwrap().pop()
    {
        write(store, |t| {
            assert!(
                t.acquire(
                    LeaseKey::ExportJob { company_id, job_id: &job_id },
                    &Lease { holder: "the last", until_s: i64::MAX },
                    i64::MAX
                )
                .unwrap()
            );
            assert!(t.end_export_job(company_id, &job_id, "the last", ExportState::Failed, "", 0).unwrap());
        });
    }
    write(store, |t| t.expire_export_jobs(i64::MAX, 99).unwrap());
}

pub(crate) fn jobs_equal_the_naive_model(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions::default());
    let config = ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(steps in steps())| {
        clear(&*store);
        let mut model = Model::default();
        for step in &steps {
            prop_assert_eq!(perform(&*store, step), model.perform(step), "{:?}", step);
            let mut snapshot = store.snapshot().unwrap();
            for company_id in 1..3 {
                for job_id in JOBS {
                    let expected = model.0.get(&(company_id, job_id.to_owned()));
                    let found = snapshot.export_job(company_id, job_id).unwrap();
                    prop_assert_eq!(found.as_ref(), expected, "after {:?}", step);
                }
                let unfinished = model
                    .0
                    .values()
                    .filter(|job| job.submitted.company_id == company_id && !job.state.has_ended())
                    .count();
                let counted = snapshot.unfinished_export_jobs(company_id).unwrap();
                prop_assert_eq!(counted, i64::try_from(unfinished).unwrap());
            }
        }
    });
}

pub(crate) fn one_of_several_concurrent_holders_acquires_a_lease(backend: &dyn Backend) {
    const ROUNDS: i64 = 20;
    let store = backend.open(&StoreOptions::default());
    write(&*store, |t| t.add_export_job(&job(1, "a", 0)).unwrap());
    let barrier = Barrier::new(4);
    let won: Vec<Vec<i64>> = std::thread::scope(|scope| {
        let takers: Vec<_> = (0..4)
            .map(|taker| {
                let (store, barrier) = (&store, &barrier);
                scope.spawn(move || {
                    let holder = format!("taker {taker}");
                    let take = |round: i64| {
                        barrier.wait();
                        write(&**store, |t| {
                            t.acquire(
                                LeaseKey::ExportJob { company_id: 1, job_id: "a" },
                                &Lease { holder: &holder, until_s: round * 10 + 10 },
                                round * 10,
                            )
                            .unwrap()
                        })
                    };
                    (1..=ROUNDS).filter(|round| take(*round)).collect()
                })
            })
            .collect();
        takers.into_iter().map(|taker| taker.join().unwrap()).collect()
    });
    let mut rounds: Vec<i64> = won.concat();
    rounds.sort_unstable();
    assert_eq!(rounds, (1..=ROUNDS).collect::<Vec<_>>(), "each lease is acquired by one holder");
    assert_eq!(store.snapshot().unwrap().export_job(1, "a").unwrap().unwrap().attempts, ROUNDS);
    // A transaction that waits for another one sees the lease that the other one commits.
    let mut first = store.begin().unwrap();
    assert!(
        first
            .acquire(
                LeaseKey::ExportJob { company_id: 1, job_id: "a" },
                &Lease { holder: "first", until_s: 910 },
                900
            )
            .unwrap()
    );
    std::thread::scope(|scope| {
        let second = scope.spawn(|| {
            write(&*store, |t| {
                t.acquire(
                    LeaseKey::ExportJob { company_id: 1, job_id: "a" },
                    &Lease { holder: "second", until_s: 910 },
                    900,
                )
                .unwrap()
            })
        });
        while !first.another_writer_waits().unwrap() {
            std::thread::yield_now();
        }
        first.commit().unwrap();
        assert!(!second.join().unwrap());
    });
    // If the other transaction is rolled back, the waiting one acquires the lease.
    let mut first = store.begin().unwrap();
    assert!(
        first
            .acquire(
                LeaseKey::ExportJob { company_id: 1, job_id: "a" },
                &Lease { holder: "first", until_s: 920 },
                910
            )
            .unwrap()
    );
    std::thread::scope(|scope| {
        let second = scope.spawn(|| {
            write(&*store, |t| {
                t.acquire(
                    LeaseKey::ExportJob { company_id: 1, job_id: "a" },
                    &Lease { holder: "second", until_s: 920 },
                    910,
                )
                .unwrap()
            })
        });
        while !first.another_writer_waits().unwrap() {
            std::thread::yield_now();
        }
        drop(first);
        assert!(second.join().unwrap());
    });
}
