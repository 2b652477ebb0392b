//! Real usage is imported with mappings and priced by the published list. The number of orders and their exact total
//! must equal those of an independent computation with fractions.

use serde_json::Value;

use tollbook_testkit::shared_data;

use crate::program::{Fixture, on_each_database, steps};
use crate::python::python;

on_each_database! {
    the_azure_trace_equals_the_sum_of_fractions
    servegen_equals_the_sum_of_fractions
}

/// Creates a company in dollars with an organization and a deposit.
fn company(fixture: &Fixture, prices: &str, deposit: &str) {
    assert_eq!(fixture.json(&["company", "add", "--name", "Acme", "--currency", "USD"])["CompanyID"], 1);
    fixture.json(&["organization", "add", "--company", "1", "--name", "Main"]);
    let list = fixture.json(&["prices", "import", prices]);
    assert!(list["Added"].as_i64() > Some(10_000), "{list}");
    assert_eq!(fixture.json(&["prices", "import", prices])["Unchanged"], list["Prices"]);
    let deposit =
        ["account", "deposit", "--company", "1", "--kind", "cash", "--amount", deposit, "--key", "k"];
    fixture.json(&deposit);
}

/// Compares the number of orders and their total in the ledger with the expected ones.
fn assert_charged(fixture: &Fixture, expected: &Value) {
    let shown = fixture.json(&["account", "show", "--company", "1"]);
    assert_eq!((&shown["ArrearsOrders"], &shown["PendingAmount"]), (&0.into(), &"0.00".into()));
    let limit = "1000000";
    let ledger = fixture.json(&["account", "ledger", "--company", "1", "--limit", limit]);
    let entries = ledger["Entries"].as_array().unwrap();
    let deducted = entries.iter().filter(|entry| entry["Cause"] == "deduction");
    let amount = |entry: &Value| {
        let text = entry["Amount"].as_str().unwrap();
        steps(&text.strip_prefix('-').unwrap().into())
    };
    let (mut orders, mut total) = (0, 0);
    for entry in deducted {
        orders += 1;
        total += amount(entry);
    }
    assert_eq!((orders, total), (expected["Orders"].as_i64().unwrap(), steps(&expected["Total"])));
    fixture.assert_verified(orders);
}

fn the_azure_trace_equals_the_sum_of_fractions(fixture: &Fixture) {
    let Some(shared) = shared_data("") else { return };
    let path = |name: &str| shared.join("data").join(name).to_str().unwrap().to_owned();
    let prices = path("genai-prices/data.json");
    company(fixture, &prices, "200.00");
    let traces = ["code", "conv"].map(|trace| {
        let file = path(&format!("azure-llm-2023/AzureLLMInferenceTrace_{trace}.csv"));
        (trace, file)
    });
    for repeated in [false, true] {
        for (trace, file) in &traces {
            let source = format!("source=azure/{trace}");
            // The two services of the company are separate resources.
            let resource = format!("resource_id={trace}");
            let mut arguments = vec!["usage", "import", file, "--mapping", "azure-llm-2023"];
            for constant in ["company_id=1", "organization_id=1", "model_id=gpt-4o", &source, &resource] {
                arguments.extend(["--set", constant]);
            }
            let report = fixture.json(&arguments);
            let rows = if *trace == "code" { 8_819 } else { 19_366 };
            let (new, known) = if repeated { (0, rows) } else { (rows, 0) };
            assert_eq!((&report["Charged"], &report["Duplicate"]), (&new.into(), &known.into()), "{report}");
            assert_eq!(report["OrdersPaid"], if repeated { 0 } else { 4 });
        }
    }
    let [(_, code), (_, conv)] = &traces;
    let expected = python("charges.py", &["azure", &prices, "openai", "gpt-4o", code, conv], &[]);
    assert_eq!(expected["Total"], "144.40022000");
    assert_charged(fixture, &expected);
}

/// The built-in mapping, with model names of the price list.
const MAPPING: &str = r#"
[record]
id = "{model}-{client}-{window_start_s}"
source = "servegen"
company_id = "1"
organization_id = "1"
resource_id = "{model}-{client}"
model_id = "{model}"
product_code = "modelverse"
[time]
seconds = "1764547200 + window_start_s"
[quantities]
input = "requests * mean_input_tokens"
output = "requests * mean_output_tokens"
[skip]
when_empty = ["mean_output_tokens"]
when = { model = ["deepseek-r1", "mm-image"] }
[models]
m-large = "gpt-4o"
m-mid = "gpt-4o-mini"
m-small = "gpt-4.1-nano"
"#;

fn servegen_equals_the_sum_of_fractions(fixture: &Fixture) {
    let Some(shared) = shared_data("") else { return };
    let path = |name: &str| shared.join("data").join(name).to_str().unwrap().to_owned();
    let (prices, windows) = (path("genai-prices/data.json"), path("servegen/servegen_windows.csv.gz"));
    company(fixture, &prices, "1000000.00");
    let mapping = fixture.write("servegen.toml", MAPPING);
    let report = fixture.json(&["usage", "import", &windows, "--mapping", mapping.to_str().unwrap()]);
    let mut arguments = vec!["servegen", &prices, "openai", &windows, "2025-12-01"];
    arguments.extend(["m-large=gpt-4o", "m-mid=gpt-4o-mini", "m-small=gpt-4.1-nano"]);
    let expected = python("charges.py", &arguments, &[]);
    assert_eq!((&report["Skipped"], &report["Refused"]), (&expected["Skipped"], &0.into()), "{report}");
    assert_eq!(report["OrdersPaid"], expected["Orders"]);
    assert_eq!(expected["Total"], "698228.66924910");
    assert_charged(fixture, &expected);
}
