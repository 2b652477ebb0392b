//! The signature of a request (docs/SIGNING.md, "Request signatures"), computed for clients and verified for the server.
//! The rights of a key are not checked here.

use sha1::{Digest, Sha1};
use subtle::ConstantTimeEq;
use tollbook_domain::decimal::DecimalText;

use crate::wire::{ParameterValue, Request};

/// The one parameter that is not signed, and only at the top level.
const SIGNATURE: &str = "Signature";

/// Numbers with a larger exponent are signed as they were sent. No float64 has one, so no client expands them; and
/// expanded, the nine characters `1e9999999` would fill memory.
const MAX_EXPONENT: u32 = 400;

/// The forms of the signed text in published SDKs. They differ only in floats, booleans and characters beyond U+FFFF.
/// The order API has none of these, so all requests to it are [`Dialect::Documented`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// The documented rule: plain decimals, `true` and `false`, names in the order of their bytes.
    Documented,
    /// Numbers as in the body (`1e-7`), names in the order of their UTF-16 units.
    JavaScript,
    /// No zero before the point (`.5`), names in the order of their UTF-16 units.
    Java,
    /// `1` for true, nothing for false.
    Php,
}

impl Dialect {
    /// All dialects, in the order in which [`verify`] tries them.
    pub const ALL: [Self; 4] = [Self::Documented, Self::JavaScript, Self::Java, Self::Php];

    fn sorts_by_utf16(self) -> bool {
        matches!(self, Self::JavaScript | Self::Java)
    }
}

/// Whether `signature` is that of `request` with `private_key`, in one of the dialects.
///
/// It must be exactly the 40 lower-case hexadecimal digits. The time of the comparison does not depend on the place of a
/// difference.
pub fn verify(request: &Request, private_key: &str, signature: &str) -> bool {
    let matches_text =
        |text: &str| bool::from(digest(text, private_key).as_bytes().ct_eq(signature.as_bytes()));
    let documented = string_to_sign(request, Dialect::Documented);
    if matches_text(&documented) {
        return true;
    }
    Dialect::ALL[1..].iter().any(|dialect| {
        let text = string_to_sign(request, *dialect);
        text != documented && matches_text(&text)
    })
}

/// The signature of the parameters of a form, for a client. A `Signature` among them is not signed. Parameters of the
/// same name are signed in the order given, and must be sent in that order.
pub fn sign(parameters: &[(String, String)], private_key: &str) -> String {
    let mut signed: Vec<_> = parameters.iter().filter(|(key, _)| key != SIGNATURE).collect();
    signed.sort_by(|(left, _), (right, _)| left.cmp(right));
    let text: String = signed.into_iter().flat_map(|(key, value)| [key.as_str(), value.as_str()]).collect();
    digest(&text, private_key)
}

/// The signed text, without the private key at its end: name and value of each parameter, sorted by name.
pub fn string_to_sign(request: &Request, dialect: Dialect) -> String {
    let signed = request.entries.iter().filter(|entry| entry.key != SIGNATURE);
    let mut text = String::new();
    push_members(&mut text, signed.map(|entry| (entry.key.as_str(), &entry.value)), dialect);
    text
}

fn digest(text: &str, private_key: &str) -> String {
    hex::encode(Sha1::new().chain_update(text).chain_update(private_key).finalize())
}

fn push_members<'v>(
    text: &mut String,
    members: impl Iterator<Item = (&'v str, &'v ParameterValue)>,
    dialect: Dialect,
) {
    let mut sorted: Vec<_> = members.collect();
    // Both sorts are stable: parameters of the same name are signed in order of arrival.
    if dialect.sorts_by_utf16() {
        sorted.sort_by(|(left, _), (right, _)| left.encode_utf16().cmp(right.encode_utf16()));
    } else {
        sorted.sort_by_key(|(key, _)| *key);
    }
    for (key, value) in sorted {
        text.push_str(key);
        push_value(text, value, dialect);
    }
}

fn push_value(text: &mut String, value: &ParameterValue, dialect: Dialect) {
    match value {
        ParameterValue::Null => {}
        ParameterValue::Bool(truth) => text.push_str(match (dialect, truth) {
            (Dialect::Php, true) => "1",
            (Dialect::Php, false) => "",
            (_, true) => "true",
            (_, false) => "false",
        }),
        ParameterValue::Number(token) if dialect == Dialect::JavaScript => text.push_str(token),
        ParameterValue::Number(token) => push_plain_decimal(text, token, dialect != Dialect::Java),
        ParameterValue::String(string) => text.push_str(string),
        ParameterValue::Array(elements) => {
            for element in elements {
                push_value(text, element, dialect);
            }
        }
        ParameterValue::Object(members) => {
            push_members(text, members.iter().map(|(key, value)| (key.as_str(), value)), dialect);
        }
    }
}

/// Writes a JSON number without exponent and without trailing zeros. An integer token is not changed.
fn push_plain_decimal(text: &mut String, token: &str, zero_before_point: bool) {
    let is_integer = !token.contains(['.', 'e', 'E']);
    let number = DecimalText::parse(token).ok();
    let Some(number) =
        number.filter(|number| !is_integer && number.exponent().unsigned_abs() <= MAX_EXPONENT)
    else {
        text.push_str(token);
        return;
    };
    let (whole, fraction) = number.plain_digits();
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    if number.has_minus() {
        text.push('-');
    }
    if whole.is_empty() && (zero_before_point || fraction.is_empty()) {
        text.push('0');
    }
    text.push_str(whole);
    if !fraction.is_empty() {
        text.push('.');
        text.push_str(fraction);
    }
}
