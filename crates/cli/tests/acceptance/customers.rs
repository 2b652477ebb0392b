//! The customer's commands: pages and whole lists, forms of output, files (docs/CONFIGURATION.md, "Command line").

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::process::{Output, Stdio};

use serde_json::{Value, json};

use crate::program::{Company, Fixture, Server, on_each_database, steps};

on_each_database! {
    whole_lists_are_those_of_the_pages_in_every_form
}

const RANGE: [&str; 4] = ["--start", "1780272000", "--end", "1780560000"];
/// Orders in three hours, so that an hour has more orders than a page.
const ORDERS: usize = 430;

fn import(fixture: &Fixture, company: &Company) {
    let orders: Vec<String> = (0..ORDERS)
        .map(|number| {
            let start_s = 1_780_272_000 + 3_600 * (number / 150);
            json!({
                "CompanyID": company.id, "OrganizationID": 1, "OrderNo": format!("O{number:06}"), "Status": 2,
                "Region": "cn-wlcb", "ProductCode": "modelverse", "ChargeType": 102, "Channel": 1, "Currency": "CNY",
                "ResourceID": format!("key-{}", number % 5), "ResourceName": "=cmd\u{1b}[2J, \"quoted\"",
                "ModelID": "qwen-max", "ModelName": "Qwen Max", "OrderType": 102, "PricingSKU": "input",
                "Quantity": 1_234_567, "PricingUnit": 10, "ListPrice": "0.01", "DiscountPrice": "0.01",
                "OrderTotalPrice": "12345.67", "OriginalPrice": "12345.67", "CashAccount": "12345.67",
                "StartTime": start_s, "EndTime": start_s + 3_600, "PaidTime": start_s + 3_700,
            })
            .to_string()
        })
        .collect();
    fixture.write("orders.jsonl", orders.join("\n"));
    assert_eq!(fixture.json(&["orders", "import", "orders.jsonl"])["Added"], ORDERS);
}

fn ask(fixture: &Fixture, server: &Server, company: &Company, arguments: &[&str]) -> Output {
    server.customer(fixture, (&company.public_key, &company.private_key), arguments)
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn whole_lists_are_those_of_the_pages_in_every_form(fixture: &Fixture) {
    let company = fixture.company("Acme");
    import(fixture, &company);
    let server = fixture.start(&["serve"]);
    let run = |arguments: &[&str]| ask(fixture, &server, &company, &[arguments, &RANGE].concat());
    let mut pages: Vec<Value> = Vec::new();
    for page in 1..=5 {
        let answer = server.ask(
            fixture,
            &company,
            &[&["orders", "paid", "--page-size", "100", "--page", &page.to_string()], &RANGE[..]].concat(),
        );
        pages.extend(answer["Orders"].as_array().unwrap().clone());
    }
    assert_eq!(pages.len(), ORDERS);
    // JSON: one value with the orders of all pages.
    let all = server.ask(fixture, &company, &[&["orders", "paid", "--all"], &RANGE[..]].concat());
    assert_eq!((&all["Orders"], &all["Total"], &all["RetCode"]), (&json!(pages), &json!(ORDERS), &json!(0)));
    let same: Value =
        serde_json::from_str(&text(&run(&["orders", "paid", "--all", "--output", "json"]))).unwrap();
    assert_eq!(same, all);
    // CSV: the published names, and the values as they are.
    let csv = text(&run(&["orders", "paid", "--all", "--output", "csv"]));
    let lines: Vec<&str> = csv.lines().collect();
    let names: Vec<&str> = lines[0].split(',').collect();
    let published: BTreeSet<&str> = pages[0].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names.iter().copied().collect::<BTreeSet<_>>(), published);
    assert_eq!((names[0], names[4]), ("Region", "OrderNo"));
    assert_eq!(lines.len(), ORDERS + 1);
    assert!(lines[1].contains(",12345.67,") && lines[1].contains("O000429"), "{}", lines[1]);
    assert!(
        lines[1].contains("\"'=cmd\u{fffd}[2J, \"\"quoted\"\"\""),
        "no formula, no control character: {}",
        lines[1]
    );
    // A table: thousands separators, the sum, no control characters.
    let table = text(&run(&["orders", "paid", "--all"]));
    assert_eq!(table.matches("12,345.67 ").count(), ORDERS, "{table}");
    let sum: i128 = pages.iter().map(|order| steps(&order["OrderTotalPrice"])).sum();
    assert_eq!(sum, 530_863_810_000_000);
    assert!(table.contains("5,308,638.10") && table.contains("\n430 orders"), "{table}");
    assert!(!table.chars().any(|c| c.is_control() && c != '\n'));
    assert!(table.contains("Qwen Max (qwen-max)") && table.contains("Total (CNY)"), "{table}");
    // One page says where it is, and what to type for the others.
    let page = text(&run(&["orders", "paid"]));
    assert!(page.contains("page 1 of 22: 20 of 430 orders; the next: --page 2"), "{page}");
    assert!(
        page.contains("--all") && page.contains("sum of this page") && page.contains("246,913.40"),
        "{page}"
    );
    let past = text(&run(&["orders", "paid", "--page", "23"]));
    assert!(past.contains("page 23 of 22: past the end of 430 orders; the last page: --page 22"), "{past}");
    // Sums with their totals.
    let summary = text(&run(&["orders", "summary"]));
    assert!(summary.lines().last().unwrap().contains("430") && summary.contains("5,308,638.10"), "{summary}");
    let amount = text(&run(&["orders", "amount"]));
    assert!(amount.contains("TotalOrderAmount  5,308,638.10"), "{amount}");
    let csv = text(&run(&["orders", "amount", "--output", "csv"]));
    assert!(csv.contains("\nCNY,5308638.10,5308638.10,0.00,"), "{csv}");
    // A page cannot be asked for with all of them.
    assert_eq!(run(&["orders", "paid", "--all", "--page", "2"]).status.code(), Some(2));
    assert_eq!(run(&["--json", "orders", "paid", "--output", "csv"]).status.code(), Some(2));
}

