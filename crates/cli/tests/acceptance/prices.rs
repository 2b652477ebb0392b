//! Price lists: own prices before published ones, factor and rate, service tiers, long requests, names and refusals
//! (docs/PRICES.md).

use serde_json::{Value, json};

use tollbook_testkit::shared_data;

use crate::program::{Fixture, on_each_database};

on_each_database! {
    own_prices_hold_before_published_ones
    a_published_list_is_imported_at_a_factor_and_a_rate
    tiers_lengths_and_variants_have_prices_of_their_own
    meaningless_lists_orders_and_rates_are_refused
}

const OWN: &str = r#"
    currency = "USD"
    unit = 12
    [[model]]
    id = "gpt-5"
    [model.prices]
    input = "2.00"
    output = "10"
    "#;

/// A list of two models in the form of genai-prices.
const PUBLISHED: &str = r#"[{
    "id": "openai", "name": "OpenAI", "api_pattern": "x", "model_match": {"starts_with": "gpt-"},
    "models": [
        {"id": "gpt-5", "match": {"equals": "gpt-5"}, "prices": {"input_mtok": 1.25, "output_mtok": 10}},
        {"id": "gpt-4", "match": {"starts_with": "gpt-4"}, "prices": {"input_mtok": 3}}
    ]
}]"#;

fn explain(fixture: &Fixture, model: &str, more: &[&str]) -> Value {
    let fixed = ["prices", "explain", "--company", "1", "--model", model, "--sku", "input"];
    fixture.json(&[&fixed, more].concat())
}

fn import(fixture: &Fixture, file: &str, more: &[&str]) -> Value {
    fixture.json(&[&["prices", "import", file], more].concat())
}

fn own_prices_hold_before_published_ones(fixture: &Fixture) {
    fixture.company_in("Acme", "USD");
    let path = |name: &str, text: &str| fixture.write(name, text).to_str().unwrap().to_owned();
    let published = path("data.json", PUBLISHED);
    let own = path("own.toml", OWN);
    let with_provider =
        path("provider.toml", &OWN.replace("id = ", "provider = \"openai\"\nid = ").replace("2.00", "2.50"));
    // Before or after, with or without a provider.
    for (first, second, price) in
        [(&own, &published, "2.00"), (&published, &own, "2.00"), (&published, &with_provider, "2.50")]
    {
        for list in ["own", "genai-prices"] {
            // The first time there is nothing to remove.
            fixture.run(&["prices", "remove", "--list", list]);
        }
        import(fixture, first, &[]);
        let imported = import(fixture, second, &[]);
        assert_eq!(explain(fixture, "gpt-5", &["--provider", "openai"])["ListPrice"], price);
        assert_eq!(explain(fixture, "gpt-4", &["--provider", "openai"])["ListPrice"], "3.00");
        let hidden = &imported["NeverChosen"];
        if second == &published {
            assert_eq!(hidden.as_array().unwrap().len(), 1, "{hidden}");
            assert_eq!((&hidden[0]["ModelID"], &hidden[0]["Provider"]), (&json!("gpt-5"), &json!("openai")));
            assert_eq!(hidden[0]["PricingSKUs"], json!(["input", "output"]));
            assert_eq!(hidden[0]["OnlyForNames"], json!([]));
            assert_eq!(
                (&hidden[0]["HiddenBy"]["List"], &hidden[0]["HiddenBy"]["ListPrice"]),
                (&json!("own"), &json!("2.00"))
            );
        } else {
            assert_eq!(hidden, &json!([]));
        }
    }
    let text = String::from_utf8(fixture.command(&["prices", "import", &published]).output().unwrap().stderr)
        .unwrap();
    let said = "openai gpt-5 (input, output) can never be chosen for gpt-5: \"gpt-5\" of list \"own\" holds";
    assert!(!text.contains(said), "an own price of a provider hides no usage that names none: {text}");
    import(fixture, &own, &[]);
    let output = fixture.command(&["prices", "import", &published]).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.contains("openai gpt-5 (input, output) can never be chosen: \"gpt-5\" of list \"own\" holds"),
        "{text}"
    );
    let summary = String::from_utf8(output.stdout).unwrap();
    assert!(
        summary.contains("models that match names only by a part, such as their beginning: 1;"),
        "{summary}"
    );
    let explained = explain(fixture, "gpt-4-turbo", &["--provider", "openai"]);
    assert_eq!(explained["Prices"][0]["MatchedBy"], "beginning of the name");
}

