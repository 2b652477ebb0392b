//! The routes for the operator's programs in the `OpenAPI` document: reports of usage, corrections and standings
//! (docs/GATEWAYS.md).
//!
//! A body has one type that generators know: of two, some generated clients cannot send either.

use serde_json::{Map, Value, json};
use tollbook_domain::account::AccountKind;

/// The name of the security scheme of these routes.
pub(super) const OPERATOR_KEY: &str = "operatorKey";

const JSON: &str = "application/json";
const PROTOBUF: &str = "application/x-protobuf";
const CLOUD_EVENTS: &str = "application/cloudevents-batch+json";

/// A route.
struct Route {
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    description: &'static str,
    /// The body of a `POST`: its content types, each with the schema; none for a `GET`.
    body: &'static [(&'static str, &'static str)],
    success: Success,
    errors: Errors,
}

/// What is answered if the request succeeds.
enum Success {
    /// 200 with a schema for each content type.
    Content(&'static [(&'static str, &'static str)]),
    /// A status without a body.
    Status(&'static str),
}

/// The form of the errors.
#[derive(Clone, Copy)]
enum Errors {
    Problem,
    /// RFC 9457.
    ProblemDetails,
    /// `google.rpc.Status`.
    RpcStatus,
}

const ROUTES: &[Route] = &[
    Route {
        path: "/v1/usage",
        id: "ReportUsage",
        summary: "Report usage",
        description: "Events in the order of the body, each with a result of its own. The answer is sent when what is \
                      accepted is durable; sent again, a record is a duplicate. A single event may be sent as \
                      `application/cloudevents+json`. The body may be compressed with gzip or zstd.",
        body: &[(CLOUD_EVENTS, "UsageEvents")],
        success: Success::Content(&[(JSON, "UsageReport")]),
        errors: Errors::Problem,
    },
    Route {
        path: "/v1/usage/corrections",
        id: "CorrectUsage",
        summary: "Void and replace usage records",
        description: "In one transaction, and once by the key in the body: sent again, it changes nothing.",
        body: &[(JSON, "UsageCorrection")],
        success: Success::Content(&[(JSON, "UsageCorrected")]),
        errors: Errors::Problem,
    },
    Route {
        path: "/v1/companies/{id}/standing",
        id: "GetStanding",
        summary: "What a company owes and can still spend",
        description: "For gateways that decide whether to serve a request.",
        body: &[],
        success: Success::Content(&[(JSON, "Standing")]),
        errors: Errors::Problem,
    },
    Route {
        path: "/v1/traces",
        id: "ReportTraces",
        summary: "Report usage as spans of OpenTelemetry",
        description: "OTLP/HTTP: an `ExportTraceServiceRequest`. The body may be compressed with gzip or zstd.",
        body: &[(JSON, "OtlpTraces"), (PROTOBUF, "Protobuf")],
        success: Success::Content(&[(JSON, "OtlpTracesAccepted"), (PROTOBUF, "Protobuf")]),
        errors: Errors::RpcStatus,
    },
    Route {
        path: "/v1/logs",
        id: "ReportLogs",
        summary: "Report usage as log records of OpenTelemetry",
        description: "OTLP/HTTP: an `ExportLogsServiceRequest`. The body may be compressed with gzip or zstd.",
        body: &[(JSON, "OtlpLogs"), (PROTOBUF, "Protobuf")],
        success: Success::Content(&[(JSON, "OtlpLogsAccepted"), (PROTOBUF, "Protobuf")]),
        errors: Errors::RpcStatus,
    },
    Route {
        path: "/v1/litellm",
        id: "ReportLiteLlm",
        summary: "Report usage as LiteLLM's callback generic_api does",
        description: "A JSON array of payloads. A single payload, and payloads one a line as `application/x-ndjson`, are \
                      accepted too. The body may be compressed with gzip or zstd.",
        body: &[(JSON, "LiteLlmPayloads")],
        success: Success::Content(&[(JSON, "UsageReport")]),
        errors: Errors::Problem,
    },
    Route {
        path: "/api/v1/events",
        id: "IngestEvents",
        summary: "Report usage as clients of OpenMeter do",
        description: "A single event may be sent as `application/cloudevents+json`, and both as `application/json`.",
        body: &[(CLOUD_EVENTS, "OpenMeterEvents")],
        success: Success::Status("204"),
        errors: Errors::ProblemDetails,
    },
    Route {
        path: "/api/v3/openmeter/events",
        id: "IngestMeteringEvents",
        summary: "Report usage as newer clients of OpenMeter do",
        description: "As `/api/v1/events`.",
        body: &[(CLOUD_EVENTS, "OpenMeterEvents")],
        success: Success::Status("202"),
        errors: Errors::ProblemDetails,
    },
];

/// The paths, and the schemas that they refer to.
pub(super) fn add(paths: &mut Map<String, Value>, schemas: &mut Map<String, Value>) {
    for route in ROUTES {
        let method = if route.body.is_empty() { "get" } else { "post" };
        paths.insert(route.path.into(), json!({method: operation(route)}));
    }
    schemas.extend(own_schemas().into_iter().map(|(name, schema)| (name.to_owned(), schema)));
}

fn operation(route: &Route) -> Value {
    let mut responses = match route.success {
        Success::Content(types) => json!({"200": {"description": "Success", "content": content(types)}}),
        Success::Status(status) => json!({status: {"description": "Stored; no body"}}),
    };
    let mut known = vec![
        ("401", "The operator key is missing, unknown or disabled"),
        ("403", "The key does not have the role usage"),
        ("405", "Another method"),
        ("500", "An unforeseen failure: send the request again"),
        ("503", "It may be tried again after Retry-After"),
    ];
    if route.body.is_empty() {
        known.push(("404", "There is no such company"));
    } else {
        known.push(("400", "The body cannot be read, or a record of OpenMeter is refused"));
        known.push(("413", "The body is too long, or has too many records"));
        known.push(("415", "Another content type or encoding"));
    }
    if route.id == "CorrectUsage" {
        known.push(("422", "The correction is refused; nothing was changed"));
    }
    for (status, meaning) in known {
        responses[status] = json!({"description": meaning, "content": content(route.errors.types())});
    }
    let mut operation = json!({
        "operationId": route.id,
        "tags": ["usage"],
        "summary": route.summary,
        "description": route.description,
        "security": [{OPERATOR_KEY: []}],
        "responses": responses
    });
    if route.body.is_empty() {
        operation["parameters"] = json!([{
            "name": "id",
            "in": "path",
            "required": true,
            "description": "`CompanyID`",
            "schema": {"type": "integer", "format": "int64", "minimum": 1}
        }]);
    } else {
        operation["requestBody"] = json!({"required": true, "content": content(route.body)});
    }
    operation
}

impl Errors {
    const fn types(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Problem => &[(JSON, "Problem")],
            Self::ProblemDetails => &[("application/problem+json", "ProblemDetails")],
            Self::RpcStatus => &[(JSON, "RpcStatus"), (PROTOBUF, "Protobuf")],
        }
    }
}

/// Content by type. Lists have no names in generated clients, so they are written out.
fn content(types: &[(&str, &str)]) -> Value {
    let schema = |name: &str| match name {
        "UsageEvents" => list_of("UsageEvent"),
        "OpenMeterEvents" => list_of("OpenMeterEvent"),
        "LiteLlmPayloads" => json!({"type": "array", "items": {"type": "object"}}),
        "Protobuf" => json!({"type": "string", "format": "binary"}),
        name => reference(name),
    };
    types
        .iter()
        .map(|(kind, name)| ((*kind).to_owned(), json!({"schema": schema(name)})))
        .collect::<Map<_, _>>()
        .into()
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

fn list_of(name: &str) -> Value {
    json!({"type": "array", "items": reference(name)})
}

fn text() -> Value {
    json!({"type": "string"})
}

fn count() -> Value {
    json!({"type": "integer", "format": "int64", "minimum": 0})
}

fn number() -> Value {
    json!({"type": "integer", "format": "int64"})
}

fn name() -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": 256})
}

/// An object of required and optional members.
fn object(required: &[(&str, Value)], optional: &[(&str, Value)]) -> Value {
    let names: Vec<&str> = required.iter().map(|(name, _)| *name).collect();
    let properties: Map<String, Value> =
        required.iter().chain(optional).map(|(name, schema)| ((*name).to_owned(), schema.clone())).collect();
    json!({"type": "object", "required": names, "properties": properties})
}

/// An object without other members.
fn closed(required: &[(&str, Value)], optional: &[(&str, Value)]) -> Value {
    let mut object = object(required, optional);
    object["additionalProperties"] = false.into();
    object
}

fn own_schemas() -> Vec<(&'static str, Value)> {
    let company = number;
    let usage_required = [
        ("company_id", company()),
        ("organization_id", number()),
        ("resource_id", described(name(), "API key or sandbox")),
        ("product_code", described(name(), "A product of the catalogue")),
        (
            "quantities",
            json!({
                "type": "object",
                "description": "Counts in base units by SKU, such as `input` and `output`; disjoint",
                "additionalProperties": count()
            }),
        ),
    ];
    let short = || json!({"type": "string", "maxLength": 256});
    let usage_optional = [
        ("resource_name", short()),
        ("resource_type", number()),
        ("user_email", short()),
        ("provider", short()),
        ("model_id", short()),
        ("region", short()),
        ("service_tier", described(short(), "Such as `flex`, `priority` or `batch`")),
        ("free", described(json!({"type": "boolean"}), "Whether it was free; then it may count nothing")),
    ];
    let mut record = vec![
        ("id", name()),
        ("time", json!({"type": ["integer", "string"], "description": "Unix seconds, or RFC 3339"})),
    ];
    record.extend(usage_required.iter().cloned());
    let mut record_optional = vec![("source", short())];
    record_optional.extend(usage_optional.iter().cloned());
    let event = [
        ("specversion", json!({"type": "string", "const": "1.0"})),
        ("id", described(name(), "With `source` the identity of the record for 24 hours")),
        ("source", described(name(), "The program that reports it")),
        ("type", described(json!({"type": "string", "minLength": 1}), "Any, such as `com.example.usage`")),
        ("time", json!({"type": "string", "format": "date-time"})),
        ("data", reference("UsageData")),
    ];
    let balances = AccountKind::ALL.map(|kind| (kind.json_name(), amount()));
    let partial = |rejected: &'static str| {
        let partial = object(&[(rejected, text()), ("errorMessage", text())], &[]);
        object(&[], &[("partialSuccess", partial)])
    };
    let spans = |member: &'static str| {
        object(&[], &[(member, json!({"type": "array", "items": {"type": "object"}}))])
    };
    vec![
        ("UsageEvent", object(&event, &[])),
        ("UsageData", closed(&usage_required, &usage_optional)),
        ("UsageRecord", closed(&record, &record_optional)),
        (
            "UsageReport",
            object(
                &[
                    ("Accepted", count()),
                    ("Duplicate", count()),
                    ("Refused", count()),
                    ("Results", list_of("UsageResult")),
                ],
                &[],
            ),
        ),
        (
            "UsageResult",
            object(
                &[
                    ("Index", described(count(), "Place of the record in the request, from 0")),
                    ("Id", described(text(), "Empty if it cannot be read")),
                    ("Source", described(text(), "Empty if it cannot be read")),
                    ("Status", one_of(&["accepted", "duplicate", "refused"])),
                ],
                &[
                    ("Pricing", described(one_of(&["charged", "free", "unpriced"]), "Of an accepted record")),
                    ("Reason", described(text(), "Why it is refused or has no price")),
                ],
            ),
        ),
        (
            "UsageCorrection",
            closed(
                &[
                    ("key", described(name(), "The correction is made once by it")),
                    ("reason", name()),
                    ("company_id", company()),
                ],
                &[
                    ("void", list_of("VoidedRecord")),
                    (
                        "replace",
                        json!({"type": "array", "items": {"anyOf": [reference("UsageRecord"), reference("UsageEvent")]}}),
                    ),
                    (
                        "dry_run",
                        described(json!({"type": "boolean"}), "Show what would be done, and change nothing"),
                    ),
                ],
            ),
        ),
        (
            "VoidedRecord",
            closed(
                &[("id", name())],
                &[
                    ("source", described(name(), "Any, if it is absent")),
                    ("time", described(number(), "Unix seconds; tells records of one source and id apart")),
                ],
            ),
        ),
        (
            "UsageCorrected",
            object(
                &[
                    ("Repeated", json!({"type": "boolean"})),
                    ("DryRun", json!({"type": "boolean"})),
                    ("Records", count()),
                    ("Unchanged", count()),
                    ("OrdersReplaced", count()),
                    ("OrdersMade", count()),
                    ("Orders", list_of("ReplacedOrder")),
                ],
                &[],
            ),
        ),
        (
            "ReplacedOrder",
            object(
                &[
                    ("OrderNo", text()),
                    ("Total", amount()),
                    ("ReplacedByOrderNo", described(text(), "Empty if nothing is left of the order")),
                    ("ReplacedByTotal", amount()),
                    ("ReplacedByStatus", number()),
                ],
                &[],
            ),
        ),
        (
            "Standing",
            object(
                &[
                    ("CompanyID", company()),
                    ("Currency", text()),
                    ("Standing", one_of(&["ok", "arrears"])),
                    ("ArrearsSince", described(number(), "Unix seconds; 0 if there is no unpaid order")),
                    ("ArrearsAmount", amount()),
                    ("ArrearsOrders", count()),
                    ("Balances", reference("Balances")),
                    ("CreditLimit", amount()),
                    ("AvailableAmount", described(amount(), "What could be spent on an order")),
                    ("PendingAmount", described(amount(), "What usage that is not ordered yet would cost")),
                ],
                &[],
            ),
        ),
        ("Balances", object(&balances, &[])),
        ("OtlpTraces", spans("resourceSpans")),
        ("OtlpLogs", spans("resourceLogs")),
        ("OtlpTracesAccepted", partial("rejectedSpans")),
        ("OtlpLogsAccepted", partial("rejectedLogRecords")),
        ("RpcStatus", object(&[("code", number()), ("message", text())], &[])),
        (
            "OpenMeterEvent",
            object(
                &[
                    ("specversion", json!({"type": "string", "const": "1.0"})),
                    ("id", name()),
                    ("source", name()),
                    ("type", json!({"type": "string", "minLength": 1})),
                    ("subject", described(name(), "What the owner is looked up by")),
                ],
                &[
                    (
                        "time",
                        described(json!({"type": "string", "format": "date-time"}), "Default: its arrival"),
                    ),
                    (
                        "data",
                        described(
                            json!({"type": "object"}),
                            "Model and tokens (docs/GATEWAYS.md, \"OpenMeter\")",
                        ),
                    ),
                ],
            ),
        ),
        ("Problem", object(&[("Error", described(text(), "What the caller can do about it"))], &[])),
        (
            "ProblemDetails",
            object(&[("type", text()), ("title", text()), ("status", number()), ("detail", text())], &[]),
        ),
    ]
}

fn described(mut schema: Value, meaning: &str) -> Value {
    schema["description"] = meaning.into();
    schema
}

fn one_of(texts: &[&str]) -> Value {
    json!({"type": "string", "enum": texts})
}

fn amount() -> Value {
    json!({"type": "string", "pattern": "^-?[0-9]+\\.[0-9]{2,8}$"})
}
