//! `POST /v1/usage`: accepted usage is in the pending amount of the next request. Refusals are reported for each
//! record, or for the request as a whole.

use std::sync::Arc;

use serde_json::{Value, json};
use tollbook_domain::tenant::Company;
use tollbook_store::StoreError;

use super::backend::{Backend, on_each_backend};
use super::client::Http;
use super::faulty::{Fails, Fault, MakeError, Panics, Where};
use super::faulty_store::FaultyStore;
use super::log;
use super::reporter::{BATCH, EVENT, HOUR, event, request, told, with};
use super::server::{CONFIG, Key, Server};

struct Fixture {
    server: Server,
    company: Company,
    organization_id: i64,
    other_organization_id: i64,
    key: Key,
    /// Bound to the first organization.
    bound: Key,
    operator: String,
}

impl Fixture {
    fn new(backend: Backend) -> Self {
        Self::on(Server::start(backend))
    }

    fn on(server: Server) -> Self {
        server.sell();
        let company = server.company("User", "default");
        let organization = server.organization(&company, "One");
        let other_organization_id = server.organization(&company, "Two").organization_id;
        let (key, bound) = (server.full_key(&company), server.bound_key(&company, &organization));
        let operator = server.operator_key("gateway one");
        let organization_id = organization.organization_id;
        Self { server, company, organization_id, other_organization_id, key, bound, operator }
    }

    fn behind(backend: Backend, place: Where, fault: impl Fault + 'static) -> Self {
        Self::on(Server::behind(backend, |inner| {
            Arc::new(FaultyStore { inner, place, fault: Arc::new(fault) })
        }))
    }

    fn event(&self, id: &str, quantities: &Value) -> Value {
        event(id, &self.company, self.organization_id, quantities)
    }

    fn pending(&self, key: &Key, filter: &str) -> String {
        let answer = self.server.ask(key, &format!("Action=GetOrderAmount&{HOUR}&{filter}"));
        assert_eq!((answer.text("TotalOrderAmount"), answer.integer("OrderCount")), ("0.00", 0));
        answer.text("PendingAmount").to_owned()
    }

    fn send(&self, content_type: &str, body: impl Into<Vec<u8>>, status: u16) -> Value {
        told(&request(&self.operator, content_type, body).send(self.server.address), status)
    }
}

fn accepted_usage_is_pending_in_the_next_request(backend: Backend) {
    let fixture = Fixture::new(backend);
    let first = fixture.event("r-1", &json!({"input": 1_500_000, "output": 250_000, "cache_read": 0}));
    assert_eq!(
        fixture.send(EVENT, first.to_string(), 200),
        json!({
            "Accepted": 1, "Duplicate": 0, "Refused": 0,
            "Results": [{
                "Index": 0, "Id": "r-1", "Source": "gateway-1", "Status": "accepted", "Pricing": "charged",
            }],
        })
    );
    assert_eq!(fixture.pending(&fixture.key, ""), "10.00");
    let second =
        with(fixture.event("r-2", &json!({"input": 1})), "organization_id", fixture.other_organization_id);
    fixture.server.use_up(&fixture.operator, &[second]);
    let table = [
        // key, filter, pending
        (&fixture.key, String::new(), "10.000004"),
        (&fixture.bound, String::new(), "10.00"),
        (&fixture.key, format!("OrganizationIds={}", fixture.other_organization_id), "0.000004"),
        (&fixture.bound, format!("OrganizationIds={}", fixture.other_organization_id), "0.00"),
        (&fixture.key, "PricingSkus=output&ModelIds=m-1".to_owned(), "4.00"),
        (&fixture.key, "ModelIds=m-2".to_owned(), "0.00"),
        (&fixture.key, "OrderNos=O1".to_owned(), "0.00"),
    ];
    for (key, filter, pending) in table {
        assert_eq!(fixture.pending(key, &filter), pending, "{filter}");
    }
    let before = fixture.server.ask(&fixture.key, "Action=GetOrderAmount&StartTime=0&EndTime=1764547200");
    assert_eq!(
        before.verdict(),
        "230 Params [EndTime] not available: must be at most 366 days after StartTime"
    );
    let before =
        fixture.server.ask(&fixture.key, "Action=GetOrderAmount&StartTime=1764543600&EndTime=1764547200");
    assert_eq!(before.text("PendingAmount"), "0.00", "another hour");
}

