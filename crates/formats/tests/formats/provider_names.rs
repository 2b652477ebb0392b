//! Provider names as OpenTelemetry and LiteLLM write them (`cases/usage` of the shared data, 08 to 10), with the published
//! list: what the list has is charged exactly, and nothing else is charged.

use serde_json::Value;
use tollbook_domain::Usage;
use tollbook_domain::money::format_decimal;
use tollbook_domain::price::ModelPrices;
use tollbook_formats::prices::PriceList;
use tollbook_testkit::shared_data;

use crate::published_prices::{charged, list, published};

fn count(value: &Value) -> i64 {
    value.as_i64().unwrap()
}

/// Provider, model and amount of a use, or `unpriced`.
fn shown(list: &PriceList, provider: &Value, model: &Value, quantities: &[(&str, i64)]) -> String {
    let (provider, model) = (provider.as_str().unwrap(), model.as_str().unwrap());
    let usage = Usage {
        company_id: 1,
        provider: provider.into(),
        model_id: model.into(),
        // 2026-06-17T09:15:06Z, when DeepSeek's price is that of the day.
        time_s: 1_781_687_706,
        quantities: quantities.iter().map(|(sku, count)| ((*sku).to_owned(), *count)).collect(),
        ..Usage::default()
    };
    let prices = ModelPrices::choose(&list.prices, provider, model, "USD");
    let amount = charged(&prices, &usage)
        .map_or_else(|_| "unpriced".to_owned(), |(input, output)| format_decimal(input + output, 18, 0));
    format!("{provider} {model} {amount}")
}

#[test]
fn providers_are_found_by_the_names_of_the_field() {
    let (Some(folder), Some(cases)) = (published(), shared_data("cases/usage")) else { return };
    let list = list(&folder);
    let rows = |name: &str| -> Vec<Value> {
        let text = std::fs::read_to_string(cases.join(name)).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let mut found = Vec::new();
    for row in rows("08-provider-name.otel.jsonl") {
        let of = |name: &str| &row["attributes"][name];
        let quantities = [
            ("input", count(of("gen_ai.usage.input_tokens"))),
            ("output", count(of("gen_ai.usage.output_tokens"))),
        ];
        found.push(shown(&list, of("gen_ai.provider.name"), of("gen_ai.request.model"), &quantities));
    }
    for row in rows("09-provider-names.litellm.jsonl") {
        let quantities =
            [("input", count(&row["prompt_tokens"])), ("output", count(&row["completion_tokens"]))];
        found.push(shown(&list, &row["custom_llm_provider"], &row["model"], &quantities));
    }
    for row in rows("10-bedrock.litellm.jsonl") {
        let usage = &row["metadata"]["usage_object"];
        let read = count(&usage["cache_read_input_tokens"]);
        let written = count(&usage["cache_creation_input_tokens"]);
        let quantities = [
            ("cache_read", read),
            ("cache_write", written),
            ("input", count(&usage["prompt_tokens"]) - read - written),
            ("output", count(&usage["completion_tokens"])),
        ];
        found.push(shown(&list, &row["custom_llm_provider"], &row["model"], &quantities));
    }
    // By the list: 100 tokens at the input price and 10 at the output price, and so on. Fireworks and Novita have no model of
    // these names in it; Z.ai's prices are not those of Zhipu's platform in China, which the list has; and an embedding
    // model has no price for output.
    let expected = [
        "aws.bedrock us.anthropic.claude-sonnet-4-5-20250929-v1:0 0.0018051",
        "openai gpt-4o-mini 0.000021",
        "azure gpt-4o-mini 0.000021",
        "azure_ai gpt-4o-mini 0.000021",
        "anthropic claude-sonnet-4-5-20250929 0.00045",
        "bedrock anthropic.claude-sonnet-4-5-20250929-v1:0 0.000495",
        "bedrock_converse us.anthropic.claude-sonnet-4-5-20250929-v1:0 0.000495",
        "vertex_ai gemini-2.5-flash 0.000055",
        "vertex_ai claude-sonnet-4-5@20250929 0.00045",
        "gemini gemini-2.5-flash 0.000055",
        "mistral mistral-large-latest 0.00026",
        "deepseek deepseek-chat 0.000038",
        "groq llama-3.3-70b-versatile 0.0000669",
        "cohere_chat command-r-plus 0.00035",
        "cohere command-r-plus 0.00035",
        "xai grok-4 0.00045",
        "together_ai meta-llama/Llama-3.3-70B-Instruct-Turbo 0.0000968",
        "fireworks_ai accounts/fireworks/models/deepseek-v3 unpriced",
        "openrouter openai/gpt-4o-mini 0.000021",
        "perplexity sonar 0.00011",
        "cerebras llama3.1-8b 0.000011",
        "moonshot kimi-k2-0905-preview 0.000085",
        "zai glm-4.6 unpriced",
        "minimax MiniMax-M2 0.000042",
        "novita deepseek/deepseek-v3-turbo unpriced",
        "text-completion-openai gpt-3.5-turbo-instruct 0.00017",
        "voyage voyage-3 unpriced",
        "bedrock eu.anthropic.claude-opus-4-5-20251101-v1:0 0.400343625",
    ];
    assert_eq!(found, expected);
}
