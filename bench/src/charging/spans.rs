//! The generated usage as spans of OTLP in protobuf, as a gateway's exporter sends them.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message as _;
use tollbook_domain::Usage;

const NANOSECONDS: u64 = 1_000_000_000;

/// A request with one span for each record and its time in Unix seconds. Ids are scattered, as those of traces are.
pub(super) fn request(records: &[(Usage, i64)]) -> Vec<u8> {
    let spans = records.iter().map(|(usage, time_s)| span(usage, *time_s)).collect();
    let scope = InstrumentationScope { name: "gateway".into(), ..InstrumentationScope::default() };
    let scope_spans = vec![ScopeSpans { scope: Some(scope), spans, ..ScopeSpans::default() }];
    let attributes = vec![
        text("service.name", "gateway"),
        text("telemetry.sdk.language", "rust"),
        text("telemetry.sdk.name", "opentelemetry"),
        text("telemetry.sdk.version", "0.33.1"),
    ];
    let resource = Some(Resource { attributes, ..Resource::default() });
    let resource_spans = vec![ResourceSpans { resource, scope_spans, ..ResourceSpans::default() }];
    ExportTraceServiceRequest { resource_spans }.encode_to_vec()
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.into(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, Value::StringValue(value.into()))
}

fn span(usage: &Usage, time_s: i64) -> Span {
    let number: u64 = usage.id.parse().unwrap_or_default();
    let id = |factor: u64| (number + 1).wrapping_mul(factor).to_be_bytes();
    let end = u64::try_from(time_s).unwrap_or_default() * NANOSECONDS;
    let count = |at: usize| Value::IntValue(usage.quantities[at].1);
    Span {
        trace_id: [id(0x9e37_79b9_7f4a_7c15), id(0xc2b2_ae3d_27d4_eb4f)].concat(),
        span_id: id(0x1656_67b1_9e37_79f9).to_vec(),
        name: format!("chat {}", usage.model_id),
        kind: 3,
        start_time_unix_nano: end.saturating_sub(NANOSECONDS),
        end_time_unix_nano: end,
        attributes: vec![
            text("gen_ai.operation.name", "chat"),
            text("gen_ai.provider.name", "example"),
            text("gen_ai.request.model", &usage.model_id),
            text("gen_ai.response.model", &usage.model_id),
            text("gen_ai.response.id", &format!("chatcmpl-{number:024x}")),
            attribute("gen_ai.request.temperature", Value::DoubleValue(0.5)),
            attribute("gen_ai.request.max_tokens", Value::IntValue(4_096)),
            text("server.address", "api.example.com"),
            text("user.id", &usage.resource_id),
            attribute("gen_ai.usage.input_tokens", count(0)),
            attribute("gen_ai.usage.output_tokens", count(1)),
        ],
        ..Span::default()
    }
}
