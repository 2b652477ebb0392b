//! Answers as JSON: the envelope every action shares, and the published objects written straight from their field
//! tables.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::value::RawValue;
use tollbook_domain::money::format_decimal;
use tollbook_ops::fields::{Cell, Field, Kind};

use crate::ret_code::{Refusal, SUCCESS};

/// The members of a successful answer, in the order they are written.
#[derive(Debug, Default)]
pub(crate) struct Answer(Vec<(&'static str, Box<RawValue>)>);

impl Answer {
    /// An answer without members of its own.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds a member.
    pub(crate) fn with(mut self, name: &'static str, value: &impl Serialize) -> Result<Self, Refusal> {
        let value = serde_json::value::to_raw_value(value).map_err(|error| {
            tracing::error!(%error, name, "an answer cannot be written as JSON");
            Refusal::Internal
        })?;
        self.0.push((name, value));
        Ok(self)
    }
}

/// The body of an answer, good or bad. Without an action name there is no `Action` member.
pub(crate) fn body(action: Option<&str>, result: &Result<Answer, Refusal>) -> Vec<u8> {
    let envelope = Envelope { action, result };
    // Raw values and strings always serialize; should they not, the caller still gets a decodable answer.
    serde_json::to_vec(&envelope)
        .unwrap_or_else(|_| br#"{"RetCode":5000,"Message":"Internal error"}"#.to_vec())
}

struct Envelope<'a> {
    action: Option<&'a str>,
    result: &'a Result<Answer, Refusal>,
}

impl Serialize for Envelope<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self.result {
            Ok(_) => map.serialize_entry("RetCode", &SUCCESS)?,
            Err(refusal) => map.serialize_entry("RetCode", &refusal.code())?,
        }
        if let Some(action) = self.action {
            map.serialize_entry("Action", &format_args!("{action}Response"))?;
        }
        match self.result {
            Ok(Answer(members)) => {
                for (name, value) in members {
                    map.serialize_entry(name, value)?;
                }
            }
            Err(refusal) => map.serialize_entry("Message", &refusal.message())?,
        }
        map.end()
    }
}

/// A row written with the fields of its table.
pub(crate) struct Object<'f, F: 'static, R> {
    pub(crate) fields: &'f [Field<F>],
    pub(crate) row: R,
    pub(crate) value: for<'a> fn(&Field<F>, &'a R) -> Cell<'a>,
}

impl<F, R> Serialize for Object<'_, F, R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.fields.len()))?;
        for field in self.fields {
            map.serialize_entry(
                field.name,
                &Json { kind: field.kind, cell: (self.value)(field, &self.row) },
            )?;
        }
        map.end()
    }
}

struct Json<'a> {
    kind: Kind,
    cell: Cell<'a>,
}

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.cell {
            Cell::Text(text) => serializer.serialize_str(text),
            Cell::Made(text) => serializer.serialize_str(text),
            Cell::Integer(number) => serializer.serialize_i128(*number),
            Cell::Decimal { mantissa, places } => {
                serializer.serialize_str(&format_decimal(*mantissa, *places, 2))
            }
            Cell::Time(time_s) if self.kind == Kind::TextTime => match time_s {
                Some(time_s) => serializer.collect_str(time_s),
                None => serializer.serialize_str(""),
            },
            Cell::Time(time_s) => serializer.serialize_i64(time_s.unwrap_or(0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn envelopes_are_as_published() {
        let text =
            |action, result: Result<Answer, Refusal>| String::from_utf8(body(action, &result)).unwrap();
        let answer = Answer::new().with("Total", &3).unwrap();
        assert_eq!(text(Some("X"), Ok(answer)), r#"{"RetCode":0,"Action":"XResponse","Total":3}"#);
        assert_eq!(
            text(Some("X"), Err(Refusal::WrongSignature)),
            r#"{"RetCode":171,"Action":"XResponse","Message":"Signature VerifyAC Error"}"#
        );
        assert_eq!(text(None, Err(Refusal::MissingAction)), r#"{"RetCode":160,"Message":"Missing Action"}"#);
    }

    #[test]
    fn cells_have_the_published_types() {
        let json = |kind, cell| serde_json::to_string(&Json { kind, cell }).unwrap();
        assert_eq!(json(Kind::Decimal, Cell::Decimal { mantissa: 420_000_000, places: 8 }), r#""4.20""#);
        assert_eq!(json(Kind::Integer, Cell::Integer(i128::from(i64::MAX) * 4)), "36893488147419103228");
        assert_eq!(json(Kind::Time, Cell::Time(None)), "0");
        assert_eq!(json(Kind::TextTime, Cell::Time(None)), r#""""#);
        assert_eq!(json(Kind::TextTime, Cell::Time(Some(5))), r#""5""#);
        assert_eq!(json(Kind::Time, Cell::Time(Some(5))), "5");
    }
}
