//! Descriptions of the API: the reference page in `docs/`, and the `OpenAPI` document, to which all answers conform.

use std::path::Path;

use serde_json::{Map, Value, json};
use tollbook_api::actions::{ACTIONS, MemberShape, ParameterShape};
use tollbook_domain::account::AccountKind;

use super::backend::{Backend, on_each_backend};
use super::client::{Http, encode};
use super::model::{PAID_COLUMNS, SUMMARY_COLUMNS, UNPAID_COLUMNS, columns};
use super::sample_orders;
use super::server::Server;

#[test]
fn the_reference_page_is_up_to_date() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/API.md");
    let page = std::fs::read_to_string(file).unwrap();
    assert!(
        page == tollbook_api::description::reference(),
        "docs/API.md is not what the table of actions says; run\n\
         cargo run -p tollbook-api --example reference > docs/API.md"
    );
}

/// The document, as served to clients.
fn document(server: &Server) -> Value {
    let reply = Http::new("GET", "/openapi.json").send(server.address);
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/json")));
    serde_json::from_slice(&reply.body).unwrap()
}

/// Follows `$ref` within the document.
fn resolved<'d>(document: &'d Value, schema: &'d Value) -> &'d Value {
    match schema.get("$ref").and_then(Value::as_str) {
        Some(path) => document.pointer(path.strip_prefix('#').unwrap()).unwrap(),
        None => schema,
    }
}

/// Collects the violations of a schema by a value. Supports the keywords that the document uses, and panics at others.
fn faults(document: &Value, schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    let schema = resolved(document, schema);
    for (keyword, wanted) in schema.as_object().unwrap() {
        let holds = match keyword.as_str() {
            "type" => match wanted.as_str().unwrap() {
                "object" => value.is_object(),
                "array" => value.is_array(),
                "string" => value.is_string(),
                "boolean" => value.is_boolean(),
                "integer" => value.is_number() && !value.to_string().contains(['.', 'e', 'E']),
                unknown => panic!("unknown type {unknown}"),
            },
            "const" => value == wanted,
            "enum" => wanted.as_array().unwrap().contains(value),
            "required" => wanted
                .as_array()
                .unwrap()
                .iter()
                .all(|name| value.get(name.as_str().unwrap()).is_some_and(|value| !value.is_null())),
            "properties" => {
                for (name, schema) in wanted.as_object().unwrap() {
                    if let Some(value) = value.get(name) {
                        faults(document, schema, value, &format!("{at}/{name}"), found);
                    }
                }
                true
            }
            "items" => {
                for (index, value) in value.as_array().into_iter().flatten().enumerate() {
                    faults(document, wanted, value, &format!("{at}/{index}"), found);
                }
                true
            }
            "description" => wanted.is_string(),
            unknown => panic!("{at}: unsupported keyword {unknown}"),
        };
        if !holds {
            found.push(format!("{at}: {value} violates {keyword} {wanted}"));
        }
    }
    // Objects have no undescribed members.
    if let (Some(Value::Object(properties)), Value::Object(members)) = (schema.get("properties"), value) {
        let undescribed = members.keys().filter(|name| !properties.contains_key(*name));
        found.extend(undescribed.map(|name| format!("{at}/{name} is not described")));
    }
}

fn check(document: &Value, schema: &str, answer: &Map<String, Value>) {
    let schema = &document["components"]["schemas"][schema];
    let mut found = Vec::new();
    // The client has checked and removed these.
    let mut answer = answer.clone();
    answer.insert("request_uuid".to_owned(), Value::from("id"));
    answer.entry("Message").or_insert_with(|| Value::from("success"));
    faults(document, schema, &Value::Object(answer), "", &mut found);
    assert_eq!(found, Vec::<String>::new());
}

fn every_answer_conforms_to_the_openapi_document(backend: Backend) {
    let server = Server::start(backend);
    let company = server.company("Described", "default");
    let organization = server.organization(&company, "One");
    server.add(&sample_orders::orders(company.company_id, &[organization.organization_id]));
    // So that a grant and a ledger entry are described too.
    server.deposit(&company, AccountKind::Coupon, "0.01", "welcome");
    let key = server.full_key(&company);
    let document = document(&server);
    for action in ACTIONS {
        let answer = server.ask(&key, &encode(&sample_orders::required(action)));
        assert_eq!(answer.code(), 0, "{}", action.name);
        check(&document, &format!("{}Response", action.name), &answer.0);
        // The lists must not be empty, so that their elements are checked.
        for member in action.response {
            if let Some(Value::Array(list)) = answer.0.get(member.name) {
                assert!(!list.is_empty(), "{} {}", action.name, member.name);
            }
        }
        let refused = server.ask(&key, &format!("{}&X=%00", encode(&sample_orders::required(action))));
        assert_eq!(refused.code(), 230);
        check(&document, "Refusal", &refused.0);
    }
    let nameless = server.answer(&Http::new("GET", "/"), &[]);
    check(&document, "Refusal", &nameless.0);
}

