//! The operator's API for what meets the outside: users of the console, endpoints of webhooks, and whom usage of other
//! programs belongs to.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tollbook_domain::{OperatorRole, Role};
use tollbook_ops::tenancy::users::{self, Invite};

use super::backend::{Backend, on_each_backend};
use super::operator_api::Program;
use super::server::{NOW_S, Server};

/// A server with a company that has an organization, and the acts of the log that a program does.
fn company(server: &Server) -> Program<'_> {
    let program = Program::new(server, "portal", &[OperatorRole::Read, OperatorRole::Operate]);
    program.post("/companies", "c", &json!({"Name": "Acme", "Currency": "CNY"}));
    program.post("/companies/1/organizations", "o", &json!({"Name": "Lab"}));
    program
}

fn acts(program: &Program<'_>, group: &str) -> Vec<String> {
    let entries = program.get(&format!("/audit?Limit=1000&Act={group}"))["Entries"].clone();
    let of_program = entries.as_array().unwrap().iter().filter(|entry| entry["Actor"] == "portal");
    of_program.map(|entry| entry["Act"].as_str().unwrap().to_owned()).collect()
}

fn users_of_a_company_are_invited_and_changed(backend: Backend) {
    let server = Server::start(backend);
    let program = company(&server);
    let wanted = json!({"Email": "Ann@Acme.example", "Role": "payer", "OrganizationIDs": [1], "Hours": 2});
    let invited = program.post("/companies/1/users", "ann", &wanted);
    let link = invited["Link"].as_str().unwrap();
    assert!(link.starts_with("http") && link.contains("/console/invitation/"), "{link}");
    assert_eq!(
        (&invited["Email"], &invited["Expires"]),
        (&json!("ann@acme.example"), &json!(NOW_S + 2 * 3_600))
    );
    // The link of a lost answer is not told again, but another one is made.
    let again = program.post("/companies/1/users", "ann", &wanted);
    assert_eq!(
        (&again["Link"], &again["Repeated"], &again["Expires"]),
        (&Value::Null, &json!(true), &invited["Expires"])
    );
    let second = program.post("/companies/1/users", "ann again", &wanted);
    assert!(second["Link"].is_string() && second["Link"] != invited["Link"], "{second}");
    let path = "/companies/1/users/ann@acme.example";
    let changed = program.set("PATCH", path, &json!({"Role": "viewer"}));
    assert_eq!((&changed["Role"], &changed["OrganizationIDs"]), (&json!("viewer"), &json!([1])));
    let changed = program.set("PATCH", path, &json!({"OrganizationIDs": [], "Disabled": true}));
    assert_eq!((&changed["OrganizationIDs"], &changed["Disabled"]), (&json!([]), &json!(true)));
    assert_eq!(program.set("PATCH", path, &json!({"Disabled": false}))["Disabled"], false);
    let listed = program.get("/users?CompanyID=1")["Users"].clone();
    assert_eq!(
        (listed.as_array().unwrap().len(), &listed[0]["Role"], &listed[0]["Password"]),
        (1, &json!("viewer"), &json!(false))
    );
    // A key may not give more than it has: the operator's own people are neither made nor changed here.
    let invite = Invite {
        email: "root@operator.example".into(),
        company_id: None,
        organization_ids: Vec::new(),
        role: Role::Operator,
    };
    users::invite(&*server.store, &invite, 3_600, NOW_S).unwrap();
    let operator = json!({"Email": "eve@operator.example", "Role": "operator"});
    assert_eq!(
        program.told(400, "POST", "/companies/1/users", Some("e"), Some(&operator))["Parameter"],
        "Role"
    );
    let path = "/companies/1/users/root@operator.example";
    program.told(404, "PATCH", path, None, Some(&json!({"Disabled": true})));
    let other = json!({"Email": "ann@acme.example", "Role": "administrator"});
    assert_eq!(
        program.told(422, "POST", "/companies/1/users", Some("f"), Some(&other))["Parameter"],
        "Email"
    );
    program.told(404, "POST", "/companies/9/users", Some("g"), Some(&other));
    let unbound = json!({"Email": "bob@acme.example", "Role": "viewer", "OrganizationIDs": [7]});
    program.told(404, "POST", "/companies/1/users", Some("h"), Some(&unbound));
    let done: BTreeSet<String> = acts(&program, "user").into_iter().collect();
    assert_eq!(done, ["user.invite", "user.set"].map(ToOwned::to_owned).into());
}

