//! What gateways and instrumentations report in their own forms: OTLP, LiteLLM's callback, OpenMeter's events.

use std::io::Write as _;

use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message as _;
use serde_json::{Value, json};
use tollbook_domain::tenant::Company;
use tollbook_domain::{Owner, OwnerRule};

use super::backend::{Backend, on_each_backend};
use super::client::{Http, JSON, Reply};
use super::log;
use super::reporter::{BATCH, EVENT, HOUR, event, told};
use super::server::{CONFIG, Key, Server};

const PROTOBUF: &str = "application/x-protobuf";
/// 2025-12-01T00:10:00Z
const END_NS: u64 = 1_764_547_800_000_000_000;
const TRACE: &str = "5f90e0fae91e2682e8f9c444b888ab2b";

struct Fixture {
    server: Server,
    company: Company,
    organization_id: i64,
    key: Key,
    operator: String,
}

impl Fixture {
    fn new(backend: Backend) -> Self {
        Self::on(Server::start(backend))
    }

    /// A server whose rules know the key `abc`, the subject `customer-1` and the service `shop`, each with its own
    /// resource.
    fn on(server: Server) -> Self {
        server.sell();
        let company = server.company("User", "default");
        let organization_id = server.organization(&company, "One").organization_id;
        let (key, operator) = (server.full_key(&company), server.operator_key("gateway one"));
        let rule = |source: &str, kind: &str, key: &str| OwnerRule {
            source: source.to_owned(),
            kind: kind.to_owned(),
            key: key.to_owned(),
            owner: Owner {
                company_id: company.company_id,
                organization_id,
                resource_id: format!("resource of {key}"),
                resource_name: String::new(),
            },
        };
        let rules = [
            rule("litellm", "key_hash", "abc"),
            rule("openmeter", "subject", "customer-1"),
            rule("otlp", "attribute:service.name", "shop"),
        ];
        let mut transaction = server.store.begin().unwrap();
        transaction.put_owner_rules(&rules).unwrap();
        transaction.commit().unwrap();
        Self { server, company, organization_id, key, operator }
    }

    fn pending(&self) -> String {
        self.server.ask(&self.key, &format!("Action=GetOrderAmount&{HOUR}")).text("PendingAmount").to_owned()
    }

    fn request(&self, path: &str, content_type: &str, body: impl Into<Vec<u8>>) -> Http {
        Http::post(content_type, body).at(path).header("Authorization", &format!("Bearer {}", self.operator))
    }

    fn send(&self, path: &str, content_type: &str, body: impl Into<Vec<u8>>) -> Reply {
        self.request(path, content_type, body).send(self.server.address)
    }

    /// Sends spans or log records in JSON; the answer is 200.
    fn export(&self, path: &str, body: &Value) -> Value {
        let reply = self.send(path, JSON, body.to_string());
        assert_eq!((reply.status, reply.header("content-type")), (200, Some(JSON)), "{}", reply.text());
        serde_json::from_slice(&reply.body).unwrap()
    }
}

fn attributes(attributes: &Value) -> Value {
    let value = |value: &Value| match value {
        Value::String(text) => json!({"stringValue": text}),
        // As JavaScript's exporter writes it.
        Value::Number(number) if number.is_i64() => json!({"intValue": number}),
        other => other.clone(),
    };
    attributes.as_object().unwrap().iter().map(|(key, of)| json!({"key": key, "value": value(of)})).collect()
}

/// A call of `m-1` with these counts, which may be OTLP values.
fn call(input: impl Into<Value>, output: impl Into<Value>) -> Value {
    json!({
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": "", "gen_ai.request.model": "m-1",
        "gen_ai.usage.input_tokens": input.into(), "gen_ai.usage.output_tokens": output.into(),
    })
}

fn span(id: &str, of: &Value) -> Value {
    json!({
        "traceId": TRACE, "spanId": id, "name": "chat m-1", "endTimeUnixNano": END_NS.to_string(),
        "attributes": attributes(of),
    })
}

