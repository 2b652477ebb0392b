//! Requests of OTLP: what is counted once, and what bad requests become.

use prost::Message as _;
use serde_json::{Value, json};

use super::*;
use crate::usage::mapping::{Mapped, Mapping};

const LIMITS: ExportLimits = ExportLimits { records: 100, messages_of_record: 64 };

const TRACE: &str = "5f90e0fae91e2682e8f9c444b888ab2b";

fn attributes(attributes: &Value) -> Value {
    let value = |value: &Value| match value {
        Value::String(text) => json!({"stringValue": text}),
        Value::Number(number) if number.is_i64() => json!({"intValue": number.to_string()}),
        Value::Number(number) => json!({"doubleValue": number}),
        other => other.clone(),
    };
    attributes.as_object().unwrap().iter().map(|(key, of)| json!({"key": key, "value": value(of)})).collect()
}

/// A span; ids are small numbers, 0 as parent is none.
fn span(id: u64, parent: u64, of: &Value) -> Value {
    let digits = |id: u64| if id == 0 { String::new() } else { format!("{id:016x}") };
    json!({
        "traceId": TRACE, "spanId": digits(id), "parentSpanId": digits(parent), "name": "chat",
        "startTimeUnixNano": "1788795791003811000", "endTimeUnixNano": "1788795791027364000",
        "attributes": attributes(of), "status": {},
    })
}

fn usage(input: i64) -> Value {
    json!({"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": input})
}

fn request(spans: &[Value]) -> Value {
    json!({"resourceSpans": [{
        "resource": {"attributes": attributes(&json!({"service.name": "shop", "team": "blue"}))},
        "scopeSpans": [{"scope": {"name": "tracer"}, "spans": spans}],
    }]})
}

fn read_selected(request: &Value, selection: &Selection) -> Result<Export, ExportError> {
    let body = request.to_string();
    let of_json = read_export(body.as_bytes(), Signal::Traces, Encoding::Json, LIMITS, selection);
    // The same in protobuf.
    if let Ok(messages) = json::traces(body.as_bytes()) {
        let protobuf = messages.encode_to_vec();
        let of_protobuf = read_export(&protobuf, Signal::Traces, Encoding::Protobuf, LIMITS, selection);
        assert_eq!(of_protobuf, of_json);
    }
    of_json
}

fn read(spans: &[Value]) -> Export {
    read_selected(&request(spans), &Selection::default()).unwrap()
}

/// The input tokens of the calls.
fn counted(export: &Export) -> Vec<i64> {
    let input = |call: &Call| {
        let json: Value = serde_json::from_str(&call.json).unwrap();
        json["attributes"]["gen_ai.usage.input_tokens"].as_i64().unwrap()
    };
    export.calls.iter().map(input).collect()
}

#[test]
fn a_span_is_written_as_the_python_sdk_writes_it() {
    let mut of = usage(412);
    of["text"] = "a \"b\"\n".into();
    of["share"] = 0.5.into();
    of["flag"] = json!({"boolValue": true});
    of["list"] = json!({"arrayValue": {"values": [{"intValue": 7}, {"stringValue": "x"}, {}]}});
    of["map"] = json!({"kvlistValue": {"values": [{"key": "k", "value": {"intValue": "1"}}]}});
    of["prompt"] = "x".repeat(20_000).into();
    of["metadata.user_api_key_hash"] = "abc".into();
    of["user.id"] = "ann".into();
    let selection = Selection {
        owner_attributes: vec!["team".into(), "service.name".into(), "none".into()],
        ..Selection::default()
    };
    let export = read_selected(&request(&[span(9, 1, &of)]), &selection).unwrap();
    let [call] = export.calls.as_slice() else { panic!("{export:?}") };
    assert_eq!(
        serde_json::from_str::<Value>(&call.json).unwrap(),
        json!({
            "name": "chat",
            "context": {"trace_id": format!("0x{TRACE}"), "span_id": "0x0000000000000009"},
            "parent_id": "0x0000000000000001",
            "start_time": "2026-09-07T15:43:11.003811Z",
            "end_time": "2026-09-07T15:43:11.027364Z",
            "status": {"status_code": "UNSET"},
            "attributes": {
                "gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 412, "text": "a \"b\"\n",
                "share": 0.5, "flag": true, "list": [7, "x", null], "map": {"k": 1},
                "metadata.user_api_key_hash": "abc", "user.id": "ann",
            },
            "scope": {"name": "tracer"},
            "resource": {"attributes": {"service.name": "shop", "team": "blue"}},
        })
    );
    let names: Vec<(&str, &str)> =
        call.names.iter().map(|(kind, text)| (kind.as_ref(), text.as_str())).collect();
    assert_eq!(
        names,
        [
            ("key_hash", "abc"),
            ("user", "ann"),
            ("attribute:team", "blue"),
            ("attribute:service.name", "shop")
        ]
    );
}

