//! The `OpenAPI` 3.1 document of the operator's API, made of the table of routes.

use serde_json::{Map, Value, json};

use super::failed::IDEMPOTENCY_KEY;
use super::parameter::{Parameter, Place, Shape};
use super::route::{Member, Route};
use super::table::ROUTES;
use super::values::MAX_LIST;

fn member_schema(member: &Member) -> Value {
    match (member.json_type, member.may_be_null) {
        // Generators refuse a list without a schema of its elements.
        (Some("array"), false) => json!({"type": "array", "items": {}}),
        (None, _) => json!({}),
        (Some(name), false) => json!({"type": name}),
        (Some(name), true) => json!({"type": [name, "null"]}),
    }
}

/// The document.
pub fn openapi() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for route in ROUTES {
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[route.method.to_lowercase()] = operation(route);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Tollbook operator API",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What the command line of the operator does, over HTTP. Amounts are decimal numbers as text, \
                            times are Unix seconds.",
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"}
        },
        "servers": [{"url": "/"}],
        "security": [{"operatorKey": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"operatorKey": {"type": "http", "scheme": "bearer"}},
            "schemas": {"Problem": {
                "type": "object",
                "required": ["Error"],
                "properties": {
                    "Error": {"type": "string", "description": "What the caller can do about it"},
                    "Parameter": {"type": "string", "description": "The parameter that it is about"}
                }
            }}
        }
    })
}

fn operation(route: &Route) -> Value {
    let mut parameters: Vec<Value> = route
        .parameters
        .iter()
        .filter(|parameter| parameter.place != Place::Body)
        .map(|parameter| {
            json!({
                "name": parameter.name,
                "in": if parameter.place == Place::Path { "path" } else { "query" },
                "required": parameter.is_required,
                "description": parameter.meaning,
                "schema": schema(parameter)
            })
        })
        .collect();
    if route.once.needs_key() {
        parameters.push(json!({
            "name": IDEMPOTENCY_KEY,
            "in": "header",
            "required": true,
            "description": "The request is done once by it; repeated, it is answered from what was done",
            "schema": {"type": "string", "minLength": 1, "maxLength": 256}
        }));
    }
    let problem = |description: &str| {
        json!({
            "description": description,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
        })
    };
    let mut operation = json!({
        "operationId": route.name,
        "summary": route.summary,
        "description": format!("Needs the role `{}`.", route.role.name()),
        "parameters": parameters,
        "responses": {
            "200": {"description": "Done", "content": {"application/json": {"schema": answer_schema(route)}}},
            "400": problem("A parameter is missing, unknown or malformed"),
            "401": problem("The key is missing, unknown or disabled"),
            "403": problem("The key does not have the role"),
            "404": problem("What the request is about does not exist"),
            "409": problem("The idempotency key belongs to another request"),
            "422": problem("A rule does not allow it; nothing was changed"),
            "503": problem("It may be tried again")
        }
    });
    if let Some(body) = body_schema(route) {
        operation["requestBody"] = body;
    }
    operation
}

fn body_schema(route: &Route) -> Option<Value> {
    if let Some(file) = route.file {
        let content: Map<String, Value> = file
            .media_types
            .iter()
            .map(|(media_type, _)| ((*media_type).to_owned(), json!({"schema": {}})))
            .collect();
        return Some(json!({"required": true, "description": file.meaning, "content": content}));
    }
    if !route.has_members() {
        return None;
    }
    let members = || route.parameters.iter().filter(|parameter| parameter.place == Place::Body);
    let properties: Map<String, Value> = members()
        .map(|parameter| {
            let mut schema = schema(parameter);
            schema["description"] = parameter.meaning.into();
            (parameter.name.to_owned(), schema)
        })
        .collect();
    let required: Vec<&str> =
        members().filter(|parameter| parameter.is_required).map(|parameter| parameter.name).collect();
    Some(json!({
        "required": true,
        "content": {"application/json": {"schema": {
            "type": "object",
            "additionalProperties": false,
            "required": required,
            "properties": properties
        }}}
    }))
}

fn schema(parameter: &Parameter) -> Value {
    let mut schema = match parameter.shape {
        Shape::Integer(from, i64::MAX) => json!({"type": "integer", "format": "int64", "minimum": from}),
        Shape::Integer(from, to) => {
            json!({"type": "integer", "format": "int64", "minimum": from, "maximum": to})
        }
        Shape::Text => json!({"type": "string", "maxLength": 256}),
        Shape::Amount => json!({"type": "string", "pattern": "^[0-9]+(\\.[0-9]{1,8})?$"}),
        Shape::Change => json!({"type": "string", "pattern": "^-?[0-9]+(\\.[0-9]{1,8})?$"}),
        Shape::Flag => json!({"type": "boolean"}),
        Shape::Choice(names) => json!({"type": "string", "enum": names}),
        Shape::Texts => {
            json!({"type": "array", "maxItems": MAX_LIST, "items": {"type": "string", "maxLength": 256}})
        }
        Shape::Integers => json!({"type": "array", "maxItems": MAX_LIST, "items": {"type": "integer"}}),
        Shape::Objects => json!({"type": "array", "maxItems": MAX_LIST, "items": {"type": "object"}}),
    };
    if parameter.may_be_null {
        schema["type"] = json!([schema["type"], "null"]);
    }
    schema
}

fn answer_schema(route: &Route) -> Value {
    let required: Vec<&str> =
        route.members().filter(|member| member.is_always_there).map(|member| member.name).collect();
    let properties: Map<String, Value> =
        route.members().map(|member| (member.name.to_owned(), member_schema(&member))).collect();
    json!({"type": "object", "required": required, "properties": properties})
}
