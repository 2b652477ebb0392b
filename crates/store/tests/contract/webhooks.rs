//! Webhooks: endpoints, events with their deliveries, tallies, and the balance that is low.

use std::sync::Barrier;

use tollbook_domain::Catalogue;
use tollbook_store::{
    DeliveryFilter, DeliveryKey, DeliveryProgress, DeliveryState, NewWebhookEvent, Store, StoreOptions,
    WEBHOOK_LOCK, WebhookBacklog, WebhookEndpoint, WebhookState, WebhookTally, copy,
};

use crate::Backend;
use crate::exports::write;

pub(crate) fn endpoint(endpoint_id: &str, company_id: i64) -> WebhookEndpoint {
    WebhookEndpoint {
        endpoint_id: endpoint_id.into(),
        company_id,
        url: format!("https://é.example/{endpoint_id}"),
        name: "é".into(),
        event_types: vec!["order.paid".into(), "balance.low".into()],
        sealed_secret: vec![0, 1, 255],
        former_secret: Some((vec![7; 40], 9)),
        created_s: 5,
        disabled: None,
    }
}

fn event(company_id: i64, message_id: &str, recorded_s: i64) -> NewWebhookEvent {
    NewWebhookEvent {
        company_id,
        message_id: message_id.into(),
        event_type: "order.paid".into(),
        recorded_s,
        payload: format!("{{\"é\":\"{message_id}\"}}"),
    }
}

fn add(store: &dyn Store, event: &NewWebhookEvent, endpoint_ids: &[&str]) {
    write(store, |t| {
        match event.company_id {
            0 => t.lock_name(WEBHOOK_LOCK).unwrap(),
            company_id => t.lock_company(company_id).unwrap(),
        }
        t.add_webhook_event(event, endpoint_ids).unwrap();
    });
}

fn companies(store: &dyn Store) {
    write(store, |t| {
        for name in ["one", "two"] {
            t.add_company(name, "CNY", "default").unwrap();
        }
    });
}

pub(crate) fn endpoints_are_read_as_written_and_digested(backend: &dyn Backend) {
    let store = &*backend.open(&StoreOptions::default());
    companies(store);
    let find = |id: &str| store.snapshot().unwrap().webhook_endpoint(id).unwrap();
    let list = |company_id| store.snapshot().unwrap().webhook_endpoints(company_id).unwrap();
    assert_eq!((find("a"), list(None)), (None, Vec::new()));
    let (one, operators) = (endpoint("b", 1), WebhookEndpoint { former_secret: None, ..endpoint("a", 0) });
    write(store, |t| t.add_webhook_endpoint(&one).unwrap());
    write(store, |t| t.add_webhook_endpoint(&operators).unwrap());
    assert_eq!(find("b"), Some(one.clone()));
    assert_eq!(list(None), [operators.clone(), one.clone()]);
    assert_eq!((list(Some(1)), list(Some(2))), (vec![one.clone()], Vec::new()));
    let subscribers = |company_id| store.snapshot().unwrap().webhook_subscribers(company_id).unwrap();
    let types = one.event_types.clone();
    let expected = [("a".to_owned(), 0, types.clone()), ("b".to_owned(), 1, types.clone())];
    assert_eq!(subscribers(1), expected);
    assert_eq!((subscribers(2), subscribers(0)), (vec![expected[0].clone()], vec![expected[0].clone()]));
    let changed = WebhookEndpoint {
        url: "https://example.com/".into(),
        name: String::new(),
        event_types: Vec::new(),
        sealed_secret: vec![3],
        former_secret: None,
        disabled: Some((77, "gone".into())),
        ..one.clone()
    };
    assert!(write(store, |t| t.update_webhook_endpoint(&changed).unwrap()));
    assert_eq!(find("b"), Some(changed));
    assert_eq!(subscribers(1), [expected[0].clone()], "a disabled one is none");
    assert!(!write(store, |t| t.update_webhook_endpoint(&endpoint("none", 1)).unwrap()));
    let state = WebhookState { failing_since_s: Some(3), paused_until_s: 4 };
    write(store, |t| t.set_webhook_state("b", &state).unwrap());
    assert_eq!(store.snapshot().unwrap().webhook_state("b").unwrap(), state);
    write(store, |t| t.set_webhook_state("b", &WebhookState::default()).unwrap());
    assert_eq!(store.snapshot().unwrap().webhook_state("b").unwrap(), WebhookState::default());
    assert_eq!(store.snapshot().unwrap().verify_deployment(10).unwrap(), Vec::<String>::new());
    write(store, |t| t.set_webhook_state("b", &state).unwrap());
    assert!(write(store, |t| t.remove_webhook_endpoint("b").unwrap()));
    assert!(!write(store, |t| t.remove_webhook_endpoint("b").unwrap()));
    assert_eq!(store.snapshot().unwrap().webhook_state("b").unwrap(), WebhookState::default());
    assert_eq!(store.snapshot().unwrap().verify_deployment(10).unwrap(), Vec::<String>::new());
}

