//! The parameters of a request, checked by the table of its route: what is not in the table is refused by name.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use tollbook_domain::Amount;

use super::failed::Failed;
use super::parameter::{Parameter, Place, Shape};

/// Longest text of a parameter, in bytes.
const MAX_TEXT_BYTES: usize = 256;
/// Most elements of a list.
pub(super) const MAX_LIST: usize = 1_000;

/// The values of a request by the names of their parameters.
#[derive(Clone, Debug, Default)]
pub(super) struct Values(BTreeMap<&'static str, Value>);

/// A JSON object with the names as they were sent, also those that are repeated.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Members;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

impl Values {
    /// Reads the values of path, query and body. `body` is `None` if the route has no members in its body.
    pub(super) fn read(
        parameters: &'static [Parameter],
        path: &[(String, String)],
        query: Option<&str>,
        body: Option<&[u8]>,
    ) -> Result<Self, Failed> {
        let mut values = Self::default();
        for (name, text) in path {
            values.add_text(parameters, Place::Path, name, text)?;
        }
        let pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        for (name, text) in pairs {
            values.add_text(parameters, Place::Query, &name, &text)?;
        }
        if let Some(body) = body {
            let Members(members) = serde_json::from_slice(body)
                .map_err(|error| Failed::malformed(format!("the body is no JSON object: {error}")))?;
            for (name, value) in members {
                let parameter = find(parameters, Place::Body, &name)?;
                let checked = checked(parameter, value)?;
                values.insert(parameter, checked)?;
            }
        }
        values.complete(parameters)
    }

    /// Checks values by the names of their parameters, wherever the route has them.
    pub(super) fn of_pairs(
        parameters: &'static [Parameter],
        pairs: Vec<(String, Value)>,
    ) -> Result<Self, Failed> {
        let mut values = Self::default();
        for (name, value) in pairs {
            let parameter = parameters.iter().find(|known| known.name == name);
            let parameter = parameter
                .ok_or_else(|| Failed::unknown_parameter(&name, "is no parameter of this request"))?;
            values.insert(parameter, checked(parameter, value)?)?;
        }
        values.complete(parameters)
    }

    /// The values, if none that is required is missing.
    fn complete(self, parameters: &'static [Parameter]) -> Result<Self, Failed> {
        let missing = |parameter: &&Parameter| parameter.is_required && !self.0.contains_key(parameter.name);
        match parameters.iter().find(missing) {
            Some(parameter) => Err(Failed::parameter(parameter.name, "is missing")),
            None => Ok(self),
        }
    }

    fn add_text(
        &mut self,
        parameters: &'static [Parameter],
        place: Place,
        name: &str,
        text: &str,
    ) -> Result<(), Failed> {
        let parameter = find(parameters, place, name)?;
        let value = match parameter.shape {
            Shape::Integer(..) => text
                .parse::<i64>()
                .ok()
                // Each value has one text.
                .filter(|number| number.to_string() == text)
                .map(Value::from)
                .ok_or_else(|| Failed::parameter(parameter.name, "must be an integer"))?,
            Shape::Flag => match text {
                "true" => Value::Bool(true),
                "false" => Value::Bool(false),
                _ => return Err(Failed::parameter(parameter.name, "must be true or false")),
            },
            _ => Value::from(text),
        };
        let checked = checked(parameter, value)?;
        self.insert(parameter, checked)
    }

    fn insert(&mut self, parameter: &'static Parameter, value: Value) -> Result<(), Failed> {
        match self.0.insert(parameter.name, value) {
            Some(_) => Err(Failed::parameter(parameter.name, "is given more than once")),
            None => Ok(()),
        }
    }

    /// The values as one text, by which a repeated request is recognized.
    pub(super) fn canonical(&self) -> String {
        serde_json::to_string(&self.0).unwrap_or_default()
    }

    /// Whether a value was stated, also if it is null.
    pub(super) fn is_stated(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    /// A text; empty if it was not stated.
    pub(super) fn text_or_empty(&self, name: &str) -> &str {
        self.text(name).unwrap_or_default()
    }

    pub(super) fn integer(&self, name: &str) -> Option<i64> {
        self.get(name)?.as_i64()
    }

    /// A number that is checked to be there.
    pub(super) fn number(&self, name: &str) -> i64 {
        self.integer(name).unwrap_or_default()
    }

    /// A number of rows.
    pub(super) fn limit(&self, name: &str, otherwise: usize) -> usize {
        self.integer(name).and_then(|limit| usize::try_from(limit).ok()).unwrap_or(otherwise)
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        self.get(name).and_then(Value::as_bool).unwrap_or(false)
    }

    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        let texts = self.list(name).iter().filter_map(Value::as_str);
        texts.map(ToOwned::to_owned).collect()
    }

    pub(super) fn integers(&self, name: &str) -> Vec<i64> {
        self.list(name).iter().filter_map(Value::as_i64).collect()
    }

    /// The elements of a list; none if it was not stated.
    pub(super) fn list(&self, name: &str) -> &[Value] {
        self.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
    }

    pub(super) fn amount(&self, name: &'static str) -> Result<Option<Amount>, Failed> {
        let parse = |text| Amount::parse(text).map_err(|error| Failed::parameter(name, error.to_string()));
        self.text(name).map(parse).transpose()
    }

    /// An amount with a sign, in 10⁻⁸ currency units.
    pub(super) fn change(&self, name: &'static str) -> Result<i64, Failed> {
        let text = self.text_or_empty(name);
        let amount = Amount::parse(text.strip_prefix('-').unwrap_or(text));
        let steps = amount.map_err(|error| Failed::parameter(name, error.to_string()))?.steps();
        Ok(if text.starts_with('-') { -steps } else { steps })
    }
}

fn find(parameters: &'static [Parameter], place: Place, name: &str) -> Result<&'static Parameter, Failed> {
    parameters.iter().find(|known| known.place == place && known.name == name).ok_or_else(|| {
        let at = match place {
            Place::Path => "in the path",
            Place::Query => "in the query",
            Place::Body => "in the body",
        };
        Failed::unknown_parameter(name, format!("is no parameter of this request {at}"))
    })
}

/// The value, if it has the shape of its parameter.
fn checked(parameter: &'static Parameter, value: Value) -> Result<Value, Failed> {
    let refuse = |reason: String| Err(Failed::parameter(parameter.name, reason));
    if value.is_null() {
        return if parameter.may_be_null { Ok(value) } else { refuse("must not be null".to_owned()) };
    }
    let fault = match (parameter.shape, &value) {
        (Shape::Integer(from, to), Value::Number(number)) => match number.as_i64() {
            Some(number) if (from..=to).contains(&number) => None,
            _ if to == i64::MAX => Some(format!("must be an integer of at least {from}")),
            _ => Some(format!("must be an integer from {from} to {to}")),
        },
        (Shape::Text, Value::String(text)) => fault_of_text(text),
        (Shape::Amount | Shape::Change, Value::String(text)) => {
            let digits = text.strip_prefix('-').filter(|_| parameter.shape == Shape::Change).unwrap_or(text);
            Amount::parse(digits).err().map(|error| error.to_string())
        }
        (Shape::Flag, Value::Bool(_)) => None,
        (Shape::Choice(names), Value::String(text)) if names.contains(&text.as_str()) => None,
        (Shape::Choice(names), _) => Some(format!("must be one of {}", names.join(", "))),
        (Shape::Texts | Shape::Integers | Shape::Objects, Value::Array(all)) if all.len() > MAX_LIST => {
            Some(format!("must have at most {MAX_LIST} elements"))
        }
        (Shape::Texts, Value::Array(all)) => {
            let faults = all.iter().map(|one| match one {
                Value::String(text) => fault_of_text(text),
                _ => Some("must be an array of texts".to_owned()),
            });
            faults.flatten().next()
        }
        (Shape::Integers, Value::Array(all)) => {
            (!all.iter().all(|one| one.as_i64().is_some())).then(|| "must be an array of integers".to_owned())
        }
        (Shape::Objects, Value::Array(all)) => {
            (!all.iter().all(Value::is_object)).then(|| "must be an array of objects".to_owned())
        }
        (Shape::Integer(..), _) => Some("must be an integer".to_owned()),
        (Shape::Text, _) => Some("must be a text".to_owned()),
        (Shape::Amount | Shape::Change, _) => {
            Some("must be a decimal number as text, such as \"12.50\"".to_owned())
        }
        (Shape::Flag, _) => Some("must be true or false".to_owned()),
        (Shape::Texts, _) => Some("must be an array of texts".to_owned()),
        (Shape::Integers, _) => Some("must be an array of integers".to_owned()),
        (Shape::Objects, _) => Some("must be an array of objects".to_owned()),
    };
    match fault {
        Some(fault) => refuse(fault),
        None => Ok(value),
    }
}

fn fault_of_text(text: &str) -> Option<String> {
    if text.len() > MAX_TEXT_BYTES {
        Some(format!("must have at most {MAX_TEXT_BYTES} bytes"))
    } else if text.contains('\0') {
        Some("must not contain NUL".to_owned())
    } else {
        None
    }
}