fn spans(spans: &[Value]) -> Value {
    json!({"resourceSpans": [{
        "resource": {"attributes": attributes(&json!({"service.name": "shop"}))},
        "scopeSpans": [{"scope": {"name": "tracer"}, "spans": spans}],
    }]})
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn spans_are_charged_once(backend: Backend) {
    let fixture = Fixture::new(backend);
    let http = span("0000000000000009", &json!({"http.method": "GET"}));
    let body = spans(&[span("000000000000000a", &call(1_500_000, 250_000)), http]);
    for _ in 0..3 {
        assert_eq!(fixture.export("/v1/traces", &body), json!({}));
        assert_eq!(fixture.pending(), "10.00");
    }
    // A log record of the same span is the same call.
    let mut record = span("000000000000000a", &call(1_500_000, 250_000));
    record["timeUnixNano"] = record["endTimeUnixNano"].take();
    let logs = json!({"resourceLogs": [{
        "resource": {"attributes": attributes(&json!({"service.name": "shop"}))},
        "scopeLogs": [{"logRecords": [record]}],
    }]});
    assert_eq!(fixture.export("/v1/logs", &logs), json!({}));
    assert_eq!(fixture.pending(), "10.00");
}

fn protobuf_spans(input: i64) -> ExportTraceServiceRequest {
    let attribute = |key: &str, value| KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    };
    let text = |text: &str| any_value::Value::StringValue(text.to_owned());
    let span = Span {
        trace_id: vec![7; 16],
        span_id: vec![8; 8],
        end_time_unix_nano: END_NS,
        attributes: vec![
            attribute("gen_ai.request.model", text("m-1")),
            attribute("gen_ai.usage.input_tokens", any_value::Value::IntValue(input)),
            attribute("gen_ai.usage.output_tokens", any_value::Value::IntValue(0)),
        ],
        ..Span::default()
    };
    let resource = opentelemetry_proto::tonic::resource::v1::Resource {
        attributes: vec![attribute("service.name", text("shop"))],
        ..Default::default()
    };
    let scope_spans = vec![ScopeSpans { spans: vec![span], ..ScopeSpans::default() }];
    let resource = ResourceSpans { resource: Some(resource), scope_spans, ..ResourceSpans::default() };
    ExportTraceServiceRequest { resource_spans: vec![resource] }
}

fn protobuf_is_answered_in_protobuf(backend: Backend) {
    let fixture = Fixture::new(backend);
    let body = protobuf_spans(1_000_000).encode_to_vec();
    let plain = fixture.send("/v1/traces", PROTOBUF, body.clone());
    let packed = fixture.request("/v1/traces", PROTOBUF, gzip(&body)).header("Content-Encoding", "gzip");
    let zstd = zstd::encode_all(body.as_slice(), 3).unwrap();
    let zstd = fixture.request("/v1/traces", PROTOBUF, zstd).header("Content-Encoding", "zstd");
    for reply in [plain, packed.send(fixture.server.address), zstd.send(fixture.server.address)] {
        assert_eq!((reply.status, reply.header("content-type")), (200, Some(PROTOBUF)), "{}", reply.text());
        let answer = ExportTraceServiceResponse::decode(reply.body.as_slice()).unwrap();
        assert_eq!(answer, ExportTraceServiceResponse::default());
        assert_eq!(fixture.pending(), "4.00");
    }
    let negative = fixture.send("/v1/traces", PROTOBUF, protobuf_spans(-1).encode_to_vec());
    let answer = ExportTraceServiceResponse::decode(negative.body.as_slice()).unwrap();
    let partial = answer.partial_success.unwrap();
    assert_eq!((negative.status, partial.rejected_spans), (200, 1));
    assert!(partial.error_message.contains("less than 0"), "{}", partial.error_message);
    // Cut in every place that is no end of a message.
    let cut = fixture.send("/v1/traces", PROTOBUF, &body[..body.len() - 1]);
    assert_eq!((cut.status, cut.header("content-type")), (400, Some(PROTOBUF)));
    assert!(cut.text().contains("the body is no OTLP export request"), "{}", cut.text());
    assert_eq!(ExportTracePartialSuccess::default().rejected_spans, 0);
    assert_eq!(fixture.pending(), "4.00");
}

