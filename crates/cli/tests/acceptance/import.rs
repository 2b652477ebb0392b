//! `orders import` while a server runs is idempotent, and stores a file completely or not at all.

use std::io::Write as _;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::program::{Company, Fixture, on_each_database};

/// One paid order as a line of an order file.
pub(crate) fn paid(company: &Company, number: i64, start_s: i64, quantity: i64) -> Value {
    // Prices are per thousand tokens, so amounts are exact in 10⁻⁸ for any quantity.
    let price = |thousandths: i64| {
        let steps = quantity * thousandths * 100;
        format!("{}.{:08}", steps / 100_000_000, steps % 100_000_000)
    };
    json!({
        "CompanyID": company.id, "OrganizationID": 1, "OrderNo": format!("O{number:07}"), "Status": 2,
        "Region": "cn-wlcb", "ProductCode": "modelverse", "ChargeType": 102, "Channel": 1, "Currency": "CNY",
        "ResourceID": format!("key-{}", number % 3), "ModelID": "m", "OrderType": 102, "PricingSKU": "input",
        "Quantity": quantity, "PricingUnit": 11, "ListPrice": "0.004", "DiscountPrice": "0.003",
        "OrderTotalPrice": price(3), "OriginalPrice": price(4), "StartTime": start_s, "EndTime": start_s + 3600,
        "PaidTime": start_s + 3700, "CashAccount": price(3),
    })
}

pub(crate) fn lines(orders: impl IntoIterator<Item = Value>) -> String {
    let mut text = String::new();
    for order in orders {
        text += &order.to_string();
        text.push('\n');
    }
    text
}

fn some(company: &Company, count: i64) -> String {
    lines((0..count).map(|n| paid(company, n, 1_760_000_400 + n * 3_600, n * 1_234)))
}

on_each_database! {
    an_import_is_idempotent_and_visible_to_a_running_server_at_once
    an_invalid_line_is_reported_and_nothing_is_stored_unless_it_is_skipped
    a_corrupt_or_truncated_file_changes_nothing
    orders_are_imported_as_they_were_billed
}

