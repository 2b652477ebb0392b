//! Which spans and log records state usage, and which of those only repeat what other ones state: spans of agents, chains
//! and SDK functions that add up the calls within them (docs/GATEWAYS.md, "What is counted once").

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};

/// What a span or log record is, by its attributes alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// It says nothing about usage.
    Other,
    /// It names an operation of a model that is charged, but no counts.
    WithoutUsage,
    /// It runs a tool. What a tool calls is not a part of the call that the tool belongs to.
    Tool,
    /// It adds up calls.
    Summary,
    /// A call of a model with counts.
    Call,
}

/// Prefixes of the attributes with counts: GenAI conventions, Vercel, OpenInference, OpenLLMetry; and the name of Langfuse.
const USAGE: [&str; 5] =
    ["gen_ai.usage.", "ai.usage.", "llm.token_count.", "llm.usage.", "langfuse.observation.usage_details"];

/// Operations of the GenAI conventions that consist of calls or of none.
const NOT_CALLS: [&str; 6] =
    ["invoke_agent", "create_agent", "execute_tool", "invoke_workflow", "plan", "retrieval"];

/// Kinds of OpenInference and Langfuse that are calls.
const CALL_KINDS: [&str; 4] = ["llm", "generation", "embedding", "reranker"];

/// The text of an attribute; empty for another value.
pub(super) fn text(attribute: &KeyValue) -> &str {
    match &attribute.value {
        Some(AnyValue { value: Some(Value::StringValue(text)) }) => text,
        _ => "",
    }
}

pub(super) fn role(attributes: &[KeyValue]) -> Role {
    let (mut has_usage, mut is_summary, mut is_tool, mut is_operation) = (false, false, false, false);
    for attribute in attributes {
        let name = attribute.key.as_str();
        has_usage |= USAGE.iter().any(|prefix| name.starts_with(prefix));
        let kind = match name {
            "gen_ai.operation.name" => {
                let operation = text(attribute);
                is_summary |= NOT_CALLS.contains(&operation);
                is_operation |= !NOT_CALLS.contains(&operation);
                operation
            }
            "openinference.span.kind" | "langfuse.observation.type" => {
                let kind = text(attribute);
                let is_call = CALL_KINDS.iter().any(|call| kind.eq_ignore_ascii_case(call));
                is_summary |= !is_call;
                is_operation |= is_call;
                kind
            }
            // OpenLLMetry: workflow, task, agent, tool. Calls have no kind.
            "traceloop.span.kind" => {
                is_summary = true;
                text(attribute)
            }
            // Vercel: `ai.generateText` adds up `ai.generateText.doGenerate`.
            "ai.operationId" => {
                let operation = text(attribute);
                let is_call = operation.rsplit('.').next().is_some_and(|last| last.starts_with("do"));
                is_summary |= !is_call;
                is_operation |= is_call;
                if operation == "ai.toolCall" { "tool" } else { "" }
            }
            _ => "",
        };
        is_tool |= kind == "execute_tool" || kind.eq_ignore_ascii_case("tool");
    }
    match () {
        () if is_tool => Role::Tool,
        () if is_summary => Role::Summary,
        () if has_usage => Role::Call,
        () if is_operation => Role::WithoutUsage,
        () => Role::Other,
    }
}