fn refused_spans_are_named_in_the_partial_success(backend: Backend) {
    let fixture = Fixture::new(backend);
    let good = span("000000000000000a", &call(1_000_000, 0));
    let bad = |id: &str, of: Value, name: &str, value: Value| {
        let mut span = span(id, &of);
        if !name.is_empty() {
            span[name] = value;
        }
        span
    };
    let second = 1_000_000_000;
    // span | part of the message
    let table = [
        (bad("0000000000000000", call(1, 1), "", Value::Null), "span id: must be 8 bytes that are not all 0"),
        (bad("0000000000000001", call(-1, 1), "", Value::Null), "input_tokens: is less than 0"),
        (
            bad("0000000000000002", call(json!({"doubleValue": 0.5}), 1), "", Value::Null),
            "is not a whole number",
        ),
        (
            bad("0000000000000003", call(json!({"doubleValue": "NaN"}), 1), "", Value::Null),
            "is not a whole number",
        ),
        (bad("0000000000000004", call("many", 1), "", Value::Null), "gen_ai.usage.input_tokens"),
        (
            bad(
                "0000000000000005",
                call(1, 1),
                "endTimeUnixNano",
                json!((END_NS + 90_000 * second).to_string()),
            ),
            "time: is too far in the future",
        ),
        (
            bad("0000000000000006", call(1, 1), "endTimeUnixNano", json!("1000000000000000000")),
            "time: is too far in the past",
        ),
        (bad("0000000000000007", call(1, 1), "endTimeUnixNano", json!("0")), "end_time"),
    ];
    for (bad, reason) in table {
        let answer = fixture.export("/v1/traces", &spans(&[good.clone(), bad]));
        let partial = &answer["partialSuccess"];
        assert_eq!(partial["rejectedSpans"], "1", "{reason}: {answer}");
        let message = partial["errorMessage"].as_str().unwrap();
        assert!(message.contains(reason), "{reason}: {message}");
    }
    // A number that is written as a text is that number, and a whole double too.
    let texts = spans(&[span("00000000000000aa", &call("500000", json!({"doubleValue": 125_000.0})))]);
    assert_eq!(fixture.export("/v1/traces", &texts), json!({}));
    assert_eq!(fixture.pending(), "8.00");
    // Without an owner.
    let mut unowned = spans(&[span("00000000000000ab", &call(1, 1))]);
    unowned["resourceSpans"][0]["resource"] = Value::Null;
    let answer = fixture.export("/v1/traces", &unowned);
    let message = answer["partialSuccess"]["errorMessage"].as_str().unwrap();
    assert!(message.contains("no rule of otlp says whom a record without names belongs to"), "{message}");
}

/// A payload of LiteLLM's callback, with the members that are read.
fn payload(id: &str, key_hash: &str, input: i64, output: i64) -> Value {
    json!({
        "id": id, "request_id": id, "status": "success", "call_type": "acompletion", "model": "m-1",
        "custom_llm_provider": "", "startTime": "2025-12-01T00:10:00Z", "endTime": 1_764_547_800.25,
        "prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output, "response_cost": 0.1,
        "api_key": key_hash,
        "metadata": {"user_api_key_hash": key_hash, "user_api_key_team_id": null},
        "messages": [{"role": "user", "content": "{\"prompt_tokens\": 7}"}],
    })
}

fn payloads_of_litellm_are_charged_once(backend: Backend) {
    let fixture = Fixture::new(backend);
    let first = payload("c-1", "abc", 1_000_000, 0);
    let second = payload("c-2", "abc", 0, 125_000);
    let unknown = payload("c-3", "xyz", 1, 1);
    let array = json!([first, second, unknown]);
    let report = told(&fixture.send("/v1/litellm", JSON, array.to_string()), 200);
    assert_eq!((&report["Accepted"], &report["Refused"]), (&json!(2), &json!(1)), "{report}");
    assert_eq!(
        report["Results"][2]["Reason"],
        "company_id: no rule of litellm says whom key_hash \"xyz\" belongs to"
    );
    assert_eq!(report["Results"][2]["Id"], "c-3");
    assert_eq!(fixture.pending(), "6.00");
    let lines = format!("{first}\n{second}\n");
    for (content_type, body) in [
        ("application/x-ndjson", &lines),
        (JSON, &lines),
        (JSON, &first.to_string()),
        (JSON, &array.to_string()),
    ] {
        let report = told(&fixture.send("/v1/litellm", content_type, body.as_str()), 200);
        assert_eq!(report["Accepted"], 0, "{report}");
    }
    assert_eq!(fixture.pending(), "6.00");
    for (body, error) in [("{", "the body: "), ("[{}", "the body: "), ("nonsense", "the body: ")] {
        let reply = told(&fixture.send("/v1/litellm", JSON, body), 400);
        assert!(reply["Error"].as_str().unwrap().starts_with(error), "{reply}");
    }
    told(&fixture.send("/v1/litellm", JSON, b"[\"\xff\"]".to_vec()), 400);
}