fn a_repeated_record_is_a_duplicate_and_a_different_one_of_its_id_is_refused(backend: Backend) {
    let fixture = Fixture::new(backend);
    let record = fixture.event("r-1", &json!({"input": 1_000_000}));
    let other = with(record.clone(), "quantities", json!({"input": 2_000_000}));
    let mut elsewhere = record.clone();
    elsewhere["source"] = "gateway-2".into();
    let report =
        fixture.server.report(&fixture.operator, &[record.clone(), record.clone(), other, elsewhere]);
    assert_eq!(
        report,
        json!({
            "Accepted": 2, "Duplicate": 1, "Refused": 1,
            "Results": [
                {"Index": 0, "Id": "r-1", "Source": "gateway-1", "Status": "accepted", "Pricing": "charged"},
                {"Index": 1, "Id": "r-1", "Source": "gateway-1", "Status": "duplicate"},
                {"Index": 2, "Id": "r-1", "Source": "gateway-1", "Status": "refused",
                 "Reason": "id: a record with other content has this id and source within 24 hours"},
                {"Index": 3, "Id": "r-1", "Source": "gateway-2", "Status": "accepted", "Pricing": "charged"},
            ],
        })
    );
    for _ in 0..2 {
        let again = fixture.send(EVENT, record.to_string(), 200);
        assert_eq!((&again["Duplicate"], &again["Results"][0]["Status"]), (&json!(1), &json!("duplicate")));
    }
    assert_eq!(fixture.pending(&fixture.key, ""), "8.00");
}

fn each_record_of_a_batch_has_its_own_result(backend: Backend) {
    let fixture = Fixture::new(backend);
    let good = |id: &str| fixture.event(id, &json!({"input": 1_000_000}));
    let mut late = good("late");
    late["time"] = "2024-11-01T00:00:00Z".into();
    let mut early = good("early");
    early["time"] = "2025-12-02T00:00:00Z".into();
    let mut unnamed = good("x");
    unnamed.as_object_mut().unwrap().remove("id");
    let company = fixture.company.company_id;
    let no_organization = format!("organization_id: company {company} has no organization 99");
    let table: [(Value, &str, &str, &str); 15] = [
        // event, id, status or pricing, reason
        (good("a"), "a", "charged", ""),
        (with(good("b"), "model_id", "m-2"), "b", "unpriced", "model \"m-2\" has no price in CNY"),
        (with(good("c"), "model_id", "gratis"), "c", "free", ""),
        (with(good("d"), "company_id", 99), "d", "refused", "company_id: company 99 does not exist"),
        (with(good("e"), "organization_id", 99), "e", "refused", &no_organization),
        (with(good("f"), "quantities", json!({"input": 1.5})), "f", "refused", "quantities"),
        (with(good("g"), "quantities", json!({"input": -1})), "g", "refused", "quantities"),
        (with(good("h"), "quantities", json!({})), "h", "refused", "quantities"),
        (with(good("i"), "nonsense", 1), "i", "refused", "nonsense"),
        (
            with(good("j"), "product_code", "x"),
            "j",
            "refused",
            "product_code: is not a product of the catalogue",
        ),
        (late, "late", "refused", "time: is too far in the past"),
        (early, "early", "refused", "time: is too far in the future"),
        (unnamed, "", "refused", "id: is required"),
        (json!(5), "", "refused", "must be a JSON object"),
        (good("z"), "z", "charged", ""),
    ];
    let events: Vec<Value> = table.iter().map(|(event, ..)| event.clone()).collect();
    let report = fixture.server.report(&fixture.operator, &events);
    assert_eq!((&report["Accepted"], &report["Refused"]), (&json!(4), &json!(11)), "{report}");
    for (index, (_, id, expected, reason)) in table.iter().enumerate() {
        let result = &report["Results"][index];
        assert_eq!((&result["Index"], &result["Id"]), (&json!(index), &json!(id)), "{result}");
        let (status, pricing) = match *expected {
            "refused" => ("refused", Value::Null),
            pricing => ("accepted", json!(pricing)),
        };
        assert_eq!((&result["Status"], &result["Pricing"]), (&json!(status), &pricing), "{result}");
        match (*reason, result["Reason"].as_str()) {
            ("", told) => assert_eq!(told, None),
            (reason, told) => assert!(told.unwrap().starts_with(reason), "{result}"),
        }
    }
    assert_eq!(fixture.pending(&fixture.key, ""), "8.00");
    // A single event has the same result.
    let alone = with(good("i"), "nonsense", 1).to_string();
    let alone = fixture.send(EVENT, alone, 200);
    let mut in_batch = report["Results"][8].clone();
    in_batch["Index"] = 0.into();
    assert_eq!(alone["Results"][0], in_batch);
    assert_eq!(
        fixture.send(BATCH, "[]", 200),
        json!({"Accepted": 0, "Duplicate": 0, "Refused": 0, "Results": []})
    );
}