pub(crate) fn deliveries_are_due_in_the_order_of_their_times_and_events(backend: &dyn Backend) {
    let store = &*backend.open(&StoreOptions::default());
    companies(store);
    for (id, company_id) in [("a", 0), ("b", 1)] {
        write(store, |t| t.add_webhook_endpoint(&endpoint(id, company_id)).unwrap());
    }
    add(store, &event(2, "two", 10), &["a"]);
    add(store, &event(1, "one", 10), &["a", "b"]);
    add(store, &event(1, "three", 10), &["a"]);
    add(store, &event(0, "early", 9), &["a"]);
    let next = |after: &str| store.snapshot().unwrap().next_pending_endpoint(after).unwrap();
    assert_eq!((next(""), next("a"), next("b")), (Some("a".into()), Some("b".into()), None));
    let due = |id: &str, now_s| {
        let found = store.snapshot().unwrap().due_delivery(id, now_s, 1_000).unwrap();
        found.map(|(delivery, payload)| {
            assert_eq!(payload, format!("{{\"é\":\"{}\"}}", delivery.message_id));
            delivery
        })
    };
    assert_eq!(due("a", 8), None);
    assert_eq!(due("a", -2_000).unwrap().message_id, "early", "so far ahead no right clock puts it");
    assert_eq!(due("none", 99), None);
    let mut order = Vec::new();
    while let Some(delivery) = due("a", 10) {
        let progress = DeliveryProgress {
            state: DeliveryState::Delivered,
            attempts: 1,
            next_attempt_s: 10,
            last_attempt_s: Some(11),
            http_status: 200,
            error: String::new(),
            ended_s: Some(11),
        };
        assert!(write(store, |t| t.set_delivery_progress(&delivery.key, &progress).unwrap()));
        assert!(
            !write(store, |t| t.set_delivery_progress(&delivery.key, &progress).unwrap()),
            "it has ended"
        );
        order.push((delivery.key.company_id, delivery.key.event_no, delivery.message_id));
    }
    let named = |company_id, event_no, name: &str| (company_id, event_no, name.to_owned());
    let expected = [named(0, 1, "early"), named(1, 1, "one"), named(1, 2, "three"), named(2, 1, "two")];
    assert_eq!(order, expected);

    // What has failed is due later; replayed, it begins again.
    let of_b = due("b", 10).unwrap();
    let failed = DeliveryProgress {
        state: DeliveryState::Pending,
        attempts: 3,
        next_attempt_s: 50,
        last_attempt_s: Some(20),
        http_status: 500,
        error: "é".into(),
        ended_s: None,
    };
    assert!(write(store, |t| t.set_delivery_progress(&of_b.key, &failed).unwrap()));
    assert_eq!((due("b", 49), due("b", 50).unwrap().progress), (None, failed.clone()));
    let backlog = |now_s| store.snapshot().unwrap().webhook_backlog(now_s).unwrap();
    let expected = WebhookBacklog {
        pending: 1,
        oldest_s: Some(10),
        next_attempt_s: Some(50),
        ..WebhookBacklog::default()
    };
    assert_eq!(backlog(60), expected);
    write(store, |t| {
        t.set_webhook_state("b", &WebhookState { failing_since_s: Some(1), paused_until_s: 70 }).unwrap();
    });
    assert_eq!(backlog(60), WebhookBacklog { next_attempt_s: None, ..expected }, "it asked for a pause");
    let dead = DeliveryProgress { state: DeliveryState::DeadLetter, ended_s: Some(60), ..failed };
    assert!(write(store, |t| t.set_delivery_progress(&of_b.key, &dead).unwrap()));
    assert_eq!(backlog(60), WebhookBacklog { dead_letters: 1, ..WebhookBacklog::default() });
    let list = |filter: DeliveryFilter| {
        let found = store.snapshot().unwrap().webhook_deliveries(&filter, 10).unwrap();
        found.into_iter().map(|delivery| (delivery.message_id, delivery.key.endpoint_id)).collect::<Vec<_>>()
    };
    let pair = |message: &str, endpoint: &str| (message.to_owned(), endpoint.to_owned());
    assert_eq!(
        list(DeliveryFilter::default()),
        [pair("two", "a"), pair("three", "a"), pair("one", "a"), pair("one", "b"), pair("early", "a")]
    );
    let dead = DeliveryFilter { state: Some(DeliveryState::DeadLetter), ..DeliveryFilter::default() };
    assert_eq!(list(dead), [pair("one", "b")]);
    let all = DeliveryFilter {
        endpoint_id: Some("a".into()),
        message_id: Some("one".into()),
        state: Some(DeliveryState::Delivered),
        from_s: Some(10),
        until_s: Some(11),
    };
    assert_eq!(list(all.clone()), [pair("one", "a")]);
    assert_eq!(list(DeliveryFilter { until_s: Some(10), ..all }), []);
    let unknown = DeliveryKey { company_id: 9, ..of_b.key.clone() };
    assert_eq!(write(store, |t| t.replay_deliveries(&[of_b.key.clone(), unknown], 80).unwrap()), 1);
    let again = due("b", 80).unwrap();
    assert_eq!(
        (again.progress.attempts, again.progress.ended_s, again.progress.state),
        (0, None, DeliveryState::Pending)
    );
    let payloads = |since_s| store.snapshot().unwrap().webhook_payloads(1, "order.paid", since_s).unwrap();
    assert_eq!((payloads(10).len(), payloads(11).len()), (2, 0));
}

