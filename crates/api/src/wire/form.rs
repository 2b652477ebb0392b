//! Decoding of `application/x-www-form-urlencoded` bodies and of query strings. Unlike the usual decoders it refuses
//! bytes that are not UTF-8: a replacement character would be a value that was neither sent nor signed.

use percent_encoding::percent_decode;

use super::request::{BODY, Limits, ParameterValue, RawParameter};
use crate::ret_code::Refusal;

/// The parameters of a form. A name without `=` has an empty value; an empty text between two `&` is skipped.
pub(super) fn decode(form: &[u8], limits: &Limits) -> Result<Vec<RawParameter>, Refusal> {
    let mut entries = Vec::new();
    for pair in form.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
        if entries.len() == limits.parameters {
            return Err(Refusal::too_large(BODY));
        }
        let (key, value) = split_once(pair, b'=');
        let (Some(key), Some(value)) = (text(key), text(value)) else {
            let position = entries.len() + 1;
            return Err(Refusal::not_available(BODY, format!("parameter {position} is not valid UTF-8")));
        };
        entries.push(RawParameter { key, value: ParameterValue::String(value) });
    }
    Ok(entries)
}

fn split_once(pair: &[u8], separator: u8) -> (&[u8], &[u8]) {
    let end_of_key = pair.iter().position(|byte| *byte == separator);
    end_of_key.map_or((pair, &[]), |at| (&pair[..at], &pair[at + 1..]))
}

fn text(encoded: &[u8]) -> Option<String> {
    // Before the escapes are decoded, so that `%2B` stays a plus.
    let spaced: Vec<u8> = encoded.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    String::from_utf8(percent_decode(&spaced).collect()).ok()
}