#[test]
fn a_reader_who_has_enough_ends_a_list_quietly() {
    let fixture = Fixture::new();
    let company = fixture.company("Acme");
    import(&fixture, &company);
    let server = fixture.start(&["serve"]);
    for form in ["table", "csv", "json"] {
        let keys = (company.public_key.as_str(), company.private_key.as_str());
        let all = [&["orders", "paid", "--all", "--output", form], &RANGE[..]].concat();
        let mut listing = server
            .customer_command(&fixture, keys, &all)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut first = Vec::new();
        let mut reader = BufReader::with_capacity(16, listing.stdout.take().unwrap());
        reader.read_until(b'O', &mut first).unwrap();
        drop(reader);
        let ended = listing.wait_with_output().unwrap();
        assert!(ended.status.success(), "{form}: {}", String::from_utf8_lossy(&ended.stderr));
        assert_eq!(String::from_utf8_lossy(&ended.stderr), "", "{form}");
    }
}

#[test]
fn a_file_follows_its_name_and_replaces_no_other() {
    let fixture = Fixture::new();
    let company = fixture.company("Acme");
    import(&fixture, &company);
    let server = fixture.start(&["serve"]);
    let run = |arguments: &[&str]| {
        ask(&fixture, &server, &company, &[&["orders", "download", "paid"], arguments, &RANGE[..]].concat())
    };
    let first = |name: &str| std::fs::read(fixture.path(name)).unwrap()[..4].to_vec();
    for (name, magic) in [
        ("a.xlsx", &b"PK\x03\x04"[..]),
        ("a.parquet", b"PAR1"),
        ("a.csv", b"\xef\xbb\xbfR"),
        ("a.csv.gz", &[0x1f, 0x8b, 8, 0]),
        ("without-an-ending", b"PK\x03\x04"),
    ] {
        assert!(text(&run(&["--output", name])).starts_with("saved "), "{name}");
        let begins = first(name);
        assert_eq!(begins[..3], magic[..3], "{name}: {begins:?}");
    }
    // The same again is there already; another one is not replaced, and nothing is left of the attempt.
    assert!(text(&run(&["--output", "a.csv"])).starts_with("was saved before: "));
    fixture.write("a.csv", "mine");
    let refused = run(&["--output", "a.csv"]);
    let error = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(error.contains("a.csv exists and has other content; --force replaces it"), "{error}");
    assert_eq!(std::fs::read(fixture.path("a.csv")).unwrap(), b"mine");
    assert!(!fixture.path("a.csv.part").exists());
    assert!(text(&run(&["--output", "a.csv", "--force"])).starts_with("saved "));
    let saved = std::fs::read(fixture.path("a.csv")).unwrap();
    // Standard output has the file and nothing else.
    let piped = run(&["--format", "csv", "--output", "-"]);
    assert!(piped.status.success());
    assert_eq!(piped.stdout, saved);
    assert!(!fixture.path("-").exists());
    for wrong in [
        &["--output", "a.txt"][..],
        &["--output", "a.csv", "--format", "parquet"],
        &["--output", "-", "--json"],
    ] {
        assert_eq!(run(wrong).status.code(), Some(2), "{wrong:?}");
    }
}
