//! Typed access to the parameters of a request: scalars, integers and every published shape of a list (docs/WIRE.md,
//! "Scalars" and "Lists"). The allowed values of single parameters are checked by the actions.

use std::collections::HashSet;
use std::hash::Hash;

use crate::ret_code::Refusal;
use crate::wire::{self, ParameterValue, Request};

/// Most distinct values of one list.
pub const MAX_LIST_VALUES: usize = 100;

/// Longest value of a parameter that an action reads, in bytes of UTF-8.
pub const MAX_VALUE_BYTES: usize = 256;

const NOT_TEXT: &str = "must be a string";
const NOT_TEXTS: &str = "must be strings";
const NOT_FLAG: &str = "must be true or false";
const NOT_INTEGER: &str = "must be a 64-bit integer";
const NOT_INTEGERS: &str = "must be 64-bit integers";

/// The parameters of a request by name. Parameters that no action reads are ignored.
#[derive(Debug, Clone)]
pub struct Parameters<'r> {
    request: &'r Request,
}

impl<'r> Parameters<'r> {
    /// A view of `request`.
    pub const fn new(request: &'r Request) -> Self {
        Self { request }
    }

    /// Refuses a NUL in any value, also of parameters that no action reads: neither PostgreSQL nor a workbook can
    /// store one, and C libraries end the text there.
    ///
    /// # Errors
    ///
    /// 230 naming the first such parameter, a list by its name without the index.
    pub fn check_nul(&self) -> Result<(), Refusal> {
        match self.request.entries.iter().find(|entry| has_nul(&entry.value)) {
            Some(entry) => Err(Refusal::not_available(list_name(&entry.key), "must not contain NUL")),
            None => Ok(()),
        }
    }

    /// A scalar of the envelope, `Action`, `PublicKey` or `Signature`, of any length: the check that looks it up does
    /// not find a long one, and refuses it with its own code. Absent, empty and null are `None`.
    ///
    /// # Errors
    ///
    /// 230 if it is given with different values, or as an array, an object or a boolean.
    pub fn envelope(&self, name: &str) -> Result<Option<&'r str>, Refusal> {
        self.scalar(name, NOT_TEXT)
    }

    /// A scalar text. A JSON number is the text of its characters. Absent, empty and null are `None`.
    ///
    /// # Errors
    ///
    /// 230 if it is given with different values, or as an array, an object or a boolean; 240 beyond [`MAX_VALUE_BYTES`].
    pub fn text(&self, name: &str) -> Result<Option<String>, Refusal> {
        let value = self.scalar(name, NOT_TEXT)?;
        value.map(|text| bounded(name, text).map(str::to_owned)).transpose()
    }

    /// A scalar integer: decimal digits with an optional sign, within i64. Absent, empty and null are `None`.
    ///
    /// # Errors
    ///
    /// 230 for anything else and if it is given with different values; 240 beyond [`MAX_VALUE_BYTES`].
    pub fn integer(&self, name: &str) -> Result<Option<i64>, Refusal> {
        let value = self.scalar(name, NOT_INTEGER)?;
        value.map(|text| parse_integer(name, bounded(name, text)?, NOT_INTEGER)).transpose()
    }

    /// A scalar that is true or false: a JSON boolean, or one of the texts `true` and `false` in any case, `1` and `0`.
    /// Absent, empty and null are `None`.
    ///
    /// # Errors
    ///
    /// 230 for anything else and if it is given with different values; 240 beyond [`MAX_VALUE_BYTES`].
    pub fn flag(&self, name: &str) -> Result<Option<bool>, Refusal> {
        let flags: Option<Vec<bool>> = self
            .values(name)
            .map(|value| if let ParameterValue::Bool(flag) = value { Some(*flag) } else { None })
            .collect();
        match flags.as_deref() {
            Some([flag, rest @ ..]) if rest.iter().all(|repeated| repeated == flag) => {
                return Ok(Some(*flag));
            }
            _ => {}
        }
        let Some(text) = self.scalar(name, NOT_FLAG)? else { return Ok(None) };
        match bounded(name, text)?.to_ascii_lowercase().as_str() {
            "true" | "1" => Ok(Some(true)),
            "false" | "0" => Ok(Some(false)),
            _ => Err(Refusal::not_available(name, NOT_FLAG)),
        }
    }

    /// The parameters as JSON that [`decode`](crate::wire::decode) reads back, without those that identify the caller.
    pub fn to_json(&self) -> String {
        let kept = |key: &str| !matches!(key, "PublicKey" | "Signature" | "SecurityToken");
        wire::encode_json(self.request.entries.iter().filter(|entry| kept(&entry.key)))
    }

    /// Refuses a request in which any of these scalars is missing, naming all that are, in the order given. Empty and
    /// null values count as missing.
    ///
    /// # Errors
    ///
    /// 220 with the missing names.
    pub fn required(&self, names: &[&'static str]) -> Result<(), Refusal> {
        let missing: Vec<_> = names.iter().copied().filter(|name| !self.is_given(name)).collect();
        if missing.is_empty() { Ok(()) } else { Err(Refusal::MissingParams(missing)) }
    }

    /// A list of texts, in any of its shapes: ordered by index, then by arrival; repeated values once, at their first
    /// place; without empty and null elements. A name without index, or with a literal `N` as index, has index 0.
    ///
    /// # Errors
    ///
    /// 230 for a boolean, an object or an array inside the list; 240 beyond [`MAX_LIST_VALUES`] distinct values or
    /// [`MAX_VALUE_BYTES`] in one.
    pub fn texts(&self, name: &str) -> Result<Vec<String>, Refusal> {
        let elements = self.elements(name, NOT_TEXTS)?;
        let distinct = distinct(name, elements.into_iter().map(|text| bounded(name, text)))?;
        Ok(distinct.into_iter().map(str::to_owned).collect())
    }

    /// A list of integers: the shapes and the order of [`Self::texts`], the values of [`Self::integer`]. Two
    /// spellings of a number are one value.
    ///
    /// # Errors
    ///
    /// Those of [`Self::texts`], and 230 for a value that is not an integer.
    pub fn integers(&self, name: &str) -> Result<Vec<i64>, Refusal> {
        let elements = self.elements(name, NOT_INTEGERS)?;
        distinct(
            name,
            elements.into_iter().map(|text| parse_integer(name, bounded(name, text)?, NOT_INTEGERS)),
        )
    }

    fn is_given(&self, name: &str) -> bool {
        self.values(name).any(|value| !is_blank(value))
    }

    fn values(&self, name: &str) -> impl Iterator<Item = &'r ParameterValue> {
        self.request.entries.iter().filter(move |entry| entry.key == name).map(|entry| &entry.value)
    }

    fn scalar(&self, name: &str, otherwise: &str) -> Result<Option<&'r str>, Refusal> {
        let mut values = self.values(name);
        let Some(value) = values.next() else { return Ok(None) };
        let text = scalar_text(name, value, otherwise)?;
        for repeated in values {
            if scalar_text(name, repeated, otherwise)? != text {
                return Err(Refusal::not_available(name, "given more than once, with different values"));
            }
        }
        Ok(text)
    }

    /// The elements of a list that are not blank, in order.
    fn elements(&self, name: &str, otherwise: &str) -> Result<Vec<&'r str>, Refusal> {
        let mut indexed = Vec::new();
        for entry in &self.request.entries {
            let Some((base, index)) = split_index(&entry.key) else { continue };
            if base != name {
                continue;
            }
            match &entry.value {
                // An array is the whole list. With an index it would be a list inside a list.
                ParameterValue::Array(elements) if entry.key == name => {
                    indexed.extend(elements.iter().map(|element| (index, element)));
                }
                value => indexed.push((index, value)),
            }
        }
        indexed.sort_by_key(|(index, _)| *index);
        let texts = indexed.into_iter().map(|(_, value)| scalar_text(name, value, otherwise));
        texts.filter_map(Result::transpose).collect()
    }
}

