//! What is asked of a request of OTLP/HTTP, and what is in it.

use std::borrow::Cow;

/// What a request reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Spans.
    Traces,
    /// Log records.
    Logs,
}

/// How a request is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// `application/x-protobuf`
    Protobuf,
    /// `application/json`
    Json,
}

/// Bounds of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExportLimits {
    /// Maximum number of spans or log records.
    pub records: usize,
    /// Maximum number of messages of every kind, such as attributes, on average of a record. Decoded, each takes up to 300
    /// bytes.
    pub messages_of_record: usize,
}

/// What is read of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Values of the resource attribute `service.name` whose records are read; all if it is empty.
    pub services: Vec<String>,
    /// Names of instrumentation scopes whose records are read; all if it is empty.
    pub scopes: Vec<String>,
    /// Names of attributes of records or resources by which an owner may be looked up.
    pub owner_attributes: Vec<String>,
}

/// What is in a request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Export {
    /// The calls, in the order of the request.
    pub calls: Vec<Call>,
    /// Calls that cannot be records: the reason for each.
    pub refused: Vec<String>,
    /// The number of spans or log records that are no calls, or are counted by another span.
    pub passed_over: PassedOver,
}

/// Why a request is not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExportError {
    /// It is not of the encoding; the reason.
    #[error("the body is no OTLP export request: {0}")]
    Malformed(String),
    /// It has too many records or messages; what and how many.
    #[error("the request has {0}")]
    TooMany(String),
}

/// A call of a model, with what a mapping and the look-up of its owner need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The span or log record as a JSON object, in the form of the Python SDK's `ReadableSpan.to_json`.
    pub json: String,
    /// Names by which the owner is looked up, as kind and text, the most specific first.
    pub names: Vec<(Cow<'static, str>, String)>,
    /// Trace and span in messages.
    pub id: String,
}

/// Numbers of the spans or log records that are not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PassedOver {
    /// They say nothing about usage.
    pub no_usage: usize,
    /// Calls of models that failed or state no counts.
    pub without_counts: usize,
    /// They add up calls that have spans of their own.
    pub summaries: usize,
    /// Their service or scope is not selected.
    pub not_selected: usize,
}

impl PassedOver {
    /// Each number that is not 0, with its name.
    pub fn by_name(self) -> impl Iterator<Item = (&'static str, usize)> {
        let names = [
            ("no usage", self.no_usage),
            ("call without counts", self.without_counts),
            ("sum of other spans", self.summaries),
            ("not selected", self.not_selected),
        ];
        names.into_iter().filter(|(_, number)| *number > 0)
    }

    /// All of them.
    pub const fn total(self) -> usize {
        self.no_usage + self.without_counts + self.summaries + self.not_selected
    }
}
