//! Spans of requests and jobs for OpenTelemetry, if an endpoint is configured by `OTEL_*` (docs/MONITORING.md, "Traces").
//! They are exported by a thread of their own, in batches; what the receiver does not take in time is dropped.

use std::time::Duration;

use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, TextMapPropagator as _};
use opentelemetry::trace::{TraceContextExt as _, TracerProvider as _};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tollbook_api::HeaderMap;
use tracing::{Metadata, Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

use super::environment::variable;
use crate::output::Failure;

/// The name of the service, unless `OTEL_SERVICE_NAME` or `OTEL_RESOURCE_ATTRIBUTES` states another one.
const SERVICE: &str = "tollbook";
/// Rounds of background workers: there is one a second, whether there is something to do or not.
const ROUNDS: [&str; 2] = ["round", "settle_round"];
/// Longest time that the receiver has for a batch.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Most bytes of an answer of the receiver.
const ANSWER_BYTES: u64 = 4 << 20;
/// How long the end of the process waits for the last batch.
const LAST_TIMEOUT: Duration = Duration::from_secs(2);

/// Exports spans until it is dropped; what is left is exported then.
pub(super) struct Spans(SdkTracerProvider);

impl Spans {
    /// The exporter that the environment configures; `None` if it configures none.
    pub(super) fn from_environment() -> Result<Option<Self>, Failure> {
        let mut endpoint = None;
        for name in ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"] {
            endpoint = endpoint.or(variable(name)?.map(|url| (name, url)));
        }
        let is_disabled =
            variable("OTEL_SDK_DISABLED")?.is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let exporter = variable("OTEL_TRACES_EXPORTER")?.unwrap_or_else(|| "otlp".to_owned());
        let Some((endpoint_name, endpoint)) = endpoint.filter(|_| !is_disabled && exporter != "none") else {
            return Ok(None);
        };
        if exporter != "otlp" {
            return Err(Failure::new("OTEL_TRACES_EXPORTER: must be otlp or none".to_owned()));
        }
        for name in ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"] {
            if variable(name)?.is_some_and(|protocol| protocol != "http/protobuf") {
                return Err(Failure::new(format!("{name}: must be http/protobuf")));
            }
        }
        if !(endpoint.starts_with("http://") || endpoint.starts_with("https://")) {
            let reason = "must be a URL that begins with http:// or https://";
            return Err(Failure::new(format!("{endpoint_name}: {reason}")));
        }
        // The exporter judges the status itself.
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            .http_status_as_error(false)
            .max_redirects(0)
            .build()
            .into();
        // Endpoint, headers and timeout are read from the environment by the exporter.
        let exporter = SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_http_client(Client(agent))
            .build()
            .map_err(|error| Failure::new(format!("the exporter of spans: {error}")))?;
        let mut resource = Resource::builder();
        if variable("OTEL_SERVICE_NAME")?.is_none()
            && !variable("OTEL_RESOURCE_ATTRIBUTES")?.is_some_and(|text| text.contains("service.name="))
        {
            resource = resource.with_service_name(SERVICE);
        }
        // The sampler and the size of batches are read from the environment too.
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource.build())
            .build();
        tollbook_api::follow_traces(follow);
        Ok(Some(Self(provider)))
    }

    /// Receives the spans of requests and jobs.
    pub(super) fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        let tracer = self.0.tracer(SERVICE);
        tracing_opentelemetry::layer().with_tracer(tracer).with_filter(filter_fn(is_exported))
    }
}

impl Drop for Spans {
    fn drop(&mut self) {
        // A receiver that does not answer keeps the process for this long.
        let _ = self.0.shutdown_with_timeout(LAST_TIMEOUT);
    }
}

/// Spans of this program, but those of rounds, and its events within them. Events outside of a span are not exported.
fn is_exported(metadata: &Metadata<'_>) -> bool {
    metadata.target().starts_with("tollbook")
        && *metadata.level() <= tracing::Level::INFO
        && !(metadata.is_span() && ROUNDS.contains(&metadata.name()))
}

/// Makes a span a child of the one that its request names.
fn follow(span: &Span, headers: &HeaderMap) {
    let parent = TraceContextPropagator::new().extract_with_context(&Context::new(), &Headers(headers));
    if parent.span().span_context().is_valid() {
        // It fails for a span that is not exported.
        let _ = span.set_parent(parent);
    }
}

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(tollbook_api::HeaderName::as_str).collect()
    }
}

/// Sends batches by the client that the program has already.
#[derive(Debug)]
struct Client(ureq::Agent);

#[async_trait::async_trait]
impl HttpClient for Client {
    /// Blocks; it is called on the thread of the exporter alone.
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (head, body) = request.into_parts();
        let request = Request::from_parts(head, body.to_vec());
        let (head, mut body) = self.0.run(request)?.into_parts();
        Ok(Response::from_parts(head, body.with_config().limit(ANSWER_BYTES).read_to_vec()?.into()))
    }
}