fn usage_that_is_a_little_ahead_of_the_servers_clock_is_asked_for_again(backend: Backend) {
    let fixture = Fixture::new(backend);
    let good = |id: &str| fixture.event(id, &json!({"input": 1_000_000}));
    let mut ahead = good("ahead");
    ahead["time"] = "2025-12-01T02:00:00Z".into();
    // With everything else wrong about it, a record is refused for good.
    let mut wrong = with(good("wrong"), "product_code", "x");
    wrong["time"] = "2025-12-01T02:00:00Z".into();
    let report = fixture.server.report(&fixture.operator, &[wrong]);
    assert_eq!(report["Refused"], 1, "{report}");
    let batch = json!([good("now"), ahead]).to_string();
    let reply = request(&fixture.operator, BATCH, batch.clone()).send(fixture.server.address);
    assert_eq!(reply.status, 503);
    let text: Value = serde_json::from_slice(&reply.body).unwrap();
    assert!(
        text["Error"].as_str().unwrap().starts_with("a record's time: is too far in the future"),
        "{text}"
    );
    assert_eq!(reply.header("retry-after"), Some("60"));
    // What fits is stored. When the clocks agree, the same request is accepted.
    assert_eq!(fixture.pending(&fixture.key, ""), "4.00");
    fixture.server.clock.advance(3_600);
    let again = fixture.send(BATCH, batch, 200);
    assert_eq!(
        (&again["Accepted"], &again["Duplicate"], &again["Refused"]),
        (&json!(1), &json!(1), &json!(0))
    );
}

fn requests_without_a_valid_operator_key_are_refused(backend: Backend) {
    let fixture = Fixture::new(backend);
    let good = fixture.event("r-1", &json!({"input": 1})).to_string();
    let disabled = fixture.server.operator_key("old gateway");
    let mut transaction = fixture.server.store.begin().unwrap();
    assert_eq!(transaction.disable_operator_keys("old gateway").unwrap(), 1);
    transaction.commit().unwrap();
    let key = &fixture.operator;
    let table: [(&[String], bool); 12] = [
        // Authorization headers, whether they are accepted
        (&[], false),
        (&[String::new()], false),
        (&["Bearer ".to_owned()], false),
        (&["Bearer x".to_owned()], false),
        (&[format!("Bearer {disabled}")], false),
        (&[format!("Basic {key}")], false),
        (std::slice::from_ref(key), false),
        (&[format!("Bearer {}", key.to_uppercase())], false),
        (&[format!("Bearer {}", fixture.key.public)], false),
        (&[format!("Bearer {key}"), format!("Bearer {key}")], false),
        (&[format!("bearer {key}")], true),
        (&[format!("Bearer {key}")], true),
    ];
    for (headers, is_let_in) in table {
        for (content_type, body) in [(EVENT, good.clone()), ("text/plain", "x".repeat(5_000_000))] {
            let http = headers.iter().fold(Http::post(content_type, body).at("/v1/usage"), |http, value| {
                http.header("Authorization", value)
            });
            let expected = match (is_let_in, content_type) {
                (false, _) => 401,
                (true, EVENT) => 200,
                (true, _) => 415,
            };
            told(&http.send(fixture.server.address), expected);
        }
    }
    assert_eq!(fixture.pending(&fixture.key, ""), "0.000004");
}