#[test]
fn a_call_is_counted_once() {
    let call = usage(10);
    let with = |name: &str, value: &str| {
        let mut of = usage(30);
        of[name] = value.into();
        of
    };
    let other = json!({"http.method": "POST"});
    // spans as id, parent and attributes | counted | passed over: summaries
    let table: Vec<(&str, Vec<Value>, Vec<i64>, usize)> = vec![
        ("one call", vec![span(1, 0, &call)], vec![10], 0),
        ("two calls", vec![span(1, 0, &call), span(2, 0, &call)], vec![10, 10], 0),
        ("a gateway above a provider", vec![span(2, 1, &call), span(1, 0, &usage(11))], vec![10], 1),
        (
            "a gateway above an HTTP request above a provider",
            vec![span(1, 0, &usage(11)), span(2, 1, &other), span(3, 2, &call)],
            vec![10],
            1,
        ),
        (
            "three levels",
            vec![span(1, 0, &usage(12)), span(2, 1, &usage(11)), span(3, 2, &call)],
            vec![10],
            2,
        ),
        ("a retry", vec![span(1, 0, &usage(20)), span(2, 1, &call), span(3, 1, &call)], vec![10, 10], 1),
        (
            "a tool that calls a model is not a part of the call",
            vec![
                span(1, 0, &usage(20)),
                span(2, 1, &json!({"gen_ai.operation.name": "execute_tool"})),
                span(3, 2, &call),
            ],
            vec![20, 10],
            1,
        ),
        (
            "Vercel, exported apart",
            vec![
                span(2, 1, &with("ai.operationId", "ai.generateText.doGenerate")),
                span(5, 4, &with("ai.operationId", "ai.generateText")),
            ],
            vec![30],
            1,
        ),
        ("an agent", vec![span(1, 0, &with("gen_ai.operation.name", "invoke_agent"))], vec![], 1),
        ("OpenInference", vec![span(1, 0, &with("openinference.span.kind", "LLM"))], vec![30], 0),
        ("OpenInference's chain", vec![span(1, 0, &with("openinference.span.kind", "CHAIN"))], vec![], 1),
        ("OpenLLMetry's workflow", vec![span(1, 0, &with("traceloop.span.kind", "workflow"))], vec![], 1),
        ("Langfuse", vec![span(1, 0, &with("langfuse.observation.type", "generation"))], vec![30], 0),
        ("Langfuse's span", vec![span(1, 0, &with("langfuse.observation.type", "span"))], vec![], 1),
        ("its own parent", vec![span(1, 1, &call), span(2, 0, &call)], vec![10, 10], 0),
    ];
    for (name, spans, expected, summaries) in table {
        let export = read(&spans);
        assert_eq!(counted(&export), expected, "{name}");
        assert_eq!(export.passed_over.summaries, summaries, "{name}");
        assert_eq!(export.passed_over.total() + export.calls.len(), spans.len(), "{name}");
    }
}

