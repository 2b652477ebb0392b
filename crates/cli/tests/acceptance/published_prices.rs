//! Published price lists: genai-prices with a kind that cannot be read, LiteLLM's list, and files that are neither
//! (docs/PRICES.md, "Published lists").

use serde_json::{Value, json};

use crate::program::{Fixture, on_each_database};

on_each_database! {
    a_kind_that_cannot_be_read_is_named_and_not_charged
    the_list_of_litellm_is_a_list_of_its_own
    usage_without_a_price_is_summed_with_the_nearest_names
    a_file_of_no_known_layout_changes_nothing
}

/// A model with a one-hour cache and a kind of tokens that does not exist.
const GENAI_PRICES: &str = r#"[{"id": "openai", "models": [{"id": "m", "match": {"equals": "m"}, "prices":
    {"input_mtok": 1, "output_mtok": 2, "cache_write_1h_mtok": 4, "web_searches_kcount": 10, "output_hologram_mtok": 9}}]}]"#;

const LITELLM: &str = r#"{
    "sample_spec": {"litellm_provider": "a text", "input_cost_per_token": 0.0},
    "openai/m": {
        "litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 1.5e-06,
        "input_cost_per_token_flex": 7.5e-07, "input_cost_per_token_above_200k_tokens": 3e-06,
        "regional_processing_uplift_multiplier_eu": 1.1
    }
}"#;

fn import(fixture: &Fixture, name: &str, text: &str) -> Value {
    fixture.json(&["prices", "import", fixture.write(name, text).to_str().unwrap()])
}

fn record(id: &str, tier: &str, quantities: &str) -> String {
    format!(
        r#"{{"id":"{id}","time":"2026-01-05T10:00:00Z","company_id":1,"organization_id":1,"resource_id":"k","provider":"openai","model_id":"m","service_tier":"{tier}","product_code":"modelverse","quantities":{quantities}}}"#
    )
}

fn use_it(fixture: &Fixture, records: &[String]) -> Value {
    fixture.json(&["usage", "import", fixture.write("usage.jsonl", records.join("\n")).to_str().unwrap()])
}

fn arrears(fixture: &Fixture) -> Value {
    fixture.json(&["settle"]);
    fixture.json(&["account", "show", "--company", "1"])["ArrearsAmount"].clone()
}

