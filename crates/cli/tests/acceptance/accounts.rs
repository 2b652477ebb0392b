//! `account reverse` and `account adjust`, and a grant that ends while nothing else happens.

use std::time::Duration;

use serde_json::{Value, json};
use tollbook_ops::{Clock as _, SystemClock};

use crate::program::{Fixture, on_each_database};

on_each_database! {
    deposits_are_reversed_and_accounts_adjusted_by_key
    a_grant_ends_without_a_server
}

fn balances(fixture: &Fixture) -> Value {
    fixture.json(&["account", "show", "--company", "1"])["Balances"].clone()
}

fn deposit(fixture: &Fixture, kind: &str, amount: &str, key: &str, more: &[&str]) {
    let arguments =
        ["account", "deposit", "--company", "1", "--kind", kind, "--amount", amount, "--key", key];
    fixture.json(&[&arguments[..], more].concat());
}

fn deposits_are_reversed_and_accounts_adjusted_by_key(fixture: &Fixture) {
    fixture.company("Acme");
    deposit(fixture, "cash", "10000", "typed-wrongly", &[]);
    deposit(fixture, "bonus", "5", "bonus", &[]);
    let reverse = |more: &[&'static str]| {
        let reversal = ["account", "reverse", "--company", "1", "--reason", "a mistake"];
        [&reversal[..], more].concat()
    };
    let nine = reverse(&["--deposit", "typed-wrongly", "--key", "R1", "--amount", "9000"]);
    let shown = fixture.json(&[&nine[..], &["--dry-run"]].concat());
    assert_eq!((&shown["Taken"], &shown["DryRun"]), (&json!("9000.00"), &json!(true)));
    assert_eq!(balances(fixture)["Cash"], "10000.00");
    for repeated in [false, true] {
        let done = fixture.json(&nine);
        assert_eq!((&done["Taken"], &done["Owed"]), (&json!("9000.00"), &json!("0.00")));
        assert_eq!((&done["Repeated"], &done["Entries"][0]["Cause"]), (&json!(repeated), &json!("reversal")));
        assert_eq!(balances(fixture)["Cash"], "1000.00");
    }
    let adjust = |kind: &'static str, amount: &'static str, key: &'static str| {
        let adjustment =
            ["account", "adjust", "--company", "1", "--reason", "rounding", "--reference", "T-81"];
        [&adjustment[..], &["--kind", kind, amount, "--key", key]].concat()
    };
    let done = fixture.json(&adjust("cash", "--amount=-999.5", "A1"));
    assert_eq!((&done["Amount"], &done["Entries"][0]["Balance"]), (&json!("-999.50"), &json!("0.50")));
    fixture.json(&adjust("coupon", "--amount=+3", "A2"));
    let owed = fixture.json(&reverse(&["--deposit", "typed-wrongly", "--key", "R2", "--owe"]));
    assert_eq!((&owed["Taken"], &owed["Owed"]), (&json!("0.50"), &json!("999.50")));
    let expected =
        json!({"StarCard": "0.00", "Coupon": "3.00", "Bonus": "5.00", "Cash": "0.00", "Credit": "-999.50"});
    assert_eq!(balances(fixture), expected);
    for (arguments, reason) in [
        (reverse(&["--deposit", "none", "--key", "R3"]), "no deposit with the key \"none\""),
        (reverse(&["--deposit", "bonus", "--key", "R1"]), "\"R1\" belongs to another correction"),
        (reverse(&["--deposit", "bonus", "--key", "R3", "--amount", "5.01"]), "only 5.00 of the deposit"),
        (reverse(&["--deposit", "bonus", "--key", "R3", "--amount", "-1"]), "--amount: must not be negative"),
        (reverse(&["--deposit", "bonus", "--key", "R3", "--amount", "0"]), "greater than 0"),
        (
            reverse(&["--deposit", "bonus", "--key", "R3", "--amount", "1.123456789"]),
            "at most 8 decimal places",
        ),
        (reverse(&["--deposit", "bonus", "--key", ""]), "the key must not be empty"),
        (adjust("cash", "--amount=0.00", "A3"), "must not be 0"),
        (adjust("cash", "--amount=-0.01", "A3"), "only 0.00 to take"),
        (adjust("cash", "--amount=--5", "A3"), "--amount: must not be negative"),
        (adjust("cash", "--amount=5,00", "A3"), "--amount: must be a plain decimal"),
        (adjust("cash", "--amount=99999999999999999999", "A3"), "--amount: is too large"),
        (adjust("cash", "--amount=5", "A1"), "\"A1\" belongs to another correction"),
    ] {
        let (value, _) = fixture.refused(&arguments);
        assert!(value["Error"].as_str().unwrap().contains(reason), "{arguments:?}: {value}");
    }
    assert_eq!(fixture.run(&adjust("credit", "--amount=5", "A3")).status.code(), Some(2));
    assert_eq!(balances(fixture), expected);
    fixture.assert_verified(0);
    let text = String::from_utf8(fixture.run(&nine).stdout).unwrap();
    assert!(text.contains("9000.00 was taken back before") && text.contains("reversal"), "{text}");
}

fn a_grant_ends_without_a_server(fixture: &Fixture) {
    fixture.company("Acme");
    // The command line has the machine's clock only: the end must be in the future when the deposit is made.
    let end_s = SystemClock.now_s() + 8;
    deposit(fixture, "bonus", "5", "bonus", &["--expires", &end_s.to_string()]);
    while SystemClock.now_s() <= end_s {
        std::thread::sleep(Duration::from_millis(100));
    }
    let shown = fixture.json(&["account", "show", "--company", "1"]);
    assert_eq!((&shown["Balances"]["Bonus"], &shown["Grants"]), (&json!("0.00"), &json!([])));
    let ledger = fixture.json(&["account", "ledger", "--company", "1"]);
    let ended = &ledger["Entries"][1];
    assert_eq!((&ended["Cause"], &ended["Amount"]), (&json!("expiry"), &json!("-5.00")));
    assert_eq!((&ended["Balance"], &ended["Time"]), (&json!("0.00"), &json!(end_s)));
    fixture.assert_verified(0);
}
