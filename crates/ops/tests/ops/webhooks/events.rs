//! Which events are written, with which facts, and what is in them.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tollbook_domain::Amount;
use tollbook_domain::account::AccountKind;
use tollbook_export::ExportedFile;
use tollbook_objects::ObjectKey;
use tollbook_ops::charging::{
    CorrectionRequest, UsageName, deposit, low_balance, pay_unpaid, revoke, set_low_balance, settle_all,
    void_usage,
};
use tollbook_ops::webhooks::{
    EventKind, Member, Refused, Shape, difference_found, disable_endpoint, export_ready, import_refused,
    record_tallies, tally_refused,
};

use super::receiver::{Hooks, good};
use crate::charging::fixture::{BASE_S, Backend, HOUR_S, money, unit_price, usage};

/// An amount of whole currency units.
const UNIT: i64 = 100_000_000;

/// After the hour of usage at `BASE_S` and its grace.
const LATER_S: i64 = BASE_S + 2 * HOUR_S;

/// Charges usage of a company: its quantity is the amount of its order in the smallest units.
fn charge(hooks: &Hooks, company_id: i64, id: &str, quantity: i64) {
    hooks.fixture.accept(vec![usage(company_id, id, BASE_S, "m", quantity)], BASE_S);
    settle_all(&hooks.fixture.charging(), "worker", LATER_S).unwrap();
}

/// The number of stored events.
fn stored(hooks: &Hooks) -> usize {
    let mut snapshot = hooks.fixture.store.snapshot().unwrap();
    EventKind::ALL
        .iter()
        .flat_map(|kind| [0, 1, 2].map(|company_id| (kind.name(), company_id)))
        .map(|(name, company_id)| snapshot.webhook_payloads(company_id, name, 0).unwrap().len())
        .sum()
}

fn types(events: &[(String, Value)]) -> Vec<&str> {
    events.iter().map(|(name, _)| name.as_str()).collect()
}

pub(super) fn without_an_endpoint_nothing_is_written(backend: &Backend) {
    let hooks = Hooks::new(backend);
    hooks.fixture.put(&[unit_price("m")]);
    // One of another company, a disabled one, and one for another kind.
    hooks.endpoint(2, &[]);
    let disabled = hooks.endpoint(1, &[]);
    disable_endpoint(&*hooks.fixture.store, &disabled.endpoint.endpoint_id, BASE_S).unwrap();
    hooks.endpoint(1, &[EventKind::ExportReady]);
    set_low_balance(&hooks.fixture.charging(), 1, Some(Amount::from_steps(5)), BASE_S).unwrap();
    hooks.fixture.deposit(1, AccountKind::Cash, 10, "a", BASE_S);
    charge(&hooks, 1, "paid", 8);
    charge(&hooks, 1, "unpaid", 8);
    hooks.fixture.accept(vec![usage(1, "unpriced", BASE_S, "none", 1)], BASE_S);
    difference_found(&*hooks.fixture.store, "verify", Some(1), &["x".into()], BASE_S).unwrap();
    assert_eq!(stored(&hooks), 0);
    assert_eq!(record_tallies(&*hooks.fixture.store, LATER_S).unwrap(), 0);
}