fn a_published_list_is_imported_at_a_factor_and_a_rate(fixture: &Fixture) {
    fixture.company_in("Acme", "CNY");
    let published = match shared_data("data/genai-prices/data.json") {
        Some(path) => path,
        None => fixture.write("data.json", PUBLISHED),
    };
    let published = published.to_str().unwrap();
    let record = r#"{"id":"1","time":"2026-01-05T10:00:00Z","company_id":1,"organization_id":1,"resource_id":"k","provider":"openai","model_id":"gpt-5","product_code":"modelverse","quantities":{"input":1000000}}"#;
    let usage = fixture.write("usage.jsonl", record);
    import(fixture, published, &[]);
    let stored = fixture.json(&["usage", "import", usage.to_str().unwrap()]);
    assert_eq!(stored["Unpriced"], 1, "{stored}");
    let reason = fixture.json(&["usage", "unpriced"]).to_string();
    assert!(reason.contains("it is priced in USD; import the list with --rate USD="), "{reason}");
    let imported = import(fixture, published, &["--factor", "1.2", "--rate", "USD=7.10"]);
    assert_eq!((&imported["Factor"], &imported["Rate"]), (&json!("1.20"), &json!("USD=7.10")));
    assert_eq!(imported["UsageCharged"], 1, "{imported}");
    // 1.25 × 1.2 × 7.10
    let explained = explain(fixture, "gpt-5", &["--provider", "openai"]);
    assert_eq!((&explained["ListPrice"], &explained["Currency"]), (&json!("10.65"), &json!("CNY")));
    let again = import(fixture, published, &[]);
    assert_eq!(
        (&again["Factor"], &again["Changed"], &again["Added"]),
        (&json!("1.20"), &json!(0), &json!(0))
    );
    assert_eq!(import(fixture, published, &["--factor", "1"])["Rate"], "USD=7.10");
    assert_eq!(explain(fixture, "gpt-5", &["--provider", "openai"])["ListPrice"], "8.875");
    let lists = fixture.json(&["prices", "lists"]);
    assert_eq!((&lists["Lists"][0]["Rate"], &lists["Lists"][0]["Own"]), (&json!("USD=7.10"), &json!(false)));
    fixture.json(&["settle"]);
    fixture.assert_verified(1);
}

