//! Deliveries: order, signatures, attempts over days, dead letters, pauses, leases and crashes. The clock is set by hand.

use std::collections::BTreeSet;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use standardwebhooks::Webhook;
use tollbook_ops::MasterKey;
use tollbook_ops::tenancy::rotation;
use tollbook_ops::webhooks::{
    ATTEMPTS, Answer, AttemptResult, DELAYS_S, EventKind, LONGEST_DELAY_S, Message, Replay, Reply,
    deliveries, difference_found, disable_endpoint, due_endpoints, enable_endpoint, expire, remove_endpoint,
    replay, rotate_secret,
};
use tollbook_store::{DeliveryFilter, DeliveryState, Lease, LeaseKey, WebhookDelivery};

use super::receiver::{Hooks, Receiver, event, good, status};
use crate::charging::fixture::{BASE_S, Backend, DAY_S, HOUR_S};

/// Writes an event for the operator's endpoints.
fn happen(hooks: &Hooks, what: &str, now_s: i64) {
    difference_found(&*hooks.fixture.store, "verify", None, &[what.to_owned()], now_s).unwrap();
}

fn what(message: &Message) -> String {
    event(message).1["Differences"][0].as_str().unwrap().to_owned()
}

fn names(messages: &[Message]) -> Vec<String> {
    messages.iter().map(what).collect()
}

fn all(hooks: &Hooks) -> Vec<WebhookDelivery> {
    deliveries(&*hooks.fixture.store, &DeliveryFilter::default(), 1_000).unwrap()
}

fn state_of(hooks: &Hooks, endpoint_id: &str) -> (Option<i64>, i64) {
    let state = hooks.fixture.store.snapshot().unwrap().webhook_state(endpoint_id).unwrap();
    (state.failing_since_s, state.paused_until_s)
}

/// Whether a message has a valid signature of a secret, by the published verifier's own rule.
fn is_signed(message: &Message, secret: &str) -> bool {
    let expected = Webhook::new(secret)
        .unwrap()
        .sign(&message.message_id, message.time_s, message.body.as_bytes())
        .unwrap();
    message.signatures.split(' ').any(|signature| signature == expected)
}

