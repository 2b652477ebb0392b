//! Answers as JSON: the envelope that all actions share, and the published objects, written directly from their field
//! tables.

use serde::Serialize;
use tollbook_domain::money::push_decimal;
use tollbook_export::fields::{Cell, Field, FieldKind};

use crate::ret_code::{Refusal, SUCCESS_MESSAGE};

/// The name of the member with warnings.
pub(crate) const WARNINGS_NAME: &str = "Warnings";

/// A parameter that was ignored, and is like one that the action has.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Warning {
    pub(crate) parameter: String,
    pub(crate) nearest: String,
    pub(crate) message: String,
}

/// The members of a successful answer as JSON, in order.
#[derive(Debug, Default)]
pub(crate) struct Answer(Vec<(&'static str, String)>);

impl Answer {
    /// An answer without members of its own.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds a member.
    pub(crate) fn with(mut self, name: &'static str, value: &impl Serialize) -> Result<Self, Refusal> {
        let value = serde_json::to_string(value).map_err(|error| {
            tracing::error!(%error, name, "an answer cannot be written as JSON");
            Refusal::Internal
        })?;
        self.0.push((name, value));
        Ok(self)
    }

    /// Adds a member that is a list of objects.
    pub(crate) fn with_rows(mut self, name: &'static str, rows: Rows) -> Self {
        self.0.push((name, rows.finish()));
        self
    }
}

/// The body of an answer or of a refusal to the request with this id. Without the name of an action it has no member
/// `Action`, and without warnings no `Warnings`.
pub(crate) fn body(
    action: Option<&str>,
    request_uuid: &str,
    result: &Result<Answer, Refusal>,
    warnings: &[Warning],
) -> Vec<u8> {
    let mut json = String::from("{\"RetCode\":");
    push_integer(&mut json, result.as_ref().map_or_else(Refusal::code, |_| 0).into());
    if let Some(action) = action {
        json.push_str(",\"Action\":");
        push_text(&mut json, &format!("{action}Response"));
    }
    json.push_str(",\"Message\":");
    match result {
        Ok(_) => push_text(&mut json, SUCCESS_MESSAGE),
        Err(refusal) => push_text(&mut json, &refusal.message()),
    }
    json.push_str(",\"request_uuid\":");
    push_text(&mut json, request_uuid);
    match result {
        Ok(Answer(members)) => {
            json.reserve(members.iter().map(|(name, value)| name.len() + value.len() + 4).sum());
            for (name, value) in members {
                json.push(',');
                push_name(&mut json, name);
                json.push_str(value);
            }
        }
        Err(refusal) => {
            if let Some(reason) = refusal.reason() {
                json.push_str(",\"Reason\":");
                push_text(&mut json, reason);
            }
            if let Some(text) = refusal.string_to_sign() {
                json.push_str(",\"StringToSign\":");
                push_text(&mut json, text);
            }
        }
    }
    if !warnings.is_empty() {
        json.push(',');
        push_name(&mut json, WARNINGS_NAME);
        // Texts alone, which can always be written.
        json.push_str(&serde_json::to_string(warnings).unwrap_or_else(|_| "[]".to_owned()));
    }
    json.push('}');
    json.into_bytes()
}

/// A list of published objects, written directly from their field tables: a page has thousands of values, and writing
/// them is most of the time of a request.
pub(crate) struct Rows(String);

impl Rows {
    /// An empty list with capacity for `objects`.
    pub(crate) fn new(objects: usize) -> Self {
        let mut json = String::with_capacity(objects.saturating_mul(1_200).saturating_add(2));
        json.push('[');
        Self(json)
    }

    /// Adds an object.
    pub(crate) fn push<'a, F>(&mut self, fields: &[Field<F>], value: impl Fn(&Field<F>) -> Cell<'a>) {
        let json = &mut self.0;
        json.push_str(if json.len() > 1 { ",{" } else { "{" });
        for (index, field) in fields.iter().enumerate() {
            if index > 0 {
                json.push(',');
            }
            push_name(json, field.name);
            push_cell(json, field.kind, &value(field));
        }
        json.push('}');
    }

    fn finish(mut self) -> String {
        self.0.push(']');
        self.0
    }
}

/// Names of members are letters and digits, which need no escape.
fn push_name(json: &mut String, name: &str) {
    json.push('"');
    json.push_str(name);
    json.push_str("\":");
}

fn push_cell(json: &mut String, kind: FieldKind, cell: &Cell<'_>) {
    match cell {
        Cell::Text(text) => push_text(json, text),
        Cell::OwnedText(text) => push_text(json, text),
        Cell::Integer(number) => push_integer(json, *number),
        Cell::Decimal { mantissa, places } => {
            json.push('"');
            push_decimal(json, *mantissa, *places, 2);
            json.push('"');
        }
        Cell::Time(time_s) if kind == FieldKind::TextTime => {
            json.push('"');
            if let Some(time_s) = time_s {
                push_integer(json, (*time_s).into());
            }
            json.push('"');
        }
        Cell::Time(time_s) => push_integer(json, time_s.unwrap_or(0).into()),
    }
}

fn push_integer(json: &mut String, number: i128) {
    json.push_str(itoa::Buffer::new().format(number));
}

fn push_text(json: &mut String, text: &str) {
    if text.bytes().all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\') {
        json.push('"');
        json.push_str(text);
        json.push('"');
    } else {
        // Rare. Serializing a text cannot fail.
        json.push_str(&serde_json::to_string(text).unwrap_or_else(|_| "\"\"".to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn envelopes_are_as_published() {
        let text = |action, result: Result<Answer, Refusal>| {
            String::from_utf8(body(action, "id", &result, &[])).unwrap()
        };
        let answer = Answer::new().with("Total", &3).unwrap();
        assert_eq!(
            text(Some("X"), Ok(answer)),
            r#"{"RetCode":0,"Action":"XResponse","Message":"success","request_uuid":"id","Total":3}"#
        );
        assert_eq!(
            text(Some("X"), Err(Refusal::WrongSignature)),
            r#"{"RetCode":171,"Action":"XResponse","Message":"Signature VerifyAC Error","request_uuid":"id"}"#
        );
        assert_eq!(
            text(None, Err(Refusal::MissingAction)),
            r#"{"RetCode":160,"Message":"Missing Action","request_uuid":"id"}"#
        );
    }

    #[test]
    fn cells_have_the_published_types() {
        let json = |kind, cell| {
            let mut json = String::new();
            push_cell(&mut json, kind, &cell);
            json
        };
        assert_eq!(
            json(FieldKind::Decimal { places: 8 }, Cell::Decimal { mantissa: 420_000_000, places: 8 }),
            r#""4.20""#
        );
        assert_eq!(json(FieldKind::Integer, Cell::Integer(i128::from(i64::MAX) * 4)), "36893488147419103228");
        assert_eq!(json(FieldKind::Time, Cell::Time(None)), "0");
        assert_eq!(json(FieldKind::TextTime, Cell::Time(None)), r#""""#);
        assert_eq!(json(FieldKind::TextTime, Cell::Time(Some(5))), r#""5""#);
        assert_eq!(json(FieldKind::Time, Cell::Time(Some(5))), "5");
    }

    #[test]
    fn any_text_survives_as_json() {
        for text in
            ["", "plain", "quote \" and \\", "line\nbreak", "\u{0}\u{1f}", "订单 🧾", "\u{2028}</script>"]
        {
            let mut json = String::new();
            push_text(&mut json, text);
            assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }
    }
}
