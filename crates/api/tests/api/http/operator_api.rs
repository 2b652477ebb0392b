//! The operator's API: roles, parameters, requests that are done once, and what is in the audit log of them.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};
use tollbook_domain::OperatorRole;
use tollbook_ops::tenancy::operator_keys::add_operator_key_with;

use super::backend::{Backend, on_each_backend};
use super::client::{Http, Reply};
use super::reporter::{DUE_S, event};
use super::server::{NOW_S, Server};

const JSON: &str = "application/json";
const PRICES: &str =
    "currency = \"CNY\"\nunit = 12\n[[model]]\nid = \"m-1\"\n[model.prices]\ninput = \"4\"\n";

#[test]
fn the_reference_page_is_up_to_date() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/OPERATOR_API.md");
    let page = std::fs::read_to_string(file).unwrap();
    assert!(
        page == tollbook_api::description::operator_reference(),
        "docs/OPERATOR_API.md is not what the table of routes says; run\n\
         cargo run -p tollbook-api --example operator_reference > docs/OPERATOR_API.md"
    );
}

/// A program of the operator with its key.
pub(super) struct Program<'s> {
    server: &'s Server,
    key: String,
    document: Value,
}

impl<'s> Program<'s> {
    pub(super) fn new(server: &'s Server, name: &str, roles: &[OperatorRole]) -> Self {
        let key = add_operator_key_with(&*server.store, name, roles, NOW_S).unwrap();
        let reply = Http::new("GET", "/operator/openapi.json").send(server.address);
        assert_eq!(reply.status, 200);
        Self { server, key, document: serde_json::from_slice(&reply.body).unwrap() }
    }

    fn request(&self, method: &str, target: &str) -> Http {
        let target = format!("/operator/v1{target}");
        Http::new(method, &target).header("Authorization", &format!("Bearer {}", self.key))
    }

    pub(super) fn send(&self, method: &str, target: &str, once: Option<&str>, body: Option<&Value>) -> Reply {
        let mut request = self.request(method, target);
        if let Some(once) = once {
            request = request.header("Idempotency-Key", once);
        }
        if let Some(body) = body {
            request = request.header("Content-Type", JSON);
            request.body = body.to_string().into_bytes();
        }
        request.send(self.server.address)
    }

    /// An answer with the status, as JSON.
    pub(super) fn told(
        &self,
        status: u16,
        method: &str,
        target: &str,
        once: Option<&str>,
        body: Option<&Value>,
    ) -> Value {
        let reply = self.send(method, target, once, body);
        assert_eq!(reply.status, status, "{method} {target}: {}", reply.text());
        serde_json::from_slice(&reply.body).unwrap()
    }

    pub(super) fn get(&self, target: &str) -> Value {
        let answer = self.told(200, "GET", target, None, None);
        self.check("GET", target, &answer);
        answer
    }

    pub(super) fn post(&self, target: &str, once: &str, body: &Value) -> Value {
        let answer = self.told(200, "POST", target, Some(once), Some(body));
        self.check("POST", target, &answer);
        answer
    }

    pub(super) fn set(&self, method: &str, target: &str, body: &Value) -> Value {
        let answer = self.told(200, method, target, None, Some(body));
        self.check(method, target, &answer);
        answer
    }