fn meter_event(id: &str, subject: &str, data: &Value) -> Value {
    json!({
        "specversion": "1.0", "id": id, "source": "kong", "type": "tokens", "subject": subject,
        "time": "2025-12-01T00:10:00Z", "data": data,
    })
}

fn events_of_openmeter_are_charged_once(backend: Backend) {
    let fixture = Fixture::new(backend);
    let input =
        meter_event("e-1", "customer-1", &json!({"model": "m-1", "type": "input", "tokens": "1000000"}));
    let output =
        meter_event("e-2", "customer-1", &json!({"model": "m-1", "type": "output", "tokens": 125_000}));
    let request = meter_event("e-3", "customer-1", &json!({"route": "chat"}));
    let batch = json!([input, output, request]).to_string();
    for (path, status) in [("/api/v1/events", 204), ("/api/v3/openmeter/events", 202)] {
        for (content_type, body) in [(BATCH, &batch), (JSON, &batch), (EVENT, &input.to_string())] {
            let reply = fixture.send(path, content_type, body.as_str());
            assert_eq!((reply.status, reply.body.len()), (status, 0), "{}", reply.text());
        }
        assert_eq!(fixture.pending(), "6.00");
    }
    let good = meter_event("e-4", "customer-1", &json!({"model": "m-1", "prompt_tokens": 1_000_000}));
    let unknown = meter_event("e-5", "customer-2", &json!({"model": "m-1", "prompt_tokens": 1}));
    let reply = fixture.send("/api/v1/events", BATCH, json!([good, unknown]).to_string());
    assert_eq!((reply.status, reply.header("content-type")), (400, Some("application/problem+json")));
    let problem: Value = serde_json::from_slice(&reply.body).unwrap();
    let detail = "e-5: company_id: no rule of openmeter says whom subject \"customer-2\" belongs to";
    assert_eq!((&problem["detail"], &problem["status"]), (&json!(detail), &json!(400)));
    assert_eq!(fixture.pending(), "10.00", "the other event is stored");
}

fn bodies_are_bounded_and_typed(backend: Backend) {
    let config = format!(
        "{CONFIG}\n[charging]\ntelemetry_records = 3\ntelemetry_bytes = 65536\nbatch_bytes = 65536\n"
    );
    let fixture = Fixture::on(Server::configured(backend, &config, |store| store));
    let paths =
        ["/v1/traces", "/v1/logs", "/v1/litellm", "/api/v1/events", "/api/v3/openmeter/events", "/v1/usage"];
    let bomb = vec![b' '; 3_000_000];
    let (of_gzip, of_zstd) = (gzip(&bomb), zstd::encode_all(bomb.as_slice(), 3).unwrap());
    for path in paths {
        let content_type = if path == "/v1/usage" { EVENT } else { JSON };
        let send = |encoding: &str, body: &[u8]| {
            let request = fixture.request(path, content_type, body);
            let request =
                if encoding.is_empty() { request } else { request.header("Content-Encoding", encoding) };
            request.send(fixture.server.address)
        };
        // encoding, body | status, part of the error
        let table: [(&str, &[u8], u16, &str); 9] = [
            ("", &bomb, 413, "the body is longer than 65536 bytes"),
            ("gzip", &of_gzip, 413, "the body expands to more than 65536 bytes"),
            ("zstd", &of_zstd, 413, "the body expands to more than 65536 bytes"),
            ("gzip", &of_gzip[..of_gzip.len() / 2], 413, "the body expands"),
            ("gzip", &of_gzip[..20], 400, "the body is not valid gzip"),
            ("zstd", &of_zstd[..8], 400, "the body is not valid zstd"),
            ("zstd", b"{}", 400, "the body is not valid zstd"),
            ("br", b"{}", 415, "the content encoding must be gzip, zstd or identity"),
            ("gzip, gzip", b"{}", 415, "the content encoding must be"),
        ];
        for (encoding, body, status, error) in table {
            let reply = send(encoding, body);
            assert_eq!(reply.status, status, "{path} {encoding} {}", reply.text());
            assert!(reply.text().contains(error), "{path} {encoding} {}", reply.text());
            assert_eq!(
                reply.header("accept-encoding").is_some(),
                encoding == "br" || encoding == "gzip, gzip"
            );
        }
        let wrong_type = fixture.send(path, "text/plain", "{}");
        assert_eq!(wrong_type.status, 415, "{path}");
        assert!(wrong_type.text().contains("the content type must be"), "{path}");
        let unauthorized = Http::post(content_type, "{}").at(path).send(fixture.server.address);
        assert_eq!((unauthorized.status, unauthorized.header("www-authenticate")), (401, Some("Bearer")));
        let method = Http::new("GET", path).send(fixture.server.address);
        assert_eq!((method.status, method.header("allow")), (405, Some("POST")), "{path}");
    }
    let four: Vec<Value> = (1..5).map(|id| span(&format!("{id:016x}"), &call(1, 1))).collect();
    let reply = fixture.send("/v1/traces", JSON, spans(&four).to_string());
    assert_eq!(reply.status, 413);
    assert!(reply.text().contains("4 spans or log records, the most is 3"), "{}", reply.text());
    let four: Vec<Value> = (1..5).map(|id| payload(&id.to_string(), "abc", 1, 1)).collect();
    told(&fixture.send("/v1/litellm", JSON, Value::from(four).to_string()), 413);
    assert_eq!(fixture.pending(), "0.00");
}