fn invalid_requests(backend: Backend) {
    let config = format!("{CONFIG}\n[charging]\nbatch_records = 3\nbatch_bytes = 65536\n");
    let fixture = Fixture::on(Server::configured(backend, &config, |store| store));
    let good = |id: &str| fixture.event(id, &json!({"input": 1}));
    let (one, four) =
        (good("a").to_string(), json!([good("a"), good("b"), good("c"), good("d")]).to_string());
    let long = format!("{one}{}", " ".repeat(65_536 - one.len()));
    let longer = format!("{long} ");
    let no_event = "the body is no event: ";
    let no_batch = "the body is no batch of events: ";
    let table: [(&str, &str, u16, &str); 16] = [
        // content type, body, status, how the error begins
        (EVENT, &long, 200, ""),
        ("Application/CloudEvents+JSON; charset=utf-8", &one, 200, ""),
        (EVENT, &longer, 413, "the body is longer than 65536 bytes, the most of one request"),
        (BATCH, &four, 413, "the batch has 4 events, the most of one request is 3"),
        ("application/json", &one, 415, "the content type must be application/cloudevents+json or"),
        ("", &one, 415, "the content type must be"),
        (EVENT, "", 400, no_event),
        (EVENT, "{", 400, no_event),
        (EVENT, "nothing", 400, no_event),
        (EVENT, "1,2", 400, no_event),
        (EVENT, "{}]", 400, no_event),
        (BATCH, "", 400, no_batch),
        (BATCH, &one, 400, no_batch),
        (BATCH, "[{},", 400, no_batch),
        (BATCH, "[1 2]", 400, no_batch),
        (BATCH, "\"\u{1}\"", 400, no_batch),
    ];
    for (content_type, body, status, error) in table {
        let reply = fixture.send(content_type, body, status);
        let told = reply.get("Error").map_or("", |error| error.as_str().unwrap());
        assert!(told.starts_with(error), "{content_type} {body:.20} {told}");
    }
    fixture.send(BATCH, b"[\xff]".to_vec(), 400);
    let compressed = request(&fixture.operator, EVENT, one.clone()).header("Content-Encoding", "br");
    told(&compressed.send(fixture.server.address), 415);
    for method in ["GET", "PUT", "DELETE"] {
        let reply = Http::new(method, "/v1/usage").send(fixture.server.address);
        told(&reply, 405);
        assert_eq!(reply.header("allow"), Some("POST"));
    }
}

fn store_errors_become_statuses_the_gateway_can_act_on(backend: Backend) {
    let table: [(MakeError, u16); 6] = [
        // error of the store, status
        (|| StoreError::Unavailable("no route to 10.0.0.7".into()), 503),
        (|| StoreError::Refused("password".into()), 503),
        (|| StoreError::Full, 503),
        (|| StoreError::Damaged("row 17 of orders".into()), 500),
        (|| StoreError::Database("SELECT".into()), 500),
        (|| StoreError::Missing("company 1".into()), 500),
    ];
    for (error, status) in table {
        // While the key is checked, and while the records are stored.
        for place in [Where::Snapshot, Where::Orders] {
            let fixture = Fixture::behind(backend, place, Fails(error));
            let body = fixture.event("r-1", &json!({"input": 1})).to_string();
            let reply = fixture.send(EVENT, body, status);
            let text = reply["Error"].as_str().unwrap();
            let expected = if status == 503 { "the service is not available" } else { "internal error" };
            assert!(text.starts_with(expected), "{text}");
        }
    }
}

fn a_panic_is_500_and_the_next_request_is_answered(backend: Backend) {
    for place in [Where::Snapshot, Where::Orders] {
        let fixture = Fixture::behind(backend, place, Panics);
        let body = fixture.event("r-1", &json!({"input": 1})).to_string();
        for _ in 0..3 {
            let reply = fixture.send(EVENT, body.clone(), 500);
            assert_eq!(reply["Error"], "internal error; it may be tried again");
        }
    }
}

fn the_log_has_the_name_of_the_key_and_not_the_key(backend: Backend) {
    log::keep();
    let fixture = Fixture::new(backend);
    let name = format!("a key that is logged on {backend:?}");
    let key = fixture.server.operator_key(&name);
    let good = fixture.event("r-1", &json!({"input": 1})).to_string();
    let reply = request(&key, EVENT, good).send(fixture.server.address);
    told(&reply, 200);
    let lines = log::lines_with(&name);
    assert_eq!(lines.len(), 1, "{lines:?}");
    for part in ["route=\"/v1/usage\"", "status=200", reply.header("x-ucloud-request-uuid").unwrap()] {
        assert!(lines[0].contains(part), "{lines:?}");
    }
    assert_eq!(log::lines_with(&key), Vec::<String>::new());
}

on_each_backend!(
    accepted_usage_is_pending_in_the_next_request,
    a_repeated_record_is_a_duplicate_and_a_different_one_of_its_id_is_refused,
    each_record_of_a_batch_has_its_own_result,
    usage_that_is_a_little_ahead_of_the_servers_clock_is_asked_for_again,
    requests_without_a_valid_operator_key_are_refused,
    invalid_requests,
    store_errors_become_statuses_the_gateway_can_act_on,
    a_panic_is_500_and_the_next_request_is_answered,
    the_log_has_the_name_of_the_key_and_not_the_key,
);