    /// Checks that the answer has the members that the document states, and no others.
    fn check(&self, method: &str, target: &str, answer: &Value) {
        let path = target.split('?').next().unwrap();
        let is_it = |template: &str| {
            let (stated, asked) = (template.split('/').collect::<Vec<_>>(), format!("/operator/v1{path}"));
            let asked: Vec<&str> = asked.split('/').collect();
            stated.len() == asked.len()
                && stated.iter().zip(&asked).all(|(stated, asked)| stated.starts_with('{') || stated == asked)
        };
        let paths = self.document["paths"].as_object().unwrap();
        let exact = paths.get(&format!("/operator/v1{path}"));
        let found =
            exact.or_else(|| paths.iter().find(|(template, _)| is_it(template)).map(|(_, path)| path));
        let operation = &found.unwrap()[method.to_lowercase()];
        let schema = &operation["responses"]["200"]["content"][JSON]["schema"];
        let known: BTreeSet<&str> =
            schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        let has: BTreeSet<&str> = answer.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(has.difference(&known).collect::<Vec<_>>(), Vec::<&&str>::new(), "{method} {target}");
        for (name, value) in answer.as_object().unwrap() {
            let types = &schema["properties"][name]["type"];
            let is = |name: &Value| match name.as_str().unwrap() {
                "integer" => value.is_i64(),
                "boolean" => value.is_boolean(),
                "array" => value.is_array(),
                "object" => value.is_object(),
                "string" => value.is_string(),
                "null" => value.is_null(),
                other => panic!("{other}"),
            };
            let fits = match types {
                Value::Null => true,
                Value::Array(all) => all.iter().any(is),
                one => is(one),
            };
            assert!(fits, "{method} {target}: {name} is {value}, not {types}");
        }
        for name in schema["required"].as_array().unwrap() {
            assert!(has.contains(name.as_str().unwrap()), "{method} {target}: {name} is missing: {answer}");
        }
    }
}

fn each_route_needs_its_role(backend: Backend) {
    let server = Server::start(backend);
    let programs = OperatorRole::ALL.map(|role| (role, Program::new(&server, role.name(), &[role])));
    let document = &programs[0].1.document;
    let mut refused = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        let target = path.strip_prefix("/operator/v1").unwrap();
        let target = target.replace("{company}", "99").replace("{organization}", "1").replace(['{', '}'], "");
        for (method, operation) in operations.as_object().unwrap() {
            let method = method.to_uppercase();
            let needed = operation["description"].as_str().unwrap().split('`').nth(1).unwrap();
            let needed = OperatorRole::from_name(needed).unwrap();
            for (role, program) in &programs {
                let reply = program.send(&method, &target, None, None);
                let may = needed == *role
                    || (needed == OperatorRole::Read
                        && matches!(role, OperatorRole::Operate | OperatorRole::Money));
                if may {
                    assert!(
                        ![401, 403, 405].contains(&reply.status),
                        "{method} {path} by {role:?}: {}",
                        reply.text()
                    );
                } else {
                    assert_eq!(reply.status, 403, "{method} {path} by {role:?}: {}", reply.text());
                    refused += 1;
                }
            }
            let unknown =
                Http::new(&method, &format!("/operator/v1{target}")).header("Authorization", "Bearer x");
            assert_eq!(unknown.send(server.address).status, 401, "{method} {path}");
        }
    }
    assert!(refused > 70, "{refused}");
    // The routes of gateways are for the role of gateways alone.
    for (role, program) in &programs {
        let request = Http::post("application/cloudevents-batch+json", "[]").at("/v1/usage");
        let reply = request.header("Authorization", &format!("Bearer {}", program.key)).send(server.address);
        assert_eq!(reply.status == 403, *role != OperatorRole::Usage, "{role:?}: {}", reply.text());
    }
    // Nothing was made or moved.
    assert!(server.store.snapshot().unwrap().companies().unwrap().is_empty());
}