#[test]
fn spans_of_other_telemetry_are_passed_over_by_name() {
    let export = read(&[
        span(1, 0, &json!({"http.method": "POST"})),
        span(2, 0, &json!({"gen_ai.operation.name": "chat", "error.type": "429"})),
    ]);
    let expected = PassedOver { no_usage: 1, without_counts: 1, ..PassedOver::default() };
    assert_eq!((export.passed_over, export.calls, export.refused), (expected, vec![], vec![]));
}

#[test]
fn services_and_scopes_are_selected() {
    let request = request(&[span(1, 0, &usage(1)), span(2, 0, &json!({}))]);
    for (services, scopes, selected) in [
        (vec![], vec![], 1),
        (vec!["shop"], vec!["tracer"], 1),
        (vec!["other", "shop"], vec![], 1),
        (vec!["other"], vec![], 0),
        (vec!["shop"], vec!["other"], 0),
    ] {
        let texts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let selection =
            Selection { services: texts(&services), scopes: texts(&scopes), owner_attributes: Vec::new() };
        let export = read_selected(&request, &selection).unwrap();
        assert_eq!(export.calls.len(), selected, "{selection:?}");
        assert_eq!(export.passed_over.not_selected, 1 - selected);
        assert_eq!(export.passed_over.no_usage, 1);
    }
}

#[test]
fn a_call_without_identity_or_with_counts_that_are_none_is_refused() {
    let changed = |name: &str, value: Value| {
        let mut span = span(7, 0, &usage(1));
        span[name] = value;
        span
    };
    let counts = |value: Value| {
        let mut of = usage(1);
        of["gen_ai.usage.output_tokens"] = value;
        span(7, 0, &of)
    };
    let id = format!("span {TRACE}-0000000000000007: ");
    // span | reason
    let table = [
        (changed("traceId", "0".repeat(32).into()), "trace id: must be 16 bytes that are not all 0"),
        (changed("traceId", "".into()), "trace id: must be 16 bytes"),
        (changed("traceId", "ab".into()), "trace id: must be 16 bytes"),
        (changed("spanId", "0".repeat(16).into()), "span id: must be 8 bytes that are not all 0"),
        (counts(json!({"doubleValue": 1.5})), "gen_ai.usage.output_tokens: is not a whole number"),
        (counts(json!({"doubleValue": "NaN"})), "gen_ai.usage.output_tokens: is not a whole number"),
        (counts(json!({"doubleValue": "Infinity"})), "gen_ai.usage.output_tokens: is not a whole number"),
    ];
    for (span, reason) in table {
        let export = read(&[span]);
        assert!(export.calls.is_empty());
        let refused = &export.refused[0];
        assert!(refused.contains(reason), "{refused}");
        assert!(reason.contains("id") || refused.starts_with(&id), "{refused}");
    }
    // What a mapping decides reaches it as it is.
    for (value, json) in [
        (json!({"doubleValue": 3.0}), json!(3.0)),
        (json!({"stringValue": "3"}), json!("3")),
        (json!({"intValue": -3}), json!(-3)),
        (json!({"intValue": "99999999999999999999"}), json!("99999999999999999999")),
    ] {
        let export = read(&[counts(value)]);
        let call: Value = serde_json::from_str(&export.calls[0].json).unwrap();
        assert_eq!(call["attributes"]["gen_ai.usage.output_tokens"], json);
    }
}

#[test]
fn log_records_are_calls_by_the_same_rules() {
    let record = |event: &str, of: &Value| {
        json!({
            "traceId": TRACE, "spanId": "0000000000000009", "eventName": event,
            "observedTimeUnixNano": "1788795791027364000", "attributes": attributes(of),
        })
    };
    let request = json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [
        record("gen_ai.client.inference.operation.details", &usage(5)),
        record("gen_ai.choice", &json!({"gen_ai.system": "openai"})),
    ]}]}]});
    let body = request.to_string();
    let selection = Selection::default();
    let export = read_export(body.as_bytes(), Signal::Logs, Encoding::Json, LIMITS, &selection).unwrap();
    assert_eq!(counted(&export), [5]);
    assert_eq!(export.passed_over.no_usage, 1);
    assert!(export.calls[0].json.contains("\"end_time\":\"2026-09-07T15:43:11.027364Z\""));
    let protobuf = json::logs(body.as_bytes()).unwrap().encode_to_vec();
    let of_protobuf = read_export(&protobuf, Signal::Logs, Encoding::Protobuf, LIMITS, &selection);
    assert_eq!(of_protobuf, Ok(export));
}

