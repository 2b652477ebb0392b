//! The calls in a request: which spans and log records are counted, each once, and what a mapping reads of them.

use std::collections::HashMap;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;

use super::export::{Call, Export, Selection};
use super::json_text::{JsonText, digits};
use super::names::names;
use super::summaries::{Role, role, text};

/// Most spans that are followed from a call to the root of its trace.
const MAX_ANCESTORS: usize = 256;

/// A resource, and its attributes as JSON once a call needs them.
struct Origin<'r> {
    attributes: &'r [KeyValue],
    json: Option<String>,
    is_selected: bool,
}

impl<'r> Origin<'r> {
    fn of(resource: Option<&'r Resource>, selection: &Selection) -> Self {
        let attributes = resource.map(|resource| resource.attributes.as_slice()).unwrap_or_default();
        let service = attributes.iter().find(|attribute| attribute.key == "service.name").map(text);
        let is_selected = is_named(&selection.services, service.unwrap_or_default());
        Self { attributes, json: None, is_selected }
    }

    fn json(&mut self) -> &str {
        self.json.get_or_insert_with(|| {
            let mut json = JsonText::default();
            json.attributes(self.attributes);
            json.into_string()
        })
    }
}

fn is_named(names: &[String], name: &str) -> bool {
    names.is_empty() || names.iter().any(|known| known == name)
}

/// What a call has beside its attributes.
struct Head<'c> {
    trace_id: &'c [u8],
    span_id: &'c [u8],
    parent_id: &'c [u8],
    name: &'c str,
    start: u64,
    end: u64,
    is_error: bool,
}

pub(super) fn of_spans(request: &ExportTraceServiceRequest, selection: &Selection) -> Export {
    let mut export = Export::default();
    let repeated = repeated_calls(request, selection);
    let mut number = 0;
    for resource in &request.resource_spans {
        let mut origin = Origin::of(resource.resource.as_ref(), selection);
        for scope in &resource.scope_spans {
            for span in &scope.spans {
                let role = if repeated.contains(&number) { Role::Summary } else { role(&span.attributes) };
                number += 1;
                let head = Head {
                    trace_id: &span.trace_id,
                    span_id: &span.span_id,
                    parent_id: &span.parent_span_id,
                    name: &span.name,
                    start: span.start_time_unix_nano,
                    end: span.end_time_unix_nano,
                    is_error: is_error(span),
                };
                export.add(role, &mut origin, scope.scope.as_ref(), &head, &span.attributes, selection);
            }
        }
    }
    export
}

fn is_error(span: &Span) -> bool {
    span.status.as_ref().is_some_and(|status| status.code == i32::from(StatusCode::Error))
}

/// The numbers of the calls that have another call below them: spans of gateways and SDKs above the one that called the
/// provider.
fn repeated_calls(request: &ExportTraceServiceRequest, selection: &Selection) -> Vec<usize> {
    let spans: Vec<(&Span, Role)> = (request.resource_spans.iter())
        .flat_map(|resource| {
            let is_selected = Origin::of(resource.resource.as_ref(), selection).is_selected;
            resource.scope_spans.iter().map(move |scope| (scope, is_selected))
        })
        .flat_map(|(scope, is_selected)| {
            let name = scope.scope.as_ref().map_or("", |scope| scope.name.as_str());
            let is_selected = is_selected && is_named(&selection.scopes, name);
            scope.spans.iter().map(move |span| match role(&span.attributes) {
                Role::Call if !is_selected => (span, Role::Other),
                role => (span, role),
            })
        })
        .collect();
    let calls = spans.iter().filter(|(_, role)| *role == Role::Call);
    if calls.count() < 2 {
        return Vec::new();
    }
    let by_id: HashMap<(&[u8], &[u8]), usize> = (spans.iter().enumerate())
        .map(|(number, (span, _))| ((span.trace_id.as_slice(), span.span_id.as_slice()), number))
        .collect();
    let mut repeated = Vec::new();
    for (call, _) in spans.iter().filter(|(_, role)| *role == Role::Call) {
        let mut parent_id = call.parent_span_id.as_slice();
        for _ in 0..MAX_ANCESTORS {
            let Some(number) = by_id.get(&(call.trace_id.as_slice(), parent_id)) else { break };
            let (parent, role) = spans[*number];
            match role {
                Role::Tool => break,
                // A span that is its own ancestor repeats nothing.
                Role::Call if parent.span_id != call.span_id => repeated.push(*number),
                _ => {}
            }
            parent_id = &parent.parent_span_id;
        }
    }
    repeated.sort_unstable();
    repeated.dedup();
    repeated
}