pub(super) fn events_arrive_in_order_signed_and_once(backend: &Backend) {
    let hooks = Hooks::new(backend);
    let endpoint = hooks.endpoint(0, &[]);
    for n in 0..5 {
        happen(&hooks, &n.to_string(), BASE_S);
    }
    hooks.clock.set(BASE_S + 7);
    let receiver = good();
    let attempts = hooks.deliver_all(&receiver);
    assert_eq!(attempts.len(), 5);
    assert!(
        attempts.iter().all(|attempt| attempt.result == AttemptResult::Delivered && attempt.status == 204)
    );
    let messages = receiver.take();
    assert_eq!(names(&messages), ["0", "1", "2", "3", "4"]);
    let ids: BTreeSet<&str> = messages.iter().map(|message| message.message_id.as_str()).collect();
    assert_eq!(ids.len(), 5);
    for message in &messages {
        assert!(message.message_id.starts_with("msg_"));
        assert_eq!(message.time_s, BASE_S + 7, "the time of the attempt");
        assert!(is_signed(message, endpoint.secret.reveal()));
        assert!(!is_signed(message, "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
        let body: Value = serde_json::from_str(&message.body).unwrap();
        assert_eq!(body["timestamp"], "2026-01-01T00:00:00Z", "the time of the event");
    }
    assert_eq!(hooks.deliver_all(&receiver), []);
    let delivered = all(&hooks);
    assert_eq!(delivered.len(), 5);
    for delivery in delivered {
        let progress = delivery.progress;
        assert_eq!((progress.state, progress.attempts), (DeliveryState::Delivered, 1));
        assert_eq!((progress.http_status, progress.error.as_str()), (204, ""));
        assert_eq!((progress.last_attempt_s, progress.ended_s), (Some(BASE_S + 7), Some(BASE_S + 7)));
    }
    assert_eq!(state_of(&hooks, &endpoint.endpoint.endpoint_id), (None, 0));
}

pub(super) fn a_rotated_secret_signs_beside_the_new_one(backend: &Backend) {
    let hooks = Hooks::new(backend);
    let old = hooks.endpoint(0, &[]);
    let id = &old.endpoint.endpoint_id;
    let store = &*hooks.fixture.store;
    let receiver = good();
    let send = |name: &str, now_s| {
        happen(&hooks, name, now_s);
        hooks.clock.set(now_s);
        hooks.deliver_all(&receiver);
        receiver.take().remove(0)
    };
    let new = rotate_secret(store, &hooks.master, id, 100, BASE_S).unwrap().secret;
    let during = send("a", BASE_S + 99);
    assert_eq!(during.signatures.split(' ').count(), 2);
    assert!(is_signed(&during, new.reveal()) && is_signed(&during, old.secret.reveal()));
    let after = send("b", BASE_S + 100);
    assert_eq!(after.signatures.split(' ').count(), 1);
    assert!(is_signed(&after, new.reveal()) && !is_signed(&after, old.secret.reveal()));
    let newest = rotate_secret(store, &hooks.master, id, 0, BASE_S + 100).unwrap().secret;
    let at_once = send("c", BASE_S + 100);
    assert!(is_signed(&at_once, newest.reveal()) && !is_signed(&at_once, new.reveal()));
}

pub(super) fn secrets_outlive_the_master_key(backend: &Backend) {
    let mut hooks = Hooks::new(backend);
    let old = hooks.endpoint(0, &[]);
    let id = old.endpoint.endpoint_id.clone();
    let store = &*hooks.fixture.store;
    let new = rotate_secret(store, &hooks.master, &id, 100, BASE_S).unwrap().secret;
    hooks.master.bind(store).unwrap();
    let next = MasterKey::generate();
    rotation::begin(store, &hooks.master, &next, BASE_S).unwrap();
    let reseal = || rotation::reseal(store, &next, &mut |_| {}).unwrap();
    assert_eq!((reseal(), reseal()), (1, 0));
    rotation::finish(store, &next, None).unwrap();
    // Processes that were started afterwards, with one of the keys, and know no other.
    let folder = tempfile::tempdir().unwrap();
    let alone = |key: &MasterKey, name: &str| {
        let file = folder.path().join(name);
        key.write_new(&file).unwrap();
        MasterKey::open_or_create(&file).unwrap()
    };
    let former = alone(&hooks.master, "former.key");
    hooks.master = alone(&next, "next.key");
    let receiver = good();
    happen(&hooks, "a", BASE_S);
    assert_eq!(hooks.deliver(&receiver, &id)[0].result, AttemptResult::Delivered);
    let message = receiver.take().remove(0);
    assert!(is_signed(&message, new.reveal()) && is_signed(&message, old.secret.reveal()));
    // The former key neither seals nor opens.
    let refused = rotate_secret(&*hooks.fixture.store, &former, &id, 0, BASE_S + 5);
    assert!(refused.unwrap_err().to_string().contains("master key"));
    happen(&hooks, "b", BASE_S + 10);
    hooks.clock.set(BASE_S + 10);
    hooks.master = former;
    assert_eq!(hooks.deliver(&receiver, &id)[0].result, AttemptResult::Failed);
    assert_eq!(receiver.take(), []);
}

pub(super) fn a_failed_event_is_sent_again_over_days_and_becomes_a_dead_letter(backend: &Backend) {
    let hooks = Hooks::new(backend);
    let endpoint = hooks.endpoint(0, &[]);
    let id = &endpoint.endpoint.endpoint_id;
    happen(&hooks, "bad", BASE_S);
    happen(&hooks, "good", BASE_S);
    let receiver = Receiver::new(|message: &Message| match what(message).as_str() {
        "bad" => Err("no answer: refused".to_owned()),
        _ => status(200),
    });
    // A failed event does not hold up the next one.
    let attempts = hooks.deliver_all(&receiver);
    let results: Vec<AttemptResult> = attempts.iter().map(|attempt| attempt.result).collect();
    assert_eq!(results, [AttemptResult::Failed, AttemptResult::Delivered]);
    let mut now_s = BASE_S;
    let mut ids = BTreeSet::from([receiver.take()[0].message_id.clone()]);
    for (attempts, delay_s) in (1..).zip(DELAYS_S) {
        let bad = all(&hooks).into_iter().find(|delivery| delivery.progress.state == DeliveryState::Pending);
        let progress = bad.unwrap().progress;
        assert_eq!((progress.attempts, progress.error.as_str()), (attempts, "no answer: refused"));
        let least_s = now_s + delay_s;
        assert!((least_s..=least_s + delay_s / 5).contains(&progress.next_attempt_s), "{progress:?}");
        now_s = progress.next_attempt_s;
        hooks.clock.set(now_s - 1);
        assert_eq!(hooks.deliver_all(&receiver), []);
        hooks.clock.set(now_s);
        let made = hooks.deliver_all(&receiver);
        let last = attempts + 1 == ATTEMPTS;
        let expected = if last { AttemptResult::DeadLetter } else { AttemptResult::Failed };
        assert_eq!(made.iter().map(|attempt| attempt.result).collect::<Vec<_>>(), [expected]);
        ids.extend(receiver.take().into_iter().map(|message| message.message_id));
    }
    assert_eq!(ids.len(), 1, "every attempt has the same id");
    assert!(now_s - BASE_S > 3 * DAY_S);
    let dead = DeliveryFilter { state: Some(DeliveryState::DeadLetter), ..DeliveryFilter::default() };
    let dead = deliveries(&*hooks.fixture.store, &dead, 9).unwrap();
    assert_eq!(dead.len(), 1);
    assert_eq!((dead[0].progress.attempts, dead[0].progress.ended_s), (ATTEMPTS, Some(now_s)));
    hooks.clock.set(now_s + 10 * DAY_S);
    assert_eq!(hooks.deliver_all(&receiver), [], "a dead letter is not sent again by itself");
    let mut snapshot = hooks.fixture.store.snapshot().unwrap();
    let backlog = snapshot.webhook_backlog(now_s).unwrap();
    assert_eq!((backlog.pending, backlog.dead_letters, backlog.disabled_endpoints), (0, 1, 0));
    // The success in between was before the second failure.
    assert!(state_of(&hooks, id).0.unwrap() > BASE_S);
}

pub(super) fn dead_letters_and_ranges_are_replayed_under_their_ids(backend: &Backend) {
    let hooks = Hooks::new(backend);
    let store = &*hooks.fixture.store;
    let endpoint = hooks.endpoint(0, &[]);
    let other = hooks.endpoint(0, &[]);
    for (n, name) in (0..).zip(["a", "b", "c"]) {
        happen(&hooks, name, BASE_S + n);
    }
    let receiver = Receiver::new(|_: &Message| status(500));
    let mut now_s = BASE_S + 10;
    while due_or_pending(&hooks) {
        hooks.clock.set(now_s);
        hooks.deliver_all(&receiver);
        // Longer than all failing would disable the endpoints, which is not what is tested here.
        enable_all(&hooks);
        now_s += LONGEST_DELAY_S;
    }
    let ids: BTreeSet<String> = receiver.take().into_iter().map(|message| message.message_id).collect();
    assert_eq!(ids.len(), 3);
    let receiver = good();
    let sent = |receiver: &Receiver<_>| {
        hooks.deliver_all(receiver);
        receiver.take()
    };
    hooks.clock.set(now_s);
    let only = Some(endpoint.endpoint.endpoint_id.as_str());
    assert_eq!(replay(store, &Replay::DeadLetters, only, now_s).unwrap(), 3);
    let messages = sent(&receiver);
    assert_eq!(names(&messages), ["a", "b", "c"]);
    assert!(messages.iter().all(|message| ids.contains(&message.message_id)));
    assert_eq!(replay(store, &Replay::DeadLetters, None, now_s).unwrap(), 3, "those of the other endpoint");
    assert_eq!(sent(&receiver).len(), 3);
    assert_eq!(replay(store, &Replay::DeadLetters, None, now_s).unwrap(), 0);
    // A range is of the events' times.
    let range = Replay::Range(BASE_S + 1, BASE_S + 2);
    assert_eq!(replay(store, &range, None, now_s).unwrap(), 2, "one event, two endpoints");
    assert_eq!(names(&sent(&receiver)), ["b", "b"]);
    let id = messages[2].message_id.clone();
    assert_eq!(replay(store, &Replay::Message(id.clone()), only, now_s).unwrap(), 1);
    let again = sent(&receiver);
    assert_eq!((names(&again), &again[0].message_id), (vec!["c".to_owned()], &id));
    let unknown = replay(store, &Replay::Message("msg_none".into()), None, now_s).unwrap_err();
    assert!(unknown.to_string().contains("msg_none"), "{unknown}");
    assert!(replay(store, &Replay::DeadLetters, Some("ep_none"), now_s).is_err());
    assert_ne!(endpoint.endpoint.endpoint_id, other.endpoint.endpoint_id);
}

fn due_or_pending(hooks: &Hooks) -> bool {
    all(hooks).iter().any(|delivery| delivery.progress.state == DeliveryState::Pending)
}

fn enable_all(hooks: &Hooks) {
    for endpoint in hooks.fixture.store.snapshot().unwrap().webhook_endpoints(None).unwrap() {
        enable_endpoint(&*hooks.fixture.store, &endpoint.endpoint_id).unwrap();
    }
}

pub(super) fn a_receiver_that_asks_for_a_pause_gets_it(backend: &Backend) {
    let hooks = Hooks::new(backend);
    let endpoint = hooks.endpoint(0, &[]);
    let id = &endpoint.endpoint.endpoint_id;
    for name in ["a", "b"] {
        happen(&hooks, name, BASE_S);
    }
    let busy = Receiver::new(|_: &Message| -> Answer {
        Ok(Reply { status: 429, retry_after_s: Some(600), excerpt: String::new() })
    });
    assert_eq!(hooks.deliver_all(&busy).len(), 1, "the next event is not sent either");
    assert_eq!(state_of(&hooks, id), (Some(BASE_S), BASE_S + 600));
    hooks.clock.set(BASE_S + 599);
    assert_eq!(hooks.deliver_all(&busy), []);
    hooks.clock.set(BASE_S + 600);
    let receiver = good();
    assert_eq!(hooks.deliver_all(&receiver).len(), 2);
    assert_eq!(names(&receiver.take()), ["b", "a"], "the first attempt of b was due before the second of a");
    assert_eq!(state_of(&hooks, id), (None, 0), "a success ends the failure");
    // A pause has a bound, and one of a wrong clock is not believed.
    happen(&hooks, "c", BASE_S + 600);
    let forever = Receiver::new(|_: &Message| -> Answer {
        Ok(Reply { status: 503, retry_after_s: Some(i64::MAX), excerpt: String::new() })
    });
    hooks.clock.set(BASE_S + 600 + 90 * DAY_S);
    hooks.deliver_all(&forever);
    assert_eq!(state_of(&hooks, id).1, BASE_S + 600 + 91 * DAY_S);
    hooks.clock.set(BASE_S + 600);
    assert_eq!(hooks.deliver_all(&receiver).len(), 1);
    assert_eq!(names(&receiver.take()), ["c"]);
}

pub(super) fn a_receiver_that_fails_is_not_flooded(backend: &Backend) {
    let hooks = Hooks::new(backend);
    hooks.endpoint(0, &[]);
    for n in 0..30 {
        happen(&hooks, &n.to_string(), BASE_S);
    }
    let failing = Receiver::new(|_: &Message| Err("no answer: refused".to_owned()));
    let attempts = |after_s| {
        hooks.clock.set(BASE_S + after_s);
        hooks.deliver_all(&failing).len()
    };
    assert_eq!(attempts(0), 2, "one failure may be of its message");
    assert_eq!((attempts(1), attempts(2)), (1, 1));
    assert_eq!((attempts(100), attempts(109), attempts(110)), (1, 0, 1));
    assert_eq!((attempts(3_000), attempts(3_059), attempts(3_060)), (1, 0, 1));
    // A success ends it.
    let receiver = good();
    hooks.clock.set(BASE_S + DAY_S);
    assert_eq!(hooks.deliver_all(&receiver).len(), 30);
}

pub(super) fn an_endpoint_is_disabled_when_it_is_gone_or_fails_for_days(backend: &Backend) {
    let hooks = Hooks::new(backend);
    let store = &*hooks.fixture.store;
    let operator = hooks.endpoint(0, &[EventKind::EndpointDisabled]);
    let endpoint = hooks.endpoint(0, &[EventKind::DifferenceFound]);
    let id = &endpoint.endpoint.endpoint_id;
    let disabled = || store.snapshot().unwrap().webhook_endpoint(id).unwrap().unwrap().disabled;
    happen(&hooks, "a", BASE_S);
    let gone = Receiver::new(|_: &Message| status(410));
    assert_eq!(hooks.deliver(&gone, id)[0].status, 410);
    assert_eq!(disabled(), Some((BASE_S, "it answered 410".into())));
    let receiver = good();
    hooks.deliver_all(&receiver);
    let told = receiver.take();
    assert_eq!(told.len(), 1, "nothing is sent to the disabled one");
    let data = json!({
        "EndpointID": id, "CompanyID": null, "URL": endpoint.endpoint.url, "Reason": "it answered 410",
    });
    assert_eq!(event(&told[0]), ("webhook.endpoint_disabled".to_owned(), data));
    // What happens meanwhile is not recorded; what was pending is sent when it is enabled.
    happen(&hooks, "b", BASE_S + 1);
    enable_endpoint(store, id).unwrap();
    hooks.clock.set(BASE_S + HOUR_S);
    hooks.deliver_all(&receiver);
    assert_eq!(names(&receiver.take()), ["a"]);

    // Days of failures, with events all the time.
    let failing = Receiver::new(|_: &Message| status(302));
    let mut now_s = BASE_S + DAY_S;
    let began_s = now_s;
    while disabled().is_none() {
        happen(&hooks, &now_s.to_string(), now_s);
        hooks.clock.set(now_s);
        hooks.deliver(&failing, id);
        now_s += HOUR_S;
    }
    let (at_s, reason) = disabled().unwrap();
    assert_eq!((at_s, reason.as_str()), (began_s + 5 * DAY_S, "every attempt failed for 5 days"));
    let error = &all(&hooks).into_iter().find(|delivery| delivery.progress.http_status == 302).unwrap();
    assert_eq!(error.progress.error, "status 302: redirects are not followed");
    hooks.deliver_all(&receiver);
    assert_eq!(receiver.take().len(), 1, "to {}", operator.endpoint.endpoint_id);
    assert!(failing.take().len() > 100);
}

pub(super) fn a_crash_between_sending_and_recording_sends_the_same_id_again(backend: &Backend) {
    let hooks = Hooks::new(backend);
    let endpoint = hooks.endpoint(0, &[]);
    let id = &endpoint.endpoint.endpoint_id;
    happen(&hooks, "a", BASE_S);
    // The process ends while the receiver has the message.
    let receiver = Receiver::new(|_: &Message| -> Answer { panic!("killed") });
    let crashed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| hooks.deliver(&receiver, id)));
    assert!(crashed.is_err());
    let first = receiver.take().remove(0);
    let another = hooks.another_server(backend);
    let receiver = good();
    another.clock.set(BASE_S + 19);
    assert_eq!(another.deliver(&receiver, id), [], "the lease of the crashed server has not expired");
    another.clock.set(BASE_S + 20);
    assert_eq!(another.deliver(&receiver, id).len(), 1);
    let second = receiver.take().remove(0);
    assert_eq!((&second.message_id, &second.body), (&first.message_id, &first.body));
    assert_ne!(second.time_s, first.time_s, "each attempt has its own time and signature");
    assert!(is_signed(&second, endpoint.secret.reveal()));
}

