//! The audit log as it is kept: in the transaction of its act, in chains that do not wait for each other's companies.

use std::sync::{Arc, Mutex};

use tollbook_domain::Catalogue;
use tollbook_store::{
    Act, Actor, ActorKind, ChainHead, ClaimedRequest, DEPLOYMENT_CHAIN, DeploymentGuard, Moved, RequestClaim,
    Store, StoreOptions, StoreResult, Transaction, copy,
};

use crate::Backend;
use crate::tenants::company;

fn act(company_id: i64, after: &str) -> Act {
    Act {
        company_id,
        name: "test.act",
        before: String::new(),
        after: after.to_owned(),
        reason: "because".to_owned(),
    }
}

fn alice() -> Actor {
    Actor::new(ActorKind::Shell, "alice", "host h, process 7")
}

fn record(store: &dyn Store, acts: &[(i64, &str)], now_s: i64) {
    let mut transaction = store.begin().unwrap();
    transaction.set_actor(alice(), now_s);
    for (company_id, after) in acts {
        transaction.record_act(act(*company_id, after));
    }
    transaction.commit().unwrap();
}

fn differences(store: &dyn Store, company_id: i64) -> Vec<String> {
    let mut snapshot = store.snapshot().unwrap();
    if company_id == DEPLOYMENT_CHAIN {
        snapshot.verify_deployment(10).unwrap()
    } else {
        snapshot.verify(company_id, &Catalogue::built_in(), 10).unwrap().differences
    }
}

pub(crate) fn an_act_is_written_with_its_transaction_or_not_at_all(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions::default());
    let one = company(&*store, "one");
    assert_eq!(store.snapshot().unwrap().audit_head(one).unwrap(), None);
    let mut dropped = store.begin().unwrap();
    dropped.record_act(act(one, "dropped"));
    drop(dropped);
    assert_eq!(store.snapshot().unwrap().audit_head(one).unwrap(), None);
    record(&*store, &[(one, "a"), (DEPLOYMENT_CHAIN, "b"), (one, "c")], 50);
    let mut unattributed = store.begin().unwrap();
    unattributed.record_act(act(one, "d"));
    unattributed.commit().unwrap();
    let mut snapshot = store.snapshot().unwrap();
    let entries = snapshot.audit_entries(one, 0, 10).unwrap();
    let read: Vec<_> =
        entries.iter().map(|entry| (entry.entry_no, entry.after.as_str(), entry.time_s)).collect();
    assert_eq!(read, [(0, "a", 50), (1, "c", 50), (2, "d", 0)]);
    assert_eq!((&entries[0].actor, &entries[2].actor), (&alice(), &Actor::default()));
    assert_eq!((entries[0].act.as_str(), entries[0].reason.as_str()), ("test.act", "because"));
    assert_eq!(entries[1].hash, entries[1].expected_hash(&entries[0].hash));
    let head = ChainHead { company_id: one, entries: 3, hash: entries[2].hash };
    assert_eq!(snapshot.audit_head(one).unwrap(), Some(head));
    assert_eq!(snapshot.audit_entries(one, 1, 1).unwrap(), entries[1..2]);
    assert_eq!(snapshot.audit_entries(DEPLOYMENT_CHAIN, 0, 9).unwrap().len(), 1);
    drop(snapshot);
    for chain in [one, DEPLOYMENT_CHAIN] {
        assert_eq!(differences(&*store, chain), Vec::<String>::new());
    }
}

pub(crate) fn concurrent_acts_make_one_chain(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions::default());
    let companies = [company(&*store, "one"), company(&*store, "two")];
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let store = &store;
            scope.spawn(move || {
                for n in 0..5 {
                    // In both orders, so that chains that were locked as they are named would deadlock.
                    let [one, two] = companies;
                    let (first, second) = if worker % 2 == 0 { (one, two) } else { (two, one) };
                    record(&**store, &[(first, "a"), (DEPLOYMENT_CHAIN, "b"), (second, "c")], n);
                }
            });
        }
    });
    for chain in [companies[0], companies[1], DEPLOYMENT_CHAIN] {
        let head = store.snapshot().unwrap().audit_head(chain).unwrap().unwrap();
        assert_eq!(head.entries, 20);
        assert_eq!(differences(&*store, chain), Vec::<String>::new());
    }
}