fn a_kind_that_cannot_be_read_is_named_and_not_charged(fixture: &Fixture) {
    fixture.company_in("Acme", "USD");
    let imported = import(fixture, "data.json", GENAI_PRICES);
    let named = json!([{"Kind": "output_hologram_mtok", "Models": [{"Provider": "openai", "ModelID": "m"}]}]);
    assert_eq!(imported["UnreadKinds"], named, "{imported}");
    let file = fixture.path("data.json");
    let output = fixture.run(&["prices", "import", file.to_str().unwrap()]);
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("output_hologram_mtok is not read") && text.contains("openai m"), "{text}");

    let stored = use_it(
        fixture,
        &[
            // 1.00 + 4.00 + 0.03
            record("1", "", r#"{"input":1000000,"cache_write_1h":1000000,"web_search":3}"#),
            record("2", "", r#"{"input":1000000,"output_hologram":1000000}"#),
            // The list has no price for images of this model.
            record("3", "", r#"{"input":1000000,"input_image":1000000}"#),
        ],
    );
    assert_eq!((&stored["Charged"], &stored["Unpriced"]), (&json!(1), &json!(2)), "{stored}");
    assert_eq!(arrears(fixture), "5.03");
    let own = "currency = 'USD'\nunit = 12\n[[model]]\nid = 'm'\nprices = { output_hologram = '9' }";
    assert_eq!(import(fixture, "own.toml", own)["UsageCharged"], 1);
    // 1.00 + 9.00 more
    assert_eq!(arrears(fixture), "15.03");
    fixture.assert_verified(5);
}

fn the_list_of_litellm_is_a_list_of_its_own(fixture: &Fixture) {
    fixture.company_in("Acme", "USD");
    let imported = import(fixture, "model_prices_and_context_window.json", LITELLM);
    assert_eq!(
        (&imported["List"], &imported["Own"], &imported["Prices"]),
        (&json!("litellm"), &json!(false), &json!(3))
    );
    assert_eq!(imported["UnreadKinds"][0]["Kind"], "regional_processing_uplift_multiplier_eu");
    let stored = use_it(
        fixture,
        &[
            record("1", "", r#"{"input":200000}"#),         // 0.30
            record("2", "flex", r#"{"input":200000}"#),     // 0.15
            record("3", "", r#"{"input":200001}"#),         // 0.600003
            record("4", "priority", r#"{"input":200000}"#), // no price
        ],
    );
    assert_eq!((&stored["Charged"], &stored["Unpriced"]), (&json!(3), &json!(1)), "{stored}");
    assert_eq!(arrears(fixture), "1.050003");
    // Imported later, genai-prices stands behind it.
    import(fixture, "data.json", GENAI_PRICES);
    let explain =
        ["prices", "explain", "--company", "1", "--provider", "openai", "--model", "m", "--sku", "input"];
    assert_eq!(fixture.json(&explain)["ListPrice"], "1.50");
    let lists = fixture.json(&["prices", "lists"]);
    let names: Vec<&Value> = lists["Lists"].as_array().unwrap().iter().map(|list| &list["List"]).collect();
    assert_eq!(names, [&json!("litellm"), &json!("genai-prices")], "{lists}");
}

fn a_file_of_no_known_layout_changes_nothing(fixture: &Fixture) {
    let twice = LITELLM.replace("\"mode\": \"chat\"", "\"input_cost_per_token\": 1e-6");
    // file | message
    let table = [
        (r#"{"providers": []}"#, "data.json: is no known price list"),
        (r#"{"m": {"input_cost_per_token": 1e-6}}"#, "data.json: is no known price list"),
        ("[\n{]", "data.json:2: "),
        (twice.as_str(), "data.json: openai/m.input_cost_per_token: is stated twice"),
        (
            &LITELLM.replace("3e-06", "\"3e-06\""),
            "openai/m.input_cost_per_token_above_200k_tokens: must be a number",
        ),
        (
            &GENAI_PRICES.replace("mtok\": 9", "mtok\": 9, \"output_image_mtok\": -1"),
            "openai.models.m.prices.output_image_mtok: must not be negative",
        ),
    ];
    for (text, message) in table {
        let file = fixture.write("data.json", text);
        let (_, said) = fixture.refused(&["prices", "import", file.to_str().unwrap()]);
        assert!(said.contains(message), "{text}: {said}");
    }
    assert_eq!(fixture.json(&["prices", "list"])["Prices"], json!([]));
}

fn usage_without_a_price_is_summed_with_the_nearest_names(fixture: &Fixture) {
    fixture.company_in("Acme", "USD");
    let of = |id: u8, provider: &str, model: &str| {
        record(&id.to_string(), "", r#"{"input":1000000000000000,"output":3}"#).replace(
            r#""provider":"openai","model_id":"m""#,
            &format!(r#""provider":"{provider}","model_id":"{model}""#),
        )
    };
    let imported = use_it(
        fixture,
        &[
            of(1, "zai", "glm-4.6"),
            of(2, "", "mm"),
            of(3, "zai", "glm-4.6"),
            of(4, "zai", "glm-4.6"),
            of(5, "x", "m"),
        ],
    );
    assert_eq!(imported["Unpriced"], 5, "{imported}");
    import(fixture, "litellm.json", &LITELLM.replace("openai/m", "openai/glm-4.7"));
    let summary = fixture.json(&["usage", "unpriced", "--summary", "--limit", "2"]);
    let model = |(provider, model): (&str, &str),
                 records: u8,
                 [input, output]: [&str; 2],
                 near: Value,
                 risk: Value| {
        let of_provider =
            if provider.is_empty() { String::new() } else { format!(" of provider {provider:?}") };
        json!({
            "Provider": provider, "ModelID": model, "Records": records,
            "Quantities": {"input": input, "output": output},
            "Reasons": [{"Reason": format!("model {model:?}{of_provider} has no price in USD"), "Records": records}],
            "Nearest": near,
            "AtRisk": risk,
        })
    };
    let near = json!([{"Provider": "openai", "ModelID": "glm-4.7", "List": "litellm"}]);
    // The nearest model costs 1.5 for a million tokens of input, and has no price of the output.
    let risk = json!([{"Currency": "USD", "Amount": "4500000000.00", "Without": ["output"]}]);
    let expected = json!({
        "Models": [
            model(("zai", "glm-4.6"), 3, ["3000000000000000", "9"], near, risk),
            model(("", "mm"), 1, ["1000000000000000", "3"], json!([]), json!([])),
        ],
        "HasMore": true,
    });
    assert_eq!(summary, expected);
    let text = String::from_utf8(fixture.run(&["usage", "unpriced", "--summary"]).stdout).unwrap();
    assert!(text.contains("3000000000000000") && text.contains("openai glm-4.7"), "{text}");
    let (value, _) = fixture.refused(&["usage", "unpriced", "--summary", "--company", "9"]);
    assert_eq!(value["Error"], "company 9 does not exist");
}