#[test]
fn a_body_that_is_no_request_is_refused() {
    let read = |body: &[u8], encoding| {
        read_export(body, Signal::Traces, encoding, LIMITS, &Selection::default())
            .map(|export| export.calls.len())
    };
    let protobuf =
        json::traces(request(&[span(1, 0, &usage(1))]).to_string().as_bytes()).unwrap().encode_to_vec();
    assert_eq!(read(&protobuf, Encoding::Protobuf), Ok(1));
    for length in 1..protobuf.len() {
        assert!(
            matches!(read(&protobuf[..length], Encoding::Protobuf), Err(ExportError::Malformed(_))),
            "{length}"
        );
    }
    assert_eq!(read(&[], Encoding::Protobuf), Ok(0));
    for body in
        ["", "[]", "{", "{}", "null", r#"{"resourceSpans": 1}"#, r#"{"resourceSpans": [{"resource": 1}]}"#]
    {
        assert!(matches!(read(body.as_bytes(), Encoding::Json), Err(ExportError::Malformed(_))), "{body}");
    }
    let mut bad = span(1, 0, &usage(1));
    bad["traceId"] = "xyz".into();
    let bad = request(&[bad]).to_string();
    assert!(read(bad.as_bytes(), Encoding::Json).is_err());
    // Deeper than anything that is written.
    let deep = format!("{}1{}", "{\"arrayValue\":{\"values\":[".repeat(200), "]}}".repeat(200));
    let mut nested = request(&[]);
    nested["resourceSpans"][0]["resource"]["attributes"] = json!([{"key": "k", "value": "deep"}]);
    let nested = nested.to_string().replace("\"deep\"", &deep);
    assert!(matches!(read(nested.as_bytes(), Encoding::Json), Err(ExportError::Malformed(_))));
}

#[test]
fn a_request_of_too_many_parts_is_refused_before_it_is_decoded() {
    // A million spans of two bytes each, within one scope and resource.
    let field = |number: u8, inner: &[u8]| {
        let mut bytes = vec![number << 3 | 2];
        prost::encoding::encode_varint(inner.len() as u64, &mut bytes);
        [bytes.as_slice(), inner].concat()
    };
    let spans = [0x12, 0].repeat(1_000_000);
    let body = field(1, &field(2, &spans));
    let read =
        |body: &[u8], encoding| read_export(body, Signal::Traces, encoding, LIMITS, &Selection::default());
    let refused = read(&body, Encoding::Protobuf).unwrap_err();
    assert_eq!(refused.to_string(), "the request has 1000000 spans or log records, the most is 100");
    // As many attributes of one span, and as many values in one attribute.
    let attributes = field(1, &field(2, &field(2, &[0x4a, 0].repeat(1_000_000))));
    let values =
        field(1, &field(2, &field(2, &field(9, &field(2, &field(5, &[0x0a, 0].repeat(1_000_000)))))));
    for body in [attributes, values] {
        assert!(matches!(read(&body, Encoding::Protobuf), Err(ExportError::TooMany(_))));
    }
    let json = format!(
        "{{\"resourceSpans\":[{{\"scopeSpans\":[{{\"spans\":[{}{{}}]}}]}}]}}",
        "{},".repeat(1_000_000)
    );
    assert!(matches!(read(json.as_bytes(), Encoding::Json), Err(ExportError::TooMany(_))));
    let few =
        format!("{{\"resourceSpans\":[{{\"scopeSpans\":[{{\"spans\":[{}{{}}]}}]}}]}}", "{},".repeat(100));
    let refused = read(few.as_bytes(), Encoding::Json).unwrap_err();
    assert_eq!(refused.to_string(), "the request has 101 spans or log records, the most is 100");
}

#[test]
fn answers_are_in_the_encoding_of_the_request() {
    let text = |signal, rejected, message: &str| {
        String::from_utf8(accepted(signal, Encoding::Json, rejected, message.to_owned())).unwrap()
    };
    assert_eq!(text(Signal::Traces, 0, ""), "{}");
    assert_eq!(
        serde_json::from_str::<Value>(&text(Signal::Traces, 2, "why")).unwrap(),
        json!({"partialSuccess": {"rejectedSpans": "2", "errorMessage": "why"}})
    );
    assert_eq!(
        serde_json::from_str::<Value>(&text(Signal::Logs, 2, "why")).unwrap(),
        json!({"partialSuccess": {"rejectedLogRecords": "2", "errorMessage": "why"}})
    );
    assert!(accepted(Signal::Traces, Encoding::Protobuf, 0, String::new()).is_empty());
    // partial_success, 1: rejected_spans, 1: 2; error_message, 2: "why"
    let expected = [0x0a, 7, 0x08, 2, 0x12, 3, b'w', b'h', b'y'];
    assert_eq!(accepted(Signal::Traces, Encoding::Protobuf, 2, "why".into()), expected);
    assert_eq!(accepted(Signal::Logs, Encoding::Protobuf, 2, "why".into()), expected);
    assert_eq!(failed(Encoding::Protobuf, 3, "why"), [0x08, 3, 0x12, 3, b'w', b'h', b'y']);
    assert_eq!(failed(Encoding::Json, 3, "why"), br#"{"code":3,"message":"why"}"#);
}

#[test]
fn the_lines_of_a_file_have_records_of_their_own() {
    let constants = [("company_id", "1"), ("organization_id", "1"), ("resource_id", "key")];
    let mapping = Mapping::built_in("otel-genai").unwrap().with_constants(&constants).unwrap();
    let mut call = usage(10);
    call["gen_ai.request.model"] = "m-1".into();
    let mut zero = span(3, 0, &call);
    zero["spanId"] = "0".repeat(16).into();
    let line = request(&[span(1, 0, &call), span(2, 0, &call), zero, span(4, 0, &json!({}))]).to_string();
    let mapped = map_line(&mapping, &line, 5).unwrap();
    let [Mapped::Usage { usage, .. }, Mapped::Usage { .. }, Mapped::Refused(reason), Mapped::Skipped(rule)] =
        mapped.as_slice()
    else {
        panic!("{mapped:?}")
    };
    assert_eq!(usage.id, format!("0x{TRACE}-0x0000000000000001"));
    assert_eq!((usage.model_id.as_str(), usage.time_s), ("m-1", 1_788_795_791));
    assert!(reason.contains("must be 8 bytes that are not all 0"), "{reason}");
    assert_eq!(rule.as_ref(), "no usage");
    assert_eq!(map_line(&mapping, r#"{"text": "\"resourceSpans\""}"#, 1), None);
    let broken = map_line(&mapping, r#"{"resourceLogs": 1}"#, 1).unwrap();
    assert!(matches!(broken.as_slice(), [Mapped::Refused(_)]), "{broken:?}");
}

#[test]
fn the_published_case_is_read() {
    let Some(path) = tollbook_testkit::shared_data("cases/usage/05-otlp-json.otel.jsonl") else { return };
    let body = std::fs::read(path).unwrap();
    let export = read_export(&body, Signal::Traces, Encoding::Json, LIMITS, &Selection::default()).unwrap();
    assert_eq!(counted(&export), [412]);
    let call: Value = serde_json::from_str(&export.calls[0].json).unwrap();
    assert_eq!(call["attributes"]["gen_ai.usage.cache_read.input_tokens"], 256);
}