pub(crate) fn a_copy_has_the_audit_log(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions::default());
    let one = company(&*store, "one");
    record(&*store, &[(one, "a"), (DEPLOYMENT_CHAIN, "b")], 5);
    let moved = Moved { to: "elsewhere".into(), at_s: 6, is_done: false };
    backend
        .connect()
        .set_moved_by(Some(&moved), Some((&alice(), 6, act(DEPLOYMENT_CHAIN, "moved"))))
        .unwrap();
    let target = backend.another();
    copy(&backend.connect(), &target.connect(), &Catalogue::built_in(), &mut |_, _| {}).unwrap();
    let copied = target.open(&StoreOptions::default());
    for chain in [one, DEPLOYMENT_CHAIN] {
        let of = |store: &dyn Store| store.snapshot().unwrap().audit_entries(chain, 0, 10).unwrap();
        assert_eq!(of(&*copied), of(&*store));
        assert_eq!(differences(&*copied, chain), Vec::<String>::new());
    }
    record(&*copied, &[(DEPLOYMENT_CHAIN, "after")], 9);
    target.connect().adopt_by(&[], Some((&alice(), 10, act(DEPLOYMENT_CHAIN, "adopted")))).unwrap();
    let entries = copied.snapshot().unwrap().audit_entries(DEPLOYMENT_CHAIN, 0, 10).unwrap();
    let read: Vec<_> = entries.iter().map(|entry| entry.after.as_str()).collect();
    assert_eq!(read, ["b", "moved", "after", "adopted"]);
    assert_eq!(differences(&*copied, DEPLOYMENT_CHAIN), Vec::<String>::new());
}

/// A guard that keeps the heads that it gets.
#[derive(Default)]
struct Guard(Mutex<Vec<ChainHead>>);

impl DeploymentGuard for Guard {
    fn check(&self, transaction: &mut dyn Transaction) -> StoreResult<()> {
        transaction.set_deployment_id("here")
    }

    fn is_mark_due(&self) -> bool {
        false
    }

    fn keep_mark(&self, _: &str, _: i64) {}

    fn keep_audit(&self, deployment_id: &str, heads: &[ChainHead]) {
        assert_eq!(deployment_id, "here");
        self.0.lock().unwrap().extend(heads);
    }
}

pub(crate) fn the_guard_gets_the_heads_of_committed_chains(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions::default());
    let guard = Arc::new(Guard::default());
    store.set_guard(guard.clone());
    let one = company(&*store, "one");
    record(&*store, &[(one, "a"), (DEPLOYMENT_CHAIN, "b")], 5);
    let mut dropped = store.begin().unwrap();
    dropped.record_act(act(one, "dropped"));
    drop(dropped);
    record(&*store, &[(one, "c")], 6);
    let kept: Vec<(i64, i64)> =
        guard.0.lock().unwrap().iter().map(|head| (head.company_id, head.entries)).collect();
    assert_eq!(kept, [(DEPLOYMENT_CHAIN, 1), (one, 1), (one, 2)]);
}

fn claim(key: &str, content: u8) -> RequestClaim {
    RequestClaim { key: key.to_owned(), digest: [content; 32] }
}

pub(crate) fn a_request_is_done_once_with_its_transaction(backend: &dyn Backend) {
    let store = backend.open(&StoreOptions::default());
    let one = company(&*store, "one");
    let request = |key: &str, acts: &[i64]| {
        let mut transaction = store.begin().unwrap();
        transaction.set_actor(Actor::new(ActorKind::OperatorKey, "billing", "192.0.2.1"), 5);
        transaction.claim_request(claim(key, 7));
        for company_id in acts {
            transaction.record_act(act(*company_id, "claimed"));
        }
        transaction.commit()
    };
    let claimed = |key: &str| store.snapshot().unwrap().claimed_request("billing", key).unwrap();
    // What does nothing claims nothing.
    request("a", &[]).unwrap();
    assert_eq!(claimed("a"), None);
    record(&*store, &[(one, "before")], 5);
    request("a", &[one, DEPLOYMENT_CHAIN, one]).unwrap();
    assert_eq!(claimed("a"), Some(ClaimedRequest { digest: [7; 32], company_id: one, entry_no: 1 }));
    let refused = request("a", &[one]).unwrap_err().to_string();
    assert_eq!(refused, "a request with the idempotency key already exists");
    assert_eq!(store.snapshot().unwrap().audit_head(one).unwrap().unwrap().entries, 3, "nothing was written");
    assert_eq!(store.snapshot().unwrap().claimed_request("other", "a").unwrap(), None);
    // Of concurrent ones, one is done.
    let done: usize = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..4)
            .map(|worker| {
                let request = &request;
                scope.spawn(move || {
                    usize::from(request("b", &[if worker % 2 == 0 { one } else { 0 }]).is_ok())
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).sum()
    });
    assert_eq!(done, 1);
    for chain in [one, DEPLOYMENT_CHAIN] {
        assert_eq!(differences(&*store, chain), Vec::<String>::new());
    }
}