pub(super) fn orders_and_arrears_are_events_of_their_transactions(backend: &Backend) {
    let hooks = Hooks::new(backend);
    let charging = hooks.fixture.charging();
    hooks.fixture.put(&[unit_price("m")]);
    let (of_company, of_operator) = (hooks.endpoint(1, &[]), hooks.endpoint(0, &[EventKind::ArrearsEnded]));
    let receiver = good();
    hooks.clock.set(LATER_S);

    hooks.fixture.deposit(1, AccountKind::Cash, 10, "a", BASE_S);
    charge(&hooks, 1, "a", 8);
    hooks.deliver_all(&receiver);
    let events = receiver.events();
    assert_eq!(types(&events), ["order.paid"]);
    let data = &events[0].1;
    assert_eq!((&data["CompanyID"], &data["OrderCount"]), (&json!(1), &json!(1)));
    assert_eq!((&data["Currency"], &data["OrderTotalPrice"]), (&json!("CNY"), &json!("0.00000008")));
    let order = &hooks.fixture.orders(1, tollbook_domain::Status::Paid)[0].order;
    assert_eq!(data["Orders"][0]["OrderNo"], order.number.as_str());
    assert_eq!(data["Orders"][0]["ModelID"], "m");
    let query =
        json!({"Action": "ListPaidOrders", "Statuses": [2], "StartTime": BASE_S, "EndTime": BASE_S + 1});
    assert_eq!(data["Query"], query);

    // Two orders that are not covered: arrears begin once.
    charge(&hooks, 1, "b", 8);
    charge(&hooks, 1, "c", 5);
    hooks.deliver_all(&receiver);
    let events = receiver.events();
    assert_eq!(types(&events), ["order.unpaid", "arrears.began", "order.unpaid"]);
    assert_eq!(
        (&events[1].1["UnpaidCount"], &events[1].1["UnpaidAmount"]),
        (&json!(1), &json!("0.00000008"))
    );
    let unpaid = hooks.fixture.orders(1, tollbook_domain::Status::Unpaid);
    let numbers: Vec<String> = unpaid.iter().map(|stored| stored.order.number.clone()).collect();
    assert_eq!(numbers.len(), 2);
    let listed = &events[2].1["Orders"][0];
    assert!(numbers.iter().any(|number| listed["OrderNo"] == number.as_str()), "{listed}");
    assert!(listed["SourceOrderNo"].as_str().unwrap().starts_with('O'), "{listed}");

    // Paying one of them does not end the arrears; a payment that pays nothing is no event.
    let everything = |_: &tollbook_domain::Line| true;
    pay_unpaid(&charging, 1, &numbers, &everything, LATER_S).unwrap();
    assert_eq!(stored(&hooks), 4);
    let more = deposit(&charging, 1, &money(AccountKind::Cash, 3, "b"), true, LATER_S).unwrap();
    assert_eq!(more.arrears.orders, 1, "2 + 3 pay the order of 5");
    deposit(&charging, 1, &money(AccountKind::Cash, 8, "c"), true, LATER_S).unwrap();
    hooks.deliver_all(&receiver);
    let (to_company, to_operator): (Vec<_>, Vec<_>) =
        receiver.take().into_iter().partition(|message| message.url == of_company.endpoint.url);
    let of = |messages: &[tollbook_ops::webhooks::Message]| {
        messages.iter().map(super::receiver::event).collect::<Vec<_>>()
    };
    assert_eq!(types(&of(&to_company)), ["order.paid", "order.paid", "arrears.ended"]);
    assert_eq!(types(&of(&to_operator)), ["arrears.ended"]);
    assert_eq!(to_operator[0].url, of_operator.endpoint.url);
    assert_eq!(to_operator[0].message_id, to_company[2].message_id, "one event");
    // Repeating a deposit moves nothing.
    let before = stored(&hooks);
    deposit(&charging, 1, &money(AccountKind::Cash, 8, "c"), true, LATER_S).unwrap();
    assert_eq!(stored(&hooks), before);
}