pub(super) fn servers_share_an_endpoint_without_doubles(backend: &Backend) {
    const EVENTS: usize = 60;
    let hooks = Hooks::new(backend);
    let endpoint = hooks.endpoint(0, &[]);
    let id = &endpoint.endpoint.endpoint_id;
    let servers = [&hooks, &hooks.another_server(backend)];
    for n in 0..EVENTS {
        happen(&hooks, &format!("{n:03}"), BASE_S);
    }
    let under_way = AtomicUsize::new(0);
    let receiver = Receiver::new(|_: &Message| {
        assert_eq!(under_way.fetch_add(1, Ordering::SeqCst), 0, "one at a time, over all servers");
        std::thread::yield_now();
        under_way.fetch_sub(1, Ordering::SeqCst);
        status(200)
    });
    let start = Barrier::new(servers.len());
    std::thread::scope(|scope| {
        for server in servers {
            let (start, receiver) = (&start, &receiver);
            scope.spawn(move || {
                start.wait();
                while !due_endpoints(&*server.fixture.store, BASE_S).unwrap().is_empty() {
                    server.deliver(receiver, id);
                }
            });
        }
    });
    let sent = names(&receiver.take());
    assert_eq!(sent, (0..EVENTS).map(|n| format!("{n:03}")).collect::<Vec<_>>(), "each once, in order");
    // The lease is released.
    let mut transaction = hooks.fixture.store.begin().unwrap();
    let lease = Lease { holder: "another", until_s: BASE_S + 5 };
    assert!(transaction.acquire(LeaseKey::Task(&format!("webhook {id}")), &lease, BASE_S).unwrap());
}

