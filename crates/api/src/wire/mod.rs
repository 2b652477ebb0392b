//! Decodes the bytes of a request into parameters, in order of arrival and without merging any, because the signature
//! covers them as sent. Their types and shapes are interpreted in `parameters`.

mod form;
mod json;
mod request;

use crate::ret_code::Refusal;

use request::BODY;
pub use request::{Limits, ParameterValue, RawParameter, Request};

/// Reads the parameters of a request (docs/WIRE.md, "Parameters").
///
/// Of a `POST` with a body only the body is read: as JSON if `content_type` is `application/json` in any case and with
/// any parameters, else as a form. Of every other request the query string is read. Go clients repeat `Action` in the
/// URL of a `POST`; it is not read there, and so not signed twice.
///
/// In a form, `+` is a space and `%XX` is a byte of UTF-8; a `%` that begins no escape is an ordinary character.
///
/// # Errors
///
/// 230 naming `Body` for text that is not UTF-8 and for a JSON body that is broken, too deep or not an object;
/// 240 naming `Body` beyond the limits of size and number.
pub fn decode(
    method: &str,
    raw_query: Option<&str>,
    content_type: Option<&str>,
    body: &[u8],
    limits: &Limits,
) -> Result<Request, Refusal> {
    let has_body = method == "POST" && !body.is_empty();
    let source = if has_body { body } else { raw_query.unwrap_or_default().as_bytes() };
    if source.len() > limits.body_bytes {
        return Err(Refusal::too_large(BODY));
    }
    let entries = if has_body && content_type.is_some_and(is_json) {
        json::decode(source, limits)?
    } else {
        form::decode(source, limits)?
    };
    Ok(Request { entries })
}

/// The parameters as the text of a JSON object, in their order. [`decode`] reads the same parameters from it.
pub fn encode_json<'e>(entries: impl IntoIterator<Item = &'e RawParameter>) -> String {
    json::encode(entries)
}

fn is_json(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default();
    media_type.trim().eq_ignore_ascii_case("application/json")
}