pub(super) fn a_correction_replaces_orders_and_a_revocation_does_not(backend: &Backend) {
    let hooks = Hooks::new(backend);
    let charging = hooks.fixture.charging();
    hooks.fixture.put(&[unit_price("m")]);
    hooks.endpoint(1, &[]);
    let receiver = good();
    hooks.clock.set(LATER_S);
    hooks.fixture.deposit(1, AccountKind::Cash, 100, "a", BASE_S);
    let records = vec![usage(1, "a", BASE_S, "m", 8), usage(1, "b", BASE_S, "m", 5)];
    hooks.fixture.accept(records, BASE_S);
    settle_all(&charging, "worker", LATER_S).unwrap();
    let request = CorrectionRequest { company_id: 1, key: "k".into(), reason: "wrong".into(), dry_run: true };
    let name = UsageName { source: Some("gateway".into()), id: "a".into(), time_s: None };
    void_usage(&charging, &request, std::slice::from_ref(&name), LATER_S).unwrap();
    hooks.deliver_all(&receiver);
    assert_eq!(types(&receiver.events()), ["order.paid"], "a dry run is no fact");
    let request = CorrectionRequest { dry_run: false, ..request };
    void_usage(&charging, &request, &[name], LATER_S).unwrap();
    hooks.deliver_all(&receiver);
    let events = receiver.events();
    assert_eq!(types(&events), ["order.replaced", "order.paid"]);
    assert_eq!(events[0].1["Orders"][0]["ReplacedByOrderNo"], events[1].1["Orders"][0]["OrderNo"]);
    assert_eq!(events[0].1["Query"]["Statuses"], json!([3]));
    let number = events[1].1["Orders"][0]["OrderNo"].as_str().unwrap().to_owned();
    revoke(&charging, 1, std::slice::from_ref(&number), "no", LATER_S).unwrap();
    revoke(&charging, 1, &[number], "no", LATER_S).unwrap();
    hooks.deliver_all(&receiver);
    let events = receiver.events();
    assert_eq!(types(&events), ["order.revoked"], "a repeated revocation is no fact");
    assert_eq!(events[0].1["OrderTotalPrice"], "0.00000005");
}

pub(super) fn a_large_hour_is_a_few_events_that_name_some_of_their_orders(backend: &Backend) {
    let hooks = Hooks::new(backend);
    hooks.fixture.put(&[unit_price("m")]);
    hooks.endpoint(1, &[EventKind::OrderUnpaid]);
    let receiver = good();
    hooks.clock.set(LATER_S);
    let records = (0..2_500).map(|n| {
        let mut record = usage(1, &format!("{n}"), BASE_S, "m", 3);
        record.resource_id = format!("key-{n}");
        record
    });
    hooks.fixture.accept(records.collect(), BASE_S);
    settle_all(&hooks.fixture.charging(), "worker", LATER_S).unwrap();
    hooks.deliver_all(&receiver);
    let events = receiver.events();
    assert!((2..=6).contains(&events.len()), "{} events", events.len());
    let count: i64 = events.iter().map(|(_, data)| data["OrderCount"].as_i64().unwrap()).sum();
    assert_eq!(count, 2_500);
    for (_, data) in &events {
        assert_eq!(data["Orders"].as_array().unwrap().len(), 50);
        assert!(data.to_string().len() < 20_000);
    }
}

