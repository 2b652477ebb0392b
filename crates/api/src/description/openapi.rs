//! The `OpenAPI` 3.1 document at `/openapi.json`.
//!
//! Published clients send every action to `/`, and `OpenAPI` has one operation for a path and method. The API answers at
//! every path that is no other route, so each action is described at a path of its name. `Action` is a parameter there too.

use std::iter;

use serde_json::{Map, Value, json};

use super::gateways::{self, OPERATOR_KEY};
use super::webhooks::webhooks;
use crate::actions::{ACTIONS, Action, Described, MemberShape, Parameter, ParameterShape};
use crate::gateway::WARNINGS;
use crate::parameters::MAX_LIST_VALUES;
use crate::ret_code::{RET_CODES, SUCCESS_MESSAGE};
use crate::strict_signature::{NONCE_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER};

const DESCRIPTION: &str = "\
    The paths of the order API are names: the same request is answered at `/`, where published clients send it, and at any \
    other path that is no route of its own. `Action` decides. A body may be a form as well as JSON. Every request of the order API is signed: `Signature` is the \
    lower-case hex SHA-1 of all other parameters sorted by name, each name followed by its value, and the private key at the \
    end. A strict signature in the headers X-Tollbook-Timestamp, X-Tollbook-Nonce and X-Tollbook-Signature may take its place, \
    and may be demanded: lower-case hex HMAC-SHA256 with the private key over the lines TOLLBOOK-HMAC-SHA256, method, path, \
    canonical query, media type, hex SHA-256 of the body, timestamp, nonce. A client that is generated from this document \
    signs in its transport, where the request is whole: docs/CLIENTS.md has examples.";

/// The document.
pub fn openapi() -> Value {
    let mut paths = Map::new();
    let mut schemas = Map::new();
    schemas.insert("Refusal".into(), refusal_schema());
    if let MemberShape::List(name, members) = WARNINGS.shape {
        schemas.insert(name.into(), object_schema(&members()));
    }
    schemas.insert("Unavailable".into(), unavailable_schema());
    for action in ACTIONS {
        let response = response_schema(action, &mut schemas);
        schemas.insert(format!("{}Response", action.name), response);
        paths.insert(format!("/{}", action.name), path(action));
    }
    gateways::add(&mut paths, &mut schemas);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Tollbook order API",
            "version": env!("CARGO_PKG_VERSION"),
            "description": DESCRIPTION,
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"}
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "webhooks": webhooks(),
        "tags": [
            {"name": "orders", "description": "The order API, for customers; signed with an API key"},
            {"name": "usage", "description": "Reports of usage, for gateways; with an operator key"}
        ],
        "components": {"schemas": schemas, "securitySchemes": security_schemes()}
    })
}

/// The public key and the signature are parameters of a query, or members of a body, which no security scheme can say.
fn security_schemes() -> Value {
    let key = |place: &str, name: &str, meaning: &str| json!({"type": "apiKey", "in": place, "name": name, "description": meaning});
    json!({
        "publicKey": key("query", "PublicKey", "Public half of an API key"),
        "signature": key("query", "Signature", "Hex SHA-1 of the sorted parameters and the private key"),
        "strictTimestamp": key("header", TIMESTAMP_HEADER, "When the request was signed, Unix seconds"),
        "strictNonce": key("header", NONCE_HEADER, "16 to 64 of A-Z, a-z, 0-9, - and _; another one for each request"),
        "strictSignature": key("header", SIGNATURE_HEADER, "Hex HMAC-SHA256 of the whole request"),
        OPERATOR_KEY: {"type": "http", "scheme": "bearer", "description": "An operator key with the role usage"}
    })
}

fn refusal_schema() -> Value {
    let codes: Vec<i64> = RET_CODES.iter().map(|known| known.code).filter(|code| *code != 0).collect();
    let meanings: Vec<String> =
        RET_CODES.iter().skip(1).map(|known| format!("{}: {}", known.code, known.when)).collect();
    json!({
        "type": "object",
        "required": ["RetCode", "Message", "request_uuid"],
        "properties": {
            "RetCode": {"type": "integer", "enum": codes, "description": meanings.join("; ")},
            "Action": {"type": "string"},
            "Message": {"type": "string"},
            "request_uuid": request_uuid_schema(),
            "Reason": {"type": "string", "description": "Of an export that cannot be delivered now, or a limit that is used up: why, and what to do"},
            "StringToSign": {"type": "string", "description": "Of a wrong signature, if the deployment shows it: the text that should have been signed, without the private key"},
            WARNINGS.name: warnings_schema()
        }
    })
}

fn warnings_schema() -> Value {
    let mut schema = json!({"type": "array", "items": {"$ref": "#/components/schemas/Warning"}});
    schema["description"] = WARNINGS.meaning.into();
    schema
}

/// What is answered before a request is read has no action and no request id.
fn unavailable_schema() -> Value {
    json!({
        "type": "object",
        "required": ["RetCode", "Message"],
        "properties": {
            "RetCode": {"type": "integer"},
            "Action": {"type": "string"},
            "Message": {"type": "string"},
            "request_uuid": request_uuid_schema()
        }
    })
}

fn request_uuid_schema() -> Value {
    json!({"type": "string", "description": "The header X-UCLOUD-REQUEST-UUID"})
}

