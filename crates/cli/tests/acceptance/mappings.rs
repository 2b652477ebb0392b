//! Usage of other programs through mappings: what is charged, what is not and why, and exit codes (`docs/USAGE_FILES.md`).

use serde_json::{Value, json};

use crate::program::{Fixture, on_each_database};

on_each_database! {
    records_are_charged_or_named
    an_import_that_reads_nothing_fails
}

const PRICES: &str = r#"
    currency = "USD"
    unit = 12
    [[model]]
    id = "gpt-5"
    provider = "openai"
    [model.prices]
    input = "1.25"
    cache_read = "0.125"
    output = "10"
    [[model]]
    id = "sonar-pro"
    provider = "perplexity"
    [model.prices]
    input = "3"
    output = "15"
    request = { price = "0.014", unit = 61 }
    "#;

fn row(id: &str, rest: &str) -> String {
    format!(
        r#"{{"request_id":"{id}","api_key":"88dc","startTime":"2026-06-01T00:00:00.5","model":"gpt-5","custom_llm_provider":"openai","spend":0.1,{rest}}}"#
    )
}

fn records_are_charged_or_named(fixture: &Fixture) {
    fixture.company_in("Acme", "USD");
    let prices = fixture.write("own.toml", PRICES);
    fixture.json(&["prices", "import", prices.to_str().unwrap()]);
    let counts = r#""total_tokens":1200000,"prompt_tokens":1000000,"completion_tokens":200000"#;
    let nothing = r#""total_tokens":0,"prompt_tokens":0,"completion_tokens":0"#;
    let rows = [
        // 400,000 × 1.25 + 600,000 × 0.125 + 200,000 × 10
        row(
            "r-1",
            &format!(
                r#"{counts},"metadata":{{"usage_object":{{"cache_read_input_tokens":600000,"prompt_tokens_details":{{"cached_tokens":0}}}}}}"#
            ),
        ),
        row("r-2", &format!(r#"{counts},"metadata":{{"usage_object":{{"odd_tokens":7}}}}"#)),
        row("r-3", &format!(r#"{counts},"metadata":{{"usage_object":{{"odd_tokens":8}}}}"#)),
        row("r-4", nothing),
        row("r-5", &format!(r#"{counts},"cache_hit":"True""#)),
        // 0.014 for the request, 1,000,000 × 3, 200,000 × 15
        row("r-6", counts).replace("gpt-5", "sonar-pro").replace("openai", "perplexity"),
        row(
            "r-1",
            &format!(r#"{counts},"metadata":{{"usage_object":{{"cache_read_input_tokens":600000}}}}"#),
        ),
    ];
    let rows = fixture.write("rows.jsonl", rows.join("\n")).to_str().unwrap().to_owned();
    let import = [
        "usage",
        "import",
        &rows,
        "--mapping",
        "litellm",
        "--set",
        "company_id=1",
        "--set",
        "organization_id=1",
    ];
    let (report, error) = fixture.refused(&import);
    let numbers = |report: &Value| {
        ["Read", "Charged", "Unpriced", "Duplicate", "Refused", "Skipped"]
            .map(|name| report[name].as_i64().unwrap())
    };
    assert_eq!(numbers(&report), [6, 2, 1, 1, 2, 1], "{report}");
    assert!(error.contains(
        "rows.jsonl:2: metadata.usage_object.odd_tokens: is 7, and the mapping does not account for it"
    ));
    assert_eq!(
        report["RefusedBy"],
        json!([{"Reason": "metadata.usage_object.odd_tokens: is N, and the mapping does not account for it", "Records": 2}])
    );
    assert_eq!(
        report["UnpricedBy"],
        json!([{"Reason": "SKU \"request\" of model \"gpt-5\" has no price", "Records": 1}])
    );
    assert_eq!(report["SkippedBy"], json!([{"Name": "responses from LiteLLM's cache", "Records": 1}]));
    assert_eq!(report["UnknownCounts"], json!([]));
    fixture.json(&["settle"]);
    let shown = fixture.json(&["account", "show", "--company", "1"]);
    // 2.575 + 6.014
    assert_eq!(shown["ArrearsAmount"], "8.589", "{shown}");
    let report = fixture.json(&[&import[..], &["--unknown-counts", "warn"]].concat());
    assert_eq!(numbers(&report), [6, 2, 0, 4, 0, 1], "{report}");
    assert_eq!(report["UnknownCounts"], json!([{"Name": "metadata.usage_object.odd_tokens", "Records": 2}]));
    let free = fixture.json(&["usage", "free"]);
    assert_eq!(free["Records"], json!([]));
}

fn an_import_that_reads_nothing_fails(fixture: &Fixture) {
    fixture.company_in("Acme", "USD");
    let span = r#"{"name":"GET","context":{"trace_id":"1","span_id":"2"},"end_time":"2026-06-01T00:00:00Z","attributes":{"http.request.method":"GET"}}"#;
    for (name, text, skipped) in [
        ("spans.jsonl", span.to_owned(), 1),
        ("spans.json", format!("[\n{span},\n{span}]"), 2),
        ("empty.jsonl", String::new(), 0),
    ] {
        let file = fixture.write(name, text).to_str().unwrap().to_owned();
        let mut import = vec!["usage", "import", &file, "--mapping", "otel"];
        import.extend(["--set", "company_id=1", "--set", "organization_id=1", "--set", "resource_id=k"]);
        let (report, error) = fixture.refused(&import);
        assert!(error.contains("no record was read"), "{error}");
        assert_eq!((&report["Read"], &report["Skipped"]), (&json!(0), &json!(skipped)), "{report}");
    }
}