pub(super) fn a_balance_is_low_once_until_it_recovers(backend: &Backend) {
    let hooks = Hooks::new(backend);
    let charging = hooks.fixture.charging();
    hooks.fixture.put(&[unit_price("m")]);
    hooks.endpoint(1, &[EventKind::BalanceLow]);
    let receiver = good();
    hooks.clock.set(LATER_S);
    let events = || {
        hooks.deliver_all(&receiver);
        receiver.events().into_iter().map(|(_, data)| (data["Balance"].clone(), data["LowBalance"].clone()))
    };
    let low = |balance: &str| vec![(json!(balance), json!("0.0000001"))];
    hooks.fixture.deposit(1, AccountKind::Cash, 12, "a", BASE_S);
    set_low_balance(&charging, 1, Some(Amount::from_steps(10)), BASE_S).unwrap();
    assert_eq!(low_balance(&charging, 1).unwrap().balance, 12);
    charge(&hooks, 1, "a", 2);
    assert_eq!(events().collect::<Vec<_>>(), [], "10 is not below 10");
    charge(&hooks, 1, "b", 1);
    assert_eq!(events().collect::<Vec<_>>(), low("0.00000009"));
    charge(&hooks, 1, "c", 1);
    hooks.fixture.deposit(1, AccountKind::Cash, 1, "b", LATER_S);
    charge(&hooks, 1, "d", 1);
    assert_eq!(events().collect::<Vec<_>>(), [], "it was low already");
    hooks.fixture.deposit(1, AccountKind::Bonus, 20, "c", LATER_S);
    charge(&hooks, 1, "e", 19);
    assert_eq!(events().collect::<Vec<_>>(), low("0.00000009"), "it had recovered");
    // A new amount is judged at once.
    set_low_balance(&charging, 1, Some(Amount::from_steps(9)), LATER_S).unwrap();
    assert_eq!(events().collect::<Vec<_>>(), [], "9 is not below 9");
    set_low_balance(&charging, 1, Some(Amount::from_steps(10)), LATER_S).unwrap();
    assert_eq!(events().collect::<Vec<_>>(), low("0.00000009"));
    set_low_balance(&charging, 1, Some(Amount::from_steps(UNIT)), LATER_S).unwrap();
    set_low_balance(&charging, 1, None, LATER_S).unwrap();
    charge(&hooks, 1, "f", 1);
    assert_eq!(events().collect::<Vec<_>>(), []);
    assert!(set_low_balance(&charging, 1, Some(Amount::from_steps(0)), LATER_S).is_err());
    assert!(set_low_balance(&charging, 9, None, LATER_S).is_err());
}

pub(super) fn a_grant_that_ends_makes_a_balance_low(backend: &Backend) {
    let hooks = Hooks::new(backend);
    let charging = hooks.fixture.charging();
    hooks.endpoint(1, &[EventKind::BalanceLow]);
    let mut coupon = money(AccountKind::Coupon, 50, "a");
    coupon.expires_s = Some(BASE_S + 60);
    deposit(&charging, 1, &coupon, true, BASE_S).unwrap();
    hooks.fixture.deposit(1, AccountKind::Cash, 5, "b", BASE_S);
    set_low_balance(&charging, 1, Some(Amount::from_steps(10)), BASE_S).unwrap();
    // Nothing else happens in the company.
    let receiver = good();
    hooks.clock.set(LATER_S);
    settle_all(&charging, "worker", LATER_S).unwrap();
    hooks.deliver_all(&receiver);
    let events = receiver.events();
    assert_eq!(types(&events), ["balance.low"]);
    assert_eq!(events[0].1["Balance"], "0.00000005");
}

