//! JSON in bounded memory: the members of an object and the elements of an array as they are written. A number stays a
//! token, so no number becomes a float.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer as _, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// A value as the file spells it. It is converted only once its field is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum JsonValue<'a> {
    /// A JSON string without its quotes, or a CSV cell.
    Text(Cow<'a, str>),
    /// A JSON number, as written.
    Number(&'a str),
    /// A JSON object, array or boolean, which no field accepts.
    Other,
}

/// A value from its text, which the parser accepted; `None` for null.
pub(crate) fn value(raw: &str) -> Result<Option<JsonValue<'_>>, String> {
    Ok(Some(match raw.as_bytes() {
        [b'"', inner @ .., b'"'] if !inner.contains(&b'\\') => {
            JsonValue::Text(Cow::Borrowed(&raw[1..raw.len() - 1]))
        }
        [b'"', ..] => {
            // When the parser skips an escape, it does not check that the escape stands for a character.
            let text = serde_json::from_str(raw).map_err(|_| "has an escape that is no character")?;
            JsonValue::Text(Cow::Owned(text))
        }
        [b'n', ..] => return Ok(None),
        [b'-' | b'0'..=b'9', ..] => JsonValue::Number(raw),
        _ => JsonValue::Other,
    }))
}

/// The parser's message without its line number, which is 1 for every line.
pub(crate) fn syntax(error: &serde_json::Error) -> String {
    if error.is_data() {
        // The parser would show the value, however long it is.
        return "must be a JSON object".to_owned();
    }
    let column = error.column();
    let text = error.to_string();
    let place = format!(" at line {} column {column}", error.line());
    let text = text.strip_suffix(&place).unwrap_or(&text);
    format!("not a JSON object: {text} (column {column})")
}

/// Calls `each` with the name of each member of an object and the text of its value, which is valid JSON, in order and
/// as often as a name is repeated. Deep nesting costs no stack. The error is the reason from `each`, or the reason why
/// the text is not an object.
pub(crate) fn members<'de>(
    text: &'de str,
    each: impl FnMut(Cow<'de, str>, &'de str) -> Result<(), String>,
) -> Result<(), String> {
    let mut walk = Members { each, refused: None };
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let parsed = deserializer.deserialize_map(&mut walk).and_then(|()| deserializer.end());
    match (walk.refused, parsed) {
        (Some(reason), _) => Err(reason),
        (None, Err(error)) => Err(syntax(&error)),
        (None, Ok(())) => Ok(()),
    }
}

/// Keeps the reason from `each` apart: the parser would add a position to it.
struct Members<F> {
    each: F,
    refused: Option<String>,
}

impl<'de, F: FnMut(Cow<'de, str>, &'de str) -> Result<(), String>> Visitor<'de> for &mut Members<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key_seed(Key)? {
            let raw: &'de RawValue = map.next_value()?;
            if let Err(reason) = (self.each)(name, raw.get()) {
                self.refused = Some(reason);
                return Err(A::Error::custom("refused"));
            }
        }
        Ok(())
    }
}

struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Cow<'de, str>;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E: serde::de::Error>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}

/// The texts of the elements of an array of at most `most` elements.
pub(crate) fn elements(text: &str, most: usize) -> Result<Vec<&str>, ElementsError> {
    let mut walk = Elements { found: Vec::new(), most, over: false };
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let parsed = deserializer.deserialize_seq(&mut walk).and_then(|()| deserializer.end());
    match parsed {
        Ok(()) => Ok(walk.found),
        Err(_) if walk.over => Err(ElementsError::TooMany),
        Err(error) if error.is_data() => Err(ElementsError::NotArray),
        Err(error) => Err(ElementsError::NotJson(syntax(&error).replace("a JSON object", "JSON"))),
    }
}

/// Why a text is not an array of bounded length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ElementsError {
    /// The text is not JSON; the reason.
    NotJson(String),
    /// The text is another JSON value.
    NotArray,
    /// The array has more elements than allowed; the rest was not read.
    TooMany,
}

struct Elements<'de> {
    found: Vec<&'de str>,
    most: usize,
    over: bool,
}

impl<'de> Visitor<'de> for &mut Elements<'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<(), A::Error> {
        while let Some(element) = array.next_element::<&'de RawValue>()? {
            if self.found.len() == self.most {
                self.over = true;
                return Err(A::Error::custom("too many"));
            }
            self.found.push(element.get());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_spelling() {
        let parsed = |text| value(text).unwrap();
        assert_eq!(parsed("1.50"), Some(JsonValue::Number("1.50")));
        assert_eq!(parsed("-1e400"), Some(JsonValue::Number("-1e400")));
        assert_eq!(parsed("null"), None);
        assert_eq!(parsed("true"), Some(JsonValue::Other));
        assert_eq!(parsed("{}"), Some(JsonValue::Other));
        assert_eq!(parsed(r#""""#), Some(JsonValue::Text("".into())));
        assert_eq!(parsed(r#""a\"\u00e9\ud83d\ude00""#), Some(JsonValue::Text("a\"é😀".into())));
    }

    #[test]
    fn members_keep_their_spelling_and_order() {
        let mut seen = Vec::new();
        let text = r#" {"a": 1.0, "\u0061":{"b":[1]} ,"a":null} "#;
        members(text, |name, raw| {
            seen.push(format!("{name}={raw}"));
            Ok(())
        })
        .unwrap();
        assert_eq!(seen, ["a=1.0", r#"a={"b":[1]}"#, "a=null"]);
        let refused = members(text, |name, _| Err(format!("{name}: no"))).unwrap_err();
        assert_eq!(refused, "a: no");
        assert_eq!(members("[1]", |_, _| Ok(())).unwrap_err(), "must be a JSON object");
    }

    #[test]
    fn elements_are_bounded() {
        assert_eq!(elements(r#"[1, {"a":2}]"#, 2), Ok(vec!["1", r#"{"a":2}"#]));
        assert_eq!(elements("[1,2,3", 2), Err(ElementsError::TooMany));
        assert_eq!(elements("{}", 2), Err(ElementsError::NotArray));
        assert!(matches!(elements("[1", 2), Err(ElementsError::NotJson(_))));
        let deep = format!("[{}{}]", "[".repeat(300_000), "]".repeat(300_000));
        assert_eq!(elements(&deep, 1).map(|found| found.len()), Ok(1));
    }
}
