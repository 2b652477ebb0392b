//! Reads the fields of a form as the values of a route.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use tollbook_ops::random;

use super::act::{Act, Field, Fixed, Kind};
use super::error::ActError;
use crate::console::error::PageError;
use crate::console::view::parse_date;
use crate::console::visit::{Visit, text_of, texts_of};
use crate::wire::Request;

/// The field with the key by which a form is done once.
pub(in crate::console) const KEY: &str = "form_key";
/// The fields with the file of a form that was shown before it is done.
const FILE_NAME: &str = "file_name";
const FILE_BYTES: &str = "file_bytes";
/// Characters of a form's key: 119 random bits.
const KEY_CHARACTERS: usize = 20;

/// The key of a new form.
pub(in crate::console) fn new_key() -> String {
    format!("console-{}", random::token(KEY_CHARACTERS))
}

/// The key of a form that was sent.
pub(super) fn key_of(form: &Request) -> Result<&str, PageError> {
    let key = text_of(form, KEY).filter(|key| key.len() <= 64 && key.bytes().all(|b| b.is_ascii_graphic()));
    key.ok_or_else(|| PageError::Invalid(format!("{KEY} is missing: open the form again")))
}

/// The name and the bytes of the file of a form.
pub(in crate::console) fn file_of(visit: &Visit<'_>) -> Option<(String, Vec<u8>)> {
    if let Some(upload) = visit.upload.filter(|upload| !upload.bytes.is_empty()) {
        return Some((upload.name.clone(), upload.bytes.clone()));
    }
    let bytes = BASE64_STANDARD.decode(text_of(visit.form, FILE_BYTES)?).ok()?;
    Some((text_of(visit.form, FILE_NAME)?.to_owned(), bytes))
}

/// The fields that keep a file in a page.
pub(in crate::console) fn file_fields(name: &str, bytes: &[u8]) -> [(&'static str, String); 2] {
    [(FILE_NAME, name.to_owned()), (FILE_BYTES, BASE64_STANDARD.encode(bytes))]
}

/// The values of a form. What is empty is not stated.
pub(super) fn values(visit: &Visit<'_>, act: &Act) -> Result<Vec<(String, Value)>, ActError> {
    let mut values = Vec::new();
    for field in act.fields {
        if let Some(value) = value(visit, field)? {
            values.push((field.name.to_owned(), value));
        } else if field.is_required && !matches!(field.kind, Kind::File) {
            return Err(ActError::field(field.name, "is missing"));
        }
    }
    let fixed = act.fixed.iter();
    values.extend(fixed.map(|(name, value)| ((*name).to_owned(), matches!(value, Fixed::Yes).into())));
    Ok(values)
}

fn value(visit: &Visit<'_>, field: &Field) -> Result<Option<Value>, ActError> {
    let form = visit.form;
    let refuse = |reason: &str| Err(ActError::field(field.name, reason));
    let text = text_of(form, field.name).map(str::trim).filter(|text| !text.is_empty());
    let words = || {
        let all = texts_of(form, field.name);
        all.flat_map(|text| text.split(|c: char| c.is_whitespace() || c == ','))
            .filter(|word| !word.is_empty())
    };
    let whole = |text: &str| text.parse::<i64>().ok().filter(|number| number.to_string() == text);
    Ok(match field.kind {
        Kind::File => None,
        Kind::SubjectText | Kind::Text | Kind::Amount | Kind::Choice(_) => text.map(Value::from),
        Kind::SubjectNumber | Kind::Number => match text {
            None => None,
            Some(text) => match whole(text) {
                Some(number) => Some(number.into()),
                None => return refuse("must be an integer"),
            },
        },
        Kind::Day => match text {
            None => None,
            Some(text) => match parse_date(text) {
                Some(day) => Some(visit.zone().day_start_s(day).into()),
                None => return refuse("must be a date such as 2026-11-30"),
            },
        },
        Kind::Flag => match text {
            None => None,
            Some("yes") => Some(true.into()),
            Some(_) => return refuse("must be yes"),
        },
        Kind::Many(_) | Kind::Words => {
            let words: Vec<Value> = words().map(Value::from).collect();
            (!words.is_empty()).then(|| words.into())
        }
        Kind::Numbers => {
            let numbers: Option<Vec<i64>> = words().map(whole).collect();
            match numbers {
                None => return refuse("must be integers"),
                Some(numbers) => (!numbers.is_empty()).then(|| numbers.into()),
            }
        }
        Kind::VoidedRecord => text.map(|id| {
            let mut record = json!({"id": id});
            if let Some(source) = text_of(form, "Source") {
                record["source"] = source.into();
            }
            json!([record])
        }),
        Kind::Records => match text.map(serde_json::from_str::<Value>) {
            None => None,
            Some(Ok(record @ Value::Object(_))) => Some(json!([record])),
            Some(Ok(records @ Value::Array(_))) => Some(records),
            Some(Ok(_)) => return refuse("must be an object or an array"),
            Some(Err(error)) => return refuse(&format!("is not JSON: {error}")),
        },
    })
}
