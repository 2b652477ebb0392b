//! What an operator looks at: `status`, the lists of all companies, previews of price lists, names that are misspelt.

use serde_json::{Value, json};

use crate::program::{Fixture, on_each_database, steps};

on_each_database! {
    what_needs_a_person_is_stated_and_listed
    an_import_of_prices_is_shown_first
}

const PRICES: &str = "currency = \"CNY\"\nunit = 12\n[[model]]\nid = \"gpt-5\"\n[model.prices]\ninput = \"2\"\noutput = \"10\"\n";

fn used(company: i64, id: &str, model: &str, quantities: &Value) -> String {
    json!({
        "id": id, "source": "test", "time": 1_780_272_000, "company_id": company, "organization_id": 1,
        "resource_id": "key", "model_id": model, "product_code": "modelverse", "region": "us-ca",
        "quantities": quantities,
    })
    .to_string()
}

fn text(fixture: &Fixture, arguments: &[&str]) -> String {
    String::from_utf8(fixture.run(arguments).stdout).unwrap()
}

fn what_needs_a_person_is_stated_and_listed(fixture: &Fixture) {
    let (owing, rich) = (fixture.company("Owing"), fixture.company("Rich"));
    fixture.write("prices.toml", PRICES);
    fixture.json(&["prices", "import", "prices.toml"]);
    let deposit =
        ["account", "deposit", "--company", "2", "--kind", "cash", "--amount", "1000", "--key", "k"];
    fixture.json(&deposit);
    assert_eq!(fixture.json(&["status"])["NeedsAttention"], false);
    assert!(text(fixture, &["status"]).starts_with("nothing needs a person"));
    // 3 million input tokens at 2.00 for each company; the model `gpt-5x` has no price.
    let tokens = json!({"input": 3_000_000});
    let records = [
        used(owing.id, "a", "gpt-5", &tokens),
        used(rich.id, "b", "gpt-5", &tokens),
        used(rich.id, "c", "gpt-5x", &json!({"input": 4_000_000, "output": 500_000, "cache_read": 7})),
    ];
    fixture.write("usage.jsonl", records.join("\n"));
    fixture.json(&["usage", "import", "usage.jsonl"]);
    let (status, error) = fixture.refused(&["status"]);
    assert!(error.contains("something needs a person"), "{error}");
    // 4 × 2.00 + 0.5 × 10.00; the nearest model has no price of cached tokens.
    let model = &status["UnpricedModels"][0];
    assert_eq!(model["AtRisk"], json!([{"Currency": "CNY", "Amount": "13.00", "Without": ["cache_read"]}]));
    let summary = fixture.json(&["usage", "unpriced", "--summary"]);
    assert_eq!(&summary["Models"][0], model);
    let account = &status["Accounts"][0];
    assert_eq!((&account["CompanyID"], &account["ArrearsAmount"]), (&json!(owing.id), &json!("6.00")));
    assert_eq!(status["Accounts"].as_array().unwrap().len(), 1, "the other one is well");
    let shown = text(fixture, &["status"]);
    for part in ["13.00 CNY and more", "gpt-5x", "Owing", "tollbook usage unpriced --summary"] {
        assert!(shown.contains(part), "{part} is not in {shown}");
    }
    // The list of accounts has the sums of each account.
    let listed = fixture.json(&["account", "list"]);
    for account in listed["Accounts"].as_array().unwrap() {
        let company = account["CompanyID"].to_string();
        let shown = fixture.json(&["account", "show", "--company", &company]);
        for member in
            ["AvailableAmount", "ArrearsAmount", "ArrearsOrders", "PendingAmount", "CreditLimit", "Currency"]
        {
            assert_eq!(account[member], shown[member], "{company} {member}");
        }
    }
    let names = |arguments: &[&str]| -> Vec<String> {
        let listed = fixture.json(&[&["account", "list"], arguments].concat());
        listed["Accounts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|a| a["Name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names(&[]), ["Owing", "Rich"]);
    assert_eq!(names(&["--in-arrears"]), ["Owing"]);
    assert!(names(&["--runs-dry"]).is_empty());
    // The balance below which a company wants to be warned counts as well.
    fixture.json(&["account", "low-balance", "--company", "2", "--amount", "5000"]);
    assert_eq!(names(&["--runs-dry"]), ["Rich"]);
    let csv = text(fixture, &["account", "list", "--output", "csv"]);
    assert!(csv.starts_with("ArrearsAmount,") && csv.contains("Rich") && csv.contains("994.00"), "{csv}");
    assert!(text(fixture, &["account", "list"]).contains("994.00"));
    // Orders of all companies, by status and by any number; the reason of a revocation is with it.
    let all = fixture.json(&["orders", "list"]);
    assert_eq!(all["Total"], 2);
    let total: i128 =
        all["Orders"].as_array().unwrap().iter().map(|order| steps(&order["OrderTotalPrice"])).sum();
    assert_eq!(total, 1_200_000_000);
    let unpaid = fixture.json(&["orders", "list", "--status", "1"]);
    let order = &unpaid["Orders"][0];
    assert_eq!((&unpaid["Total"], &order["CompanyName"]), (&json!(1), &json!("Owing")));
    let (number, source) = (order["OrderNo"].as_str().unwrap(), order["SourceOrderNo"].as_str().unwrap());
    assert_ne!(number, source);
    fixture.json(&["orders", "revoke", "--company", "1", "--reason", "a gift", number]);
    for number in [number, source] {
        let found = fixture.json(&["orders", "list", "--company", "1", number]);
        assert_eq!((&found["Total"], &found["Orders"][0]["RevocationReason"]), (&json!(1), &json!("a gift")));
        // Two companies may have the same number.
        let of_all = fixture.json(&["orders", "list", number]);
        assert!(of_all["Orders"].as_array().unwrap().contains(&found["Orders"][0]), "{of_all}");
    }
    assert!(text(fixture, &["orders", "list", "--status", "3"]).contains("a gift"));
    assert_eq!(fixture.json(&["orders", "list", "--company", "2", "--model", "gpt-5"])["Total"], 1);
    assert_eq!(fixture.json(&["orders", "list", "--to", "1780272000"])["Total"], 0);
    let limited = fixture.json(&["orders", "list", "--limit", "1"]);
    assert_eq!((limited["Orders"].as_array().unwrap().len(), &limited["Total"]), (1, &json!(2)));
    let (_, error) = fixture.refused(&["orders", "list", "O-unknown"]);
    assert!(error.contains("no company has an order with the number O-unknown"), "{error}");
    assert_eq!(fixture.json(&["company", "list", "--name", "OWI"])[0]["CompanyID"], 1);
    assert_eq!(fixture.json(&["company", "list", "--brand", "other"]), json!([]));
}

fn an_import_of_prices_is_shown_first(fixture: &Fixture) {
    fixture.company("Acme");
    fixture.write("prices.toml", PRICES);
    let preview = fixture.json(&["prices", "import", "prices.toml", "--dry-run"]);
    assert_eq!((&preview["Added"], &preview["DryRun"]), (&json!(2), &json!(true)));
    assert_eq!(fixture.json(&["prices", "list"])["Prices"], json!([]));
    assert_eq!(fixture.json(&["audit", "list", "--act", "prices"])["Entries"], json!([]));
    fixture.json(&["prices", "import", "prices.toml"]);
    let before = fixture.json(&["prices", "list"]);
    fixture.write("other.toml", PRICES.replace("\"2\"", "\"2.5\""));
    let preview = fixture.json(&["prices", "import", "other.toml", "--dry-run"]);
    assert_eq!(
        (&preview["Changed"], &preview["Unchanged"], &preview["Added"]),
        (&json!(1), &json!(1), &json!(0))
    );
    let changes = preview["Changes"].as_array().unwrap();
    assert_eq!(changes.len(), 1);
    assert_eq!(
        (&changes[0]["Before"]["ListPrice"], &changes[0]["After"]["ListPrice"]),
        (&json!("2.00"), &json!("2.50"))
    );
    assert_eq!(fixture.json(&["prices", "list"]), before, "nothing was changed");
    let shown = text(fixture, &["prices", "import", "other.toml", "--dry-run"]);
    assert!(shown.contains("nothing was changed; it would be") && shown.contains("2.50"), "{shown}");
    // What the import does then is what was shown.
    let done = fixture.json(&["prices", "import", "other.toml"]);
    for member in ["Prices", "Added", "Changed", "Unchanged", "NotStated", "NeverChosen", "Rounded"] {
        assert_eq!(done[member], preview[member], "{member}");
    }
    // What an export has written is read back to the same prices.
    fixture.json(&["prices", "export", "exported.toml"]);
    let again = fixture.json(&["prices", "import", "exported.toml", "--dry-run"]);
    assert_eq!((&again["Unchanged"], &again["Changes"]), (&json!(2), &json!([])));
}

#[test]
fn a_misspelt_mapping_is_answered_with_the_names() {
    let fixture = Fixture::new();
    fixture.company("Acme");
    fixture.write("usage.jsonl", "{}");
    let (value, error) = fixture.refused(&["usage", "import", "usage.jsonl", "--mapping", "opnai-usage"]);
    for part in ["did you mean openai-usage?", "anthropic-batch", "servegen"] {
        assert!(value["Error"].as_str().unwrap().contains(part) && error.contains(part), "{error}");
    }
    let (value, _) = fixture.refused(&["usage", "import", "usage.jsonl", "--mapping", "./missing.toml"]);
    assert!(value["Error"].as_str().unwrap().contains("./missing.toml"), "{value}");
}

#[test]
fn completions_and_manual_pages_name_every_command() {
    let fixture = Fixture::new();
    for (shell, begins) in
        [("bash", "_tollbook()"), ("zsh", "#compdef tollbook"), ("fish", "complete -c tollbook")]
    {
        let script = text(&fixture, &["completions", shell]);
        assert!(
            script.contains(begins) && script.contains("unpriced") && script.contains("page-size"),
            "{shell}"
        );
    }
    assert_eq!(fixture.run(&["completions", "tcsh"]).status.code(), Some(2));
    let pages = fixture.json(&["man", "pages"])["Pages"].as_u64().unwrap();
    assert!(pages > 60, "{pages}");
    let page = std::fs::read_to_string(fixture.path("pages/tollbook-orders-paid.1")).unwrap();
    assert!(page.contains("TOLLBOOK_PRIVATE_KEY") && page.contains("\\-\\-all"), "{page}");
    assert!(!page.contains("read\\-database"), "options of operators are not in it");
    assert!(!fixture.data().exists(), "neither opens a deployment");
}
