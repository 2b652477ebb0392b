//! The bytes of a request become its parameters, in the order of arrival and with nothing merged, because the
//! signature covers them exactly so. What a parameter means is decided in `parameters`.

mod form;
mod json;

use crate::ret_code::Refusal;

/// The name that refusals give to the request as a whole.
const BODY: &str = "Body";

/// What a request may cost before anything about its sender is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest body, or query string where that is read instead, in bytes. Default 1 MiB.
    pub body_bytes: usize,
    /// Most parameters of one request. In JSON every array element and every member of an inner object counts too.
    /// Default 2,000.
    pub parameters: usize,
    /// Deepest nesting of JSON, the outer object being 1. Default 32; values above [`Limits::MAX_JSON_DEPTH`] act as
    /// that.
    pub json_depth: usize,
}

impl Limits {
    /// No `json_depth` reaches beyond this: parsing and signing recurse, and the stack is finite.
    pub const MAX_JSON_DEPTH: usize = 128;
}

impl Default for Limits {
    fn default() -> Self {
        Self { body_bytes: 1024 * 1024, parameters: 2_000, json_depth: 32 }
    }
}

/// The parameters of a request as they were sent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Request {
    /// In order of arrival; a name that was sent twice is here twice.
    pub entries: Vec<RawParameter>,
}

/// One parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawParameter {
    /// The name as sent, decoded: `OrderTypes.0`.
    pub key: String,
    /// The value as sent, decoded.
    pub value: ParameterValue,
}

/// The value of a parameter. Forms and query strings have strings only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParameterValue {
    /// JSON `null`.
    Null,
    /// JSON `true` or `false`.
    Bool(bool),
    /// The characters of a JSON number. A float would lose the digits of long integers, which are signed.
    Number(String),
    /// A string.
    String(String),
    /// A JSON array.
    Array(Vec<ParameterValue>),
    /// A JSON object, in order of arrival, repeated names kept.
    Object(Vec<(String, ParameterValue)>),
}

/// Reads the parameters of a request (docs/WIRE.md, "Parameters").
///
/// A `POST` with a body is that body alone, as JSON if `content_type` is `application/json` in any case and with any
/// parameters, else as a form; everything else is the query string. Go clients repeat `Action` in the URL of a
/// `POST`: it is not read and so not signed twice.
///
/// In a form `+` is a space and `%XX` is a byte of UTF-8; a `%` that begins no escape stands for itself.
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

/// The parameters as the text of a JSON object, in their order; [`decode`] reads the same from it.
pub fn encode_json<'e>(entries: impl IntoIterator<Item = &'e RawParameter>) -> String {
    json::encode(entries)
}

fn is_json(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default();
    media_type.trim().eq_ignore_ascii_case("application/json")
}