fn an_import_is_idempotent_and_visible_to_a_running_server_at_once(fixture: &Fixture) {
    let company = fixture.company("Acme");
    let server = fixture.start(&["serve"]);
    fixture.write("orders.jsonl", some(&company, 50));
    let first = fixture.json(&["orders", "import", "orders.jsonl"]);
    assert_eq!((&first["Read"], &first["Added"], &first["Present"]), (&json!(50), &json!(50), &json!(0)));
    let range = ["--start", "1760000000", "--end", "1790000000"];
    let listed = server.ask(fixture, &company, &[&["orders", "paid"], &range[..]].concat());
    assert_eq!(listed["Total"], 50);
    assert_eq!(listed["Orders"][0]["OrderNo"], "O0000049");
    assert_eq!(listed["Orders"][0]["ProjectId"], Value::Null);
    assert!(company.project_id.starts_with("org-"));
    let again = fixture.json(&["orders", "import", "orders.jsonl"]);
    assert_eq!((&again["Added"], &again["Present"]), (&json!(0), &json!(50)));
    // Import from standard input.
    let mut child = fixture
        .command(&["--json", "orders", "import", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(some(&company, 60).as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["Added"], &report["Present"]), (&json!(10), &json!(50)));
    fixture.assert_verified(60);
}

fn an_invalid_line_is_reported_and_nothing_is_stored_unless_it_is_skipped(fixture: &Fixture) {
    let company = fixture.company("Acme");
    let mut bad = paid(&company, 7, 1_760_000_400, 1_000);
    bad["OrderTotalPrice"] = json!("0.004");
    fixture.write("orders.jsonl", some(&company, 5) + &lines([bad]) + "not json\n");
    let (report, error) = fixture.refused(&["orders", "import", "orders.jsonl"]);
    assert_eq!((&report["Added"], &report["Invalid"]), (&json!(0), &json!(2)));
    assert!(error.contains("orders.jsonl:6: OrderTotalPrice: is 0.004, expected 0.003"), "{error}");
    assert!(error.contains("orders.jsonl:7: "), "{error}");
    assert_eq!(report["Errors"][0]["Line"], 6);
    fixture.assert_verified(0);
    let report = fixture.json(&["orders", "import", "--skip-invalid", "orders.jsonl"]);
    assert_eq!((&report["Added"], &report["Invalid"]), (&json!(5), &json!(2)));
    fixture.assert_verified(5);
}

/// Orders as a service bills them that rounds each up to 0.01: 196 tokens at 0.0000021.
fn orders_are_imported_as_they_were_billed(fixture: &Fixture) {
    let company = fixture.company("Acme");
    let billed = |number: i64, amount: &str| {
        let mut order = paid(&company, number, 1_760_000_400, 196);
        for (name, value) in [("ListPrice", "0.0000021"), ("DiscountPrice", "0.0000021")] {
            order[name] = json!(value);
        }
        for name in ["OrderTotalPrice", "OriginalPrice", "CashAccount"] {
            order[name] = json!(amount);
        }
        order["PricingUnit"] = json!(10);
        order["ResourceName"] = json!("客服助手");
        order
    };
    fixture.write("orders.jsonl", lines([billed(1, "0.01"), billed(2, "0.0004116"), billed(3, "0.02")]));
    let (report, error) = fixture.refused(&["orders", "import", "orders.jsonl"]);
    assert_eq!((&report["Added"], &report["Invalid"]), (&json!(0), &json!(2)));
    assert!(error.contains("orders.jsonl:1: OriginalPrice: is 0.01, expected 0.0004116"), "{error}");
    assert!(error.contains("orders.jsonl:3: OriginalPrice: is 0.02, expected 0.0004116"), "{error}");
    fixture.assert_verified(0);
    let report = fixture.json(&["orders", "import", "--as-billed", "orders.jsonl"]);
    assert_eq!((&report["Added"], &report["Invalid"]), (&json!(3), &json!(0)));
    fixture.assert_verified(3);
    // The project is renamed; orders that were billed keep its name.
    let named =
        fixture.json(&["organization", "set", "--company", "1", "--organization", "1", "--name", "研发"]);
    assert_eq!(named, json!({"CompanyID": 1, "OrganizationID": 1, "Name": "研发"}));
    fixture.write("more.jsonl", lines([billed(4, "0.01")]));
    fixture.write("tollbook.toml", "[brand.default]\nrounding = \"cent_up\"\n");
    let report = fixture.json(&["orders", "import", "--config", "tollbook.toml", "more.jsonl"]);
    assert_eq!(report["Added"], 1);
    // The same file again, after the renaming: nothing is new.
    let report = fixture.json(&["orders", "import", "--as-billed", "orders.jsonl"]);
    assert_eq!((&report["Added"], &report["Present"]), (&json!(0), &json!(3)));
    fixture.assert_verified(4);
    let server = fixture.start(&["serve"]);
    let range = ["--start", "1760000000", "--end", "1790000000"];
    let listed = server.ask(fixture, &company, &[&["orders", "paid"], &range[..]].concat());
    let orders: Vec<_> = listed["Orders"]
        .as_array()
        .unwrap()
        .iter()
        .map(|order| ["OrderNo", "OrderTotalPrice", "ResourceName"].map(|name| order[name].as_str().unwrap()))
        .collect();
    assert_eq!(
        orders,
        [
            ["O0000004", "0.01", "客服助手"],
            ["O0000003", "0.02", "客服助手"],
            ["O0000002", "0.0004116", "客服助手"],
            ["O0000001", "0.01", "客服助手"],
        ]
    );
    let names: Vec<&Value> =
        listed["Orders"].as_array().unwrap().iter().map(|order| &order["OrganizationName"]).collect();
    assert!(names[0] == "研发" && names[1..].iter().all(|name| *name != "研发"), "{names:?}");
    let options = server.ask(fixture, &company, &["orders", "options"]);
    assert_eq!(options["Projects"], json!([{"Name": "研发", "Value": 1}]));
}

fn a_corrupt_or_truncated_file_changes_nothing(fixture: &Fixture) {
    let company = fixture.company("Acme");
    let text = some(&company, 4_000);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    fixture.write("cut.jsonl.gz", &gzip[..gzip.len() * 2 / 3]);
    let mut damaged = gzip.clone();
    damaged[gzip.len() / 2] ^= 0x55;
    fixture.write("damaged.jsonl.gz", damaged);
    fixture.write("cut.jsonl", &text[..text.len() - 40]);
    for file in ["cut.jsonl.gz", "damaged.jsonl.gz", "cut.jsonl", "missing.jsonl", "orders.txt"] {
        let (_, error) = fixture.refused(&["orders", "import", file]);
        assert!(error.contains(file), "{file}: {error}");
    }
    fixture.assert_verified(0);
    fixture.write("whole.jsonl.gz", gzip);
    assert_eq!(fixture.json(&["orders", "import", "whole.jsonl.gz"])["Added"], 4_000);
    fixture.assert_verified(4_000);
}
