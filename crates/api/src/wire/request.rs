//! The parameters of a request as they were sent, and the bounds of their size.

/// The name of the request as a whole in refusals.
pub(super) const BODY: &str = "Body";

/// The size of requests, bounded before the sender is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest body, or query string where that is read instead, in bytes. Default 1 MiB.
    pub body_bytes: usize,
    /// Most parameters of one request. In JSON every array element and every member of an inner object counts too.
    /// Default 2,000.
    pub parameters: usize,
    /// Deepest nesting of JSON, the outer object being 1. Default 32; at most [`Limits::MAX_JSON_DEPTH`].
    pub json_depth: usize,
}

impl Limits {
    /// Upper bound of `json_depth`: parsing and signing recurse, and the stack is finite.
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
    /// In order of arrival. A name that was sent twice is here twice.
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
    /// The characters of a JSON number. A float would lose digits of long integers, and the signature covers all.
    Number(String),
    /// A string.
    String(String),
    /// A JSON array.
    Array(Vec<ParameterValue>),
    /// A JSON object, in order of arrival, repeated names kept.
    Object(Vec<(String, ParameterValue)>),
}