fn what_the_command_line_does_is_done_over_http(backend: Backend) {
    let server = Server::start(backend);
    let all = [OperatorRole::Read, OperatorRole::Operate, OperatorRole::Money];
    let program = Program::new(&server, "billing", &all);
    let company =
        program.post("/companies", "c", &json!({"Name": "Acme", "Currency": "CNY", "Brand": "acme"}));
    assert_eq!(
        company,
        json!({"CompanyID": 1, "Name": "Acme", "Currency": "CNY", "Brand": "acme", "Repeated": false})
    );
    assert_eq!(program.set("PATCH", "/companies/1", &json!({"Name": "Ajax"}))["Name"], "Ajax");
    assert_eq!(program.get("/companies")["Companies"][0]["Name"], "Ajax");
    assert_eq!(program.get("/companies/1")["Brand"], "acme");
    let organization = program.post("/companies/1/organizations", "o", &json!({"Name": "Lab"}));
    assert_eq!(organization["OrganizationID"], 1);
    program.set("PATCH", "/companies/1/organizations/1", &json!({"Name": "Main"}));
    assert_eq!(program.get("/companies/1/organizations")["Organizations"][0]["Name"], "Main");
    // Keys.
    let wanted = json!({"Name": "one", "Permissions": ["read"], "RateLimit": 5, "Expires": NOW_S + 100});
    let key = program.post("/companies/1/keys", "k", &wanted);
    let public_key = key["PublicKey"].as_str().unwrap();
    let path = format!("/companies/1/keys/{public_key}");
    let changed =
        program.set("PATCH", &path, &json!({"Suspended": true, "RateLimit": null, "Expires": null}));
    assert_eq!(
        (&changed["Suspended"], &changed["RateLimit"], &changed["Expires"], &changed["Name"]),
        (&json!(true), &json!(null), &json!(null), &json!("one"))
    );
    program.set("PATCH", &path, &json!({"Suspended": false}));
    let rotated = program.post(&format!("{path}/rotations"), "r", &json!({"OverlapHours": 1}));
    assert_eq!(rotated["FormerExpires"], NOW_S + 3_600);
    let disabled = program.told(200, "DELETE", &path, None, None);
    assert_eq!(disabled, json!({"PublicKey": public_key, "Disabled": true}));
    assert_eq!(program.get("/companies/1/keys")["Keys"].as_array().unwrap().len(), 2);
    // Money.
    let deposit = json!({"Kind": "cash", "Amount": "90.00"});
    assert_eq!(program.post("/companies/1/deposits", "d", &deposit)["Repeated"], false);
    assert_eq!(program.post("/companies/1/deposits", "d", &deposit)["Repeated"], true);
    let reversal = json!({"Deposit": "d", "Amount": "10", "Reason": "slip"});
    assert_eq!(program.post("/companies/1/reversals", "v", &reversal)["Taken"], "10.00");
    let adjustment = json!({"Kind": "cash", "Amount": "-5.5", "Reason": "gift", "DryRun": true});
    assert_eq!(program.post("/companies/1/adjustments", "a", &adjustment)["Amount"], "-5.50");
    assert_eq!(
        program.set("PUT", "/companies/1/credit-limit", &json!({"Amount": "7"}))["CreditLimit"],
        "7.00"
    );
    let account = program.get("/companies/1/account");
    assert_eq!((&account["Balances"]["Cash"], &account["CreditLimit"]), (&json!("80.00"), &json!("7.00")));
    let ledger = program.get("/companies/1/ledger?FromEntryNo=1&Limit=5");
    assert_eq!((&ledger["TotalEntries"], ledger["Entries"].as_array().unwrap().len()), (&json!(2), 1));
    // Prices.
    let import = |once: &str, file: &str, status: u16| {
        let request = program.request("POST", "/price-imports?List=own").header("Idempotency-Key", once);
        let mut request = request.header("Content-Type", "application/toml");
        request.body = file.as_bytes().to_vec();
        let reply = request.send(server.address);
        assert_eq!(reply.status, status, "{}", reply.text());
        serde_json::from_slice::<Value>(&reply.body).unwrap()
    };
    let imported = import("p", PRICES, 200);
    program.check("POST", "/price-imports", &imported);
    assert_eq!((&imported["Added"], &imported["Repeated"]), (&json!(1), &json!(false)));
    let again = import("p", PRICES, 200);
    program.check("POST", "/price-imports", &again);
    assert_eq!((&again["Added"], &again["Repeated"], &again["Prices"]), (&json!(1), &json!(true), &json!(1)));
    let refused = import("q", "currency = \"CNY\"\n[[model]]\nid = 5\n", 422);
    let text = refused["Error"].as_str().unwrap();
    assert!(!text.is_empty() && !text.contains("tmp") && !text.contains(".toml"), "{text}");
    assert_eq!(program.get("/prices?ModelID=m-1")["Prices"][0]["ListPrice"], "4.00");
    assert_eq!(program.get("/price-lists")["Lists"][0]["List"], "own");
    program.set("PUT", "/price-lists", &json!({"Order": ["own"]}));
    program.set("PUT", "/discounts", &json!({"CompanyID": 1, "Factor": "0.5"}));
    assert_eq!(program.get("/discounts")["Discounts"][0]["Factor"], "0.50");
    let explained = program.get("/price-explanation?CompanyID=1&ModelID=m-1&PricingSKU=input");
    assert_eq!(explained["DiscountPrice"], "2.00");
    program.told(200, "DELETE", "/discounts?CompanyID=1", None, None);
    // Usage and orders.
    let company = server.store.snapshot().unwrap().company(1).unwrap().unwrap();
    let gateway = server.operator_key("gateway");
    let record = |id: &str, quantity: i64| event(id, &company, 1, &json!({"input": quantity}));
    server.use_up(&gateway, &[record("r1", 1_000_000), record("r2", 2_000_000)]);
    let unpriced = event("r3", &company, 1, &json!({"output": 5}));
    server.report(&gateway, &[unpriced]);
    assert_eq!(program.get("/usage/unpriced?CompanyID=1")["Records"][0]["Id"], "r3");
    assert_eq!(program.get("/usage/unpriced-models")["Models"][0]["Records"], 1);
    let correct = json!({"Reason": "wrong", "Void": [{"id": "r2"}]});
    assert_eq!(program.post("/companies/1/usage-corrections", "u", &correct)["Records"], 1);
    server.clock.set(DUE_S);
    server.tick();
    let explained = program.get("/companies/1/usage?ID=r1");
    let number = explained["Records"][0]["Charges"][0]["Order"]["OrderNo"].as_str().unwrap().to_owned();
    assert_eq!(program.get(&format!("/companies/1/orders/{number}"))["OrderTotalPrice"], "4.00");
    let rerate = json!({"From": NOW_S, "To": NOW_S + 3_600, "Reason": "prices"});
    assert_eq!(program.post("/companies/1/rerates", "n", &rerate)["Differences"], json!([]));
    let revoke = json!({"OrderNos": [number, "none"], "Reason": "a mistake"});
    let revoked = program.post("/companies/1/order-revocations", "x", &revoke);
    assert_eq!((&revoked["Results"][0]["Result"], &revoked["FailureCount"]), (&json!("REFUNDED"), &json!(1)));
    let again = program.post("/companies/1/order-revocations", "x", &revoke);
    assert_eq!((&again["Results"], &again["Repeated"]), (&revoked["Results"], &json!(true)));
    let corrections = program.get("/companies/1/corrections");
    assert_eq!(corrections["Corrections"].as_array().unwrap().len(), 2);
    assert_eq!(program.get("/companies/1/export-jobs")["Jobs"], json!([]));
    program.told(404, "GET", "/companies/1/export-jobs/none", None, None);
    let removed = program.told(200, "DELETE", "/price-lists/own/prices?ModelID=m-1", None, None);
    assert_eq!(removed["Removed"], 1);
    // The log of it.
    let entries = program.get("/audit?Limit=1000")["Entries"].as_array().unwrap().clone();
    let acts: BTreeSet<&str> = entries
        .iter()
        .filter(|entry| entry["Actor"] == "billing" && entry["Origin"] == "127.0.0.1")
        .map(|entry| entry["Act"].as_str().unwrap())
        .collect();
    let expected: BTreeSet<&str> = "company.add company.set organization.add organization.set key.add key.set key.rotate \
         key.disable account.deposit account.reverse account.credit_limit prices.import prices.order prices.remove \
         discount.set discount.remove usage.correct orders.revoke"
        .split_whitespace()
        .collect();
    assert_eq!(acts, expected);
    assert_eq!(program.get("/audit/verification")["Differences"], json!([]));
    let found = server.store.snapshot().unwrap().verify_deployment(10).unwrap();
    assert_eq!(found, Vec::<String>::new());
}

