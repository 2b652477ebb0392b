//! OTLP in JSON to the messages of protobuf. The crate of the messages has readers of its own, but they refuse integers
//! that are written as numbers, as JavaScript's exporter writes them, when numbers are kept as they are written.

use std::borrow::Cow;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1 as common;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::{logs::v1 as logs, trace::v1 as trace};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Declares what is read of an object: its members by their names in JSON, each of which may be absent or `null`.
macro_rules! object {
    ($(#[$meta:meta])* $name:ident { $($field:ident: $type:ty,)* }) => {
        $(#[$meta])*
        #[derive(Default, Deserialize)]
        #[serde(default, rename_all = "camelCase")]
        struct $name<'b> {
            $(#[serde(borrow)] $field: Option<$type>,)*
        }
    };
}

object!(Traces { resource_spans: Vec<ResourceSpans<'b>>, });
object!(ResourceSpans { resource: Attributed<'b>, scope_spans: Vec<ScopeSpans<'b>>, });
object!(ScopeSpans { scope: Scope<'b>, spans: Vec<ReadSpan<'b>>, });
object!(ReadSpan {
    trace_id: Cow<'b, str>,
    span_id: Cow<'b, str>,
    parent_span_id: Cow<'b, str>,
    name: Cow<'b, str>,
    start_time_unix_nano: &'b RawValue,
    end_time_unix_nano: &'b RawValue,
    attributes: Vec<KeyValue<'b>>,
    status: Status<'b>,
});
object!(Status { code: &'b RawValue, });
object!(Logs { resource_logs: Vec<ResourceLogs<'b>>, });
object!(ResourceLogs { resource: Attributed<'b>, scope_logs: Vec<ScopeLogs<'b>>, });
object!(ScopeLogs { scope: Scope<'b>, log_records: Vec<LogRecord<'b>>, });
object!(LogRecord {
    trace_id: Cow<'b, str>,
    span_id: Cow<'b, str>,
    event_name: Cow<'b, str>,
    time_unix_nano: &'b RawValue,
    observed_time_unix_nano: &'b RawValue,
    attributes: Vec<KeyValue<'b>>,
});
object!(Attributed { attributes: Vec<KeyValue<'b>>, });
object!(Scope { name: Cow<'b, str>, });
object!(KeyValue { key: Cow<'b, str>, value: &'b RawValue, });
object!(ArrayValue { values: Vec<&'b RawValue>, });
object!(KeyValues { values: Vec<KeyValue<'b>>, });

/// A value: one of the members.
#[derive(Default, Deserialize)]
#[serde(default)]
struct AnyValue<'b> {
    #[serde(borrow, rename = "stringValue")]
    text: Option<Cow<'b, str>>,
    #[serde(borrow, rename = "boolValue")]
    truth: Option<&'b RawValue>,
    #[serde(borrow, rename = "intValue")]
    integer: Option<&'b RawValue>,
    #[serde(borrow, rename = "doubleValue")]
    double: Option<&'b RawValue>,
    #[serde(borrow, rename = "arrayValue")]
    array: Option<ArrayValue<'b>>,
    #[serde(borrow, rename = "kvlistValue")]
    list: Option<KeyValues<'b>>,
}

/// Deepest nesting of values.
const MAX_DEPTH: u32 = 64;

pub(super) fn traces(body: &[u8]) -> Result<ExportTraceServiceRequest, String> {
    let read: Traces<'_> = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let mut resource_spans = Vec::new();
    for resource in read.resource_spans.ok_or("resourceSpans: is required")? {
        let mut scope_spans = Vec::new();
        for scope in resource.scope_spans.unwrap_or_default() {
            let spans = scope.spans.unwrap_or_default().into_iter().map(span).collect::<Result<_, _>>()?;
            let scope = scope.scope.map(of_scope);
            scope_spans.push(trace::ScopeSpans { scope, spans, ..Default::default() });
        }
        let resource = resource.resource.map(of_resource).transpose()?;
        resource_spans.push(trace::ResourceSpans { resource, scope_spans, ..Default::default() });
    }
    Ok(ExportTraceServiceRequest { resource_spans })
}

pub(super) fn logs(body: &[u8]) -> Result<ExportLogsServiceRequest, String> {
    let read: Logs<'_> = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let mut resource_logs = Vec::new();
    for resource in read.resource_logs.ok_or("resourceLogs: is required")? {
        let mut scope_logs = Vec::new();
        for scope in resource.scope_logs.unwrap_or_default() {
            let records = scope.log_records.unwrap_or_default();
            let log_records = records.into_iter().map(log_record).collect::<Result<_, _>>()?;
            let scope = scope.scope.map(of_scope);
            scope_logs.push(logs::ScopeLogs { scope, log_records, ..Default::default() });
        }
        let resource = resource.resource.map(of_resource).transpose()?;
        resource_logs.push(logs::ResourceLogs { resource, scope_logs, ..Default::default() });
    }
    Ok(ExportLogsServiceRequest { resource_logs })
}

fn of_resource(resource: Attributed<'_>) -> Result<Resource, String> {
    Ok(Resource { attributes: attributes(resource.attributes, 0)?, ..Default::default() })
}

fn of_scope(scope: Scope<'_>) -> common::InstrumentationScope {
    common::InstrumentationScope { name: text(scope.name), ..Default::default() }
}

fn span(span: ReadSpan<'_>) -> Result<trace::Span, String> {
    let code = status(span.status.and_then(|status| status.code));
    Ok(trace::Span {
        trace_id: id("traceId", span.trace_id)?,
        span_id: id("spanId", span.span_id)?,
        parent_span_id: id("parentSpanId", span.parent_span_id)?,
        name: text(span.name),
        start_time_unix_nano: nanoseconds("startTimeUnixNano", span.start_time_unix_nano)?,
        end_time_unix_nano: nanoseconds("endTimeUnixNano", span.end_time_unix_nano)?,
        attributes: attributes(span.attributes, 0)?,
        status: Some(trace::Status { code, ..Default::default() }),
        ..Default::default()
    })
}

fn log_record(record: LogRecord<'_>) -> Result<logs::LogRecord, String> {
    Ok(logs::LogRecord {
        trace_id: id("traceId", record.trace_id)?,
        span_id: id("spanId", record.span_id)?,
        event_name: text(record.event_name),
        time_unix_nano: nanoseconds("timeUnixNano", record.time_unix_nano)?,
        observed_time_unix_nano: nanoseconds("observedTimeUnixNano", record.observed_time_unix_nano)?,
        attributes: attributes(record.attributes, 0)?,
        ..Default::default()
    })
}

fn text(text: Option<Cow<'_, str>>) -> String {
    text.map(Cow::into_owned).unwrap_or_default()
}

/// The code of an error is 2, which some exporters write by its name.
fn status(code: Option<&RawValue>) -> i32 {
    match code.map(RawValue::get) {
        Some("2" | "\"STATUS_CODE_ERROR\"") => trace::status::StatusCode::Error.into(),
        _ => trace::status::StatusCode::Unset.into(),
    }
}

/// OTLP writes ids in hexadecimal digits, not in base64 as other bytes.
fn id(name: &str, digits: Option<Cow<'_, str>>) -> Result<Vec<u8>, String> {
    let digits = digits.unwrap_or_default();
    let refused = || format!("{name}: must consist of pairs of hexadecimal digits");
    // A sign is valid for a number, but not for a digit.
    if !digits.len().is_multiple_of(2) || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(refused());
    }
    (0..digits.len() / 2)
        .map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).map_err(|_| refused()))
        .collect()
}

/// A number that may be written as a text, without its quotes.
fn number(raw: &RawValue) -> &str {
    raw.get().trim_matches('"')
}

fn nanoseconds(name: &str, raw: Option<&RawValue>) -> Result<u64, String> {
    let Some(raw) = raw else { return Ok(0) };
    number(raw).parse().map_err(|_| format!("{name}: must be a whole number of nanoseconds"))
}

fn attributes(read: Option<Vec<KeyValue<'_>>>, depth: u32) -> Result<Vec<common::KeyValue>, String> {
    let attribute = |KeyValue { key, value: raw }: KeyValue<'_>| {
        let value = raw.map(|raw| value(raw, depth)).transpose()?.flatten();
        let value = Some(common::AnyValue { value });
        Ok(common::KeyValue { key: text(key), value, ..Default::default() })
    };
    read.unwrap_or_default().into_iter().map(attribute).collect()
}

fn value(raw: &RawValue, depth: u32) -> Result<Option<Value>, String> {
    if depth > MAX_DEPTH {
        return Err(format!("values are nested deeper than {MAX_DEPTH}"));
    }
    let read: AnyValue<'_> = serde_json::from_str(raw.get())
        .map_err(|_| "the value of an attribute is no value of OTLP".to_owned())?;
    Ok(if let Some(text) = read.text {
        Some(Value::StringValue(text.into_owned()))
    } else if let Some(raw) = read.integer {
        // What is no integer stays as it is written, so that the record is refused and not the request.
        let text = number(raw);
        Some(text.parse().map_or_else(|_| Value::StringValue(text.to_owned()), Value::IntValue))
    } else if let Some(raw) = read.double {
        let text = number(raw);
        Some(text.parse().map_or_else(|_| Value::StringValue(text.to_owned()), Value::DoubleValue))
    } else if let Some(raw) = read.truth {
        Some(Value::BoolValue(number(raw) == "true"))
    } else if let Some(array) = read.array {
        let values = array.values.unwrap_or_default().into_iter();
        let values = values.map(|raw| Ok(common::AnyValue { value: value(raw, depth + 1)? }));
        Some(Value::ArrayValue(common::ArrayValue { values: values.collect::<Result<_, String>>()? }))
    } else if let Some(list) = read.list {
        Some(Value::KvlistValue(common::KeyValueList { values: attributes(list.values, depth + 1)? }))
    } else {
        None
    })
}
