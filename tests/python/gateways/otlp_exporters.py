"""Exports spans with OpenTelemetry's SDK over OTLP/HTTP, in protobuf and in JSON, plain and compressed.

    otlp_exporters.py REQUEST

REQUEST is a JSON object: "Times", how often each batch is exported. One JSON array on standard output, with an object
for each exporter: "Exporter", its name; "Results", of each export; "Pending" after them.
"""

import json
import sys

from opentelemetry.exporter.otlp.common.http import Compression as JsonCompression
from opentelemetry.exporter.otlp.json.http.trace_exporter import OTLPSpanExporter as JsonExporter
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from tollbook import KEY, SERVER, pending

TOKENS = {
    "gen_ai.usage.input_tokens": 1000,
    "gen_ai.usage.cache_read.input_tokens": 400,
    "gen_ai.usage.output_tokens": 50,
}


def spans() -> list:
    """An agent that calls a model twice, the second time through a gateway, with a request to a database between."""
    memory = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource.create({"service.name": "shop"}))
    provider.add_span_processor(SimpleSpanProcessor(memory))
    tracer = provider.get_tracer("tests")

    def call(name: str, **more: str):
        attributes = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m-1", **TOKENS, **more}
        return tracer.start_as_current_span(name, attributes=attributes)

    agent = {"gen_ai.operation.name": "invoke_agent", **{name: 2 * count for name, count in TOKENS.items()}}
    with tracer.start_as_current_span("agent", attributes=agent):
        with call("first"):
            pass
        with tracer.start_as_current_span("SELECT", attributes={"db.system": "sqlite"}):
            pass
        with call("gateway"), tracer.start_as_current_span("POST"), call("provider"):
            pass
    return list(memory.get_finished_spans())


def main() -> None:
    """Exports a batch with each exporter; prints one JSON object."""
    times = json.loads(sys.argv[1])["Times"]
    to = {"endpoint": f"{SERVER}/v1/traces", "headers": {"Authorization": f"Bearer {KEY}"}}
    exporters = {
        "protobuf": OTLPSpanExporter(**to),
        "protobuf, gzip": OTLPSpanExporter(**to, compression=Compression.Gzip),
        "json": JsonExporter(**to),
        "json, gzip": JsonExporter(**to, compression=JsonCompression.GZIP),
    }
    found = []
    for name, exporter in exporters.items():
        batch = spans()
        results = [exporter.export(batch).name for _ in range(times)]
        found.append({"Exporter": name, "Results": results, "Pending": str(pending())})
        exporter.shutdown()
    sys.stdout.write(json.dumps(found))


main()