pub(super) fn of_log_records(request: &ExportLogsServiceRequest, selection: &Selection) -> Export {
    let mut export = Export::default();
    for resource in &request.resource_logs {
        let mut origin = Origin::of(resource.resource.as_ref(), selection);
        for scope in &resource.scope_logs {
            for record in &scope.log_records {
                let head = Head {
                    trace_id: &record.trace_id,
                    span_id: &record.span_id,
                    parent_id: &[],
                    name: &record.event_name,
                    start: 0,
                    end: time(record),
                    is_error: false,
                };
                let role = role(&record.attributes);
                export.add(role, &mut origin, scope.scope.as_ref(), &head, &record.attributes, selection);
            }
        }
    }
    export
}

fn time(record: &LogRecord) -> u64 {
    if record.time_unix_nano > 0 { record.time_unix_nano } else { record.observed_time_unix_nano }
}

impl Export {
    fn add(
        &mut self,
        role: Role,
        origin: &mut Origin<'_>,
        scope: Option<&InstrumentationScope>,
        head: &Head<'_>,
        attributes: &[KeyValue],
        selection: &Selection,
    ) {
        let scope = scope.map_or("", |scope| scope.name.as_str());
        let passed_over = &mut self.passed_over;
        match role {
            Role::Other => passed_over.no_usage += 1,
            _ if !origin.is_selected || !is_named(&selection.scopes, scope) => passed_over.not_selected += 1,
            Role::WithoutUsage => passed_over.without_counts += 1,
            Role::Tool | Role::Summary => passed_over.summaries += 1,
            Role::Call => {
                if let Err(reason) = check(head, attributes) {
                    self.refused.push(format!("{}: {reason}", id(head)));
                    return;
                }
                let json = json(head, scope, attributes, origin.json());
                let names = names(attributes, origin.attributes, &selection.owner_attributes);
                self.calls.push(Call { json, names, id: id(head) });
            }
        }
    }
}

fn id(head: &Head<'_>) -> String {
    format!("span {}-{}", digits(head.trace_id), digits(head.span_id))
}

/// Refuses a call that cannot be told from others, or whose counts are no numbers of tokens.
fn check(head: &Head<'_>, attributes: &[KeyValue]) -> Result<(), String> {
    let is_id = |id: &[u8], bytes: usize| id.len() == bytes && id.iter().any(|byte| *byte != 0);
    if !is_id(head.trace_id, 16) {
        return Err("trace id: must be 16 bytes that are not all 0".to_owned());
    }
    if !is_id(head.span_id, 8) {
        return Err("span id: must be 8 bytes that are not all 0".to_owned());
    }
    for attribute in attributes {
        let Some(AnyValue { value: Some(Value::DoubleValue(number)) }) = &attribute.value else { continue };
        let is_count = attribute.key.ends_with("tokens") || attribute.key.starts_with("llm.token_count.");
        if is_count && !(number.is_finite() && number.fract() == 0.0) {
            return Err(format!("{}: is not a whole number", attribute.key));
        }
    }
    Ok(())
}

fn json(head: &Head<'_>, scope: &str, attributes: &[KeyValue], resource: &str) -> String {
    let mut json = JsonText::default();
    json.raw("{\"name\":").text(head.name);
    json.raw(",\"context\":{\"trace_id\":").id(head.trace_id).raw(",\"span_id\":").id(head.span_id);
    json.raw("},\"parent_id\":");
    match head.parent_id {
        [] => json.raw("null"),
        parent_id => json.id(parent_id),
    };
    json.raw(",\"start_time\":").time(head.start).raw(",\"end_time\":").time(head.end);
    json.raw(",\"status\":{\"status_code\":").text(if head.is_error { "ERROR" } else { "UNSET" });
    json.raw("},\"attributes\":").attributes(attributes);
    json.raw(",\"scope\":{\"name\":").text(scope).raw("},\"resource\":{\"attributes\":").raw(resource);
    json.raw("}}");
    json.into_string()
}