/// The place of an element in its list: number of digits, digits. Without leading zeros a longer run of digits is a
/// larger number, so no index is too large to compare.
pub(crate) type Index<'k> = (usize, &'k str);

const FIRST: Index<'static> = (0, "");

/// Splits `X`, `X.N` and `X.12` into name and index. `None` if the part after the last point is no index: such a key is
/// another parameter.
pub(crate) fn split_index(key: &str) -> Option<(&str, Index<'_>)> {
    let Some((name, suffix)) = key.rsplit_once('.') else { return Some((key, FIRST)) };
    if suffix == "N" {
        return Some((name, FIRST));
    }
    if suffix.is_empty() || !suffix.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits = suffix.trim_start_matches('0');
    Some((name, (digits.len(), digits)))
}

fn list_name(key: &str) -> &str {
    split_index(key).map_or(key, |(name, _)| name)
}

/// The characters of a string or number, `None` if it is empty or null. Other types are refused with the reason
/// `otherwise`.
fn scalar_text<'v>(
    name: &str,
    value: &'v ParameterValue,
    otherwise: &str,
) -> Result<Option<&'v str>, Refusal> {
    match value {
        ParameterValue::Null => Ok(None),
        ParameterValue::String(text) | ParameterValue::Number(text) => {
            Ok(Some(text.as_str()).filter(|text| !text.is_empty()))
        }
        ParameterValue::Bool(_) | ParameterValue::Array(_) | ParameterValue::Object(_) => {
            Err(Refusal::not_available(name, otherwise))
        }
    }
}

fn is_blank(value: &ParameterValue) -> bool {
    match value {
        ParameterValue::Null => true,
        ParameterValue::String(text) => text.is_empty(),
        ParameterValue::Bool(_)
        | ParameterValue::Number(_)
        | ParameterValue::Array(_)
        | ParameterValue::Object(_) => false,
    }
}

fn has_nul(value: &ParameterValue) -> bool {
    match value {
        ParameterValue::Null | ParameterValue::Bool(_) | ParameterValue::Number(_) => false,
        ParameterValue::String(text) => text.contains('\0'),
        ParameterValue::Array(elements) => elements.iter().any(has_nul),
        ParameterValue::Object(members) => {
            members.iter().any(|(key, value)| key.contains('\0') || has_nul(value))
        }
    }
}

fn bounded<'t>(name: &str, text: &'t str) -> Result<&'t str, Refusal> {
    if text.len() > MAX_VALUE_BYTES { Err(Refusal::too_large(name)) } else { Ok(text) }
}

fn parse_integer(name: &str, text: &str, otherwise: &str) -> Result<i64, Refusal> {
    // Rust's grammar is that of docs/WIRE.md, "Scalars": an optional sign and ASCII digits; no spaces, point or exponent.
    text.parse().map_err(|_| Refusal::not_available(name, otherwise))
}

fn distinct<T: Copy + Eq + Hash>(
    name: &str,
    values: impl Iterator<Item = Result<T, Refusal>>,
) -> Result<Vec<T>, Refusal> {
    let mut seen = HashSet::new();
    let mut kept = Vec::new();
    for value in values {
        let value = value?;
        if !seen.insert(value) {
            continue;
        }
        if kept.len() == MAX_LIST_VALUES {
            return Err(Refusal::too_large(name));
        }
        kept.push(value);
    }
    Ok(kept)
}