fn a_large_attribute_is_not_in_the_way(backend: Backend) {
    let fixture = Fixture::new(backend);
    let mut of = call(1_000_000, 0);
    of["gen_ai.input.messages"] = "x".repeat(10 << 20).into();
    assert_eq!(fixture.export("/v1/traces", &spans(&[span("000000000000000a", &of)])), json!({}));
    assert_eq!(fixture.pending(), "4.00");
}

fn usage_may_be_compressed(backend: Backend) {
    let fixture = Fixture::new(backend);
    let event =
        event("r-1", &fixture.company, fixture.organization_id, &json!({"input": 1_000_000})).to_string();
    let zstd = zstd::encode_all(event.as_bytes(), 3).unwrap();
    let table =
        [("identity", event.clone().into_bytes(), 1), ("gzip", gzip(event.as_bytes()), 0), ("zstd", zstd, 0)];
    for (encoding, body, accepted) in table {
        let request = fixture.request("/v1/usage", EVENT, body).header("Content-Encoding", encoding);
        assert_eq!(told(&request.send(fixture.server.address), 200)["Accepted"], accepted, "{encoding}");
    }
    assert_eq!(fixture.pending(), "4.00");
}

fn the_log_says_what_became_of_the_records(backend: Backend) {
    log::keep();
    let fixture = Fixture::new(backend);
    let name = format!("a gateway that is logged on {backend:?}");
    let key = fixture.server.operator_key(&name);
    let body = spans(&[
        span("000000000000000a", &call(1, 1)),
        span("000000000000000b", &call(-1, 1)),
        span("000000000000000c", &json!({"http.method": "GET"})),
        // It counts a request alone, for which there is no price.
        span("000000000000000d", &call(0, 0)),
    ]);
    let request = Http::post(JSON, body.to_string()).at("/v1/traces");
    let reply = request.header("Authorization", &format!("Bearer {key}")).send(fixture.server.address);
    assert_eq!(reply.status, 200);
    let lines = log::lines_with(&name).join("\n");
    for part in [
        "accepted=2",
        "unpriced=1",
        "duplicate=0",
        "refused=1",
        "passed_over=1",
        "passed_over_names=\"no usage: 1\"",
        "less than 0",
        "route=\"/v1/traces\"",
        "status=200",
    ] {
        assert!(lines.contains(part), "{part} is not in {lines}");
    }
    assert_eq!(log::lines_with(&key), Vec::<String>::new());
}

on_each_backend!(
    spans_are_charged_once,
    protobuf_is_answered_in_protobuf,
    refused_spans_are_named_in_the_partial_success,
    payloads_of_litellm_are_charged_once,
    events_of_openmeter_are_charged_once,
    bodies_are_bounded_and_typed,
    a_large_attribute_is_not_in_the_way,
    usage_may_be_compressed,
    the_log_says_what_became_of_the_records,
);
