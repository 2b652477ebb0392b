//! Spans of requests, exported to a receiver of OTLP over HTTP.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::process::Stdio;
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value as AnyValue;
use prost::Message as _;

use crate::monitoring::{CONFIG, get};
use crate::program::{Fixture, Server};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

/// A request of the exporter: its head and what it contains.
struct Exported {
    head: String,
    request: ExportTraceServiceRequest,
}

/// Receives requests, answers each, and passes it on.
fn receiver() -> (String, Receiver<Exported>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let (mut head, mut line) = (String::new(), String::new());
            while stream.read_line(&mut line).unwrap() > 2 {
                head += &std::mem::take(&mut line).to_lowercase();
            }
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            let mut body = vec![0; length.parse().unwrap()];
            stream.read_exact(&mut body).unwrap();
            let answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            stream.get_mut().write_all(answer.as_bytes()).unwrap();
            let request = ExportTraceServiceRequest::decode(body.as_slice()).unwrap();
            if sender.send(Exported { head, request }).is_err() {
                return;
            }
        }
    });
    (endpoint, receiver)
}

fn start(fixture: &Fixture, environment: &[(&'static str, String)]) -> Server {
    std::fs::create_dir_all(fixture.data()).unwrap();
    fixture.write("data/tollbook.toml", CONFIG);
    fixture.start_in(&["serve"], "127.0.0.1:0", Stdio::piped(), environment)
}

fn text<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a str> {
    let value = attributes.iter().find(|attribute| attribute.key == key)?.value.as_ref()?;
    match value.value.as_ref()? {
        AnyValue::StringValue(text) => Some(text),
        _ => None,
    }
}

fn ask(url: &str) {
    let trace = format!("00-{TRACE}-{PARENT}-01");
    let mut answer = ureq::get(url).header("traceparent", trace).call().unwrap();
    answer.body_mut().read_to_string().unwrap();
}

#[test]
fn a_request_is_a_span_of_the_trace_that_it_names() {
    let (endpoint, exported) = receiver();
    let fixture = Fixture::new();
    let environment = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=seven".to_owned()),
        ("OTEL_SERVICE_NAME", "billing".to_owned()),
    ];
    let mut server = start(&fixture, &environment);
    ask(&format!("{}/?Action=ListPaidOrders", server.url()));
    // What is left is exported at the end.
    server.stop();
    let mut spans = Vec::new();
    while let Ok(Exported { head, request }) = exported.try_recv() {
        assert!(head.starts_with("post /v1/traces http/1.1"), "{head}");
        assert!(
            head.contains("x-tenant: seven") && head.contains("content-type: application/x-protobuf"),
            "{head}"
        );
        for resource in request.resource_spans {
            let attributes = resource.resource.unwrap().attributes;
            assert_eq!(text(&attributes, "service.name"), Some("billing"));
            spans.extend(resource.scope_spans.into_iter().flat_map(|scope| scope.spans));
        }
    }
    let span = spans.iter().find(|span| span.name == "request").unwrap();
    assert_eq!(
        (hex::encode(&span.trace_id), hex::encode(&span.parent_span_id)),
        (TRACE.into(), PARENT.into())
    );
    assert_eq!(text(&span.attributes, "action"), Some("ListPaidOrders"));
    assert!(text(&span.attributes, "request_uuid").is_some());
    assert!(spans.iter().all(|span| span.name != "round" && span.name != "settle_round"), "{spans:?}");
}

#[test]
fn spans_are_not_exported_unless_that_is_configured() {
    let (endpoint, exported) = receiver();
    let fixture = Fixture::new();
    let to = ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint);
    for environment in [
        vec![],
        vec![to.clone(), ("OTEL_SDK_DISABLED", "true".to_owned())],
        vec![to.clone(), ("OTEL_TRACES_EXPORTER", "none".to_owned())],
    ] {
        let mut server = start(&fixture, &environment);
        ask(&format!("{}/?Action=ListPaidOrders", server.url()));
        server.stop();
    }
    // The sampler is that of the environment.
    let mut server = start(&fixture, &[to, ("OTEL_TRACES_SAMPLER", "always_off".to_owned())]);
    ask(&format!("{}/?Action=ListPaidOrders", server.url()));
    server.stop();
    assert!(exported.try_recv().is_err());
}

#[test]
fn a_receiver_that_does_not_answer_holds_no_request_up() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let fixture = Fixture::new();
    let environment = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{}", silent.local_addr().unwrap())),
        ("OTEL_BSP_SCHEDULE_DELAY", "10".to_owned()),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "8".to_owned()),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4".to_owned()),
    ];
    let mut server = start(&fixture, &environment);
    let begin = Instant::now();
    // More spans than the queue takes.
    for _ in 0..100 {
        ask(&format!("{}/?Action=ListPaidOrders", server.url()));
    }
    let taken = begin.elapsed();
    let (status, _) = get(&format!("{}/healthz", server.url()));
    assert_eq!(status, 200);
    server.stop();
    // The receiver has ten seconds for one batch alone.
    assert!(taken.as_secs() < 10, "{taken:?}");
}

#[test]
fn what_is_not_understood_is_refused_by_its_name() {
    let fixture = Fixture::new();
    for (name, value, reason) in [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "OTEL_EXPORTER_OTLP_PROTOCOL: must be http/protobuf"),
        ("OTEL_TRACES_EXPORTER", "zipkin", "OTEL_TRACES_EXPORTER: must be otlp or none"),
        (
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            "collector",
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: must be a URL",
        ),
    ] {
        let mut command = fixture.command(&["--json", "serve", "--listen", "127.0.0.1:0"]);
        let output = command
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
            .env(name, value)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(!output.status.success() && said.contains(reason), "{name}: {said}");
    }
}
