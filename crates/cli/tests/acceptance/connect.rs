//! `connect`: whom the usage of other programs belongs to, what to paste into gateways, and the log of new-api.

use serde_json::json;

use crate::program::{Fixture, finish, on_each_database};

on_each_database! {
    owners_are_stated_listed_and_removed
    the_first_record_is_reported_with_its_cost
}

fn owners_are_stated_listed_and_removed(fixture: &Fixture) {
    fixture.company("Acme");
    let map = |arguments: &[&str]| fixture.json(&[&["connect", "map"], arguments].concat());
    let one = ["--company", "1", "--organization", "1"];
    let put = |added: u8, changed: u8, unchanged: u8| json!({"Added": added, "Changed": changed, "Unchanged": unchanged});
    let team = ["add", "--source", "litellm", "--kind", "team", "--key", "team-7"];
    assert_eq!(map(&[&team[..], &one].concat()), put(1, 0, 0));
    assert_eq!(map(&[&team[..], &one, &["--resource-name", "Blue"]].concat()), put(0, 1, 0));
    assert_eq!(map(&[&["default", "--source", "litellm"], &one[..]].concat()), put(1, 0, 0));
    fixture.write(
        "map.csv",
        "source,kind,key,company_id,organization_id,resource_id\n\
         litellm,key_hash,88dc28d0,1,1,production\nlitellm,default,,1,1,\n",
    );
    assert_eq!(map(&["import", "map.csv"]), put(1, 0, 1));
    let rule = |kind: &str, key: &str, resource: &str, name: &str| {
        json!({
            "Source": "litellm", "Kind": kind, "Key": key, "CompanyID": 1, "OrganizationID": 1,
            "ResourceID": resource, "ResourceName": name,
        })
    };
    let listed = [
        rule("default", "", "", ""),
        rule("key_hash", "88dc28d0", "production", ""),
        rule("team", "team-7", "", "Blue"),
    ];
    assert_eq!(map(&["list"]), json!({"Rules": listed}));
    assert_eq!(map(&["list", "--source", "otlp"]), json!({"Rules": []}));
    map(&["remove", "--source", "litellm", "--kind", "default"]);
    assert_eq!(map(&["list"]), json!({"Rules": listed[1..]}));
    let refused = |arguments: &[&str], reason: &str| {
        let (value, _) = fixture.refused(&[&["connect", "map"], arguments].concat());
        assert_eq!(value["Error"], reason);
    };
    refused(
        &["remove", "--source", "litellm", "--kind", "default"],
        "there is no rule for default \"\" of litellm",
    );
    refused(
        &[&team[..], &["--company", "9", "--organization", "1"]].concat(),
        "company_id: company 9 does not exist",
    );
    refused(
        &[&team[..], &["--company", "1", "--organization", "9"]].concat(),
        "organization_id: company 1 has no organization 9",
    );
    fixture.write(
        "map.toml",
        "[[map]]\nsource = \"litellm\"\nkind = \"team\"\ncompany_id = 1\norganization_id = 1\n",
    );
    refused(&["import", "map.toml"], "map.toml:1: map.key: must not be empty");
    assert_eq!(map(&["list"]), json!({"Rules": listed[1..]}), "nothing was changed");
    assert_eq!(fixture.json(&["verify"])["Differences"], json!([]));
}

#[test]
fn the_lines_of_each_gateway_have_the_server_and_the_key() {
    let fixture = Fixture::new();
    fixture.company("Acme");
    for (name, lines) in [
        ("litellm", ["GENERIC_LOGGER_ENDPOINT=https://bill.example/v1/litellm", "Authorization=Bearer tbo_"]),
        ("opentelemetry", ["endpoint: https://bill.example\n", "Authorization: Bearer tbo_"]),
        ("kong", ["ingest_endpoint: https://bill.example/api/v3/openmeter/events", "api_token: tbo_"]),
        ("envoy-ai-gateway", ["value: https://bill.example\n", "Authorization=Bearer%20tbo_"]),
        ("bifrost", ["\"collector_url\": \"https://bill.example/v1/traces\"", "Bearer tbo_"]),
        ("agentgateway", ["endpoint: https://bill.example\n", "Authorization: Bearer tbo_"]),
    ] {
        let shown = fixture.json(&["connect", name, "--server", "https://bill.example/", "--add-key"]);
        let text = shown["Lines"].as_str().unwrap();
        assert!(lines.iter().all(|line| text.contains(line)), "{text}");
        let is_filled = !text.contains("{server}") && !text.contains("{key}");
        assert!(text.contains(shown["OperatorKey"].as_str().unwrap()) && is_filled, "{text}");
    }
    let keys = fixture.json(&["operator-key", "list"]);
    assert_eq!(keys["OperatorKeys"].as_array().unwrap().len(), 6);
    // Without a key there is a placeholder, and the server is the one of the configuration.
    let shown = fixture.json(&["connect", "litellm"]);
    assert_eq!((&shown["OperatorKey"], &shown["Server"]), (&json!(null), &json!("http://127.0.0.1:8080")));
    assert!(shown["Lines"].as_str().unwrap().contains("Bearer tbo_…"));
    let text = String::from_utf8(fixture.run(&["connect", "new-api"]).stdout).unwrap();
    assert!(text.contains("TOLLBOOK_NEW_API_URL='mysql://"), "{text}");
}

fn the_first_record_is_reported_with_its_cost(fixture: &Fixture) {
    fixture.company_in("Acme", "USD");
    fixture.write(
        "prices.toml",
        "currency = \"USD\"\nunit = 12\n[[model]]\nid = \"m\"\nprices = { input = \"2\", output = \"8\" }\n",
    );
    fixture.json(&["prices", "import", "prices.toml"]);
    let now = jiff::Timestamp::now();
    let report = |id: &str, source: &str| {
        let record = json!({
            "id": id, "source": source, "time": now.to_string(), "company_id": 1, "organization_id": 1,
            "resource_id": "k", "model_id": "m", "product_code": "modelverse",
            "quantities": {"input": 1_000, "output": 25},
        });
        fixture.write("usage.jsonl", record.to_string());
        fixture.json(&["usage", "import", "usage.jsonl"]);
    };
    report("before", "litellm");
    let mut waiting = fixture.command(&["--json", "connect", "litellm", "--wait"]);
    let mut waiting =
        waiting.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let mut errors = std::io::BufReader::new(waiting.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("waiting") {
        line.clear();
        assert!(std::io::BufRead::read_line(&mut errors, &mut line).unwrap() > 0);
    }
    report("of another", "otel");
    report("first", "litellm");
    let (_, value, _) = finish(waiting);
    let expected = json!({
        "CompanyID": 1, "Source": "litellm", "Id": "first", "ModelID": "m", "ResourceID": "k",
        "Pricing": "charged", "Cost": "0.0022", "Currency": "USD",
    });
    assert_eq!(value["FirstRecord"], expected);
}