fn a_repeated_request_is_done_once(backend: Backend) {
    let server = Server::start(backend);
    let program = Program::new(&server, "billing", &[OperatorRole::Operate, OperatorRole::Money]);
    let add = json!({"Name": "Acme", "Currency": "CNY"});
    // At the same time.
    let answers: Vec<Value> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..6)
            .map(|_| {
                let (program, add) = (&program, &add);
                scope.spawn(move || program.post("/companies", "one", add))
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    assert_eq!(answers.iter().filter(|answer| answer["Repeated"] == false).count(), 1, "{answers:?}");
    assert!(answers.iter().all(|answer| answer["CompanyID"] == 1 && answer["Name"] == "Acme"), "{answers:?}");
    assert_eq!(server.store.snapshot().unwrap().companies().unwrap().len(), 1);
    // A key is made once, and its secret can be told again.
    let keys: Vec<Value> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..4)
            .map(|_| {
                let program = &program;
                scope.spawn(move || program.post("/companies/1/keys", "two", &json!({"Name": "k"})))
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    assert!(keys.iter().all(|key| key["PrivateKey"] == keys[0]["PrivateKey"]), "{keys:?}");
    let rotations = format!("/companies/1/keys/{}/rotations", keys[0]["PublicKey"].as_str().unwrap());
    let first = program.post(&rotations, "three", &json!({}));
    let second = program.post(&rotations, "three", &json!({}));
    assert_eq!(
        (&first["PrivateKey"], &first["FormerExpires"], &second["Repeated"]),
        (&second["PrivateKey"], &second["FormerExpires"], &json!(true))
    );
    let deposits: Vec<Value> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..4)
            .map(|_| {
                let program = &program;
                let deposit = json!({"Kind": "cash", "Amount": "5"});
                scope.spawn(move || program.post("/companies/1/deposits", "four", &deposit))
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    assert_eq!(deposits.iter().filter(|answer| answer["Repeated"] == false).count(), 1);
    assert_eq!(program.get("/companies/1/account")["Balances"]["Cash"], "5.00");
    // The header of an answer from before.
    let reply = program.send("POST", "/companies", Some("one"), Some(&add));
    assert_eq!(reply.header("idempotent-replayed"), Some("true"));
    // The key belongs to its request.
    let other = json!({"Name": "Bold", "Currency": "CNY"});
    let refused = program.told(409, "POST", "/companies", Some("one"), Some(&other));
    assert_eq!(refused["Parameter"], "Idempotency-Key");
    let other = json!({"Kind": "cash", "Amount": "6"});
    program.told(409, "POST", "/companies/1/deposits", Some("four"), Some(&other));
    // Another program has keys of its own.
    let second = Program::new(&server, "console", &[OperatorRole::Operate]);
    assert_eq!(second.post("/companies", "one", &add)["CompanyID"], 2);
    // A request that failed claims nothing.
    program.told(422, "POST", "/companies", Some("five"), Some(&json!({"Name": " ", "Currency": "CNY"})));
    assert_eq!(program.post("/companies", "five", &add)["Repeated"], false);
}

fn what_is_wrong_is_named(backend: Backend) {
    let server = Server::start(backend);
    let program = Program::new(&server, "billing", &[OperatorRole::Operate, OperatorRole::Money]);
    program.post("/companies", "c", &json!({"Name": "Acme", "Currency": "CNY"}));
    // method | path | key | body | status | parameter | a part of the error
    let table = r#"
        POST   | /companies | | {"Name":"A","Currency":"CNY"} | 400 | Idempotency-Key | is required
        PATCH  | /companies/1 | k | {"Name":"A"} | 400 | Idempotency-Key | is not taken here
        POST   | /companies | k | {"Currency":"CNY"} | 400 | Name | is missing
        POST   | /companies | k | {"Name":"A","Currency":"EUR"} | 400 | Currency | must be one of CNY, USD
        POST   | /companies | k | {"Name":"A","Currency":"CNY","Brand":"x"} | 422 | Brand | is not configured
        POST   | /companies | k | {"Name":7,"Currency":"CNY"} | 400 | Name | must be a text
        POST   | /companies | k | {"Name":"A","Name":"B","Currency":"CNY"} | 400 | Name | is given more than once
        POST   | /companies | k | {"Name":"A","Currency":"CNY","Color":1} | 400 | Color | is no parameter of this request
        POST   | /companies | k | {"Name":null,"Currency":"CNY"} | 400 | Name | must not be null
        POST   | /companies | k | [] | 400 | | the body is no JSON object
        POST   | /companies?x=1 | k | {"Name":"A","Currency":"CNY"} | 400 | x | is no parameter of this request in the query
        PATCH  | /companies/9 | | {"Name":"A"} | 404 | company | company 9 does not exist
        PATCH  | /companies/x | | {"Name":"A"} | 400 | company | must be an integer
        GET    | /companies/01 | | | 400 | company | must be an integer
        GET    | /companies/1/ledger?Limit=0 | | | 400 | Limit | must be an integer from 1 to 10000
        GET    | /companies/1/ledger?Limit=1&Limit=1 | | | 400 | Limit | is given more than once
        POST   | /companies/1/deposits | k | {"Kind":"cash","Amount":5} | 400 | Amount | must be a decimal number as text
        POST   | /companies/1/deposits | k | {"Kind":"cash","Amount":"-5"} | 400 | Amount |
        POST   | /companies/1/deposits | k | {"Kind":"credit","Amount":"5"} | 400 | Kind | must be one of
        POST   | /companies/9/deposits | k | {"Kind":"cash","Amount":"5"} | 404 | company | company 9 does not exist
        POST   | /companies/1/reversals | k | {"Deposit":"x","Reason":"r"} | 404 | Deposit | no deposit with the key
        POST   | /companies/1/reversals | k | {"Deposit":"x","Reason":""} | 422 | Reason | must not be empty
        POST   | /companies/1/adjustments | k | {"Kind":"cash","Amount":"-5","Reason":"r"} | 422 | Amount |
        POST   | /companies/1/keys | k | {"AllowIPs":["10.0.0.1/8"]} | 422 | AllowIPs | has bits beyond its prefix
        POST   | /companies/1/keys | k | {"Permissions":["fly"]} | 400 | Permissions | is not one of read, export, pay
        POST   | /companies/1/keys | k | {"OrganizationIDs":[7]} | 404 | organization | has no organization 7
        PATCH  | /companies/1/keys/none | | {"Name":"A"} | 404 | public_key | there is no key
        PUT    | /discounts | | {"CompanyID":1,"Factor":"1.5"} | 422 | Factor | must be at most 1
        DELETE | /discounts?CompanyID=1 | | | 404 | | there is no such discount
        DELETE | /price-lists/none/prices | | | 422 | List | is not the name of a price list
        POST   | /companies/1/order-revocations | k | {"OrderNos":[],"Reason":"r"} | 400 | OrderNos | must name an order
        GET    | /companies/1/orders/none | | | 404 | order_no | no order with the number
        GET    | /companies/1/usage?ID=none | | | 404 | ID | no usage record
        POST   | /companies/1/usage-corrections | k | {"Reason":"r","Void":[{"x":1}]} | 400 | Void | unknown field
        POST   | /companies/1/rerates | k | {"Reason":"r","From":5,"To":5} | 422 | | must be later
        GET    | /audit?Act=nothing | | | 422 | Act | is no act
        POST   | /companies/1/account | k | {} | 405 | | the method must be GET
        GET    | /nothing | | | 404 | | there is no such path
    "#;
    let before = server.store.snapshot().unwrap().audit_head(0).unwrap();
    for row in table.lines().filter(|row| row.contains('|')) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let once = (!cells[2].is_empty()).then_some(cells[2]);
        let mut request = program.request(cells[0], cells[1]);
        if let Some(once) = once {
            request = request.header("Idempotency-Key", once);
        }
        if !cells[3].is_empty() {
            request = request.header("Content-Type", JSON);
            request.body = cells[3].as_bytes().to_vec();
        }
        let reply = request.send(server.address);
        assert_eq!(reply.status.to_string(), cells[4], "{row}: {}", reply.text());
        let body: Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(
            body.get("Parameter").and_then(Value::as_str).unwrap_or_default(),
            cells[5],
            "{row}: {body}"
        );
        assert!(body["Error"].as_str().unwrap().contains(cells[6]), "{row}: {body}");
    }
    let mut snapshot = server.store.snapshot().unwrap();
    assert_eq!((snapshot.companies().unwrap().len(), snapshot.api_keys(None).unwrap().len()), (1, 0));
    assert_eq!(snapshot.audit_head(0).unwrap(), before);
    assert_eq!(snapshot.audit_head(1).unwrap().unwrap().entries, 1);
    // A body that is none.
    let typeless = program.request("PATCH", "/companies/1");
    assert_eq!(typeless.send(server.address).status, 415);
}

on_each_backend!(
    each_route_needs_its_role,
    what_the_command_line_does_is_done_over_http,
    a_repeated_request_is_done_once,
    what_is_wrong_is_named,
);