pub(crate) fn events_of_concurrent_transactions_have_numbers_of_their_own(backend: &dyn Backend) {
    const THREADS: usize = 4;
    let store = &*backend.open(&StoreOptions::default());
    companies(store);
    let start = Barrier::new(THREADS);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let start = &start;
            scope.spawn(move || {
                start.wait();
                for n in 0..10 {
                    add(store, &event([0, 1][thread % 2], &format!("{thread} {n}"), 10), &["a"]);
                }
            });
        }
    });
    let found = store.snapshot().unwrap().webhook_deliveries(&DeliveryFilter::default(), 100).unwrap();
    for company_id in [0, 1] {
        let of = found.iter().filter(|delivery| delivery.key.company_id == company_id);
        let mut numbers: Vec<i64> = of.map(|delivery| delivery.key.event_no).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=20).collect::<Vec<_>>());
    }
}

pub(crate) fn tallies_are_added_up_and_taken(backend: &dyn Backend) {
    let store = &*backend.open(&StoreOptions::default());
    companies(store);
    let tally = |model: &str, records| WebhookTally { model_id: model.into(), reason: "é".into(), records };
    let count = |company_id, tallies: &[WebhookTally], now_s| {
        write(store, |t| t.add_webhook_tallies(company_id, "usage.unpriced", tallies, now_s).unwrap());
    };
    count(1, &[tally("x", 2), tally("y", 5)], 10);
    count(1, &[tally("x", 4)], 20);
    count(2, &[tally("x", 1)], 30);
    count(0, &[tally("x", 1)], 9_000);
    let due = |before_s| store.snapshot().unwrap().due_webhook_tallies(before_s, 5_000, 9).unwrap();
    let named = |company_id: i64| (company_id, "usage.unpriced".to_owned());
    assert_eq!(due(10), [named(0)], "begun by a wrong clock");
    assert_eq!(due(11), [named(0), named(1)], "the first time counts");
    assert_eq!(due(31), [named(0), named(1), named(2)]);
    let take = |company_id| write(store, |t| t.take_webhook_tallies(company_id, "usage.unpriced").unwrap());
    assert_eq!(take(1), [tally("x", 6), tally("y", 5)]);
    assert_eq!((take(1), due(31)), (Vec::new(), vec![named(0), named(2)]));
}

pub(crate) fn a_low_balance_is_set_and_removed(backend: &dyn Backend) {
    let store = &*backend.open(&StoreOptions::default());
    companies(store);
    let find = |company_id| store.snapshot().unwrap().low_balance(company_id).unwrap();
    assert_eq!(find(1), None);
    write(store, |t| t.set_low_balance(1, Some(5)).unwrap());
    write(store, |t| t.set_low_balance(1, Some(i64::MAX)).unwrap());
    assert_eq!((find(1), find(2)), (Some(i64::MAX), None));
    write(store, |t| t.set_low_balance(1, None).unwrap());
    assert_eq!(find(1), None);
}

pub(crate) fn a_copy_has_endpoints_and_what_is_pending(backend: &dyn Backend) {
    let store = &*backend.open(&StoreOptions::default());
    companies(store);
    write(store, |t| t.add_webhook_endpoint(&endpoint("a", 1)).unwrap());
    write(store, |t| {
        t.set_webhook_state("a", &WebhookState { failing_since_s: Some(1), paused_until_s: 2 }).unwrap();
    });
    add(store, &event(1, "one", 10), &["a"]);
    add(store, &event(0, "two", 11), &["a"]);
    write(store, |t| t.set_low_balance(1, Some(5)).unwrap());
    let tally = WebhookTally { model_id: "x".into(), reason: "r".into(), records: 3 };
    write(store, |t| t.add_webhook_tallies(1, "usage.unpriced", &[tally], 10).unwrap());
    let target = backend.another();
    copy(&backend.connect(), &target.connect(), &Catalogue::built_in(), &mut |_, _| {}).unwrap();
    let copied = &*target.open(&StoreOptions::default());
    let all = |store: &dyn Store| {
        let mut snapshot = store.snapshot().unwrap();
        (
            snapshot.webhook_endpoints(None).unwrap(),
            snapshot.webhook_state("a").unwrap(),
            snapshot.webhook_deliveries(&DeliveryFilter::default(), 10).unwrap(),
            snapshot.due_delivery("a", 99, 9).unwrap(),
            snapshot.due_webhook_tallies(99, 999, 9).unwrap(),
            snapshot.low_balance(1).unwrap(),
        )
    };
    assert_eq!(all(copied), all(store));
    assert_eq!(all(copied).2.len(), 2);
}