fn the_openapi_document_has_every_action_parameter_and_member(backend: Backend) {
    let server = Server::start(backend);
    let document = document(&server);
    assert_eq!(document, tollbook_api::description::openapi());
    assert_eq!(document["openapi"], "3.1.0");
    let paths = document["paths"].as_object().unwrap();
    let is_of_orders = |path: &&Value| path["post"]["tags"] == json!(["orders"]);
    assert_eq!(paths.values().filter(is_of_orders).count(), ACTIONS.len());
    let mut ids = std::collections::BTreeSet::new();
    for action in ACTIONS {
        let path = &paths[&format!("/{}", action.name)];
        let mut expected: Vec<(&str, bool)> = vec![("Action", true)];
        expected.extend(action.parameters.iter().map(|known| (known.name, known.required)));
        let listed: Vec<(&str, bool)> = path["get"]["parameters"]
            .as_array()
            .unwrap()
            .iter()
            .map(|known| (known["name"].as_str().unwrap(), known["required"].as_bool().unwrap()))
            .collect();
        assert_eq!(listed, expected, "{}", action.name);
        // In a body the key is a member, which a security scheme cannot say.
        expected.insert(1, ("PublicKey", true));
        let body = &path["post"]["requestBody"]["content"]["application/json"]["schema"];
        let required: Vec<&str> =
            body["required"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
        let wanted: Vec<&str> =
            expected.iter().filter(|(_, required)| *required).map(|(name, _)| *name).collect();
        assert_eq!(required, wanted, "{}", action.name);
        for parameter in action.parameters {
            let schema = &body["properties"][parameter.name];
            let json_type = match parameter.shape {
                ParameterShape::Integer(from, _) => {
                    assert_eq!(schema["minimum"], from);
                    "integer"
                }
                ParameterShape::Text => "string",
                ParameterShape::Flag => "boolean",
                ParameterShape::Integers | ParameterShape::Texts | ParameterShape::FewTexts(_) => "array",
            };
            assert_eq!(schema["type"], json_type, "{} {}", action.name, parameter.name);
            assert_eq!(schema["description"], *parameter.meaning.text());
        }
        for method in ["get", "post"] {
            assert!(ids.insert(path[method]["operationId"].as_str().unwrap().to_owned()));
            let answers = &path[method]["responses"]["200"]["content"]["application/json"]["schema"]["oneOf"];
            let own = format!("#/components/schemas/{}Response", action.name);
            assert_eq!(answers[0]["$ref"], own.as_str());
            assert_eq!(resolved(&document, &answers[1])["required"][0], "RetCode");
        }
        let response = &document["components"]["schemas"][format!("{}Response", action.name)];
        for member in action.response {
            let schema = &response["properties"][member.name];
            let is_required = response["required"].as_array().unwrap().contains(&member.name.into());
            assert_eq!(is_required, member.always, "{}", member.name);
            let object = match member.shape {
                MemberShape::Integer => {
                    assert_eq!(schema["type"], "integer");
                    continue;
                }
                MemberShape::Text => {
                    assert_eq!(schema["type"], "string");
                    continue;
                }
                MemberShape::Object(name, _) => (name, schema),
                MemberShape::List(name, _) => (name, &schema["items"]),
            };
            assert_eq!(object.1["$ref"], format!("#/components/schemas/{}", object.0).as_str());
        }
    }
}

/// Every path of the document is a route: without a signature or a key it is refused for that reason alone.
fn every_described_path_is_served(backend: Backend) {
    let server = Server::start(backend);
    let document = document(&server);
    let schemes = &document["components"]["securitySchemes"];
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap();
            for (scheme, scopes) in
                operation["security"].as_array().unwrap().iter().flat_map(|one| one.as_object().unwrap())
            {
                assert!(
                    schemes.get(scheme).is_some() && scopes.as_array().unwrap().is_empty(),
                    "{id}: {scheme}"
                );
            }
            let mut request = Http::new(&method.to_uppercase(), &path.replace("{id}", "1"));
            let of_orders = operation["tags"] == json!(["orders"]);
            if of_orders {
                let name = path.strip_prefix('/').unwrap();
                if method == "get" {
                    request = Http::new("GET", &format!("{path}?Action={name}"));
                } else {
                    request = request.header("Content-Type", "application/json");
                    request.body = json!({"Action": name}).to_string().into_bytes();
                }
            }
            let reply = request.send(server.address);
            if of_orders {
                let answer: Value = serde_json::from_slice(&reply.body).unwrap();
                assert_eq!((reply.status, &answer["RetCode"]), (200, &json!(170)), "{method} {path}");
            } else {
                assert_eq!(reply.status, 401, "{method} {path}: {}", reply.text());
                let content = operation["responses"]["401"]["content"].as_object().unwrap();
                assert!(content.contains_key(reply.header("content-type").unwrap()), "{method} {path}");
            }
        }
    }
}

#[test]
fn the_described_objects_have_the_documented_fields() {
    let document = tollbook_api::description::openapi();
    for (name, columns_text) in [
        ("OrderItemDetail", PAID_COLUMNS),
        ("UnpaidOrderItem", UNPAID_COLUMNS),
        ("OrderSummaryItem", SUMMARY_COLUMNS),
    ] {
        let schema = &document["components"]["schemas"][name];
        let required: Vec<&str> =
            schema["required"].as_array().unwrap().iter().map(|known| known.as_str().unwrap()).collect();
        let expected = columns(columns_text);
        assert_eq!(required, expected.iter().map(|(name, _)| *name).collect::<Vec<_>>(), "{name}");
        for (member, kind) in expected {
            let json_type = if matches!(kind, 'i' | 't') { "integer" } else { "string" };
            assert_eq!(schema["properties"][member]["type"], json_type, "{name}.{member}");
        }
    }
}

fn health_needs_no_signature(backend: Backend) {
    let server = Server::start(backend);
    let reply = Http::new("GET", "/healthz").send(server.address);
    assert_eq!((reply.status, reply.text()), (200, "ok\n"));
}

on_each_backend!(
    every_answer_conforms_to_the_openapi_document,
    the_openapi_document_has_every_action_parameter_and_member,
    every_described_path_is_served,
    health_needs_no_signature,
);