pub(super) fn what_a_wrong_clock_has_put_off_is_sent(backend: &Backend) {
    let hooks = Hooks::new(backend);
    hooks.endpoint(0, &[]);
    happen(&hooks, "a", BASE_S);
    // A month ahead, it fails, and is put off for seconds of that time.
    hooks.clock.set(BASE_S + 30 * DAY_S);
    let failing = Receiver::new(|_: &Message| status(500));
    assert_eq!(hooks.deliver_all(&failing).len(), 1);
    hooks.clock.set(BASE_S + 10);
    let receiver = good();
    assert_eq!(hooks.deliver_all(&receiver).len(), 1);
}

pub(super) fn old_deliveries_are_deleted_and_a_removed_endpoint_leaves_none(backend: &Backend) {
    let hooks = Hooks::new(backend);
    let store = &*hooks.fixture.store;
    let (kept, removed) = (hooks.endpoint(0, &[]), hooks.endpoint(0, &[]));
    let disabled = hooks.endpoint(0, &[]);
    happen(&hooks, "old", BASE_S);
    let receiver = good();
    hooks.deliver(&receiver, &kept.endpoint.endpoint_id);
    disable_endpoint(store, &disabled.endpoint.endpoint_id, BASE_S).unwrap();
    happen(&hooks, "new", BASE_S + 100);
    remove_endpoint(store, &removed.endpoint.endpoint_id).unwrap();
    assert_eq!(all(&hooks).len(), 3, "old and new of one, old of the disabled one");
    assert_eq!(expire(store, BASE_S).unwrap(), 0, "what ended at the time is kept");
    assert_eq!(expire(store, BASE_S + 50).unwrap(), 3, "two deliveries and their event");
    let left = all(&hooks);
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].progress.state, DeliveryState::Pending, "what is pending is not deleted");
    assert_eq!(expire(store, BASE_S + 999).unwrap(), 0);
    // A transaction that read the endpoint before it was removed may leave a delivery, which is deleted by the next run.
    let mut transaction = store.begin().unwrap();
    let late = tollbook_store::NewWebhookEvent {
        company_id: 0,
        message_id: "msg_late".into(),
        event_type: "difference.found".into(),
        recorded_s: BASE_S,
        payload: "{}".into(),
    };
    transaction.lock_name(tollbook_store::WEBHOOK_LOCK).unwrap();
    transaction.add_webhook_event(&late, &[&removed.endpoint.endpoint_id]).unwrap();
    transaction.commit().unwrap();
    assert_eq!(all(&hooks).len(), 2);
    assert_eq!(hooks.deliver(&receiver, &removed.endpoint.endpoint_id), []);
    assert_eq!(all(&hooks).len(), 1);
}