fn endpoints_of_webhooks_are_managed(backend: Backend) {
    let server = Server::start(backend);
    let program = company(&server);
    let wanted = json!({"CompanyID": 1, "URL": "https://hooks.example/acme", "Events": ["order.unpaid"]});
    let added = program.post("/webhook-endpoints", "w", &wanted);
    let secret = added["Secret"].as_str().unwrap();
    assert!(secret.starts_with("whsec_"), "{secret}");
    // If the answer was lost, the same request has the secret again.
    let again = program.post("/webhook-endpoints", "w", &wanted);
    assert_eq!((&again["Secret"], &again["Repeated"]), (&added["Secret"], &json!(true)));
    let path = format!("/webhook-endpoints/{}", added["EndpointID"].as_str().unwrap());
    let changed = program.set("PATCH", &path, &json!({"Name": "ledger", "Events": [], "Disabled": true}));
    assert_eq!((&changed["Name"], &changed["CompanyID"]), (&json!("ledger"), &json!(1)));
    assert!(changed["DisabledAt"] == NOW_S && changed["Events"].as_array().unwrap().len() > 3, "{changed}");
    assert_eq!(program.set("PATCH", &path, &json!({"Disabled": false}))["DisabledAt"], Value::Null);
    let rotated = program.post(&format!("{path}/rotations"), "r", &json!({"OverlapHours": 1}));
    assert_ne!(rotated["Secret"], added["Secret"]);
    assert_eq!(
        program.post(&format!("{path}/rotations"), "r", &json!({"OverlapHours": 1}))["Secret"],
        rotated["Secret"]
    );
    let own = program.post("/webhook-endpoints", "own", &json!({"URL": "https://hooks.example/own"}));
    let listed = |query: &str| {
        program.get(&format!("/webhook-endpoints{query}"))["Endpoints"].as_array().unwrap().len()
    };
    assert_eq!([listed(""), listed("?CompanyID=1"), listed("?CompanyID=0")], [2, 1, 1]);
    assert!(!program.get("/webhook-endpoints").to_string().contains("whsec_"));
    assert_eq!(
        program.get("/webhook-endpoints?CompanyID=1")["Endpoints"][0]["FormerSecretExpires"],
        NOW_S + 3_600
    );
    // A delivery that was given up is sent again.
    let gateway = server.operator_key("gateway");
    let stranger = json!({"id": "s", "source": "g"});
    server.report(&gateway, &[stranger]);
    let deliveries = program.get("/webhook-deliveries?Limit=1");
    assert!(deliveries["Deliveries"].is_array() && deliveries["HasMore"].is_boolean(), "{deliveries}");
    assert_eq!(program.set("PUT", "/webhook-replays", &json!({}))["Replayed"], 0);
    // method | path | key | body | status | parameter
    let table = r#"
        POST  | /webhook-endpoints | refused-a | {"URL":"ftp://x.example"} | 422 | URL
        POST  | /webhook-endpoints | refused-b | {"URL":"https://127.0.0.1/x"} | 422 | URL
        POST  | /webhook-endpoints | refused-c | {"URL":"https://x.example","Events":["order.lost"]} | 422 | Events
        POST  | /webhook-endpoints | refused-d | {"URL":"https://x.example","CompanyID":9} | 404 | CompanyID
        PATCH | /webhook-endpoints/ep_none | | {"Disabled":true} | 404 | endpoint
        PATCH | /webhook-endpoints/ep_none | | {} | 404 | endpoint
        PUT   | /webhook-replays | | {"MessageID":"msg_none"} | 404 | MessageID
        PUT   | /webhook-replays | | {"From":5,"To":5} | 400 | To
        PUT   | /webhook-replays | | {"From":5} | 400 | To
        PUT   | /webhook-replays | | {"MessageID":"m","From":5,"To":6} | 400 | MessageID
        PUT   | /webhook-replays | | {"EndpointID":"ep_none"} | 404 | endpoint
    "#;
    for row in table.lines().filter(|row| row.contains('|')) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let once = (!cells[2].is_empty()).then_some(cells[2]);
        let body: Value = serde_json::from_str(cells[3]).unwrap();
        let told = program.told(cells[4].parse().unwrap(), cells[0], cells[1], once, Some(&body));
        assert_eq!(told["Parameter"], cells[5], "{row}: {told}");
    }
    program.told(200, "DELETE", &path, None, None);
    program.told(404, "DELETE", &path, None, None);
    // The endpoint of the first request is gone, and its secret with it.
    assert_eq!(program.post("/webhook-endpoints", "w", &wanted)["Secret"], Value::Null);
    assert!(own["Secret"].is_string());
    let done = acts(&program, "webhook");
    let count = |act: &str| done.iter().filter(|done| *done == act).count();
    assert_eq!([count("webhook.add"), count("webhook.set"), count("webhook.remove")], [2, 4, 1]);
}

fn whom_usage_belongs_to_is_said(backend: Backend) {
    let server = Server::start(backend);
    let program = company(&server);
    let rule = json!({"Source": "litellm", "Kind": "team", "Key": "blue", "CompanyID": 1, "OrganizationID": 1,
        "ResourceID": "prod"});
    assert_eq!(program.set("PUT", "/owner-rules", &rule), json!({"Added": 1, "Changed": 0, "Unchanged": 0}));
    assert_eq!(program.set("PUT", "/owner-rules", &rule)["Unchanged"], 1);
    let otherwise = json!({"Source": "*", "Kind": "default", "CompanyID": 1, "OrganizationID": 1});
    assert_eq!(program.set("PUT", "/owner-rules", &otherwise)["Added"], 1);
    let rules = program.get("/owner-rules?Source=litellm")["Rules"].clone();
    assert_eq!((rules.as_array().unwrap().len(), &rules[0]["ResourceID"]), (1, &json!("prod")));
    let refused = |name: &str, value: Value, status: u16| {
        let mut rule = rule.clone();
        rule[name] = value;
        let told = program.told(status, "PUT", "/owner-rules", None, Some(&rule));
        assert_eq!(told["Parameter"], name, "{told}");
    };
    refused("CompanyID", json!(9), 422);
    refused("OrganizationID", json!(7), 422);
    refused("Key", json!(""), 422);
    let removed = program.told(200, "DELETE", "/owner-rules?Source=litellm&Kind=team&Key=blue", None, None);
    assert_eq!(removed["Removed"], true);
    program.told(404, "DELETE", "/owner-rules?Source=litellm&Kind=team&Key=blue", None, None);
    assert_eq!(acts(&program, "rule"), ["rule.set", "rule.set", "rule.remove"]);
}

on_each_backend!(
    users_of_a_company_are_invited_and_changed,
    endpoints_of_webhooks_are_managed,
    whom_usage_belongs_to_is_said,
);