fn path(action: &Action) -> Value {
    let answer = json!({
        "200": {
            "description": "Success or refusal, by RetCode",
            "headers": {"X-UCLOUD-REQUEST-UUID": {"schema": {"type": "string"}}},
            "content": {"application/json": {"schema": {"oneOf": [
                {"$ref": format!("#/components/schemas/{}Response", action.name)},
                {"$ref": "#/components/schemas/Refusal"}
            ]}}}
        },
        "400": {"description": "The request is not HTTP, or has two Host headers; the body is no JSON"},
        "404": {
            "description": "The request names no action",
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Refusal"}}}
        },
        "414": {"description": "The target of the request has more than 65,534 bytes; no body"},
        "431": {"description": "The head of the request has more than 131,072 bytes; no body"},
        "503": {
            "description": "The server has no room for the connection or the request; try again after Retry-After",
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Unavailable"}}}
        }
    });
    let named = json!({
        "name": "Action",
        "in": "query",
        "required": true,
        "schema": {"type": "string", "const": action.name}
    });
    let own = action.parameters.iter().map(|parameter| {
        json!({
            "name": parameter.name,
            "in": "query",
            "required": parameter.required,
            "description": parameter.meaning.text(),
            "schema": parameter_schema(parameter)
        })
    });
    let parameters: Vec<Value> = iter::once(named).chain(own).collect();
    let strict = json!({"strictTimestamp": [], "strictNonce": [], "strictSignature": []});
    let mut strict_with_key = strict.clone();
    strict_with_key["publicKey"] = json!([]);
    let body = body_schema(action);
    json!({
        "get": {
            "operationId": action.name,
            "tags": ["orders"],
            "summary": action.summary,
            "description": action.description,
            "security": [{"publicKey": [], "signature": []}, strict_with_key],
            "parameters": parameters,
            "responses": answer
        },
        "post": {
            "operationId": format!("{}Post", action.name),
            "tags": ["orders"],
            "summary": action.summary,
            "description": action.description,
            // The body has the key, and the signature unless it is strict.
            "security": [{}, strict],
            "requestBody": {
                "required": true,
                // A form is read too. Of two types, some generated clients cannot send either.
                "content": {"application/json": {"schema": body}}
            },
            "responses": answer
        }
    })
}

fn body_schema(action: &Action) -> Value {
    let mut properties = Map::new();
    properties.insert("Action".into(), json!({"type": "string", "const": action.name}));
    properties.insert("PublicKey".into(), json!({"type": "string"}));
    properties.insert("Signature".into(), json!({"type": "string", "pattern": "^[0-9a-f]{40}$"}));
    // `Signature` may be absent if there is a strict signature.
    let mut required = vec!["Action", "PublicKey"];
    for parameter in action.parameters {
        let mut schema = parameter_schema(parameter);
        schema["description"] = parameter.meaning.text().into();
        properties.insert(parameter.name.into(), schema);
        if parameter.required {
            required.push(parameter.name);
        }
    }
    json!({"type": "object", "required": required, "properties": properties})
}

/// An empty text and an empty list count as missing.
fn parameter_schema(parameter: &Parameter) -> Value {
    let mut schema = shape_schema(parameter.shape);
    if parameter.required {
        if parameter.shape.is_list() {
            schema["minItems"] = 1.into();
            if schema["items"]["type"] == "string" {
                schema["items"]["minLength"] = 1.into();
            }
        } else if parameter.shape == ParameterShape::Text {
            schema["minLength"] = 1.into();
        }
    }
    schema
}

fn shape_schema(shape: ParameterShape) -> Value {
    match shape {
        ParameterShape::Integer(from, i64::MAX) => {
            json!({"type": "integer", "format": "int64", "minimum": from})
        }
        ParameterShape::Integer(from, to) => {
            json!({"type": "integer", "format": "int64", "minimum": from, "maximum": to})
        }
        ParameterShape::Text => json!({"type": "string", "maxLength": 256}),
        ParameterShape::Flag => json!({"type": "boolean"}),
        ParameterShape::Integers => {
            json!({"type": "array", "maxItems": 100, "items": {"type": "integer", "format": "int64"}})
        }
        ParameterShape::Texts => shape_schema(ParameterShape::FewTexts(MAX_LIST_VALUES)),
        ParameterShape::FewTexts(most) => {
            json!({"type": "array", "maxItems": most, "items": {"type": "string", "maxLength": 256}})
        }
    }
}

fn response_schema(action: &Action, schemas: &mut Map<String, Value>) -> Value {
    let mut properties = Map::new();
    properties.insert("RetCode".into(), json!({"type": "integer", "const": 0}));
    properties
        .insert("Action".into(), json!({"type": "string", "const": format!("{}Response", action.name)}));
    properties.insert("Message".into(), json!({"type": "string", "const": SUCCESS_MESSAGE}));
    properties.insert("request_uuid".into(), request_uuid_schema());
    let mut required = vec!["RetCode", "Action", "Message", "request_uuid"];
    for member in action.response {
        let mut named = |name: &str, members: fn() -> Vec<Described>| {
            schemas.entry(name).or_insert_with(|| object_schema(&members()));
            json!({"$ref": format!("#/components/schemas/{name}")})
        };
        let mut schema = match member.shape {
            MemberShape::Integer => json!({"type": "integer"}),
            MemberShape::Text => json!({"type": "string"}),
            MemberShape::Object(name, members) => named(name, members),
            MemberShape::List(name, members) => json!({"type": "array", "items": named(name, members)}),
        };
        schema["description"] = member.meaning.into();
        properties.insert(member.name.into(), schema);
        if member.always {
            required.push(member.name);
        }
    }
    properties.insert(WARNINGS.name.into(), warnings_schema());
    json!({"type": "object", "required": required, "properties": properties})
}

fn object_schema(members: &[Described]) -> Value {
    let required: Vec<&str> = members.iter().map(|member| member.name).collect();
    let properties: Map<String, Value> = members
        .iter()
        .map(|member| {
            (member.name.to_owned(), json!({"type": member.json_type, "description": member.meaning}))
        })
        .collect();
    json!({"type": "object", "required": required, "properties": properties})
}
