//! Slips of the hand: pruning, old usage, keys of one name, and discounts and coupons that nothing can use.

use std::ffi::OsString;
use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::program::{Fixture, on_each_database};

on_each_database! {
    a_pruning_is_shown_first
    a_pruning_asks_on_a_terminal
    old_usage_needs_a_word_where_it_is_bounded
    what_nothing_can_use_is_said
    a_factor_of_one_exempts_from_a_broader_discount
}

/// Runs a command that succeeds. Returns its value and what it said on standard error.
fn said(fixture: &Fixture, arguments: &[&str]) -> (Value, String) {
    let output = fixture.run(&[&["--json"], arguments].concat());
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{arguments:?}: {error}");
    (serde_json::from_slice(&output.stdout).unwrap(), error)
}

fn write_usage(fixture: &Fixture, name: &str, id: &str, time_s: i64) {
    let record = json!({
        "id": id, "source": "test", "time": time_s, "company_id": 1, "organization_id": 1, "resource_id": "key",
        "model_id": "m", "product_code": "modelverse", "quantities": {"input": 10},
    });
    fixture.write(name, record.to_string());
}

fn write_prices(fixture: &Fixture) {
    fixture.write(
        "prices.toml",
        "currency = \"CNY\"\nunit = 10\n[[model]]\nid = \"m\"\n[model.prices]\ninput = \"1\"\n\
         [[model]]\nid = \"n\"\n[model.prices]\ninput = \"1\"\n",
    );
    fixture.json(&["prices", "import", "prices.toml"]);
}

/// A company with one paid order of 2025.
fn add_an_old_paid_order(fixture: &Fixture) {
    fixture.company("Acme");
    write_prices(fixture);
    fixture.json(&[
        "account",
        "deposit",
        "--company",
        "1",
        "--kind",
        "cash",
        "--amount",
        "100",
        "--key",
        "d",
    ]);
    write_usage(fixture, "usage.jsonl", "r-1", 1_750_000_000);
    fixture.json(&["usage", "import", "usage.jsonl"]);
}

fn a_pruning_is_shown_first(fixture: &Fixture) {
    add_an_old_paid_order(fixture);
    let prune = ["database", "prune", "--before", "2026-01-01"];
    let (shown, _) = said(fixture, &[&prune[..], &["--dry-run"]].concat());
    assert_eq!(shown, json!({"Before": "2026-01-01", "Companies": 1, "Orders": 1, "DryRun": true}));
    fixture.assert_verified(1);
    assert_eq!(fixture.run(&[&prune[..], &["--dry-run", "--yes"]].concat()).status.code(), Some(2));
    // Without a terminal there is no question; what is deleted is on standard error.
    let (pruned, error) = said(fixture, &prune);
    assert_eq!(pruned, json!({"Before": "2026-01-01", "Companies": 1, "Orders": 1}));
    assert!(error.contains("1 paid and revoked orders of 1 companies begin before 2026-01-01"), "{error}");
    fixture.assert_verified(0);
    assert_eq!(said(fixture, &[&prune[..], &["--yes"]].concat()).0["Orders"], 0);
}

/// Runs a command on a terminal of its own, with an answer typed there. Returns its exit code and the terminal's text.
fn on_a_terminal(fixture: &Fixture, arguments: &str, answer: &str) -> (Option<i32>, String) {
    let of_fixture = fixture.command(&[]);
    let environment: Vec<(OsString, OsString)> = of_fixture
        .get_envs()
        .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
        .collect();
    let mut child = Command::new("script")
        .args(["-q", "-e", "-c", &format!("'{}' {arguments}", env!("CARGO_BIN_EXE_tollbook")), "/dev/null"])
        .env_clear()
        .envs(environment)
        .env("SHELL", "/bin/sh")
        .current_dir(fixture.path(""))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut terminal = child.stdout.take().unwrap();
    let mut shown = Vec::new();
    let mut byte = [0];
    // The answer is typed when the question is there.
    while !shown.ends_with(b"[y/N] ") {
        assert_eq!(terminal.read(&mut byte).unwrap(), 1, "{}", String::from_utf8_lossy(&shown));
        shown.push(byte[0]);
    }
    let mut typing = child.stdin.take().unwrap();
    writeln!(typing, "{answer}").unwrap();
    terminal.read_to_end(&mut shown).unwrap();
    drop(typing);
    (child.wait().unwrap().code(), String::from_utf8(shown).unwrap())
}

