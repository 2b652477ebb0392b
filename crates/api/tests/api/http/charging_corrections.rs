//! `POST /v1/usage/corrections`: records are voided and replaced once, and a refusal changes nothing.

use serde_json::{Value, json};
use tollbook_domain::tenant::Company;

use super::backend::{Backend, on_each_backend};
use super::client::Http;
use super::reporter::{HOUR, event, told};
use super::server::{Key, Server};

const JSON: &str = "application/json";

struct Fixture {
    server: Server,
    company: Company,
    organization_id: i64,
    key: Key,
    operator: String,
}

impl Fixture {
    fn new(backend: Backend) -> Self {
        let server = Server::start(backend);
        server.sell();
        let company = server.company("User", "default");
        let organization_id = server.organization(&company, "One").organization_id;
        let (key, operator) = (server.full_key(&company), server.operator_key("gateway one"));
        let fixture = Self { server, company, organization_id, key, operator };
        let events = ["r-1", "r-2", "r-3"].map(|id| fixture.event(id, 1_000_000));
        fixture.server.use_up(&fixture.operator, &events);
        fixture
    }

    fn event(&self, id: &str, quantity: i64) -> Value {
        event(id, &self.company, self.organization_id, &json!({"input": quantity}))
    }

    fn send(&self, body: &Value, status: u16) -> Value {
        let request = Http::post(JSON, body.to_string()).at("/v1/usage/corrections");
        let request = request.header("Authorization", &format!("Bearer {}", self.operator));
        told(&request.send(self.server.address), status)
    }

    fn pending(&self) -> String {
        let answer = self.server.ask(&self.key, &format!("Action=GetOrderAmount&{HOUR}"));
        answer.text("PendingAmount").to_owned()
    }

    /// A correction of the company, with more members.
    fn correction(&self, key: &str, more: &Value) -> Value {
        let mut body = json!({"key": key, "reason": "a mistake", "company_id": self.company.company_id});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    }
}

fn records_are_voided_and_replaced_once(backend: Backend) {
    let fixture = Fixture::new(backend);
    assert_eq!(fixture.pending(), "12.00");
    let more = json!({
        "void": [{"source": "gateway-1", "id": "r-1"}],
        "replace": [fixture.event("r-2", 500_000)],
        "dry_run": true,
    });
    let shown = fixture.send(&fixture.correction("k", &more), 200);
    assert_eq!(
        shown,
        json!({
            "Repeated": false, "DryRun": true, "Records": 2, "Unchanged": 0, "OrdersReplaced": 0, "OrdersMade": 0,
            "Orders": [],
        })
    );
    assert_eq!(fixture.pending(), "12.00");
    let mut body = fixture.correction("k", &more);
    body["dry_run"] = false.into();
    assert_eq!(fixture.send(&body, 200)["Records"], 2);
    assert_eq!(fixture.pending(), "6.00");
    assert_eq!(fixture.send(&body, 200)["Repeated"], true);
    assert_eq!(fixture.pending(), "6.00");
    let other = fixture.correction("k", &json!({"void": [{"id": "r-3"}]}));
    let refused = fixture.send(&other, 422);
    assert_eq!(refused["Error"], "the key \"k\" belongs to another correction");
    assert_eq!(fixture.pending(), "6.00");
}

fn invalid_corrections_are_refused_and_change_nothing(backend: Backend) {
    let fixture = Fixture::new(backend);
    let correction = |more: Value| fixture.correction("k", &more);
    let mut unknown_company = correction(json!({"void": [{"id": "r-1"}]}));
    unknown_company["company_id"] = 99.into();
    let mut bad = fixture.event("r-1", 5);
    bad["data"]["quantities"] = json!({"input": -1});
    let table = [
        (json!([]), 400, "the body is no correction"),
        (json!({"key": "k"}), 400, "the body is no correction: missing field `reason`"),
        (correction(json!({"voided": []})), 400, "unknown field `voided`"),
        (correction(json!({})), 422, "there is no usage record to correct"),
        (correction(json!({"void": [{"id": "r-9"}]})), 422, "record \"r-9\": is not stored"),
        (correction(json!({"void": [{"id": "r-1", "source": "x"}]})), 422, "is not stored"),
        (correction(json!({"replace": [{"id": 1}]})), 400, "replace[0]: id: must be a text"),
        (correction(json!({"replace": [bad]})), 422, "quantities: input: must not be negative"),
        (
            correction(json!({"void": [{"id": "r-1"}], "replace": [fixture.event("r-1", 5)]})),
            422,
            "is named more than once",
        ),
        (unknown_company, 422, "company 99 does not exist"),
    ];
    for (body, status, expected) in table {
        let reply = fixture.send(&body, status);
        assert!(reply["Error"].as_str().unwrap().contains(expected), "{reply}");
        assert_eq!(fixture.pending(), "12.00");
    }
    let unknown_key = Http::post(JSON, "{}").at("/v1/usage/corrections").header("Authorization", "Bearer x");
    told(&unknown_key.send(fixture.server.address), 401);
}

on_each_backend!(records_are_voided_and_replaced_once, invalid_corrections_are_refused_and_change_nothing);