pub(super) fn uncharged_usage_is_counted_by_model_and_reason(backend: &Backend) {
    let hooks = Hooks::new(backend);
    let store = &*hooks.fixture.store;
    hooks.endpoint(0, &[EventKind::UsageUnpriced, EventKind::UsageRefused]);
    hooks.endpoint(1, &[]);
    let receiver = good();
    let accept = |id: &str, model: &str| {
        hooks.fixture.accept(vec![usage(1, id, BASE_S, model, 1)], BASE_S);
    };
    accept("a", "x");
    accept("b", "x");
    accept("b", "x");
    accept("c", "y");
    let refused = |company_id, model: &str, reason: &str| Refused {
        company_id,
        model_id: model.into(),
        reason: reason.into(),
    };
    let unknown = "company_id: company 9 does not exist";
    let records =
        [refused(1, "x", "quantities: 5"), refused(1, "x", "quantities: 7"), refused(9, "y", unknown)];
    tally_refused(store, &records, BASE_S).unwrap();
    assert_eq!(record_tallies(store, BASE_S + 60).unwrap(), 0, "they are counted for a minute");
    assert_eq!(record_tallies(store, BASE_S + 61).unwrap(), 3);
    assert_eq!(record_tallies(store, BASE_S + 999).unwrap(), 0);
    hooks.clock.set(BASE_S + 61);
    hooks.deliver_all(&receiver);
    let messages = receiver.take();
    assert!(messages.iter().all(|message| message.url.ends_with("/0")), "the operator's alone");
    let events: Vec<_> = messages.iter().map(super::receiver::event).collect();
    let found = |name: &str, company_id: Option<i64>| {
        let is_it = |(of, data): &&(String, Value)| of == name && data["CompanyID"] == json!(company_id);
        events.iter().find(is_it).unwrap_or_else(|| panic!("{name} {company_id:?}")).1.clone()
    };
    let unpriced = found("usage.unpriced", Some(1));
    assert_eq!(unpriced["Records"], 3, "a duplicate is not counted");
    assert_eq!(
        (&unpriced["Models"][0]["ModelID"], &unpriced["Models"][0]["Records"]),
        (&json!("x"), &json!(2))
    );
    assert!(unpriced["Models"][0]["Reason"].as_str().unwrap().contains("price"), "{unpriced}");
    let models = json!([{"ModelID": "x", "Reason": "quantities: N", "Records": 2}]);
    assert_eq!(found("usage.refused", Some(1))["Models"], models);
    let nowhere = found("usage.refused", None);
    assert_eq!((&nowhere["Records"], &nowhere["Models"][0]["ModelID"]), (&json!(1), &json!("y")));
    // The number of models is bounded.
    let many: Vec<Refused> = (0..500).map(|n| refused(1, &format!("m{n}x"), "r")).collect();
    tally_refused(store, &many, BASE_S + 100).unwrap();
    record_tallies(store, BASE_S + 200).unwrap();
    hooks.clock.set(BASE_S + 200);
    hooks.deliver_all(&receiver);
    let data = &receiver.events()[0].1;
    assert_eq!((&data["Records"], data["Models"].as_array().unwrap().len()), (&json!(500), 50));
    assert_eq!(data["Models"][0], json!({"ModelID": "", "Reason": "other reasons", "Records": 450}));
}

pub(super) fn differences_are_written_once_a_day(backend: &Backend) {
    let hooks = Hooks::new(backend);
    let store = &*hooks.fixture.store;
    hooks.endpoint(0, &[]);
    hooks.endpoint(1, &[]);
    let receiver = good();
    let found = |company_id, differences: &[&str], now_s| {
        let differences: Vec<String> = differences.iter().map(|text| (*text).to_owned()).collect();
        difference_found(store, "self-check", company_id, &differences, now_s).unwrap();
        hooks.clock.set(now_s);
        hooks.deliver_all(&receiver);
        receiver.events()
    };
    let first = found(Some(1), &["a", "b"], BASE_S);
    assert_eq!(types(&first), ["difference.found"], "to the operator alone");
    let data =
        json!({"Source": "self-check", "CompanyID": 1, "DifferenceCount": 2, "Differences": ["a", "b"]});
    assert_eq!(first[0].1, data);
    assert_eq!(found(Some(2), &["a", "b"], BASE_S + 1).len(), 1, "another company");
    assert_eq!(found(Some(1), &["a", "b"], BASE_S + 2), []);
    assert_eq!(found(Some(1), &["a"], BASE_S + 3).len(), 1, "other differences");
    assert_eq!(found(None, &[], BASE_S + 4), []);
    assert_eq!(found(Some(1), &["a", "b"], BASE_S + 86_401).len(), 1, "the next day");
}

/// Asserts that an object has the documented members, of the documented types, and no others.
fn assert_members(data: &Value, members: &[Member], what: &str) {
    let object = data.as_object().unwrap();
    let found: BTreeSet<&str> = object.keys().map(String::as_str).collect();
    let documented: BTreeSet<&str> = members.iter().map(|member| member.name).collect();
    assert_eq!(found, documented, "{what}");
    for member in members {
        let value = &object[member.name];
        let texts = |is: fn(&Value) -> bool| value.as_array().is_some_and(|all| all.iter().all(is));
        let is_right = match member.shape {
            Shape::Integer => value.is_i64(),
            Shape::OptionalInteger => value.is_i64() || value.is_null(),
            Shape::Text => value.is_string(),
            Shape::Amount => value.as_str().is_some_and(|text| Amount::parse(text).is_ok()),
            Shape::Texts => texts(Value::is_string),
            Shape::Integers => texts(Value::is_i64),
            Shape::Object(members) => {
                assert_members(value, members, member.name);
                true
            }
            Shape::List(members) => {
                let all = value.as_array().unwrap();
                assert!(!all.is_empty(), "{what}: {}", member.name);
                all.iter().for_each(|one| assert_members(one, members, member.name));
                true
            }
        };
        assert!(is_right, "{what}: {}: {value}", member.name);
    }
}

