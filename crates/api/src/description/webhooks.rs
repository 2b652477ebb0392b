//! The `webhooks` of the `OpenAPI` document: the requests that Tollbook sends, from the table of the kinds of events.

use serde_json::{Map, Value, json};
use tollbook_ops::webhooks::{EventKind, Member, Shape};

/// One entry for each kind of event.
pub(super) fn webhooks() -> Value {
    EventKind::ALL.iter().map(|kind| (kind.name().to_owned(), request(*kind))).collect::<Map<_, _>>().into()
}

fn request(kind: EventKind) -> Value {
    let body = json!({
        "type": "object",
        "required": ["type", "timestamp", "data"],
        "properties": {
            "type": {"type": "string", "const": kind.name()},
            "timestamp": {"type": "string", "format": "date-time", "description": "When it happened"},
            "data": object(kind.members())
        }
    });
    let header = |name: &str, schema: Value, meaning: &str| json!({"name": name, "in": "header", "required": true, "schema": schema, "description": meaning});
    let audience = if kind.is_for_companies() {
        "Sent to endpoints of the company and of the operator."
    } else {
        "Sent to endpoints of the operator."
    };
    json!({
        "post": {
            "operationId": format!("webhook_{}", kind.name().replace('.', "_")),
            "summary": kind.meaning(),
            "description": format!("{audience} Signed as Standard Webhooks specifies."),
            "parameters": [
                header("webhook-id", json!({"type": "string"}), "The same in every attempt"),
                header("webhook-timestamp", json!({"type": "integer"}), "Time of the attempt, Unix seconds"),
                header("webhook-signature", json!({"type": "string"}), "One or two signatures, `v1,` and base64 each")
            ],
            "requestBody": {"required": true, "content": {"application/json": {"schema": body}}},
            "responses": {
                "2XX": {"description": "The receiver has the event"},
                "410": {"description": "The receiver wants no events any longer: the endpoint is disabled"},
                "default": {"description": "It is sent again later; `Retry-After` is honoured"}
            }
        }
    })
}

fn object(members: &[Member]) -> Value {
    let required: Vec<&str> = members.iter().map(|member| member.name).collect();
    let properties: Map<String, Value> = members
        .iter()
        .map(|member| {
            let mut schema = schema(member.shape);
            schema["description"] = member.meaning.into();
            (member.name.to_owned(), schema)
        })
        .collect();
    json!({"type": "object", "required": required, "properties": properties})
}

fn schema(shape: Shape) -> Value {
    match shape {
        Shape::Integer => json!({"type": "integer", "format": "int64"}),
        Shape::OptionalInteger => json!({"type": ["integer", "null"], "format": "int64"}),
        Shape::Text => json!({"type": "string"}),
        Shape::Amount => json!({"type": "string", "pattern": "^-?[0-9]+\\.[0-9]{2,8}$"}),
        Shape::Texts => json!({"type": "array", "items": {"type": "string"}}),
        Shape::Integers => json!({"type": "array", "items": {"type": "integer", "format": "int64"}}),
        Shape::Object(members) => object(members),
        Shape::List(members) => json!({"type": "array", "items": object(members)}),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn every_kind_and_member_is_in_the_document_and_on_the_page() {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/WEBHOOKS.md");
        let page = std::fs::read_to_string(page).unwrap();
        let document = webhooks();
        for kind in EventKind::ALL {
            let data = &document[kind.name()]["post"]["requestBody"]["content"]["application/json"]["schema"]
                ["properties"]["data"];
            assert!(page.contains(&format!("`{}`", kind.name())), "{}", kind.name());
            assert_members(kind.members(), data, &page);
        }
        assert_eq!(document.as_object().unwrap().len(), EventKind::ALL.len());
    }

    fn assert_members(members: &[Member], object: &Value, page: &str) {
        assert_eq!(object["required"].as_array().unwrap().len(), members.len());
        for member in members {
            let schema = &object["properties"][member.name];
            assert_eq!(schema["description"], member.meaning, "{}", member.name);
            assert!(page.contains(&format!("`{}`", member.name)), "{} is not on the page", member.name);
            match member.shape {
                Shape::Object(members) => assert_members(members, schema, page),
                Shape::List(members) => assert_members(members, &schema["items"], page),
                _ => {}
            }
        }
    }
}
