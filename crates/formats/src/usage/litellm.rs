//! Bodies of LiteLLM's `generic_api` callback (docs/GATEWAYS.md, "LiteLLM"): payloads as a JSON array, one a line, or a
//! single one, and the names in a payload by which its owner is looked up.

use serde_json::value::RawValue;

use super::event::BatchError;
use crate::text::json::{ElementsError, JsonValue, elements, members, syntax, value};

/// Kinds of names and the members of `metadata` that state them, the most specific first.
const NAMES: [(&str, &str); 7] = [
    ("key_hash", "user_api_key_hash"),
    ("key_alias", "user_api_key_alias"),
    ("end_user", "user_api_key_end_user_id"),
    ("user", "user_api_key_user_id"),
    ("project", "user_api_key_project_id"),
    ("team", "user_api_key_team_id"),
    ("organization", "user_api_key_org_id"),
];

/// The payloads of a body, as they are written.
///
/// # Errors
/// The body is not JSON, or has more than `most` payloads.
pub fn payloads(body: &str, most: usize) -> Result<Vec<&str>, BatchError> {
    if body.trim_start().starts_with('[') {
        return elements(body, most).map_err(|error| match error {
            ElementsError::NotJson(reason) => BatchError::NotJson(reason),
            ElementsError::NotArray => BatchError::NotArray,
            ElementsError::TooMany => BatchError::TooMany { max: most },
        });
    }
    let mut found = Vec::new();
    for payload in serde_json::Deserializer::from_str(body).into_iter::<&RawValue>() {
        let payload = payload.map_err(|error| BatchError::NotJson(syntax(&error)))?;
        if found.len() == most {
            return Err(BatchError::TooMany { max: most });
        }
        found.push(payload.get());
    }
    Ok(found)
}

/// The names in a payload, as kind and text, the most specific first. What is not JSON has none; a mapping refuses it.
pub fn names(payload: &str) -> Vec<(&'static str, String)> {
    let mut found: [Option<String>; NAMES.len()] = Default::default();
    let _ = members(payload, |name, raw| match name.as_ref() {
        "metadata" => members(raw, |name, raw| {
            if let Some(at) = NAMES.iter().position(|(_, member)| *member == name) {
                found[at] = text(raw);
            }
            Ok(())
        }),
        "end_user" => {
            let end_user = &mut found[2];
            *end_user = end_user.take().or_else(|| text(raw));
            Ok(())
        }
        _ => Ok(()),
    });
    let stated = NAMES.iter().zip(found).filter_map(|((kind, _), text)| Some((*kind, text?)));
    stated.filter(|(_, text)| !text.is_empty()).collect()
}

/// Identity of a payload in messages, if it can be read.
pub fn id(payload: &str) -> String {
    let mut found = None;
    let _ = members(payload, |name, raw| {
        if matches!(name.as_ref(), "id" | "request_id") && found.is_none() {
            found = text(raw);
        }
        Ok(())
    });
    found.unwrap_or_default()
}

fn text(raw: &str) -> Option<String> {
    match value(raw) {
        Ok(Some(JsonValue::Text(text))) => Some(text.into_owned()),
        Ok(Some(JsonValue::Number(token))) => Some(token.to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_are_read_in_every_form_that_litellm_writes() {
        let (a, b) = (r#"{"id":"a"}"#, r#"{"id":"b"}"#);
        let table = [
            (format!("[{a},{b}]"), vec![a, b]),
            (format!(" [ {a} , {b} ] "), vec![a, b]),
            (format!("{a}\n{b}\n"), vec![a, b]),
            (a.to_owned(), vec![a]),
            ("[]".to_owned(), vec![]),
            (String::new(), vec![]),
        ];
        for (body, expected) in table {
            assert_eq!(payloads(&body, 2), Ok(expected), "{body}");
        }
        for body in [format!("[{a},{b}]"), format!("{a}\n{b}")] {
            assert_eq!(payloads(&body, 1), Err(BatchError::TooMany { max: 1 }));
        }
        for body in ["{\"id\":", "[1", "nonsense", "{\"id\":\"a\"}\n{"] {
            assert!(matches!(payloads(body, 2), Err(BatchError::NotJson(_))), "{body}");
        }
    }

    #[test]
    fn names_are_in_order_of_their_kinds() {
        let payload = r#"{"id":"a","end_user":"eve","metadata":{"user_api_key_team_id":"blue","user_api_key_hash":"abc",
            "user_api_key_user_id":null,"user_api_key_alias":"","user_api_key_org_id":7}}"#;
        let names = names(payload);
        let names: Vec<(&str, &str)> = names.iter().map(|(kind, text)| (*kind, text.as_str())).collect();
        assert_eq!(
            names,
            [("key_hash", "abc"), ("end_user", "eve"), ("team", "blue"), ("organization", "7")]
        );
        assert_eq!(id(payload), "a");
        assert_eq!(super::names("nonsense"), []);
    }
}