pub(super) fn the_data_of_every_event_has_the_documented_members(backend: &Backend) {
    let hooks = Hooks::new(backend);
    let charging = hooks.fixture.charging();
    let store = &*hooks.fixture.store;
    hooks.fixture.put(&[unit_price("m")]);
    hooks.endpoint(0, &[]);
    let gone = hooks.endpoint(2, &[]);
    hooks.clock.set(LATER_S);
    // Company 1: paid, replaced, revoked, unpaid, arrears began and ended, balance low.
    hooks.fixture.deposit(1, AccountKind::Cash, 20, "a", BASE_S);
    set_low_balance(&charging, 1, Some(Amount::from_steps(10)), BASE_S).unwrap();
    hooks.fixture.accept(vec![usage(1, "a", BASE_S, "m", 8), usage(1, "b", BASE_S, "m", 5)], BASE_S);
    settle_all(&charging, "worker", LATER_S).unwrap();
    let request =
        CorrectionRequest { company_id: 1, key: "k".into(), reason: "wrong".into(), dry_run: false };
    void_usage(&charging, &request, &[UsageName { source: None, id: "a".into(), time_s: None }], LATER_S)
        .unwrap();
    charge(&hooks, 1, "c", 50);
    let unpaid = hooks.fixture.orders(1, tollbook_domain::Status::Unpaid)[0].order.number.clone();
    revoke(&charging, 1, &[unpaid], "no", LATER_S).unwrap();
    let file = ExportedFile {
        key: ObjectKey::export(1, 5, "orders.csv").unwrap(),
        file_name: "orders.csv".into(),
        bytes: 9,
        sha256: [7; 32],
        rows: 3,
        total: 5,
        stored_s: LATER_S,
    };
    let mut transaction = store.begin().unwrap();
    export_ready(transaction.as_mut(), 1, "job", &file, LATER_S).unwrap();
    transaction.commit().unwrap();
    import_refused(store, "orders", &["a.csv"], (5, 1), &["a.csv:1: no".into()], LATER_S).unwrap();
    difference_found(store, "verify", None, &["x".into()], LATER_S).unwrap();
    hooks.fixture.accept(vec![usage(1, "d", BASE_S, "none", 1)], BASE_S);
    tally_refused(store, &[Refused { company_id: 1, model_id: "m".into(), reason: "r".into() }], BASE_S)
        .unwrap();
    record_tallies(store, LATER_S).unwrap();
    charge(&hooks, 2, "e", 1);
    let gone_url = gone.endpoint.url.clone();
    let receiver = super::receiver::Receiver::new(move |message: &tollbook_ops::webhooks::Message| {
        super::receiver::status(if message.url == gone_url { 410 } else { 200 })
    });
    hooks.deliver_all(&receiver);
    let mut seen = BTreeSet::new();
    for (name, data) in receiver.events() {
        let kind = EventKind::from_name(&name).unwrap();
        assert_members(&data, kind.members(), &name);
        seen.insert(kind);
    }
    let test = tollbook_ops::webhooks::test_message(&hooks.master, &gone.endpoint, LATER_S).unwrap();
    let (name, data) = super::receiver::event(&test);
    let kind = EventKind::from_name(&name).unwrap();
    assert_members(&data, kind.members(), &name);
    seen.insert(kind);
    assert_eq!(seen, EventKind::ALL.iter().copied().collect());
}
