//! A JSON object to the values of a record. Numbers stay the tokens that the file has.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer as _, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::field::FieldName;
use super::record::Record;
use crate::text::json::{syntax, value};

/// The values of an object; the error is the reason why it is malformed.
pub(super) fn record(line: &str) -> Result<Record<'_>, String> {
    let mut record = Record::default();
    let mut refused = None;
    let mut deserializer = serde_json::Deserializer::from_str(line);
    let seed = Object { record: &mut record, refused: &mut refused };
    let parsed = deserializer.deserialize_map(seed).and_then(|()| deserializer.end());
    match (refused, parsed) {
        (Some(reason), _) => Err(reason),
        (None, Err(error)) => Err(syntax(&error)),
        (None, Ok(())) => Ok(record),
    }
}

/// Fills a record from an object. Keeps the reason of a refusal apart: the parser would add a position to it.
struct Object<'r, 'de> {
    record: &'r mut Record<'de>,
    refused: &'r mut Option<String>,
}

impl<'de> Visitor<'de> for Object<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = 0;
        while let Some(name) = map.next_key_seed(NameSeed { refused: self.refused })? {
            if seen & name.bit() != 0 {
                *self.refused = Some(format!("{}: occurs twice", name.text()));
                return Err(A::Error::custom("refused"));
            }
            seen |= name.bit();
            match name {
                FieldName::Ignored(_) => {
                    map.next_value::<IgnoredAny>()?;
                }
                FieldName::Stored(field) => {
                    let raw: &'de RawValue = map.next_value()?;
                    match value(raw.get()) {
                        Ok(Some(value)) => self.record.set(field, value),
                        Ok(None) => {}
                        Err(reason) => {
                            *self.refused = Some(format!("{}: {reason}", field.name()));
                            return Err(A::Error::custom("refused"));
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

/// Reads a key as a name.
struct NameSeed<'r> {
    refused: &'r mut Option<String>,
}

impl<'de> DeserializeSeed<'de> for NameSeed<'_> {
    type Value = FieldName;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<FieldName, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for NameSeed<'_> {
    type Value = FieldName;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field name")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<FieldName, E> {
        FieldName::find(name).map_err(|reason| {
            *self.refused = Some(reason);
            E::custom("refused")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_not_an_object_is_refused_with_the_column() {
        // line | reason
        let table = r#"
            [1]                       | must be a JSON object
            7                         | must be a JSON object
            {"Region":"a"             | not a JSON object: EOF while parsing an object (column 13)
            {"Region":"a",}           | not a JSON object: trailing comma (column 15)
            {"Region":"a"} x          | not a JSON object: trailing characters (column 16)
            {"Region":"a}             | not a JSON object: EOF while parsing a string (column 13)
            {"Quantity":01}           | not a JSON object: invalid number (column 14)
            {"Quantity":NaN}          | not a JSON object: expected value (column 13)
            {"Region":"\ud800"}       | Region: has an escape that is no character
            {"Region":"a","Region":1} | Region: occurs twice
            {"Re\u0067ion":1,"Region":null} | Region: occurs twice
            {"StatusDisplay":1,"StatusDisplay":1} | StatusDisplay: occurs twice
            {"resourceid":"a"}        | resourceid: is not a field of an order; ResourceID is
            {"Total":"a"}             | Total: is not a field of an order"#;
        let mut cases = 0;
        for row in table.lines().filter(|row| row.contains('|')) {
            let (line, reason) = row.split_once('|').unwrap();
            assert_eq!(record(line.trim()).unwrap_err(), reason.trim(), "{row}");
            cases += 1;
        }
        assert_eq!(cases, 14);
    }

    #[test]
    fn a_deep_value_of_an_ignored_name_does_not_exhaust_the_stack() {
        let deep = format!(r#"{{"StatusDisplay":{}{}}}"#, "[".repeat(300_000), "]".repeat(300_000));
        assert!(record(&deep).is_ok());
        let deep = deep.replace("StatusDisplay", "Region");
        assert!(record(&deep).is_ok());
    }
}