fn tiers_lengths_and_variants_have_prices_of_their_own(fixture: &Fixture) {
    fixture.company_in("Acme", "USD");
    let prices = r#"
        currency = "USD"
        unit = 12
        [[model]]
        id = "m"
        match = { starts_with = "m" }
        [model.prices]
        input = "1"
        cache_write_1h = "1"
        input_image = "1"
        [[model.variant]]
        longer_than = 200_000
        [model.variant.prices]
        input = "2"
        cache_write_1h = "2"
        input_image = "2"
        [[model.variant]]
        service_tier = "flex"
        [model.variant.prices]
        input = "0.5"
        "#;
    let file = fixture.write("own.toml", prices).to_str().unwrap().to_owned();
    import(fixture, &file, &[]);
    let record = |id: &str, model: &str, tier: &str, quantities: &str| {
        format!(
            r#"{{"id":"{id}","time":"2026-01-05T10:00:00Z","company_id":1,"organization_id":1,"resource_id":"k","model_id":"{model}","service_tier":"{tier}","product_code":"modelverse","quantities":{quantities}}}"#
        )
    };
    let records = [
        record("1", "m", "", r#"{"input":1000000}"#), // long: 2.00
        record("2", "m", "", r#"{"input":1,"cache_write_1h":200000}"#), // long: 0.400002
        record("3", "m", "default", r#"{"input":1,"input_image":200000}"#), // long: 0.400002
        record("4", "m", "", r#"{"input":1,"cache_write_1h":199999}"#), // short: 0.20
        record("5", "m", "flex", r#"{"input":1000000}"#), // 0.50
        record("6", "m", "priority", r#"{"input":1000000}"#),
        record("7", "m:free", "", r#"{"input":1000000}"#),
        record("8", "m-2", "", r#"{"input":100000}"#), // 0.10
    ];
    let usage = fixture.write("usage.jsonl", records.join("\n"));
    let stored = fixture.json(&["usage", "import", usage.to_str().unwrap()]);
    assert_eq!((&stored["Charged"], &stored["Unpriced"]), (&json!(6), &json!(2)), "{stored}");
    assert_eq!(stored["MatchedByPart"][0]["ModelID"], "m-2", "{stored}");
    assert_eq!(stored["MatchedByPart"].as_array().unwrap().len(), 1, "{stored}");
    let unpriced = fixture.json(&["usage", "unpriced"]).to_string();
    assert!(unpriced.contains(r#"no price of service tier \"priority\""#), "{unpriced}");
    assert!(
        unpriced.contains(r#"model \"m:free\" has no price in USD, and the price of the name before"#),
        "{unpriced}"
    );
    fixture.json(&["settle"]);
    let shown = fixture.json(&["account", "show", "--company", "1"]);
    // 2.00 + 0.400002 + 0.400002 + 0.20 + 0.50 + 0.10
    assert_eq!(shown["ArrearsAmount"], "3.600004", "{shown}");
    let refused = explain(fixture, "m:free", &[]);
    assert_eq!(
        (&refused["ListPrice"], &refused["Prices"][0]["Outcome"]),
        (&Value::Null, &json!("does not apply"))
    );
    let flex = explain(fixture, "m", &["--tier", "Flex"]);
    assert_eq!(flex["DiscountPrice"], "0.50");
    assert_eq!(explain(fixture, "m", &["--tokens", "200001"])["ListPrice"], "2.00");
    assert_eq!(explain(fixture, "m", &["--tokens", "200000"])["ListPrice"], "1.00");
    // The book as a price file is the same book.
    let exported = fixture.path("exported.toml");
    fixture.json(&["prices", "export", exported.to_str().unwrap()]);
    let again = import(fixture, exported.to_str().unwrap(), &[]);
    assert_eq!((&again["Unchanged"], &again["Prices"]), (&json!(7), &json!(7)), "{again}");
    let end = ["prices", "remove", "--list", "own", "--sku", "input", "--until", "2026-02-01T00:00:00Z"];
    assert_eq!(fixture.json(&end), json!({"List": "own", "Ended": 3, "Removed": 0}));
    assert_eq!(explain(fixture, "m", &["--at", "2026-01-31T23:59:59Z"])["ListPrice"], "1.00");
    assert_eq!(explain(fixture, "m", &["--at", "2026-02-01T00:00:00Z"])["ListPrice"], Value::Null);
    let (_, text) = fixture.refused(&end);
    assert!(
        text.contains("list \"own\" has no price of SKU \"input\" that holds at that time or later"),
        "{text}"
    );
    let removed = fixture.json(&["prices", "remove", "--list", "own", "--sku", "input"]);
    assert_eq!(removed["Removed"], 3);
    assert_eq!(explain(fixture, "m", &[])["Prices"], json!([]));
}

fn meaningless_lists_orders_and_rates_are_refused(fixture: &Fixture) {
    fixture.company_in("Acme", "CNY");
    let published = fixture.write("data.json", PUBLISHED).to_str().unwrap().to_owned();
    let own = fixture.write("own.toml", OWN).to_str().unwrap().to_owned();
    import(fixture, &published, &[]);
    import(fixture, &own, &[]);
    let before = (fixture.json(&["prices", "list"]), fixture.json(&["prices", "lists"]));
    // arguments | message
    let digits = "123456789012345678901234567890";
    let long_rate = format!("USD={digits}");
    let table: [(&[&str], &str); 11] = [
        (&["import", &own, "--list", "genai-prices"], "two lists cannot have one name"),
        (&["import", &published, "--list", "OWN"], "two lists cannot have one name"),
        (&["import", &published, "--list", "a,b"], "--list: must not have a comma"),
        (&["import", &published, "--rate", "CNY=0.14"], "--rate: no price of the file is in CNY"),
        (&["lists", "--order", "own,nope"], "\"nope\" is not the name of a price list"),
        (&["lists", "--order", "own,own"], "list \"own\" is named twice"),
        (&["lists", "--order", "genai-prices,own"], "list \"own\" has your own prices"),
        (&["remove", "--list", "nope"], "\"nope\" is not the name of a price list"),
        (&["remove", "--list", "own", "--model", "nope"], "list \"own\" has no price of model \"nope\""),
        (&["export", &own], "own.toml: File exists"),
        (&["explain", "--company", "7", "--model", "m", "--sku", "s"], "company 7 does not exist"),
    ];
    for (arguments, message) in table {
        let (_, text) = fixture.refused(&[&["prices"], arguments].concat());
        assert!(text.contains(message), "{arguments:?}: {text}");
    }
    for (option, value, message) in [
        ("--rate", "USD=0", "the rate must be above 0"),
        ("--rate", "USD=-7.1", "the rate must not be negative"),
        ("--rate", long_rate.as_str(), "the rate is too large"),
        ("--rate", "7.10", "must be a currency and a rate such as USD=7.10"),
        ("--factor", "0", "must be above 0"),
        ("--factor", "-1", "must not be negative"),
        ("--factor", digits, "is too large"),
    ] {
        let output = fixture.run(&["prices", "import", &published, option, value]);
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && text.contains(message), "{option} {value}: {text}");
    }
    assert_eq!((fixture.json(&["prices", "list"]), fixture.json(&["prices", "lists"])), before);
}