fn a_pruning_asks_on_a_terminal(fixture: &Fixture) {
    add_an_old_paid_order(fixture);
    let prune = "database prune --before 2026-01-01";
    let (code, shown) = on_a_terminal(fixture, prune, "n");
    assert!(code == Some(1) && shown.contains("nothing was deleted"), "{code:?}: {shown}");
    fixture.assert_verified(1);
    let (code, shown) = on_a_terminal(fixture, prune, "y");
    assert!(code == Some(0) && shown.contains("1 paid and revoked orders"), "{code:?}: {shown}");
    fixture.assert_verified(0);
}

fn old_usage_needs_a_word_where_it_is_bounded(fixture: &Fixture) {
    fixture.company("Acme");
    write_usage(fixture, "old.jsonl", "r-1", 1_650_000_000);
    fixture.write("bounded.toml", "[charging]\nimport_past_s = 31622400\n");
    let bounded = ["usage", "import", "old.jsonl", "--config", "bounded.toml"];
    let (refused, error) = fixture.refused(&bounded);
    assert_eq!((&refused["Accepted"], &refused["Refused"]), (&json!(0), &json!(1)));
    assert!(error.contains("time: is too far in the past") && error.contains("--allow-old"), "{error}");
    let (accepted, error) = said(fixture, &[&bounded[..], &["--allow-old"]].concat());
    assert_eq!(accepted["Accepted"], 1);
    assert!(error.contains("1 records are older than 366 days, the oldest of 2022-04-15"), "{error}");
    // Without a bound, any age is accepted and said.
    write_usage(fixture, "old.jsonl", "r-2", 1_650_000_000);
    let (accepted, error) = said(fixture, &["usage", "import", "old.jsonl"]);
    assert_eq!(accepted["Accepted"], 1);
    assert!(error.contains("1 records are older than 366 days"), "{error}");
}

fn what_nothing_can_use_is_said(fixture: &Fixture) {
    fixture.company("Acme");
    write_prices(fixture);
    let key = ["operator-key", "add", "--name", "gateway"];
    assert_eq!(said(fixture, &key).1, "");
    assert!(said(fixture, &key).1.contains("1 other enabled keys have the name \"gateway\""));
    fixture.json(&["operator-key", "disable", "gateway"]);
    assert_eq!(said(fixture, &key).1, "", "disabled keys do not count");
    let discount = ["discount", "set", "--company", "1", "--factor", "0.5", "--model"];
    assert_eq!(said(fixture, &[&discount[..], &["m"]].concat()).1, "");
    let (value, error) = said(fixture, &[&discount[..], &["no-such-model"]].concat());
    assert!(error.contains("no price and no order has the model \"no-such-model\""), "{error}");
    assert_eq!(value["Factor"], "0.50", "the discount is set all the same");
    let coupon = ["account", "deposit", "--company", "1", "--kind", "coupon", "--amount", "5", "--key"];
    let known = ["a", "--model", "m", "--product", "modelverse"];
    assert_eq!(said(fixture, &[&coupon[..], &known].concat()).1, "");
    let unknown = ["b", "--model", "m", "--model", "typo", "--product", "nothing"];
    let (value, error) = said(fixture, &[&coupon[..], &unknown].concat());
    assert!(error.contains("model \"typo\", product \"nothing\""), "{error}");
    assert_eq!(value["Repeated"], false);
}

fn a_factor_of_one_exempts_from_a_broader_discount(fixture: &Fixture) {
    fixture.company("Acme");
    write_prices(fixture);
    let price = |model: &str| {
        let explain = ["prices", "explain", "--company", "1", "--model", model, "--sku", "input"];
        fixture.json(&explain)["DiscountPrice"].as_str().unwrap().to_owned()
    };
    let set = |more: &[&str]| fixture.json(&[&["discount", "set", "--company", "1"], more].concat());
    set(&["--factor", "0.8"]);
    assert_eq!([price("m"), price("n")], ["0.80", "0.80"]);
    set(&["--factor", "1", "--model", "m"]);
    assert_eq!([price("m"), price("n")], ["1.00", "0.80"]);
    let listed = fixture.json(&["discount", "list"]);
    assert_eq!(listed["Discounts"][1]["Factor"], "1.00", "{listed}");
    let remove = ["discount", "remove", "--company", "1", "--model", "m"];
    assert_eq!(fixture.json(&remove)["Removed"], true);
    assert_eq!(price("m"), "0.80", "the discount of the company holds again");
    let (refused, _) = fixture.refused(&remove);
    assert!(refused["Error"].as_str().unwrap().contains("there is no such discount"), "{refused}");
    // Where there is nothing to be exempt from, the factor 1 removes as before.
    set(&["--factor", "1"]);
    assert_eq!(fixture.json(&["discount", "list"])["Discounts"], json!([]));
    assert_eq!(price("m"), "1.00");
}
